import ArgumentParser
import Datasets
import Foundation
import Notebook

/// Fetches CIFAR-10.
struct Download: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download",
    abstract: "Fetch CIFAR-10 (170 MB), check its md5 sum and unpack it.",
    discussion: """
      A broken transfer goes on where it stopped when the command is given again. The data set is \
      then found without --data when programs run in the same folder.
      """)

  @Option(
    help: ArgumentHelp("The folder to put cifar-10-batches-bin in.", valueName: "folder"))
  var output: String = "data"

  @Option(help: ArgumentHelp("The address of a folder with the archive.", valueName: "url"))
  var mirror: String?

  func run() throws {
    let archive = mirror.map { CIFAR10.archive(base: $0) } ?? CIFAR10.archive()
    var bar: ProgressBar?
    let folder = try archive.fetch(into: output) { progress in
      switch progress {
      case .receiving(let bytes, let total):
        let shown = bar ?? ProgressBar("downloading CIFAR-10", total: total, unit: .bytes)
        shown.move(to: bytes)
        bar = shown
      case .verifying:
        bar?.finish()
        bar = nil
        print("checking the archive's md5 sum")
      case .unpacking:
        bar?.finish()
        bar = nil
        print("unpacking")
      }
    }
    print("CIFAR-10 is in \(folder)")
  }
}
