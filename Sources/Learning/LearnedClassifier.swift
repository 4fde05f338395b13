import Autodiff
import Diffusion
import Networks
import Parallelism
import Probability
import Tensors

/// A network that gives one number a class for each entry of a batch and a time.
public protocol ClassifierNetwork: Module {
  /// The logarithms of unnormalised probabilities, `[batch, classes]`.
  ///
  /// - Parameters:
  ///   - x: `[batch, …]`.
  ///   - t: one time an entry, or one for all.
  func logits(_ x: Variable, t: [Double]) -> Variable
}

extension MLP: ClassifierNetwork {
  public func logits(_ x: Variable, t: [Double]) -> Variable { self(x, t: t) }
}

extension EncoderClassifier: ClassifierNetwork {
  public func logits(_ x: Variable, t: [Double]) -> Variable { self(x, t: t).logits }
}

/// A value that networks can be given as a tensor `[batch, …]`, and that is made from one.
public protocol TensorConvertible: LinearCombinableBatch {
  /// The value in single precision.
  var tensor: Tensor { get }
  /// Makes the value of a tensor `[batch, …]`.
  init(_ tensor: Tensor)
}

extension PointSet: TensorConvertible {}

extension Tensor: TensorConvertible {
  public var tensor: Tensor { self }
  public init(_ tensor: Tensor) { self = tensor }
}

/// A trained classifier of noisy points or pictures, $p_\phi(y \mid x_t, t)$, that can guide: the
/// gradient of its log probability is found by automatic differentiation.
///
/// ```
/// let network = MLP(.init(outputs: 3), generator: RandomGenerator(seed: 1))
/// let classifier = LearnedClassifier<MLP, Points>(network)
/// for step in loss.training(network, plan: plan, batch: draw) { … }
/// let guided = ClassifierGuidedDenoiser(
///   denoiser, by: classifier, labels: labels, scale: 2, schedule)
/// ```
///
/// Entries of a batch must not influence each other in the network; those of this course's do not.
public struct LearnedClassifier<Network: ClassifierNetwork, Value: TensorConvertible>:
  NoisyClassifier
{
  public let network: Network
  private let time: @Sendable (Int) -> Double

  /// Makes a classifier of a network, whose weights are read anew at every call.
  ///
  /// - Parameter time: what the network is told of step t; t itself if nothing is said. A
  ///   classifier trained without noise is told 0, whatever it is shown.
  public init(_ network: Network, time: @escaping @Sendable (Int) -> Double = { Double($0) }) {
    self.network = network
    self.time = time
  }

  /// $\log p_\phi(y \mid x_t, t)$ of every class, `[batch, classes]`.
  public func logProbabilities(_ xt: Value, t: Int) -> Tensor {
    let tape = Tape(recording: false)
    return logSoftmax(network.logits(tape.constant(xt.tensor), t: [time(t)])).value
  }

  /// $\nabla_{x_t} \log p_\phi(y \mid x_t, t)$: one pass forward and one backward.
  public func labelScore(_ xt: Value, t: Int, labels: [Int]) -> Value {
    guard labels.count == xt.entryCount else {
      fatalError("\(labels.count) labels for a batch of \(xt.entryCount)")
    }
    let x = xt.tensor
    let each = x.count / max(1, labels.count)
    let scores = Tensor(uninitialized: x.shape) { place in
      Parallel.forRanges(labels.count, grain: 1024) { range in
        let part = labelScore(x.slice(range), t: time(t), labels: Array(labels[range]))
        part.withElements { (place + range.lowerBound * each).update(from: $0, count: part.count) }
      }
    }
    return Value(scores)
  }

  // snippet.label-score
  private func labelScore(_ xt: Tensor, t: Double, labels: [Int]) -> Tensor {
    let tape = Tape()
    tape.hold(network.parameters)
    let x = tape.input(xt)
    let loss = crossEntropy(network.logits(x, t: [t]), labels: labels)
    // The loss is minus the mean of the log probabilities, and each depends on its own entry only.
    let seed = Tensor(repeating: -Float(labels.count), shape: loss.shape)
    guard let gradient = tape.gradients(of: loss, seed: seed)[x] else {
      fatalError("a classifier whose logits do not depend on what it is shown")
    }
    return gradient
  }
  // snippet.end

  /// The mean of $-\log p_\phi(y \mid x_t, t)$ over a batch, in nats.
  public func crossEntropyLoss(_ xt: Value, t: Int, labels: [Int]) -> Double {
    let logs = logProbabilities(xt, t: t)
    let classes = logs.shape[1]
    return logs.withElements { logs in
      labels.indices.reduce(0.0) { $0 - Double(logs[$1 * classes + labels[$1]]) }
    } / Double(max(1, labels.count))
  }

  /// The most probable class of every entry.
  public func predictions(_ xt: Value, t: Int = 0) -> [Int] {
    logProbabilities(xt, t: t).indicesOfMaximum()
  }

  /// The share of entries whose most probable class is their label.
  public func accuracy(_ xt: Value, t: Int = 0, labels: [Int]) -> Double {
    let hits = zip(predictions(xt, t: t), labels).count { $0 == $1 }
    return Double(hits) / Double(max(1, labels.count))
  }
}

