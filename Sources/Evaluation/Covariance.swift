import Probability
import Tensors

/// Accumulates the mean and the covariance of vectors, batch by batch.
public struct Covariance {
  private var count = 0
  private var sum: [Double]
  private var products: Matrix

  /// Prepares for vectors of `width` dimensions.
  public init(width: Int) {
    sum = [Double](repeating: 0, count: width)
    products = .zeros(width, width)
  }

  /// Adds vectors, `[batch, width]`.
  public mutating func add(_ x: Tensor) {
    count += x.shape[0]
    x.sum(axes: [0]).withElements { part in
      for i in sum.indices { sum[i] += Double(part[i]) }
    }
    matmul(x, x, transposingA: true).withElements { square in
      for i in products.elements.indices { products.elements[i] += Double(square[i]) }
    }
  }

  /// The mean of all vectors.
  public var mean: [Double] { sum.map { $0 / Double(count) } }

  /// Their covariance, `[width, width]`.
  public var matrix: Matrix {
    let (mean, n) = (mean, Double(count))
    var result = products
    for i in mean.indices {
      for j in mean.indices {
        let place = i * mean.count + j
        result.elements[place] = result.elements[place] / n - mean[i] * mean[j]
      }
    }
    return result
  }
}
