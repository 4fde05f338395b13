import Diffusion
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct GaussianDiffusionTests {
  let schedule = NoiseSchedule.linear()
  let diffusion = GaussianDiffusion(.linear())

  @Test func forwardChainHasTheMarginalsInClosedForm() {
    // x0 is a constant, so all randomness is in the loadings.
    let chain = diffusion.chain(
      from: GaussianVariable(mean: 1.7), using: RandomStreams(seed: 0, count: 1))
    for (t, x) in chain {
      expect(x.mean, equals: 1.7 * schedule.signalScale(t), relatively: 1e-12)
      expect(x.variance, equals: schedule.noiseVariance(t), relatively: 1e-12)
    }
  }

  @Test func loadingsOfTheChainAreTheWeightsOfTheNoiseOfEachStep() {
    let chain = Array(
      diffusion.chain(from: GaussianVariable(), using: RandomStreams(seed: 0, count: 1)))
    let x = chain[299].x
    let loadings = x.loadings.suffix(300)
    for (s, loading) in zip(1...300, loadings) {
      let weight = (schedule.alphaBar(300) / schedule.alphaBar(s) * schedule.beta(s)).squareRoot()
      expect(loading, equals: weight, relatively: 1e-12)
    }
  }

  @Test func statesOfTheChainHaveTheirCovariances() {
    let states = Array(
      diffusion.chain(from: GaussianVariable(), using: RandomStreams(seed: 0, count: 1)))
    let covariance = states[49].x.covariance(with: states[199].x)
    let exact =
      (schedule.alphaBar(200) / schedule.alphaBar(50)).squareRoot() * schedule.noiseVariance(50)
    expect(covariance, equals: exact, relatively: 1e-12)
    expect(covariance, equals: 0.023878, within: 1e-6)
  }

  @Test func samplesOfTheChainAndOfTheMarginalHaveTheSameDistribution() {
    let short = GaussianDiffusion(schedule.respaced(to: schedule.timesteps(100)))
    let count = 20_000
    let x0 = PointSet([Double](repeating: 0.8, count: count))
    var last = x0
    for (_, x) in short.chain(from: x0, using: RandomStreams(seed: 1, count: count)).prefix(40) {
      last = x
    }
    var streams = RandomStreams(seed: 2, count: count)
    let direct = short.addNoise(to: x0, t: 40, noise: x0.normalSamples(using: &streams))
    let gap = Distance.kolmogorov(last.values, direct.values)
    #expect(Distance.kolmogorovChance(gap: gap, count: Double(count) / 2) > 1e-3)
  }

  @Test func addingNoiseTwiceIsAddingItOnce() {
    let (x0, first, second) = (
      GaussianVariable(mean: 2, standardDeviation: 0.5, source: 0),
      GaussianVariable(standardDeviation: 1, source: 1),
      GaussianVariable(standardDeviation: 1, source: 2)
    )
    let half = diffusion.addNoise(to: x0, t: 300, noise: first)
    let both = diffusion.addNoise(to: half, from: 300, t: 800, noise: second)
    let direct = diffusion.addNoise(to: x0, t: 800, noise: first)
    expect(both.mean, equals: direct.mean, relatively: 1e-12)
    expect(both.variance, equals: direct.variance, relatively: 1e-12)
  }

  @Test func addingNoiseToABatchUsesTheStepOfEachEntry() {
    var generator = RandomGenerator(seed: 5)
    let x0 = Tensor.normal([3, 2, 4, 4], using: &generator)
    let noise = Tensor.normal([3, 2, 4, 4], using: &generator)
    let mixed = diffusion.addNoise(to: x0, t: [1, 500, 1000], noise: noise)
    for (entry, t) in [1, 500, 1000].enumerated() {
      let alone = diffusion.addNoise(
        to: x0.entries(entry..<entry + 1), t: t, noise: noise.entries(entry..<entry + 1))
      for (a, b) in zip(alone.elements, mixed.entries(entry..<entry + 1).elements) {
        #expect(abs(a - b) <= 1e-6)
      }
    }
  }

  @Test func varianceRecursionHasTheFixedPointOne() {
    for start in [0.25, 1, 4] {
      var variance = start
      for t in 1...1000 {
        variance = (1 - schedule.beta(t)) * variance + schedule.beta(t)
        expect(variance, equals: 1 + (start - 1) * schedule.alphaBar(t), within: 1e-13)
      }
    }
  }

  @Test func posteriorAgreesWithThreeDerivations() {
    for (t, x0, noise) in [(2, 0.3, -0.4), (10, -1.2, 0.9), (400, 0.7, 1.1), (1000, 1.5, -0.2)] {
      let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
      let (alpha, beta) = (schedule.alpha(t), schedule.beta(t))
      let (kept, spread) = (schedule.alphaBar(t - 1), schedule.noiseVariance(t - 1))
      let mean = diffusion.posteriorMean(x0: x0, xt: xt, t: t)
      let variance = diffusion.posteriorVariance(t)

      // Addition of the precisions of q(x_{t-1} | x_0) and of the likelihood of x_t.
      let precision = 1 / spread + alpha / beta
      expect(variance, equals: 1 / precision, relatively: 1e-12)
      expect(
        mean,
        equals: (kept.squareRoot() * x0 / spread + alpha.squareRoot() * xt / beta) / precision,
        within: 1e-12)

      // Conditioning of the joint Gaussian distribution of (x_{t-1}, x_t) given x_0.
      let before = diffusion.addNoise(
        to: GaussianVariable(mean: x0), t: t - 1,
        noise: GaussianVariable(standardDeviation: 1, source: 0))
      let after = diffusion.forwardStep(
        before, to: t, noise: GaussianVariable(standardDeviation: 1, source: 1))
      let gain = before.covariance(with: after) / after.variance
      expect(mean, equals: before.mean + gain * (xt - after.mean), within: 1e-12)
      expect(
        variance, equals: before.variance - gain * before.covariance(with: after),
        within: 1e-12)

      // Normalization of the product of the two densities by quadrature.
      func product(_ x: Double) -> Double {
        StandardNormal.density((x - kept.squareRoot() * x0) / spread.squareRoot())
          * StandardNormal.density((xt - alpha.squareRoot() * x) / beta.squareRoot())
      }
      let width = 12 * variance.squareRoot()
      func moment(_ power: Int) -> Double {
        GaussLegendre.standard.integrate(from: mean - width, to: mean + width, panels: 24) {
          product($0) * pow($0 - mean, Double(power))
        }
      }
      expect(moment(1) / moment(0), equals: 0, within: 1e-12)
      expect(moment(2) / moment(0), equals: variance, relatively: 1e-11)
    }
  }

  @Test func posteriorMeanIsAFunctionOfTheNoise() {
    for t in [1, 2, 77, 500, 1000] {
      let (x0, noise) = (0.6, -1.3)
      let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
      expect(
        diffusion.posteriorMean(noise: noise, xt: xt, t: t),
        equals: diffusion.posteriorMean(x0: x0, xt: xt, t: t), within: 1e-12)
    }
  }

  @Test func everyPredictionDeterminesEveryOther() {
    for t in [2, 10, 300, 999, 1000] {
      let (x0, noise) = (0.6, -1.3)
      let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
      let values: [Prediction: Double] = [
        .x0: x0, .noise: noise, .v: diffusion.v(x0: x0, noise: noise, t: t),
        .score: diffusion.score(noise: noise, t: t),
        .mean: diffusion.posteriorMean(x0: x0, xt: xt, t: t),
      ]
      for source in Prediction.allCases {
        for target in Prediction.allCases where source != .mean || t < 1000 {
          let found = diffusion.convert(
            values[source]!, from: source, to: target, xt: xt, t: t)
          expect(found, equals: values[target]!, within: 2e-9 * max(1, abs(values[target]!)))
        }
      }
      let v = values[.v]!
      expect(xt * xt + v * v, equals: x0 * x0 + noise * noise, within: 1e-12)
    }
  }

  @Test func targetsAgreeWithConversionFromTheNoise() {
    let (x0, noise) = (0.6, -1.3)
    let times = [1, 2, 300, 999]
    for prediction in Prediction.allCases {
      let targets = times.map { t in
        let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
        let target = diffusion.target(of: prediction, x0: x0, noise: noise, t: t)
        let converted = diffusion.convert(noise, from: .noise, to: prediction, xt: xt, t: t)
        expect(target, equals: converted, within: 1e-10 * max(1, abs(target)))
        return Float(target)
      }
      let batch = diffusion.target(
        of: prediction, x0: Tensor(times.map { _ in Float(x0) }, shape: [4, 1]),
        noise: Tensor(times.map { _ in Float(noise) }, shape: [4, 1]), t: times)
      for (one, many) in zip(targets, batch.elements) {
        #expect(abs(one - many) <= 1e-5 * abs(one))
      }
    }
  }

  @Test func errorOfTheNoiseIsAmplifiedInTheEstimateOfX0() {
    let first = diffusion.x0Estimate(noise: 0.5, xt: 1.0, t: 1000)
    let second = diffusion.x0Estimate(noise: 0.5 + 1e-3, xt: 1.0, t: 1000)
    expect((first - second) / 1e-3, equals: 157.4, within: 0.05)
  }

  @Test func varianceExplodingParametrizationHasItsNoiseLevel() {
    let (x0, noise) = (0.9, 0.4)
    for t in [1, 200, 1000] {
      let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
      expect(
        diffusion.varianceExploding(xt, t: t), equals: x0 + schedule.sigmaVE(t) * noise,
        relatively: 1e-13)
    }
  }

  @Test func targetIsTheTotalNoiseAndNotThatOfTheStep() {
    let chain = Array(
      diffusion.chain(
        from: GaussianVariable(standardDeviation: 1, source: 0),
        using: RandomStreams(seed: 0, count: 1)))
    let xt = chain[499].x
    let x0 = GaussianVariable(standardDeviation: 1, source: 0)
    let total = diffusion.noise(x0: x0, xt: xt, t: 500)
    expect(xt.correlation(with: total), equals: schedule.noiseScale(500), within: 1e-12)
    expect(xt.correlation(with: total), equals: 0.960, within: 5e-4)
    let ofStep = GaussianVariable(standardDeviation: 1, source: xt.loadings.count - 1)
    expect(xt.correlation(with: ofStep), equals: schedule.beta(500).squareRoot(), within: 1e-12)
  }
}
