import Diffusion
import Probability
import TestSupport
import Testing

@Suite struct GaussianSamplerTests {
  @Test func ancestralSamplingWithTheOptimalVarianceIsExactForGaussianData() {
    let schedule = NoiseSchedule.linear(steps: 50, from: 1e-3, to: 0.4)
    let denoiser = GaussianDenoiser<Double>(mean: 1, variance: 0.25, schedule)
    let variance = ReverseVariance.optimal { t in denoiser.x0Variance(t) }
    let sampler = Sampler(
      .ancestral(variance: variance, addsFinalNoise: true), schedule: schedule)
    let samples = sampler.distribution(ofGaussianData: 1, variance: 0.25, schedule: schedule)
    expect(samples.mean, equals: 1, within: 0.01)
    expect(samples.variance, equals: 0.25, within: 0.001)
  }

  @Test func deterministicSamplingInOneStepGivesTheMeanOfTheData() {
    let schedule = NoiseSchedule.linear()
    let sampler = Sampler(.ddim(), schedule: schedule, timesteps: [1000])
    let samples = sampler.distribution(ofGaussianData: 2, variance: 1, schedule: schedule)
    expect(samples.mean, equals: 2, within: 0.02)
    expect(samples.variance, equals: schedule.alphaBar(1000), relatively: 0.01)
  }
}
