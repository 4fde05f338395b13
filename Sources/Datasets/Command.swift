import Files
import Foundation

/// A program of the system, run to its end.
struct Command {
  let name: String
  let arguments: [String]

  /// How a command ended: its status and the last line that it wrote to standard error.
  struct Outcome {
    let status: Int32
    let complaint: String
  }

  /// Runs the command, calling `meanwhile` several times a second.
  ///
  /// - Throws: `Failure` if the program is not installed.
  func run(meanwhile: () -> Void = {}) throws(Failure) -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try path())
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardError = pipe
    do { try process.run() } catch {
      throw Failure(name, .missingTool, "cannot be started", remedy: "check its installation")
    }
    while process.isRunning {
      meanwhile()
      usleep(50_000)
    }
    process.waitUntilExit()
    meanwhile()
    let written = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
    let lines = String(decoding: written, as: UTF8.self)
      .split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    return Outcome(
      status: process.terminationStatus, complaint: lines.last { !$0.isEmpty } ?? "")
  }

  private func path() throws(Failure) -> String {
    let folders = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    for folder in folders.split(separator: ":") {
      let candidate = "\(folder)/\(name)"
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    throw Failure(
      name, .missingTool, "this program is not installed",
      remedy: "install it: sudo apt-get install -y \(name)")
  }
}
