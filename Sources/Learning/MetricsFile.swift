import Files
import Foundation

/// A `CSVTable` on disk that a training run extends row by row. The first column is `step`.
public final class MetricsFile {
  public let path: String
  public let columns: [String]
  private let descriptor: Int32

  /// Opens the table at `path`, or starts one.
  ///
  /// A table that lacks some of the columns gets them, with empty cells in its rows.
  ///
  /// - Parameter step: rows of later steps are removed: a run that resumes from an older state
  ///   computes them again.
  /// - Throws: `Failure` if the file cannot be written, or has columns that are not asked for.
  public init(_ path: String, columns: [String], upTo step: Int) throws(Failure) {
    self.path = path
    self.columns = ["step"] + columns
    var table = CSVTable(columns: self.columns)
    if FileManager.default.fileExists(atPath: path) {
      let old = try CSVTable(reading: path, skipsIncompleteRows: true)
      guard old.columns.allSatisfy(self.columns.contains) else {
        throw Failure(
          path, .otherConfiguration, "has other columns than this run's",
          remedy: "move it away, or name another folder with --out")
      }
      for row in old.rows where row["step"].map({ $0 <= Double(step) }) ?? false {
        table.append(row)
      }
    }
    try table.write(to: path)
    descriptor = unsafe open(path, O_WRONLY | O_APPEND)
    guard descriptor >= 0 else { throw .writing(path) }
  }

  deinit { close(descriptor) }

  /// Adds a row; columns without a value stay empty.
  public func append(step: Int, _ values: [String: Double]) throws(Failure) {
    var values = values
    values["step"] = Double(step)
    let row = Array((CSVTable.line(columns, values) + "\n").utf8)
    guard unsafe Foundation.write(descriptor, row, row.count) == row.count else {
      throw .writing(path)
    }
  }
}
