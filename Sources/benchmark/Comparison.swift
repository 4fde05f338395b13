import Foundation
import Weaving

/// Runs of the same work by PyTorch and by this package, as rows with ratios.
///
/// The two take turns. A turn's ratio compares two times that were measured within seconds of each
/// other, and the median of these ratios is a row's ratio.
struct Comparison {
  /// One quantity of both sides.
  struct Row: Equatable {
    enum Unit: String {
      case seconds = "s"
      case mebibytes = "MiB"
    }

    let name: String
    let unit: Unit
    let pytorch: Double
    let here: Double
    /// How many times as fast this package is as PyTorch, or its share of PyTorch's memory.
    let ratio: Double
    /// The least and the largest ratio of a turn.
    let range: ClosedRange<Double>
    /// The least ratio of times, or the largest ratio of memory, that is required.
    let required: Double

    /// Whether the ratio is as required.
    var isMet: Bool { unit == .seconds ? ratio >= required : ratio <= required }
  }

  /// The runs of each side.
  var pytorch: [NetworkRun] = []
  var here: [NetworkRun] = []

  /// The rows: training steps, forward passes by falling batch, sampling, memory; each in the order
  /// of the networks. Work that one side has not done has none.
  var rows: [Row] {
    let works = here.map(Key.init).reduce(into: [Key]()) { keys, key in
      if !keys.contains(key) { keys.append(key) }
    }
    let training = works.filter { $0.work == .training }
    let sampling = works.filter { $0.work == .sampling }
    let forward = works.filter { $0.work == .forward }
    let full = forward.filter { $0.images > 16 }
    let part = forward.filter { $0.images <= 16 && $0.images > 1 }
    let single = forward.filter { $0.images == 1 }
    return (training + full + part + single + sampling).compactMap(time)
      + training.compactMap(memory)
  }

  /// What runs are compared by.
  private struct Key: Equatable {
    let network: String
    let work: NetworkRun.Work
    let images: Int

    init(_ run: NetworkRun) {
      (network, work, images) = (run.network, run.work, run.images)
    }

    var name: String {
      switch work {
      case .training: "\(network), training step, batch \(images)"
      case .forward: "\(network), forward pass, " + (images == 1 ? "one image" : "batch \(images)")
      case .sampling: "\(network), \(images) images, 50 steps, guided"
      }
    }
  }

  private func time(_ key: Key) -> Row? {
    let theirs = pytorch.filter { Key($0) == key }.flatMap(\.times)
    let ours = here.filter { Key($0) == key }.flatMap(\.times)
    let ratios = zip(theirs, ours).map { $0 / $1 }
    guard let least = ratios.min(), let largest = ratios.max() else { return nil }
    return Row(
      name: key.name, unit: .seconds, pytorch: theirs.median, here: ours.median,
      ratio: ratios.median, range: least...largest,
      required: key.work == .forward && key.images == 1 ? 4 : 2.4)
  }

  private func memory(_ key: Key) -> Row? {
    let theirs = pytorch.filter { Key($0) == key }.compactMap(\.memory)
    let ours = here.filter { Key($0) == key }.compactMap(\.memory)
    guard !theirs.isEmpty, !ours.isEmpty else { return nil }
    let ratio = ours.median / theirs.median
    return Row(
      name: "\(key.network), peak memory of training", unit: .mebibytes, pytorch: theirs.median,
      here: ours.median, ratio: ratio, range: ratio...ratio, required: 0.5)
  }

}

extension Comparison.Row {
  /// The line of the table; `heading` names its columns.
  var line: String {
    let isTime = unit == .seconds
    let turns = String(format: "%.2f-%.2f", range.lowerBound, range.upperBound)
    return Self.line([
      name, text(pytorch), text(here), String(format: "%.2f", ratio), isTime ? turns : "",
      "\(isTime ? "≥" : "≤") \(required)",
    ]) + (isMet ? "" : "  not met")
  }

  static var heading: String { line(["", "PyTorch", "here", "ratio", "range", "required"]) }

  private static func line(_ cells: [String]) -> String {
    cells[0].paddedRight(to: 42)
      + zip(cells.dropFirst(), [11, 11, 8, 12, 10]).map { (" " + $0).paddedLeft(to: $1) }.joined()
  }

  private func text(_ value: Double) -> String {
    if unit == .mebibytes { return String(format: "%.0f MiB", value) }
    if value >= 1 { return String(format: "%.2f s", value) }
    return String(format: value < 0.1 ? "%.2f ms" : "%.1f ms", value * 1e3)
  }
}
