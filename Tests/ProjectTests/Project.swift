import Foundation

/// The package's own files, as text.
enum Project {
  /// The package's folder.
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A file of the package: its path from the root, and its lines.
  struct File {
    let path: String
    let lines: [String]
    var text: String { lines.joined(separator: "\n") }
  }

  /// Reads the files under `folder`, in alphabetical order, whose names end with one of `suffixes`.
  static func files(under folder: String, endingWith suffixes: [String]) throws -> [File] {
    let base = root.appending(path: folder)
    let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String }
    let chosen = (names ?? []).filter { name in suffixes.contains { name.hasSuffix($0) } }
    return try chosen.sorted().map { try file("\(folder)/\($0)") }
  }

  /// Reads one file, given its path from the root.
  static func file(_ path: String) throws -> File {
    let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
    return File(path: path, lines: text.components(separatedBy: "\n"))
  }
}
