import Probability
import Testing
import Weaving

@testable import Notebook

@Suite struct CheckTests {
  private func equality(_ x: Double, _ y: Double, _ tolerance: Double) -> CheckRecord {
    .equality("s", x, y, .absolute(tolerance))
  }

  @Test func numbersAreEqualUpToAndIncludingTheTolerance() {
    #expect(equality(1, 1.25, 0.25).passed)
    #expect(!equality(1, 1.25, 0.2499).passed)
    #expect(equality(1, 1.25, 0.25).difference == 0.25)
  }

  @Test func zeroToleranceDemandsEquality() {
    #expect(equality(0.3, 0.3, 0).passed)
    #expect(!equality(0.1 + 0.2, 0.3, 0).passed)
    #expect(equality(0, -0.0, 0).passed)
  }

  @Test func aNaNAnywhereFails() {
    #expect(!equality(.nan, 1, 1).passed)
    #expect(!equality(1, .nan, 1).passed)
    #expect(!equality(.nan, .nan, .infinity).passed)
    #expect(!equality(1, 1, .nan).passed)
    #expect(!CheckRecord.bound("", .nan, .isBelow, 1).passed)
    #expect(!CheckRecord.bound("", 1, .isAtLeast, .nan).passed)
    #expect(!CheckRecord.order("", [1, .nan, 2], .increases).passed)
    #expect(!CheckRecord.condition("", true, [.init("a", .nan)]).passed)
    #expect(
      !CheckRecord.estimate("", Estimate(mean: .nan, standardError: 1), 0, allowed: 4).passed)
    #expect(
      !CheckRecord.estimate("", Estimate(mean: 0, standardError: .nan), 0, allowed: 4).passed)
  }

  @Test func infinitiesAreEqualOnlyToThemselves() {
    #expect(equality(.infinity, .infinity, 0).passed)
    #expect(!equality(.infinity, -.infinity, 1e300).passed)
    #expect(!equality(.infinity, 1, 1e300).passed)
  }

  @Test func aNegativeToleranceNeverPasses() {
    #expect(!equality(1, 1, -1e-12).passed)
  }

  @Test func relativeToleranceIsOfTheExpectedNumber() {
    func relative(_ x: Double, _ y: Double, _ tolerance: Double) -> Bool {
      CheckRecord.equality("", x, y, .relative(tolerance)).passed
    }
    #expect(relative(100.5, 100, 0.005))
    #expect(!relative(100.6, 100, 0.005))
    #expect(relative(-100.5, -100, 0.005))
    #expect(relative(0, 0, 0))
    #expect(!relative(1e-300, 0, 0.5))
  }

  @Test func listsAreComparedByTheirWorstElement() {
    let record = CheckRecord.equality("", [1, 2, 3, 4], [1, 2.5, 3.2, 4], .absolute(0.5))
    #expect(record.passed)
    #expect(record.position == 1)
    #expect(record.difference == 0.5)
    #expect(record.count == 4)
    #expect(!CheckRecord.equality("", [1, 2, 3], [1, 2.5, 3], .absolute(0.4)).passed)
  }

  @Test func aNaNInAListIsItsWorstElement() {
    for list in [[.nan, 0, 0], [0, .nan, 9], [0, 9, .nan]] as [[Double]] {
      let record = CheckRecord.equality("", list, [0, 0, 0], .absolute(10))
      #expect(!record.passed)
      #expect(record.computed?.isNaN == true)
    }
  }

  @Test func listsOfDifferentLengthAndEmptyOnesFail() {
    let shorter = CheckRecord.equality("", [1], [1, 2], .absolute(1))
    #expect(!shorter.passed)
    #expect(shorter.agreementWords == "the lengths differ")
    #expect(!CheckRecord.equality("", [Double](), [], .absolute(1)).passed)
  }

  @Test func anEstimateMayBeSoManyStandardErrorsOff() {
    let estimate = Estimate(mean: 1, standardError: 0.25)
    #expect(CheckRecord.estimate("", estimate, 2, allowed: 4).passed)
    #expect(CheckRecord.estimate("", estimate, 0, allowed: 4).passed)
    #expect(!CheckRecord.estimate("", estimate, 2.01, allowed: 4).passed)
    let exact = Estimate(mean: 1, standardError: 0)
    #expect(CheckRecord.estimate("", exact, 1, allowed: 4).passed)
    #expect(!CheckRecord.estimate("", exact, 1.0001, allowed: 4).passed)
    let negative = Estimate(mean: 1, standardError: -1)
    #expect(!CheckRecord.estimate("", negative, 1, allowed: 4).passed)
  }

  @Test func inequalitiesAreStrictWhereTheySaySo() {
    func passes(_ x: Double, _ test: CheckRecord.Test, _ y: Double) -> Bool {
      CheckRecord.bound("", x, test, y).passed
    }
    #expect(passes(1, .isAtMost, 1) && !passes(1, .isBelow, 1) && passes(0.9, .isBelow, 1))
    #expect(passes(1, .isAtLeast, 1) && !passes(1, .isAbove, 1) && passes(1.1, .isAbove, 1))
    #expect(!passes(1.1, .isAtMost, 1) && !passes(0.9, .isAtLeast, 1))
  }

  @Test func inequalitiesOfEstimatesNeedTheirStandardErrors() {
    let low = Estimate(mean: 1, standardError: 0.3)
    func passes(_ high: Double) -> Bool {
      CheckRecord.bound(
        "", low, .isBelow, Estimate(mean: high, standardError: 0.4), demanded: 4
      ).passed
    }
    #expect(passes(3))
    #expect(!passes(2.9))
    #expect(!passes(0.5))
    let same = CheckRecord.bound(
      "", Estimate(mean: 1, standardError: 0), .isBelow, Estimate(mean: 1, standardError: 0),
      demanded: 0)
    #expect(!same.passed)
  }

  @Test func orderIsStrict() {
    #expect(CheckRecord.order("", [1, 2, 3], .increases).passed)
    #expect(!CheckRecord.order("", [1, 2, 2], .increases).passed)
    #expect(CheckRecord.order("", [3, 2, 1], .decreases).passed)
    #expect(!CheckRecord.order("", [3, 2, 2.5], .decreases).passed)
    #expect(!CheckRecord.order("", [1], .increases).passed)
    #expect(!CheckRecord.order("", [], .increases).passed)
    #expect(CheckRecord.order("", [1, 2, 4], .increases).difference == 1)
  }

  @Test func anErratumNeedsBothHalves() {
    func passes(printed: Double, right: Double, second: Double) -> Bool {
      CheckRecord.erratum(
        "s", source: "t", printed: printed, right: right,
        against: .equality("s", right, second, .absolute(0.01)), apart: 0.5
      ).passed
    }
    #expect(passes(printed: 2, right: 1, second: 1.005))
    #expect(!passes(printed: 1.5, right: 1, second: 1))
    #expect(!passes(printed: 2, right: 1, second: 1.1))
    #expect(passes(printed: .infinity, right: 1, second: 1))
    #expect(!passes(printed: .nan, right: 1, second: 1))
    #expect(!passes(printed: 2, right: .nan, second: 1))
  }

  @Test func theWordsOfACheckHaveItsNumbers() {
    let record = equality(0.25, 0.5, 0.125)
    #expect(record.computedWords == "0.25")
    #expect(record.expectedWords == "0.5")
    #expect(record.agreementWords == "difference 0.25, tolerance 0.12")
    let estimate = CheckRecord.estimate(
      "", Estimate(mean: 1, standardError: 0.1), 1.2, allowed: 4)
    #expect(estimate.computedWords == "1.00 ± 0.10")
    #expect(estimate.agreementWords == "2 standard errors, 4 allowed")
  }
}

