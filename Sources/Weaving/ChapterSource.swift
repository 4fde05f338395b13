import Files

/// A chapter's `main.swift`, taken apart into prose, code and code pulled from the library.
public struct ChapterSource: Sendable {
  /// One line and its number in the file, counted from one.
  public struct Line: Equatable, Sendable {
    public var number: Int
    public var text: String
  }

  /// A piece of the page.
  public enum Chunk: Equatable, Sendable {
    /// Markdown, without its `//:` marks.
    case prose([Line])
    /// Code to show; under a summary where `//: @fold` asks for it.
    case code([Line], fold: String?)
    /// Library code that `//: @code path slice` pulls in.
    case pulled(path: String, slice: String, line: Int)
  }

  /// The file's path, for messages.
  public let file: String
  /// The pieces in reading order. Code chunks hold hidden lines too; see `isHidden`.
  public let chunks: [Chunk]
  /// For each line of the file, whether `weave:hide` keeps it off the page. Index 0 is line 1.
  public let isHidden: [Bool]
  /// For each line of the file, its number among the lines of code; nil for prose, comments and
  /// blank lines.
  public let codeNumbers: [Int?]
  /// The lines of code as they enter the digest.
  public let codeLines: [String]

  /// Takes `text` apart.
  ///
  /// - Throws: `Problems` for indented prose, unknown directives, and hiding that does not end or
  ///   that hides a check.
  public init(_ text: String, file: String) throws(Problems) {
    self.file = file
    var parser = SourceParser(file: file)
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      parser.read(Line(number: index + 1, text: String(line)))
    }
    parser.finish()
    guard parser.problems.isEmpty else { throw Problems(parser.problems) }
    chunks = parser.chunks
    isHidden = parser.isHidden
    codeNumbers = parser.codeNumbers
    codeLines = parser.codeLines
  }

  /// A digest of the code: the same after any edit of prose, comments, blank lines and hiding.
  ///
  /// - Parameter others: the texts of the chapter's other source files, in a fixed order.
  public func digest(with others: [String] = []) -> String {
    var digest = Digest()
    for line in codeLines { digest.add(line + "\n") }
    for text in others {
      digest.add("\u{c}")
      for line in text.split(separator: "\n") {
        if let code = Self.codeLine(line) { digest.add(code + "\n") }
      }
    }
    return digest.text
  }

  /// The first heading of the first level, without mathematics marks.
  public var title: String? { headings.first { $0.level == 1 }?.text }

  /// A heading of the prose.
  public struct Heading: Equatable, Sendable {
    public var level: Int
    public var text: String
    public var line: Int
  }

  /// The headings in order; marks inside fenced blocks are none.
  public var headings: [Heading] {
    var found: [Heading] = []
    for case .prose(let lines) in chunks {
      var fence = FenceTracker()
      for line in lines where !fence.isInside(line.text) {
        let marks = line.text.prefix { $0 == "#" }
        guard (1...6).contains(marks.count), line.text.dropFirst(marks.count).first == " " else {
          continue
        }
        let text = line.text.dropFirst(marks.count).trimmingSpaces()
        found.append(Heading(level: marks.count, text: text, line: line.number))
      }
    }
    return found
  }

  /// A line as it enters the digest, or nil if it holds no code.
  static func codeLine(_ line: some StringProtocol) -> String? {
    var text = line.trimmingSpaces()
    if text.hasPrefix("//") || text.isEmpty { return nil }
    if let mark = text.range(ofLast: "// weave:hide") {
      text = text[..<mark.lowerBound].trimmingSpaces()
    }
    return text
  }
}

/// Reads a chapter line by line.
struct SourceParser {
  let file: String
  var chunks: [ChapterSource.Chunk] = []
  var problems: [Problem] = []
  var isHidden: [Bool] = []
  var codeNumbers: [Int?] = []
  var codeLines: [String] = []

  private var prose: [ChapterSource.Line] = []
  private var code: [ChapterSource.Line] = []
  private var fold: (summary: String, line: Int)?
  private var hiddenSince: Int?
  private var fence = FenceTracker()

  init(file: String) { self.file = file }

