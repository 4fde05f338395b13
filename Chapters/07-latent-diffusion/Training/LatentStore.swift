import Foundation
import Learning
import Networks
import Notebook
import Tensors

/// The latents of a run's images, computed once and kept in the run's folder.
struct LatentStore {
  let path: String
  let images: TrainingData
  let autoencoder: Autoencoder

  init(_ folder: String, _ images: TrainingData, _ autoencoder: Autoencoder) {
    path = "\(folder)/latents.safetensors"
    self.images = images
    self.autoencoder = autoencoder
  }

  /// Reads the latents, or computes and writes them.
  func cache() throws -> LatentCache {
    let source = "\(images.description.digest) \(weightsDigest(autoencoder.parameters))"
    if let known = try LatentCache(reading: path, source: source) { return known }
    let progress = ProgressBar("encoding images", total: 2 * images.training.count)
    let latents = LatentCache(
      encoding: images.training.labels, with: autoencoder,
      images: { images.training.tensor(Array($0)) },
      progress: { progress.move(to: $0) })
    progress.finish()
    try latents.write(to: path, source: source)
    let statistics = latents.statistics
    print(
      String(
        format: "latents: mean %.3f, standard deviation %.3f; scaled by %.4f", statistics.mean,
        statistics.variance.squareRoot(), statistics.scale))
    return latents
  }
}
