import SIMDMath

extension Kernel {
  /// Convolves `[batch, height, width, inputs]` and adds biases and a residual, as
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
    let call = ConvolutionCall(x.shape, weight: weight.shape, geometry)
    let epilogue = unsafe ConvolutionEpilogue(
      bias: bias.map { unsafe UnsafePointer($0.storage.pointer) },
      channelBias: unsafe channelBias.map { unsafe UnsafePointer($0.storage.pointer) },
      residual: unsafe residual.map { unsafe UnsafePointer($0.storage.pointer) })
    let outputShape = geometry.outputShape(x.shape, outputs: call.outputs)
    if let residual, residual.shape != outputShape {
      fatalError("convolution: residual \(residual.shape) should be \(outputShape)")
    }
    if let channelBias, channelBias.shape != [call.batch, call.outputs] {
      fatalError("convolution: channel bias \(channelBias.shape) is not [batch, outputs]")
    }
    if geometry == ConvolutionGeometry(kernel: 1), channelBias == nil {
      return linear(
        x, weight: weight.reshaped([call.outputs, call.inputs]), bias: bias, residual: residual)
    }
    OperationCount.add(call.multiplyAdds)
    return unsafe Tensor(uninitialized: outputShape) { y in
      if let tile = call.forwardTile {
        let winograd = call.winograd(tile: tile)
        let filters = keep(weight, .winograd(tile: tile)) {
          unsafe winograd.transformedFilters(weight.storage.pointer, transposed: false)
        }
        defer { withExtendedLifetime(filters) {} }
        unsafe winograd.forward(
          x.storage.pointer, filters: filters.pointer, epilogue: epilogue, into: y)
      } else {
        let direct = call.direct
        let filters = keep(weight, .directConvolution) {
          unsafe direct.packedFilters(weight.storage.pointer, transposed: false)
        }
        defer { withExtendedLifetime(filters) {} }
        unsafe direct.forward(
          x.storage.pointer, filters: filters.pointer, epilogue: epilogue, into: y)
      }
    }
  }

  /// Carries the gradient of `convolution` to its input, of shape `inputShape`.
  public static func convolutionInputGradient(
    _ dy: Tensor, weight: Tensor, inputShape: Shape, geometry: ConvolutionGeometry
  ) -> Tensor {
    let call = ConvolutionCall(inputShape, weight: weight.shape, geometry)
    call.requireOutput(dy)
    if geometry == ConvolutionGeometry(kernel: 1) {
      return linearInputGradient(dy, weight: weight.reshaped([call.outputs, call.inputs]))
    }
    OperationCount.add(call.multiplyAdds)
    return unsafe Tensor(uninitialized: inputShape) { dx in
      if call.prefersWinograd {
        let filters = unsafe call.winograd().transformedFilters(
          weight.storage.pointer, transposed: true)
        defer { withExtendedLifetime(filters) {} }
        unsafe call.winograd().backward(
          nil, dy.storage.pointer, filters: filters.pointer, dx: dx, dw: nil)
      } else {
        let filters = unsafe call.direct.packedFilters(weight.storage.pointer, transposed: true)
        defer { withExtendedLifetime(filters) {} }
        unsafe call.direct.inputGradient(dy.storage.pointer, filters: filters.pointer, into: dx)
      }
    }
  }

  /// Carries the gradient of `convolution` to its weight, `[outputs, inputs, kernel, kernel]`.
  public static func convolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, geometry: ConvolutionGeometry
  ) -> Tensor {
    let shape = [dy.shape[3], x.shape[3], geometry.kernel, geometry.kernel]
    let call = ConvolutionCall(x.shape, weight: shape, geometry)
    call.requireOutput(dy)
    if geometry == ConvolutionGeometry(kernel: 1) {
      return linearWeightGradient(x, dy).reshaped(shape)
    }
    OperationCount.add(call.multiplyAdds)
    return unsafe Tensor(uninitialized: shape) { dw in
      if call.prefersWinograd {
        unsafe call.winograd().backward(
          x.storage.pointer, dy.storage.pointer, filters: nil, dx: nil, dw: dw)
      } else {
        unsafe call.direct.weightGradient(x.storage.pointer, dy.storage.pointer, into: dw)
      }
    }
  }

  /// Carries the gradient of `convolution` to its input and its weight at once, which shares the
  /// transformed gradient between the two.
  public static func convolutionGradients(
    _ x: Tensor, _ dy: Tensor, weight: Tensor, geometry: ConvolutionGeometry
  ) -> (input: Tensor, weight: Tensor) {
    let call = ConvolutionCall(x.shape, weight: weight.shape, geometry)
    guard call.prefersWinograd else {
      return (
        convolutionInputGradient(dy, weight: weight, inputShape: x.shape, geometry: geometry),
        convolutionWeightGradient(x, dy, geometry: geometry)
      )
    }
    call.requireOutput(dy)
    let filters = unsafe call.winograd().transformedFilters(
      weight.storage.pointer, transposed: true)
    defer { withExtendedLifetime(filters) {} }
    OperationCount.add(2 * call.multiplyAdds)
    let dx = Tensor(allocating: x.shape), dw = Tensor(allocating: weight.shape)
    unsafe call.winograd().backward(
      x.storage.pointer, dy.storage.pointer, filters: filters.pointer, dx: dx.storage.pointer,
      dw: dw.storage.pointer)
    return (dx, dw)
  }
}

