import ArgumentParser
import Diffusion
import Files
import Foundation
import Learning
import Networks
import Tensors

extension Prediction: ExpressibleByArgument {}

/// The second stage: a denoiser of latents.
struct TrainDenoiser: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-denoiser",
    abstract: "Train the conditional U-Net that denoises the autoencoder's latents.")

  @OptionGroup var data: DataOptions
  @OptionGroup var options: RunOptions

  @Option(
    help: ArgumentHelp(
      "The autoencoder: a run, a folder of weights or a file. Otherwise runs/autoencoder if it is "
        + "there, otherwise the weights in this repository. A resumed run goes on with its copy, or "
        + "with another that is named here.", valueName: "path"))
  var autoencoder: String?

  @Option(help: "Channels of the U-Net's levels (96,192).")
  var channels: WholeNumbers?

  @Option(help: "Residual blocks in a level (2).")
  var layers: Int?

  @Option(help: "Channels of an attention head (32).")
  var headWidth: Int?

  @Option(help: "Groups of the group norms (32).")
  var groups: Int?

  @Option(help: "How often a class is replaced by the null label (0.1).")
  var dropProbability: Double?

  @Option(help: "T, the number of steps of the forward process (1000).")
  var diffusionSteps: Int?

  @Option(help: "What the network is to say: noise, velocity or x0 (noise).")
  var prediction: Prediction?

  @Option(help: "Steps of the samples that are drawn at checkpoints; 0 for none.")
  var sampleSteps: Int = 25

  func validate() throws {
    guard sampleSteps >= 0 else {
      throw Failure("--sample-steps is \(sampleSteps)", remedy: "give 0 or more")
    }
    try checkSizes("--channels", channels, groups: groups ?? 32, option: "--groups")
    try checkSizes("--channels", channels, groups: headWidth ?? 32, option: "--head-width")
    try checkPositive("--layers", layers)
    try checkPositive("--diffusion-steps", diffusionSteps)
    if let prediction, ![.noise, .velocity, .x0].contains(prediction) {
      throw Failure(
        "--prediction is \(prediction.rawValue)", remedy: "give noise, velocity or x0")
    }
    if let channels, !(1...4).contains(channels.values.count) {
      throw Failure(
        "--channels has \(channels.values.count) levels", remedy: "give one to four, as in 96,192")
    }
    if let dropProbability, !(0...1).contains(dropProbability) {
      throw Failure("--drop-probability is \(dropProbability)", remedy: "give 0 to 1")
    }
  }

  func run() throws {
    Interruption.watch()
    if let folder = options.resume { try resume(folder) } else { try start() }
  }

  // MARK: A new run

  private func start() throws {
    let path = options.out ?? "runs/denoiser"
    try RunFolder.checkFree(path)
    let origin = try options.startFrom.map { try loadOrigin($0) }
    let source = autoencoder ?? Weights.defaultAutoencoder
    let encoder = try LatentDiffusionModel.autoencoder(at: source)
    let images = try data.load()
    let batchSize = options.batchSize ?? 128
    let order = EpochOrder(
      count: 2 * images.training.count, batchSize: batchSize, seed: options.seed ?? 0)
    let folder = try RunFolder.prepare(path)
    print(images.announcement)
    let latents = try LatentStore(folder.path, images, encoder).cache()
    var configuration = DenoiserRun(
      settings: RunSettings(
        command: commandLine, batchSize: batchSize,
        plan: options.plan(
          learningRate: 3e-4, averageDecay: 0.9995, clipNorm: 1, order: order),
        data: images.description),
      model: LatentDiffusionModel.Settings(
        network: origin?.settings.network
          ?? network(
            latentChannels: encoder.configuration.latentChannels,
            classes: images.training.classNames.count),
        latentScale: latents.statistics.scale,
        steps: origin?.settings.steps ?? diffusionSteps ?? 1000,
        classes: images.training.classNames,
        prediction: origin?.settings.prediction ?? prediction),
      dropProbability: dropProbability ?? 0.1, autoencoder: source)
    configuration.settings.follow(try options.stageBefore(\.denoiser))
    try LatentDiffusionModel.save(
      encoder, to: "\(folder.path)/\(LatentDiffusionModel.autoencoderFile)")
    var manifest = Manifest()
    manifest.autoencoder = try Manifest(beside: source).autoencoder
    try manifest.write(in: folder.path)
    try folder.write(configuration: configuration)
    try train(configuration, in: folder, images, encoder, latents, from: origin?.network)
  }

  /// The denoiser that the run starts from, if the options do not ask for another one.
  private func loadOrigin(
    _ path: String
  ) throws -> (network: UNet, settings: LatentDiffusionModel.Settings) {
    let origin = try LatentDiffusionModel.denoiser(at: path)
    try agree(with: origin.settings, path)
    return origin
  }

  private func agree(with model: LatentDiffusionModel.Settings, _ path: String) throws {
    try checkAgreement("--channels", channels?.values, model.network.channels, path)
    try checkAgreement("--layers", layers, model.network.layersPerLevel, path)
    try checkAgreement("--head-width", headWidth, model.network.headWidth ?? 0, path)
    try checkAgreement("--groups", groups, model.network.groups, path)
    try checkAgreement("--diffusion-steps", diffusionSteps, model.steps, path)
    try checkAgreement("--prediction", prediction, model.prediction ?? .noise, path)
  }

  private func network(latentChannels: Int, classes: Int) -> UNet.Configuration {
    let channels = channels?.values ?? [96, 192]
    return UNet.Configuration(
      inputChannels: latentChannels, outputChannels: latentChannels, channels: channels,
      layersPerLevel: layers ?? 2, attention: channels.map { _ in true },
      headWidth: headWidth ?? 32, groups: groups ?? 32,
      classes: classes + 1, startsAtZero: true)
  }

  // MARK: A resumed run

  private func resume(_ path: String) throws {
    let folder = try RunFolder(opening: path, stage: "denoiser")
    var configuration = try folder.configuration(as: DenoiserRun.self)
    try options.agree(with: configuration.settings, folder: path)
    try agree(with: configuration.model, path)
    try checkAgreement("--drop-probability", dropProbability, configuration.dropProbability, path)
    let images = try data.load(as: configuration.settings.data, run: path)
    print(images.announcement)
    if let autoencoder, autoencoder != configuration.autoencoder {
      try exchange(autoencoder, in: folder, &configuration)
    }
    let encoder = try LatentDiffusionModel.autoencoder(at: path)
    let latents = try LatentStore(path, images, encoder).cache()
    configuration.model.latentScale = latents.statistics.scale
    try train(configuration, in: folder, images, encoder, latents, from: nil, resuming: true)
  }

  /// Lets the run go on with the latents of another autoencoder, of which it keeps a copy.
  private func exchange(
    _ path: String, in folder: RunFolder, _ configuration: inout DenoiserRun
  ) throws {
    let encoder = try LatentDiffusionModel.autoencoder(at: path)
    let channels = configuration.model.network.inputChannels
    guard encoder.configuration.latentChannels == channels else {
      throw Failure(
        path, .otherConfiguration,
        "makes latents of \(encoder.configuration.latentChannels) channels, not \(channels)",
        remedy: "name an autoencoder with as many, or start another run with --out")
    }
    try LatentDiffusionModel.save(
      encoder, to: "\(folder.path)/\(LatentDiffusionModel.autoencoderFile)")
    var manifest = try Manifest(in: folder.path)
    manifest.autoencoder = try Manifest(beside: path).autoencoder
    try manifest.write(in: folder.path)
    configuration.autoencoder = path
  }

  // MARK: Training

  private func train(
    _ configuration: DenoiserRun, in folder: RunFolder, _ images: TrainingData,
    _ encoder: Autoencoder, _ latents: LatentCache, from origin: UNet?, resuming: Bool = false
  ) throws {
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    var configuration = configuration
    let plan = configuration.settings.plan
    let network =
      origin
      ?? UNet(
        configuration.model.network, generator: RandomGenerator(seed: plan.seed, stream: 2))
    let order = EpochOrder(
      count: latents.count, batchSize: configuration.settings.batchSize, seed: plan.seed)
    let training = Self.run(network, configuration, order: order, latents: latents)
    if resuming {
      try options.restore(training, from: folder, order: order)
      configuration.settings.plan = training.plan
      configuration.settings.begin(in: folder)
      try folder.write(configuration: configuration)
    }
    print("denoiser of \(network.parameterCount) weights; run in \(folder.path)")
    let model = LatentDiffusionModel(
      autoencoder: encoder, denoiser: network, settings: configuration.model)
    let keeper = DenoiserKeeper(
      folder: folder, configuration: configuration, model: model, images: images.test,
      sampleSteps: sampleSteps)
    let validation = try keeper.validationFile(upTo: training.step)
    let finished = try TrainingLoop(
      run: training, folder: folder, parts: [], logEvery: options.logEvery,
      checkpointSeconds: 60 * options.checkpointMinutes,
      saved: { step, recent, _ in try keeper.save(step, recent, validation: validation) })()
    try announceEnd(finished, folder.path, next: "sample --weights", again: "train-denoiser")
  }

  /// The run itself: batches of latents, drawn anew each time, and the loss.
  static func run(
    _ network: UNet, _ configuration: DenoiserRun, order: EpochOrder, latents: LatentCache
  ) -> TrainingRun {
    let model = configuration.model
    let loss = DenoisingLoss(
      GaussianDiffusion(model.schedule), nullLabel: model.nullLabel,
      dropProbability: configuration.dropProbability, prediction: model.prediction ?? .noise)
    var order = order
    return TrainingRun(network.parameters, plan: configuration.settings.plan) {
      tape, step, generator in
      let entries = order.batch(step)
      let z0 = latents.latents(entries, scale: model.latentScale, generator: generator.split(0))
      return loss(
        network, latents: z0, labels: entries.map { latents.labels[$0] }, tape: tape,
        generator: generator.split(1))
    }
  }
}
