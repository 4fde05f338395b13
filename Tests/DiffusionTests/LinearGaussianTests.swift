import Diffusion
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct MultivariateGaussianTests {
  let gaussian = MultivariateGaussian(
    mean: [1, -0.5, 2],
    covariance: Matrix([[2, 0.6, -0.3], [0.6, 1, 0.2], [-0.3, 0.2, 0.5]]))

  @Test func densityIsTheProductOfConditionalDensities() {
    let x = [0.3, 0.1, 1.4]
    let first = gaussian.marginal([0]).logDensity([x[0]])
    let second = gaussian.marginal([0, 1]).conditioned(on: [0: x[0]]).logDensity([x[1]])
    let third = gaussian.conditioned(on: [0: x[0], 1: x[1]]).logDensity([x[2]])
    expect(first + second + third, equals: gaussian.logDensity(x), within: 1e-13)
  }

  @Test func oneCoordinateAgreesWithTheUnivariateGaussian() {
    let one = MultivariateGaussian(mean: [0.7], variances: [2.25])
    let line = GaussianMixture.gaussian(mean: 0.7, variance: 2.25)
    for x in [-3, 0, 0.7, 4] {
      expect(one.logDensity([x]), equals: line.logDensity(x), within: 1e-14)
    }
    expect(one.entropy, equals: line.entropy, within: 1e-12)
  }

  @Test func divergenceIsTheExpectedDifferenceOfLogDensities() {
    let other = MultivariateGaussian(
      mean: [0, 0, 1], covariance: Matrix([[1, 0.2, 0], [0.2, 3, -0.5], [0, -0.5, 1]]))
    let exact = gaussian.divergence(from: other)
    expect(
      -gaussian.entropy - other.expectedLogDensity(under: gaussian), equals: exact, within: 1e-13)
    expect(gaussian.divergence(from: gaussian), equals: 0, within: 1e-14)
    var random = RandomGenerator(seed: 3)
    let ratios = (0..<20_000).map { _ in
      let x = gaussian.sample(using: &random)
      return gaussian.logDensity(x) - other.logDensity(x)
    }
    let statistics = Moments(ratios)
    expect(statistics.mean, equals: exact, within: 4 * statistics.meanError)
  }

  @Test func jointDistributionOfVariablesHasTheirCovariances() {
    let a = GaussianVariable(mean: 1, loadings: [1, 0.5])
    let b = GaussianVariable(mean: -2, loadings: [0.3, 0, 2])
    let joint = MultivariateGaussian(jointlyOf: [a, b])
    #expect(joint.mean == [1, -2])
    expect(joint.covariance[0, 1], equals: 0.3, within: 1e-16)
    expect(joint.covariance[1, 1], equals: 4.09, within: 1e-15)
  }
}

@Suite struct LinearLatentModelTests {
  let model = LinearLatentModel(
    loadings: Matrix([[1.2, -0.4], [0.3, 0.8], [-0.7, 0.5]]), mean: [0.5, 0, -1],
    noiseVariance: 0.3)
  let x = [0.9, -0.6, 0.2]

  @Test func evidenceIsTheIntegralOverTheLatentVariable() {
    let integral = GaussLegendre.standard.integrate(x: -8...8, y: -8...8, panels: 12) { u, v in
      exp(model.logLikelihood(x, given: [u, v]) + model.prior.logDensity([u, v]))
    }
    expect(log(integral), equals: model.evidence.logDensity(x), within: 1e-11)
  }

  @Test func likelihoodTimesPriorOverPosteriorIsTheEvidenceForEveryLatent() {
    var random = RandomGenerator(seed: 1)
    for _ in 0..<50 {
      let z = [4 * random.normal(), 4 * random.normal()]
      let ratio =
        model.logLikelihood(x, given: z) + model.prior.logDensity(z)
        - model.posterior(given: x).logDensity(z)
      expect(ratio, equals: model.evidence.logDensity(x), within: 1e-11)
    }
  }

  @Test func boundAndDivergenceFromThePosteriorSumToTheEvidence() {
    let q = MultivariateGaussian(mean: [0.2, -1], covariance: Matrix([[0.5, 0.1], [0.1, 0.3]]))
    let posterior = model.posterior(given: x)
    let evidence = model.evidence.logDensity(x)
    expect(
      model.bound(of: x, under: q).value + q.divergence(from: posterior), equals: evidence,
      within: 1e-12)
    expect(model.bound(of: x, under: posterior).value, equals: evidence, within: 1e-12)
  }

