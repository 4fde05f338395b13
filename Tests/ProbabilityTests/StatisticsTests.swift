import Diffusion
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct StatisticsTests {
  @Test func legendreRulesAreExactForPolynomials() {
    for count in [1, 2, 3, 5, 20, 64] {
      let rule = GaussLegendre(count)
      expect(rule.weights.reduce(0, +), equals: 2, within: 1e-14)
      for power in 0..<2 * count {
        let exact = power.isMultiple(of: 2) ? 2 / Double(power + 1) : 0
        expect(
          rule.integrate(from: -1, to: 1) { pow($0, Double(power)) }, equals: exact, within: 1e-13)
      }
    }
  }

  @Test func adaptiveQuadratureFindsNarrowPeaks() {
    let value = Quadrature.integrate(from: -10, to: 10) {
      50 * StandardNormal.density(($0 - 0.123) * 50)
    }
    expect(value, equals: 1, within: 1e-11)
    expect(Quadrature.integrate(from: 0, to: 1) { $0.squareRoot() }, equals: 2 / 3.0, within: 1e-12)
  }

  @Test func momentsAreThoseOfTheDefinition() {
    let values = (0..<500).map { i -> Double in
      let wave: Double = 3 * sin(Double(i) * 1.7)
      return wave + Double(i % 7) + 1e6
    }
    let statistics = Moments(values)
    let mean = values.reduce(0, +) / 500
    let central = { (power: Double) in values.reduce(0) { $0 + pow($1 - mean, power) } }
    expect(statistics.mean, equals: mean, relatively: 1e-14)
    expect(statistics.variance, equals: central(2) / 499, relatively: 1e-9)
    expect(
      statistics.excessKurtosis, equals: central(4) / 500 / pow(central(2) / 500, 2) - 3,
      within: 1e-8)
  }

  @Test func standardErrorsMeasureTheSpreadOfEstimates() {
    var (means, variances) = (Moments(), Moments())
    var last: [Double] = []
    for run in 0..<400 {
      var generator = RandomGenerator(seed: 8, stream: UInt64(run))
      last = (0..<400).map { _ in generator.normal() }
      means.add(Moments(last).mean)
      variances.add(Moments(last).variance)
    }
    expect(means.standardDeviation, equals: Moments(last).meanError, relatively: 0.2)
    expect(
      variances.standardDeviation, equals: Estimate.variance(of: last).standardError,
      relatively: 0.25)
  }

  @Test func chiSquareChancesAreTheTabulatedPoints() {
    for (degrees, point, chance) in [
      (1, 3.841459, 0.05), (1, 10.827566, 0.001), (2, 13.815511, 0.001), (9, 16.918978, 0.05),
      (30, 18.492661, 0.95),
    ] {
      expect(
        Distance.chiSquareChance(point, degreesOfFreedom: degrees), equals: chance, within: 1e-7)
    }
  }

  @Test func kolmogorovGapsAreCountedByHand() {
    expect(Distance.kolmogorov([0.5], cdf: { $0 }), equals: 0.5, within: 0)
    expect(Distance.kolmogorov([0.1, 0.2, 0.9], cdf: { $0 }), equals: 7.0 / 15, within: 1e-15)
    expect(Distance.kolmogorov([1, 2, 3, 4], [3, 4, 5]), equals: 0.5, within: 1e-15)
    expect(Distance.kolmogorov([1, 1, 2], [1, 1, 2]), equals: 0, within: 0)
    expect(Distance.kolmogorovChance(gap: 1.9495 / 1000, count: 1e6), equals: 0.001, within: 2e-5)
  }

  @Test func wassersteinDistanceIsTheMeanShift() {
    expect(Distance.wasserstein1([3, 1, 2], [1.5, 3.5, 2.5]), equals: 0.5, within: 1e-15)
    // Quantile functions of unequal sizes: {0, 1} against {0, 0, 3}.
    expect(
      Distance.wasserstein1([0, 1], [0, 0, 3]), equals: (1 / 6.0) * 1 + (1 / 3.0) * 2, within: 1e-15
    )
    let quantiles = (0..<1000).map { StandardNormal.quantile((Double($0) + 0.5) / 1000) }
    expect(
      Distance.wasserstein1(quantiles.map { $0 + 0.25 }, quantile: StandardNormal.quantile),
      equals: 0.25, within: 1e-12)
  }

  @Test func divergenceOfNormalLawsIsItsIntegral() {
    let (m1, v1, m2, v2) = (0.3, 0.5, -0.2, 1.7)
    let integral = GaussLegendre.standard.integrate(from: -8, to: 8, panels: 60) { x in
      let p = GaussianMixture.gaussian(mean: m1, variance: v1)
      let q = GaussianMixture.gaussian(mean: m2, variance: v2)
      return p.density(x) * (p.logDensity(x) - q.logDensity(x))
    }
    expect(
      gaussianKLDivergence(mean: m1, variance: v1, fromMean: m2, variance: v2), equals: integral,
      within: 1e-12)
  }
}

@Test func pointSetsDifferByTheirLargestCoordinate() {
  let points = PointSet([[0, 1], [2, 3]])
  #expect(points.largestDifference(from: points) == 0)
  #expect(points.largestDifference(from: PointSet([[0, 1.5], [1, 3]])) == 1)
}
