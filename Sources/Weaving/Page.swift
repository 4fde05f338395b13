/// What a page needs to know of the course around it.
public struct PageSurroundings: Sendable {
  /// Another chapter, to go to.
  public struct Neighbor: Equatable, Sendable {
    public var title: String
    public var folder: String

    public init(title: String, folder: String) {
      self.title = title
      self.folder = folder
    }
  }

  /// The chapter's number.
  public var number: Int
  /// The program that runs the chapter.
  public var command: String
  /// The path from the page to the folder of its figures.
  public var figures: String
  /// The path from the page to the package.
  public var root: String
  public var previous: Neighbor?
  public var next: Neighbor?
  /// Reads a file of the package; nil if there is none.
  public var read: @Sendable (String) -> String?

  public init(
    number: Int, command: String, figures: String, root: String = "../..",
    previous: Neighbor? = nil, next: Neighbor? = nil,
    read: @escaping @Sendable (String) -> String?
  ) {
    self.number = number
    self.command = command
    self.figures = figures
    self.root = root
    self.previous = previous
    self.next = next
    self.read = read
  }
}

/// Weaves the page of a chapter: its prose, its code, and after each piece of code what it printed.
///
/// - Throws: all `Problems` of the chapter, at once: a claim without a check or the reverse, prose
///   that GitHub would not render, code to be pulled in that is not there, an event out of place.
public func weave(
  _ source: ChapterSource, _ transcript: Transcript, _ surroundings: PageSurroundings
) throws(Problems) -> String {
  var weaver = Weaver(source, transcript, surroundings)
  let page = weaver.page()
  guard weaver.problems.isEmpty else { throw Problems(weaver.problems) }
  return page
}

struct Weaver {
  let source: ChapterSource
  let transcript: Transcript
  let surroundings: PageSurroundings
  var mathematics: Mathematics
  var problems: [Problem] = []
  private var blocks: [[String]] = []
  private var figureCount = 0

  init(_ source: ChapterSource, _ transcript: Transcript, _ surroundings: PageSurroundings) {
    self.source = source
    self.transcript = transcript.numbered(by: source)
    self.surroundings = surroundings
    mathematics = Mathematics(file: source.file)
  }

  mutating func page() -> String {
    let lineOfNumber = sourceLines()
    var claims = Claims(source, chapter: surroundings.number)
    claims.compare(with: transcript) { lineOfNumber[$0.line] }
    problems += claims.problems
    validateTitle()
    let eventsOfChunk = placed(lineOfNumber)

    blocks = [header]
    for (index, chunk) in source.chunks.enumerated() {
      switch chunk {
      case .prose(let lines): addProse(lines)
      case .code(let lines, let fold): addCode(lines, fold: fold)
      case .pulled(let path, let slice, let line): addPulled(path, slice, line)
      }
      add(eventsOfChunk[index] ?? [], lineOfNumber)
    }
    blocks.append(footer)
    problems += mathematics.problems
    problems.sort { ($0.line ?? 0) < ($1.line ?? 0) }
    return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n") + "\n"
  }

  // MARK: - Places

  /// The line in the file of each line of code.
  private func sourceLines() -> [Int: Int] {
    var lines: [Int: Int] = [:]
    for (index, number) in source.codeNumbers.enumerated() {
      if let number { lines[number] = index + 1 }
    }
    return lines
  }

  /// The events of each chunk, in the order of the run.
  private mutating func placed(_ lineOfNumber: [Int: Int]) -> [Int: [Event]] {
    var chunkOfLine: [Int: Int] = [:]
    for (index, chunk) in source.chunks.enumerated() {
      guard case .code(let lines, _) = chunk else { continue }
      for line in lines { chunkOfLine[line.number] = index }
    }
    var events: [Int: [Event]] = [:]
    for event in transcript.events {
      guard let line = lineOfNumber[event.line], let chunk = chunkOfLine[line] else {
        problems.append(
          Problem(
            source.file, "the transcript has an output of code that is not here; run it again"))
        continue
      }
      if event.check != nil, source.isHidden[line - 1] {
        problems.append(
          Problem(source.file, line, "a check must not be hidden; remove // weave:hide"))
      }
      events[chunk, default: []].append(event)
    }
    return events
  }

  private mutating func validateTitle() {
    let titles = source.headings.filter { $0.level == 1 }
    if titles.isEmpty {
      problems.append(
        Problem(source.file, 1, "the chapter has no title; begin it with //: # Title"))
    }
    for extra in titles.dropFirst() {
      problems.append(Problem(source.file, extra.line, "a second title; sections begin with ##"))
    }
  }

