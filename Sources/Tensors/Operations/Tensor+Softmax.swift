import Foundation

/// Takes the softmax of every row of the last axis: `exp(x)/Σ exp(x)`.
public func softmax(_ x: Tensor) -> Tensor {
  eachRow(x) { row, result, width in
    let total = logSumExp(row, width)
    for i in 0..<width { result[i] = Foundation.exp(row[i] - total) }
  }
}

/// Takes the logarithm of the softmax of every row of the last axis: `x - log Σ exp(x)`.
public func logSoftmax(_ x: Tensor) -> Tensor {
  eachRow(x) { row, result, width in
    let total = logSumExp(row, width)
    for i in 0..<width { result[i] = row[i] - total }
  }
}

/// Takes `log Σ exp(x)` of every row of the last axis, which vanishes; without overflow.
public func logSumExp(_ x: Tensor) -> Tensor {
  let width = x.shape.last ?? 1
  let rows = x.count / width
  return Tensor(uninitialized: x.shape.dropLast()) { result in
    x.withElements { x in
      for row in 0..<rows { result[row] = logSumExp(x + row * width, width) }
    }
  }
}

private func logSumExp(_ row: UnsafePointer<Float>, _ width: Int) -> Float {
  var largest = row[0]
  for i in 0..<width { largest = max(largest, row[i]) }
  // Nothing has any weight: without this, -inf - (-inf) would be undefined.
  if largest == -.infinity { return largest }
  var total = 0.0
  for i in 0..<width { total += Double(Foundation.exp(row[i] - largest)) }
  return Float(Double(largest) + Foundation.log(total))
}

private func eachRow(
  _ x: Tensor, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
) -> Tensor {
  let width = x.shape.last ?? 1
  let rows = x.count / width
  return Tensor(uninitialized: x.shape) { result in
    x.withElements { x in
      Parallel.forRanges(rows, grain: (1 << 13) / width + 1) { range in
        for row in range { body(x + row * width, result + row * width, width) }
      }
    }
  }
}
