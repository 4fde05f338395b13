import Autodiff
import Tensors

/// A two-dimensional convolution (a cross-correlation) with a bias.
public struct Convolution: Module {
  /// The kernels, `[outputs, inputs, kernel, kernel]`.
  public let weight: Parameter
  /// The biases, `[outputs]`.
  public let bias: Parameter
  public let geometry: ConvolutionGeometry

  /// - Parameter geometry: Size, stride and zero padding; three by three with one row and column of
  ///   zeros around keeps the extents of the image.
  public init(
    _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry = .threeByThree,
    startsAtZero: Bool = false, in scope: ParameterScope
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

extension ConvolutionGeometry {
  /// Three by three, padded to keep the extents.
  public static let threeByThree = ConvolutionGeometry(kernel: 3, padding: 1)
  /// One by one: the same linear map at every pixel.
  public static let pointwise = ConvolutionGeometry(kernel: 1)
}
