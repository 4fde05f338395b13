import Foundation

/// The state of the code that a program was built from.
enum SourceCode {
  /// The commit of the repository that this file is in, with `+` where files differ from it; nil
  /// where there is no repository or no git.
  static let commit: String? = {
    guard let commit = git("rev-parse", "--short=12", "HEAD"), !commit.isEmpty else { return nil }
    let changes = git("status", "--porcelain", "--untracked-files=no") ?? ""
    return commit + (changes.isEmpty ? "" : "+")
  }()

  private static func git(_ arguments: String...) -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path
    process.arguments = ["git", "-C", folder] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0
      ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
  }
}

/// The program's command line, as a user would repeat it.
var commandLine: String {
  let words = CommandLine.arguments.dropFirst().map { $0.contains(" ") ? "'\($0)'" : $0 }
  return (["swift run \(TrainingChapter.current.program)"] + words).joined(separator: " ")
}