/// The terms that are added to the output of a convolution while it is written.
@unsafe struct ConvolutionEpilogue {
  /// `[out]`, or nil.
  var bias: UnsafePointer<Float>?
  /// `[batch, out]`, one bias per image and channel, or nil.
  var channelBias: UnsafePointer<Float>?
  /// The output's shape, or nil.
  var residual: UnsafePointer<Float>?

  var isEmpty: Bool { unsafe bias == nil && channelBias == nil && residual == nil }

  /// The sum of both biases of an image's channels from `c` on.
  @inline(__always)
  func biases(image: Int, channels: Int, at c: Int) -> FloatVector {
    var sum = FloatVector.zero
    if let bias = unsafe bias { unsafe sum += bias.vector(c) }
    if let bias = unsafe channelBias { unsafe sum += bias.vector(image * channels + c) }
    return sum
  }
}

/// The sizes of one convolution and the kernel that suits them.
struct ConvolutionCall {
  let batch: Int, height: Int, width: Int, inputs: Int, outputs: Int
  let outputHeight: Int, outputWidth: Int
  let geometry: ConvolutionGeometry

  init(_ input: Shape, weight: Shape, _ geometry: ConvolutionGeometry) {
    guard input.count == 4, weight.count == 4, weight[1] == input[3],
      weight[2] == geometry.kernel, weight[3] == geometry.kernel
    else {
      fatalError("convolution: weight \(weight) does not fit \(input) and \(geometry)")
    }
    (batch, height, width, inputs) = (input[0], input[1], input[2], input[3])
    outputs = weight[0]
    (outputHeight, outputWidth) = geometry.outputExtents(height: height, width: width)
    self.geometry = geometry
  }

  func requireOutput(_ dy: Tensor) {
    guard dy.shape == [batch, outputHeight, outputWidth, outputs] else {
      fatalError("convolution: gradient \(dy.shape) is not of the output's shape")
    }
  }

  /// Multiply-adds of the definition.
  var multiplyAdds: Int { pixels * outputs * inputs * geometry.kernel * geometry.kernel }

  var pixels: Int { batch * outputHeight * outputWidth }

  /// The pixels of a batch from which Winograd's algorithm is chosen.
  static let winogradPixels = 256

  // The transforms handle whole vectors of channels.
  private var fitsWinograd: Bool {
    geometry == ConvolutionGeometry(kernel: 3, padding: 1) && inputs % laneCount == 0
      && outputs % laneCount == 0
  }

  /// Whether Winograd's algorithm with tiles of 4x4 is chosen: it reads four times as many numbers for
  /// the filters, and pays from a few hundred pixels on.
  var prefersWinograd: Bool {
    fitsWinograd && height >= 3 && width >= 3 && pixels >= Self.winogradPixels
  }

  /// The tiles of Winograd's algorithm in the forward pass, 4 or for few pixels 2; nil for the direct
  /// convolution.
  var forwardTile: Int? {
    if prefersWinograd { return 4 }
    return fitsWinograd && height >= 2 && width >= 2 && pixels < Self.winogradPixels ? 2 : nil
  }

  func winograd(tile: Int = 4) -> Winograd {
    Winograd(
      batch: batch, height: height, width: width, inputs: inputs, outputs: outputs, tile: tile)
  }

  var direct: DirectConvolution {
    DirectConvolution(
      batch: batch, height: height, width: width, inputs: inputs, outputHeight: outputHeight,
      outputWidth: outputWidth, outputs: outputs, geometry: geometry)
  }
}

extension Winograd {
  func transformedFilters(_ weight: UnsafePointer<Float>, transposed: Bool) -> Storage {
    let panels = Storage(count: positions * filterStride(transposed: transposed))
    unsafe transformFilters(weight, transposed: transposed, into: panels.pointer)
    return panels
  }
}

extension DirectConvolution {
  func packedFilters(_ weight: UnsafePointer<Float>, transposed: Bool) -> Storage {
    let packed = Storage(count: transposed ? transposedFilterElements : filterElements)
    if transposed {
      unsafe packTransposedFilters(weight, into: packed.pointer)
    } else {
      unsafe packFilters(weight, into: packed.pointer)
    }
    return packed
  }
}
