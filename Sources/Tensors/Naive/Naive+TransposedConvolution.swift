extension Naive {
  /// Applies the adjoint of a convolution: every input pixel adds its multiple of the kernel
  /// to the output, `stride` apart, and `bias` is added.
  ///
  /// A weight `[inputs, outputs, kernel, kernel]` is that of the convolution which maps images of
  /// this output's kind to images of this input's kind, so this is `convolutionInputGradient`.
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
}
