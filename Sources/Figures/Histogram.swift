import Foundation

/// Counts of values in bins of equal width.
public struct Histogram: Equatable, Sendable {
  /// The ends of the bins, one more than there are bins.
  public let edges: [Double]
  /// The number of values in each bin.
  public let counts: [Int]
  /// The number of all finite values, those outside the bins included.
  public let total: Int

  /// Counts values; a bin holds its lower end, and the last one its upper end too.
  /// - Parameter bins: their number; without it Freedman and Diaconis' rule (1981) decides.
  public init(_ values: [Double], bins: Int? = nil, range: ClosedRange<Double>? = nil) {
    let finite = values.filter(\.isFinite)
    let found = range ?? Scale.linear.extent(finite) ?? 0...1
    let span =
      found.upperBound > found.lowerBound
      ? found : found.lowerBound - 0.5...found.lowerBound + 0.5
    let count = max(1, bins ?? Histogram.suitableCount(finite, in: span))
    let width = (span.upperBound - span.lowerBound) / Double(count)
    edges = (0...count).map { span.lowerBound + Double($0) * width }
    var counts = [Int](repeating: 0, count: count)
    for v in finite where span.contains(v) {
      counts[min(count - 1, Int((v - span.lowerBound) / width))] += 1
    }
    self.counts = counts
    total = finite.count
  }

  /// The counts divided by the number of values and the width of a bin.
  public var densities: [Double] {
    let width = edges[1] - edges[0]
    return counts.map { Double($0) / (Double(max(total, 1)) * width) }
  }

  // Bins of twice the range of the middle half over the cube root of the number of values.
  private static func suitableCount(_ values: [Double], in span: ClosedRange<Double>) -> Int {
    let sorted = values.filter(span.contains).sorted()
    guard sorted.count > 3 else { return 1 }
    let middle = sorted[3 * sorted.count / 4] - sorted[sorted.count / 4]
    let width = 2 * middle / cbrt(Double(sorted.count))
    guard width > 0 else { return 10 }
    return min(80, max(5, Int(((span.upperBound - span.lowerBound) / width).rounded(.up))))
  }
}
