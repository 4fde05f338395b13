import Tensors

/// Convolves images and adds, in the same pass over the output, a bias, a bias per image, and a
/// residual.
///
/// The gradients of input and weight share work, and are computed together if both are needed.
///
/// - Parameters:
///   - x: `[batch, height, width, inputs]`, channels last.
///   - weight: `[outputs, inputs, kernel, kernel]`.
///   - bias: `[outputs]`.
///   - geometry: stride and padding; its kernel is that of `weight`.
///   - channelBias: `[batch, outputs]`, added to every pixel of an image: a time embedding.
///   - residual: of the output's shape.
/// - Returns: `[batch, height', width', outputs]` with `geometry.outputExtents`.
public func convolution(
  _ x: Variable, _ weight: Variable, _ bias: Variable?, _ geometry: ConvolutionGeometry,
  channelBias: Variable? = nil, residual: Variable? = nil
) -> Variable {
  checkConvolution(x, weight, geometry)
  let (input, w, inputShape) = (x.value, weight.value, x.shape)
  let y = Kernel.convolution(
    input, weight: w, bias: bias?.value, geometry: geometry, channelBias: channelBias?.value,
    residual: residual?.value)
  let added = biasReceivers(bias, channelBias)
  // Last, so that `dy` is added in place to the gradient that the filters gave a block's input.
  let skipped = residual?.receives { dy in dy }
  let both = Receiver(x, weight) { dy in
    Kernel.convolutionGradients(input, dy, weight: w, geometry: geometry)
  }
  if let both {
    return x.tape.record(y, added + [both, skipped])
  }
  return x.tape.record(
    y,
    added + [
      weight.receives { dy in Kernel.convolutionWeightGradient(input, dy, geometry: geometry) },
      x.receives { dy in
        Kernel.convolutionInputGradient(dy, weight: w, inputShape: inputShape, geometry: geometry)
      },
      skipped,
    ])
}

/// The gradients of both biases. That of the bias is the sum over images of the other's, so that
/// the output's gradient, which is large, is read once.
private func biasReceivers(_ bias: Variable?, _ channelBias: Variable?) -> [Receiver?] {
  if let bias, let channelBias {
    let both = Receiver(bias, channelBias) { dy in
      let perImage = Kernel.channelBiasGradient(dy)
      return (Kernel.biasGradient(perImage), perImage)
    }
    if let both { return [both] }
  }
  return [
    bias?.receives { dy in Kernel.biasGradient(dy) },
    channelBias?.receives { dy in Kernel.channelBiasGradient(dy) },
  ]
}

/// Doubles the extents of images `[batch, height, width, channels]` by repeating every pixel.
public func upsampledNearest(_ x: Variable) -> Variable {
  x.tape.record(
    Kernel.upsampledNearest(x.value), [x.receives { dy in Kernel.upsampledNearestGradient(dy) }])
}

private func checkConvolution(
  _ x: Variable, _ weight: Variable, _ geometry: ConvolutionGeometry
) {
  guard x.shape.count == 4, weight.shape.count == 4, x.shape[3] == weight.shape[1],
    weight.shape[2] == geometry.kernel, weight.shape[3] == geometry.kernel
  else {
    fatalError(
      """
      a convolution kernel of shape \(weight.shape) with geometry \(geometry) does not apply to \
      images of shape \(x.shape) (channels last)
      """)
  }
}
