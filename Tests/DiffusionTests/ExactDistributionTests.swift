import Diffusion
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct GaussianMixtureTests {
  let three = GaussianMixture.three
  let linear = NoiseSchedule.linear()

  @Test func theMixtureOfThreeIsStandardized() {
    expect(three.mean, equals: 0, within: 1e-15)
    expect(three.variance, equals: 1, within: 1e-15)
    expect(three.expectation { $0 * $0 }, equals: 1, within: 1e-12)
    expect(three.expectation { _ in 1 }, equals: 1, within: 1e-13)
  }

  @Test func quantileInvertsTheDistributionFunction() {
    for p in [1e-9, 1e-4, 0.05, 0.2999, 0.3001, 0.5, 0.77, 0.999, 1 - 1e-9] {
      expect(three.cdf(three.quantile(p)), equals: p, within: 1e-14)
      expect(StandardNormal.cdf(StandardNormal.quantile(p)), equals: p, relatively: 1e-14)
    }
  }

  @Test func divergenceIsThatOfGaussiansAndZeroFromItself() {
    let (p, q) = (GaussianMixture.gaussian(mean: 1, variance: 0.25), GaussianMixture.gaussian())
    expect(
      p.divergence(from: q),
      equals: gaussianKLDivergence(mean: 1, variance: 0.25, fromMean: 0, variance: 1),
      within: 1e-12)
    expect(three.divergence(from: three), equals: 0, within: 0)
    #expect(three.divergence(from: q) > 0.1)
  }

  @Test func theMostProbableLabelIsThatOfTheNearerMean() {
    let two = GaussianMixture.twoClasses
    #expect([-3, -0.1, 0.1, 2].map(two.predictedLabel) == [0, 0, 1, 1])
  }

  @Test func scoreIsTheDerivativeOfTheLogDensity() {
    let h = 1e-5
    for x in [-2.2, -1, 0, 0.31, 1.9] {
      let slope = (three.logDensity(x + h) - three.logDensity(x - h)) / (2 * h)
      expect(three.score(x), equals: slope, within: 1e-7)
    }
  }

  @Test func posteriorMomentsAgreeWithQuadrature() {
    let x = 0.37
    for t in [10, 200, 700] {
      let marginal = three.noisyMarginal(linear, to: t)
      let (signal, scale) = (linear.signalScale(t), linear.noiseScale(t))
      func joint(_ x0: Double) -> Double {
        three.density(x0) * StandardNormal.density((x - signal * x0) / scale)
      }
      func integral(_ body: (Double) -> Double) -> Double {
        GaussLegendre.standard.integrate(from: -4, to: 4, panels: 400) { joint($0) * body($0) }
      }
      let mass = integral { _ in 1 }
      let mean = integral { $0 } / mass
      expect(marginal.x0Mean(x), equals: mean, within: 1e-10)
      expect(
        marginal.x0Variance(x), equals: integral { ($0 - mean) * ($0 - mean) } / mass, within: 1e-10
      )
      expect(marginal.noiseMean(x), equals: (x - signal * mean) / scale, within: 1e-9)
      expect(marginal.marginal.density(x), equals: mass / scale, within: 1e-10)
      // Tweedie's formula.
      expect(
        marginal.x0Mean(x), equals: (x + linear.noiseVariance(t) * marginal.score(x)) / signal,
        within: 1e-10)
    }
  }

  @Test func minimalLossesHaveTheirTabulatedValues() {
    let table: [(Int, Double, Double)] = [
      (1, 0.9965, 0.0001), (10, 0.9402, 0.0018), (50, 0.6389, 0.0191), (100, 0.6208, 0.0713),
      (200, 0.5783, 0.2992), (400, 0.1942, 0.8009), (600, 0.0259, 0.9741), (800, 0.0015, 0.9985),
      (1000, 0, 1),
    ]
    for (t, noiseLoss, x0Loss) in table {
      let marginal = three.noisyMarginal(linear, to: t)
      expect(marginal.noiseLossFloor, equals: noiseLoss, within: 6e-5, "t = \(t)")
      expect(marginal.x0LossFloor, equals: x0Loss, within: 6e-5, "t = \(t)")
    }
  }

  @Test func minimalNoiseLossOfGaussianDataHasItsClosedForm() {
    for (variance, floor) in [(1.0, 0.27551323), (0.25, 0.17305341), (4, 0.39540695)] {
      let data = GaussianMixture.gaussian(variance: variance)
      let mean =
        (1...1000).reduce(0.0) { sum, t in
          let kept = linear.alphaBar(t) * variance
          return sum + kept / (kept + linear.noiseVariance(t))
        } / 1000
      expect(mean, equals: floor, within: 1e-8)
      let t = 321
      let kept = linear.alphaBar(t) * variance
      expect(
        data.noisyMarginal(linear, to: t).noiseLossFloor,
        equals: kept / (kept + linear.noiseVariance(t)), within: 1e-12)
    }
  }

  @Test func informationIsHalfTheLogOfOnePlusSNRForGaussianData() {
    let unit = GaussianMixture.gaussian()
    for (t, value) in [(1, 4.6052), (100, 1.1366), (500, 0.04092), (1000, 2.018e-5)] {
      let information = unit.noisyMarginal(linear, to: t).information
      expect(information, equals: 0.5 * log1p(linear.snr(t)), within: 1e-10)
      expect(information, equals: value, relatively: 1e-4)
    }
  }

  @Test func informationOfAMixtureDecreases() {
    let values = stride(from: 1, through: 1000, by: 37).map {
      three.noisyMarginal(linear, to: $0).information
    }
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 > $1 })
    #expect(values.last! < 1e-3)
  }

  @Test func bayesRuleHoldsForScores() {
    let data = GaussianMixture.twoClasses
    for t in [5, 200, 800] {
      let marginal = data.noisyMarginal(linear, to: t)
      for (x, label) in [(-0.7, 0), (0.2, 1), (2.1, 0)] {
        let conditional = data.restricted(to: label).noisyMarginal(linear, to: t)
        expect(
          conditional.score(x), equals: marginal.score(x) + marginal.labelScore(x, label: label),
          within: 1e-12)
        let h = 1e-5
        let slope =
          (log(marginal.labelProbabilities(x + h)[label])
            - log(marginal.labelProbabilities(x - h)[label])) / (2 * h)
        expect(marginal.labelScore(x, label: label), equals: slope, within: 1e-7)
      }
      let (x, probabilities) = (0.4, marginal.labelProbabilities(0.4))
      let average = (0...1).reduce(0.0) {
        $0 + probabilities[$1] * data.restricted(to: $1).noisyMarginal(linear, to: t).noiseMean(x)
      }
      expect(marginal.noiseMean(x), equals: average, within: 1e-12)
    }
  }

  @Test func denoiserOfPointSetsAgreesWithTheScalarFormula() {
    let xs = stride(from: -3.0, through: 3, by: 0.01).map { $0 }
    let denoiser = ExactDenoiser(three, linear)
    let two = ExactDenoiser(GaussianMixture.twoClasses, linear)
    for t in [1, 60, 900] {
      let noise = denoiser.noise(PointSet(xs), t: t)
      let marginal = three.noisyMarginal(linear, to: t)
      for (x, value) in zip(xs, noise.values) {
        expect(value, equals: marginal.noiseMean(x), within: 1e-10)
      }
      let labels = xs.indices.map { $0 % 3 }
      let conditional = two.noise(PointSet(xs), t: t, labels: labels)
      for i in xs.indices {
        let distribution =
          labels[i] == 2 ? two.distribution : two.distribution.restricted(to: labels[i])
        expect(
          conditional.values[i], equals: distribution.noisyMarginal(linear, to: t).noiseMean(xs[i]),
          within: 1e-10)
      }
    }
    let affine = GaussianDenoiser<PointSet>(mean: 1, variance: 0.25, linear)
    let mixture = ExactDenoiser(GaussianMixture.gaussian(mean: 1, variance: 0.25), linear)
    for (a, b) in zip(
      affine.noise(PointSet(xs), t: 300).values, mixture.noise(PointSet(xs), t: 300).values)
    {
      expect(a, equals: b, within: 1e-13)
    }
  }

  @Test func samplesFollowTheDistribution() {
    var streams = RandomStreams(seed: 3, count: 40_000)
    let (points, labels) = three.samples(using: &streams)
    let gap = Distance.kolmogorov(points.values, cdf: three.cdf)
    #expect(gap < 1.95 / 200)
    let counts = (0..<3).map { label in labels.filter { $0 == label }.count }
    let chance = Distance.chiSquareChance(
      Distance.chiSquare(counts: counts, expected: [12000, 12000, 16000]), degreesOfFreedom: 2)
    #expect(chance > 1e-3)
  }
}
