import Files
import Foundation

/// Where recorded evaluations lie: curves that took hours, each with the command that made it.
enum Records {
  /// The folder of records that comes with the repository.
  static var folder: String {
    let here = "Chapters/07-latent-diffusion/records"
    if FileManager.default.fileExists(atPath: here) { return here }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "records").path
  }

  /// Reads the record called `name`.
  ///
  /// - Throws: `Failure` if there is none, or if it is no table.
  static func read(_ name: String) throws -> EvaluationRecord {
    try EvaluationRecord(reading: "\(folder)/\(name)")
  }
}
