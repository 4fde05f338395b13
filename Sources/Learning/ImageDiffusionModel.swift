import Autodiff
import Diffusion
import Networks
import Probability
import Tensors

/// A diffusion model of small pictures, in pixels: a U-Net and the schedule that it is trained for.
///
/// It is a denoiser, so every sampler and every guidance takes it. Where it has classes it is trained
/// with and without them (Ho and Salimans, "Classifier-free diffusion guidance", 2022), and without
/// labels it answers with the null label.
///
/// ```
/// let model = ImageDiffusionModel(.small(classes: 10), seed: 1)
/// let run = model.training(on: images.tensor, labels: images.labels, plan: .small(steps: 1000))
/// for step in run { losses.append(step.loss) }
/// run.adoptAverages()
/// let pictures = model.sample(64, with: sampler, seed: 2)
/// ```
public struct ImageDiffusionModel: Denoiser, ConditionalDenoiser {
  /// What a model is made of.
  public struct Settings: Codable, Sendable, Equatable {
    public var network: UNet.Configuration
    /// Rows and columns of a picture.
    public var size: Int
    /// T, and the first and last β of the linear schedule.
    public var steps: Int
    public var firstBeta: Double
    public var lastBeta: Double
    /// How often a class is replaced by the null label in training.
    public var dropProbability: Double
    /// What the network is trained to say: the noise, the velocity or $x_0$.
    public var prediction: Prediction

    public init(
      network: UNet.Configuration, size: Int, steps: Int = 1000, firstBeta: Double = 1e-4,
      lastBeta: Double = 0.02, dropProbability: Double = 0.1, prediction: Prediction = .v
    ) {
      self.network = network
      self.size = size
      self.steps = steps
      self.firstBeta = firstBeta
      self.lastBeta = lastBeta
      self.dropProbability = dropProbability
      self.prediction = prediction
    }

    /// The model of the course's 16x16 pictures, small enough to be trained in a minute.
    ///
    /// - Parameters:
    ///   - channels: 1 for gray, 3 for colors.
    ///   - classes: the number of classes, the null label not counted; nil for a model without.
    public static func small(channels: Int = 1, classes: Int? = nil) -> Settings {
      let network = UNet.Configuration(
        inputChannels: channels, outputChannels: channels, channels: [32, 32, 64],
        layersPerLevel: 1, attention: [false, false, true], middleAttention: false, headWidth: 32,
        groups: 8, classes: classes.map { $0 + 1 }, startsAtZero: true)
      return Settings(network: network, size: 16)
    }
  }

  public let settings: Settings
  public let network: UNet
  /// The forward process that the network is trained for.
  public let diffusion: GaussianDiffusion

  /// Makes a model whose first weights follow from `seed`.
  public init(_ settings: Settings, seed: UInt64) {
    self.settings = settings
    network = UNet(settings.network, generator: RandomGenerator(seed: seed))
    diffusion = GaussianDiffusion(
      .linear(steps: settings.steps, from: settings.firstBeta, to: settings.lastBeta))
  }

  /// The schedule of the forward process.
  public var schedule: NoiseSchedule { diffusion.schedule }

  /// The number of classes, the null label not counted; 0 for a model without.
  public var classes: Int { settings.network.classes.map { $0 - 1 } ?? 0 }

  /// The label that stands for no class.
  public var nullLabel: Int { classes }

  /// The shape of a batch of `count` pictures, `[count, channels, size, size]`.
  public func shape(_ count: Int) -> Shape {
    [count, settings.network.inputChannels, settings.size, settings.size]
  }

  // MARK: A denoiser

  /// The noise in `xt`, as far as the network can tell without being told classes.
  public func noise(_ xt: Tensor, t: Int) -> Tensor {
    noise(xt, t: t, labels: [Int](repeating: nullLabel, count: xt.shape[0]))
  }

  /// The noise in `xt`, given a label for each picture; the null label stands for none. A model
  /// without classes knows no other.
  public func noise(_ xt: Tensor, t: Int, labels: [Int]) -> Tensor {
    guard classes > 0 || labels.allSatisfy({ $0 == nullLabel }) else {
      fatalError("a model without classes cannot be asked for one")
    }
    let said = network(xt, t: [t], labels: classes == 0 ? nil : labels)
    return diffusion.convert(said, from: settings.prediction, to: .noise, xt: xt, t: t)
  }

  // MARK: Training

  // snippet.loss
  /// The loss on pictures `x0`, `[batch, channels, size, size]`: the mean squared error of what the
  /// network is to say, at a uniformly drawn step for each picture.
  public func loss(
    _ x0: Tensor, labels: [Int]? = nil, tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    var draws = generator
    let images = x0.shape[0]
    let times = (0..<images).map { _ in 1 + draws.index(below: schedule.steps) }
    let kept = labels?.map { draws.uniform() < settings.dropProbability ? nullLabel : $0 }
    let noise = Tensor.normal(x0.shape, using: &draws)
    let xt = diffusion.addNoise(to: x0, t: times, noise: noise)
    let said = network(tape.constant(xt), t: times, labels: classes == 0 ? nil : kept)
    return BatchLoss(meanSquaredError(said, target(x0, noise, times)), images: images)
  }
  // snippet.end

