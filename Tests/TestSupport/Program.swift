import Foundation
import Testing

/// A program of this package, run as a user would.
public struct Program: Sendable {
  /// How a program ended, and what it printed.
  public struct Outcome: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
  }

  /// The name of the executable.
  public let name: String

  /// Names a program beside the tests' own.
  public init(name: String) { self.name = name }

  /// Starts the program; its output goes to files in `folder`.
  public func start(_ arguments: [String], in folder: String) throws -> Process {
    let process = Process()
    guard let tests = Bundle.main.executableURL else { throw CocoaError(.fileNoSuchFile) }
    process.executableURL = tests.deletingLastPathComponent().appending(path: name)
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
  public func finish(_ process: Process, in folder: String) throws -> Outcome {
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: try String(contentsOfFile: "\(folder)/out.txt", encoding: .utf8),
      errors: try String(contentsOfFile: "\(folder)/err.txt", encoding: .utf8))
  }

  /// Runs the program to its end.
  public func run(_ arguments: [String], in folder: String) throws -> Outcome {
    try finish(try start(arguments, in: folder), in: folder)
  }

  /// Runs the program to its end, which must be a success.
  public func succeed(_ arguments: [String], in folder: String) throws -> Outcome {
    let outcome = try run(arguments, in: folder)
    #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }
}
