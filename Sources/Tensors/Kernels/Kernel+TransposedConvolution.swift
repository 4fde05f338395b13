extension Kernel {
  /// Applies the adjoint of a convolution to `[batch, height, width, inputs]`, as
  /// `Naive.transposedConvolution`.
  ///
  /// - Parameters:
  ///   - weight: `[inputs, outputs, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  public static func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry
  ) -> Tensor {
    Naive.transposedConvolution(x, weight: weight, bias: bias, geometry: geometry)
  }

  /// Carries the gradient of `transposedConvolution` to its input.
  public static func transposedConvolutionInputGradient(
    _ dy: Tensor, weight: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    Naive.transposedConvolutionInputGradient(dy, weight: weight, geometry: geometry)
  }

  /// Carries the gradient of `transposedConvolution` to its weight,
  /// `[inputs, outputs, kernel, kernel]`.
  public static func transposedConvolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    Naive.transposedConvolutionWeightGradient(x, dy, geometry: geometry)
  }
}
