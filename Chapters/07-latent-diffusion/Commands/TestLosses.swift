import ArgumentParser
import Diffusion
import Foundation
import Learning
import Networks
import Notebook
import Tensors

/// Measures the denoiser's loss by t on images that it was not trained on.
struct TestLosses: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test-losses",
    abstract: "Measure the denoiser's loss at several t on latents of test images.",
    discussion: """
      Beside the averaged weights stand the last ones, which a run keeps in its checkpoint, and the best \
      denoisers that take the latents for normal: for independent numbers of variance one, and for \
      numbers with the covariances of the training images' latents.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Test images to measure on.")
  var count: Int = 1000

  @Option(help: "Times to measure at.")
  var times: Int = 20

  @Option(help: ArgumentHelp("A .csv file for the measurements.", valueName: "file"))
  var record: String?

  @Option(help: ArgumentHelp("A run of train-denoiser.", valueName: "run"))
  var weights: String = "runs/denoiser"

  func validate() throws {
    try checkPositive("--count", count)
    try checkPositive("--times", times)
  }

  func run() throws {
    let folder = try RunFolder(opening: weights, stage: "denoiser")
    let model = try LatentDiffusionModel(loading: weights)
    let images = try data.load()
    print(images.announcement)
    let count = min(count, images.test.count)
    let labels = Array(images.test.labels.prefix(count))
    let cache = LatentCache(
      encoding: labels, with: model.autoencoder, images: { images.test.tensor(Array($0)) })
    let latents = cache.latents(
      Array(0..<count), scale: model.settings.latentScale, generator: RandomGenerator(seed: 1))
    let steps = model.settings.steps
    let at = (0..<times).map { max(1, steps * (2 * $0 + 1) / (2 * times)) }
    let loss = model.loss()
    func profile(_ network: UNet) -> [Double] {
      let bar = ProgressBar("measuring", total: at.count)
      defer { bar.finish() }
      return at.flatMap { t in
        defer { bar.advance() }
        return loss.profile(
          network, latents: latents, labels: labels, times: [t], generator: RandomGenerator(seed: 2)
        )
      }
    }
    let averaged = profile(model.denoiser)
    let last = profile(try lastWeights(folder, model))
    let training = try LatentStore(weights, images, model.autoencoder).cache()
    let variances = try Self.variances(training, scale: model.settings.latentScale)
    try write(at, averaged, last, variances, model.settings.schedule)
  }

  /// The variances of scaled latents along their principal directions.
  private static func variances(_ latents: LatentCache, scale: Double) throws -> [Double] {
    let width = latents.means.count / latents.count
    var covariance = Covariance(width: width)
    for start in stride(from: 0, to: latents.count, by: 2000) {
      let range = start..<min(start + 2000, latents.count)
      covariance.add(latents.means.slice(range).reshaped([range.count, width]))
    }
    var matrix = covariance.matrix
    let spread = latents.deviations.reshaped([latents.count, width])
    for (i, square) in (spread * spread).mean(axes: [0]).elements.enumerated() {
      matrix.elements[i * width + i] += Double(square)
    }
    return try matrix.symmetricEigen().values.map { $0 * scale * scale }
  }

  /// The denoiser with the weights of the newest checkpoint as the optimizer left them.
  private func lastWeights(_ folder: RunFolder, _ model: LatentDiffusionModel) throws -> UNet {
    let network = UNet(model.settings.network, generator: RandomGenerator(seed: 0))
    let plan = try folder.configuration(as: DenoiserRun.self).settings.plan
    let run = TrainingRun(network.parameters, plan: plan) { _, _, _ in
      fatalError("this run only lends its weights")
    }
    try folder.restore(run)
    return network
  }

  private func write(
    _ at: [Int], _ averaged: [Double], _ last: [Double], _ variances: [Double],
    _ schedule: NoiseSchedule
  ) throws {
    var rows = EvaluationRecord(
      notes: [commandLine], columns: ["t", "averaged", "last", "covariance", "normal"])
    for (index, t) in at.enumerated() {
      // A normal number of variance v leaves the share of v in the variance of its noisy version.
      let (signal, noise) = (schedule.alphaBar(t), schedule.noiseVariance(t))
      let shares = variances.map { signal * $0 / (signal * $0 + noise) }
      let correlated = shares.reduce(0, +) / Double(shares.count)
      rows.append([
        "t": Double(t), "averaged": averaged[index], "last": last[index],
        "covariance": correlated, "normal": signal,
      ])
      print(
        String(
          format: "t = %4d: %.4f averaged, %.4f last, %.4f with covariances, %.4f normal", t,
          averaged[index], last[index], correlated, signal))
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    print(
      String(
        format: "mean over t: %.4f averaged, %.4f last, %.4f with covariances, %.4f normal",
        mean(averaged), mean(last), mean(rows["covariance"]), mean(rows["normal"])))
    if let record { try rows.write(to: record) }
  }
}
