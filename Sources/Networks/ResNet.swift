import Autodiff
import Probability
import Tensors

/// A small residual network that classifies images (He et al., "Identity mappings in deep residual
/// networks", ECCV 2016, with group norms instead of batch norms).
///
/// It consists of a convolution at full resolution; levels that halve the extents and apply residual
/// blocks; an average over positions; a linear map to the feature vector; and a linear map to the
/// logits. The feature vectors serve to measure distances between sets of images.
public struct ResNet: Network {
  /// The sizes of the network, with the defaults for CIFAR-10.
  public struct Configuration: Sendable, Equatable, Codable {
    public var imageChannels = 3
    /// Channels at full resolution.
    public var stem = 32
    /// Channels of each further level, and its number of residual blocks.
    public var channels = [64, 128, 256]
    public var blocks = [1, 2, 1]
    /// The length of the feature vector.
    public var features = 128
    public var classes = 10
    /// Groups of every group norm, and the number added to the variance.
    public var groups = 8
    public var epsilon: Float = 1e-5

    /// Creates a configuration; the parameters are those of the properties.
    public init(
      imageChannels: Int = 3, stem: Int = 32, channels: [Int] = [64, 128, 256],
      blocks: [Int] = [1, 2, 1], features: Int = 128, classes: Int = 10, groups: Int = 8,
      epsilon: Float = 1e-5
    ) {
      self.imageChannels = imageChannels
      self.stem = stem
      self.channels = channels
      self.blocks = blocks
      self.features = features
      self.classes = classes
      self.groups = groups
      self.epsilon = epsilon
    }

    /// The factor by which each extent of an image exceeds that of the last level.
    public var reduction: Int { 1 << channels.count }
  }

  /// The activations of a batch of images.
  public struct Output {
    /// The output of each level, `[batch, height/2ᵏ, width/2ᵏ, channels]`, k = 1, 2, …
    public let stages: [Variable]
    /// The feature vectors, `[batch, features]`.
    public let features: Variable
    /// The logarithms of unnormalized probabilities, `[batch, classes]`.
    public let logits: Variable
  }

  /// Downsampling, then residual blocks.
  struct Level: Module {
    let norm: GroupNorm
    let halving: Convolution
    let residuals: [ResidualBlock]
    var parameters: [Parameter] {
      norm.parameters + halving.parameters + residuals.parameters
    }

    init(_ inputs: Int, _ outputs: Int, blocks: Int, _ c: Configuration, in scope: ParameterScope) {
      norm = GroupNorm(inputs, groups: c.groups, epsilon: c.epsilon, in: scope["norm"])
      halving = Convolution(
        inputs, outputs, geometry: ConvolutionGeometry(kernel: 3, stride: 2, padding: 1),
        in: scope["halving"])
      residuals = (0..<blocks).map {
        ResidualBlock(
          outputs, outputs, embeddingChannels: nil, groups: c.groups, epsilon: c.epsilon,
          in: scope["residuals.\($0)"])
      }
    }

    func callAsFunction(_ x: Variable) -> Variable {
      residuals.reduce(halving(norm(x, activation: .silu))) { $1($0) }
    }
  }

  public let configuration: Configuration
  let first: Convolution
  let levels: [Level]
  let lastNorm: GroupNorm
  let featureMap: Linear
  let last: Linear

  /// Creates a classifier with initial weights from `generator`.
  public init(_ configuration: Configuration = Configuration(), generator: RandomGenerator) {
    let c = configuration
    guard !c.channels.isEmpty, c.blocks.count == c.channels.count else {
      fatalError("a classifier needs levels, and a number of blocks for each: \(c)")
    }
    let scope = ParameterScope(generator)
    self.configuration = c
    first = Convolution(c.imageChannels, c.stem, in: scope["first"])
    levels = c.channels.indices.map { level in
      Level(
        level == 0 ? c.stem : c.channels[level - 1], c.channels[level], blocks: c.blocks[level], c,
        in: scope["levels.\(level)"])
    }
    let bottom = c.channels[c.channels.count - 1]
    lastNorm = GroupNorm(bottom, groups: c.groups, epsilon: c.epsilon, in: scope["last_norm"])
    featureMap = Linear(bottom, c.features, in: scope["features"])
    last = Linear(c.features, c.classes, in: scope["last"])
  }

  public var parameters: [Parameter] {
    first.parameters + levels.parameters + lastNorm.parameters + featureMap.parameters
      + last.parameters
  }

  /// Evaluates the network on images `[batch, imageChannels, height, width]` with values in -1…1,
  /// whose extents `configuration.reduction` divides.
  public func callAsFunction(_ x: Variable) -> Output {
    let stages = stages(of: x)
    let h = lastNorm(stages[stages.count - 1], activation: .silu)
    let features = featureMap(h.mean(axes: [1, 2]))
    return Output(stages: stages, features: features, logits: last(silu(features)))
  }

  /// Computes the outputs of the first `count` levels; of all by default.
  public func stages(of x: Variable, count: Int? = nil) -> [Variable] {
    let factor = configuration.reduction
    guard x.shape.count == 4, x.shape[1] == configuration.imageChannels,
      x.shape[2] % factor == 0, x.shape[3] % factor == 0
    else {
      fatalError(
        "an image of shape \(x.shape) for a classifier of \(configuration.imageChannels) channels "
          + "and extents divisible by \(factor)")
    }
    var h = first(x.channelsLast())
    return levels.prefix(count ?? levels.count).map { level in
      h = level(h)
      return h
    }
  }

  /// Evaluates the network for inference: nothing is recorded for a gradient.
  public func callAsFunction(_ x: Tensor) -> (features: Tensor, logits: Tensor) {
    let output: Output = self(Tape(recording: false).constant(x))
    return (output.features.value, output.logits.value)
  }
}
