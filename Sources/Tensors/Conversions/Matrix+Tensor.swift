import Probability

extension Matrix {
  /// Creates a matrix from a tensor `[rows, columns]`.
  public init(_ tensor: Tensor) {
    guard tensor.rank == 2 else { fatalError("a tensor of shape \(tensor.shape) is not a matrix") }
    self.init(rows: tensor.shape[0], columns: tensor.shape[1], tensor.elements.map { Double($0) })
  }

  /// The same numbers in single precision, `[rows, columns]`.
  public var tensor: Tensor { Tensor(elements.map { Float($0) }, shape: [rows, columns]) }
}

extension PointSet {
  /// Creates points from a tensor `[count, dimensions]`.
  public init(_ tensor: Tensor) {
    self.init(
      tensor.elements.map { Double($0) },
      dimensions: tensor.rank < 2 ? 1 : tensor.count / max(1, tensor.shape[0]))
  }

  /// The points as a single-precision tensor `[count, dimensions]`.
  public var tensor: Tensor {
    Tensor(values.map { Float($0) }, shape: [count, dimensions])
  }
}
