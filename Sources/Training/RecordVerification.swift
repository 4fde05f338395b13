import Datasets
import Diffusion
import Evaluation
import Figures
import Files
import Foundation
import Learning
import Models
import Networks
import Notebook
import Probability
import Tensors

/// Repeats points of the records on CIFAR-10's own images, for readers who have them. The results are
/// printed, and count for the exit status, but no page shows them.
public struct RecordVerification {
  private let notebook: Chapter
  private let model: LatentDiffusionModel
  private let test: LabeledImages
  private let folder: String
  private let count: Int

  /// Reads the test images; nil, with a remark, if there are none.
  ///
  /// - Throws: `Failure` if there is a folder of images that cannot be read.
  public init?(_ notebook: Chapter, _ model: LatentDiffusionModel) throws {
    guard let folder = try? CIFAR10.folder() else {
      notebook.aside(
        "CIFAR-10 is not here (\(CIFAR10.environmentVariable) names its folder): skipped are "
          + "reconstructions, principal components and losses on its test images")
      return nil
    }
    self.notebook = notebook
    self.model = model
    self.folder = folder
    test = try CIFAR10.load(.test, from: folder)
    count = notebook.count(500, quick: 100)
  }

  /// Reconstructs the first test images, from the autoencoder's latents and from as many principal
  /// components, and plots some of them in a file that is not committed.
  public func checkReconstructions(against record: CSVTable) throws {
    let x = test.tensor(Array(0..<count))
    let sampled = AutoencoderMeasurement.reconstructed(model.autoencoder, x, from: 0)
    agree(
      "PSNR from sampled latents", peakSignalToNoise(sampled, x), "autoencoder", "psnr_sampled",
      record)
    if !notebook.isQuick {
      let components = try PrincipalComponents(try CIFAR10.load(.training, from: folder))
      let linear = components.reconstructed(x, components: 256)
      agree("PSNR of 256 components", peakSignalToNoise(linear, x), "pca-256", "psnr_mean", record)
    }
    let path = notebook.figuresFolder.appending(path: "real-reconstructions.png")
    try reconstructionGrid(model.autoencoder, test, Array(0..<50)).write(to: path)
    notebook.aside("test images, and under each its reconstruction: \(path.path)")
  }

  private func agree(
    _ name: String, _ values: [Double], _ set: String, _ column: String, _ record: CSVTable
  ) {
    let recorded = record.row("set", set)[column] ?? .nan
    let found = Estimate(of: values)
    notebook.aside(
      String(
        format: "%@ of the first %d test images: %.2f ± %.2f dB; recorded %.2f", name, count,
        found.mean, found.standardError, recorded),
      holds: abs(found.mean - recorded) < 4 * found.standardError)
  }

  /// Measures the denoiser's loss on latents of the first test images at some of the record's timesteps.
  public func checkLosses(against record: CSVTable) {
    let images = notebook.count(200, quick: 50)
    let (latents, labels) = LatentCache.ofTestImages(test, count: images, model: model)
    // Near T the loss is so small that the rounding of the weights to 16 bits shows in it.
    for row in stride(from: 1, to: record.rows.count - 4, by: 4) {
      let t = Int(record["t"][row])
      let recorded = record["averaged"][row]
      let random = RandomGenerator(seed: 3)
      let found = Estimate(
        of: (0..<images).map { image in
          model.denoiser.noiseErrors(
            on: latents.slice(image..<image + 1), labels: [labels[image]], at: [t],
            generator: random.split(image))[0]
        })
      notebook.aside(
        String(
          format: "loss at t = %d on %d test images: %.4f ± %.4f; recorded %.4f", t, images,
          found.mean, found.standardError, recorded),
        holds: abs(found.mean - recorded) < 4 * found.standardError)
    }
  }
}
