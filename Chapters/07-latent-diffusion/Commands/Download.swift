import ArgumentParser
import Foundation

/// Fetches CIFAR-10.
struct Download: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download", abstract: "Fetch CIFAR-10 (162 MB), check it and unpack it.")

  func run() throws { throw CommandError("not here yet", remedy: "wait") }
}
