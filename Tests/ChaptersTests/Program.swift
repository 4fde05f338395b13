import Foundation
import Testing

/// A program of this package, run as a user would.
struct Program {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  let name: String

  /// Starts the program; its output goes to files in `folder`.
  func start(_ arguments: [String], in folder: String) throws -> Process {
    let process = Process()
    process.executableURL = try #require(Bundle.main.executableURL).deletingLastPathComponent()
      .appending(path: name)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder)
    var environment = ProcessInfo.processInfo.environment
    environment["CIFAR10_DIR"] = nil
    process.environment = environment
    for (file, isOutput) in [("out.txt", true), ("err.txt", false)] {
      let path = "\(folder)/\(file)"
      try Data().write(to: URL(filePath: path))
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      if isOutput { process.standardOutput = handle } else { process.standardError = handle }
    }
    try process.run()
    return process
  }

  /// Waits for the end of a process that `start` gave.
  func finish(_ process: Process, in folder: String) throws -> Outcome {
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: try String(contentsOfFile: "\(folder)/out.txt", encoding: .utf8),
      errors: try String(contentsOfFile: "\(folder)/err.txt", encoding: .utf8))
  }

  /// Runs the program to its end.
  func run(_ arguments: [String], in folder: String) throws -> Outcome {
    try finish(try start(arguments, in: folder), in: folder)
  }
}

/// Calls `body` with the path of an empty folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}
