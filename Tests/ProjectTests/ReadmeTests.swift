import Foundation
import TestSupport
import Testing

/// The Swift code in the READMEs compiles, and the example of the root README runs.
///
/// Every block marked `swift` is type-checked. A comment `<!-- given` … `-->` right before a block
/// holds Swift that precedes it and is not shown; `<!-- not compiled: reason -->` exempts a block.
@Suite(.serialized) struct ReadmeTests {
  struct Block {
    let place: String
    let given: String
    let code: String
    let isCompiled: Bool
  }

  @Test func exampleOfTheRootREADMEIsTheTestedCode() throws {
    let example = try #require(try Self.blocks(in: Project.file("README.md")).first)
    let tested = try Project.file("Tests/ProjectTests/ReadmeExample.swift").lines
      .map { $0.trimmingCharacters(in: .whitespaces) }
    for line in example.code.components(separatedBy: "\n") where !line.isEmpty {
      #expect(
        tested.contains(line.trimmingCharacters(in: .whitespaces)), "not in ReadmeExample.swift")
    }
  }

  @Test func exampleOfTheRootREADMEDrawsItsFigure() throws {
    try withTemporaryFolder { folder in
      let files = FileManager.default
      let before = files.currentDirectoryPath
      defer { _ = files.changeCurrentDirectoryPath(before) }
      try #require(files.changeCurrentDirectoryPath(folder))
      try runReadmeExample()
      let figure = try String(contentsOfFile: "samples.svg", encoding: .utf8)
      #expect(figure.contains("<svg"))
    }
  }

  @Test func everyBlockOfSwiftCompiles() throws {
    guard let compiler = Tool.path("swiftc") else {
      print("swiftc is not found: the code in the READMEs is not compiled.")
      return
    }
    var failures: [String] = []
    try withTemporaryFolder { folder in
      for block in try Self.allBlocks() where block.isCompiled {
        let file = URL(filePath: folder).appending(path: "block.swift")
        try (block.given + "\n" + block.code).write(to: file, atomically: true, encoding: .utf8)
        if let errors = try Self.errors(compiling: file.path, with: compiler) {
          failures.append("\(block.place):\n\(errors)")
        }
      }
    }
    #expect(failures.isEmpty, "\n\(failures.joined(separator: "\n"))")
  }

  // MARK: - Blocks

  private static func allBlocks() throws -> [Block] {
    let modules = try Project.files(under: "Sources", endingWith: ["README.md"])
    let top = try ["README.md", "CONTRIBUTING.md"].map(Project.file)
    return (top + modules).flatMap { blocks(in: $0) }
  }

  private static func blocks(in file: Project.File) -> [Block] {
    var result: [Block] = [], given: [String] = [], isCompiled = true
    var i = 0
    while i < file.lines.count {
      let line = file.lines[i]
      i += 1
      if line.hasPrefix("<!-- not compiled") {
        isCompiled = false
      } else if line.hasPrefix("<!-- given") {
        while i < file.lines.count, !file.lines[i].hasPrefix("-->") {
          given.append(file.lines[i])
          i += 1
        }
      } else if line.hasPrefix("```swift") {
        let start = i
        while i < file.lines.count, !file.lines[i].hasPrefix("```") { i += 1 }
        let code = file.lines[start..<i].joined(separator: "\n")
        result.append(
          Block(
            place: "\(file.path):\(start)", given: given.joined(separator: "\n"), code: code,
            isCompiled: isCompiled))
        (given, isCompiled) = ([], true)
        i += 1
      }
    }
    return result
  }

  // MARK: - Compiling

  /// The compiler's messages; nil if the file compiles.
  private static func errors(compiling file: String, with compiler: String) throws -> String? {
    let products = Bundle.main.executableURL.map { $0.deletingLastPathComponent() } ?? Project.root
    var arguments = ["-typecheck", file, "-I", products.appending(path: "Modules").path]
    for library in ["COpenBLAS", "CCairo"] {
      let map = Project.root.appending(path: "Sources/\(library)/module.modulemap").path
      arguments += ["-Xcc", "-fmodule-map-file=\(map)"]
    }
    for library in ["CProcessor", "CParallelism"] {
      let map = products.appending(path: "\(library).build/module.modulemap").path
      arguments += ["-Xcc", "-fmodule-map-file=\(map)"]
    }
    let flags = try Tool.run("/usr/bin/env", ["pkg-config", "--cflags", "cairo", "openblas"]).text
    arguments += flags.split(whereSeparator: \.isWhitespace).flatMap { ["-Xcc", String($0)] }
    let result = try Tool.run(compiler, arguments)
    return result.status == 0 ? nil : result.text
  }
}
