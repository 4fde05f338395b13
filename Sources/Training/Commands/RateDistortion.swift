import ArgumentParser
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Notebook
import Probability
import Tensors

/// The default sizes of the small autoencoders.
enum SmallAutoencoderLevels: LevelDefaults {
  static let channels = [16, 32, 64]
  static let layers = 1
  static let groups = 8
  static let levels = 3...3
}

/// Trains a small autoencoder at several β and measures rate and distortion of each.
struct RateDistortion: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate-distortion",
    abstract: "Train small autoencoders at several β, each for the same number of images.",
    discussion: """
      All start from the same weights and use the same images in the same order; only β differs. \
      Only their measurements are kept.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "The values of β.")
  var betas = NumberList([0.0001, 0.001, 0.01, 0.1, 1])

  @Option(help: "Passes over the images for each.")
  var epochs: Double = 0.5

  @Option(help: "Images per update.")
  var batchSize: Int = 64

  @OptionGroup var levels: LevelOptions<SmallAutoencoderLevels>

  @Option(help: "The highest learning rate.")
  var learningRate: Double = 2e-3

  @Option(help: "The seed of all random numbers.")
  var seed: UInt64 = 0

  @Option(help: "Test images to measure on.")
  var measure: Int = 1000

  @OptionGroup var record: RecordOption

  func validate() throws {
    try checkPositive("--batch-size", batchSize)
    try checkPositive("--measure", measure)
    try checkPositive("--epochs", epochs)
    try checkPositive("--learning-rate", learningRate)
    for beta in betas.values { try checkNotNegative("--betas", beta) }
  }

  func run() throws {
    let images = try data.load()
    var rows = CSVTable(
      notes: [commandLine, images.description.note],
      columns: ["beta", "images_seen", "kl"] + AutoencoderMeasurement.names)
    for beta in betas.values {
      let (measured, seen) = trained(beta, images)
      let rate = 256 * (measured["kl_per_number"] ?? .nan)
      rows.append(
        measured.merging(["beta": beta, "images_seen": Double(seen), "kl": rate]) { $1 })
      print(
        String(
          format: "β = %g: %.1f nats, absolute error %.1f, PSNR %.2f dB", beta, rate,
          measured["l1"] ?? .nan, measured["psnr_sampled"] ?? .nan))
      if let record = record.record { try rows.write(to: record) }
    }
  }

  /// Trains at `beta`; returns the measurements on test images and the number of images used.
  private func trained(_ beta: Double, _ images: TrainingData) -> ([String: Double], Int) {
    let sizes = levels.sizes
    let stage = AutoencoderStage(
      autoencoder: Autoencoder(
        .init(channels: sizes.channels, layersPerLevel: sizes.layers, groups: sizes.groups),
        generator: RandomGenerator(seed: seed)),
      images: images, variationalLoss: VariationalLoss(beta: beta))
    let order = BatchSampler(count: images.training.count, batchSize: batchSize, seed: seed)
    let steps = order.steps(epochs: epochs)
    let plan = TrainingPlan(
      length: .steps(steps), learningRate: learningRate, clipNorm: 3072, averageDecay: 0.99,
      seed: seed)
    let run = stage.run(plan, order: order)
    let bar = ProgressBar("β = \(beta)", total: steps)
    for _ in run { bar.advance() }
    bar.finish()
    let count = min(measure, images.test.count)
    let measured = run.withAverages {
      AutoencoderMeasurement(stage.autoencoder, images.test, count: count).values
    }
    return (measured, run.images)
  }
}
