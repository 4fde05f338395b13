import Autodiff
import Diffusion
import Models
import Networks
import Parallelism
import Probability
import Tensors

/// A diffusion model of points, `DiffusionModel<MLP>`, with the settings and the losses of its
/// training.
///
/// ```
/// let data = TrainingPoints(PlaneSet.moons.sample(50_000, using: RandomGenerator(seed: 1)))
/// let denoiser = PointDenoiser.trained(on: data, .init { $0.dropProbability = 0.1 })
/// let noise = denoiser.noise(xt, t: 300, labels: labels)
/// ```
public struct PointDenoiser: Denoiser, ConditionalDenoiser {
  /// The network with its forward process, prediction and loss.
  public let model: DiffusionModel<MLP>
  public let configuration: Configuration
  /// The loss of every update of the training; empty before.
  public private(set) var losses: [Double] = []

  /// Creates an untrained denoiser with the dimensions and classes of `data`.
  public init(_ configuration: Configuration, for data: TrainingPoints) {
    let c = configuration
    let network = MLP(
      MLP.Configuration(
        inputs: data.dimensions, outputs: data.dimensions, width: c.width, layers: c.layers,
        timeFeatures: 32, classes: c.dropProbability.map { _ in data.classCount + 1 },
        fourierFrequencies: c.fourierFrequencies),
      generator: RandomGenerator(seed: c.seed))
    self.configuration = c
    model = DiffusionModel(
      network, c.schedule, sampleShape: [data.dimensions], prediction: c.prediction,
      timesteps: c.timesteps, lossWeights: (1...c.schedule.steps).map(c.lossWeight),
      dropProbability: c.dropProbability ?? 0)
  }

  public var network: MLP { model.network }
  /// The forward process.
  public var diffusion: GaussianDiffusion { model.diffusion }
  /// The label that means "no class": the number of classes, or 0 for a network without labels.
  public var nullLabel: Int { model.nullLabel }

  public func noise(_ xt: PointSet, t: Int) -> PointSet { model.noise(xt, t: t) }

  public func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    model.noise(xt, t: t, labels: labels)
  }

  // MARK: Training

  /// The training of this denoiser, as a sequence of updates that change its network in place.
  public func training(on data: TrainingPoints) -> TrainingRun {
    TrainingRun(network.parameters, plan: configuration.plan) { tape, _, generator in
      var random = generator.split(0)
      let rows = (0..<configuration.batchSize).map { _ in random.index(below: data.count) }
      return model.loss(
        data.points.rows(rows), labels: rows.map { data.labels[$0] }, tape: tape,
        generator: generator.split(1))
    }
  }

  /// Trains a denoiser on points. Its weights are the moving average of those of the training.
  ///
  /// - Parameter onUpdate: Called after each update, for progress bars.
  public static func trained(
    on data: TrainingPoints, _ configuration: Configuration = Configuration(),
    onUpdate: (TrainingStep) -> Void = { _ in }
  ) -> PointDenoiser {
    var denoiser = PointDenoiser(configuration, for: data)
    denoiser.losses = denoiser.training(on: data).finish(onUpdate)
    return denoiser
  }

  /// Trains one denoiser per configuration, on several cores. The results are the same as if they were
  /// trained one after another.
  public static func trained(
    on data: TrainingPoints, _ configurations: [Configuration]
  ) -> [PointDenoiser] {
    Parallel.map(configurations.count) { trained(on: data, configurations[$0]) }
  }
}

extension PointDenoiser {
  /// The settings of a denoiser of points and of its training; with the defaults a model of points in
  /// the plane is trained in a few seconds.
  public struct Configuration: Sendable {
    /// The noise schedule.
    public var schedule = NoiseSchedule.linear()
    /// What the network is trained to predict.
    public var prediction = Prediction.noise
    /// The number of updates.
    public var updates = 3000
    /// Points per update.
    public var batchSize = 256
    /// Channels of the hidden layers.
    public var width = 64
    /// The number of residual blocks.
    public var layers = 3
    /// Frequencies of the Fourier features of each coordinate; with four the network learns sharp
    /// edges and narrow gaps faster.
    public var fourierFrequencies = 0
    /// The highest learning rate, which decreases by a cosine to a hundredth of it.
    public var learningRate = 3e-3
    /// The probability with which training replaces a label by the null label; nil for a network
    /// without labels.
    public var dropProbability: Double?
    /// The weight of the loss at step t; 1 by default.
    public var lossWeight: @Sendable (_ t: Int) -> Double = { _ in 1 }
    /// The distribution of the steps in training.
    public var timesteps = TimestepDistribution.uniform
    /// The largest decay of the moving average of the weights.
    public var averageDecay = 0.995
    /// The seed of the initial weights and of all random numbers of the training.
    public var seed: UInt64 = 0

    /// The default configuration.
    public init() {}

    /// The default configuration, changed by `edit`.
    ///
    /// ```
    /// let configuration = PointDenoiser.Configuration { $0.prediction = .x0; $0.seed = 3 }
    /// ```
    public init(_ edit: (inout Configuration) -> Void) { edit(&self) }

    /// This configuration, changed by `edit`.
    public func with(_ edit: (inout Configuration) -> Void) -> Configuration {
      var copy = self
      edit(&copy)
      return copy
    }

    var plan: TrainingPlan {
      TrainingPlan(
        length: .steps(updates), learningRate: learningRate, warmUpSteps: 100, weightDecay: 0,
        averageDecay: averageDecay, seed: seed)
    }
  }
}
