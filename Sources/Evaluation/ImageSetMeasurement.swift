import Foundation
import Probability

/// What is measured of a set of images on a classifier's features, against the training images.
public struct ImageSetMeasurement: Sendable {
  /// The number of images.
  public let count: Int
  /// How often the intended class is predicted.
  public let accuracy: ClassAccuracy
  /// The Fréchet distance from the training images.
  public let frechet: Estimate
  /// The kernel distance from the training images.
  public let kernel: Estimate
  public let regions: PrecisionAndRecall
  /// The classifier score.
  public let score: Estimate
  /// The diversity within a class.
  public let diversity: Estimate

  /// The columns of a record of such measurements.
  public static let columns = [
    "images", "accuracy", "accuracy_low", "accuracy_high", "frechet", "frechet_error", "kernel",
    "kernel_error", "precision", "recall", "score", "score_error", "diversity", "diversity_error",
  ]

  /// The numbers of these columns.
  public var values: [String: Double] {
    [
      "images": Double(count), "accuracy": accuracy.overall.value,
      "accuracy_low": accuracy.overall.interval.lowerBound,
      "accuracy_high": accuracy.overall.interval.upperBound,
      "frechet": frechet.value, "frechet_error": frechet.standardError,
      "kernel": kernel.value, "kernel_error": kernel.standardError,
      "precision": regions.precision.value, "recall": regions.recall.value,
      "score": score.value, "score_error": score.standardError,
      "diversity": diversity.value, "diversity_error": diversity.standardError,
    ]
  }

  /// The accuracy of each class, by column name: `accuracy_cat`.
  public func accuracyByClass(_ classes: [String]) -> [String: Double] {
    Dictionary(
      uniqueKeysWithValues: zip(classes, accuracy.byClass).map { ("accuracy_\($0)", $1.value) })
  }

  // MARK: Text

  /// Measurements of several sets beside each other, one measure per line.
  public static func table(_ sets: [(name: String, measured: ImageSetMeasurement)]) -> String {
    var rows = [[""] + sets.map(\.name), ["images"] + sets.map { String($0.measured.count) }]
    func row(_ name: String, _ cell: (ImageSetMeasurement) -> String) {
      rows.append([name] + sets.map { cell($0.measured) })
    }
    row("classified correctly, %") { percent($0.accuracy.overall) }
    row("Fréchet distance") { $0.frechet.text(decimals: 3) }
    row("kernel distance x 1000") { (1000 * $0.kernel).text(decimals: 2) }
    row("precision, %") { percent($0.regions.precision) }
    row("recall, %") { percent($0.regions.recall) }
    row("score, 1 to \(sets.first?.measured.accuracy.confusion.count ?? 0)") {
      $0.score.text(decimals: 2)
    }
    row("diversity within a class") { $0.diversity.text(decimals: 2) }
    return aligned(rows)
  }

  /// The accuracy of each class, and the class that its images are most often taken for.
  public func classTable(_ classes: [String]) -> String {
    let rows = classes.indices.map { label -> [String] in
      let mistake = accuracy.commonestMistakes[label].map {
        String(format: "%@ %.1f", classes[$0.predicted], 100 * $0.share.value)
      }
      return [classes[label], Self.percent(accuracy.byClass[label]), mistake ?? ""]
    }
    return Self.aligned([["class", "accuracy, %", "most often taken for, %"]] + rows)
  }

  /// A percentage with its 95 % interval.
  private static func percent(_ share: Proportion) -> String {
    let (low, high) = (share.interval.lowerBound, share.interval.upperBound)
    return String(format: "%.1f (%.1f…%.1f)", 100 * share.value, 100 * low, 100 * high)
  }

  /// The rows of a table as lines, with the first column on the left and the others on the right.
  public static func aligned(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + space : space + row[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Estimate {
  /// The number with its standard error, where that is known.
  public func text(decimals: Int) -> String {
    let number = String(format: "%.\(decimals)f", value)
    guard standardError.isFinite else { return number }
    return number + String(format: " ± %.\(decimals)f", standardError)
  }
}
