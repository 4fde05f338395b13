import Diffusion
import Foundation
import Probability
import TestSupport
import Testing

/// The regression tests of the library that most people sample with, run on the course's samplers.
@Suite struct CommonLibraryTests {
  /// Their betas are rounded to single precision.
  static func schedule(from first: Float = 1e-4) -> NoiseSchedule {
    NoiseSchedule(betas: (0..<1000).map { Double(first + (0.02 - first) * Float($0) / 999) })
  }

  let schedule = CommonLibraryTests.schedule()

  /// Their model: x t / (t + 1) with t counted from 0.
  let model = FunctionDenoiser<TorchSample> { x, t in
    .sum((Double(t - 1) / Double(t), x))
  }

  /// Their start: 0 … n - 1 over n, laid out as (channel, row, column, image), then image first.
  var start: TorchSample {
    let n = 4 * 3 * 8 * 8
    let values = (0..<4).flatMap { image in
      (0..<192).map { Double($0 * 4 + image) / Double(n) }
    }
    return TorchSample(points: PointSet(values), generator: TorchGenerator(seed: 0))
  }

  @Test func generatorIsPyTorchs() {
    let words = TorchGenerator(seed: 0)
    #expect(
      (0..<4).map { _ in words.next() } == [
        2_357_136_044, 2_546_248_239, 3_071_714_933, 3_626_093_760,
      ])
    let normals = TorchGenerator(seed: 0).normal(16)
    for (value, expected) in zip(normals, [-1.1258398, -1.1523602, -0.2505786, -0.4338788]) {
      expect(value, equals: expected, within: 1e-6)
    }
  }

  @Test func ancestralSamplingGivesTheirNumbers() {
    let sampler = Sampler(.ancestral(), schedule: schedule, clip: .images)
    let x0 = sampler.sample(from: start, denoiser: model, using: RandomStreams(seed: 0, count: 1))
    let sizes = x0.points.values.map { abs($0) }
    expect(sizes.reduce(0, +), equals: 258.9606, within: 1e-2)
    expect(sizes.reduce(0, +) / 768, equals: 0.3372, within: 1e-3)
  }

  @Test func deterministicSamplingGivesTheirNumbers() {
    let sampler = Sampler(
      .ddim(), schedule: schedule, timesteps: schedule.timesteps(10, spacing: .leading),
      clip: Clip(recomputesNoise: false))
    let x0 = sampler.sample(from: start, denoiser: model, using: RandomStreams(seed: 0, count: 1))
    let sizes = x0.points.values.map { abs($0) }
    expect(sizes.reduce(0, +), equals: 172.0067, within: 1e-2)
    expect(sizes.reduce(0, +) / 768, equals: 0.223967, within: 1e-3)
  }

  /// The same function, taken as a prediction of the velocity.
  func velocityModel(_ schedule: NoiseSchedule) -> FunctionDenoiser<TorchSample> {
    let diffusion = GaussianDiffusion(schedule)
    return FunctionDenoiser { x, t in
      let v = TorchSample.sum((Double(t - 1) / Double(t), x))
      return diffusion.convert(v, from: .v, to: .noise, xt: x, t: t)
    }
  }

  func expectSizes(_ x0: TorchSample, sum: Double, mean: Double) {
    let sizes = x0.points.values.map { abs($0) }
    expect(sizes.reduce(0, +), equals: sum, within: 1e-2)
    expect(sizes.reduce(0, +) / 768, equals: mean, within: 1e-3)
  }

  @Test func velocityPredictionGivesTheirNumbers() {
    let ancestral = Sampler(.ancestral(), schedule: schedule, clip: .images)
    expectSizes(
      ancestral.sample(
        from: start, denoiser: velocityModel(schedule), using: RandomStreams(seed: 0, count: 1)),
      sum: 202.0296, mean: 0.2631)
    let deterministic = Sampler(
      .ddim(), schedule: schedule, timesteps: schedule.timesteps(10, spacing: .leading),
      clip: Clip(recomputesNoise: false))
    expectSizes(
      deterministic.sample(
        from: start, denoiser: velocityModel(schedule), using: RandomStreams(seed: 0, count: 1)),
      sum: 52.5302, mean: 0.0684)
  }

  @Test func anEndAtTheDataGivesTheirNumbersForALargeFirstBeta() {
    let schedule = Self.schedule(from: 0.01)
    let sampler = Sampler(
      .ddim(), schedule: schedule, timesteps: schedule.timesteps(10, spacing: .leading),
      clip: Clip(recomputesNoise: false))
    expectSizes(
      sampler.sample(from: start, denoiser: model, using: RandomStreams(seed: 0, count: 1)),
      sum: 149.8295, mean: 0.1951)
  }

  @Test func ancestralVariancesAreTheirs() {
    for (index, value) in [(0, 0.0), (487, 0.00979), (999, 0.02)] {
      expect(schedule.posteriorVariance(index + 1), equals: value, within: 1e-5)
    }
  }
}
