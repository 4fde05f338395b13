import ArgumentParser
import Autodiff
import Datasets
import Evaluation
import Figures
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors

/// config.json of a run of `train-autoencoder`.
struct AutoencoderConfiguration: StageConfiguration {
  var stage = StageName.autoencoder
  var settings: RunSettings
  var network: Autoencoder.Configuration
  /// The weight of the KL divergence; both terms are sums over an image.
  var beta: Double

  /// The feature loss of the newest part of the run.
  var features: FeatureSettings? { settings.parts?.last?.features }
}

/// The autoencoder's default sizes.
enum AutoencoderLevels: LevelDefaults {
  static let channels = [32, 64, 128]
  static let layers = 1
  static let groups = 8
  static let levels = 3...3
}

/// The options of the first stage: an autoencoder of images.
struct AutoencoderOptions: StageOptions {
  // The loss is a sum over 3072 values: the norm is clipped at 1 for their mean.
  static let defaults = StageDefaults(
    name: .autoencoder,
    abstract: "Train the autoencoder: 3x32x32 images to 4x8x8 latents and back.",
    noun: "autoencoder", next: "train-denoiser --autoencoder", batchSize: 64, learningRate: 1e-3,
    averageDecay: 0.999, clipNorm: 3072)

  @OptionGroup var levels: LevelOptions<AutoencoderLevels>

  @Option(help: "Weight of the KL divergence; errors and divergence are sums over an image (0.01).")
  var beta: Double?

  @Option(help: "Channels of a latent (4).")
  var latentChannels: Int?

  @Flag(inversion: .prefixedNo, help: "Attention at the lowest resolution (yes).")
  var attention: Bool?

  @Option(
    help: ArgumentHelp(
      "Weight of the feature loss: errors of a classifier's features, summed over its levels (0). "
        + "A resumed run may change it."))
  var featureWeight: Double?

  @OptionGroup var classifier: ClassifierOption

  func validate() throws {
    try checkNotNegative("--feature-weight", featureWeight)
    try checkNotNegative("--beta", beta)
    try checkPositive("--latent-channels", latentChannels)
  }

  func origin(at path: String) throws -> Autoencoder {
    let autoencoder = try Autoencoder(loading: path)
    try agree(with: autoencoder.configuration, path)
    return autoencoder
  }

  private func agree(with network: Autoencoder.Configuration, _ path: String) throws {
    try levels.agree(
      channels: network.channels, layers: network.layersPerLevel, groups: network.groups, path)
    try checkAgreement("--latent-channels", latentChannels, network.latentChannels, path)
    try checkAgreement("--attention", attention, network.middleAttention, path)
  }

  func agree(with run: AutoencoderConfiguration, folder: String) throws {
    try checkAgreement("--beta", beta, run.beta, folder)
    try agree(with: run.network, folder)
  }

  /// The classifier of the feature loss, if the run does not hold it yet.
  func inputs(resuming run: AutoencoderConfiguration?) throws -> ImageClassifier? {
    let begins = (featureWeight ?? 0) > 0 && run?.features == nil
    let isExchanged = run != nil && classifier.classifier != nil
    return begins || isExchanged ? try ImageClassifier(loading: classifier.path) : nil
  }

  func configuration(
    _ settings: RunSettings, _ images: TrainingData, origin: Autoencoder?,
    inputs: ImageClassifier?
  ) -> AutoencoderConfiguration {
    let sizes = levels.sizes
    let network = Autoencoder.Configuration(
      latentChannels: latentChannels ?? 4, channels: sizes.channels, layersPerLevel: sizes.layers,
      groups: sizes.groups, middleAttention: attention ?? true)
    return AutoencoderConfiguration(
      settings: settings, network: origin?.configuration ?? network, beta: beta ?? 0.01)
  }

  func features(of run: AutoencoderConfiguration) throws -> FeatureSettings? {
    let weight = featureWeight ?? run.features?.weight ?? 0
    guard weight > 0 else { return nil }
    if var features = run.features, classifier.classifier == nil {
      features.weight = weight
      return features
    }
    return FeatureSettings(
      weight: weight, classifier: classifier.path,
      trained: try Manifest(beside: classifier.path).classifier)
  }

  func stage(
    _ run: inout AutoencoderConfiguration, in folder: RunFolder, _ images: TrainingData,
    origin: Autoencoder?, inputs: ImageClassifier?
  ) throws -> AutoencoderStage {
    let copy = "\(folder.path)/\(FeatureSettings.file)"
    try inputs?.save(to: copy)
    let features = try run.features.map {
      (loss: FeatureLoss(try ImageClassifier(loading: copy).network), weight: $0.weight)
    }
    return AutoencoderStage(
      autoencoder: origin
        ?? Autoencoder(
          run.network, generator: RandomGenerator(seed: run.settings.plan.seed, stream: 2)),
      images: images, variationalLoss: VariationalLoss(beta: run.beta, features: features),
      hadFeatures: run.settings.parts?.contains { $0.features != nil } ?? false)
  }
}

/// An autoencoder in training.
struct AutoencoderStage: TrainingStage {
  let autoencoder: Autoencoder
  let images: TrainingData
  let variationalLoss: VariationalLoss
  /// Whether some part of the run has a feature loss, which then has a column.
  var hadFeatures = false

  var parameters: [Parameter] { autoencoder.parameters }

  var lossParts: [String] {
    VariationalLoss.partNames + (hadFeatures ? [VariationalLoss.featurePart] : [])
  }

  // Half of the images are mirrored.
  func loss(of examples: [Int], tape: Tape, generator: RandomGenerator) -> BatchLoss {
    var coin = generator.split(0)
    let mirrored = examples.map { _ in coin.uniform() < 0.5 }
    return variationalLoss(
      autoencoder, images: images.training.tensor(examples, mirrored: mirrored), tape: tape,
      generator: generator.split(1))
  }

  func save(in folder: String) throws {
    try autoencoder.save(to: "\(folder)/\(ModelFile.autoencoder)")
  }

  var columns: [String] { AutoencoderMeasurement.names + ["accuracy"] }

  func measure(isLast: Bool) -> [String: Double] {
    let count = min(images.test.count, isLast ? 2000 : 1000)
    let values = AutoencoderMeasurement(
      autoencoder, images.test, count: count, classifier: variationalLoss.features?.loss.network
    ).values
    return values.merging(["images": Double(count)]) { $1 }
  }

  func summary(_ measured: [String: Double]) -> String {
    String(
      format: "PSNR %.2f dB (mean), %.2f dB (sampled latent); %.2f nats per dimension",
      measured["psnr_mean"] ?? .nan, measured["psnr_sampled"] ?? .nan,
      measured["kl_per_number"] ?? .nan)
  }

  func image() -> (name: String, image: Picture)? {
    let shown = Array(0..<min(20, images.test.count))
    return ("real-reconstructions", reconstructionGrid(autoencoder, images.test, shown))
  }
}