  // MARK: - Head and foot

  private var navigation: String {
    var links = ["[All chapters](\(surroundings.root)/README.md)"]
    if let previous = surroundings.previous {
      links.insert("[← \(previous.title)](../\(previous.folder)/README.md)", at: 0)
    }
    if let next = surroundings.next {
      links.append("[\(next.title) →](../\(next.folder)/README.md)")
    }
    return links.joined(separator: " · ")
  }

  private var header: [String] {
    [
      "<!-- Woven from main.swift and transcript.json. Edit main.swift, not this page. -->", "",
      navigation,
    ]
  }

  private var footer: [String] {
    let number = twoDigits(surroundings.number)
    let seed = transcript.seed == 0 ? "" : " --seed \(transcript.seed)"
    return [
      "---", "",
      "Every number and every figure on this page was computed by [`main.swift`](main.swift): "
        + "\(transcript.passedCount) checks passed, \(transcript.failedCount) failed. "
        + "To run it yourself, from the top folder:",
      "", "```sh", "swift run \(surroundings.command)\(seed)", "```", "",
      "and `swift run course run \(number)` to weave this page from the run.", "", navigation,
    ]
  }

  // MARK: - Prose and code

  private mutating func addProse(_ lines: [ChapterSource.Line]) {
    blocks.append(Slice.trimmed(mathematics.rewrite(lines)))
  }

  private mutating func addCode(_ lines: [ChapterSource.Line], fold: String?) {
    let shown = lines.filter { !source.isHidden[$0.number - 1] }.map(\.text)
    let code = collapsed(Slice.trimmed(shown))
    guard !code.isEmpty else { return }
    let block = MarkdownText.fenced("swift", code)
    guard let fold else {
      blocks.append(block)
      return
    }
    let summary = MarkdownText.escaped(fold)
    blocks.append(["<details><summary>\(summary)</summary>", ""] + block + ["", "</details>"])
  }

  /// The lines with no more than one blank line in a row, which hidden lines would leave behind.
  private func collapsed(_ lines: [String]) -> [String] {
    var result: [String] = []
    for line in lines {
      let isBlank = line.trimmingSpaces().isEmpty
      if isBlank, result.last?.isEmpty == true { continue }
      result.append(isBlank ? "" : line)
    }
    return result
  }

  private mutating func addPulled(_ path: String, _ slice: String, _ line: Int) {
    guard let text = surroundings.read(path) else {
      problems.append(Problem(source.file, line, "@code: there is no file \(path) in the package"))
      return
    }
    do {
      let code = try Slice.lines(slice, of: text, file: path)
      let language = path.hasSuffix(".swift") ? "swift" : ""
      blocks.append(["From [`\(path)`](\(surroundings.root)/\(path)):"])
      blocks.append(MarkdownText.fenced(language, code))
    } catch {
      problems.append(Problem(source.file, line, "@code: \(error)"))
    }
  }

  // MARK: - Outputs

  private mutating func add(_ events: [Event], _ lineOfNumber: [Int: Int]) {
    var index = 0
    while index < events.count {
      let rest = events[index...]
      switch events[index].content {
      case .value:
        let values = rest.prefix { $0.isValue }.compactMap { $0.value }
        blocks.append(OutputText.values(values))
        index += values.count
      case .check:
        let checks = rest.prefix { $0.check != nil }.compactMap { $0.check }
        blocks.append(OutputText.checks(checks))
        index += checks.count
      case .table(let table):
        addTable(table, line: lineOfNumber[events[index].line] ?? 0)
        index += 1
      case .figure(let figure):
        addFigure(figure, line: lineOfNumber[events[index].line] ?? 0)
        index += 1
      }
    }
  }

  private mutating func addTable(_ table: TableRecord, line: Int) {
    if let title = table.title {
      blocks.append(["**" + mathematics.rewrite(title, line: line) + "**"])
    }
    blocks.append(OutputText.table(table))
  }

  private mutating func addFigure(_ figure: FigureRecord, line: Int) {
    guard let shown = figure.files.first else { return }
    figureCount += 1
    let place = "\(surroundings.figures)/\(shown.name)"
    let caption = mathematics.rewrite(figure.caption, line: line)
    let others = figure.files.dropFirst().map {
      " [\(String($0.name.split(separator: ".").last ?? ""))](\(surroundings.figures)/\($0.name))"
    }
    blocks.append([MarkdownText.image(place, figure.alternative, width: figure.width)])
    blocks.append([
      "**Figure \(surroundings.number).\(figureCount).** " + caption + others.joined()
    ])
  }
}

/// A chapter's number as it stands in folder names.
func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
