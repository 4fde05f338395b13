import Foundation

/// A table of measurements in a file of comma-separated values: a row of column names, then rows of
/// numbers and words. Lines that start with `#` are notes, such as the command that made it.
public struct CSVTable: Sendable {
  /// The lines that start with `#`, without it.
  public var notes: [String]
  /// The names of the columns.
  public let columns: [String]
  /// The numbers of each row, by column.
  public private(set) var rows: [[String: Double]] = []
  /// The cells of each row that are not numbers, by column.
  public private(set) var words: [[String: String]] = []

  /// Creates a table without rows.
  public init(notes: [String] = [], columns: [String]) {
    self.notes = notes
    self.columns = columns
  }

  /// Reads a table.
  ///
  /// - Parameter skipsIncompleteRows: leaves out rows with too few or too many cells, as a program
  ///   that was killed while it wrote leaves them.
  /// - Throws: `Failure` if there is no file at `path`, or if a row does not fit the columns.
  public init(reading path: String, skipsIncompleteRows: Bool = false) throws(Failure) {
    let lines = String(decoding: try AtomicFile.read(path), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    let table = lines.filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    notes = lines.filter { $0.hasPrefix("#") }.map {
      $0.dropFirst().trimmingCharacters(in: .whitespaces)
    }
    columns = table.first ?? []
    for cells in table.dropFirst() {
      guard cells.count == columns.count else {
        if skipsIncompleteRows { continue }
        throw Failure(
          path, .malformed, "has a row of \(cells.count) cells under \(columns.count) columns",
          remedy: "write the table again")
      }
      var (numbers, texts) = ([String: Double](), [String: String]())
      for (column, cell) in zip(columns, cells) where !cell.isEmpty {
        if let number = Double(cell) { numbers[column] = number } else { texts[column] = cell }
      }
      append(numbers, words: texts)
    }
  }

  /// Adds a row.
  public mutating func append(_ values: [String: Double], words: [String: String] = [:]) {
    rows.append(values)
    self.words.append(words)
  }

  /// The first row whose `column` holds `word`; empty if there is none.
  public func row(_ column: String, _ word: String) -> [String: Double] {
    words.firstIndex { $0[column] == word }.map { rows[$0] } ?? [:]
  }

  /// The rows whose `column` holds `word`.
  public func rows(_ column: String, _ word: String) -> [[String: Double]] {
    zip(rows, words).filter { $1[column] == word }.map { $0.0 }
  }

  /// A column's numbers; NaN where a row has none.
  public subscript(column: String) -> [Double] { rows.map { $0[column] ?? .nan } }

  /// Writes the table to `path`.
  public func write(to path: String) throws(Failure) {
    let head = notes.map { "# \($0)" } + [columns.joined(separator: ",")]
    let lines = head + rows.indices.map { Self.line(columns, rows[$0], words: words[$0]) }
    try AtomicFile.write(Data((lines.joined(separator: "\n") + "\n").utf8), to: path)
  }

  /// A row as it stands in the file, without the end of the line.
  ///
  /// Numbers have six significant digits, integers all of theirs; a number that is not finite and a
  /// missing one leave their cell empty.
  public static func line(
    _ columns: [String], _ values: [String: Double], words: [String: String] = [:]
  ) -> String {
    columns.map { words[$0] ?? values[$0].map(text) ?? "" }.joined(separator: ",")
  }

  private static func text(_ value: Double) -> String {
    guard value.isFinite else { return "" }
    return value == value.rounded() && abs(value) < 1e15
      ? String(Int(value)) : String(format: "%.6g", value)
  }
}