  mutating func read(_ line: ChapterSource.Line) {
    if line.text.hasPrefix("//:") {
      isHidden.append(false)
      codeNumbers.append(nil)
      readProse(line)
    } else {
      if line.text.trimmingSpaces().hasPrefix("//:") {
        problem(line, "prose must begin in the first column; move //: to the left")
      }
      endProse()
      readCode(line)
    }
  }

  mutating func finish() {
    endProse()
    endCode()
    if let fold { problems.append(Problem(file, fold.line, "@fold has no code after it")) }
    if let hiddenSince {
      problems.append(
        Problem(file, hiddenSince, "hiding does not end; add // weave:hide-end below"))
    }
  }

  private mutating func readProse(_ line: ChapterSource.Line) {
    endCode()
    var text = line.text.dropFirst(3)
    if text.first == " " { text.removeFirst() }
    let isCode = fence.isInside(String(text))
    if text.first == "@", !isCode {
      endProse()
      readDirective(String(text), line)
    } else {
      prose.append(ChapterSource.Line(number: line.number, text: String(text)))
    }
  }

  private mutating func readDirective(_ text: String, _ line: ChapterSource.Line) {
    let words = text.split(separator: " ").map(String.init)
    switch words[0] {
    case "@code" where words.count == 3:
      chunks.append(.pulled(path: words[1], slice: words[2], line: line.number))
    case "@code":
      problem(line, "write //: @code path slice, as in //: @code Sources/Diffusion/X.swift jump")
    case "@fold" where words.count > 1:
      fold = (words.dropFirst().joined(separator: " "), line.number)
    case "@fold":
      problem(line, "write //: @fold and the words to show in place of the code")
    default:
      problem(line, "\(words[0]) is no directive (@code, @fold); in prose, set it in backticks")
    }
  }

  private mutating func readCode(_ line: ChapterSource.Line) {
    let mark = line.text.range(ofLast: "// weave:").map { line.text[$0.upperBound...] }
    var hides = hiddenSince != nil
    switch mark?.trimmingSpaces() {
    case nil: break
    case "hide": hides = true
    case "hide-begin":
      hiddenSince = line.number
      hides = true
    case "hide-end":
      if hiddenSince == nil { problem(line, "weave:hide-end without a weave:hide-begin above") }
      hiddenSince = nil
      hides = true
    case .some(let word):
      problem(line, "weave:\(word) is unknown; there are weave:hide, hide-begin and hide-end")
    }
    if hides, Self.recordingCalls.contains(where: line.text.contains) {
      problem(line, "a check must not be hidden; remove // weave:hide")
    }
    isHidden.append(hides)
    if let entry = ChapterSource.codeLine(line.text) {
      codeLines.append(entry)
      codeNumbers.append(codeLines.count)
    } else {
      codeNumbers.append(nil)
    }
    code.append(line)
  }

  private static let recordingCalls = [".check(", ".erratum("]

  private mutating func endProse() {
    if !prose.isEmpty { chunks.append(.prose(prose)) }
    prose = []
  }

  private mutating func endCode() {
    let isBlank = code.allSatisfy { $0.text.trimmingSpaces().isEmpty }
    if !isBlank {
      chunks.append(.code(code, fold: fold?.summary))
      fold = nil
    }
    code = []
  }

  private mutating func problem(_ line: ChapterSource.Line, _ message: String) {
    problems.append(Problem(file, line.number, message))
  }
}

/// Follows fenced code blocks through lines of Markdown.
struct FenceTracker {
  private var fence: Substring?

  /// Whether `line` is part of a fenced block, its fences included.
  mutating func isInside(_ line: String) -> Bool {
    let text = line.drop { $0 == " " }
    if let open = fence {
      let marks = text.prefix { $0 == open.first }
      if marks.count >= open.count, text.count == marks.count { fence = nil }
      return true
    }
    guard let mark = text.first, mark == "`" || mark == "~" else { return false }
    let marks = text.prefix { $0 == mark }
    guard marks.count >= 3, !(mark == "`" && text.dropFirst(marks.count).contains("`")) else {
      return false
    }
    fence = marks
    return true
  }
}
