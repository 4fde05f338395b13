import Autodiff
import Diffusion
import Networks
import Probability
import Tensors

/// A diffusion model: a network, the forward process that it is trained to reverse, and the quantity
/// that it predicts.
///
/// The same type is used for images (`DiffusionModel<UNet>`, in pixels or in a latent space) and points
/// (`DiffusionModel<MLP>`). It is a `Denoiser` and a `ConditionalDenoiser`, so every sampler and
/// every kind of guidance accepts it. A network with an embedding of labels is trained for
/// classifier-free guidance: each label is replaced by the null label with a small probability (Ho
/// and Salimans, "Classifier-free diffusion guidance", 2022, algorithm 1).
///
/// ```
/// let model = DiffusionModel<UNet>(.smallImages(classes: 10), seed: 1)
/// let loss = model.loss(x0, labels: labels, tape: tape, generator: generator)
/// let images = model.sample(64, with: sampler, seed: 2)
/// ```
public struct DiffusionModel<Network: DiffusionNetwork>: Denoiser, ConditionalDenoiser {
  public typealias Value = Network.Value

  public let network: Network
  /// The forward process, with the schedule that the network is trained for.
  public let diffusion: GaussianDiffusion
  /// The shape of one sample, without the batch axis: `[channels, height, width]` or `[dimensions]`.
  public let sampleShape: Shape
  /// What the network predicts.
  public let prediction: Prediction
  /// The distribution of the step t in training.
  public let timesteps: TimestepDistribution
  /// The weight of the loss at each of the steps 1…T; nil for 1 at every step.
  public let lossWeights: [Double]?
  /// The probability with which training replaces a label by the null label.
  public let dropProbability: Double

  /// Creates a model with a network and the settings of its training.
  public init(
    _ network: Network, _ schedule: NoiseSchedule, sampleShape: Shape,
    prediction: Prediction = .noise, timesteps: TimestepDistribution = .uniform,
    lossWeights: [Double]? = nil, dropProbability: Double = 0.1
  ) {
    self.network = network
    diffusion = GaussianDiffusion(schedule)
    self.sampleShape = sampleShape
    self.prediction = prediction
    self.timesteps = timesteps
    self.lossWeights = lossWeights
    self.dropProbability = dropProbability
  }

  /// The schedule of the forward process.
  public var schedule: NoiseSchedule { diffusion.schedule }

  /// The number of classes, without the null label; 0 for a model without labels.
  public var classes: Int { network.labelCount.map { $0 - 1 } ?? 0 }

  /// The label that means "no class": the number of classes.
  public var nullLabel: Int { classes }

  /// The shape of a batch of `count` samples.
  public func shape(_ count: Int) -> Shape { [count] + sampleShape }

  // MARK: A denoiser

  /// $\epsilon_\theta(x_t, t)$: the noise predicted without labels.
  public func noise(_ xt: Value, t: Int) -> Value {
    noise(xt, t: t, labels: [Int](repeating: nullLabel, count: xt.entryCount))
  }

  /// $\epsilon_\theta(x_t, t, y)$: the noise predicted given one label per sample; the null label
  /// means "no class".
  public func noise(_ xt: Value, t: Int, labels: [Int]) -> Value {
    diffusion.convert(
      predict(xt, t: t, labels: labels), from: prediction, to: .noise, xt: xt, t: t)
  }

  /// The network's own output, a prediction of the kind `prediction`.
  ///
  /// - Parameter labels: One label per sample; the null label for all by default.
  public func predict(_ xt: Value, t: Int, labels: [Int]? = nil) -> Value {
    let labels = labels ?? [Int](repeating: nullLabel, count: xt.entryCount)
    guard labels.count == xt.entryCount, labels.allSatisfy({ (0...nullLabel).contains($0) }) else {
      fatalError("a batch of \(xt.entryCount) needs as many labels, each in 0...\(nullLabel)")
    }
    let given = network.labelCount == nil ? nil : labels
    guard let entries = Network.entriesPerThread else {
      return Value(
        xt.tensor.inStableBatch { batch in
          let filling = [Int](repeating: nullLabel, count: batch.shape[0] - labels.count)
          return network(batch, t: [t], labels: given.map { $0 + filling })
        })
    }
    return Value(
      xt.tensor.mapInParallel(entries: entries) { part, range in
        network(part, t: [t], labels: given.map { Array($0[range]) })
      })
  }

  // MARK: Training

  // snippet.loss
  /// The loss of a batch, the mean over all coordinates of
  /// $w_t\, \lVert y - y_\theta(x_t, t, \tilde c) \rVert^2$ with
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$: for the noise
  /// $y = \epsilon$ it is the simple loss of Ho et al. 2020, equation 14.
  ///
  /// - Parameters:
  ///   - x0: Clean data, `[batch, …]`.
  ///   - labels: One class per sample, exactly if the network takes labels.
  public func loss(
    _ x0: Tensor, labels: [Int]? = nil, tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    var random = generator
    let count = x0.shape[0]
    let t = (0..<count).map { _ in timesteps.sample(steps: schedule.steps, using: &random) }
    let labels = network.labelCount == nil ? nil : labels
    let kept = labels?.map { random.uniform() < dropProbability ? nullLabel : $0 }
    let noise = Tensor.normal(x0.shape, using: &random)
    let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
    let target = diffusion.target(of: prediction, x0: x0, noise: noise, t: t)
    let predicted = network(tape.constant(xt), t: t, labels: kept)
    return BatchLoss(meanSquaredError(predicted, target, weights: weights(t)), images: count)
  }
  // snippet.end

  /// The weight of each sample of a batch, or nil for an unweighted loss.
  private func weights(_ t: [Int]) -> [Double]? {
    lossWeights.map { all in t.map { all[$0 - 1] } }
  }
}

/// The mean over a batch of $w_i \lVert a_i - b_i \rVert^2$ per coordinate.
private func meanSquaredError(
  _ prediction: Variable, _ target: Tensor, weights: [Double]?
) -> Variable {
  guard let weights else { return meanSquaredError(prediction, target) }
  let shape = [weights.count] + [Int](repeating: 1, count: target.shape.count - 1)
  let tape = prediction.tape
  let error = prediction - tape.constant(target)
  return (square(error) * tape.constant(Tensor(weights.map { Float($0) }, shape: shape))).mean()
}
