import Datasets
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Notebook
import Probability
import Tensors

extension LatentCache {
  /// Reads the latents of a run's images in its folder, or computes and writes them.
  static func readOrCompute(
    in folder: String, _ images: TrainingData, _ autoencoder: Autoencoder
  ) throws -> LatentCache {
    let path = "\(folder)/latents.safetensors"
    let source = "\(images.description.digest) \(weightsDigest(autoencoder.parameters))"
    if let known = try LatentCache(reading: path, source: source) { return known }
    let progress = ProgressBar("encoding images", total: 2 * images.training.count)
    let latents = LatentCache(
      encoding: images.training.labels, with: autoencoder,
      images: { images.training.tensor(Array($0)) }, progress: { progress.move(to: $0) })
    progress.finish()
    try latents.write(to: path, source: source)
    let statistics = latents.statistics
    print(
      String(
        format: "latents: mean %.3f, standard deviation %.3f; scaled by %.4f", statistics.mean,
        statistics.variance.squareRoot(), statistics.scale))
    return latents
  }

  /// Scaled latents of the first `count` of `images`, from the same noise at every call.
  static func ofTestImages(
    _ images: LabeledImages, count: Int, model: LatentDiffusionModel
  ) -> (latents: Tensor, labels: [Int]) {
    let labels = Array(images.labels.prefix(count))
    let cache = LatentCache(
      encoding: labels, with: model.autoencoder, images: { images.tensor(Array($0)) })
    let latents = cache.latents(
      Array(0..<labels.count), scale: model.latentScale,
      generator: RandomGenerator(seed: 1))
    return (latents, labels)
  }
}
