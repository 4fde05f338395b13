import Foundation

/// A chapter's folder.
public struct CourseChapter: Sendable {
  /// The package's folder.
  public let root: URL
  /// The folder's name, such as `00-forward-process`.
  public let name: String
  public let number: Int

  /// Takes `Chapters/name` for a chapter if its name begins with two digits and a hyphen and it has
  /// a `main.swift`.
  init?(root: URL, name: String) {
    let digits = name.prefix(2)
    guard digits.count == 2, let number = Int(digits), name.dropFirst(2).first == "-" else {
      return nil
    }
    self.root = root
    self.name = name
    self.number = number
    guard FileManager.default.fileExists(atPath: url("main.swift").path) else { return nil }
  }

  /// The program that runs the chapter.
  public var product: String { "chapter-\(name)" }

  /// Where the chapter's figures are.
  public var figures: URL { root.appendingPathComponent("figures/\(name)") }

  /// The path of one of the chapter's files, from the package.
  public func path(_ file: String) -> String { "Chapters/\(name)/\(file)" }

  /// Whether the chapter has ever been run for its page.
  public var hasTranscript: Bool { text("transcript.json") != nil }

  /// The place of one of the chapter's files.
  public func url(_ file: String) -> URL { root.appendingPathComponent(path(file)) }

  /// The text of one of the chapter's files; nil if there is none.
  func text(_ file: String) -> String? { try? String(contentsOf: url(file), encoding: .utf8) }

  /// Takes the chapter's main source file apart.
  public func source() throws(Problems) -> ChapterSource {
    guard let text = text("main.swift") else {
      throw Problems(path("main.swift"), message: "cannot be read")
    }
    return try ChapterSource(text, file: path("main.swift"))
  }

  /// The texts of the chapter's other Swift files, those in its subfolders too, by path.
  public var otherSources: [String] {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: url("").path)) ?? []
    return paths.filter { $0.hasSuffix(".swift") && $0 != "main.swift" }.sorted()
      .compactMap { text($0) }
  }

  /// The chapter's title, or its folder's name while it has none.
  public var title: String {
    ((try? source())?.title).map(MathWords.plain) ?? name
  }

  /// The files among the chapter's figures, without hidden ones and without grids of real images
  /// (`real-…`), which are not part of the course.
  var figureFiles: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: figures.path)) ?? []
    return names.filter { !$0.hasPrefix(".") && !$0.hasPrefix("real-") }.sorted()
  }

  /// How many claims the prose states.
  public var claimCount: Int {
    guard let source = try? source() else { return 0 }
    return Claims(source, chapter: number).statements.count { !$0.isErratum }
  }
}
