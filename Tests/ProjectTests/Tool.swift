import Files
import Foundation

/// Programs of the toolchain that tests run.
enum Tool {
  /// The place of a program on PATH, or nil if there is none of this name.
  static func path(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Runs a program to its end; returns its exit status and all that it printed.
  static func run(
    _ program: String, _ arguments: [String]
  ) throws -> (status: Int32, text: String) {
    let outcome = try Subprocess.outcome(of: [program] + arguments)
    return (outcome.status, outcome.output + outcome.errors)
  }
}
