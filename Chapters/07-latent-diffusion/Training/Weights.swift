import Foundation
import Learning

/// Where weights are looked for when nothing is said.
enum Weights {
  /// The weights that come with the repository: beside this program's source, seen from the current
  /// folder where that is the repository's.
  static var shipped: String {
    let here = "Chapters/07-latent-diffusion/weights"
    if FileManager.default.fileExists(atPath: here) { return here }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "weights").path
  }

  /// The autoencoder that one most likely means: one's own, or else the repository's.
  static var defaultAutoencoder: String {
    let own = "runs/autoencoder"
    let file = "\(own)/\(LatentDiffusionModel.autoencoderFile)"
    return FileManager.default.fileExists(atPath: file) ? own : shipped
  }

  /// The model that the weights in `folder` make: of latents, or of pixels where it holds no denoiser
  /// of latents.
  static func pictureModel(_ folder: String) throws -> any PictureModel {
    func holds(_ file: String) -> Bool {
      FileManager.default.fileExists(atPath: "\(folder)/\(file)")
    }
    return holds(PixelDiffusionModel.file) && !holds(LatentDiffusionModel.denoiserFile)
      ? try PixelDiffusionModel(loading: folder) : try LatentDiffusionModel(loading: folder)
  }

  /// The classifier in the folder `path`, or else the repository's; nil if neither holds one.
  static func classifier(beside path: String?) throws -> ImageClassifier? {
    for folder in [path, shipped].compactMap({ $0 })
    where FileManager.default.fileExists(atPath: "\(folder)/\(ImageClassifier.file)") {
      return try ImageClassifier(loading: folder)
    }
    return nil
  }
}
