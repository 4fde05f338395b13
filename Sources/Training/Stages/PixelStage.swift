import ArgumentParser
import Autodiff
import Datasets
import Figures
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors

/// config.json of a run of `train-pixels`.
struct PixelConfiguration: StageConfiguration {
  var stage = StageName.pixels
  var settings: RunSettings
  var model: LatentDiffusionModel.Configuration
}

/// The default sizes of the diffusion model of pixels.
enum PixelLevels: LevelDefaults {
  static let channels = [48, 96, 96]
  static let layers = 1
  static let groups = 8
  static let levels = 1...4
}

/// The options of a diffusion model of pixels, with which latent diffusion is compared.
struct PixelOptions: StageOptions {
  static let defaults = StageDefaults(
    name: .pixels,
    abstract: "Train a conditional U-Net that denoises pixels, to compare with latent diffusion.",
    noun: "diffusion model of pixels", next: "sample --weights", batchSize: 64, learningRate: 5e-4,
    averageDecay: 0.999)

  @OptionGroup var levels: LevelOptions<PixelLevels>
  @OptionGroup var samples: SampleStepsOption

  func origin(at path: String) throws -> LatentDiffusionModel {
    let origin = try LatentDiffusionModel(loadingPixels: path)
    try agree(with: origin.configuration.denoiser.network, path)
    return origin
  }

  private func agree(with network: UNet.Configuration, _ path: String) throws {
    try levels.agree(
      channels: network.channels, layers: network.layersPerLevel, groups: network.groups, path)
  }

  func agree(with run: PixelConfiguration, folder: String) throws {
    try agree(with: run.model.denoiser.network, folder)
  }

  func configuration(
    _ settings: RunSettings, _ images: TrainingData, origin: LatentDiffusionModel?, inputs: Void
  ) -> PixelConfiguration {
    let classes = images.training.classNames
    return PixelConfiguration(
      settings: settings,
      model: LatentDiffusionModel.Configuration(
        denoiser: .init(
          network: origin?.configuration.denoiser.network ?? network(classes: classes.count),
          size: 32), classes: classes))
  }

  // The lowest resolution has attention.
  private func network(classes: Int) -> UNet.Configuration {
    let sizes = levels.sizes
    return UNet.Configuration(
      inputChannels: 3, outputChannels: 3, channels: sizes.channels, layersPerLevel: sizes.layers,
      attention: sizes.channels.indices.map { $0 == sizes.channels.count - 1 }, headWidth: nil,
      groups: sizes.groups, classes: classes + 1, startsAtZero: true)
  }

  func stage(
    _ run: inout PixelConfiguration, in folder: RunFolder, _ images: TrainingData,
    origin: LatentDiffusionModel?, inputs: Void
  ) -> PixelStage {
    let fresh = LatentDiffusionModel(
      autoencoder: nil,
      network: UNet(
        run.model.denoiser.network, generator: RandomGenerator(seed: run.settings.plan.seed)),
      configuration: run.model)
    return PixelStage(
      model: origin ?? fresh, images: images, sampleSteps: samples.sampleSteps)
  }
}

/// A diffusion model of pixels in training.
struct PixelStage: TrainingStage {
  let model: LatentDiffusionModel
  let images: TrainingData
  /// The steps of the samples at checkpoints, 0 for none.
  let sampleSteps: Int

  private var byTimestep: LossByTimestep { LossByTimestep(steps: model.schedule.steps) }

  var parameters: [Parameter] { model.denoiser.network.parameters }

  // Half of the images are mirrored.
  func loss(of examples: [Int], tape: Tape, generator: RandomGenerator) -> BatchLoss {
    var coin = generator.split(0)
    let mirrored = examples.map { _ in coin.uniform() < 0.5 }
    return model.denoiser.loss(
      images.training.tensor(examples, mirrored: mirrored),
      labels: examples.map { images.training.labels[$0] }, tape: tape,
      generator: generator.split(1))
  }

  func save(in folder: String) throws {
    try model.save(to: "\(folder)/\(ModelFile.pixels)")
  }

  var columns: [String] { byTimestep.columns }

  func measure(isLast: Bool) -> [String: Double] {
    let count = min(200, images.test.count)
    return byTimestep.values(
      model.denoiser.noiseErrors(
        on: images.test.tensor(Array(0..<count)), labels: Array(images.test.labels.prefix(count)),
        at: byTimestep.timesteps, generator: RandomGenerator(seed: 2)))
  }

  func summary(_ measured: [String: Double]) -> String {
    String(format: "loss on test images %.4f", measured["loss"] ?? .nan)
  }

  func image() -> (name: String, image: Picture)? {
    sampleSteps > 0 ? ("step", sampleGrid(model, steps: sampleSteps)) : nil
  }
}
