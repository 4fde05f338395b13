import Autodiff
import Datasets
import Evaluation
import Figures
import Foundation
import Learning
import Networks
import Tensors

/// What is written at every checkpoint of the autoencoder's training: its averaged weights, what it
/// does to images that it was not trained on, and a manifest.
struct AutoencoderKeeper {
  let folder: RunFolder
  let configuration: AutoencoderRun
  let autoencoder: Autoencoder
  let images: TrainingData

  static let columns = ["images", "seconds", "psnr_mean", "psnr_sampled", "l1", "kl_per_number"]

  func validationFile(upTo step: Int) throws -> MetricsFile {
    try MetricsFile(folder.validationPath, columns: Self.columns, upTo: step)
  }

  func save(
    _ step: TrainingStep, _ recent: RecentLosses, last: Bool, validation: MetricsFile
  ) throws {
    try LatentDiffusionModel.save(
      autoencoder, to: "\(folder.path)/\(LatentDiffusionModel.autoencoderFile)")
    let count = min(images.test.count, last ? 2000 : 1000)
    var measured = AutoencoderMeasurement(autoencoder, images.test, count: count).values
    try validation.append(
      step: step.step,
      measured.merging(["images": Double(step.images), "seconds": step.seconds]) { $1 })
    measured["images"] = Double(count)
    try manifest(step, recent, measured).write(in: folder.path)
    let shown = Array(0..<min(20, images.test.count))
    let path = folder.samplePath(step.step, name: "real-reconstructions")
    try reconstructionGrid(autoencoder, images.test, shown).write(to: URL(filePath: path))
    let text = String(
      format: "step %d: PSNR %.2f dB (mean), %.2f dB (drawn latent); %.2f nats a number",
      step.step, measured["psnr_mean"] ?? .nan, measured["psnr_sampled"] ?? .nan,
      measured["kl_per_number"] ?? .nan)
    print(text)
  }

  private func manifest(
    _ step: TrainingStep, _ recent: RecentLosses, _ measured: [String: Double]
  ) -> Manifest {
    var manifest = Manifest()
    manifest.autoencoder = Manifest.Stage(
      configuration.settings, parameters: autoencoder.parameterCount, step: step,
      losses: recent.means, validation: measured)
    return manifest
  }
}

/// What an autoencoder does to images.
struct AutoencoderMeasurement {
  let values: [String: Double]

  /// Measures it on the first `count` of `images`: the signal-to-noise ratio of reconstructions from
  /// the mean and from a drawn latent, averaged over images in dB; the absolute error summed over an
  /// image; and the divergence in nats for each number of the latent.
  init(_ autoencoder: Autoencoder, _ images: LabelledImages, count: Int) {
    var sums: [String: Double] = [:]
    for start in stride(from: 0, to: count, by: 200) {
      let range = start..<min(start + 200, count)
      let x = images.tensor(Array(range))
      let (mean, logVariance) = autoencoder.encode(x)
      let noise = Tensor.normal(mean.shape, streamsOf: RandomGenerator(seed: 1), from: start)
      let tape = Tape(recording: false)
      let drawn = VariationalLoss.sample(
        mean: tape.constant(mean), logVariance: tape.constant(logVariance),
        noise: tape.constant(noise)
      ).value
      let sampled = autoencoder.decode(drawn)
      let kl = VariationalLoss.divergence(
        mean: tape.constant(mean), logVariance: tape.constant(logVariance))
      let numbers = Double(mean.count / range.count)
      sums["psnr_mean", default: 0] += peakSignalToNoise(autoencoder.decode(mean), x).reduce(0, +)
      sums["psnr_sampled", default: 0] += peakSignalToNoise(sampled, x).reduce(0, +)
      sums["l1", default: 0] += sampled.absoluteDifference(x)
      sums["kl_per_number", default: 0] += Double(kl.value.scalar) / numbers
    }
    values = sums.mapValues { $0 / Double(count) }
  }
}
