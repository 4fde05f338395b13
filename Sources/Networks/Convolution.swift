import Autodiff
import Tensors

/// A two-dimensional convolution (cross-correlation, as everywhere in the field) with a bias.
public struct Convolution: Module {
  /// The kernels, `[outputs, inputs, kernel, kernel]`.
  public let weight: Parameter
  /// One number an output channel.
  public let bias: Parameter
  public let geometry: ConvolutionGeometry

  /// - Parameter geometry: Size, stride and zero padding; three by three with one row and column of
  ///   zeros around keeps the extents of the image.
  public init(
    _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry = .threeByThree,
    startsAtZero: Bool = false, in scope: Scope
  ) {
    let side = geometry.kernel
    let shape = [outputs, inputs, side, side]
    self.geometry = geometry
    if startsAtZero {
      weight = scope.constant("weight", shape, 0)
      bias = scope.constant("bias", [outputs], 0)
    } else {
      weight = scope.uniform("weight", shape, inputs: inputs * side * side)
      bias = scope.uniform("bias", [outputs], inputs: inputs * side * side)
    }
  }

  public var parameters: [Parameter] { [weight, bias] }

  /// Maps `[batch, height, width, inputs]` to `[batch, height', width', outputs]`.
  ///
  /// - Parameters:
  ///   - channelBias: `[batch, outputs]`, added to every pixel of an image.
  ///   - residual: Added to the output, which has its shape.
  public func callAsFunction(
    _ x: Variable, channelBias: Variable? = nil, residual: Variable? = nil
  ) -> Variable {
    convolution(
      x, x.tape.variable(weight), x.tape.variable(bias), geometry, channelBias: channelBias,
      residual: residual)
  }
}

/// The adjoint of a convolution's linear part, with a bias: with the geometry of a convolution that
/// halves the extents it doubles them.
public struct TransposedConvolution: Module {
  /// The kernels, `[inputs, outputs, kernel, kernel]`.
  public let weight: Parameter
  public let bias: Parameter
  public let geometry: ConvolutionGeometry

  /// - Parameter geometry: That of the convolution from outputs to inputs.
  public init(
    _ inputs: Int, _ outputs: Int,
    geometry: ConvolutionGeometry = ConvolutionGeometry(kernel: 4, stride: 2, padding: 1),
    in scope: Scope
  ) {
    let side = geometry.kernel
    self.geometry = geometry
    // PyTorch counts the second axis of the kernels here too, though it holds the outputs.
    let counted = outputs * side * side
    weight = scope.uniform("weight", [inputs, outputs, side, side], inputs: counted)
    bias = scope.uniform("bias", [outputs], inputs: counted)
  }

  public var parameters: [Parameter] { [weight, bias] }

  /// Maps `[batch, height, width, inputs]` to `[batch, height', width', outputs]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    transposedConvolution(x, x.tape.variable(weight), x.tape.variable(bias), geometry)
  }
}

extension ConvolutionGeometry {
  /// Three by three, padded to keep the extents.
  public static let threeByThree = ConvolutionGeometry(kernel: 3, padding: 1)
  /// One by one: the same linear map at every pixel.
  public static let pointwise = ConvolutionGeometry(kernel: 1)
}