  @Test func loadingsMaximizeTheLikelihood() throws {
    let covariance = Matrix([[3, 0.5, 0.1], [0.5, 1, -0.2], [0.1, -0.2, 0.3]])
    let data = MultivariateGaussian(mean: [0, 0, 0], covariance: covariance)
    let best = try LinearLatentModel.mostLikely(for: covariance, latents: 2, noiseVariance: 0.4)
    let maximum = best.evidence.expectedLogDensity(under: data)
    var random = RandomGenerator(seed: 8)
    for size in [1e-3, 0.1, 1] {
      for _ in 0..<40 {
        let change = Matrix(rows: 3, columns: 2, (0..<6).map { _ in size * random.normal() })
        let other = LinearLatentModel(loadings: best.loadings + change, noiseVariance: 0.4)
        #expect(other.evidence.expectedLogDensity(under: data) < maximum + 1e-13)
      }
    }
    let lengths = try (best.loadings * best.loadings.transposed).symmetricEigen().values
    let eigenvalues = try covariance.symmetricEigen().values
    for (length, value) in zip(lengths.dropFirst(), eigenvalues.dropFirst()) {
      expect(length, equals: value - 0.4, within: 1e-13)
    }
  }

  @Test func samplesFollowTheEvidence() {
    var random = RandomGenerator(seed: 5)
    let samples = (0..<20_000).map { _ in model.sample(using: &random).x }
    let covariance = model.evidence.covariance
    for axis in 0..<3 {
      let column = Moments(samples.map { $0[axis] })
      let variance = Estimate.variance(of: samples.map { $0[axis] })
      expect(column.mean, equals: model.mean[axis], within: 4 * column.meanError)
      expect(
        variance.mean, equals: covariance[axis, axis], within: 4 * variance.standardError)
    }
  }
}

@Suite struct LinearReverseChainTests {
  let schedule = NoiseSchedule(betas: [0.1, 0.3, 0.5])
  let data = (mean: 0.4, variance: 0.6)

  var wrong: LinearReverseChain {
    LinearReverseChain(
      schedule,
      steps: [
        .init(gain: 0.9, offset: 0.1, variance: 0.2), .init(gain: 0.7, offset: -0.1, variance: 0.3),
        .init(gain: 0.5, offset: 0.2, variance: 0.7),
      ])
  }

  /// E log p(x_0:T) - E log q(x_1:T | x_0), step by step along the forward chain.
  func direct(_ chain: LinearReverseChain, mean: Double, variance: Double) -> Double {
    let x0 = GaussianVariable(mean: mean, standardDeviation: variance.squareRoot(), source: 0)
    let forward = GaussianDiffusion(chain.schedule)
      .chain(from: x0, using: RandomStreams(seed: 0, count: 1)).map(\.x)
    let path = [x0] + forward
    func expected(_ residual: GaussianVariable, _ variance: Double) -> Double {
      let square = residual.mean * residual.mean + residual.variance
      return -0.5 * (log(2 * .pi * variance) + square / variance)
    }
    var total = expected(path.last!, 1)
    for t in 1...chain.length {
      let step = chain.step(t)
      let back = GaussianVariable.sum((1, path[t - 1]), (-step.gain, path[t]))
      total += expected(back.shifted(by: -step.offset), step.variance)
      let ahead = GaussianVariable.sum(
        (1, path[t]), (-chain.schedule.alpha(t).squareRoot(), path[t - 1]))
      total -= expected(ahead, chain.schedule.beta(t))
    }
    return total
  }

  @Test func termsOfTheBoundSumToTheExpectedLogRatio() {
    for (mean, variance) in [(1.0, 0.0), (0.4, 0.6)] {
      expect(
        -wrong.bound(mean: mean, variance: variance).total,
        equals: direct(wrong, mean: mean, variance: variance), within: 1e-12)
    }
  }

