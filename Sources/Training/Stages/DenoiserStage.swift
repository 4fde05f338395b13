import ArgumentParser
import Autodiff
import Datasets
import Diffusion
import Figures
import Files
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors

/// config.json of a run of `train-denoiser`.
struct DenoiserConfiguration: StageConfiguration {
  var stage = StageName.denoiser
  var settings: RunSettings
  var model: LatentDiffusionModel.Configuration
  /// How often a class is replaced by the null label.
  var dropProbability: Double
  /// Where the autoencoder came from; the run holds a copy.
  var autoencoder: String
}

/// The denoiser's default sizes.
enum DenoiserLevels: LevelDefaults {
  static let channels = [96, 192]
  static let layers = 2
  static let groups = 32
  static let levels = 1...4
}

/// The options of the second stage: a denoiser of latents.
struct DenoiserOptions: StageOptions {
  static let defaults = StageDefaults(
    name: .denoiser,
    abstract: "Train the conditional U-Net that denoises the autoencoder's latents.",
    noun: "denoiser", next: "sample --weights", batchSize: 128, learningRate: 3e-4,
    averageDecay: 0.9995, examplesPerImage: 2)

  /// An autoencoder that the run takes a copy of.
  typealias Inputs = (autoencoder: Autoencoder, path: String)?

  @Option(
    help: ArgumentHelp(
      "The autoencoder: a run, a folder of weights or a file. By default runs/autoencoder if it is "
        + "there, or else the weights in this repository. A resumed run goes on with its copy, or "
        + "with another that is named here.", valueName: "path"))
  var autoencoder: String?

  @OptionGroup var levels: LevelOptions<DenoiserLevels>

  @Option(help: "Channels of an attention head (32).")
  var headWidth: Int?

  @Option(help: "How often a class is replaced by the null label (0.1).")
  var dropProbability: Double?

  @Option(help: "T, the number of steps of the forward process (1000).")
  var diffusionSteps: Int?

  @Option(help: "What the network predicts: noise, velocity (v-prediction) or x0 (noise).")
  var prediction: Prediction?

  @Option(
    help: ArgumentHelp(
      "The distribution of t: uniform, log-normal in σ or logit-normal in t, the latter two with "
        + "mean and standard deviation as in log-normal:0.3,1 (uniform).",
      valueName: "distribution"))
  var timesteps: TimestepDistribution.Configuration?

  @Option(
    help: ArgumentHelp(
      "The weight of the loss at t: none, or min-snr with γ as in min-snr:5 (none). Losses that "
        + "are measured on test images have no weights.", valueName: "weighting"))
  var weighting: LossWeighting?

  @OptionGroup var samples: SampleStepsOption

  func validate() throws {
    try checkSizes(
      "--channels", levels.channels?.values ?? [], groups: headWidth ?? 32, option: "--head-width")
    try checkPositive("--diffusion-steps", diffusionSteps)
    if let prediction, ![.noise, .v, .x0].contains(prediction) {
      throw Failure(
        "--prediction is \(prediction.rawValue)", remedy: "give noise, velocity or x0")
    }
    if let dropProbability, !(0...1).contains(dropProbability) {
      throw Failure("--drop-probability is \(dropProbability)", remedy: "give 0 to 1")
    }
  }

  func origin(at path: String) throws -> LatentDiffusionModel {
    let origin = try LatentDiffusionModel(loadingDenoiser: path, autoencoder: nil)
    try agree(with: origin.configuration.denoiser, path)
    return origin
  }

  private func agree(with model: DiffusionModel<UNet>.Configuration, _ path: String) throws {
    let network = model.network
    try levels.agree(
      channels: network.channels, layers: network.layersPerLevel, groups: network.groups, path)
    try checkAgreement("--head-width", headWidth, network.headWidth ?? 0, path)
    try checkAgreement("--diffusion-steps", diffusionSteps, model.steps, path)
    try checkAgreement("--prediction", prediction, model.prediction, path)
  }

  func agree(with run: DenoiserConfiguration, folder: String) throws {
    try agree(with: run.model.denoiser, folder)
    try checkAgreement("--drop-probability", dropProbability, run.dropProbability, folder)
    try checkAgreement("--timesteps", timesteps, run.model.denoiser.timesteps, folder)
    try checkAgreement("--weighting", weighting, run.model.denoiser.weighting, folder)
  }

  /// The autoencoder of a new run, or another one for a resumed run.
  func inputs(resuming run: DenoiserConfiguration?) throws -> Inputs {
    if let run, autoencoder ?? run.autoencoder == run.autoencoder { return nil }
    let path = autoencoder ?? Self.likelyAutoencoder
    let encoder = try Autoencoder(loading: path)
    let channels = encoder.configuration.latentChannels
    if let expected = run?.model.denoiser.network.inputChannels, expected != channels {
      throw Failure(
        path, .otherConfiguration, "makes latents of \(channels) channels, not \(expected)",
        remedy: "name an autoencoder with as many, or start another run with --out")
    }
    return (encoder, path)
  }

  /// The user's own autoencoder, or else the repository's.
  private static var likelyAutoencoder: String {
    let own = "runs/autoencoder"
    let file = "\(own)/\(ModelFile.autoencoder)"
    return FileManager.default.fileExists(atPath: file) ? own : TrainingChapter.current.weights
  }

