import ArgumentParser
import Figures
import Foundation
import Learning

/// Shows and measures what the autoencoder keeps of images.
struct Reconstruct: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Encode and decode test images: pictures side by side, and the measured loss.")

  @OptionGroup var data: DataOptions

  @Option(help: "Images in the picture.")
  var count: Int = 50

  @Option(help: "Test images to measure on; all of them if nothing is said.")
  var measure: Int?

  @Option(help: ArgumentHelp("The .png file to write.", valueName: "file"))
  var output: String = "real-reconstructions.png"

  @Option(
    help: ArgumentHelp(
      "A run, a folder of weights or a file; otherwise the weights in this repository.",
      valueName: "path"))
  var weights: String?

  func validate() throws {
    try checkPositive("--count", count)
    try checkPositive("--measure", measure)
  }

  func run() throws {
    try checkWritable(output)
    let autoencoder = try LatentDiffusionModel.autoencoder(at: weights ?? Weights.shipped)
    let images = try data.load()
    print(images.announcement)
    let shown = Array(0..<min(count, images.test.count))
    let measured = min(measure ?? images.test.count, images.test.count)
    let judge = try Weights.classifier(beside: weights)
    let values = AutoencoderMeasurement(
      autoencoder, images.test, count: measured, judge: judge?.network
    ).values
    try reconstructionGrid(autoencoder, images.test, shown).write(to: URL(filePath: output))
    print(
      String(
        format: """
          %d test images: PSNR %.2f dB with the mean, %.2f dB with a drawn latent; similarity %.4f \
          and %.4f; absolute error %.1f an image; %.3f nats a number
          """, measured, values["psnr_mean"] ?? .nan, values["psnr_sampled"] ?? .nan,
        values["ssim_mean"] ?? .nan, values["ssim_sampled"] ?? .nan, values["l1"] ?? .nan,
        values["kl_per_number"] ?? .nan))
    if let right = values["named_right"] {
      print(String(format: "%.2f %% of the reconstructions named right", 100 * right))
    }
    print(output)
  }
}
