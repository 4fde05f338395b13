import Diffusion
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct MultivariateMixtureTests {
  let linear = NoiseSchedule.linear()
  let correlated = MultivariateMixture.correlated(0.9)
  let ring = MultivariateMixture.ring(8, radius: 1.4, standardDeviation: 0.1, labels: 2)
  let odd = MultivariateMixture([
    .init(weight: 1, mean: [1, -0.5], covariance: Matrix([[1, 0.3], [0.3, 0.4]]), label: 0),
    .init(weight: 2, mean: [-1, 0.7], covariance: Matrix([[0.2, -0.1], [-0.1, 0.9]]), label: 1),
  ])

  @Test func densityHasTheMassAndTheMomentsOfItsDistribution() {
    let rule = GaussLegendre.standard
    func integral(_ body: @escaping (Double, Double) -> Double) -> Double {
      rule.integrate(x: -9...9, y: -9...9, panels: 24) { odd.density([$0, $1]) * body($0, $1) }
    }
    expect(integral { _, _ in 1 }, equals: 1, within: 1e-11)
    expect(integral { x, _ in x }, equals: odd.mean[0], within: 1e-11)
    let covariance = odd.covariance
    let mean = odd.mean
    expect(
      integral { x, y in (x - mean[0]) * (y - mean[1]) }, equals: covariance[0, 1], within: 1e-11)
    expect(
      integral { _, y in (y - mean[1]) * (y - mean[1]) }, equals: covariance[1, 1], within: 1e-11)
  }

  @Test func scoreIsTheGradientOfTheLogDensity() {
    let h = 1e-5
    for mixture in [correlated, ring, odd] {
      for (x, y) in [(0.3, -0.4), (1.2, 0.8), (-1.0, 0.1)] {
        let score = mixture.score([x, y])
        let gradient = [
          (mixture.logDensity([x + h, y]) - mixture.logDensity([x - h, y])) / (2 * h),
          (mixture.logDensity([x, y + h]) - mixture.logDensity([x, y - h])) / (2 * h),
        ]
        for axis in 0..<2 {
          expect(score[axis], equals: gradient[axis], within: 1e-5 * max(1, abs(gradient[axis])))
        }
      }
    }
  }

  @Test func denoiserIsTheScoreOfTheNoisyMarginal() {
    var streams = RandomStreams(seed: 0, count: 200)
    let points = streams.normalPoints(dimensions: 2)
    for mixture in [correlated, ring, odd] {
      for t in [3, 250, 900] {
        let noise = ExactDenoiser(mixture, linear).noise(points, t: t)
        let marginal = mixture.noisyMarginal(linear, to: t)
        for i in 0..<points.count {
          let score = marginal.score(points[i])
          for axis in 0..<2 {
            let expected = -linear.noiseScale(t) * score[axis]
            expect(noise[i][axis], equals: expected, within: 1e-9 * max(1, abs(expected)))
          }
        }
      }
    }
  }

  @Test func independentCoordinatesAgreeWithTheMixtureOnTheLine() {
    let line = GaussianMixture.twoClasses
    let plane = MultivariateMixture(
      line.components.map { .init(mean: [$0.mean, 0.2], standardDeviation: 0.5, label: $0.label) })
    let xs = stride(from: -2.0, through: 2, by: 0.25).map { $0 }
    let scalar = ExactDenoiser(line, linear)
    let planar = ExactDenoiser(plane, linear)
    let noise = planar.noise(PointSet(xs.map { [$0, 0.4] }), t: 300)
    for (a, b) in zip(noise.column(0), scalar.noise(PointSet(xs), t: 300).values) {
      expect(a, equals: b, within: 1e-12)
    }
    let p = ExactClassifier(plane, linear).labelProbabilities(
      PointSet(xs.map { [$0, 0.4] }), t: 300)
    let q = ExactClassifier(line, linear).labelProbabilities(PointSet(xs), t: 300)
    for (a, b) in zip(p.values, q.values) { expect(a, equals: b, within: 1e-12) }
  }

  @Test func conditionalDistributionsAgreeWithTheTextbookFormula() {
    let conditional = correlated.conditional(axis: 1, given: 1.5)
    expect(conditional.mean, equals: 1.35, within: 1e-14)
    expect(conditional.variance, equals: 0.19, within: 1e-14)
    let slice = odd.conditional(axis: 0, given: 0.3)
    for x in [-1.5, 0, 1.1] {
      expect(
        slice.density(x), equals: odd.density([x, 0.3]) / odd.marginal(axis: 1).density(0.3),
        within: 1e-13)
    }
  }

  @Test func samplesHaveTheMeanAndCovarianceOfTheDistribution() throws {
    var streams = RandomStreams(seed: 7, count: 40_000)
    let (points, labels) = odd.samples(using: &streams)
    let (mean, covariance) = points.matrix.meanAndCovariance()
    for i in 0..<2 {
      expect(mean[i], equals: odd.mean[i], within: 0.02)
      for j in 0..<2 { expect(covariance[i, j], equals: odd.covariance[i, j], within: 0.03) }
    }
    expect(Double(labels.filter { $0 == 1 }.count) / 40_000, equals: 2.0 / 3, within: 0.01)
  }

  @Test func deterministicSamplingHasTheCovarianceOfTheData() {
    // For Gaussian data sampling is a one-dimensional problem along each principal axis.
    let steps = linear.timesteps(200)
    let sampler = Sampler(.ddim(), schedule: linear, timesteps: steps)
    let points = sampler.sample(
      like: PointSet(zeros: 20_000, dimensions: 2), denoiser: ExactDenoiser(correlated, linear),
      seed: 3)
    let covariance = points.matrix.meanAndCovariance().covariance
    expect(covariance[0, 1], equals: 0.9, within: 0.03)
    expect(covariance[0, 0], equals: 1, within: 0.03)
  }
}

@Suite struct PairDistanceTests {
  let first = PointSet([[0, 0], [1, 0], [0, 2]])
  let second = PointSet([[0, 1], [3, 0]])

  @Test func energyDistanceAgreesWithItsDefinition() {
    func length(_ a: [Double], _ b: [Double]) -> Double {
      ((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1])).squareRoot()
    }
    var cross = 0.0
    for i in 0..<3 { for j in 0..<2 { cross += length(first[i], second[j]) / 6 } }
    let within = (1 + 2 + 5.0.squareRoot()) / 3
    expect(
      Distance.energy(first, second), equals: 2 * cross - within - 10.0.squareRoot(), within: 1e-14)
  }

  @Test func distancesAreZeroForEqualDistributionsAndGrowWithTheShift() {
    var streams = RandomStreams(seed: 1, count: 2000)
    let (a, b) = (streams.normalPoints(dimensions: 2), streams.normalPoints(dimensions: 2))
    let shifted = b.shifted(by: 0.5)
    #expect(abs(Distance.energy(a, b)) < 0.01)
    #expect(Distance.energy(a, shifted) > 0.1)
    #expect(Distance.slicedWasserstein1(a, shifted) > 0.3)
    #expect(Distance.slicedWasserstein1(a, b) < 0.06)
  }
}
