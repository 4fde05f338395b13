/// Rewrites the mathematics of Markdown into the forms that GitHub renders whatever stands in them:
/// `` $`…`$ `` in the text and ```` ```math ```` for displays.
///
/// Between plain dollars GitHub applies Markdown first, so that `_`, `*`, `<` and `\\` are lost.
struct Mathematics {
  let file: String
  private(set) var problems: [Problem] = []

  init(file: String) { self.file = file }

  /// Rewrites lines of prose.
  mutating func rewrite(_ lines: [ChapterSource.Line]) -> [String] {
    var result: [String] = []
    var paragraph: [ChapterSource.Line] = []
    var fence = FenceTracker()
    var index = 0
    while index < lines.count {
      let line = lines[index]
      index += 1
      if fence.isInside(line.text) {
        flush(&paragraph, into: &result)
        result.append(line.text)
      } else if line.text.trimmingSpaces().isEmpty {
        flush(&paragraph, into: &result)
        result.append("")
      } else if Self.containerPrefix(line.text).rest.hasPrefix("$$") {
        flush(&paragraph, into: &result)
        let display = takeDisplay(lines, from: &index)
        if let last = result.last, !last.isEmpty { result.append(display.blank) }
        result += display.lines
        let isFollowed = index < lines.count && !lines[index].text.trimmingSpaces().isEmpty
        if isFollowed { result.append(display.blank) }
      } else {
        paragraph.append(line)
      }
    }
    flush(&paragraph, into: &result)
    return result
  }

  /// Rewrites one line of text, such as a caption.
  mutating func rewrite(_ text: String, line: Int) -> String {
    inline(text, firstLine: line)
  }

  private mutating func flush(_ paragraph: inout [ChapterSource.Line], into result: inout [String])
  {
    guard let first = paragraph.first else { return }
    let text = paragraph.map(\.text).joined(separator: "\n")
    result.append(inline(text, firstLine: first.number))
    paragraph = []
  }

  /// The indentation and quotation marks that a line begins with, and the rest.
  private static func containerPrefix(_ line: String) -> (prefix: String, rest: Substring) {
    let prefix = line.prefix { $0 == " " || $0 == ">" }
    return (String(prefix), line.dropFirst(prefix.count))
  }

  private struct Display {
    var lines: [String]
    var blank: String
  }

  /// Takes the display that begins on the line before `index`, which moves behind it.
  private mutating func takeDisplay(
    _ lines: [ChapterSource.Line], from index: inout Int
  ) -> Display {
    let opening = lines[index - 1]
    let (prefix, rest) = Self.containerPrefix(opening.text)
    let blank = prefix.contains(">") ? prefix.trimmingSpaces() : ""
    var body: [String] = []
    var text = String(rest.dropFirst(2))
    while true {
      if let end = text.firstRange(of: "$$") {
        body.append(String(text[..<end.lowerBound]))
        if !text[end.upperBound...].trimmingSpaces().isEmpty {
          report(
            lines[index - 1].number,
            "text after the closing $$; put it on the next line, and a "
              + "full stop or comma inside the mathematics")
        }
        break
      }
      body.append(text)
      guard index < lines.count, !lines[index].text.trimmingSpaces().isEmpty else {
        report(opening.number, "$$ has no closing $$ before the end of the paragraph")
        break
      }
      text = String(Self.containerPrefix(lines[index].text).rest)
      index += 1
    }
    let content = body.map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    if content.isEmpty { report(opening.number, "$$ $$ holds no mathematics") }
    return Display(
      lines: (["```math"] + content + ["```"]).map { prefix + $0 }, blank: blank)
  }

  // MARK: - In the text

  private mutating func inline(_ text: String, firstLine: Int) -> String {
    var scanner = InlineScanner(text, line: firstLine)
    scanner.scan()
    problems += scanner.found.map { Problem(file, $0.line, $0.message) }
    return scanner.output
  }

  private mutating func report(_ line: Int, _ message: String) {
    problems.append(Problem(file, line, message))
  }
}

/// Reads a paragraph character by character and rewrites its mathematics.
private struct InlineScanner {
  private let text: [Character]
  private var position = 0
  private var line: Int
  private var isInTableRow = false
  private(set) var output = ""
  private(set) var found: [(line: Int, message: String)] = []

  init(_ text: String, line: Int) {
    self.text = Array(text)
    self.line = line
  }

  mutating func scan() {
    noteRow()
    while position < text.count {
      switch text[position] {
      case "\\": copyEscape()
      case "`": copyCodeSpan()
      case "$": rewriteMathematics()
      case "\n":
        copy(1)
        noteRow()
      default: copy(1)
      }
    }
  }

  private mutating func noteRow() {
    isInTableRow = text[position...].first { $0 != " " } == "|"
  }

  private mutating func copy(_ count: Int) {
    for character in text[position..<min(position + count, text.count)] {
      output.append(character)
      if character == "\n" { line += 1 }
    }
    position += count
  }

  // A backslash before a dollar is not enough where mathematics stands on the same line.
  private mutating func copyEscape() {
    if position + 1 < text.count, text[position + 1] == "$" {
      output += "<span>$</span>"
      position += 2
    } else {
      copy(2)
    }
  }

  private mutating func copyCodeSpan() {
    let count = text[position...].prefix { $0 == "`" }.count
    var next = position + count
    while next < text.count {
      let run = text[next...].prefix { $0 == "`" }.count
      if run == count {
        copy(next + count - position)
        return
      }
      next += max(run, 1)
    }
    copy(count)
  }

  private mutating func rewriteMathematics() {
    let start = position + 1
    if start < text.count, text[start] == "$" {
      fail("display mathematics must begin a line; move $$ to a line of its own")
      copy(2)
      return
    }
    guard let end = closingDollar(from: start) else {
      fail("a $ without its partner; for a dollar sign write \\$")
      copy(1)
      return
    }
    var content = text[start..<end]
    if content.count > 2, content.first == "`", content.last == "`" {
      content = content.dropFirst().dropLast()
    }
    validate(content, start: start, end: end)
    output += "$`" + written(content) + "`$"
    line += text[position...end].count { $0 == "\n" }
    position = end + 1
  }

  private func closingDollar(from start: Int) -> Int? {
    var next = start
    while next < text.count {
      if text[next] == "$" { return next }
      next += text[next] == "\\" ? 2 : 1
    }
    return nil
  }

  private mutating func validate(_ content: ArraySlice<Character>, start: Int, end: Int) {
    if content.first?.isWhitespace != false || content.last?.isWhitespace != false {
      fail("a space inside $…$ at its edge; remove it, or write \\$ for a dollar sign")
    }
    if content.contains("`") { fail("a backtick inside $…$") }
    let before = position > 0 ? text[position - 1] : " "
    let after = end + 1 < text.count ? text[end + 1] : " "
    if Self.sticks(before) || Self.sticks(after) {
      fail(
        "a letter or digit touches $…$, and GitHub would not see mathematics; put a space between")
    }
  }

  private static func sticks(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "$"
  }

  /// The mathematics on one line; bars in a row of a table would end its cell.
  private func written(_ content: ArraySlice<Character>) -> String {
    var result = ""
    var isEscaped = false
    for character in content {
      if isInTableRow, character == "|" {
        if isEscaped { result.removeLast() }
        result += isEscaped ? "\\Vert " : "\\vert "
        isEscaped = false
        continue
      }
      isEscaped = character == "\\" && !isEscaped
      result.append(character == "\n" ? " " : character)
    }
    while result.last == " " { result.removeLast() }
    return result
  }

  private mutating func fail(_ message: String) { found.append((line, message)) }
}
