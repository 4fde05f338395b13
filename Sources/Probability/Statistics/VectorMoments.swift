/// Mean and covariance of vectors that come in batches, from sums of the vectors and of their
/// products.
///
/// Where the mean is large against the standard deviations, subtract a common vector first: the
/// covariance is a difference of sums.
public struct VectorMoments: Sendable {
  /// The number of vectors.
  public private(set) var count = 0
  private var sum: [Double]
  private var products: Matrix

  /// Starts without any vector of `width` coordinates.
  public init(width: Int) {
    sum = [Double](repeating: 0, count: width)
    products = .zeros(width, width)
  }

  /// Adds the rows of a matrix.
  public mutating func add(_ rows: Matrix) {
    add(count: rows.rows, sum: rows.columnSums, products: rows.transposed * rows)
  }

  /// Adds vectors of which the sum and the sum of products $x x^T$ are known.
  public mutating func add(count: Int, sum: [Double], products: Matrix) {
    guard sum.count == self.sum.count, products.rows == sum.count else {
      fatalError("vectors of \(sum.count) coordinates cannot join those of \(self.sum.count)")
    }
    self.count += count
    for i in sum.indices { self.sum[i] += sum[i] }
    self.products = self.products + products
  }

  /// Adds all vectors of another set.
  public mutating func add(_ other: VectorMoments) {
    add(count: other.count, sum: other.sum, products: other.products)
  }

  /// Removes vectors that have been added.
  public mutating func remove(_ other: VectorMoments) {
    add(count: -other.count, sum: other.sum.map { -$0 }, products: -1 * other.products)
  }

  /// The mean of all vectors.
  public var mean: [Double] { sum.map { $0 / Double(count) } }

  /// The covariance with the divisor `count`.
  public var covariance: Matrix { covariance(divisor: Double(count)) }

  /// The covariance with the divisor `count - 1`, whose expectation is that of the distribution.
  public var unbiasedCovariance: Matrix { covariance(divisor: Double(count - 1)) }

  private func covariance(divisor: Double) -> Matrix {
    let (mean, factor) = (mean, Double(count) / divisor)
    var result = 1 / divisor * products
    for i in mean.indices {
      for j in mean.indices { result[i, j] -= factor * mean[i] * mean[j] }
    }
    return result
  }
}

extension Matrix {
  /// The sum of the rows.
  var columnSums: [Double] {
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns { sums[column] += elements[row * columns + column] }
    }
    return sums
  }

  /// The rows with a vector subtracted from each.
  public func subtracting(_ vector: [Double]) -> Matrix {
    var result = self
    for row in 0..<rows {
      for column in 0..<columns { result.elements[row * columns + column] -= vector[column] }
    }
    return result
  }

  /// The mean of rows of observations, and their covariance with the divisor `rows - 1`.
  ///
  /// The mean is subtracted before products are summed, so nothing cancels.
  public func meanAndCovariance() -> (mean: [Double], covariance: Matrix) {
    guard rows > 1 else { fatalError("a covariance needs two observations or more") }
    let mean = columnSums.map { $0 / Double(rows) }
    var moments = VectorMoments(width: columns)
    moments.add(subtracting(mean))
    return (mean, moments.unbiasedCovariance)
  }
}
