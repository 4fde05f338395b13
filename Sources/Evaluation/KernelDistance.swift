import Foundation
import Probability
import Tensors

/// The kernel distance of two sets of feature vectors: the squared maximum mean discrepancy under
/// $k(x, y) = (x^\top y/d + 1)^3$, estimated without bias,
///
/// $$\frac{1}{m(m-1)}\sum_{i \neq j}\big(k(x_i, x_j) + k(y_i, y_j)\big)
/// - \frac{2}{m^2}\sum_{i,j} k(x_i, y_j)$$
///
/// (Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4). Sets from one distribution
/// score 0 on average, whatever their size; so a value may be negative.
///
/// It is averaged over blocks of the sets, whose spread gives the standard error.
///
/// - Parameters:
///   - x, y: `[count, d]`, in any order.
///   - blockSize: m, the most vectors of each set in a block.
public func kernelDistance(_ x: Tensor, _ y: Tensor, blockSize: Int = 500) -> Estimate {
  guard x.rank == 2, y.rank == 2, x.shape[1] == y.shape[1] else {
    fatalError("vectors of shapes \(x.shape) and \(y.shape) cannot be compared")
  }
  let count = min(x.shape[0], y.shape[0])
  guard count > 1 else { fatalError("a kernel distance needs two vectors of each set") }
  let size = min(blockSize, count)
  let (first, second) = (x.rows(shuffledOrder(x.shape[0])), y.rows(shuffledOrder(y.shape[0])))
  let values = (0..<count / size).map { block in
    let range = block * size..<(block + 1) * size
    return squaredDiscrepancy(first.slice(range), second.slice(range))
  }
  let measured = Estimate(of: values)
  return Estimate(
    mean: measured.value, standardError: measured.standardError, samples: values.count * size)
}

/// The unbiased estimate from one block.
private func squaredDiscrepancy(_ x: Tensor, _ y: Tensor) -> Double {
  let m = Double(x.shape[0])
  let within = offDiagonalSum(x) + offDiagonalSum(y)
  return within / (m * (m - 1)) - 2 * kernelSum(x, y, skippingDiagonal: false) / (m * m)
}

private func offDiagonalSum(_ x: Tensor) -> Double { kernelSum(x, x, skippingDiagonal: true) }

private func kernelSum(_ x: Tensor, _ y: Tensor, skippingDiagonal: Bool) -> Double {
  let (rows, columns, width) = (x.shape[0], y.shape[0], Double(x.shape[1]))
  let products = matmul(x, y, transposingB: true)
  return unsafe products.withElements { products in
    var sum = 0.0
    for row in 0..<rows {
      for column in 0..<columns where !(skippingDiagonal && row == column) {
        let base = unsafe Double(products[row * columns + column]) / width + 1
        sum += base * base * base
      }
    }
    return sum
  }
}
