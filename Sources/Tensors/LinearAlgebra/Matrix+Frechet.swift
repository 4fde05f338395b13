import Foundation

extension Matrix {
  /// The symmetric, positive semidefinite square root of such a matrix: `R·R = A`.
  ///
  /// Eigenvalues that rounding made negative count as zero.
  public func squareRoot() throws(LinearAlgebraError) -> Matrix {
    let (values, vectors) = try symmetricEigen()
    return vectors * .diagonal(values.map { max($0, 0).squareRoot() }) * vectors.transposed
  }

  /// The trace of `√(A·B)` for symmetric positive semidefinite `A` and `B`, as in the Fréchet
  /// distance of two normal distributions.
  ///
  /// `A·B` has no symmetric root, but `√A·B·√A` has, and the same eigenvalues; so the trace is the
  /// sum of their roots.
  public static func traceOfSquareRoot(
    ofProduct a: Matrix, _ b: Matrix
  ) throws(LinearAlgebraError) -> Double {
    let root = try a.squareRoot()
    return (try (root * b * root).symmetricEigen()).values.reduce(0) {
      $0 + max($1, 0).squareRoot()
    }
  }

  /// The mean of rows of observations, and their covariance with the divisor `rows - 1`.
  ///
  /// Deviations are taken from the mean before they are multiplied, so nothing cancels.
  public func meanAndCovariance() -> (mean: [Double], covariance: Matrix) {
    guard rows > 1 else { fatalError("a covariance needs two observations or more") }
    var mean = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns { mean[column] += elements[row * columns + column] }
    }
    for column in 0..<columns { mean[column] /= Double(rows) }
    var centered = self
    for row in 0..<rows {
      for column in 0..<columns { centered.elements[row * columns + column] -= mean[column] }
    }
    return (mean, 1 / Double(rows - 1) * (centered.transposed * centered))
  }
}

/// The Fréchet distance of two normal distributions, squared as is the custom:
/// `‖m₁ - m₂‖² + tr(C₁ + C₂ - 2√(C₁·C₂))` (Dowson and Landau, Journal of Multivariate Analysis
/// 12, 1982).
public func frechetDistance(
  _ first: (mean: [Double], covariance: Matrix), _ second: (mean: [Double], covariance: Matrix)
) throws(LinearAlgebraError) -> Double {
  let offset = zip(first.mean, second.mean).reduce(0) { sum, pair in
    sum + (pair.0 - pair.1) * (pair.0 - pair.1)
  }
  return offset + first.covariance.trace + second.covariance.trace
    - 2 * (try Matrix.traceOfSquareRoot(ofProduct: first.covariance, second.covariance))
}
