import Autodiff
import Files
import Foundation
import Models
import Probability
import Tensors

/// What one update did.
public struct TrainingStep: Sendable {
  /// The number of updates made so far, this one included.
  public let step: Int
  /// The number of images (not necessarily different ones) seen so far.
  public let images: Int
  /// How long the run has taken so far, interruptions left out.
  public let seconds: Double
  /// The loss that was minimised, before the update.
  public let loss: Double
  /// What it is made of, by name.
  public let parts: [String: Double]
  /// The length of its gradient, before clipping.
  public let gradientNorm: Double
  public let learningRate: Double
}

/// Training as a sequence: each element is an update that was made.
///
/// ```
/// for step in TrainingRun(parameters, plan: plan, loss: loss) {
///   if step.step % 100 == 0 { print(step.step, step.loss) }
/// }
/// ```
///
/// Plotting, saving and stopping are the business of whoever goes through it. Every random number
/// of an update follows from the plan's seed and the update's number; so a run that goes on from a
/// checkpoint, in this process or another, makes the very updates that it would have made.
public final class TrainingRun: Sequence, IteratorProtocol {
  /// Computes the loss of one batch: given a tape, the number of updates made before, and a
  /// generator of this update's own.
  public typealias Loss = (_ tape: Tape, _ step: Int, _ generator: RandomGenerator) -> BatchLoss

  public let parameters: [Parameter]
  public var plan: TrainingPlan
  /// The number of updates made.
  public private(set) var step = 0
  /// The number of images seen.
  public private(set) var images = 0
  /// The running average of the weights.
  public var average: ExponentialMovingAverage { state ?? ExponentialMovingAverage(parameters) }
  /// Why the run ended before its plan did: a loss or gradient that is not finite.
  public private(set) var failure: String?

  private var optimizer: AdamW
  private var state: ExponentialMovingAverage?
  private var secondsBefore = 0.0
  private var started: ContinuousClock.Instant?
  private let loss: Loss

  /// Prepares to train `parameters` to lower `loss`.
  public init(_ parameters: [Parameter], plan: TrainingPlan, loss: @escaping Loss) {
    self.parameters = parameters
    self.plan = plan
    self.loss = loss
    optimizer = AdamW(parameters, settings: AdamW.Settings(weightDecay: plan.weightDecay))
    state = ExponentialMovingAverage(parameters, decay: plan.averageDecay)
  }

  /// How long the run has taken, interruptions left out, in seconds.
  public var seconds: Double {
    guard let started else { return secondsBefore }
    return secondsBefore + (ContinuousClock.now - started) / .seconds(1)
  }

  /// The share of the plan that lies behind, 0 to 1.
  public var progress: Double { plan.length.progress(step: step, seconds: seconds) }

  /// Makes the next update; nil at the end of the plan, or if the loss is not finite (NaN or
  /// infinity).
  public func next() -> TrainingStep? {
    if started == nil { started = .now }
    let now = seconds
    guard failure == nil, plan.length.progress(step: step, seconds: now) < 1 else { return nil }
    let rate = plan.learningRate(step: step, seconds: now)
    let tape = Tape()
    let batch = loss(tape, step, RandomGenerator(seed: plan.seed, stream: 1).split(step))
    let value = Double(batch.total.scalar)
    let gradients = tape.gradients(of: batch.total)
    let norm = gradients.globalNorm(over: parameters)
    guard value.isFinite, norm.isFinite else {
      failure = "the loss is not finite (NaN or infinity) at step \(step + 1)"
      return nil
    }
    let factor = gradients.clippingFactor(toNorm: plan.clipNorm, of: parameters, norm: norm)
    optimizer.update(gradients, learningRate: rate, scale: factor)
    state?.update()
    step += 1
    images += batch.images
    return TrainingStep(
      step: step, images: images, seconds: seconds, loss: value, parts: batch.parts,
      gradientNorm: norm, learningRate: rate)
  }

  /// Calls `body` while the parameters hold the running average of the weights.
  public func withAverages<Result, E: Error>(
    _ body: () throws(E) -> Result
  ) throws(E) -> Result {
    try average.withAverages(body)
  }

  /// Gives the parameters the running average of the weights for good: how a run ends whose network
  /// is used at once.
  public func adoptAverages() {
    for (parameter, value) in zip(parameters, average.averages) { parameter.value = value }
  }

  // MARK: Checkpoints

  /// Writes all that the run needs to go on from here.
  ///
  /// - Throws: `Failure` of kind `unwritable`.
  public func save(to path: String) throws(Failure) {
    let notes = ["images": String(images), "seconds": String(seconds)]
    let record = Checkpoint.State(
      step: step, seed: plan.seed, configuration: constants, notes: notes)
    try Checkpoint.save(to: path, state: record, optimizer: optimizer, average: state)
  }

  /// Takes the run to the state that was saved at `path`, all or nothing.
  ///
  /// - Throws: `Failure` if the file is damaged, or was written by a run of another network or seed.
  public func restore(from path: String) throws(Failure) {
    let record = try Checkpoint.restore(
      from: path, optimizer: &optimizer, average: &state, configuration: constants)
    step = record.step
    images = record.notes["images"].flatMap { Int($0) } ?? 0
    secondsBefore = record.notes["seconds"].flatMap { Double($0) } ?? 0
    started = nil
  }

  /// What must be the same in all parts of a run.
  private var constants: [String: String] { ["--seed": String(plan.seed)] }
}
