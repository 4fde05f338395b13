import Diffusion
import Networks
import Probability
import Tensors

extension DiffusionModel {
  /// The configuration of a model of images, as files store it.
  public struct Configuration: Codable, Sendable, Equatable {
    public var network: Network.Configuration
    /// Rows and columns of a sample.
    public var size: Int
    /// T, and the first and last β of the linear schedule.
    public var steps: Int
    public var firstBeta: Double
    public var lastBeta: Double
    /// The probability with which training replaces a label by the null label.
    public var dropProbability: Double
    /// What the network is trained to predict.
    public var prediction: Prediction
    /// The distribution of the step t in training.
    public var timesteps: TimestepDistribution.Configuration
    /// The weight of the loss at each step.
    public var weighting: LossWeighting

    public init(
      network: Network.Configuration, size: Int, steps: Int = 1000, firstBeta: Double = 1e-4,
      lastBeta: Double = 0.02, dropProbability: Double = 0.1, prediction: Prediction = .noise,
      timesteps: TimestepDistribution.Configuration = .uniform,
      weighting: LossWeighting = .unweighted
    ) {
      self.network = network
      self.size = size
      self.steps = steps
      self.firstBeta = firstBeta
      self.lastBeta = lastBeta
      self.dropProbability = dropProbability
      self.prediction = prediction
      self.timesteps = timesteps
      self.weighting = weighting
    }

    /// Reads a configuration. In older files of latent models the size (8) and the dropout (0.1) are
    /// missing, and the prediction if it is the noise; older models were trained with uniform steps
    /// and no weights.
    public init(from decoder: any Decoder) throws {
      let keys = try decoder.container(keyedBy: CodingKeys.self)
      network = try keys.decode(Network.Configuration.self, forKey: .network)
      size = try keys.decodeIfPresent(Int.self, forKey: .size) ?? 8
      steps = try keys.decode(Int.self, forKey: .steps)
      firstBeta = try keys.decode(Double.self, forKey: .firstBeta)
      lastBeta = try keys.decode(Double.self, forKey: .lastBeta)
      dropProbability = try keys.decodeIfPresent(Double.self, forKey: .dropProbability) ?? 0.1
      prediction = try keys.decodeIfPresent(Prediction.self, forKey: .prediction) ?? .noise
      timesteps =
        try keys.decodeIfPresent(TimestepDistribution.Configuration.self, forKey: .timesteps)
        ?? .uniform
      weighting = try keys.decodeIfPresent(LossWeighting.self, forKey: .weighting) ?? .unweighted
    }

    /// The linear schedule of the forward process.
    public var schedule: NoiseSchedule { .linear(steps: steps, from: firstBeta, to: lastBeta) }
  }
}

extension DiffusionModel<UNet> {
  /// Creates a model of images with the given network.
  public init(_ network: UNet, _ configuration: Configuration) {
    let channels = configuration.network.inputChannels
    let schedule = configuration.schedule
    self.init(
      network, schedule, sampleShape: [channels, configuration.size, configuration.size],
      prediction: configuration.prediction,
      timesteps: configuration.timesteps.distribution(on: schedule),
      lossWeights: configuration.weighting.weights(of: configuration.prediction, on: schedule),
      dropProbability: configuration.dropProbability)
  }

  /// Creates a model of images with initial weights from `generator`.
  public init(_ configuration: Configuration, generator: RandomGenerator) {
    self.init(UNet(configuration.network, generator: generator), configuration)
  }

  /// Creates a model of images with initial weights from `seed`.
  public init(_ configuration: Configuration, seed: UInt64) {
    self.init(configuration, generator: RandomGenerator(seed: seed))
  }
}

extension DiffusionModel<UNet>.Configuration {
  /// The model of the course's 16x16 images, small enough to be trained in a minute; it predicts v.
  ///
  /// - Parameters:
  ///   - channels: 1 for gray, 3 for colors.
  ///   - classes: The number of classes, without the null label; nil for a model without labels.
  public static func smallImages(channels: Int = 1, classes: Int? = nil) -> Self {
    let network = UNet.Configuration(
      inputChannels: channels, outputChannels: channels, channels: [32, 32, 64],
      layersPerLevel: 1, attention: [false, false, true], middleAttention: false, headWidth: 32,
      groups: 8, classes: classes.map { $0 + 1 }, startsAtZero: true)
    return Self(network: network, size: 16, prediction: .v)
  }
}