@Suite struct EstimateTests {
  @Test func meanAndStandardErrorAreThoseOfTheFormulas() {
    let estimate = Estimate(of: [1, 2, 3, 4])
    #expect(estimate.mean == 2.5)
    #expect(abs(estimate.standardError - (5 / 3.0 / 4).squareRoot()) < 1e-15)
    var next = 0.0
    let streamed = Estimate(count: 4) {
      next += 1
      return next
    }
    #expect(streamed == estimate)
  }

  @Test func aSingleSampleHasNoStandardError() {
    #expect(Estimate(of: [1]).standardError.isNaN)
    #expect(Estimate(of: []).mean.isNaN)
  }

  @Test func aLargeOffsetDoesNotSpoilTheStandardError() {
    let plain = Estimate(of: [1, 2, 3, 4])
    let shifted = Estimate(of: [1, 2, 3, 4].map { $0 + 1e9 })
    #expect(abs(shifted.standardError - plain.standardError) < 1e-6)
  }

  @Test func varianceAndCovarianceAreWithoutBias() {
    let variance = Estimate.variance(of: [1, 2, 3, 4])
    #expect(abs(variance.mean - 5 / 3.0) < 1e-15)
    let covariance = Estimate.covariance([1, 2, 3, 4], [2, 4, 6, 8])
    #expect(abs(covariance.mean - 10 / 3.0) < 1e-15)
  }

  /// For two values that are equally likely, a and -a, every sample variance has no spread.
  @Test func varianceOfTwoEquallyLikelyValuesHasASmallStandardError() {
    let samples = (0..<1000).map { $0 % 2 == 0 ? 1.0 : -1.0 }
    #expect(Estimate.variance(of: samples).standardError < 0.002)
  }

  @Test func proportionsOfNothingHaveAStandardErrorAllTheSame() {
    #expect(Estimate.proportion(0, of: 100).mean == 0)
    #expect(Estimate.proportion(0, of: 100).standardError > 0.01)
    let half = Estimate.proportion(5000, of: 10000)
    #expect(abs(half.standardError - 0.005) < 1e-6)
  }

  @Test func errorsOfIndependentEstimatesAddInSquares() {
    let a = Estimate(mean: 3, standardError: 3)
    let b = Estimate(mean: 1, standardError: 4)
    #expect(a - b == Estimate(mean: 2, standardError: 5))
    #expect(a + b == Estimate(mean: 4, standardError: 5))
    #expect(-2 * a == Estimate(mean: -6, standardError: 6))
  }
}
