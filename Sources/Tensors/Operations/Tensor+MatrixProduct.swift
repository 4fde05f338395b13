import COpenBLAS
import Parallelism

/// Multiplies matrices: `[…, m, k]` by `[…, k, n]` gives `[…, m, n]`.
///
/// The axes in front must be equal, or one of the operands has none and serves all.
///
/// - Parameters:
///   - transposingA: reads the last two axes of `a` exchanged, without copying it.
///   - transposingB: reads the last two axes of `b` exchanged, without copying it.
public func matmul(
  _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false
) -> Tensor {
  guard a.rank >= 2, b.rank >= 2 else {
    fatalError("a matrix product needs matrices, not shapes \(a.shape) and \(b.shape)")
  }
  let (m, k) = extents(a, exchanged: transposingA)
  let (inner, n) = extents(b, exchanged: transposingB)
  let batchA = Shape(a.shape.dropLast(2))
  let batchB = Shape(b.shape.dropLast(2))
  guard k == inner, batchA == batchB || batchA.isEmpty || batchB.isEmpty else {
    fatalError("shapes \(a.shape) and \(b.shape) do not multiply")
  }
  let batchShape = batchA.isEmpty ? batchB : batchA
  let batch = batchShape.elementCount
  // A stack of matrices times one matrix is a single taller matrix times it.
  if batchB.isEmpty, !transposingA, batch > 1 {
    let tall = matmul(a.reshaped([batch * m, k]), b, transposingB: transposingB)
    return tall.reshaped(batchShape + [m, n])
  }
  // Pieces of rows, as many as the work is worth; they depend on the shapes alone.
  let worth = max(1, min(16, m * n * k >> 22))
  let rows = (m + worth - 1) / worth
  let pieces = rows == 0 ? 0 : (m + rows - 1) / rows
  return unsafe Tensor(uninitialized: batchShape + [m, n]) { c in
    unsafe a.withElements { a in
      unsafe b.withElements { b in
        Parallel.forEach(batch * pieces) { piece in
          let (entry, first) = (piece / pieces, piece % pieces * rows)
          let start = (batchA.isEmpty ? 0 : entry) * m * k
          unsafe multiply(
            rows: min(rows, m - first), n, k,
            a + start + (transposingA ? first : first * k), transposingA ? m : k, transposingA,
            b + (batchB.isEmpty ? 0 : entry) * k * n, transposingB ? k : n, transposingB,
            c + (entry * m + first) * n)
        }
      }
    }
  }
}

private func extents(_ x: Tensor, exchanged: Bool) -> (rows: Int, columns: Int) {
  let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
  return exchanged ? (columns, rows) : (rows, columns)
}

/// Writes the product of a matrix of `rows` by `k` and one of `k` by `n`, each with the distance
/// between its rows in memory and whether it is read transposed.
private func multiply(
  rows: Int, _ n: Int, _ k: Int,
  _ a: UnsafePointer<Float>, _ stepA: Int, _ transposedA: Bool,
  _ b: UnsafePointer<Float>, _ stepB: Int, _ transposedB: Bool,
  _ c: UnsafeMutablePointer<Float>
) {
  if k == 0 { return unsafe c.update(repeating: 0, count: rows * n) }
  if n == 0 { return }
  unsafe cblas_sgemm(
    CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
    Int32(rows), Int32(n), Int32(k), 1, a, Int32(stepA), b, Int32(stepB), 0, c, Int32(n))
}
