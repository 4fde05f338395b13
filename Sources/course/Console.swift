import Foundation
import Weaving

/// The terminal, and where the course is.
enum Console {
  /// The folder that this program runs from.
  static let programFolder: URL = {
    let path = Bundle.main.executablePath ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
  }()

  /// The course that this program was built in, or else that of the current folder. Its folder
  /// becomes the current one, for the chapters to run in.
  static func course() throws(Problems) -> Course {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    let course = try Course.find(from: [programFolder, here])
    _ = FileManager.default.changeCurrentDirectoryPath(course.root.path)
    return course
  }

  /// Prints a line on standard output at once.
  static func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Prints problems on standard error, a line each.
  static func report(_ problems: [some CustomStringConvertible]) {
    clearLine()
    FileHandle.standardError.write(Data(problems.map { "\($0)\n" }.joined().utf8))
  }

  static let isTerminal = isatty(2) == 1

  /// Shows what is being done, until the next line takes its place; nothing if nobody watches.
  static func showStatus(_ text: String) {
    guard isTerminal else { return }
    FileHandle.standardError.write(Data("\r\(text.prefix(100))\u{1b}[K".utf8))
  }

  /// Takes the status away.
  static func clearLine() {
    guard isTerminal else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
  }
}

/// Shows that a build goes on: on a terminal each step, in a log one line if it takes long.
final class BuildWatch {
  private let product: String
  private let start = Date()
  private var hasSpoken = false

  init(product: String) {
    self.product = product
    Console.showStatus("building \(product) …")
  }

  func show(_ line: String) {
    Console.showStatus("building \(product): \(line)")
    guard !Console.isTerminal, !hasSpoken, -start.timeIntervalSinceNow > 3 else { return }
    hasSpoken = true
    Console.report(["building \(product) …"])
  }
}
