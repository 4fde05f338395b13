/// Recorded outputs as Markdown.
enum OutputText {
  /// Values, a line each, as the terminal shows them.
  static func values(_ records: [ValueRecord]) -> [String] {
    let width = records.map(\.label.count).max() ?? 0
    let lines = records.map { $0.label.paddedRight(to: width) + "  " + $0.written }
    return MarkdownText.fenced("text", lines)
  }

  /// Checks as a table: verdict, claim, what was computed, what it must be, how close.
  static func checks(_ records: [CheckRecord]) -> [String] {
    let heads = ["", "claim", "check", "computed", "must be", "agreement"]
    let rows = records.map { record in
      let source = record.source.map { " (\($0))" } ?? ""
      let cells = [
        record.claim, record.statement + source, record.computedWords, record.expectedWords,
        record.agreementWords,
      ]
      return MarkdownText.row([record.mark] + cells.map(MarkdownText.escaped))
    }
    return [MarkdownText.row(heads), "|:-:|:--|:--|--:|--:|:--|"] + rows
  }

  /// A table, numbers aligned to the right.
  static func table(_ record: TableRecord) -> [String] {
    let layout = TableLayout(record)
    let alignment = "|" + layout.isNumeric.map { $0 ? "--:" : ":--" }.joined(separator: "|") + "|"
    let rows = layout.rows.map { MarkdownText.row($0.map(MarkdownText.escaped)) }
    return [MarkdownText.row(layout.heads.map(MarkdownText.escaped)), alignment] + rows
  }
}

extension Event {
  /// The value, if the event is one.
  var value: ValueRecord? {
    if case .value(let record) = content { record } else { nil }
  }

  var isValue: Bool { value != nil }
}
