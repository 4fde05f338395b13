extension Matrix {
  /// Jacobi's method, the default solver of the functions below.
  public static let jacobi:
    @Sendable (Matrix) throws(LinearAlgebraError) -> (
      values: [Double], vectors: Matrix
    ) = { matrix throws(LinearAlgebraError) in try matrix.symmetricEigen() }

  /// The symmetric positive semidefinite square root of such a matrix: `R·R = A`.
  ///
  /// Eigenvalues that are negative by rounding are replaced by zero. For large matrices pass a faster
  /// solver.
  public func squareRoot(
    eigen: SymmetricEigenSolver = jacobi
  ) throws(LinearAlgebraError) -> Matrix {
    let (values, vectors) = try eigen(self)
    return vectors * .diagonal(values.map { max($0, 0).squareRoot() }) * vectors.transposed
  }

  /// The trace of `√(A·B)` for symmetric positive semidefinite `A` and `B`, as in the Fréchet
  /// distance of two Gaussian distributions.
  ///
  /// `A·B` is not symmetric, but `√A·B·√A` is and has the same eigenvalues, so the trace is the sum of
  /// their square roots.
  public static func traceOfSquareRoot(
    ofProduct a: Matrix, _ b: Matrix, eigen: SymmetricEigenSolver = jacobi
  ) throws(LinearAlgebraError) -> Double {
    let root = try a.squareRoot(eigen: eigen)
    return (try eigen(root * b * root)).values.reduce(0) {
      $0 + max($1, 0).squareRoot()
    }
  }
}

/// The Fréchet distance of two Gaussian distributions, squared by convention:
/// `‖m₁ - m₂‖² + tr(C₁ + C₂ - 2√(C₁·C₂))` (Dowson and Landau, Journal of Multivariate Analysis
/// 12, 1982).
public func frechetDistance(
  _ first: (mean: [Double], covariance: Matrix), _ second: (mean: [Double], covariance: Matrix),
  eigen: SymmetricEigenSolver = Matrix.jacobi
) throws(LinearAlgebraError) -> Double {
  let offset = zip(first.mean, second.mean).reduce(0) { sum, pair in
    sum + (pair.0 - pair.1) * (pair.0 - pair.1)
  }
  return offset + first.covariance.trace + second.covariance.trace
    - 2
    * (try Matrix.traceOfSquareRoot(ofProduct: first.covariance, second.covariance, eigen: eigen))
}
