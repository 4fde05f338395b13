import Probability
import Weaving

extension Chapter {
  // MARK: - Equality

  /// Checks that a number is within an absolute tolerance of another.
  ///
  /// Like every check: prints the claim, both numbers, their difference, the tolerance and the
  /// verdict; a NaN fails; a failure makes the chapter's exit status 1.
  /// - Parameters:
  ///   - claim: the number of the claim in the prose, such as `0.12` for `**Claim 0.12.**`; by
  ///     default that of the last claim above the call.
  ///   - statement: what is checked, in a few plain words.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, equals expected: Double,
    tolerance: Double, line: UInt = #line
  ) -> Bool {
    keep(.equality(statement, computed, expected, .absolute(tolerance)), claim, line)
  }

  /// Checks that a number differs from another by at most `relativeTolerance` times the other.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, equals expected: Double,
    relativeTolerance: Double, line: UInt = #line
  ) -> Bool {
    keep(.equality(statement, computed, expected, .relative(relativeTolerance)), claim, line)
  }

  /// Checks two equally long lists of numbers by their largest difference.
  @discardableResult
  public func check<Numbers: Sequence, Others: Sequence>(
    claim: String? = nil, _ statement: String, _ computed: Numbers, equals expected: Others,
    tolerance: Double, line: UInt = #line
  ) -> Bool where Numbers.Element: BinaryFloatingPoint, Others.Element: BinaryFloatingPoint {
    let (computed, expected) = (computed.map { Double($0) }, expected.map { Double($0) })
    return keep(.equality(statement, computed, expected, .absolute(tolerance)), claim, line)
  }

  /// Checks two equally long lists of numbers by their largest relative difference.
  @discardableResult
  public func check<Numbers: Sequence, Others: Sequence>(
    claim: String? = nil, _ statement: String, _ computed: Numbers, equals expected: Others,
    relativeTolerance: Double, line: UInt = #line
  ) -> Bool where Numbers.Element: BinaryFloatingPoint, Others.Element: BinaryFloatingPoint {
    let (computed, expected) = (computed.map { Double($0) }, expected.map { Double($0) })
    return keep(.equality(statement, computed, expected, .relative(relativeTolerance)), claim, line)
  }

  /// Checks that two integers, shapes or texts are the same.
  @discardableResult
  public func check<Value: Equatable>(
    claim: String? = nil, _ statement: String, _ computed: Value, isExactly expected: Value,
    line: UInt = #line
  ) -> Bool {
    var record = CheckRecord.exactly(statement, "\(computed)", "\(expected)")
    record.passed = computed == expected
    return keep(record, claim, line)
  }

  // MARK: - Monte Carlo

  /// Checks that a Monte-Carlo estimate is within a number of its standard errors of the expected value.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ estimate: Estimate, equals expected: Double,
    withinStandardErrors allowed: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.estimate(statement, estimate, expected, allowed: allowed), claim, line)
  }

  /// Checks that two independent estimates agree within a number of standard errors of their difference.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ estimate: Estimate, equals other: Estimate,
    withinStandardErrors allowed: Double = 4, line: UInt = #line
  ) -> Bool {
    let joint = Estimate(mean: estimate.mean, standardError: (estimate - other).standardError)
    return keep(.estimate(statement, joint, other.mean, allowed: allowed), claim, line)
  }

  /// Checks by a Kolmogorov-Smirnov test that independent samples have the distribution function
  /// `cdf`; samples of this distribution fail with probability 0.1 %.
  @discardableResult
  public func check(
    claim: String? = nil, _ samples: [Double], follow cdf: (Double) -> Double, line: UInt = #line
  ) -> Bool {
    let statement = "largest difference of the empirical distribution function from F(x)"
    let bound = 1.95 / Double(samples.count).squareRoot()
    return keep(
      .bound(statement, Distance.kolmogorov(samples, cdf: cdf), .isBelow, bound), claim, line)
  }

  // MARK: - Inequalities

  /// Checks `computed <= bound`.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, isAtMost bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(statement, computed, .isAtMost, bound), claim, line) }

  /// Checks `computed < bound`.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, isBelow bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(statement, computed, .isBelow, bound), claim, line) }

  /// Checks `computed >= bound`.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, isAtLeast bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(statement, computed, .isAtLeast, bound), claim, line) }

  /// Checks `computed > bound`.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ computed: Double, isAbove bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(statement, computed, .isAbove, bound), claim, line) }

  /// Checks that an estimate lies below another by at least a number of standard errors of the
  /// difference. For a number without error, `Estimate(mean: bound, standardError: 0)`.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ estimate: Estimate, isBelow other: Estimate,
    byStandardErrors demanded: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.bound(statement, estimate, .isBelow, other, demanded: demanded), claim, line)
  }

  /// Checks that an estimate lies above another by at least a number of standard errors of the
  /// difference.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, _ estimate: Estimate, isAbove other: Estimate,
    byStandardErrors demanded: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.bound(statement, estimate, .isAbove, other, demanded: demanded), claim, line)
  }

  // MARK: - Order and conditions

  /// Checks that each value is greater than the one before.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, increases values: [Double], line: UInt = #line
  ) -> Bool { keep(.order(statement, values, .increases), claim, line) }

  /// Checks that each value is smaller than the one before.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, decreases values: [Double], line: UInt = #line
  ) -> Bool { keep(.order(statement, values, .decreases), claim, line) }

  /// Checks a condition and prints the numbers that it is about, which must not be empty.
  @discardableResult
  public func check(
    claim: String? = nil, _ statement: String, holds condition: Bool,
    numbers: KeyValuePairs<String, Double>, line: UInt = #line
  ) -> Bool {
    let named = numbers.map { CheckRecord.Named($0.key, $0.value) }
    return keep(.condition(statement, condition, named), claim, line)
  }

  // MARK: - Errata

  /// Runs what a source prints beside what is right, and checks the right one by a second route.
  ///
  /// Passes if `right` is within `tolerance` of `secondRoute` and `printed` is off by more than
  /// `apart`. The prose must say `**Erratum id.**`.
  /// - Parameters:
  ///   - id: the name of the erratum, such as `E-B8`.
  ///   - source: title and equation.
  @discardableResult
  public func erratum(
    _ id: String, source: String, _ statement: String, printed: Double, right: Double,
    secondRoute: Double, tolerance: Double, apart: Double, line: UInt = #line
  ) -> Bool {
    let agreement = CheckRecord.equality(statement, right, secondRoute, .absolute(tolerance))
    return keep(
      .erratum(
        statement, source: source, printed: printed, right: right, against: agreement,
        apart: apart), id, line)
  }

  /// Runs what a source prints beside what is right, and checks the right one by Monte Carlo.
  @discardableResult
  public func erratum(
    _ id: String, source: String, _ statement: String, printed: Double, right: Double,
    secondRoute: Estimate, withinStandardErrors allowed: Double = 4, apart: Double,
    line: UInt = #line
  ) -> Bool {
    var agreement = CheckRecord.estimate(statement, secondRoute, right, allowed: allowed)
    agreement.expected = secondRoute.mean
    return keep(
      .erratum(
        statement, source: source, printed: printed, right: right, against: agreement,
        apart: apart), id, line)
  }

  /// Records a check; without `claim` it belongs to the claim that stands last above `line`.
  private func keep(_ record: CheckRecord, _ claim: String?, _ line: UInt) -> Bool {
    var record = record
    record.claim = claim ?? claims.id(above: Int(line)) ?? CheckRecord.noClaim
    record.isClaimInferred = claim == nil ? true : nil
    self.record(.check(record), line: line)
    return record.passed
  }
}
