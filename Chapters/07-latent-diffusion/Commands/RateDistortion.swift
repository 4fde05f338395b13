import ArgumentParser
import Files
import Foundation
import Learning
import Networks
import Notebook
import Tensors

/// Trains a small autoencoder at several β and measures what each costs and gives.
struct RateDistortion: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate-distortion",
    abstract: "Train small autoencoders at several β, each for the same number of images.",
    discussion: """
      All start from the same weights and see the same images in the same order; nothing but β differs. \
      None is kept but its measurements.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "The values of β.")
  var betas: String = "0.0001,0.001,0.01,0.1,1"

  @Option(help: "Passes over the images for each.")
  var epochs: Double = 0.5

  @Option(help: "Images in an update.")
  var batchSize: Int = 64

  @Option(help: "Channels of the levels.")
  var channels: WholeNumbers = WholeNumbers([16, 32, 64])

  @Option(help: "Groups of the group norms.")
  var groups: Int = 8

  @Option(help: "The highest learning rate.")
  var learningRate: Double = 2e-3

  @Option(help: "The number that all random numbers follow from.")
  var seed: UInt64 = 0

  @Option(help: "Test images to measure on.")
  var measure: Int = 1000

  @Option(help: ArgumentHelp("A .csv file for the measurements.", valueName: "file"))
  var record: String?

  func validate() throws {
    try checkSizes("--channels", channels, groups: groups, option: "--groups")
    try checkPositive("--batch-size", batchSize)
    try checkPositive("--measure", measure)
    guard channels.values.count == 3 else {
      throw Failure(
        "--channels has \(channels.values.count) levels", remedy: "give three, as in 16,32,64")
    }
    guard epochs > 0, learningRate > 0 else {
      throw Failure(
        "--epochs is \(epochs) and --learning-rate \(learningRate)",
        remedy: "give numbers above 0")
    }
    _ = try values()
  }

  private func values() throws -> [Double] {
    let parts = betas.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0) }
    guard !numbers.isEmpty, numbers.count == parts.count, numbers.allSatisfy({ $0 >= 0 }) else {
      throw Failure("--betas is '\(betas)'", remedy: "give numbers, as in 0.001,0.01")
    }
    return numbers
  }

  func run() throws {
    let images = try data.load()
    print(images.announcement)
    var rows = EvaluationRecord(
      notes: [commandLine, images.description.note],
      columns: ["beta", "images_seen", "kl"] + AutoencoderMeasurement.names)
    for beta in try values() {
      let (measured, seen) = trained(beta, images)
      rows.append(
        measured.merging([
          "beta": beta, "images_seen": Double(seen),
          "kl": 256 * (measured["kl_per_number"] ?? .nan),
        ]) { $1 })
      print(
        String(
          format: "β = %g: %.1f nats, absolute error %.1f, PSNR %.2f dB", beta,
          256 * (measured["kl_per_number"] ?? .nan), measured["l1"] ?? .nan,
          measured["psnr_sampled"] ?? .nan))
      if let record { try rows.write(to: record) }
    }
  }

  /// What an autoencoder trained at `beta` does to test images, and how many images it saw.
  private func trained(_ beta: Double, _ images: TrainingData) -> ([String: Double], Int) {
    let autoencoder = Autoencoder(
      .init(channels: channels.values, groups: groups), generator: RandomGenerator(seed: seed))
    let order = EpochOrder(count: images.training.count, batchSize: batchSize, seed: seed)
    let plan = TrainingPlan(
      length: .steps(order.steps(epochs: epochs)), learningRate: learningRate, clipNorm: 3072,
      averageDecay: 0.99, seed: seed)
    let run = TrainAutoencoder.run(
      autoencoder, plan: plan, order: order, images: images.training,
      loss: VariationalLoss(beta: beta))
    let bar = ProgressBar("β = \(beta)", total: order.steps(epochs: epochs))
    for _ in run { bar.advance() }
    bar.finish()
    let measured = run.withAverages {
      AutoencoderMeasurement(
        autoencoder, images.test, count: min(measure, images.test.count)
      ).values
    }
    return (measured, run.images)
  }
}
