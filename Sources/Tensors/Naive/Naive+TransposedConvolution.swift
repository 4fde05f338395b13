extension Naive {
  /// Applies the adjoint of a convolution: every input pixel adds its multiple of the kernel
  /// to the output, `stride` apart, and `bias` is added.
  ///
  /// A weight `[inputs, outputs, kernel, kernel]` is that of the convolution which maps images of
  /// this output's kind to images of this input's kind; so this is `convolutionInputGradient`, and
  /// its gradients are the convolution itself and the convolution's weight gradient.
  ///
  /// - Parameters:
  ///   - x: `[batch, height, width, inputs]`.
  ///   - weight: `[inputs, outputs, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  /// - Returns: `[batch, height', width', outputs]` with `geometry.transposedOutputExtents`.
  public static func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry
  ) -> Tensor {
    let outputs = weight.shape[1]
    let shape = geometry.transposedOutputShape(x.shape, outputs: outputs)
    var y = convolutionInputGradient(x, weight: weight, inputShape: shape, geometry: geometry)
    guard let bias else { return y }
    unsafe y.withMutableElements { y in
      for index in 0..<shape.elementCount { unsafe y[index] += bias[flat: index % outputs] }
    }
    return y
  }

  /// Carries the gradient of `transposedConvolution` to its input: a convolution of `dy`.
  ///
  /// - Returns: `[batch, height, width, inputs]`.
  public static func transposedConvolutionInputGradient(
    _ dy: Tensor, weight: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    convolution(dy, weight: weight, bias: nil, geometry: geometry)
  }

  /// Carries the gradient of `transposedConvolution` to its weight.
  ///
  /// - Returns: `[inputs, outputs, kernel, kernel]`.
  public static func transposedConvolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    convolutionWeightGradient(dy, x, geometry: geometry)
  }
}
