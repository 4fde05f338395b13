import Parallelism

/// Distances of samples in any dimension, computed from all pairs of points.
extension Distance {
  /// The energy distance of two samples, $2 E|X - Y| - E|X - X'| - E|Y - Y'|$, which is 0
  /// only for equal distributions (Székely and Rizzo, "Energy statistics", 2013). Pairs of a point
  /// with itself are left out, so the estimate is unbiased and may be slightly negative.
  public static func energy(_ first: PointSet, _ second: PointSet) -> Double {
    func distance(_ square: Double) -> Double { square.squareRoot() }
    return 2 * mean(first, second, distance) - mean(first, distance) - mean(second, distance)
  }

  /// The mean of a function of the squared distance over all pairs of two sets.
  private static func mean(
    _ first: PointSet, _ second: PointSet, _ body: (Double) -> Double
  ) -> Double {
    sum(first, second, body) / Double(first.count * second.count)
  }

  /// The mean over all pairs of different points of one set.
  private static func mean(_ points: PointSet, _ body: (Double) -> Double) -> Double {
    let n = Double(points.count)
    return (sum(points, points, body) - n * body(0)) / (n * (n - 1))
  }

  private static func sum(
    _ first: PointSet, _ second: PointSet, _ body: (Double) -> Double
  ) -> Double {
    guard first.dimensions == second.dimensions, first.count > 1, second.count > 1 else {
      fatalError("the sets need at least two points each, of the same dimensions")
    }
    let d = first.dimensions
    var sums = [Double](repeating: 0, count: first.count)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      let place = sums.baseAddress!
      unsafe first.values.withUnsafeBufferPointer { x in
        unsafe second.values.withUnsafeBufferPointer { y in
          Parallel.forRanges(first.count, grain: 16) { range in
            for i in range {
              var total = 0.0
              for j in 0..<y.count / d {
                var square = 0.0
                for axis in 0..<d {
                  let gap = unsafe x[i * d + axis] - y[j * d + axis]
                  square += gap * gap
                }
                total += body(square)
              }
              unsafe place[i] = total
            }
          }
        }
      }
    }
    return sums.reduce(0, +)
  }
}
