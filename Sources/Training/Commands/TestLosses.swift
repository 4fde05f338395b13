import ArgumentParser
import Diffusion
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Notebook
import Probability
import Tensors

/// Measures the denoiser's loss by t on test images.
struct TestLosses: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test-losses",
    abstract: "Measure the denoiser's loss at several t on latents of test images.",
    discussion: """
      Beside the averaged weights stand the last ones, which a run keeps in its checkpoint, and the \
      best denoisers of Gaussian latents: of independent ones of variance one, and of ones with the \
      covariance of the training images' latents.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Test images to measure on.")
  var count: Int = 1000

  @Option(
    name: [.customLong("timesteps"), .customLong("times")],
    help: "The number of timesteps t to measure at.")
  var timesteps: Int = 20

  @OptionGroup var record: RecordOption

  @Option(help: ArgumentHelp("A run of train-denoiser.", valueName: "run"))
  var weights: String = "runs/denoiser"

  func validate() throws {
    try checkPositive("--count", count)
    try checkPositive("--timesteps", timesteps)
  }

  func run() throws {
    let folder = try RunFolder(opening: weights, stage: .denoiser)
    let model = try LatentDiffusionModel(loading: weights)
    let images = try data.load()
    let test = LatentCache.ofTestImages(images.test, count: count, model: model)
    let timesteps = LossByTimestep.middles(timesteps, of: model.schedule.steps)
    func losses(_ denoiser: DiffusionModel<UNet>) -> [Double] {
      let bar = ProgressBar("measuring", total: timesteps.count)
      defer { bar.finish() }
      return timesteps.flatMap { t in
        defer { bar.advance() }
        return denoiser.noiseErrors(
          on: test.latents, labels: test.labels, at: [t], generator: RandomGenerator(seed: 2))
      }
    }
    let averaged = losses(model.denoiser)
    let last = losses(try lastWeights(folder, model))
    let training = try LatentCache.readOrCompute(in: weights, images, model.autoencoder)
    let variances = try Self.variances(training, scale: model.latentScale)
    try report(timesteps, averaged, last, variances, model.schedule)
  }

  /// The variances of scaled latents along their principal directions.
  private static func variances(_ latents: LatentCache, scale: Double) throws -> [Double] {
    let width = latents.means.count / latents.count
    var moments = VectorMoments(width: width)
    for start in stride(from: 0, to: latents.count, by: 2000) {
      let range = start..<min(start + 2000, latents.count)
      moments.add(latents.means.slice(range).reshaped([range.count, width]))
    }
    var matrix = moments.covariance
    let spread = latents.standardDeviations.reshaped([latents.count, width])
    for (i, variance) in (spread * spread).mean(axes: [0]).elements.enumerated() {
      matrix.elements[i * width + i] += Double(variance)
    }
    return try matrix.lapackSymmetricEigen().values.map { $0 * scale * scale }
  }

  /// The denoiser with the weights of the newest checkpoint as the optimizer left them.
  private func lastWeights(_ folder: RunFolder, _ model: LatentDiffusionModel)
    throws -> DiffusionModel<UNet>
  {
    let model = DiffusionModel<UNet>(model.configuration.denoiser, seed: 0)
    let plan = try folder.configuration(as: DenoiserConfiguration.self).settings.plan
    let run = TrainingRun(model.network.parameters, plan: plan) { _, _, _ in
      fatalError("this run is not trained")
    }
    try folder.restore(run)
    return model
  }

  private func report(
    _ timesteps: [Int], _ averaged: [Double], _ last: [Double], _ variances: [Double],
    _ schedule: NoiseSchedule
  ) throws {
    let columns = ["averaged", "last", "covariance", "normal"]
    var rows = CSVTable(notes: [commandLine], columns: ["t"] + columns)
    func line(_ values: [Double]) -> String {
      String(
        format: "%.4f averaged, %.4f last, %.4f with covariances, %.4f independent", values[0],
        values[1], values[2], values[3])
    }
    for (index, t) in timesteps.enumerated() {
      // A Gaussian of variance v keeps the share of v in the variance of its noisy version.
      let (signal, noise) = (schedule.alphaBar(t), schedule.noiseVariance(t))
      let shares = variances.map { signal * $0 / (signal * $0 + noise) }
      let correlated = shares.reduce(0, +) / Double(shares.count)
      let values = [averaged[index], last[index], correlated, signal]
      rows.append(Dictionary(uniqueKeysWithValues: zip(["t"] + columns, [Double(t)] + values)))
      print(String(format: "t = %4d: ", t) + line(values))
    }
    print("mean over t: " + line(columns.map { rows[$0].reduce(0, +) / Double(timesteps.count) }))
    if let record = record.record { try rows.write(to: record) }
  }
}