/// The loss of a classifier of noisy data, $-\log p_\phi(y \mid x_t, t)$ with $x_t =
/// \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$ and t uniform in a range of
/// steps (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021, section 4).
public struct NoisyClassificationLoss: Sendable {
  public let diffusion: GaussianDiffusion
  /// The steps to which data are sent; only 0 for a classifier of clean data.
  public let times: ClosedRange<Int>

  /// Makes the loss.
  ///
  /// - Parameter times: 0 … T if nothing is said.
  public init(_ diffusion: GaussianDiffusion, times: ClosedRange<Int>? = nil) {
    self.diffusion = diffusion
    self.times = times ?? 0...diffusion.schedule.steps
  }

  // snippet.classification-loss
  /// The loss on clean data `x0`, `[batch, …]`.
  public func callAsFunction(
    _ network: some ClassifierNetwork, _ x0: Tensor, labels: [Int], tape: Tape,
    generator: RandomGenerator
  ) -> BatchLoss {
    var draws = generator
    let t = labels.map { _ in times.lowerBound + draws.index(below: times.count) }
    let noise = Tensor.normal(x0.shape, using: &draws)
    let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
    let logits = network.logits(tape.constant(xt), t: t.map { Double($0) })
    return BatchLoss(crossEntropy(logits, labels: labels), images: labels.count)
  }
  // snippet.end

  /// The updates of a training, as a sequence.
  ///
  /// - Parameter batch: gives clean data and labels, from the number of updates made before and a
  ///   generator of the update's own.
  public func training(
    _ network: some ClassifierNetwork, plan: TrainingPlan,
    batch: @escaping (_ step: Int, _ generator: RandomGenerator) -> (data: Tensor, labels: [Int])
  ) -> TrainingRun {
    TrainingRun(network.parameters, plan: plan) { tape, step, generator in
      let (data, labels) = batch(step, generator.split(1))
      return self(network, data, labels: labels, tape: tape, generator: generator.split(2))
    }
  }

  /// The updates of a training on a set of data, gone through in random order.
  public func training(
    _ network: some ClassifierNetwork, on data: Tensor, labels: [Int], plan: TrainingPlan,
    batchSize: Int
  ) -> TrainingRun {
    guard data.entryCount == labels.count else {
      fatalError("\(labels.count) labels for \(data.entryCount) entries")
    }
    var order = EpochOrder(count: labels.count, batchSize: batchSize, seed: plan.seed)
    return training(network, plan: plan) { step, _ in
      let places = order.batch(step)
      return (data.rows(places), places.map { labels[$0] })
    }
  }
}
