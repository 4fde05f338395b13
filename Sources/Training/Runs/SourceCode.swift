import Files
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
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path
    guard let outcome = try? Subprocess.outcome(of: ["git", "-C", folder] + arguments),
      outcome.status == 0
    else { return nil }
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The program's command line, as a user would repeat it.
var commandLine: String {
  let words = CommandLine.arguments.dropFirst().map { $0.contains(" ") ? "'\($0)'" : $0 }
  return (["swift run \(TrainingChapter.current.program)"] + words).joined(separator: " ")
}
