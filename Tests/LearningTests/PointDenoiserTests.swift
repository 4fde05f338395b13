import Autodiff
import Diffusion
import Foundation
import Probability
import Tensors
import Testing

@testable import Learning
import Models

/// Two round Gaussians in the plane, one per class.
private let mixture = MultivariateMixture([
  .init(mean: [-1, 0], standardDeviation: 0.3, label: 0),
  .init(mean: [1, 0.5], standardDeviation: 0.3, label: 1),
])

/// One of the Gaussians, as a distribution without classes.
private func component(_ label: Int) -> MultivariateMixture {
  MultivariateMixture([.init(mean: mixture.components[label].mean, standardDeviation: 0.3)])
}

private let data = TrainingPoints(mixture, count: 4096, seed: 9)

private func configuration(_ edit: (inout PointDenoiser.Configuration) -> Void = { _ in })
  -> PointDenoiser.Configuration
{
  PointDenoiser.Configuration {
    $0.updates = 300
    $0.batchSize = 128
    $0.width = 32
    $0.layers = 2
    edit(&$0)
  }
}

/// The mean over some steps of the squared distance from the exact noise.
private func excess(
  _ denoiser: some Denoiser<PointSet>, _ data: MultivariateMixture,
  schedule: NoiseSchedule = .linear()
) -> Double {
  var streams = RandomStreams(seed: 77, count: 1000)
  let (points, _) = data.samples(using: &streams)
  let exact = ExactDenoiser(data, schedule)
  let diffusion = GaussianDiffusion(schedule)
  let times = [20, 100, 250, 500, 900]
  return times.reduce(0) { sum, t in
    let errors = diffusion.noiseErrors(of: denoiser, from: exact, on: points, t: t, using: streams)
    return sum + errors.reduce(0, +) / Double(errors.count * times.count)
  }
}

@Test(arguments: [Prediction.noise, .x0, .v, .mean])
func trainingApproachesTheExactNoiseForEveryPrediction(_ prediction: Prediction) {
  let untrained = PointDenoiser(configuration { $0.prediction = prediction }, for: data)
  let trained = PointDenoiser.trained(on: data, untrained.configuration)
  #expect(trained.losses.count == 300)
  // A velocity of 0 is exact for standard Gaussian data, and the mean depends little on the noise.
  let limits: [Prediction: Double] = [.noise: 0.3, .x0: 0.3, .v: 0.7, .mean: 0.9]
  let limit = limits[prediction]!
  #expect(excess(trained, mixture) < limit * excess(untrained, mixture))
}

@Test func theSameSeedTrainsTheSameNetworkAloneOrInParallel() {
  let short = configuration { $0.updates = 20 }
  let configurations = [short, short.with { $0.seed = 5 }]
  let together = PointDenoiser.trained(on: data, configurations)
  for (configuration, trained) in zip(configurations, together) {
    let alone = PointDenoiser.trained(on: data, configuration)
    #expect(alone.losses == trained.losses)
    for (a, b) in zip(alone.network.parameters, trained.network.parameters) {
      #expect(a.value.elements == b.value.elements)
    }
  }
  #expect(together[0].losses != together[1].losses)
}

@Test func aConditionalDenoiserApproachesBothConditionalAndUnconditionalNoise() {
  let trained = PointDenoiser.trained(on: data, configuration { $0.dropProbability = 0.2 })
  #expect(trained.nullLabel == 2)
  #expect(excess(trained, mixture) < 0.05)
  for label in 0...1 {
    let labels = [Int](repeating: label, count: 1000)
    let conditional = FunctionDenoiser<PointSet> { trained.noise($0, t: $1, labels: labels) }
    let unconditional = excess(trained, component(label))
    #expect(excess(conditional, component(label)) < 0.5 * unconditional)
  }
}

@Test func predictionsDoNotDependOnOtherEntriesOfTheBatch() {
  let denoiser = PointDenoiser(
    configuration {
      $0.dropProbability = 0.2
      $0.fourierFrequencies = 3
    }, for: data)
  var streams = RandomStreams(seed: 3, count: 3000)
  let points = streams.normalPoints(dimensions: 2)
  let labels = (0..<3000).map { $0 % 3 }
  let all = denoiser.noise(points, t: 400, labels: labels)
  let unconditional = denoiser.noise(points, t: 400)
  let inSinglePrecision = PointSet(denoiser.network(points.tensor, t: [400], labels: labels))
  #expect(inSinglePrecision.meanSquares(awayFrom: all).max()! < 1e-10)
  for i in [0, 1, 2, 1023, 1024, 2999] {
    let alone = denoiser.noise(points.entries(i..<i + 1), t: 400, labels: [labels[i]])
    #expect(alone.meanSquares(awayFrom: all.entries(i..<i + 1))[0] < 1e-10)
    if labels[i] == denoiser.nullLabel {
      #expect(unconditional.entries(i..<i + 1).meanSquares(awayFrom: alone)[0] < 1e-10)
    }
  }
}

@Test func lossDependsOnItsWeightsAndOnTheStep() {
  func loss(_ edit: (inout PointDenoiser.Configuration) -> Void) -> Double {
    let denoiser = PointDenoiser(configuration(edit), for: data)
    let rows = Array(0..<256)
    let batch = denoiser.model.loss(
      data.points.rows(rows), labels: rows.map { data.labels[$0] }, tape: Tape(),
      generator: RandomGenerator(seed: 2))
    return Double(batch.total.scalar)
  }
  let plain = loss { $0.timesteps = .fixed(700) }
  let weighted = loss { configuration in
    configuration.timesteps = .fixed(700)
    configuration.lossWeight = { $0 == 700 ? 3 : 0 }
  }
  #expect(abs(weighted - 3 * plain) < 1e-5 * plain)
  #expect(loss { $0.lossWeight = { $0 > 0 ? 0 : 1 } } == 0)
}

@Test func theNoiseLossOfTheExactDenoiserIsMinimal() {
  let schedule = NoiseSchedule.linear()
  let mixture = GaussianMixture.three
  var streams = RandomStreams(seed: 1, count: 40_000)
  let (points, _) = mixture.samples(using: &streams)
  let exact = ExactDenoiser(mixture, schedule)
  for t in [10, 200, 600] {
    let errors = Moments(
      GaussianDiffusion(schedule).noiseErrors(of: exact, on: points, t: t, using: streams))
    let floor = mixture.noisyMarginal(schedule, to: t).noiseLossFloor
    #expect(abs(errors.mean - floor) < 4 * errors.meanError)
  }
}
