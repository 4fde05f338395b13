import ArgumentParser
import Evaluation
import Figures
import Foundation
import Learning
import Models
import Networks

/// Shows and measures what the autoencoder preserves of images.
struct Reconstruct: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Encode and decode test images: images side by side, and the measured loss.")

  @OptionGroup var data: DataOptions

  @Option(help: "Images to show.")
  var count: Int = 50

  @Option(help: "Test images to measure on; all of them by default.")
  var measure: Int?

  @Option(help: ArgumentHelp("The .png file to write.", valueName: "file"))
  var output: String = "real-reconstructions.png"

  @OptionGroup var weights: WeightsOption

  func validate() throws {
    try checkPositive("--count", count)
    try checkPositive("--measure", measure)
  }

  func run() throws {
    try checkWritable(output)
    let autoencoder = try Autoencoder(loading: weights.folder)
    let images = try data.load()
    let measured = min(measure ?? images.test.count, images.test.count)
    let values = AutoencoderMeasurement(
      autoencoder, images.test, count: measured, classifier: try classifier()?.network
    ).values
    let shown = Array(0..<min(count, images.test.count))
    try reconstructionGrid(autoencoder, images.test, shown).write(to: URL(filePath: output))
    print(
      String(
        format: """
          %d test images: PSNR %.2f dB from the mean, %.2f dB from a sampled latent; SSIM %.4f \
          and %.4f; absolute error %.1f per image; KL divergence %.3f nats per dimension
          """, measured, values["psnr_mean"] ?? .nan, values["psnr_sampled"] ?? .nan,
        values["ssim_mean"] ?? .nan, values["ssim_sampled"] ?? .nan, values["l1"] ?? .nan,
        values["kl_per_number"] ?? .nan))
    if let accuracy = values["accuracy"] {
      print(String(format: "%.2f %% of the reconstructions classified correctly", 100 * accuracy))
    }
    print(output)
  }

  /// The classifier beside the autoencoder, or else the repository's, if there is one.
  private func classifier() throws -> ImageClassifier? {
    try [weights.folder, TrainingChapter.current.weights].first {
      FileManager.default.fileExists(atPath: "\($0)/\(ModelFile.classifier)")
    }.map { try ImageClassifier(loading: $0) }
  }
}
