import Files
import Foundation
import Learning

/// A table of measurements as a file of comma-separated values. Lines that start with `#` hold the
/// command that made it and other notes.
public struct EvaluationRecord: Sendable {
  public var notes: [String]
  public let columns: [String]
  public private(set) var rows: [[String: Double]] = []
  /// The cells of a row that are no numbers, by column: the sampler's name.
  public private(set) var words: [[String: String]] = []

  public init(notes: [String], columns: [String]) {
    self.notes = notes
    self.columns = columns
  }

  /// Reads a record.
  ///
  /// - Throws: `Failure` if there is none at `path`, or if it is no table.
  public init(reading path: String) throws {
    let lines = String(decoding: try AtomicFile.read(path), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    notes = lines.filter { $0.hasPrefix("#") }.map {
      $0.dropFirst().trimmingCharacters(in: .whitespaces)
    }
    let table = lines.filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    columns = table.first ?? []
    for cells in table.dropFirst() {
      guard cells.count == columns.count else {
        throw Failure(
          path, .malformed, "has a row of \(cells.count) cells under \(columns.count) columns",
          remedy: "write the record again")
      }
      let named = zip(columns, cells)
      rows.append(
        Dictionary(
          uniqueKeysWithValues: named.compactMap { name, cell in Double(cell).map { (name, $0) } }))
      words.append(
        Dictionary(uniqueKeysWithValues: named.filter { Double($1) == nil && !$1.isEmpty }))
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

  /// A column's numbers; NaN where a row has none.
  public subscript(column: String) -> [Double] { rows.map { $0[column] ?? .nan } }

  /// Writes the record to `path`.
  public func write(to path: String) throws {
    let head = notes.map { "# \($0)" } + [columns.joined(separator: ",")]
    let table = rows.indices.map { row in
      columns.map { column in
        words[row][column] ?? rows[row][column].map(Self.text) ?? ""
      }.joined(separator: ",")
    }
    try AtomicFile.write(Data(((head + table).joined(separator: "\n") + "\n").utf8), to: path)
  }

  private static func text(_ value: Double) -> String {
    guard value.isFinite else { return "" }
    return value == value.rounded() && abs(value) < 1e15
      ? String(Int(value)) : String(format: "%.6g", value)
  }
}
