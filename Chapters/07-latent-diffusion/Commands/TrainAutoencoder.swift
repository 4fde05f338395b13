import ArgumentParser
import Datasets
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors

/// The first stage: an autoencoder of images.
struct TrainAutoencoder: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-autoencoder",
    abstract: "Train the autoencoder: 3x32x32 images to 4x8x8 latents and back.")

  @OptionGroup var data: DataOptions
  @OptionGroup var options: RunOptions

  @Option(help: "Weight of the divergence; errors and divergence are sums over an image (0.01).")
  var beta: Double?

  @Option(help: "Channels of the levels, as in 32,64,128.")
  var channels: WholeNumbers?

  @Option(help: "Residual blocks in a level (1).")
  var layers: Int?

  @Option(help: "Channels of a latent (4).")
  var latentChannels: Int?

  @Option(help: "Groups of the group norms (8).")
  var groups: Int?

  @Flag(inversion: .prefixedNo, help: "Attention at the smallest size (yes).")
  var attention: Bool?

  @Option(
    help: ArgumentHelp(
      "Weight of the feature loss: errors in the eyes of a classifier, summed over its levels (0). "
        + "A resumed run may change it."))
  var featureWeight: Double?

  @Option(
    help: ArgumentHelp(
      "The classifier of the feature loss: a run of train-classifier, a folder of weights or a "
        + "file; otherwise the one in this repository.", valueName: "path"))
  var classifier: String?

  func validate() throws {
    if let featureWeight, !(featureWeight >= 0 && featureWeight.isFinite) {
      throw Failure("--feature-weight is \(featureWeight)", remedy: "give 0 or more")
    }
    if let beta, !(beta >= 0 && beta.isFinite) {
      throw Failure("--beta is \(beta)", remedy: "give 0 or more")
    }
    try checkSizes("--channels", channels, groups: groups ?? 8, option: "--groups")
    if let channels, channels.values.count != 3 {
      throw Failure(
        "--channels has \(channels.values.count) levels", remedy: "give three, as in 32,64,128")
    }
    try checkPositive("--layers", layers)
    try checkPositive("--latent-channels", latentChannels)
  }

  func run() throws {
    Interruption.watch()
    if let folder = options.resume { try resume(folder) } else { try start() }
  }

  // MARK: A new run

  private var network: Autoencoder.Configuration {
    Autoencoder.Configuration(
      latentChannels: latentChannels ?? 4, channels: channels?.values ?? [32, 64, 128],
      layersPerLevel: layers ?? 1, groups: groups ?? 8, middleAttention: attention ?? true)
  }

  private func start() throws {
    let path = options.out ?? "runs/autoencoder"
    try RunFolder.checkFree(path)
    let origin = try options.startFrom.map { try loadOrigin($0) }
    let images = try data.load()
    let batchSize = options.batchSize ?? 64
    let order = EpochOrder(
      count: images.training.count, batchSize: batchSize, seed: options.seed ?? 0)
    // The loss is a sum over 3072 numbers: this is a norm of 1 for their mean.
    let clipNorm = 3072.0
    var configuration = AutoencoderRun(
      settings: RunSettings(
        command: commandLine, batchSize: batchSize,
        plan: options.plan(
          learningRate: 1e-3, averageDecay: 0.999, clipNorm: clipNorm, order: order),
        data: images.description),
      network: origin?.configuration ?? network, beta: beta ?? 0.01)
    configuration.settings.follow(try options.stageBefore(\.autoencoder))
    let judge = (featureWeight ?? 0) > 0 ? try loadClassifier() : nil
    let folder = try RunFolder.create(path, configuration: configuration)
    try judge?.save(to: "\(path)/\(FeatureSettings.file)")
    try train(configuration, in: folder, images, from: origin)
  }

  /// The autoencoder that the run starts from, if the options do not ask for another one.
  private func loadOrigin(_ path: String) throws -> Autoencoder {
    let autoencoder = try LatentDiffusionModel.autoencoder(at: path)
    try agree(with: autoencoder.configuration, path)
    return autoencoder
  }

  private func agree(with network: Autoencoder.Configuration, _ path: String) throws {
    try checkAgreement("--channels", channels?.values, network.channels, path)
    try checkAgreement("--layers", layers, network.layersPerLevel, path)
    try checkAgreement("--latent-channels", latentChannels, network.latentChannels, path)
    try checkAgreement("--groups", groups, network.groups, path)
    try checkAgreement("--attention", attention, network.middleAttention, path)
  }

  private var classifierPath: String { classifier ?? Weights.shipped }

  private func loadClassifier() throws -> ImageClassifier {
    try ImageClassifier(loading: classifierPath)
  }

  // MARK: A resumed run

  private func resume(_ path: String) throws {
    let folder = try RunFolder(opening: path, stage: "autoencoder")
    let configuration = try folder.configuration(as: AutoencoderRun.self)
    try options.agree(with: configuration.settings, folder: path)
    try checkAgreement("--beta", beta, configuration.beta, path)
    try agree(with: configuration.network, path)
    let images = try data.load(as: configuration.settings.data, run: path)
    if classifier != nil {
      try loadClassifier().save(to: "\(path)/\(FeatureSettings.file)")
    }
    try train(configuration, in: folder, images, from: nil, resuming: true)
  }

  /// What the run does from now on besides minimising errors and divergence.
  private func features(after before: FeatureSettings?) throws -> FeatureSettings? {
    let weight = featureWeight ?? before?.weight ?? 0
    guard weight > 0 else { return nil }
    if let before, classifier == nil {
      return FeatureSettings(
        weight: weight, classifier: before.classifier, trained: before.trained)
    }
    return FeatureSettings(
      weight: weight, classifier: classifierPath,
      trained: try Manifest(beside: classifierPath).classifier)
  }

  /// The classifier that the run holds a copy of, where it looks through one now.
  private func featureLoss(
    _ settings: FeatureSettings?, _ folder: RunFolder
  ) throws -> (loss: FeatureLoss, weight: Double)? {
    guard let settings else { return nil }
    let path = "\(folder.path)/\(FeatureSettings.file)"
    if !FileManager.default.fileExists(atPath: path) { try loadClassifier().save(to: path) }
    return (FeatureLoss(try ImageClassifier(loading: path).network), settings.weight)
  }

  // MARK: Training

  private func train(
    _ configuration: AutoencoderRun, in folder: RunFolder, _ images: TrainingData,
    from origin: Autoencoder?, resuming: Bool = false
  ) throws {
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    var configuration = configuration
    configuration.settings.begin(in: folder, features: try features(after: configuration.features))
    let plan = configuration.settings.plan
    let autoencoder =
      origin
      ?? Autoencoder(
        configuration.network, generator: RandomGenerator(seed: plan.seed, stream: 2))
    let order = EpochOrder(
      count: images.training.count, batchSize: configuration.settings.batchSize, seed: plan.seed)
    let loss = VariationalLoss(
      beta: configuration.beta, features: try featureLoss(configuration.features, folder))
    let training = Self.run(
      autoencoder, plan: plan, order: order, images: images.training, loss: loss)
    if resuming {
      try options.restore(training, from: folder, order: order)
      configuration.settings.plan = training.plan
    }
    try folder.write(configuration: configuration)
    print(images.announcement)
    print("autoencoder of \(autoencoder.parameterCount) weights; run in \(folder.path)")
    let keeper = AutoencoderKeeper(
      folder: folder, configuration: configuration, autoencoder: autoencoder, images: images,
      judge: loss.features?.loss.classifier)
    let looked = configuration.settings.parts?.contains { $0.features != nil } ?? false
    let validation = try keeper.validationFile(upTo: training.step)
    let finished = try TrainingLoop(
      run: training, folder: folder,
      parts: VariationalLoss.partNames + (looked ? [VariationalLoss.featurePart] : []),
      logEvery: options.logEvery, checkpointSeconds: 60 * options.checkpointMinutes,
      saved: { try keeper.save($0, $1, last: $2, validation: validation) })()
    try announceEnd(
      finished, folder.path, next: "train-denoiser --autoencoder", again: "train-autoencoder")
  }

  /// The run itself: batches of images, half of them mirrored, and the loss.
  static func run(
    _ autoencoder: Autoencoder, plan: TrainingPlan, order: EpochOrder, images: LabelledImages,
    loss: VariationalLoss
  ) -> TrainingRun {
    var order = order
    return TrainingRun(autoencoder.parameters, plan: plan) { tape, step, generator in
      let indices = order.batch(step)
      var coin = generator.split(0)
      let mirrored = indices.map { _ in coin.uniform() < 0.5 }
      return loss(
        autoencoder, images: images.tensor(indices, mirrored: mirrored), tape: tape,
        generator: generator.split(1))
    }
  }
}

/// Says what can be done after a training; one that was interrupted ends the program with the status
/// of a program that was.
func announceEnd(_ finished: Bool, _ folder: String, next: String, again: String) throws {
  let program = "swift run chapter-07-latent-diffusion"
  if finished {
    print("weights in \(folder); next: \(program) \(next) \(folder)")
  } else {
    print("interrupted; all is saved: \(program) \(again) --resume \(folder)")
    throw ExitCode(130)
  }
}
