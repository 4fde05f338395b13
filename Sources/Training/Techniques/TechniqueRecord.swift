import Evaluation
import Files
import Foundation
import Probability

/// The measurements of techniques in a file: one row for each technique, seed and guidance scale.
struct TechniqueRecord {
  static let columns =
    ["technique", "seed", "minutes", "updates", "images_seen", "loss", "guidance", "steps"]
    + ["seconds"] + ImageSetMeasurement.columns

  private let path: String
  private(set) var table: CSVTable

  /// Reads the record at `path`, or begins one.
  ///
  /// - Parameter conditions: what holds for all rows, in lines.
  /// - Throws: `Failure` if the rows in the file were measured under other conditions.
  init(at path: String, command: String, conditions: [String]) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else {
      table = CSVTable(notes: [command] + conditions, columns: Self.columns)
      return
    }
    let found = try CSVTable(reading: path)
    let missing = conditions.filter { !found.notes.contains($0) }
    guard found.columns == Self.columns, missing.isEmpty else {
      throw Failure(
        path, .otherConfiguration,
        "has rows that were not measured with \(missing.first ?? "these columns")",
        remedy: "give the options that it was begun with, or another file with --record")
    }
    table = found
    if !table.notes.contains(command) { table.notes.append(command) }
  }

  /// Adds a row and writes the file.
  mutating func append(_ technique: String, _ values: [String: Double]) throws {
    table.append(values, words: ["technique": technique])
    try table.write(to: path)
  }

  /// The row of a technique, if it is there.
  func row(_ technique: String, seed: UInt64, scale: Double) -> [String: Double]? {
    table.rows("technique", technique).first {
      $0["seed"] == Double(seed) && abs(($0["guidance"] ?? .nan) - scale) <= 1e-5 * abs(scale)
    }
  }

  // MARK: Summary

  /// The means over seeds with their standard errors, and the means of the differences from the
  /// baseline with the same seed.
  func summary(_ techniques: [String], seeds: [UInt64], scales: [Double]) -> String {
    let heads = ["technique", "s", "seeds", "updates"]
    let measures = ["Fréchet distance", "difference", "accuracy, %", "difference"]
    let lines = scales.flatMap { scale in
      techniques.compactMap { line($0, seeds: seeds, scale: scale) }
    }
    return ImageSetMeasurement.aligned([heads + measures] + lines)
  }

  private func line(_ technique: String, seeds: [UInt64], scale: Double) -> [String]? {
    let pairs = seeds.compactMap { seed in
      row(technique, seed: seed, scale: scale).map {
        (own: $0, base: row(Technique.baseline.name, seed: seed, scale: scale))
      }
    }
    if pairs.isEmpty { return nil }
    func estimate(_ column: String) -> Estimate {
      Estimate(of: pairs.compactMap { $0.own[column] })
    }
    func difference(_ column: String) -> Estimate? {
      let differences = pairs.compactMap { own, base -> Double? in
        guard let value = own[column], let other = base?[column] else { return nil }
        return value - other
      }
      let isBaseline = technique == Technique.baseline.name
      return isBaseline || differences.isEmpty ? nil : Estimate(of: differences)
    }
    return [
      technique, String(format: "%g", scale), "\(pairs.count)",
      String(format: "%.0f", estimate("updates").mean),
      estimate("frechet").text(decimals: 2), difference("frechet")?.text(decimals: 2) ?? "",
      (100 * estimate("accuracy")).text(decimals: 1),
      difference("accuracy").map { (100 * $0).text(decimals: 1) } ?? "",
    ]
  }
}
