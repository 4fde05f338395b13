/// Two runs of one chapter, on one machine or on two.
extension Transcript {
  /// How far numbers of two runs may be apart, relative to the larger.
  public static let reproducibility = 1e-4

  /// What differs between this transcript and `other`, a run of the same code: verdicts, texts and
  /// the outputs' order exactly; numbers by a relative tolerance, or by the check's own tolerance or
  /// standard error where that is wider; volatile numbers not at all.
  public func differences(from other: Transcript) -> [String] {
    guard events.count == other.events.count else {
      return ["\(events.count) outputs, where there were \(other.events.count)"]
    }
    return zip(events, other.events).flatMap { differences($0.content, $1.content) }
  }

  private func differences(_ new: Event.Content, _ old: Event.Content) -> [String] {
    switch (new, old) {
    case (.value(let new), .value(let old)): differences(new, old)
    case (.check(let new), .check(let old)): differences(new, old)
    case (.table(let new), .table(let old)): differences(new, old)
    case (.figure(let new), .figure(let old)): differences(new, old)
    default: ["an output of another kind"]
    }
  }

  private func differences(_ new: ValueRecord, _ old: ValueRecord) -> [String] {
    guard new.label == old.label else { return ["'\(new.label)', where there was '\(old.label)'"] }
    if new.volatile == true { return [] }
    let slack = new.standardError ?? 0
    let isSame =
      new.text == old.text && new.unit == old.unit && agree(new.number, old.number, slack: slack)
    return isSame ? [] : ["'\(new.label)': \(new.written), where there was \(old.written)"]
  }

  private func differences(_ new: CheckRecord, _ old: CheckRecord) -> [String] {
    let name = "\(new.claim), \(new.statement)"
    guard new.claim == old.claim, new.statement == old.statement, new.test == old.test else {
      return ["\(name), where there was \(old.claim), \(old.statement)"]
    }
    guard new.passed == old.passed else {
      return ["\(name): the check \(new.passed ? "passes" : "fails") and did not before"]
    }
    let isRelative = new.relative == true
    let tolerance = (new.tolerance ?? 0) * (isRelative ? abs(new.expected ?? 0) : 1)
    let slack = max(tolerance, new.standardError ?? 0)
    let numbers = zip(new.numbers ?? [], old.numbers ?? [])
    let isSame =
      new.computedText == old.computedText && new.expectedText == old.expectedText
      && agree(new.computed, old.computed, slack: slack)
      && agree(new.expected, old.expected, slack: slack)
      && agree(new.printed, old.printed, slack: slack)
      && numbers.allSatisfy { $0.name == $1.name && agree($0.value, $1.value, slack: slack) }
    return isSame
      ? [] : ["\(name): computed \(new.computedWords), where there was \(old.computedWords)"]
  }

  private func differences(_ new: TableRecord, _ old: TableRecord) -> [String] {
    let name = new.title.map { "table '\($0)'" } ?? "table"
    guard new.columns == old.columns, new.rows.count == old.rows.count else {
      return ["\(name): other columns or another number of rows"]
    }
    var found: [String] = []
    for (index, rows) in zip(new.rows, old.rows).enumerated() {
      for (column, cells) in zip(new.columns, zip(rows.0, rows.1)) where column.volatile != true {
        if !agree(cells.0, cells.1) { found.append("\(name): \(column.name) in row \(index + 1)") }
      }
    }
    return found
  }

  private func differences(_ new: FigureRecord, _ old: FigureRecord) -> [String] {
    let isSame =
      new.name == old.name && new.caption == old.caption && new.alternative == old.alternative
      && new.files.map(\.name) == old.files.map(\.name)
    return isSame ? [] : ["figure '\(new.name)', where there was '\(old.name)'"]
  }

  private func agree(_ new: CellRecord, _ old: CellRecord) -> Bool {
    switch (new, old) {
    case (.number(let new), .number(let old)): agree(new, old, slack: 0)
    case (.estimate(let new, let error), .estimate(let old, _)): agree(new, old, slack: error)
    default: new == old
    }
  }

  private func agree(_ new: Double?, _ old: Double?, slack: Double) -> Bool {
    guard let new, let old else { return new == nil && old == nil }
    if new == old || (new.isNaN && old.isNaN) { return true }
    // What is nothing but rounding differs on every processor.
    let allowed = max(Self.reproducibility * max(abs(new), abs(old)), slack, 1e-12)
    return abs(new - old) <= allowed
  }
}
