import COpenBLAS
import Probability

// LAPACK stores matrices by columns; a symmetric matrix is the same in both orders.

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
}
