import Foundation
import Parallelism

/// Takes the softmax of every row of the last axis: `exp(x)/Σ exp(x)`.
public func softmax(_ x: Tensor) -> Tensor {
  unsafe eachRow(x) { row, result, width in
    let (largest, total) = unsafe exponentials(row, width)
    let scale = Float(1 / total)
    for i in 0..<width { unsafe result[i] = unsafe Foundation.exp(row[i] - largest) * scale }
  }
}

/// Takes the logarithm of the softmax of every row of the last axis: `x - log Σ exp(x)`.
public func logSoftmax(_ x: Tensor) -> Tensor {
  unsafe eachRow(x) { row, result, width in
    let (largest, total) = unsafe exponentials(row, width)
    let logTotal = Float(Foundation.log(total))
    for i in 0..<width { unsafe result[i] = unsafe row[i] - largest - logTotal }
  }
}

/// Takes `log Σ exp(x)` of every row of the last axis, which vanishes; without overflow.
public func logSumExp(_ x: Tensor) -> Tensor {
  let width = x.shape.last ?? 1
  let rows = x.count / width
  return unsafe Tensor(uninitialized: x.shape.dropLast()) { result in
    unsafe x.withElements { x in
      for row in 0..<rows {
        let (largest, total) = unsafe exponentials(x + row * width, width)
        // All weights are 0: log 0, not the sum of two infinities.
        unsafe result[row] =
          largest == -.infinity ? largest : Float(Double(largest) + Foundation.log(total))
      }
    }
  }
}

/// The largest element of a row and `Σ exp(x - largest)`: relative to the largest nothing
/// overflows, and rows far from zero keep their precision.
private func exponentials(
  _ row: UnsafePointer<Float>, _ width: Int
) -> (largest: Float, total: Double) {
  var largest = -Float.infinity
  for i in 0..<width { largest = unsafe max(largest, row[i]) }
  var total = 0.0
  for i in 0..<width { unsafe total += Double(Foundation.exp(row[i] - largest)) }
  return (largest, total)
}

private func eachRow(
  _ x: Tensor, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
) -> Tensor {
  let width = x.shape.last ?? 1
  let rows = x.count / width
  return unsafe Tensor(uninitialized: x.shape) { result in
    unsafe x.withElements { x in
      Parallel.forRanges(rows, grain: (1 << 13) / width + 1) { range in
        for row in range { unsafe body(x + row * width, result + row * width, width) }
      }
    }
  }
}
