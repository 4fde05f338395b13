import ArgumentParser
import Files
import Learning

/// The options that all trainings share. Those without a value take the default of the stage, or in
/// a resumed run what it was started with.
struct RunOptions: ParsableArguments {
  @Option(help: "Train for this many passes over the images (more, with --resume).")
  var epochs: Double?

  @Option(help: "Train for this many minutes (more, with --resume); 60 by default.")
  var minutes: Double?

  @Option(help: "Images per update.")
  var batchSize: Int?

  @Option(help: "The seed of all random numbers.")
  var seed: UInt64?

  @Option(
    name: [.customLong("out"), .customLong("output")],
    help: ArgumentHelp("The folder for the new run.", valueName: "run"))
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

  @Option(
    help: ArgumentHelp(
      "The learning rate at the end of its decay as a fraction of the highest; 1 keeps it constant "
        + "(0.01)."))
  var finalLearningRateRatio: Double?

  @Option(help: "Decay of the moving average of the weights.")
  var averageDecay: Double?

  @Option(help: "Minutes between checkpoints, with measurements and images.")
  var checkpointMinutes: Double = 5

  @Option(help: "Updates between rows of metrics.csv.")
  var logEvery: Int = 20

  func validate() throws {
    try checkPositive("--epochs", epochs)
    try checkPositive("--minutes", minutes)
    try checkPositive("--batch-size", batchSize)
    try checkPositive("--learning-rate", learningRate)
    try checkPositive("--checkpoint-minutes", checkpointMinutes)
    try checkPositive("--log-every", logEvery)
    try checkNotNegative("--warm-up-steps", warmUpSteps)
    if let ratio = finalLearningRateRatio, !(0...1).contains(ratio) {
      throw Failure("--final-learning-rate-ratio is \(ratio)", remedy: "give 0 to 1")
    }
    if let averageDecay, !(0..<1).contains(averageDecay) {
      throw Failure("--average-decay is \(averageDecay)", remedy: "give a number in 0..<1")
    }
    try exclude("--epochs", epochs != nil, "--minutes", minutes != nil)
    try exclude("--start-from", startFrom != nil, "--resume", resume != nil)
    try exclude("--out", out != nil, "--resume", resume != nil)
  }

  private func exclude(_ one: String, _ isOne: Bool, _ other: String, _ isOther: Bool) throws {
    guard isOne, isOther else { return }
    throw Failure("\(one) and \(other) exclude each other", remedy: "give one of them")
  }

  /// The settings of a new run on `images`.
  func settings(_ defaults: StageDefaults, _ images: TrainingData) throws -> RunSettings {
    let batchSize = batchSize ?? defaults.batchSize
    let seed = seed ?? 0
    let order = BatchSampler(
      count: defaults.examplesPerImage * images.training.count, batchSize: batchSize, seed: seed)
    let plan = TrainingPlan(
      length: epochs.map { .steps(order.steps(epochs: $0)) } ?? .seconds(60 * (minutes ?? 60)),
      learningRate: learningRate ?? defaults.learningRate, warmUpSteps: warmUpSteps ?? 200,
      finalLearningRateRatio: finalLearningRateRatio ?? 0.01, weightDecay: defaults.weightDecay,
      clipNorm: defaults.clipNorm, averageDecay: averageDecay ?? defaults.averageDecay, seed: seed)
    var settings = RunSettings(
      command: commandLine, batchSize: batchSize, plan: plan, data: images.description)
    try startFrom.map { settings.follow(try Manifest(beside: $0)[defaults.name]) }
    return settings
  }

  /// Takes `training` to where the run in `folder` stopped, with as much more to do as was asked
  /// for; refuses a run that is complete.
  func restore(_ training: TrainingRun, from folder: RunFolder, order: BatchSampler) throws {
    try folder.restore(training)
    if let epochs {
      training.plan.length = .steps(training.step + order.steps(epochs: epochs))
    } else if let minutes {
      training.plan.length = .seconds(training.seconds + 60 * minutes)
    }
    guard training.progress >= 1 else { return }
    throw Failure(
      folder.path, .otherConfiguration,
      "holds a run that is complete, after \(training.step) updates",
      remedy: "give --epochs or --minutes to train longer")
  }

  /// Refuses options that differ from what the run in `folder` was started with.
  func agree(with settings: RunSettings, folder: String) throws {
    try checkAgreement("--batch-size", batchSize, settings.batchSize, folder)
    try checkAgreement("--seed", seed, settings.plan.seed, folder)
    try checkAgreement("--learning-rate", learningRate, settings.plan.learningRate, folder)
    try checkAgreement("--warm-up-steps", warmUpSteps, settings.plan.warmUpSteps, folder)
    try checkAgreement(
      "--final-learning-rate-ratio", finalLearningRateRatio, settings.plan.finalLearningRateRatio,
      folder)
    try checkAgreement("--average-decay", averageDecay, settings.plan.averageDecay, folder)
  }
}
