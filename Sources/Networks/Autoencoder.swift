import Autodiff
import Probability
import Tensors

/// The autoencoder of latent diffusion (Rombach et al. 2022, section 3.1): the encoder maps
/// an image to a Gaussian distribution of latents of smaller extents, and the decoder maps latents to
/// images.
///
/// Every level but the last halves the extents in the encoder and doubles them in the decoder.
/// The parameters are those of `AutoencoderKL` of diffusers, so each reads the other's weights.
public struct Autoencoder: Network {
  /// The sizes of an autoencoder, with the defaults of the model of CIFAR-10.
  public struct Configuration: Sendable, Equatable, Codable {
    public var imageChannels = 3
    public var latentChannels = 4
    /// Channels of each level, from the image's extents down to the latents'.
    public var channels = [32, 64, 128]
    /// Residual blocks per level of the encoder; the decoder has one more per level.
    public var layersPerLevel = 1
    /// Groups of every group norm, and the number added to the variance.
    public var groups = 8
    public var epsilon: Float = 1e-6
    /// Whether there is attention (one head) at the smallest extents.
    public var middleAttention = true
    /// Whether a linear map of each pixel follows the encoder and another precedes the decoder.
    public var latentMaps = true

    /// Creates a configuration; the parameters are those of the properties.
    public init(
      imageChannels: Int = 3, latentChannels: Int = 4, channels: [Int] = [32, 64, 128],
      layersPerLevel: Int = 1, groups: Int = 8, epsilon: Float = 1e-6,
      middleAttention: Bool = true, latentMaps: Bool = true
    ) {
      self.imageChannels = imageChannels
      self.latentChannels = latentChannels
      self.channels = channels
      self.layersPerLevel = layersPerLevel
      self.groups = groups
      self.epsilon = epsilon
      self.middleAttention = middleAttention
      self.latentMaps = latentMaps
    }

    /// The factor by which each extent of an image exceeds that of its latents.
    public var reduction: Int { 1 << (channels.count - 1) }
  }

  public let configuration: Configuration
  let encoder: Encoder
  let decoder: Decoder
  let encoderMap: Convolution?
  let decoderMap: Convolution?

  /// Creates an autoencoder with initial weights from `generator`.
  public init(_ configuration: Configuration, generator: RandomGenerator) {
    guard !configuration.channels.isEmpty, configuration.layersPerLevel > 0 else {
      fatalError("an autoencoder needs levels, and layers in them: \(configuration)")
    }
    let scope = ParameterScope(generator)
    let latents = configuration.latentChannels
    self.configuration = configuration
    encoder = Encoder(configuration, in: scope["encoder"])
    decoder = Decoder(configuration, in: scope["decoder"])
    let maps = configuration.latentMaps
    encoderMap =
      maps
      ? Convolution(2 * latents, 2 * latents, geometry: .pointwise, in: scope["quant_conv"]) : nil
    decoderMap =
      maps
      ? Convolution(latents, latents, geometry: .pointwise, in: scope["post_quant_conv"]) : nil
  }

  public var parameters: [Parameter] {
    encoder.parameters + decoder.parameters + encoderMap.parameters + decoderMap.parameters
  }

  /// Encodes images as Gaussian distributions of the latents, independent in every entry.
  ///
  /// - Parameter x: `[batch, imageChannels, height, width]`, extents divisible by
  ///   `configuration.reduction`.
  /// - Returns: The means and the logarithms of the variances, each `[batch, latentChannels,
  ///   height/reduction, width/reduction]`; the latter are clamped to -30…20.
  public func encode(_ x: Variable) -> (mean: Variable, logVariance: Variable) {
    let factor = configuration.reduction
    guard x.shape.count == 4, x.shape[1] == configuration.imageChannels,
      x.shape[2] % factor == 0, x.shape[3] % factor == 0
    else {
      fatalError(
        "an image of shape \(x.shape) for an autoencoder of \(configuration.imageChannels) "
          + "channels and extents divisible by \(factor)")
    }
    let h = encoder(x.channelsLast())
    let moments = (encoderMap?(h) ?? h).channelsFirst()
    let latents = configuration.latentChannels
    return (
      moments.slice(0..<latents, along: 1),
      moments.slice(latents..<2 * latents, along: 1).clamped(to: -30...20)
    )
  }

  /// Decodes latents, `[batch, latentChannels, height, width]`, to images.
  public func decode(_ z: Variable) -> Variable {
    guard z.shape.count == 4, z.shape[1] == configuration.latentChannels else {
      fatalError(
        "a latent of shape \(z.shape) for an autoencoder of \(configuration.latentChannels) "
          + "latent channels")
    }
    let h = z.channelsLast()
    return decoder(decoderMap?(h) ?? h).channelsFirst()
  }

  /// Encodes images for inference: nothing is recorded for a gradient.
  public func encode(_ x: Tensor) -> (mean: Tensor, logVariance: Tensor) {
    let (mean, logVariance) = encode(Tape(recording: false).constant(x))
    return (mean.value, logVariance.value)
  }

  /// Decodes latents for inference: nothing is recorded for a gradient.
  public func decode(_ z: Tensor) -> Tensor { decode(Tape(recording: false).constant(z)).value }
}
