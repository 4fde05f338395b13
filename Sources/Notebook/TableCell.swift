import Probability
import Weaving

/// The head of a table's column and how its numbers are written.
public struct Column: ExpressibleByStringInterpolation, Sendable {
  let record: ColumnRecord

  /// Creates a column.
  /// - Parameters:
  ///   - digits: how many significant digits to write; 6 if nil.
  ///   - decimals: how many digits after the point, if all numbers have the same.
  ///   - volatile: true for numbers that no second run reproduces.
  public init(_ name: String, digits: Int? = nil, decimals: Int? = nil, volatile: Bool = false) {
    record = ColumnRecord(
      name: name, digits: digits, decimals: decimals, volatile: volatile ? true : nil)
  }

  public init(stringLiteral name: String) { self.init(name) }
}

/// What can stand in a cell of a table.
public protocol TableCell {
  /// The cell as it is recorded.
  var cell: CellRecord { get }
}

extension Double: TableCell {
  public var cell: CellRecord { .number(self) }
}

extension Float: TableCell {
  public var cell: CellRecord { .number(Double(self)) }
}

extension Int: TableCell {
  public var cell: CellRecord { .number(Double(self)) }
}

extension String: TableCell {
  public var cell: CellRecord { .text(self) }
}

extension Estimate: TableCell {
  /// The mean with its standard error.
  public var cell: CellRecord { .estimate(mean, standardError) }
}

/// A row of a table: its name and its numbers.
///
/// ```swift
/// notebook.table(columns: ["steps", "mean", "variance"], rows: [row("DDIM", [0.99, 0.24])])
/// ```
public func row(_ name: any TableCell, _ numbers: some Sequence<Double>) -> [any TableCell] {
  [name] + numbers.map { $0 as any TableCell }
}

extension Chapter {
  /// Prints and records a table of records, one a row.
  ///
  /// ```swift
  /// notebook.table(
  ///   "A sweep", of: sweep,
  ///   columns: ["s": { $0.scale }, Column("distance", decimals: 3): { $0.distance }])
  /// ```
  /// - Parameters:
  ///   - title: one line above the table, in Markdown with `$…$` mathematics.
  ///   - records: what the rows are about.
  ///   - columns: the head of each column and its cell for a record.
  public func table<Record>(
    _ title: String? = nil, of records: some Sequence<Record>,
    columns: KeyValuePairs<Column, (Record) -> any TableCell>, line: UInt = #line
  ) {
    table(
      title, columns: columns.map(\.key),
      rows: records.map { record in columns.map { $0.value(record) } }, line: line)
  }
}
