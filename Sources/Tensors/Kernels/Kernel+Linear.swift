extension Kernel {
  /// Applies a linear map to every row of `[rows…, inputs]`, as `Naive.linear`.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs]`.
  ///   - bias: `[outputs]`.
  public static func linear(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    Naive.linear(x, weight: weight, bias: bias)
  }

  /// Carries the gradient of `linear` to its input, `[rows…, inputs]`.
  public static func linearInputGradient(_ dy: Tensor, weight: Tensor) -> Tensor {
    Naive.linearInputGradient(dy, weight: weight)
  }

  /// Carries the gradient of `linear` to its weight, `[outputs, inputs]`.
  public static func linearWeightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
    Naive.linearWeightGradient(x, dy)
  }

  /// Sums over all axes but the last: the gradient of a bias that was added to every row.
  public static func biasGradient(_ dy: Tensor) -> Tensor { Naive.biasGradient(dy) }
}