  func configuration(
    _ settings: RunSettings, _ images: TrainingData, origin: LatentDiffusionModel?, inputs: Inputs
  ) -> DenoiserConfiguration {
    guard let inputs else { fatalError("a new run has an autoencoder") }
    let classes = images.training.classNames
    let channels = inputs.autoencoder.configuration.latentChannels
    return DenoiserConfiguration(
      settings: settings,
      model: LatentDiffusionModel.Configuration(
        denoiser: .init(
          network: origin?.configuration.denoiser.network
            ?? network(channels, classes: classes.count),
          size: 32 / inputs.autoencoder.configuration.reduction,
          steps: origin?.schedule.steps ?? diffusionSteps ?? 1000,
          dropProbability: dropProbability ?? 0.1,
          prediction: origin?.denoiser.prediction ?? prediction ?? .noise,
          timesteps: timesteps ?? .uniform, weighting: weighting ?? .unweighted),
        latentScale: 1, classes: classes),
      dropProbability: dropProbability ?? 0.1, autoencoder: inputs.path)
  }

  private func network(_ latentChannels: Int, classes: Int) -> UNet.Configuration {
    let sizes = levels.sizes
    return UNet.Configuration(
      inputChannels: latentChannels, outputChannels: latentChannels, channels: sizes.channels,
      layersPerLevel: sizes.layers, attention: sizes.channels.map { _ in true },
      headWidth: headWidth ?? 32, groups: sizes.groups, classes: classes + 1, startsAtZero: true)
  }

  func stage(
    _ run: inout DenoiserConfiguration, in folder: RunFolder, _ images: TrainingData,
    origin: LatentDiffusionModel?, inputs: Inputs
  ) throws -> DenoiserStage {
    if let inputs { try copy(inputs.autoencoder, from: inputs.path, to: folder.path, &run) }
    let encoder = try Autoencoder(loading: folder.path)
    let latents = try LatentCache.readOrCompute(in: folder.path, images, encoder)
    return stage(&run, encoder, latents, test: images.test, origin: origin?.denoiser.network)
  }

  /// What is trained on these latents.
  ///
  /// - Parameter origin: the network to start from; nil for random weights.
  func stage(
    _ run: inout DenoiserConfiguration, _ encoder: Autoencoder, _ latents: LatentCache,
    test: LabeledImages, origin: UNet? = nil
  ) -> DenoiserStage {
    run.model.latentScale = latents.statistics.scale
    // A run of before stored the probability beside the model only.
    run.model.denoiser.dropProbability = run.dropProbability
    let network =
      origin
      ?? UNet(
        run.model.denoiser.network,
        generator: RandomGenerator(seed: run.settings.plan.seed, stream: 2))
    let model = LatentDiffusionModel(
      autoencoder: encoder, network: network, configuration: run.model)
    return DenoiserStage(model, latents, test: test, sampleSteps: samples.sampleSteps)
  }

  /// Gives the run a copy of its autoencoder.
  func copy(
    _ autoencoder: Autoencoder, from path: String, to folder: String,
    _ run: inout DenoiserConfiguration
  ) throws {
    try autoencoder.save(to: "\(folder)/\(ModelFile.autoencoder)")
    var manifest = try Manifest(in: folder)
    manifest.autoencoder = try Manifest(beside: path).autoencoder
    try manifest.write(in: folder)
    run.autoencoder = path
  }
}

/// A denoiser of latents in training.
struct DenoiserStage: TrainingStage {
  let model: LatentDiffusionModel
  private let latents: LatentCache
  private let test: (latents: Tensor, labels: [Int])
  private let byTimestep: LossByTimestep
  private let sampleSteps: Int

  /// - Parameter sampleSteps: the steps of the samples at checkpoints, 0 for none.
  init(
    _ model: LatentDiffusionModel, _ latents: LatentCache, test: LabeledImages,
    sampleSteps: Int
  ) {
    (self.model, self.latents) = (model, latents)
    self.sampleSteps = sampleSteps
    self.test = LatentCache.ofTestImages(test, count: 500, model: model)
    byTimestep = LossByTimestep(steps: model.schedule.steps)
  }

  var parameters: [Parameter] { model.denoiser.network.parameters }

  // Latents are sampled anew each time.
  func loss(of examples: [Int], tape: Tape, generator: RandomGenerator) -> BatchLoss {
    let z0 = latents.latents(
      examples, scale: model.latentScale, generator: generator.split(0))
    return model.denoiser.loss(
      z0, labels: examples.map { latents.labels[$0] }, tape: tape,
      generator: generator.split(1))
  }

  func save(in folder: String) throws {
    try model.save(to: "\(folder)/\(ModelFile.denoiser)")
  }

  var columns: [String] { byTimestep.columns }

  func measure(isLast: Bool) -> [String: Double] {
    byTimestep.values(
      model.denoiser.noiseErrors(
        on: test.latents, labels: test.labels, at: byTimestep.timesteps,
        generator: RandomGenerator(seed: 2)))
  }

  func summary(_ measured: [String: Double]) -> String {
    String(format: "loss on test images %.4f", measured["loss"] ?? .nan)
  }

  func image() -> (name: String, image: Picture)? {
    sampleSteps > 0 ? ("step", sampleGrid(model, steps: sampleSteps)) : nil
  }
}
