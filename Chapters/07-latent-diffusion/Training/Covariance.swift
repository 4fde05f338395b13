import Tensors

/// The mean and the covariance of vectors that come batch by batch.
struct Covariance {
  private var count = 0
  private var sum: [Double]
  private var products: Matrix

  /// Prepares for vectors of `width` numbers.
  init(width: Int) {
    sum = [Double](repeating: 0, count: width)
    products = .zeros(width, width)
  }

  /// Adds vectors, `[batch, width]`.
  mutating func add(_ x: Tensor) {
    count += x.shape[0]
    x.sum(axes: [0]).withElements { part in
      for i in sum.indices { sum[i] += Double(part[i]) }
    }
    matmul(x, x, transposingA: true).withElements { square in
      for i in products.elements.indices { products.elements[i] += Double(square[i]) }
    }
  }

  /// The mean of all vectors.
  var mean: [Double] { sum.map { $0 / Double(count) } }

  /// Their covariance, `[width, width]`.
  var matrix: Matrix {
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
