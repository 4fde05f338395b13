import Autodiff
import Tensors

/// Halves the extents of an image by a 3x3 convolution of stride 2.
public struct Downsample: Module {
  public let convolution: Convolution

  /// The sides of the image that are padded with zeros, which determine the input pixels on which the
  /// output pixels are centered.
  public enum Padding: Sendable {
    /// All four sides, as in the U-Nets of diffusers.
    case around
    /// The bottom and right sides only, as in the autoencoders of diffusers.
    case after
  }

  public init(_ channels: Int, padding: Padding, in scope: ParameterScope) {
    let geometry =
      switch padding {
      case .around: ConvolutionGeometry(kernel: 3, stride: 2, padding: 1)
      case .after:
        ConvolutionGeometry(kernel: 3, stride: 2, top: 0, left: 0, bottom: 1, right: 1)
      }
    convolution = Convolution(channels, channels, geometry: geometry, in: scope["conv"])
  }

  public var parameters: [Parameter] { convolution.parameters }

  /// Maps `[batch, height, width, channels]` to `[batch, height/2, width/2, channels]`.
  public func callAsFunction(_ x: Variable) -> Variable { convolution(x) }
}

/// Doubles the extents of an image by nearest-neighbor upsampling and a 3x3 convolution.
public struct Upsample: Module {
  public let convolution: Convolution

  public init(_ channels: Int, in scope: ParameterScope) {
    convolution = Convolution(channels, channels, in: scope["conv"])
  }

  public var parameters: [Parameter] { convolution.parameters }

  /// Maps `[batch, height, width, channels]` to `[batch, 2 height, 2 width, channels]`.
  public func callAsFunction(_ x: Variable) -> Variable { convolution(upsampledNearest(x)) }
}
