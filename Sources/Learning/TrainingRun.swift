import Autodiff
import Files
import Foundation
import Models
import Probability
import Tensors

/// The measurements of one update.
public struct TrainingStep: Sendable {
  /// The number of updates made so far, this one included.
  public let step: Int
  /// The number of images in all batches so far, including repetitions.
  public let images: Int
  /// The time that the run has taken so far, without interruptions.
  public let seconds: Double
  /// The loss of the batch, before the update.
  public let loss: Double
  /// The terms of the loss, by name.
  public let parts: [String: Double]
  /// The norm of the gradient, before clipping.
  public let gradientNorm: Double
  public let learningRate: Double
}

/// Training as a sequence: each element is one update.
///
/// ```
/// for step in TrainingRun(parameters, plan: plan, loss: loss) {
///   if step.step % 100 == 0 { print(step.step, step.loss) }
/// }
/// ```
///
/// The caller plots, saves and stops. All random numbers of an update depend only on the plan's seed
/// and the number of the update, so a run that is resumed from a checkpoint makes the same updates as
/// an uninterrupted one.
public final class TrainingRun: Sequence, IteratorProtocol {
  /// Computes the loss of one batch, given a tape, the number of previous updates, and the random
  /// generator of this update.
  public typealias Loss = (_ tape: Tape, _ step: Int, _ generator: RandomGenerator) -> BatchLoss

  public let parameters: [Parameter]
  public var plan: TrainingPlan
  /// The number of updates made.
  public private(set) var step = 0
  /// The number of images in all batches, including repetitions.
  public private(set) var images = 0
  /// The running average of the weights.
  public var average: ExponentialMovingAverage { state ?? ExponentialMovingAverage(parameters) }
  /// The reason why the run ended early, a loss or gradient that is not finite; otherwise nil.
  public private(set) var failure: String?

  private var optimizer: AdamW
  private var state: ExponentialMovingAverage?
  private var secondsBefore = 0.0
  private var started: ContinuousClock.Instant?
  private let loss: Loss

  /// Creates a run that trains `parameters` to minimize `loss`.
  public init(_ parameters: [Parameter], plan: TrainingPlan, loss: @escaping Loss) {
    self.parameters = parameters
    self.plan = plan
    self.loss = loss
    optimizer = AdamW(parameters, settings: AdamW.Settings(weightDecay: plan.weightDecay))
    state = ExponentialMovingAverage(parameters, decay: plan.averageDecay)
  }

  /// The time that the run has taken, without interruptions, in seconds.
  public var seconds: Double {
    guard let started else { return secondsBefore }
    return secondsBefore + (ContinuousClock.now - started) / .seconds(1)
  }

  /// The fraction of the plan that is completed, 0 to 1.
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

  /// Makes the remaining updates and replaces the weights by their running average.
  ///
  /// - Parameter onUpdate: called after every update.
  /// - Returns: the loss of every update.
  @discardableResult
  public func finish(_ onUpdate: (TrainingStep) -> Void = { _ in }) -> [Double] {
    var losses: [Double] = []
    while let step = next() {
      losses.append(step.loss)
      onUpdate(step)
    }
    adoptAverages()
    return losses
  }

  /// Replaces the weights by their running average, to use the network after training.
  public func adoptAverages() {
    for (parameter, value) in zip(parameters, average.averages) { parameter.value = value }
  }

  // MARK: Checkpoints

  /// Writes a checkpoint from which the run can be resumed.
  ///
  /// - Throws: `Failure` of kind `unwritable`.
  public func save(to path: String) throws(Failure) {
    let notes = ["images": String(images), "seconds": String(seconds)]
    let record = Checkpoint.State(
      step: step, seed: plan.seed, configuration: constants, notes: notes)
    try Checkpoint.save(to: path, state: record, optimizer: optimizer, average: state)
  }

  /// Restores the state that was saved at `path`. If it throws, nothing has changed.
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

  /// The options that must not change when the run is resumed.
  private var constants: [String: String] { ["--seed": String(plan.seed)] }
}
