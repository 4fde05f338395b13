extension Kernel {
  /// Convolves `[batch, height, width, inputs]` and adds what comes with it, as
  /// `Naive.convolution`.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - channelBias: `[batch, outputs]`, added to every pixel of an image.
  ///   - residual: added to the output, whose shape it has.
  public static func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry,
    channelBias: Tensor? = nil, residual: Tensor? = nil
  ) -> Tensor {
    Naive.convolution(
      x, weight: weight, bias: bias, geometry: geometry, channelBias: channelBias,
      residual: residual)
  }

  /// Carries the gradient of `convolution` to its input, of shape `inputShape`.
  public static func convolutionInputGradient(
    _ dy: Tensor, weight: Tensor, inputShape: Shape, geometry: ConvolutionGeometry
  ) -> Tensor {
    Naive.convolutionInputGradient(dy, weight: weight, inputShape: inputShape, geometry: geometry)
  }

  /// Carries the gradient of `convolution` to its weight, `[outputs, inputs, kernel, kernel]`.
  public static func convolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    Naive.convolutionWeightGradient(x, dy, geometry: geometry)
  }
}
