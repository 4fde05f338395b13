import Tensors

extension Tensor {
  /// The mean of $(x - y)^2$ over all elements, accumulated in double precision.
  public func meanSquaredDifference(_ other: Tensor) -> Double {
    sum(with: other) { ($0 - $1) * ($0 - $1) } / Double(Swift.max(1, count))
  }

  /// The sum of $|x - y|$ over all elements, accumulated in double precision.
  public func absoluteDifference(_ other: Tensor) -> Double { sum(with: other) { abs($0 - $1) } }

  private func sum(with other: Tensor, _ body: (Double, Double) -> Double) -> Double {
    guard shape == other.shape else {
      fatalError("tensors of shapes \(shape) and \(other.shape) cannot be compared")
    }
    return withElements { x in
      other.withElements { y in
        var sum = 0.0
        for i in 0..<count { sum += body(Double(x[i]), Double(y[i])) }
        return sum
      }
    }
  }
}
