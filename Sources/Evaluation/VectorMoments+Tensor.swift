import Probability
import Tensors

extension VectorMoments {
  /// Adds vectors, `[batch, width]`; products are summed in single precision within the batch.
  public mutating func add(_ x: Tensor) {
    add(
      count: x.shape[0], sum: x.sum(axes: [0]).elements.map { Double($0) },
      products: Matrix(matmul(x, x, transposingA: true)))
  }
}
