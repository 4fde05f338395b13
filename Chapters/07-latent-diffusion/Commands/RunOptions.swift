import ArgumentParser
import Files
import Foundation
import Learning

/// The options that both trainings share. Those without a value take the default of the training,
/// or in a resumed run what it was started with.
struct RunOptions: ParsableArguments {
  @Option(help: "Train for this many passes over the images (more, with --resume).")
  var epochs: Double?

  @Option(help: "Train for this many minutes (more, with --resume); 60 if nothing is said.")
  var minutes: Double?

  @Option(help: "Images in an update.")
  var batchSize: Int?

  @Option(help: "The number that all random numbers follow from.")
  var seed: UInt64?

  @Option(help: ArgumentHelp("The folder for the new run.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Go on with the run in this folder.", valueName: "run"))
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "Start a new run from the weights of this run, folder or file, not from random ones.",
      valueName: "path"))
  var startFrom: String?

  @Option(help: "The highest learning rate.")
  var learningRate: Double?

  @Option(help: "Updates in which the learning rate rises.")
  var warmUpSteps: Int?

  @Option(help: "Decay of the moving average of the weights.")
  var averageDecay: Double?

  @Option(help: "Minutes between checkpoints, with measurements and pictures.")
  var checkpointMinutes: Double = 5

  @Option(help: "Updates between rows of metrics.csv.")
  var logEvery: Int = 20

  func validate() throws {
    try positive(epochs, "--epochs")
    try positive(minutes, "--minutes")
    try positive(batchSize.map(Double.init), "--batch-size")
    try positive(learningRate, "--learning-rate")
    try positive(checkpointMinutes, "--checkpoint-minutes")
    try positive(Double(logEvery), "--log-every")
    if let averageDecay, !(0..<1).contains(averageDecay) {
      throw Failure("--average-decay is \(averageDecay)", remedy: "give a number in 0..<1")
    }
    if let warmUpSteps, warmUpSteps < 0 {
      throw Failure("--warm-up-steps is \(warmUpSteps)", remedy: "give 0 or more")
    }
    if epochs != nil, minutes != nil {
      throw Failure("--epochs and --minutes exclude each other", remedy: "give one of them")
    }
    if startFrom != nil, resume != nil {
      throw Failure(
        "--start-from and --resume exclude each other",
        remedy: "a resumed run has weights of its own: give one of them")
    }
    if out != nil, resume != nil {
      throw Failure("--out and --resume exclude each other", remedy: "give one of them")
    }
  }

  private func positive(_ value: Double?, _ option: String) throws {
    guard let value else { return }
    guard value > 0, value.isFinite else {
      throw Failure("\(option) is \(value)", remedy: "give a number above 0")
    }
  }

  /// The plan of a new run.
  func plan(
    learningRate: Double, averageDecay: Double, clipNorm: Double, order: EpochOrder
  ) -> TrainingPlan {
    TrainingPlan(
      length: epochs.map { .steps(order.steps(epochs: $0)) } ?? .seconds(60 * (minutes ?? 60)),
      learningRate: self.learningRate ?? learningRate, warmUpSteps: warmUpSteps ?? 200,
      clipNorm: clipNorm, averageDecay: self.averageDecay ?? averageDecay, seed: seed ?? 0)
  }

  /// What the manifest beside the weights to start from says of one network; nil for a run that
  /// starts from random ones.
  func stageBefore(_ stage: KeyPath<Manifest, Manifest.Stage?>) throws -> Manifest.Stage? {
    try startFrom.flatMap { try Manifest(beside: $0)[keyPath: stage] }
  }

  /// Takes `training` to where the run in `folder` stopped, with as much more to do as was asked
  /// for; refuses a run that is at its end.
  func restore(_ training: TrainingRun, from folder: RunFolder, order: EpochOrder) throws {
    try folder.restore(training)
    training.plan.length = length(after: training, order: order)
    guard training.progress >= 1 else { return }
    throw Failure(
      folder.path, .otherConfiguration,
      "holds a run that is complete, after \(training.step) updates",
      remedy: "say how much longer with --epochs or --minutes")
  }

  private func length(after run: TrainingRun, order: EpochOrder) -> TrainingLength {
    if let epochs { return .steps(run.step + order.steps(epochs: epochs)) }
    if let minutes { return .seconds(run.seconds + 60 * minutes) }
    return run.plan.length
  }

  /// Refuses options that differ from what the run in `folder` was started with.
  func agree(with settings: RunSettings, folder: String) throws {
    try checkAgreement("--batch-size", batchSize, settings.batchSize, folder)
    try checkAgreement("--seed", seed, settings.plan.seed, folder)
    try checkAgreement("--learning-rate", learningRate, settings.plan.learningRate, folder)
    try checkAgreement("--warm-up-steps", warmUpSteps, settings.plan.warmUpSteps, folder)
    try checkAgreement("--average-decay", averageDecay, settings.plan.averageDecay, folder)
  }
}

/// Refuses an option whose value differs from the one that the run in `folder` was started with.
func checkAgreement<Value: Equatable>(
  _ option: String, _ given: Value?, _ recorded: Value, _ folder: String
) throws {
  guard let given, given != recorded else { return }
  throw Failure(
    folder, .otherConfiguration, "was started with \(option) \(recorded), not \(given)",
    remedy: "leave \(option) out, or start another run with --out")
}
