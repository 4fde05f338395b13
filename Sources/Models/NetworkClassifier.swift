import Autodiff
import Diffusion
import Networks
import Probability
import Tensors

/// A trained classifier of noisy points or images, $p_\phi(y \mid x_t, t)$, for
/// classifier guidance. The gradient of its log probability is computed by automatic differentiation.
///
/// The network maps a batch and a time to logits, `[batch, classes]`, and must not mix the entries
/// of a batch.
///
/// ```
/// let network = MLP(.init(outputs: 3), generator: RandomGenerator(seed: 1))
/// let classifier = NetworkClassifier(network, diffusion)
/// for step in classifier.training(plan: plan, batch: sample) { … }
/// let guided = ClassifierGuidedDenoiser(
///   denoiser, by: classifier, labels: labels, scale: 2, schedule)
/// ```
public struct NetworkClassifier<Network: DiffusionNetwork>: NoisyClassifier {
  public typealias Value = Network.Value

  public let network: Network
  /// The forward process whose states are classified.
  public let diffusion: GaussianDiffusion
  /// The steps of the states on which the classifier is trained; 0…0 for a classifier of clean data.
  public let times: ClosedRange<Int>

  /// Creates a classifier with a network, whose current weights are used at every call.
  ///
  /// - Parameter times: 0…T by default. A classifier of clean data, 0…0, uses the time 0 at every
  ///   step.
  public init(
    _ network: Network, _ diffusion: GaussianDiffusion, times: ClosedRange<Int>? = nil
  ) {
    self.network = network
    self.diffusion = diffusion
    self.times = times ?? 0...diffusion.schedule.steps
  }

  /// The network's input for the time at step t.
  private func time(_ t: Int) -> Double { times == 0...0 ? 0 : Double(t) }

  /// $\log p_\phi(y \mid x_t, t)$ of every class, `[batch, classes]`.
  public func logProbabilities(_ xt: Value, t: Int) -> Tensor {
    let tape = Tape(recording: false)
    return logSoftmax(network(tape.constant(xt.tensor), t: [time(t)])).value
  }

  /// $\nabla_{x_t} \log p_\phi(y \mid x_t, t)$: one forward and one backward pass.
  public func labelScore(_ xt: Value, t: Int, labels: [Int]) -> Value {
    guard labels.count == xt.entryCount else {
      fatalError("\(labels.count) labels for a batch of \(xt.entryCount)")
    }
    return Value(
      xt.tensor.mapInParallel(entries: 1024) { part, range in
        labelScore(part, t: time(t), labels: Array(labels[range]))
      })
  }

  // snippet.label-score
  private func labelScore(_ xt: Tensor, t: Double, labels: [Int]) -> Tensor {
    let tape = Tape()
    tape.hold(network.parameters)
    let x = tape.input(xt)
    let loss = crossEntropy(network(x, t: [t]), labels: labels)
    // The loss is minus the mean of the log probabilities, and each depends on its own entry only.
    let seed = Tensor(repeating: -Float(labels.count), shape: loss.shape)
    guard let gradient = tape.gradients(of: loss, seed: seed)[x] else {
      fatalError("the logits of the classifier do not depend on its input")
    }
    return gradient
  }
  // snippet.end

  /// The mean of $-\log p_\phi(y \mid x_t, t)$ over a batch, in nats.
  public func crossEntropyLoss(_ xt: Value, t: Int, labels: [Int]) -> Double {
    let logs = logProbabilities(xt, t: t)
    let classes = logs.shape[1]
    return unsafe logs.withElements { logs in
      labels.indices.reduce(0.0) { unsafe $0 - Double(logs[$1 * classes + labels[$1]]) }
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

  // MARK: Training

  // snippet.classification-loss
  /// The loss of a batch: the mean of $-\log p_\phi(y \mid x_t, t)$ with
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$ and t uniform in
  /// `times` (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021, section
  /// 4).
  ///
  /// - Parameter x0: Clean data, `[batch, …]`.
  public func loss(
    _ x0: Tensor, labels: [Int], tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    var random = generator
    let t = labels.map { _ in times.lowerBound + random.index(below: times.count) }
    let noise = Tensor.normal(x0.shape, using: &random)
    let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
    return BatchLoss(
      crossEntropy(network(tape.constant(xt), t: t), labels: labels), images: labels.count)
  }
  // snippet.end
}