  /// What the network should say: a combination of picture and noise.
  private func target(_ x0: Tensor, _ noise: Tensor, _ times: [Int]) -> Tensor {
    if settings.prediction == .noise { return noise }
    let parts = times.enumerated().map { entry, t -> Tensor in
      let (image, epsilon) = (x0.slice(entry..<entry + 1), noise.slice(entry..<entry + 1))
      switch settings.prediction {
      case .x0: return image
      case .v: return diffusion.v(x0: image, noise: epsilon, t: t)
      default: fatalError("a network is trained to say noise, velocity or x0")
      }
    }
    return .concatenated(parts, along: 0)
  }

  /// The updates of a training on pictures in -1…1, as a sequence. Go through it, then call its
  /// `adoptAverages()`.
  ///
  /// - Parameters:
  ///   - images: `[count, channels, size, size]`.
  ///   - labels: one class a picture; needed exactly if the model has classes.
  ///   - batchSize: pictures an update, in an order that follows from the plan's seed.
  public func training(
    on images: Tensor, labels: [Int]? = nil, plan: TrainingPlan, batchSize: Int = 32
  ) -> TrainingRun {
    guard images.shape == shape(images.shape[0]), classes == 0 || labels?.count == images.shape[0]
    else {
      fatalError(
        "pictures \(images.shape) with \(labels?.count ?? 0) labels for a model of "
          + "\(shape(images.shape[0])) and \(classes) classes")
    }
    var order = EpochOrder(count: images.shape[0], batchSize: batchSize, seed: plan.seed)
    return TrainingRun(network.parameters, plan: plan) { tape, step, generator in
      let batch = order.batch(step)
      return loss(
        images.rows(batch), labels: labels.map { all in batch.map { all[$0] } }, tape: tape,
        generator: generator)
    }
  }

  /// The mean squared error of the noise at each of `times` over all `images`, with every class
  /// kept: what a model is judged by, on pictures that it did not see.
  ///
  /// - Parameter generator: draws the noise, so that two models can be given the same.
  public func noiseError(
    on images: Tensor, labels: [Int]? = nil, at times: [Int], generator: RandomGenerator
  ) -> [Double] {
    let labels = labels ?? [Int](repeating: nullLabel, count: images.shape[0])
    return times.map { t in
      var draws = generator.split(t)
      let noise = Tensor.normal(images.shape, using: &draws)
      return noise.meanSquaredDifference(
        self.noise(diffusion.addNoise(to: images, t: t, noise: noise), t: t, labels: labels))
    }
  }

  // MARK: Sampling

  /// Pictures without a class, `[count, channels, size, size]`. Picture `i` depends on the seed and
  /// on `i` alone.
  public func sample(
    _ count: Int, with sampler: Sampler, seed: UInt64, batchSize: Int = 64
  ) -> Tensor {
    sample(count, with: sampler, seed: seed, batchSize: batchSize) { _ in self }
  }

  /// Pictures of the classes `labels`, guided with a scale: 0 ignores the class, 1 is the
  /// conditional model, more exaggerates.
  public func sample(
    labels: [Int], scale: Double = 1, with sampler: Sampler, seed: UInt64, batchSize: Int = 64
  ) -> Tensor {
    sample(labels.count, with: sampler, seed: seed, batchSize: batchSize) { range in
      GuidedDenoiser(self, labels: Array(labels[range]), scale: scale)
    }
  }

  /// Pictures with a denoiser of the caller's, which is asked for once a batch.
  ///
  /// - Parameter denoiser: gives the denoiser of the pictures in a range.
  public func sample<D: Denoiser>(
    _ count: Int, with sampler: Sampler, seed: UInt64, batchSize: Int = 64,
    denoiser: (Range<Int>) -> D
  ) -> Tensor where D.Value == Tensor {
    let parts = stride(from: 0, to: count, by: batchSize).map { start -> Tensor in
      let range = start..<min(count, start + batchSize)
      return sampler.sample(
        like: .zeros(shape(range.count)), denoiser: denoiser(range), seed: seed, from: start)
    }
    return .concatenated(parts, along: 0)
  }
}

extension TrainingPlan {
  /// The plan of the course's small pictures: half a cosine from 3e-3 after a short warm-up.
  public static func small(steps: Int, seed: UInt64 = 0) -> TrainingPlan {
    TrainingPlan(
      length: .steps(steps), learningRate: 3e-3, warmUpSteps: 50, weightDecay: 0, seed: seed)
  }
}
