import Autodiff
import Probability
import Tensors

/// The downsampling path of a U-Net, followed by a linear map to logits: a classifier of noisy images
/// that is conditioned on the time (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis",
/// 2021, section 4).
///
/// It consists of a convolution to the first level's channels; on every level, residual blocks with
/// the embedding of the time, and downsampling except at the last; a group norm, the average over all
/// positions, and a linear map.
public struct UNetEncoder: TimeConditionedNetwork {
  /// The sizes of the network, with the defaults for the course's 16x16 images.
  public struct Configuration: Sendable, Equatable, Codable {
    public var inputChannels = 3
    public var classes = 10
    /// Channels of each level, from the top down.
    public var channels = [24, 48, 64]
    /// Residual blocks per level.
    public var layersPerLevel = 1
    /// Groups of every group norm, and the number added to the variance.
    public var groups = 8
    public var epsilon: Float = 1e-5

    /// Creates a configuration; the parameters are those of the properties.
    public init(
      inputChannels: Int = 3, classes: Int = 10, channels: [Int] = [24, 48, 64],
      layersPerLevel: Int = 1, groups: Int = 8, epsilon: Float = 1e-5
    ) {
      self.inputChannels = inputChannels
      self.classes = classes
      self.channels = channels
      self.layersPerLevel = layersPerLevel
      self.groups = groups
      self.epsilon = epsilon
    }
  }

  public let configuration: Configuration
  public var labelCount: Int? { nil }
  let first: Convolution
  let timeEmbedding: TimeEmbedding
  let down: [DownLevel]
  let lastNorm: GroupNorm
  let last: Linear

  /// Creates a classifier with initial weights from `generator`.
  public init(_ configuration: Configuration = Configuration(), generator: RandomGenerator) {
    let c = configuration
    guard let top = c.channels.first, let bottom = c.channels.last, c.layersPerLevel > 0 else {
      fatalError("a classifier needs levels with at least one block each: \(c)")
    }
    let scope = ParameterScope(generator)
    let style = LevelStyle(
      layers: c.layersPerLevel, embeddingChannels: 4 * top, headWidth: nil, groups: c.groups,
      epsilon: c.epsilon, startsAtZero: false)
    self.configuration = c
    first = Convolution(c.inputChannels, top, in: scope["conv_in"])
    timeEmbedding = TimeEmbedding(features: top, channels: 4 * top, in: scope["time_embedding"])
    down = c.channels.indices.map { level in
      DownLevel(
        c.channels[max(level - 1, 0)], c.channels[level], attention: false,
        last: level == c.channels.count - 1, style: style, in: scope["down_blocks.\(level)"])
    }
    lastNorm = GroupNorm(bottom, groups: c.groups, epsilon: c.epsilon, in: scope["norm_out"])
    last = Linear(bottom, c.classes, in: scope["linear_out"])
  }

  public var parameters: [Parameter] {
    first.parameters + timeEmbedding.parameters + down.parameters + lastNorm.parameters
      + last.parameters
  }

  /// Computes the logits of a batch of images.
  ///
  /// - Parameters:
  ///   - x: `[batch, inputChannels, height, width]`; the extents must be divisible by
  ///     2^(levels - 1).
  ///   - t: One time per image, or one for all.
  ///   - labels: Must be nil: the network has no embedding of labels.
  /// - Returns: The logarithms of unnormalized probabilities, `[batch, classes]`.
  public func callAsFunction(_ x: Variable, t: [Double], labels: [Int]? = nil) -> Variable {
    guard labels == nil else { fatalError("a U-Net encoder takes no labels") }
    return last(features(x, t: t))
  }

  /// Computes the feature vectors, of which the logits are a linear map.
  ///
  /// - Returns: `[batch, channels.last]`.
  public func features(_ x: Variable, t: [Double]) -> Variable {
    let factor = 1 << (configuration.channels.count - 1)
    guard x.shape.count == 4, x.shape[1] == configuration.inputChannels, x.shape[2] % factor == 0,
      x.shape[3] % factor == 0
    else {
      fatalError(
        "an image of shape \(x.shape) for a classifier of \(configuration.inputChannels) channels "
          + "and extents divisible by \(factor)")
    }
    let embedding = sharedEmbedding(
      timeEmbedding, nil, t: t, labels: nil, batch: x.shape[0], on: x.tape)
    var h = first(x.channelsLast())
    var skips: [Variable] = []
    for level in down { h = level(h, embedding, skips: &skips) }
    return lastNorm(h, activation: .silu).mean(axes: [1, 2])
  }
}
