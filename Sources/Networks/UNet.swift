import Autodiff
import Probability
import Tensors

/// The U-Net of diffusion models (Ronneberger et al. 2015; Ho et al. 2020, appendix B): it maps an
/// image and a time to an image of the same extents, usually a prediction of the noise in it.
///
/// The downsampling path halves the extents from level to level, and the upsampling path doubles them.
/// Skip connections join every layer of the first with one of the second, so fine detail does not have
/// to pass through the lowest level. The parameters are those of `UNet2DModel` of diffusers, so each
/// reads the other's weights.
public struct UNet: TimeConditionedNetwork {
  /// The sizes of a U-Net, with the defaults of the small latent model of CIFAR-10.
  public struct Configuration: Sendable, Equatable, Codable {
    /// Channels of the input and of the output.
    public var inputChannels = 4
    public var outputChannels = 4
    /// Channels of each level, from the top down.
    public var channels = [64, 128]
    /// Residual blocks per level of the downsampling path; the upsampling path has one more per level.
    public var layersPerLevel = 1
    /// Whether each level, from the top down, has attention.
    public var attention = [true, true]
    /// Whether there is attention in the middle, at the lowest level.
    public var middleAttention = true
    /// Channels per attention head; all channels of the level if nil.
    public var headWidth: Int? = 64
    /// Groups of every group norm, and the number added to the variance.
    public var groups = 32
    public var epsilon: Float = 1e-5
    /// Rows of the class embedding, including the null label's; nil for a model without classes.
    public var classes: Int?
    /// Whether the last map of every block and of the network is initially zero, so that the network's
    /// initial output is zero, as in the program of Ho et al. 2020. In diffusers they are initialized
    /// like the others.
    public var startsAtZero = false

    /// Creates a configuration; the parameters are those of the properties.
    public init(
      inputChannels: Int = 4, outputChannels: Int = 4, channels: [Int] = [64, 128],
      layersPerLevel: Int = 1, attention: [Bool] = [true, true], middleAttention: Bool = true,
      headWidth: Int? = 64, groups: Int = 32, epsilon: Float = 1e-5, classes: Int? = nil,
      startsAtZero: Bool = false
    ) {
      self.inputChannels = inputChannels
      self.outputChannels = outputChannels
      self.channels = channels
      self.layersPerLevel = layersPerLevel
      self.attention = attention
      self.middleAttention = middleAttention
      self.headWidth = headWidth
      self.groups = groups
      self.epsilon = epsilon
      self.classes = classes
      self.startsAtZero = startsAtZero
    }
  }

  public let configuration: Configuration
  public var labelCount: Int? { configuration.classes }
  let first: Convolution
  let timeEmbedding: TimeEmbedding
  let classEmbedding: ClassEmbedding?
  let down: [DownLevel]
  let middle: MiddleLevel
  let up: [UpLevel]
  let lastNorm: GroupNorm
  let last: Convolution

  /// Creates a U-Net with initial weights from `generator`.
  public init(_ configuration: Configuration, generator: RandomGenerator) {
    let scope = ParameterScope(generator)
    let c = configuration.checked()
    let channels = c.channels
    let (top, bottom) = (channels[0], channels[channels.count - 1])
    let style = LevelStyle(
      layers: c.layersPerLevel, embeddingChannels: 4 * top, headWidth: c.headWidth,
      groups: c.groups, epsilon: c.epsilon, startsAtZero: c.startsAtZero)
    self.configuration = c
    first = Convolution(c.inputChannels, top, in: scope["conv_in"])
    timeEmbedding = TimeEmbedding(
      features: top, channels: 4 * top, in: scope["time_embedding"])
    classEmbedding = c.classes.map {
      ClassEmbedding(classes: $0, channels: 4 * top, in: scope["class_embedding"])
    }
    down = channels.indices.map { level in
      DownLevel(
        channels[max(level - 1, 0)], channels[level], attention: c.attention[level],
        last: level == channels.count - 1, style: style, in: scope["down_blocks.\(level)"])
    }
    let middleScope = scope["mid_block"]
    middle = MiddleLevel(
      residuals: (0..<2).map { style.residual(bottom, bottom, in: middleScope["resnets.\($0)"]) },
      attention: c.middleAttention
        ? style.attention(bottom, in: middleScope["attentions.0"]) : nil)
    up = channels.indices.reversed().enumerated().map { index, level in
      UpLevel(
        channels[min(level + 1, channels.count - 1)], channels[level],
        above: channels[max(level - 1, 0)], attention: c.attention[level], last: level == 0,
        style: style, in: scope["up_blocks.\(index)"])
    }
    lastNorm = GroupNorm(top, groups: c.groups, epsilon: c.epsilon, in: scope["conv_norm_out"])
    last = Convolution(
      top, c.outputChannels, startsAtZero: c.startsAtZero, in: scope["conv_out"])
  }

  public var parameters: [Parameter] {
    first.parameters + timeEmbedding.parameters + classEmbedding.parameters + down.parameters
      + middle.parameters + up.parameters + lastNorm.parameters + last.parameters
  }

  /// Evaluates the network.
  ///
  /// - Parameters:
  ///   - x: `[batch, inputChannels, height, width]`; the extents must be divisible by
  ///     2^(levels - 1).
  ///   - t: One time per image, or one for all.
  ///   - labels: One class per image if the model has classes; otherwise nil.
  /// - Returns: `[batch, outputChannels, height, width]`.
  public func callAsFunction(_ x: Variable, t: [Double], labels: [Int]? = nil) -> Variable {
    check(x.shape)
    // snippet.forward
    let embedding = sharedEmbedding(
      timeEmbedding, classEmbedding, t: t, labels: labels, batch: x.shape[0], on: x.tape)
    var h = first(x.channelsLast())
    var skips = [h]
    for level in down { h = level(h, embedding, skips: &skips) }
    h = middle(h, embedding)
    for level in up { h = level(h, embedding, skips: &skips) }
    return last(lastNorm(h, activation: .silu)).channelsFirst()
    // snippet.end
  }

  private func check(_ shape: Shape) {
    let factor = 1 << (configuration.channels.count - 1)
    guard shape.count == 4, shape[1] == configuration.inputChannels, shape[2] % factor == 0,
      shape[3] % factor == 0
    else {
      fatalError(
        "an image of shape \(shape) for a U-Net of \(configuration.inputChannels) channels "
          + "and extents divisible by \(factor)")
    }
  }
}

extension UNet.Configuration {
  func checked() -> Self {
    guard !channels.isEmpty, attention.count == channels.count, layersPerLevel > 0 else {
      fatalError("a U-Net needs levels, and one value of `attention` for each: \(self)")
    }
    return self
  }
}
