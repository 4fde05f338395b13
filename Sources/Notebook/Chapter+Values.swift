import Probability
import Weaving

extension Chapter {
  /// Prints and records a number.
  /// - Parameters:
  ///   - unit: what the number counts in, such as `nats`.
  ///   - digits: how many significant digits to write.
  ///   - volatile: true for a number that no second run reproduces, such as a duration.
  public func show(
    _ label: String, _ value: Double, _ unit: String? = nil, digits: Int? = nil,
    volatile: Bool = false, line: UInt = #line
  ) {
    let record = ValueRecord(
      label: label, number: value, unit: unit, digits: digits, volatile: volatile ? true : nil)
    self.record(.value(record), line: line)
  }

  /// Prints and records an integer.
  public func show(
    _ label: String, _ value: Int, _ unit: String? = nil, volatile: Bool = false,
    line: UInt = #line
  ) {
    let record = ValueRecord(
      label: label, text: String(value), unit: unit, volatile: volatile ? true : nil)
    self.record(.value(record), line: line)
  }

  /// Prints and records a Monte-Carlo estimate, as `mean ± standard error`.
  public func show(
    _ label: String, _ value: Estimate, _ unit: String? = nil, line: UInt = #line
  ) {
    let record = ValueRecord(
      label: label, number: value.mean, standardError: value.standardError, unit: unit)
    self.record(.value(record), line: line)
  }

  /// Prints and records a text.
  public func show(_ label: String, _ text: String, line: UInt = #line) {
    record(.value(ValueRecord(label: label, text: text)), line: line)
  }

  /// Prints a line and does not record it: for what depends on the machine, such as data that only
  /// some readers have.
  public func aside(_ text: String) {
    if !options.json { emit("  " + paint(text, .faint)) }
  }

  /// Prints a check that only some readers can make, such as one on data of their own, and does not
  /// record it. It is not counted among the chapter's checks; but if it fails, that is said on
  /// standard error and the chapter's exit status will be 1.
  /// - Parameters:
  ///   - text: what was found, and what it must be.
  ///   - verdict: whether that is so.
  public func aside(_ text: String, holds verdict: Bool) {
    aside((verdict ? "✓ " : "✗ ") + text)
    if !verdict { fail("a check beside the page's does not hold: \(text)") }
  }

  /// Prints and records a duration in seconds, which is expected to differ from run to run.
  public func show(_ label: String, seconds: Double, line: UInt = #line) {
    show(label, seconds, "s", digits: 3, volatile: true, line: line)
  }

  /// Prints and records a table.
  /// - Parameters:
  ///   - title: one line above the table, in Markdown with `$…$` mathematics.
  ///   - columns: names, or `Column` values that say how to write the numbers.
  ///   - rows: numbers and texts, as many in each row as there are columns.
  public func table(
    _ title: String? = nil, columns: [Column], rows: [[any TableCell]], line: UInt = #line
  ) {
    for (index, row) in rows.enumerated() where row.count != columns.count {
      fatalError(
        "row \(index) of the table at line \(line) has \(row.count) cells for \(columns.count) columns"
      )
    }
    let record = TableRecord(
      title: title, columns: columns.map(\.record), rows: rows.map { $0.map(\.cell) })
    self.record(.table(record), line: line)
  }
}
