import Evaluation
import Foundation

/// Prints measurements of sets of images beside each other, one metric a line.
struct EvaluationTable {
  /// What heads each column, and what stands in it.
  let sets: [(name: String, measured: ImageSetMeasurement)]

  var text: String {
    var rows = [[""] + sets.map(\.name), ["images"] + sets.map { String($0.measured.count) }]
    func row(_ name: String, _ cell: (ImageSetMeasurement) -> String) {
      rows.append([name] + sets.map { cell($0.measured) })
    }
    row("named right, %") { Self.percent($0.accuracy.overall) }
    row("Fréchet distance") { Self.text($0.frechet, 3) }
    row("kernel distance x 1000") { Self.text($0.kernel, 2, factor: 1000) }
    row("precision, %") { Self.percent($0.regions.precision) }
    row("recall, %") { Self.percent($0.regions.recall) }
    row("score, 1 to \(sets.first?.measured.accuracy.confusion.count ?? 0)") {
      Self.text($0.score, 2)
    }
    row("diversity within a class") { Self.text($0.diversity, 2) }
    return Self.aligned(rows)
  }

  /// How often each class is named right in the last of the sets, and what it is taken for.
  func classText(_ classes: [String]) -> String {
    guard let accuracy = sets.last?.measured.accuracy else { return "" }
    let rows = classes.indices.map { label -> [String] in
      let mistake = accuracy.commonestMistakes[label].map {
        String(format: "%@ %.1f", classes[$0.named], 100 * $0.share.value)
      }
      return [classes[label], Self.percent(accuracy.byClass[label]), mistake ?? ""]
    }
    return Self.aligned([["class", "named right, %", "most often taken for, %"]] + rows)
  }

  /// A percentage with its 95 % interval.
  private static func percent(_ share: Share) -> String {
    let (low, high) = (share.interval.lowerBound, share.interval.upperBound)
    return String(format: "%.1f (%.1f…%.1f)", 100 * share.value, 100 * low, 100 * high)
  }

  /// A number with its standard error.
  private static func text(
    _ value: MeasuredValue, _ decimals: Int, factor: Double = 1
  ) -> String {
    guard value.standardError.isFinite else {
      return String(format: "%.\(decimals)f", factor * value.value)
    }
    return String(
      format: "%.\(decimals)f ± %.\(decimals)f", factor * value.value,
      factor * value.standardError)
  }

  private static func aligned(_ rows: [[String]]) -> String {
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
