import Autodiff
import Diffusion
import Models
import Networks
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct TimestepDistributionTests {
  @Test func stepsAreSampledInProportionToTheirWeights() {
    let distribution = TimestepDistribution.weighted([1, 0, 3])
    var generator = RandomGenerator(seed: 5)
    var counts = [0, 0, 0]
    for _ in 0..<20_000 { counts[distribution.sample(steps: 3, using: &generator) - 1] += 1 }
    #expect(counts[1] == 0)
    // Four standard errors of a share of 1/4 among 20,000.
    expect(Double(counts[0]) / 20_000, equals: 0.25, within: 4 * (0.1875 / 20_000).squareRoot())
  }

  @Test func importanceWeightsRestoreTheUniformMean() {
    let (losses, weights) = ([2.0, 5, 11], [0.2, 0.5, 0.3])
    let distribution = TimestepDistribution.weighted(weights)
    let mean = (1...3).reduce(0.0) { sum, t in
      sum + distribution.probability(of: t, steps: 3)
        * distribution.importanceWeight(of: t, steps: 3) * losses[t - 1]
    }
    expect(mean, equals: losses.reduce(0, +) / 3, within: 1e-14)
  }

  @Test func weightOfALossMultipliesIt() {
    let network = MLP(.init(width: 8, layers: 1), generator: RandomGenerator(seed: 1))
    let x0 = normal([6, 2], 3)
    func loss(_ weights: [Double]?) -> Double {
      let model = DiffusionModel(
        network, .linear(steps: 10), sampleShape: [2], lossWeights: weights)
      let batch = model.loss(x0, tape: Tape(), generator: RandomGenerator(seed: 4))
      return Double(batch.total.scalar)
    }
    let plain = loss(nil)
    // The weighted mean is summed in another order: a few roundings of single precision.
    expect(loss([Double](repeating: 1, count: 10)), equals: plain, relatively: 1e-6)
    expect(loss([Double](repeating: 3, count: 10)), equals: 3 * plain, relatively: 1e-6)
  }
}
