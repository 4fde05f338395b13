/// A set of points on the real line, in the plane or in more dimensions, in double precision.
///
/// Exact denoisers act on point sets, as networks act on tensors.
public struct PointSet: Sendable, Equatable {
  /// The coordinates, point after point.
  public var values: [Double]

  /// The number of coordinates of a point.
  public let dimensions: Int

  /// Creates points from their coordinates, point after point.
  public init(_ values: [Double], dimensions: Int = 1) {
    guard dimensions > 0, values.count.isMultiple(of: dimensions) else {
      fatalError("\(values.count) coordinates do not make points of \(dimensions) dimensions")
    }
    self.values = values
    self.dimensions = dimensions
  }

  /// Creates points from arrays of coordinates, one per point.
  public init(_ points: [[Double]]) {
    self.init(points.flatMap { $0 }, dimensions: points.first?.count ?? 1)
  }

  /// Creates `count` points at the origin.
  public init(zeros count: Int, dimensions: Int = 1) {
    self.init([Double](repeating: 0, count: count * dimensions), dimensions: dimensions)
  }

  /// The number of points.
  public var count: Int { values.count / dimensions }

  /// The coordinates of one point.
  public subscript(_ point: Int) -> [Double] {
    Array(values[point * dimensions..<(point + 1) * dimensions])
  }

  /// One coordinate of every point.
  public func column(_ axis: Int) -> [Double] {
    dimensions == 1
      ? values : stride(from: axis, to: values.count, by: dimensions).map { values[$0] }
  }

  /// The points as the rows of a matrix.
  public var matrix: Matrix { Matrix(rows: count, columns: dimensions, values) }

  /// The largest absolute difference between corresponding coordinates.
  public func largestDifference(from other: PointSet) -> Double {
    guard values.count == other.values.count, dimensions == other.dimensions else {
      fatalError("\(count) points cannot be compared with \(other.count)")
    }
    return zip(values, other.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// The points with `body` applied to every coordinate.
  public func map(_ body: (Double) -> Double) -> PointSet {
    PointSet(values.map(body), dimensions: dimensions)
  }
}

extension PointSet: LinearCombinableBatch {
  public static func sum(_ terms: (Double, PointSet)...) -> PointSet {
    let size = terms.first?.1.values.count ?? 0
    let dimensions = terms.first?.1.dimensions ?? 1
    guard terms.allSatisfy({ $0.1.values.count == size && $0.1.dimensions == dimensions }) else {
      fatalError("a sum of point sets needs sets of the same size")
    }
    let values = unsafe [Double](unsafeUninitializedCapacity: size) { buffer, filled in
      filled = size
      guard let result = buffer.baseAddress else { return }
      for (position, term) in terms.enumerated() {
        unsafe term.1.values.withUnsafeBufferPointer {
          unsafe accumulate(term.0, $0.baseAddress!, into: result, size, isFirst: position == 0)
        }
      }
    }
    return PointSet(values, dimensions: dimensions)
  }

  private static func accumulate(
    _ weight: Double, _ source: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>,
    _ count: Int, isFirst: Bool
  ) {
    if isFirst {
      for i in 0..<count { unsafe result[i] = unsafe weight * source[i] }
    } else {
      for i in 0..<count { unsafe result[i] += weight * source[i] }
    }
  }

  public static func sum(
    _ first: ([Double], PointSet), _ second: ([Double], PointSet)
  ) -> PointSet {
    let (a, b, d) = (first.1, second.1, first.1.dimensions)
    guard
      a.values.count == b.values.count, d == b.dimensions, first.0.count == a.count,
      second.0.count == a.count
    else { fatalError("a sum of point sets needs sets of the same size, and one weight per point") }
    var result = a
    for i in a.values.indices {
      result.values[i] = first.0[i / d] * a.values[i] + second.0[i / d] * b.values[i]
    }
    return result
  }

  public func shifted(by offset: Double) -> PointSet { map { $0 + offset } }

  public func clipped(to range: ClosedRange<Double>) -> PointSet {
    map { min(max($0, range.lowerBound), range.upperBound) }
  }

  public var entryCount: Int { count }

  public func normalSamples(using streams: inout RandomStreams) -> PointSet {
    streams.normalPoints(dimensions: dimensions)
  }

  public static func joined(_ parts: [PointSet]) -> PointSet {
    PointSet(parts.flatMap { $0.values }, dimensions: parts[0].dimensions)
  }

  public func entries(_ range: Range<Int>) -> PointSet {
    PointSet(
      Array(values[range.lowerBound * dimensions..<range.upperBound * dimensions]),
      dimensions: dimensions)
  }
}

extension PointSet: ChanneledBatch {
  public func replacingLastChannel(from other: PointSet) -> PointSet {
    var result = self
    for last in stride(from: dimensions - 1, to: values.count, by: dimensions) {
      result.values[last] = other.values[last]
    }
    return result
  }
}
