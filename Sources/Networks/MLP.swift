import Autodiff
import Probability
import Tensors

/// A network for points: it maps a point and a time to a vector.
///
/// It is a linear map to `width` channels, then `layers` residual blocks of two linear maps with the
/// embedding of time (and class) added between the two, then a linear map to the output.
///
///     h ← h + second(silu(first(silu h) + project(silu(embedding))))
public struct MLP: TimeConditionedNetwork {
  /// The sizes of an MLP, with defaults for distributions in the plane.
  public struct Configuration: Sendable, Equatable, Codable {
    /// Coordinates of a point.
    public var inputs = 2
    public var outputs = 2
    /// Channels of the hidden layers.
    public var width = 128
    /// The number of residual blocks.
    public var layers = 3
    /// Sinusoidal features of the time.
    public var timeFeatures = 64
    /// Rows of the class embedding; nil for a model without classes.
    public var classes: Int?
    /// Whether the last linear map of the network and of every block is initially zero.
    public var startsAtZero = false
    /// Frequencies of the Fourier features that are appended to each coordinate.
    public var fourierFrequencies = 0

    /// Creates a configuration; the parameters are those of the properties.
    public init(
      inputs: Int = 2, outputs: Int = 2, width: Int = 128, layers: Int = 3, timeFeatures: Int = 64,
      classes: Int? = nil, startsAtZero: Bool = false, fourierFrequencies: Int = 0
    ) {
      self.inputs = inputs
      self.outputs = outputs
      self.width = width
      self.layers = layers
      self.timeFeatures = timeFeatures
      self.classes = classes
      self.startsAtZero = startsAtZero
      self.fourierFrequencies = fourierFrequencies
    }
  }

  struct Block: Module {
    let first: Linear
    let projection: Linear
    let second: Linear
    var parameters: [Parameter] { first.parameters + projection.parameters + second.parameters }

    func callAsFunction(_ h: Variable, _ embedding: Variable) -> Variable {
      h + second(silu(first(silu(h)) + projection(embedding)))
    }
  }

  public let configuration: Configuration
  public var labelCount: Int? { configuration.classes }
  let first: Linear
  let timeEmbedding: TimeEmbedding
  let classEmbedding: ClassEmbedding?
  let blocks: [Block]
  let last: Linear

  /// Creates an MLP with initial weights from `generator`.
  public init(_ configuration: Configuration = Configuration(), generator: RandomGenerator) {
    let c = configuration
    let scope = ParameterScope(generator)
    self.configuration = c
    first = Linear(c.inputs * (1 + 2 * c.fourierFrequencies), c.width, in: scope["first"])
    timeEmbedding = TimeEmbedding(
      features: c.timeFeatures, channels: c.width, in: scope["time_embedding"])
    classEmbedding = c.classes.map {
      ClassEmbedding(classes: $0, channels: c.width, in: scope["class_embedding"])
    }
    blocks = (0..<c.layers).map { index in
      let scope = scope["blocks.\(index)"]
      return Block(
        first: Linear(c.width, c.width, in: scope["first"]),
        projection: Linear(c.width, c.width, in: scope["projection"]),
        second: Linear(c.width, c.width, startsAtZero: c.startsAtZero, in: scope["second"]))
    }
    last = Linear(c.width, c.outputs, startsAtZero: c.startsAtZero, in: scope["last"])
  }

  public var parameters: [Parameter] {
    first.parameters + timeEmbedding.parameters + classEmbedding.parameters + blocks.parameters
      + last.parameters
  }

  /// Evaluates the network at points `[count, inputs]`, with one time per point or one for all, and
  /// one class per point if the model has classes.
  ///
  /// - Returns: `[count, outputs]`.
  public func callAsFunction(_ x: Variable, t: [Double], labels: [Int]? = nil) -> Variable {
    // If all points share their time and class, a single row is broadcast.
    let batch = x.shape[0]
    let isShared = t.count == 1 && Set(labels ?? []).count <= 1 && labels?.count ?? batch == batch
    let embedding = sharedEmbedding(
      timeEmbedding, classEmbedding, t: t,
      labels: isShared ? labels.map { Array($0.prefix(1)) } : labels,
      batch: isShared ? 1 : batch, on: x.tape)
    let input = fourierFeatures(x, frequencies: configuration.fourierFrequencies)
    let h = blocks.reduce(first(input)) { h, block in block(h, embedding) }
    return last(silu(h))
  }
}
