import Foundation
import Testing

/// Sources, chapters, tests and READMEs use the words and the spelling of the field.
@Suite struct VocabularyTests {
  @Test func textUsesTheWordsOfTheField() throws {
    try expectNone(of: Vocabulary.words)
  }

  @Test func spellingIsAmerican() throws {
    try expectNone(of: Vocabulary.spellings)
  }

  @Test func identifiersUseTheWordsOfTheField() throws {
    try expectNone(of: Vocabulary.identifiers, caseSensitive: true)
  }

  @Test func exceptionsAreAllowedAndOtherUsesAreNot() throws {
    let law = try Pattern(BannedWord("laws?", "distribution", except: ["law of large numbers"]))
    #expect(law.matches(in: "the law of large numbers").isEmpty)
    #expect(law.matches(in: "the law of the data") == ["law"])
    #expect(law.matches(in: "a lawn, a flaw").isEmpty)
  }

  // MARK: - Searching

  private struct Pattern {
    let word: BannedWord
    private let expression: NSRegularExpression
    private let exceptions: NSRegularExpression?

    init(_ word: BannedWord, caseSensitive: Bool = false) throws {
      self.word = word
      let options: NSRegularExpression.Options = caseSensitive ? [] : .caseInsensitive
      expression = try NSRegularExpression(pattern: "\\b(?:\(word.pattern))\\b", options: options)
      exceptions =
        word.exceptions.isEmpty
        ? nil
        : try NSRegularExpression(
          pattern: "\\b(?:\(word.exceptions.joined(separator: "|")))", options: options)
    }

    /// The banned words in a line.
    func matches(in line: String) -> [String] {
      let all = NSRange(line.startIndex..., in: line)
      let found = expression.matches(in: line, range: all).map(\.range)
      guard !found.isEmpty else { return [] }
      let allowed = exceptions?.matches(in: line, range: all).map(\.range) ?? []
      return found.filter { range in
        !allowed.contains { NSIntersectionRange($0, range).length == range.length }
      }.compactMap { Range($0, in: line).map { String(line[$0]) } }
    }
  }

  private static let scanned = Result { try readFiles() }

  /// Chapters' pages are woven from the sources, which are scanned instead.
  private static func readFiles() throws -> [Project.File] {
    let sources = try Project.files(under: "Sources", endingWith: [".swift", ".md", ".c"])
    let chapters = try Project.files(under: "Chapters", endingWith: [".swift"])
    // These files hold the list itself.
    let tests = try Project.files(under: "Tests", endingWith: [".swift", "README.md"])
      .filter { !$0.path.hasPrefix("Tests/ProjectTests/Vocabulary") }
    let pages = try ["README.md", "CONTRIBUTING.md"].map(Project.file)
    return sources + chapters + tests + pages
  }

  private func expectNone(of words: [BannedWord], caseSensitive: Bool = false) throws {
    let patterns = try words.map { try Pattern($0, caseSensitive: caseSensitive) }
    var places: [String] = [], counts: [(file: String, count: Int)] = []
    for file in try Self.scanned.get() {
      let text = file.text
      let present = patterns.filter { !$0.matches(in: text).isEmpty }
      guard !present.isEmpty else { continue }
      let before = places.count
      for (number, line) in file.lines.enumerated() where !line.contains("vocabulary:quoted") {
        for pattern in present {
          for match in pattern.matches(in: line) {
            places.append(
              "\(file.path):\(number + 1): \"\(match)\": write \(pattern.word.replacement)")
          }
        }
      }
      if places.count > before { counts.append((file.path, places.count - before)) }
    }
    let summary = counts.sorted { $0.count > $1.count }.map { "\($0.count)\t\($0.file)" }
    #expect(
      places.isEmpty,
      "\(places.count) places\n\((summary + [""] + places).joined(separator: "\n"))")
  }
}
