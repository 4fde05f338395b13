import Autodiff
import Diffusion
import Networks
import Probability
import Tensors
import Testing

@testable import Learning
import Models

/// A model of 8x8 images that is trained in a second.
private func tinyModel(classes: Int? = nil, startsAtZero: Bool = true) -> DiffusionModel<UNet> {
  DiffusionModel(tinyConfiguration(classes: classes, startsAtZero: startsAtZero), seed: 3)
}

private func tinyConfiguration(
  classes: Int? = nil, startsAtZero: Bool = true
) -> DiffusionModel<UNet>.Configuration {
  var settings = DiffusionModel<UNet>.Configuration.smallImages(channels: 1, classes: classes)
  settings.network.channels = [8, 16]
  settings.network.attention = [false, true]
  settings.network.headWidth = 8
  settings.network.groups = 4
  settings.network.startsAtZero = startsAtZero
  settings.size = 8
  settings.steps = 50
  settings.lastBeta = 0.3
  return settings
}

/// Constant images: dark ones of class 0, bright ones of class 1.
private let shades = Tensor(
  (0..<20).flatMap { i in [Float](repeating: i.isMultiple(of: 2) ? -0.8 : 0.8, count: 64) },
  shape: [20, 1, 8, 8])
private let classesOfShades = (0..<20).map { $0 % 2 }

private func plan(steps: Int) -> TrainingPlan { .small(steps: steps, seed: 5) }

@Suite struct DiffusionModelTests {
  @Test func theUntrainedNetworkPredictsZero() {
    for classes in [nil, 10] {
      let model = DiffusionModel<UNet>(.smallImages(classes: classes), seed: 1)
      var random = RandomGenerator(seed: 2)
      let xt = Tensor.normal(model.shape(2), using: &random)
      let output = model.network(xt, t: [700], labels: classes.map { [$0, 3] })
      #expect(output.shape == [2, 1, 16, 16])
      #expect(output.norm() == 0)
      #expect(model.noise(xt, t: 700).shape == xt.shape)
    }
  }

  @Test func predictionWithoutLabelsUsesTheNullLabel() {
    let model = tinyModel(classes: 2, startsAtZero: false)
    var random = RandomGenerator(seed: 4)
    let xt = Tensor.normal(model.shape(3), using: &random)
    #expect(model.nullLabel == 2)
    #expect(model.noise(xt, t: 9) == model.noise(xt, t: 9, labels: [2, 2, 2]))
    #expect(model.noise(xt, t: 9) != model.noise(xt, t: 9, labels: [0, 2, 2]))
    let plain = tinyModel(startsAtZero: false)
    #expect(plain.noise(xt, t: 9) == plain.noise(xt, t: 9, labels: [0, 0, 0]))
  }

  @Test func trainingDecreasesTheLossAndDependsOnlyOnTheSeed() {
    func losses(_ steps: Int) -> [Double] {
      let model = tinyModel(classes: 2)
      let run = model.training(
        on: shades, labels: classesOfShades, plan: plan(steps: 150), batchSize: 16)
      return run.prefix(steps).map(\.loss)
    }
    let first = losses(150)
    // The untrained network predicts 0, so its loss is the mean square of the velocity, between 0.64
    // for the images and 1 for the noise, with a standard error of a few hundredths.
    #expect(first[0] > 0.5 && first[0] < 1.15)
    #expect(first.suffix(30).reduce(0, +) / 30 < 0.25)
    #expect(losses(4) == Array(first.prefix(4)))
  }

