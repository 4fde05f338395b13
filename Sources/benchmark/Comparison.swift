import Foundation

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
      name: key.name, unit: .seconds, pytorch: median(theirs), here: median(ours),
      ratio: median(ratios), range: least...largest,
      required: key.work == .forward && key.images == 1 ? 4 : 2.4)
  }

  private func memory(_ key: Key) -> Row? {
    let theirs = pytorch.filter { Key($0) == key }.compactMap(\.memory)
    let ours = here.filter { Key($0) == key }.compactMap(\.memory)
    guard !theirs.isEmpty, !ours.isEmpty else { return nil }
    let ratio = median(ours) / median(theirs)
    return Row(
      name: "\(key.network), peak memory of training", unit: .mebibytes, pytorch: median(theirs),
      here: median(ours), ratio: ratio, range: ratio...ratio, required: 0.5)
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted(), middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension Comparison.Row {
  /// The line of the table; `heading` names its columns.
  var line: String {
    name.padding(toLength: 42, withPad: " ", startingAt: 0) + right(text(pytorch), 11)
      + right(text(here), 11) + right(String(format: "%.2f", ratio), 8)
      + right(
        unit == .seconds ? String(format: "%.2f-%.2f", range.lowerBound, range.upperBound) : "", 12)
      + right("\(unit == .seconds ? "≥" : "≤") \(required)", 10) + (isMet ? "" : "  not met")
  }

  static var heading: String {
    "".padding(toLength: 42, withPad: " ", startingAt: 0) + right("PyTorch", 11)
      + right("here", 11) + right("ratio", 8) + right("range", 12) + right("required", 10)
  }

  private func text(_ value: Double) -> String {
    if unit == .mebibytes { return String(format: "%.0f MiB", value) }
    if value >= 1 { return String(format: "%.2f s", value) }
    return String(format: value < 0.1 ? "%.2f ms" : "%.1f ms", value * 1e3)
  }

  private func right(_ text: String, _ width: Int) -> String { Self.right(text, width) }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }
}
