import ArgumentParser
import Datasets
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors

/// The yardstick: a classifier of images, on whose features distances are measured.
struct TrainClassifier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-classifier",
    abstract: "Train the classifier that judges samples and reconstructions.")

  @OptionGroup var data: DataOptions
  @OptionGroup var options: RunOptions

  @Option(help: "Channels at the image's own extents (32).")
  var stem: Int?

  @Option(help: "Channels of the levels below, each half as wide as the one before (64,128,256).")
  var channels: WholeNumbers?

  @Option(help: "Residual blocks of the levels (1,2,1).")
  var blocks: WholeNumbers?

  @Option(help: "Numbers in the feature vector (128).")
  var features: Int?

  @Option(help: "Groups of the group norms (8).")
  var groups: Int?

  @Option(help: "The share of a label that is spread over all classes (0.1).")
  var labelSmoothing: Double?

  @Option(help: "Pixels by which images are shifted at most, up or down and left or right (4).")
  var shift: Int?

  func validate() throws {
    try checkSizes("--channels", channels, groups: groups ?? 8, option: "--groups")
    try checkPositive("--stem", stem)
    if let stem, stem % (groups ?? 8) != 0 {
      throw Failure(
        "--stem is \(stem), which does not divide into \(groups ?? 8) groups",
        remedy: "give a multiple, or other groups with --groups")
    }
    try checkPositive("--features", features)
    for value in blocks?.values ?? [] { try checkPositive("--blocks", value) }
    let levels = network(classes: 10)
    guard levels.channels.count == levels.blocks.count, levels.channels.count <= 4 else {
      throw Failure(
        "--channels has \(levels.channels.count) levels and --blocks \(levels.blocks.count)",
        remedy: "give as many of the one as of the other, one to four")
    }
    if let labelSmoothing, !(0..<1).contains(labelSmoothing) {
      throw Failure("--label-smoothing is \(labelSmoothing)", remedy: "give a number in 0..<1")
    }
    if let shift, !(0...16).contains(shift) {
      throw Failure("--shift is \(shift)", remedy: "give 0 to 16")
    }
  }

  func run() throws {
    Interruption.watch()
    if let folder = options.resume { try resume(folder) } else { try start() }
  }

  // MARK: A new run

  private func network(classes: Int) -> Classifier.Configuration {
    Classifier.Configuration(
      stem: stem ?? 32, channels: channels?.values ?? [64, 128, 256],
      blocks: blocks?.values ?? [1, 2, 1], features: features ?? 128, classes: classes,
      groups: groups ?? 8)
  }

  private func start() throws {
    let path = options.out ?? "runs/classifier"
    try RunFolder.checkFree(path)
    let origin = try options.startFrom.map { try loadOrigin($0) }
    let images = try data.load()
    let batchSize = options.batchSize ?? 128
    let order = EpochOrder(
      count: images.training.count, batchSize: batchSize, seed: options.seed ?? 0)
    var plan = options.plan(learningRate: 2e-3, averageDecay: 0.998, clipNorm: 1, order: order)
    plan.weightDecay = 0.05
    var configuration = ClassifierRun(
      settings: RunSettings(
        command: commandLine, batchSize: batchSize, plan: plan, data: images.description),
      model: ImageClassifier.Settings(
        network: origin?.configuration ?? network(classes: images.training.classNames.count),
        classes: images.training.classNames),
      labelSmoothing: labelSmoothing ?? 0.1, shift: shift ?? 4)
    configuration.settings.follow(try options.stageBefore(\.classifier))
    let folder = try RunFolder.create(path, configuration: configuration)
    try train(configuration, in: folder, images, from: origin)
  }

  /// The classifier that the run starts from, if the options do not ask for another one.
  private func loadOrigin(_ path: String) throws -> Classifier {
    let network = try ImageClassifier(loading: path).network
    try agree(with: network.configuration, path)
    return network
  }

  private func agree(with network: Classifier.Configuration, _ path: String) throws {
    try checkAgreement("--stem", stem, network.stem, path)
    try checkAgreement("--channels", channels?.values, network.channels, path)
    try checkAgreement("--blocks", blocks?.values, network.blocks, path)
    try checkAgreement("--features", features, network.features, path)
    try checkAgreement("--groups", groups, network.groups, path)
  }

  // MARK: A resumed run

  private func resume(_ path: String) throws {
    let folder = try RunFolder(opening: path, stage: "classifier")
    let configuration = try folder.configuration(as: ClassifierRun.self)
    try options.agree(with: configuration.settings, folder: path)
    try agree(with: configuration.model.network, path)
    try checkAgreement("--label-smoothing", labelSmoothing, configuration.labelSmoothing, path)
    try checkAgreement("--shift", shift, configuration.shift, path)
    let images = try data.load(as: configuration.settings.data, run: path)
    try train(configuration, in: folder, images, from: nil, resuming: true)
  }

  // MARK: Training

  private func train(
    _ configuration: ClassifierRun, in folder: RunFolder, _ images: TrainingData,
    from origin: Classifier?, resuming: Bool = false
  ) throws {
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    var configuration = configuration
    let plan = configuration.settings.plan
    let network =
      origin
      ?? Classifier(
        configuration.model.network, generator: RandomGenerator(seed: plan.seed, stream: 2))
    let order = EpochOrder(
      count: images.training.count, batchSize: configuration.settings.batchSize, seed: plan.seed)
    let training = Self.run(network, configuration, order: order, images: images.training)
    if resuming {
      try options.restore(training, from: folder, order: order)
      configuration.settings.plan = training.plan
      configuration.settings.begin(in: folder)
      try folder.write(configuration: configuration)
    }
    print(images.announcement)
    print("classifier of \(network.parameterCount) weights; run in \(folder.path)")
    let keeper = ClassifierKeeper(
      folder: folder, configuration: configuration,
      classifier: ImageClassifier(network: network, classes: configuration.model.classes),
      images: images.test)
    let validation = try keeper.validationFile(upTo: training.step)
    let finished = try TrainingLoop(
      run: training, folder: folder, parts: ClassificationLoss.partNames,
      logEvery: options.logEvery, checkpointSeconds: 60 * options.checkpointMinutes,
      saved: { try keeper.save($0, $1, last: $2, validation: validation) })()
    try announceEnd(
      finished, folder.path, next: "evaluate --classifier", again: "train-classifier")
  }

  /// The run itself: batches of images, half of them mirrored and all of them shifted, and the loss.
  static func run(
    _ network: Classifier, _ configuration: ClassifierRun, order: EpochOrder,
    images: LabelledImages
  ) -> TrainingRun {
    let loss = ClassificationLoss(smoothing: configuration.labelSmoothing)
    let reach = configuration.shift
    var order = order
    return TrainingRun(network.parameters, plan: configuration.settings.plan) {
      tape, step, generator in
      let indices = order.batch(step)
      var draws = generator
      let mirrored = indices.map { _ in draws.uniform() < 0.5 }
      let shifts = indices.map { _ in
        (
          rows: draws.index(below: 2 * reach + 1) - reach,
          columns: draws.index(below: 2 * reach + 1) - reach
        )
      }
      return loss(
        network, images: images.tensor(indices, mirrored: mirrored, shifts: shifts),
        labels: indices.map { images.labels[$0] }, tape: tape)
    }
  }
}
