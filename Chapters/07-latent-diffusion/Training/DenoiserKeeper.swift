import Datasets
import Diffusion
import Figures
import Foundation
import Learning
import Tensors

/// What is written at every checkpoint of the denoiser's training: its averaged weights, its loss on
/// latents that it was not trained on, samples, and a manifest.
struct DenoiserKeeper {
  let folder: RunFolder
  let configuration: DenoiserRun
  let model: LatentDiffusionModel
  /// Scaled latents of test images with their labels, and the times at which the loss is measured.
  private let latents: Tensor
  private let labels: [Int]
  private let times: [Int]
  /// The steps of the sampler that draws, 0 for no pictures.
  private let sampleSteps: Int

  init(
    folder: RunFolder, configuration: DenoiserRun, model: LatentDiffusionModel,
    images: LabelledImages, sampleSteps: Int
  ) {
    self.sampleSteps = sampleSteps
    self.folder = folder
    self.configuration = configuration
    self.model = model
    let count = min(500, images.count)
    let cache = LatentCache(
      encoding: Array(images.labels.prefix(count)), with: model.autoencoder,
      images: { images.tensor(Array($0)) })
    latents = cache.latents(
      Array(0..<count), scale: model.settings.latentScale, generator: RandomGenerator(seed: 1))
    labels = Array(images.labels.prefix(count))
    times = Self.times(of: model.settings.steps)
  }

  /// The times at which losses are measured, in the middle of each tenth of 1…T.
  static func times(of steps: Int) -> [Int] { (0..<10).map { max(1, steps * (2 * $0 + 1) / 20) } }

  /// The losses at `times` and their mean, by name.
  static func named(_ profile: [Double], at times: [Int]) -> [String: Double] {
    var values = Dictionary(
      zip(times, profile).map { ("loss_t\($0)", $1) }, uniquingKeysWith: { first, _ in first })
    values["loss"] = profile.reduce(0, +) / Double(profile.count)
    return values
  }

  /// The columns of a table of losses at `times`.
  static func columns(_ times: [Int]) -> [String] {
    ["images", "seconds", "loss"] + times.map { "loss_t\($0)" }
  }

  func validationFile(upTo step: Int) throws -> MetricsFile {
    try MetricsFile(folder.validationPath, columns: Self.columns(times), upTo: step)
  }

  func save(_ step: TrainingStep, _ recent: RecentLosses, validation: MetricsFile) throws {
    try LatentDiffusionModel.save(
      model.denoiser, settings: model.settings,
      to: "\(folder.path)/\(LatentDiffusionModel.denoiserFile)")
    let measured = losses()
    try validation.append(
      step: step.step,
      measured.merging(["images": Double(step.images), "seconds": step.seconds]) { $1 })
    var manifest = try Manifest(in: folder.path)
    manifest.denoiser = Manifest.Stage(
      configuration.settings, parameters: model.denoiser.parameterCount, step: step,
      losses: recent.means, validation: measured)
    try manifest.write(in: folder.path)
    if sampleSteps > 0 {
      try PictureGrid.samples(of: model, steps: sampleSteps)
        .write(to: URL(filePath: folder.samplePath(step.step)))
    }
    print(String(format: "step %d: loss on test images %.4f", step.step, measured["loss"] ?? .nan))
  }

  /// The loss at each of `times`, and their mean.
  private func losses() -> [String: Double] {
    let profile = model.loss().profile(
      model.denoiser, latents: latents, labels: labels, times: times,
      generator: RandomGenerator(seed: 2))
    return Self.named(profile, at: times)
  }
}
