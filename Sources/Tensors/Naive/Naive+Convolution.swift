extension Naive {
  /// Calls `body` with every pixel of the output, tap of the kernel, and the pixel of the input on
  /// which the output depends through that tap. A convolution and its two gradients are sums over
  /// these triples.
  @inline(__always)
  private static func forEachTap(
    _ geometry: ConvolutionGeometry, input: Shape, output: Shape,
    _ body: (_ outputPixel: Int, _ inputPixel: Int, _ tap: Int) -> Void
  ) {
    let (height, width) = (input[1], input[2])
    let kernel = geometry.kernel
    var outputPixel = 0
    for image in 0..<output[0] {
      for y in 0..<output[1] {
        for x in 0..<output[2] {
          for tap in 0..<kernel * kernel {
            let row = y * geometry.stride + tap / kernel - geometry.top
            let column = x * geometry.stride + tap % kernel - geometry.left
            guard row >= 0, row < height, column >= 0, column < width else { continue }
            body(outputPixel, (image * height + row) * width + column, tap)
          }
          outputPixel += 1
        }
      }
    }
  }

  /// Convolves (without flipping the kernel), and adds the terms that follow:
  /// `y[b, p, o] = Σ_{i, tap} weight[o, i, tap]·x[b, p·stride + tap - padding, i]
  /// + bias[o] + channelBias[b, o] + residual[b, p, o]`.
  ///
  /// - Parameters:
  ///   - x: `[batch, height, width, inputs]`.
  ///   - weight: `[outputs, inputs, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - channelBias: `[batch, outputs]`, added to every pixel of an image.
  ///   - residual: added to the output, whose shape it has.
  /// - Returns: `[batch, height', width', outputs]` with `geometry.outputExtents`.
  public static func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry,
    channelBias: Tensor? = nil, residual: Tensor? = nil
  ) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let taps = geometry.kernel * geometry.kernel
    let shape = geometry.outputShape(x.shape, outputs: outputs)
    let pixels = shape[1] * shape[2]
    return unsafe accumulated(shape) { y in
      unsafe x.withElements { source in
        unsafe weight.withElements { w in
          forEachTap(geometry, input: x.shape, output: shape) { outputPixel, inputPixel, tap in
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe y[outputPixel * outputs + o] +=
                  Double(w[(o * inputs + i) * taps + tap]) * Double(source[inputPixel * inputs + i])
              }
            }
          }
        }
      }
      for index in 0..<shape.elementCount {
        let (pixel, o) = (index / outputs, index % outputs)
        if let bias { unsafe y[index] += Double(bias[flat: o]) }
        if let channelBias {
          unsafe y[index] += Double(channelBias[flat: pixel / pixels * outputs + o])
        }
        if let residual { unsafe y[index] += Double(residual[flat: index]) }
      }
    }
  }

  /// Carries the gradient of `convolution` to its input; the adjoint of the convolution.
  ///
  /// - Parameters:
  ///   - dy: `[batch, height', width', outputs]`.
  ///   - weight: `[outputs, inputs, kernel, kernel]`.
  ///   - inputShape: `[batch, height, width, inputs]`; with a stride, several heights give one.
  /// - Returns: a tensor of shape `inputShape`.
  public static func convolutionInputGradient(
    _ dy: Tensor, weight: Tensor, inputShape: Shape, geometry: ConvolutionGeometry
  ) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let taps = geometry.kernel * geometry.kernel
    return unsafe accumulated(inputShape) { dx in
      unsafe dy.withElements { gradient in
        unsafe weight.withElements { w in
          forEachTap(geometry, input: inputShape, output: dy.shape) {
            outputPixel, inputPixel, tap in
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe dx[inputPixel * inputs + i] +=
                  Double(w[(o * inputs + i) * taps + tap])
                  * Double(gradient[outputPixel * outputs + o])
              }
            }
          }
        }
      }
    }
  }

  /// Carries the gradient of `convolution` to its weight.
  ///
  /// - Parameters:
  ///   - x: `[batch, height, width, inputs]`.
  ///   - dy: `[batch, height', width', outputs]`.
  /// - Returns: `[outputs, inputs, kernel, kernel]`.
  public static func convolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    let (inputs, outputs) = (x.shape[3], dy.shape[3])
    let taps = geometry.kernel * geometry.kernel
    return unsafe accumulated([outputs, inputs, geometry.kernel, geometry.kernel]) { dw in
      unsafe x.withElements { source in
        unsafe dy.withElements { gradient in
          forEachTap(geometry, input: x.shape, output: dy.shape) { outputPixel, inputPixel, tap in
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe dw[(o * inputs + i) * taps + tap] +=
                  Double(source[inputPixel * inputs + i])
                  * Double(gradient[outputPixel * outputs + o])
              }
            }
          }
        }
      }
    }
  }
}
