/// Why a factorization does not exist.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
  /// The matrix has no Cholesky factor; `minor` is the order of the first leading minor that is not
  /// positive.
  case notPositiveDefinite(minor: Int)
  /// The system of equations has no unique solution.
  case singular
  /// The iteration did not converge, for example because elements are not finite.
  case notConverged

  public var description: String {
    switch self {
    case .notPositiveDefinite(let minor):
      "the matrix is not positive definite (its leading minor of order \(minor) is not positive); "
        + "add a little to its diagonal"
    case .singular: "the matrix is singular"
    case .notConverged: "the iteration did not converge; are all elements finite?"
    }
  }
}

extension Matrix {
  /// The Cholesky factor of a symmetric positive definite matrix: the lower triangular `L` with a
  /// positive diagonal and `A = L·Lᵀ`.
  ///
  /// Only the lower triangle is read.
  public func cholesky() throws(LinearAlgebraError) -> Matrix {
    requireSquare()
    var factor = Matrix.zeros(rows, rows)
    for row in 0..<rows {
      for column in 0...row {
        var rest = self[row, column]
        for k in 0..<column { rest -= factor[row, k] * factor[column, k] }
        if row > column {
          factor[row, column] = rest / factor[column, column]
        } else {
          guard rest > 0 else { throw .notPositiveDefinite(minor: row + 1) }
          factor[row, row] = rest.squareRoot()
        }
      }
    }
    return factor
  }

  /// The logarithm of the determinant of a symmetric positive definite matrix.
  public func logDeterminant() throws(LinearAlgebraError) -> Double {
    2 * (try cholesky()).diagonal.reduce(0) { $0 + log($1) }
  }

  /// Solves `A·X = right` for the matrix `X` by Gaussian elimination with pivoting.
  public func solve(_ right: Matrix) throws(LinearAlgebraError) -> Matrix {
    requireSquare()
    guard right.rows == rows else {
      fatalError("\(rows) equations with right sides of \(right.rows) numbers")
    }
    var (left, solution) = (self, right)
    for pivot in 0..<rows {
      let best = (pivot..<rows).max { abs(left[$0, pivot]) < abs(left[$1, pivot]) }!
      guard left[best, pivot] != 0 else { throw .singular }
      left.exchangeRows(pivot, best)
      solution.exchangeRows(pivot, best)
      for row in pivot + 1..<max(pivot + 1, rows) {
        let factor = left[row, pivot] / left[pivot, pivot]
        left.addRow(pivot, times: -factor, to: row)
        solution.addRow(pivot, times: -factor, to: row)
      }
    }
    for pivot in (0..<rows).reversed() {
      solution.addRow(pivot, times: 1 / left[pivot, pivot] - 1, to: pivot)
      for row in 0..<pivot { solution.addRow(pivot, times: -left[row, pivot], to: row) }
    }
    return solution
  }

  /// Solves `A·x = right` for the vector `x`.
  public func solve(_ right: [Double]) throws(LinearAlgebraError) -> [Double] {
    try solve(Matrix(rows: right.count, columns: 1, right)).elements
  }

  /// The inverse.
  public func inverse() throws(LinearAlgebraError) -> Matrix { try solve(.identity(rows)) }

  /// Traps unless the matrix is square.
  public func requireSquare() {
    guard rows == columns else { fatalError("a matrix of \(rows) by \(columns) is not square") }
  }

  private mutating func exchangeRows(_ i: Int, _ j: Int) {
    if i == j { return }
    for column in 0..<columns { elements.swapAt(i * columns + column, j * columns + column) }
  }

  private mutating func addRow(_ source: Int, times factor: Double, to target: Int) {
    for column in 0..<columns {
      elements[target * columns + column] += factor * elements[source * columns + column]
    }
  }
}
