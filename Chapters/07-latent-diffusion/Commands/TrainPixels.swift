import ArgumentParser
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors

/// What latent diffusion is compared with: a diffusion model of the pixels themselves.
struct TrainPixels: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-pixels",
    abstract: "Train a conditional U-Net that denoises pixels, to compare with latent diffusion.")

  @OptionGroup var data: DataOptions
  @OptionGroup var options: RunOptions

  @Option(help: "Channels of the U-Net's levels; the last one has attention (48,96,96).")
  var channels: WholeNumbers?

  @Option(help: "Residual blocks in a level (1).")
  var layers: Int?

  /// Groups of every group norm.
  private static let groups = 8

  @Option(help: "Steps of the samples that are drawn at checkpoints; 0 for none.")
  var sampleSteps: Int = 25

  func validate() throws {
    guard sampleSteps >= 0 else {
      throw Failure("--sample-steps is \(sampleSteps)", remedy: "give 0 or more")
    }
    try checkSizes("--channels", channels, groups: Self.groups, option: nil)
    try checkPositive("--layers", layers)
    if let channels, !(1...4).contains(channels.values.count) {
      throw Failure(
        "--channels has \(channels.values.count) levels", remedy: "give one to four, as in 48,96")
    }
  }

  func run() throws {
    Interruption.watch()
    if let folder = options.resume { try resume(folder) } else { try start() }
  }

  // MARK: A new run

  private func start() throws {
    let path = options.out ?? "runs/pixels"
    try RunFolder.checkFree(path)
    let origin = try options.startFrom.map { try loadOrigin($0) }
    let images = try data.load()
    let batchSize = options.batchSize ?? 64
    let order = EpochOrder(
      count: images.training.count, batchSize: batchSize, seed: options.seed ?? 0)
    let classes = images.training.classNames
    var configuration = PixelRun(
      settings: RunSettings(
        command: commandLine, batchSize: batchSize,
        plan: options.plan(learningRate: 5e-4, averageDecay: 0.999, clipNorm: 1, order: order),
        data: images.description),
      model: PixelDiffusionModel.Settings(
        model: ImageDiffusionModel.Settings(
          network: origin?.model.settings.network ?? network(classes: classes.count), size: 32,
          prediction: .noise), classes: classes))
    configuration.settings.follow(try options.stageBefore(\.pixels))
    let folder = try RunFolder.create(path, configuration: configuration)
    try train(configuration, in: folder, images, from: origin)
  }

  private func network(classes: Int) -> UNet.Configuration {
    let channels = channels?.values ?? [48, 96, 96]
    return UNet.Configuration(
      inputChannels: 3, outputChannels: 3, channels: channels, layersPerLevel: layers ?? 1,
      attention: channels.indices.map { $0 == channels.count - 1 }, headWidth: nil,
      groups: Self.groups, classes: classes + 1, startsAtZero: true)
  }

  private func loadOrigin(_ path: String) throws -> PixelDiffusionModel {
    let origin = try PixelDiffusionModel(loading: path)
    try agree(with: origin.model.settings.network, path)
    return origin
  }

  private func agree(with network: UNet.Configuration, _ path: String) throws {
    try checkAgreement("--channels", channels?.values, network.channels, path)
    try checkAgreement("--layers", layers, network.layersPerLevel, path)
  }

  // MARK: A resumed run

  private func resume(_ path: String) throws {
    let folder = try RunFolder(opening: path, stage: "pixels")
    let configuration = try folder.configuration(as: PixelRun.self)
    try options.agree(with: configuration.settings, folder: path)
    try agree(with: configuration.model.model.network, path)
    let images = try data.load(as: configuration.settings.data, run: path)
    try train(configuration, in: folder, images, from: nil, resuming: true)
  }

  // MARK: Training

  private func train(
    _ configuration: PixelRun, in folder: RunFolder, _ images: TrainingData,
    from origin: PixelDiffusionModel?, resuming: Bool = false
  ) throws {
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    var configuration = configuration
    let plan = configuration.settings.plan
    let pixels = origin ?? PixelDiffusionModel(configuration.model, seed: plan.seed)
    let model = pixels.model
    var order = EpochOrder(
      count: images.training.count, batchSize: configuration.settings.batchSize, seed: plan.seed)
    let restoredOrder = order
    let training = TrainingRun(model.network.parameters, plan: plan) { tape, step, generator in
      let indices = order.batch(step)
      var coin = generator.split(0)
      let mirrored = indices.map { _ in coin.uniform() < 0.5 }
      return model.loss(
        images.training.tensor(indices, mirrored: mirrored),
        labels: indices.map { images.training.labels[$0] }, tape: tape,
        generator: generator.split(1))
    }
    if resuming {
      try options.restore(training, from: folder, order: restoredOrder)
      configuration.settings.plan = training.plan
      configuration.settings.begin(in: folder)
      try folder.write(configuration: configuration)
    }
    print(images.announcement)
    print("model of pixels, \(model.network.parameterCount) weights; run in \(folder.path)")
    let keeper = PixelKeeper(
      folder: folder, configuration: configuration, model: pixels, images: images.test,
      sampleSteps: sampleSteps)
    let validation = try keeper.validationFile(upTo: training.step)
    let finished = try TrainingLoop(
      run: training, folder: folder, parts: [], logEvery: options.logEvery,
      checkpointSeconds: 60 * options.checkpointMinutes,
      saved: { step, recent, _ in try keeper.save(step, recent, validation: validation) })()
    try announceEnd(finished, folder.path, next: "sample --weights", again: "train-pixels")
  }
}