  @Test func gapOfTheBoundIsTheDivergenceOfThePathDistributions() {
    let x0 = 1.0
    let noise = GaussianDiffusion(schedule).chain(
      from: GaussianVariable(mean: x0), using: RandomStreams(seed: 0, count: 1)
    ).map(\.x)
    let forward = MultivariateGaussian(jointlyOf: noise)
    let backward = MultivariateGaussian(jointlyOf: wrong.states).conditioned(on: [0: x0])
    expect(
      wrong.logEvidence(x0) + wrong.bound(of: x0).total,
      equals: forward.divergence(from: backward), within: 1e-12)
  }

  @Test func densitiesOfStepsMultiplyToTheJointDensity() {
    let path = [0.3, -0.2, 0.9, 1.1]
    expect(
      wrong.logReverse(path),
      equals: MultivariateGaussian(jointlyOf: wrong.states).logDensity(path),
      within: 1e-12)
    let noise = GaussianDiffusion(schedule).chain(
      from: GaussianVariable(mean: path[0]), using: RandomStreams(seed: 0, count: 1)
    ).map(\.x)
    expect(
      wrong.logForward(path),
      equals: MultivariateGaussian(jointlyOf: noise).logDensity(Array(path.dropFirst())),
      within: 1e-12)
  }

  @Test func outputIsTheDistributionOfTheLastState() {
    let last = wrong.states[0]
    expect(wrong.output.mean, equals: last.mean, within: 1e-15)
    expect(wrong.output.variance, equals: last.variance, within: 1e-15)
  }

  @Test func denoisingTermIsTheExpectedDivergence() {
    let x0 = -0.8
    for t in [2, 3] {
      let mean = GaussLegendre.standard.integrate(from: -10, to: 10, panels: 40) { noise in
        let xt = GaussianDiffusion(schedule).addNoise(to: x0, t: t, noise: noise)
        return StandardNormal.density(noise) * wrong.divergence(x0: x0, xt: xt, t: t)
      }
      expect(wrong.bound(of: x0).denoising(t), equals: mean, within: 1e-12)
    }
  }

  @Test func withOptimalStepsTheGapIsTheDivergenceFromThePrior() {
    let chain = LinearReverseChain(
      reversing: schedule, mean: data.mean, variance: data.variance)
    let end = GaussianDiffusion(schedule).addNoise(
      to: GaussianVariable(
        mean: data.mean, standardDeviation: data.variance.squareRoot(), source: 0), t: 3,
      noise: GaussianVariable(standardDeviation: 1, source: 1))
    let entropy = StandardNormal.entropy + 0.5 * log(data.variance)
    expect(
      chain.bound(mean: data.mean, variance: data.variance).total - entropy,
      equals: gaussianKLDivergence(
        mean: end.mean, variance: end.variance, fromMean: 0, variance: 1),
      within: 1e-13)
  }

  @Test func boundIsTightForUnitDataWithTheForwardVariance() {
    for steps in [1, 2, 10, 1000] {
      let chain = LinearReverseChain(reversing: .linear(steps: steps), stepVariance: .beta)
      expect(
        chain.bound(mean: 0, variance: 1).total, equals: StandardNormal.entropy, within: 1e-12)
    }
  }

  @Test func boundHasItsTabulatedValues() {
    let linear = NoiseSchedule.linear()
    func total(_ variance: Double, _ rule: ReverseVariance?, first: Double? = nil) -> Double {
      LinearReverseChain(
        reversing: linear, variance: variance, stepVariance: rule, firstVariance: first
      ).bound(mean: 0, variance: variance).total
    }
    let second = linear.posteriorVariance(2)
    expect(total(1, .posterior, first: second), equals: 1.99753338, within: 1e-8)
    expect(total(0.25, .beta), equals: 0.72688361, within: 1e-8)
    expect(total(0.25, .posterior, first: second), equals: 1.29571728, within: 1e-8)
    expect(total(0.25, nil), equals: 0.72579135, within: 1e-8)
    let terms = LinearReverseChain(reversing: linear, stepVariance: .beta)
      .bound(mean: 0, variance: 1)
    expect(terms.reconstruction, equals: -3.18623165, within: 1e-8)
    expect(terms.denoising.reduce(0, +), equals: 4.60515001, within: 1e-8)
    expect(terms.prior, equals: 2.018e-5, within: 1e-8)
  }
}
