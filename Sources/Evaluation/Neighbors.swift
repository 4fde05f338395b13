import Parallelism
import Tensors

/// A vector of a set, and how far it is from another.
public struct Neighbor: Sendable, Equatable {
  /// Its place in the set.
  public let index: Int
  /// The Euclidean distance.
  public let distance: Double

  public init(index: Int, distance: Double) {
    self.index = index
    self.distance = distance
  }
}

/// Finds the `count` nearest of `references` to each of `queries`, the nearest first.
///
/// - Parameters:
///   - queries, references: `[…, …]` with entries of one shape, which count as vectors.
///   - skippingSame: Leaves out the reference with the query's own place, where a set is compared
///     with itself.
public func nearestNeighbors(
  to queries: Tensor, in references: Tensor, count: Int, skippingSame: Bool = false
) -> [[Neighbor]] {
  guard count > 0, count <= references.shape[0] - (skippingSame ? 1 : 0) else {
    fatalError("\(count) neighbors among \(references.shape[0]) vectors")
  }
  var result = [[Neighbor]](repeating: [], count: queries.shape[0])
  unsafe forTiles(of: queries, references) { start, rows, distances in
    let columns = references.shape[0]
    unsafe result.withUnsafeMutableBufferPointer { result in
      let place = unsafe result.baseAddress! + start
      Parallel.forRanges(rows, grain: 8) { range in
        for row in range {
          let skipped = skippingSame ? start + row : -1
          unsafe place[row] = unsafe smallest(
            distances + row * columns, columns, count, skipping: skipped)
        }
      }
    }
  }
  return result
}

/// For each of `queries`, whether it lies within `radii` of any of `references`, one radius each.
func areCovered(_ queries: Tensor, by references: Tensor, radii: [Double]) -> [Bool] {
  var result = [Bool](repeating: false, count: queries.shape[0])
  // A query that is a reference lies in that ball, whatever rounding does to the distance of 0.
  let limits = radii.map { Float($0 * $0 * (1 + 1e-6)) }
  unsafe forTiles(of: queries, references) { start, rows, distances in
    for row in 0..<rows {
      let line = unsafe distances + row * limits.count
      result[start + row] = limits.indices.contains { unsafe line[$0] <= limits[$0] }
    }
  }
  return result
}

/// Calls `body` with the squared distances from some rows of `queries` at a time to all of
/// `references`: $\lVert x \rVert^2 + \lVert y \rVert^2 - 2 x^\top y$.
private func forTiles(
  of queries: Tensor, _ references: Tensor,
  _ body: (_ start: Int, _ rows: Int, _ distances: UnsafePointer<Float>) -> Void
) {
  let (x, y) = (flattened(queries), flattened(references))
  guard x.shape[1] == y.shape[1] else {
    fatalError("vectors of shapes \(queries.shape) and \(references.shape) have no distance")
  }
  let (squaresX, squaresY) = (squares(x), squares(y))
  let columns = y.shape[0]
  for start in stride(from: 0, to: x.shape[0], by: 256) {
    let rows = min(256, x.shape[0] - start)
    var distances = matmul(x.slice(start..<start + rows), y, transposingB: true)
    unsafe distances.withMutableElements { d in
      Parallel.forRanges(rows, grain: 16) { range in
        for row in range {
          for column in 0..<columns {
            let place = row * columns + column
            unsafe d[place] = unsafe max(0, squaresX[start + row] + squaresY[column] - 2 * d[place])
          }
        }
      }
    }
    unsafe distances.withElements { unsafe body(start, rows, $0) }
  }
}

private func flattened(_ x: Tensor) -> Tensor {
  x.reshaped([x.shape[0], x.count / max(1, x.shape[0])])
}

private func squares(_ x: Tensor) -> [Float] { square(x).sum(axes: [1]).elements }

/// The `count` smallest of `columns` squared distances, the smallest first.
private func smallest(
  _ squares: UnsafePointer<Float>, _ columns: Int, _ count: Int, skipping skipped: Int
) -> [Neighbor] {
  var best = [(square: Float, index: Int)](repeating: (.infinity, -1), count: count)
  for column in 0..<columns
  where unsafe squares[column] < best[count - 1].square && column != skipped {
    var place = count - 1
    while place > 0, unsafe squares[column] < best[place - 1].square {
      best[place] = best[place - 1]
      place -= 1
    }
    best[place] = unsafe (squares[column], column)
  }
  return best.map { Neighbor(index: $0.index, distance: Double($0.square).squareRoot()) }
}
