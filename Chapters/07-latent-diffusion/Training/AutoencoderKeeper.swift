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
  /// The classifier that counts which reconstructions are named right, if there is one.
  let judge: Classifier?

  static let columns = ["images", "seconds"] + AutoencoderMeasurement.names + ["named_right"]

  func validationFile(upTo step: Int) throws -> MetricsFile {
    try MetricsFile(folder.validationPath, columns: Self.columns, upTo: step)
  }

  func save(
    _ step: TrainingStep, _ recent: RecentLosses, last: Bool, validation: MetricsFile
  ) throws {
    try LatentDiffusionModel.save(
      autoencoder, to: "\(folder.path)/\(LatentDiffusionModel.autoencoderFile)")
    let count = min(images.test.count, last ? 2000 : 1000)
    var measured = AutoencoderMeasurement(
      autoencoder, images.test, count: count, judge: judge
    ).values
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
      configuration.settings, parameters: autoencoder.parameterCount,
      step: step,
      losses: recent.means, validation: measured)
    return manifest
  }
}

/// What an autoencoder does to images.
struct AutoencoderMeasurement {
  let values: [String: Double]

  /// The names of the values that need no classifier.
  static let names = [
    "psnr_mean", "psnr_sampled", "ssim_mean", "ssim_sampled", "l1", "kl_per_number",
    "active_units",
  ]

  /// Measures it on the first `count` of `images`: the signal-to-noise ratio in dB and the structural
  /// similarity of reconstructions from the mean and from a drawn latent, averaged over images; the
  /// absolute error summed over an image; the divergence in nats for each number of the latent; how
  /// many of the latent's numbers carry something; and, given a `judge`, the share of reconstructions
  /// from drawn latents that it names right.
  init(_ autoencoder: Autoencoder, _ images: LabelledImages, count: Int, judge: Classifier? = nil) {
    var sums: [String: Double] = [:]
    var means: [Tensor] = []
    for start in stride(from: 0, to: count, by: 200) {
      let range = start..<min(start + 200, count)
      let x = images.tensor(Array(range))
      let (mean, logVariance) = autoencoder.encode(x)
      means.append(mean)
      let drawn = Self.draw(mean, logVariance, from: start)
      let (fromMean, sampled) = (autoencoder.decode(mean), autoencoder.decode(drawn))
      func add(_ name: String, _ values: [Double]) { sums[name, default: 0] += values.reduce(0, +) }
      add("psnr_mean", peakSignalToNoise(fromMean, x))
      add("psnr_sampled", peakSignalToNoise(sampled, x))
      add("ssim_mean", structuralSimilarity(fromMean, x))
      add("ssim_sampled", structuralSimilarity(sampled, x))
      add("l1", [sampled.absoluteDifference(x)])
      add("kl_per_number", [Self.divergence(mean, logVariance)])
      if let judge {
        let named = judge(sampled).logits.indicesOfMaximum()
        add("named_right", zip(range, named).map { images.labels[$0] == $1 ? 1 : 0 })
      }
    }
    var values = sums.mapValues { $0 / Double(count) }
    values["active_units"] = Double(Self.activeUnits(.concatenated(means, along: 0)))
    self.values = values
  }

  /// The images decoded from drawn latents of `x`, whose first image is number `start` of its set
  /// and draws from that random stream.
  static func reconstructed(_ autoencoder: Autoencoder, _ x: Tensor, from start: Int) -> Tensor {
    let (mean, logVariance) = autoencoder.encode(x)
    return autoencoder.decode(draw(mean, logVariance, from: start))
  }

  private static func draw(_ mean: Tensor, _ logVariance: Tensor, from start: Int) -> Tensor {
    let noise = Tensor.normal(mean.shape, streamsOf: RandomGenerator(seed: 1), from: start)
    let tape = Tape(recording: false)
    return VariationalLoss.sample(
      mean: tape.constant(mean), logVariance: tape.constant(logVariance),
      noise: tape.constant(noise)
    ).value
  }

  /// The divergence of a batch, in nats for each number of a latent, summed over the images.
  private static func divergence(_ mean: Tensor, _ logVariance: Tensor) -> Double {
    let tape = Tape(recording: false)
    let all = VariationalLoss.divergence(
      mean: tape.constant(mean), logVariance: tape.constant(logVariance))
    return Double(all.value.scalar) * Double(mean.shape[0]) / Double(mean.count)
  }

  /// How many numbers of a latent have a mean that varies over images, by more than 0.01 (Burda,
  /// Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, section 5.2).
  private static func activeUnits(_ means: Tensor) -> Int {
    means.variance(axes: [0]).elements.filter { $0 > 0.01 }.count
  }
}
