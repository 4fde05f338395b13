import Probability
import Tensors
import TestSupport

/// All positions in a tensor of `shape`, in row-major order.
func positions(_ shape: Shape) -> [[Int]] {
  shape.reduce([[]]) { partial, extent in
    partial.flatMap { start in (0..<extent).map { start + [$0] } }
  }
}

/// The element of `x` at `position` of a shape to which it is broadcast.
func element(_ x: Tensor, at position: [Int]) -> Float {
  var flat = 0
  for (index, extent) in zip(position.suffix(x.rank), x.shape) {
    flat = flat * extent + (extent == 1 ? 0 : index)
  }
  return x[flat: flat]
}

/// Whether two tensors agree up to rounding: their distance is small relative to the norm, and the
/// largest difference relative to the root mean square.
func agree(_ a: Tensor, _ b: Tensor, within tolerance: Double = 1e-6) -> Bool {
  guard a.shape == b.shape, a.isFinite, b.isFinite else { return false }
  guard b.count > 0 else { return true }
  let rms = (b.sumOfSquares() / Double(b.count)).squareRoot()
  return a.relativeDistance(from: b) <= tolerance
    && Double(a.largestDifference(from: b)) <= 10 * tolerance * max(rms, 1e-30)
}
