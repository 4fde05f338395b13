/// A function that computes eigenvalues, in ascending order, and orthonormal eigenvectors as columns.
public typealias SymmetricEigenSolver = (Matrix) throws(LinearAlgebraError) -> (
  values: [Double], vectors: Matrix
)

extension Matrix {
  /// Decomposes a symmetric matrix as `A = V·diag(values)·Vᵀ` by Jacobi's method: successive
  /// plane rotations reduce the off-diagonal elements to zero (Golub and Van Loan, "Matrix
  /// computations", section 8.5).
  ///
  /// Only the upper triangle is read. For small matrices: n³ operations per sweep, 6 to 10 sweeps.
  ///
  /// - Returns: the eigenvalues, in ascending order, and the matrix `V` whose columns are orthonormal
  ///   eigenvectors in the same order.
  public func symmetricEigen() throws(LinearAlgebraError) -> (values: [Double], vectors: Matrix) {
    requireSquare()
    var rest = self
    for row in 0..<rows {
      for column in 0..<row { rest[row, column] = rest[column, row] }
    }
    var vectors = Matrix.identity(rows)
    let small = 1e-32 * rest.norm * rest.norm
    for _ in 0..<60 {
      let off = rest.sumOfSquaresOffDiagonal
      guard off.isFinite else { throw .notConverged }
      if off <= small { return Self.sorted(rest.diagonal, vectors) }
      for p in 0..<rows {
        for q in p + 1..<max(p + 1, rows) { rest.rotate(p, q, &vectors) }
      }
    }
    throw .notConverged
  }

  private var sumOfSquaresOffDiagonal: Double {
    var total = 0.0
    for row in 0..<rows {
      for column in row + 1..<max(row + 1, columns) {
        total += 2 * self[row, column] * self[row, column]
      }
    }
    return total
  }

  /// Reduces element (p, q) to zero by a rotation in the plane of two coordinates.
  private mutating func rotate(_ p: Int, _ q: Int, _ vectors: inout Matrix) {
    let off = self[p, q]
    if off == 0 { return }
    let ratio = (self[q, q] - self[p, p]) / (2 * off)
    let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    let sine = tangent * cosine
    turnColumns(p, q, cosine, sine)
    turnRows(p, q, cosine, sine)
    self[p, q] = 0
    self[q, p] = 0
    vectors.turnColumns(p, q, cosine, sine)
  }

  private mutating func turnColumns(_ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
    for row in 0..<rows {
      let (a, b) = (elements[row * columns + p], elements[row * columns + q])
      elements[row * columns + p] = cosine * a - sine * b
      elements[row * columns + q] = sine * a + cosine * b
    }
  }

  private mutating func turnRows(_ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
    for column in 0..<columns {
      let (a, b) = (elements[p * columns + column], elements[q * columns + column])
      elements[p * columns + column] = cosine * a - sine * b
      elements[q * columns + column] = sine * a + cosine * b
    }
  }

  private static func sorted(
    _ values: [Double], _ vectors: Matrix
  ) -> (values: [Double], vectors: Matrix) {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var result = vectors
    for (column, source) in order.enumerated() {
      for row in 0..<vectors.rows { result[row, column] = vectors[row, source] }
    }
    return (order.map { values[$0] }, result)
  }
}
