import Foundation
import Weaving

extension Chapter {
  /// The styles of the terminal.
  enum Style: String {
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
  }

  func paint(_ text: String, _ style: Style) -> String {
    surroundings.usesColor ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
  }

  func emit(_ text: String) { surroundings.write(text + "\n") }

  /// Prints the title, or the first JSON object.
  func start() {
    if options.json {
      let fields = [
        #""chapter":\#(json(name))"#, #""event":"chapter""#, #""quick":\#(isQuick)"#,
        #""seed":\#(seed)"#, #""title":\#(json(title))"#,
      ]
      emit("{" + fields.joined(separator: ",") + "}")
    } else {
      emit(paint(MathWords.plain(title), .bold))
      state.withLock { state in
        if state.headings.first?.level == 1 { state.headings.removeFirst() }
      }
    }
  }

  /// Keeps an output in the transcript and prints it, under the headings of the chapter's prose that
  /// come before it.
  func record(_ content: Event.Content, line: UInt) {
    let event = Event(line: Int(line), content: content)
    let headings = state.withLock { state in
      state.transcript.events.append(event)
      let passed = state.headings.prefix { $0.line < Int(line) }
      state.headings = state.headings.dropFirst(passed.count)
      return passed
    }
    if options.json {
      emit(event.json)
      return
    }
    if let heading = headings.last {
      emit("\n" + paint(MathWords.plain(heading.text), .bold))
    }
    for text in lines(content) { emit("  " + text) }
  }

  private func lines(_ content: Event.Content) -> [String] {
    switch content {
    case .value(let record): return [record.label.paddedRight(to: 40) + "  " + record.written]
    case .check(let record): return lines(record)
    case .table(let record): return lines(record)
    case .figure(let record):
      let files = record.files.map(\.name).joined(separator: ", ")
      return ["▸ \(shownFolder)/\(files)", "  " + paint(MathWords.plain(record.caption), .faint)]
    }
  }

  func lines(_ record: CheckRecord) -> [String] {
    let mark = paint(record.mark, record.passed ? .green : .red)
    var lines = ["\(mark) \(record.claim.paddedRight(to: 5)) \(record.statement)"]
    if let source = record.source { lines.append("        " + paint(source, .faint)) }
    let evidence =
      "\(record.computedWords)  must be \(record.expectedWords)  (\(record.agreementWords))"
    lines.append("        " + paint(evidence, record.passed ? .faint : .red))
    return lines
  }

  private func lines(_ record: TableRecord) -> [String] {
    let layout = TableLayout(record)
    var lines = record.title.map { [MathWords.plain($0)] } ?? []
    lines.append(paint(layout.line(layout.heads), .faint))
    return lines + layout.rows.map(layout.line)
  }

  /// Prints which figures were drawn and where they are.
  func printFigures(_ figures: [FigureRecord]) {
    let files = figures.flatMap(\.files).map(\.name)
    guard !files.isEmpty else { return }
    emit("\n" + paint("Figures in \(shownFolder):", .bold))
    for line in files.joined(separator: ", ").wrapped(to: 90) { emit("  " + line) }
  }

  /// The figures' folder as the reader would type it.
  private var shownFolder: String {
    let here = FileManager.default.currentDirectoryPath + "/"
    let path = figuresFolder.path
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }

  func json(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case _ where scalar.value < 0x20: " "
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }
}

extension String {
  /// The text in lines of at most `width` characters, broken at spaces.
  func wrapped(to width: Int) -> [String] {
    split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
  }
}
