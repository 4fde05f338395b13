extension Tensor: Equatable {
  /// Whether shapes and all elements are equal, bit for bit but for the sign of zero.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    let count = a.count
    return unsafe a.withElements { a in
      unsafe b.withElements { b in (0..<count).allSatisfy { unsafe a[$0] == b[$0] } }
    }
  }

  /// The largest absolute difference between corresponding elements; NaN if any element is NaN.
  public func largestDifference(from other: Tensor) -> Float {
    guard shape == other.shape else {
      fatalError("cannot compare shapes \(shape) and \(other.shape)")
    }
    let count = count
    return unsafe withElements { a in
      unsafe other.withElements { b in
        var largest: Float = 0
        for i in 0..<count {
          let difference = unsafe Swift.abs(a[i] - b[i])
          if difference.isNaN { return .nan }
          largest = Swift.max(largest, difference)
        }
        return largest
      }
    }
  }

  /// Whether every element is finite.
  public var isFinite: Bool {
    let count = count
    return unsafe withElements { x in (0..<count).allSatisfy { unsafe x[$0].isFinite } }
  }

  /// The mean of $(x - y)^2$ over all elements, accumulated in double precision.
  public func meanSquaredDifference(_ other: Tensor) -> Double {
    sum(with: other) { ($0 - $1) * ($0 - $1) } / Double(Swift.max(1, count))
  }

  /// The sum of $|x - y|$ over all elements, accumulated in double precision.
  public func absoluteDifference(_ other: Tensor) -> Double {
    sum(with: other) { Swift.abs($0 - $1) }
  }

  private func sum(with other: Tensor, _ body: (Double, Double) -> Double) -> Double {
    guard shape == other.shape else {
      fatalError("tensors of shapes \(shape) and \(other.shape) cannot be compared")
    }
    return unsafe withElements { x in
      unsafe other.withElements { y in
        var sum = 0.0
        for i in 0..<count { unsafe sum += body(Double(x[i]), Double(y[i])) }
        return sum
      }
    }
  }
}
