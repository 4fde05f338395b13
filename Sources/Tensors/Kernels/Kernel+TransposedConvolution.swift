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
    // It is the input gradient of the convolution that would make x of the output.
    let shape = geometry.transposedOutputShape(x.shape, outputs: weight.shape[1])
    let y = convolutionInputGradient(x, weight: weight, inputShape: shape, geometry: geometry)
    guard let bias else { return y }
    let channels = shape[3]
    return unsafe Tensor(uninitialized: shape) { target in
      for row in 0..<y.count / channels {
        for c in 0..<channels {
          unsafe target[row * channels + c] =
            unsafe y.storage.pointer[row * channels + c] + bias.storage.pointer[c]
        }
      }
    }
  }
}
