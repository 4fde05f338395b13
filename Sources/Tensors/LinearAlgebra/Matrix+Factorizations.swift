import COpenBLAS
import Foundation

/// Why a factorization does not exist.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
  /// A Cholesky factor of a matrix that is not positive definite; the order of the first leading
  /// minor that is not positive.
  case notPositiveDefinite(minor: Int)
  /// A system of equations without a single solution.
  case singular
  /// An iteration that did not settle, as with elements that are not finite.
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

// LAPACK wants matrices column after column. A symmetric matrix is the same either way; of others
// it is given the transpose, and asked for what the transpose has.

extension Matrix {
  /// Decomposes a symmetric matrix as `A = V·diag(values)·Vᵀ`.
  ///
  /// Only the upper triangle is read.
  /// - Returns: the eigenvalues, smallest first, and the matrix `V` whose columns are orthonormal
  ///   eigenvectors in the same order.
  public func symmetricEigen() throws(LinearAlgebraError) -> (values: [Double], vectors: Matrix) {
    requireSquare()
    var n = Int32(rows)
    var vectors = elements
    var values = [Double](repeating: 0, count: rows)
    var info: Int32 = 0
    // The first call only says how much room the second needs.
    var (roomSize, indexSize): (Int32, Int32) = (-1, -1)
    var (room, indices): ([Double], [Int32]) = ([0], [0])
    for _ in 0..<2 {
      dsyevd_(
        "V", "L", &n, &vectors, &n, &values, &room, &roomSize, &indices, &indexSize, &info)
      if roomSize == -1 {
        (roomSize, indexSize) = (Int32(room[0]), indices[0])
        room = Array(repeating: 0, count: Int(roomSize))
        indices = Array(repeating: 0, count: Int(indexSize))
      }
    }
    guard info == 0 else { throw .notConverged }
    return (values, Matrix(rows: rows, columns: rows, vectors).transposed)
  }

  /// Finds the lower triangular `L` with a positive diagonal and `A = L·Lᵀ`, of a symmetric positive
  /// definite matrix.
  ///
  /// Only the lower triangle is read.
  public func cholesky() throws(LinearAlgebraError) -> Matrix {
    requireSquare()
    var n = Int32(rows)
    var factor = elements
    var info: Int32 = 0
    dpotrf_("U", &n, &factor, &n, &info)
    guard info == 0 else { throw .notPositiveDefinite(minor: Int(info)) }
    var result = Matrix(rows: rows, columns: rows, factor)
    for row in 0..<rows {
      for column in row + 1..<max(row + 1, columns) { result[row, column] = 0 }
    }
    return result
  }

  /// The logarithm of the determinant of a symmetric positive definite matrix.
  public func logDeterminant() throws(LinearAlgebraError) -> Double {
    2 * (try cholesky()).diagonal.reduce(0) { $0 + log($1) }
  }

  /// Solves `A·X = right` for the matrix `X`.
  public func solve(_ right: Matrix) throws(LinearAlgebraError) -> Matrix {
    requireSquare()
    guard right.rows == rows else {
      fatalError("\(rows) equations with right sides of \(right.rows) numbers")
    }
    var n = Int32(rows)
    var sides = Int32(right.columns)
    var factors = transposed.elements
    var pivots = [Int32](repeating: 0, count: rows)
    var solution = right.transposed.elements
    var info: Int32 = 0
    dgesv_(&n, &sides, &factors, &n, &pivots, &solution, &n, &info)
    guard info == 0 else { throw .singular }
    return Matrix(rows: right.columns, columns: rows, solution).transposed
  }

  /// Solves `A·x = right` for the vector `x`.
  public func solve(_ right: [Double]) throws(LinearAlgebraError) -> [Double] {
    try solve(Matrix(rows: right.count, columns: 1, right)).elements
  }

  /// The matrix whose product with this one is the identity.
  public func inverse() throws(LinearAlgebraError) -> Matrix { try solve(.identity(rows)) }

  /// Decomposes a matrix as `A = U·diag(values)·Vᵀ`.
  ///
  /// - Returns: with `k` the smaller extent, `U` of `rows` by `k` with orthonormal columns, the `k`
  ///   singular values, largest first, and `Vᵀ` of `k` by `columns` with orthonormal rows.
  public func singularValues() throws(LinearAlgebraError) -> (
    left: Matrix, values: [Double], rightTransposed: Matrix
  ) {
    let smaller = min(rows, columns)
    // LAPACK sees the transpose, V·diag·Uᵀ, and its column-major results are the transposes of the
    // transposes.
    var (m, n, k) = (Int32(columns), Int32(rows), Int32(smaller))
    var matrix = elements
    var values = [Double](repeating: 0, count: smaller)
    var right = [Double](repeating: 0, count: columns * smaller)
    var left = [Double](repeating: 0, count: smaller * rows)
    var indices = [Int32](repeating: 0, count: 8 * smaller)
    var info: Int32 = 0
    var roomSize: Int32 = -1
    var room = [0.0]
    for _ in 0..<2 {
      dgesdd_(
        "S", &m, &n, &matrix, &m, &values, &right, &m, &left, &k, &room, &roomSize, &indices, &info)
      if roomSize == -1 {
        roomSize = Int32(room[0])
        room = Array(repeating: 0, count: Int(roomSize))
      }
    }
    guard info == 0 else { throw .notConverged }
    return (
      Matrix(rows: rows, columns: smaller, left), values,
      Matrix(rows: smaller, columns: columns, right)
    )
  }

  private func requireSquare() {
    guard rows == columns else { fatalError("a matrix of \(rows) by \(columns) is not square") }
  }
}
