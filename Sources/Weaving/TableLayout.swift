/// A table as aligned texts.
public struct TableLayout: Sendable {
  /// The columns' names.
  public let heads: [String]
  /// The cells, row by row.
  public let rows: [[String]]
  /// Whether a column holds numbers, which are aligned to the right.
  public let isNumeric: [Bool]
  private let widths: [Int]

  /// Lays out `table`; a row that is too short is filled with empty cells.
  public init(_ table: TableRecord) {
    let columns = table.columns.indices.map { index in
      Self.texts(table.rows.map { index < $0.count ? $0[index] : .text("") }, table.columns[index])
    }
    heads = table.columns.map(\.name)
    rows = table.rows.indices.map { row in columns.map { $0[row] } }
    isNumeric = table.columns.indices.map { index in
      table.rows.contains { row in
        guard index < row.count else { return false }
        if case .text = row[index] { return false }
        return true
      }
    }
    widths = zip(heads, columns).map { head, cells in
      ([head.count] + cells.map(\.count)).max() ?? 0
    }
  }

  /// The table as lines: the heads, then every row.
  public var text: String { ([heads] + rows).map(line).joined(separator: "\n") }

  /// A row of texts, padded to the columns' widths.
  public func line(_ cells: [String]) -> String {
    let padded = cells.indices.map { index in
      isNumeric[index]
        ? cells[index].paddedLeft(to: widths[index]) : cells[index].paddedRight(to: widths[index])
    }
    var line = padded.joined(separator: "   ")[...]
    while line.last == " " { line.removeLast() }
    return String(line)
  }

  private static func texts(_ cells: [CellRecord], _ column: ColumnRecord) -> [String] {
    let numbers = cells.compactMap { cell in
      if case .number(let number) = cell { number } else { nil }
    }
    var written = NumberText.column(
      numbers, digits: column.digits ?? 6, decimals: column.decimals)[...]
    return cells.map { cell in
      switch cell {
      case .number: written.removeFirst()
      case .estimate(let mean, let error): NumberText.estimate(mean, error)
      case .text(let text): text
      }
    }
  }
}
