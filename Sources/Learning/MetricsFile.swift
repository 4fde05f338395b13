import Files
import Foundation

/// A table of measurements in a file of comma-separated values, extended row by row.
///
/// The first column is `step`.
public final class MetricsFile {
  public let path: String
  public let columns: [String]
  private let descriptor: Int32

  /// Opens the table at `path`, with a new header if there is none.
  ///
  /// A table with some of the columns gets the others, empty in its rows.
  ///
  /// - Parameter step: rows of later steps are removed: a run that goes on from an older state
  ///   makes them again.
  /// - Throws: `Failure` if the file cannot be written, or has columns that are not asked for.
  public init(_ path: String, columns: [String], upTo step: Int) throws(Failure) {
    self.path = path
    self.columns = ["step"] + columns
    let header = self.columns.joined(separator: ",")
    var kept = [header]
    if FileManager.default.fileExists(atPath: path) {
      let lines = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      let old = (lines.first ?? []).map(String.init)
      guard old.allSatisfy(self.columns.contains) else {
        throw Failure(
          path, .otherConfiguration, "has other columns than this run's",
          remedy: "move it away, or name another folder with --out")
      }
      let places = self.columns.map { old.firstIndex(of: $0) }
      kept += lines.dropFirst().filter { cells in
        cells.count == old.count && Int(cells[0]).map { $0 <= step } ?? false
      }.map { cells in
        places.map { $0.map { String(cells[$0]) } ?? "" }.joined(separator: ",")
      }
    }
    try AtomicFile.write(Data((kept.joined(separator: "\n") + "\n").utf8), to: path)
    descriptor = open(path, O_WRONLY | O_APPEND)
    guard descriptor >= 0 else { throw .writing(path) }
  }

  deinit { close(descriptor) }

  /// Adds a row; columns without a value stay empty.
  public func append(step: Int, _ values: [String: Double]) throws(Failure) {
    let cells = columns.dropFirst().map { column in values[column].map(Self.text) ?? "" }
    let row = Array(([String(step)] + cells).joined(separator: ",").utf8) + [UInt8(ascii: "\n")]
    guard Foundation.write(descriptor, row, row.count) == row.count else {
      throw .writing(path)
    }
  }

  /// Six significant digits, whole numbers in full.
  static func text(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
    return String(format: "%.6g", value)
  }
}
