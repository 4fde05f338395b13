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
    let source = "\(images.description.digest) \(digest)"
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

  /// Names these very weights of the autoencoder.
  private var digest: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for parameter in autoencoder.parameters {
      parameter.value.withElements { elements in
        for i in 0..<parameter.value.count {
          hash = (hash ^ UInt64(elements[i].bitPattern)) &* 0x100_0000_01b3
        }
      }
    }
    return String(hash, radix: 16)
  }
}
