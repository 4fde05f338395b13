import Foundation
import Weaving

/// The terminal, and where the course is.
enum Console {
  /// The folder that this program runs from.
  static let programFolder = Course.programFile.deletingLastPathComponent()

  /// The course that this program was built in, or else that of the current folder. Its folder
  /// becomes the current one, for the chapters to run in.
  static func course() throws(Problems) -> Course {
    let course = try Course.ofProgram()
    _ = FileManager.default.changeCurrentDirectoryPath(course.root.path)
    return course
  }

  /// Prints a line on standard output at once.
  static func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Prints problems on standard error, a line each.
  static func report(_ problems: [some CustomStringConvertible]) {
    TerminalStatus.clear()
    FileHandle.standardError.write(Data(problems.map { "\($0)\n" }.joined().utf8))
  }
}

/// Shows that a build goes on: on a terminal each step, in a log one line if it takes long.
final class BuildWatch {
  private let product: String
  private let start = Date()
  private var hasSpoken = false

  init(product: String) {
    self.product = product
    TerminalStatus.show("building \(product) …")
  }

  func show(_ line: String) {
    TerminalStatus.show("building \(product): \(line)")
    guard !TerminalStatus.isShown, !hasSpoken, -start.timeIntervalSinceNow > 3 else { return }
    hasSpoken = true
    Console.report(["building \(product) …"])
  }
}
