import Datasets
import Foundation
import Learning
import Tensors

/// What is written at every checkpoint of the training on pixels: averaged weights, the loss on
/// pictures that were not trained on, samples, and a manifest.
struct PixelKeeper {
  let folder: RunFolder
  let configuration: PixelRun
  let model: PixelDiffusionModel
  let images: LabelledImages
  /// The steps of the sampler that draws, 0 for no pictures.
  let sampleSteps: Int

  private var times: [Int] { DenoiserKeeper.times(of: model.schedule.steps) }

  func validationFile(upTo step: Int) throws -> MetricsFile {
    try MetricsFile(
      folder.validationPath, columns: DenoiserKeeper.columns(times), upTo: step)
  }

  func save(_ step: TrainingStep, _ recent: RecentLosses, validation: MetricsFile) throws {
    try model.save(to: "\(folder.path)/\(PixelDiffusionModel.file)")
    let count = min(200, images.count)
    let profile = model.model.noiseError(
      on: images.tensor(Array(0..<count)), labels: Array(images.labels.prefix(count)), at: times,
      generator: RandomGenerator(seed: 2))
    let measured = DenoiserKeeper.named(profile, at: times)
    try validation.append(
      step: step.step,
      measured.merging(["images": Double(step.images), "seconds": step.seconds]) { $1 })
    var manifest = Manifest()
    manifest.pixels = Manifest.Stage(
      configuration.settings, parameters: model.model.network.parameterCount, step: step,
      losses: recent.means, validation: measured)
    try manifest.write(in: folder.path)
    if sampleSteps > 0 {
      try PictureGrid.samples(of: model, steps: sampleSteps)
        .write(to: URL(filePath: folder.samplePath(step.step)))
    }
    print(String(format: "step %d: loss on test images %.4f", step.step, measured["loss"] ?? .nan))
  }
}
