import COpenBLAS
import Probability

// Decompositions of large matrices by LAPACK, which stores matrices by columns. A symmetric matrix is
// the same in both orders; of other matrices LAPACK decomposes the transpose.

extension Matrix {
  /// Decomposes a symmetric matrix as `A = V·diag(values)·Vᵀ` by LAPACK, for hundreds of rows or
  /// more.
  ///
  /// Only the upper triangle is read.
  /// - Returns: the eigenvalues, in ascending order, and the matrix `V` whose columns are orthonormal
  ///   eigenvectors in the same order.
  public func lapackSymmetricEigen() throws(LinearAlgebraError) -> (
    values: [Double], vectors: Matrix
  ) {
    requireSquare()
    var n = Int32(rows)
    var vectors = elements
    var values = [Double](repeating: 0, count: rows)
    var info: Int32 = 0
    // The first call returns the size of the workspace for the second.
    var (roomSize, indexSize): (Int32, Int32) = (-1, -1)
    var (room, indices): ([Double], [Int32]) = ([0], [0])
    for _ in 0..<2 {
      unsafe dsyevd_(
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

  /// Decomposes a matrix as `A = U·diag(values)·Vᵀ`.
  ///
  /// - Returns: with `k` the smaller extent, `U` of `rows` by `k` with orthonormal columns, the `k`
  ///   singular values, largest first, and `Vᵀ` of `k` by `columns` with orthonormal rows.
  public func singularValues() throws(LinearAlgebraError) -> (
    left: Matrix, values: [Double], rightTransposed: Matrix
  ) {
    let smaller = min(rows, columns)
    // LAPACK decomposes the transpose, V·diag·Uᵀ, and its column-major results are the transposes of
    // the transposes.
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
      unsafe dgesdd_(
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
}