  /// Parallel trainings share only the pool of buffers and the threads.
  @Test func parallelTrainingsAgreeWithASingleOne() async {
    @Sendable func losses() -> [Double] {
      let model = tinyModel(classes: 2)
      let run = model.training(
        on: shades, labels: classesOfShades, plan: plan(steps: 120), batchSize: 16)
      return run.map(\.loss)
    }
    let alone = losses()
    let together = await withTaskGroup(of: [Double].self, returning: [[Double]].self) { group in
      for _ in 0..<4 { group.addTask { losses() } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let agreeing = together.filter { $0 == alone }.count
    #expect(agreeing == 4)
  }

  @Test func samplesHaveTheClassesOfTheirLabels() {
    let model = tinyModel(classes: 2)
    let run = model.training(
      on: shades, labels: classesOfShades, plan: plan(steps: 300), batchSize: 16)
    var updates = 0
    let losses = run.finish { _ in updates += 1 }
    #expect(losses.count == 300 && updates == 300 && losses[299] < losses[0])
    for (parameter, average) in zip(model.network.parameters, run.average.averages) {
      #expect(parameter.value == average)
    }
    let sampler = Sampler(.ddim(), schedule: model.schedule, clip: .images)
    let labels = [0, 1, 0, 1, 1]
    let images = model.sample(labels: labels, scale: 1.5, with: sampler, seed: 8)
    for (place, label) in labels.enumerated() {
      let shade = images.slice(place..<place + 1).mean()
      #expect(abs(shade - (label == 0 ? -0.8 : 0.8)) < 0.2, "\(label): \(shade)")
    }
  }

  @Test func everyPredictionIsConvertedToTheNoise() {
    // An untrained network predicts 0. For the velocity this corresponds to the noise
    // sqrt(1 - alphaBar) x_t, for x0 to x_t / sqrt(1 - alphaBar).
    var random = RandomGenerator(seed: 9)
    for (prediction, power) in [(Prediction.v, 1.0), (.x0, -1)] {
      var settings = tinyConfiguration()
      settings.prediction = prediction
      let model = DiffusionModel<UNet>(settings, seed: 1)
      let xt = Tensor.normal(model.shape(2), using: &random)
      let scale = power > 0 ? model.schedule.noiseScale(30) : 1 / model.schedule.noiseScale(30)
      #expect(model.noise(xt, t: 30).largestDifference(from: Float(scale) * xt) < 1e-5)
      // After training, the converted prediction approximates the noise.
      let run = model.training(on: shades, plan: plan(steps: 200), batchSize: 16)
      run.finish()
      let errors = model.noiseErrors(on: shades, at: [25], generator: RandomGenerator(seed: 1))
      #expect(errors[0] < 0.5, "\(prediction): \(errors)")
    }
  }

  @Test func anImageIsTheSameAloneAndInASheet() {
    let model = LatentDiffusionModel(
      autoencoder: nil, network: tinyModel(classes: 2, startsAtZero: false).network,
      configuration: .init(
        denoiser: tinyConfiguration(classes: 2, startsAtZero: false), latentScale: nil,
        classes: ["dark", "bright"]))
    var request = SampleRequest(labels: [0, 1, 1, 0], steps: 5, guidanceScale: 2, seed: 4)
    let sheet = request.images(from: model)
    for size in [1, 3] {
      request.batchSize = size
      #expect(request.images(from: model) == sheet)
    }
  }

  @Test func aSampleDependsOnItsIndexAndNotOnItsBatch() {
    let model = tinyModel(classes: 2, startsAtZero: false)
    let sampler = Sampler(
      .ancestral(), schedule: model.schedule, timesteps: [5, 20, 50], clip: .images)
    let together = model.sample(5, with: sampler, seed: 6)
    #expect(together.shape == [5, 1, 8, 8])
    for size in [1, 2, 3] {
      #expect(model.sample(5, with: sampler, seed: 6, batchSize: size) == together)
    }
    #expect(together.largestDifference(from: model.sample(5, with: sampler, seed: 7)) > 0.1)
    let unguided = model.sample(
      labels: [0, 1, 0, 1, 1], scale: 0, with: sampler, seed: 6)
    #expect(together.largestDifference(from: unguided) < 1e-5)
  }
}
