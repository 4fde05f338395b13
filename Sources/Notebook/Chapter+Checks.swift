import Weaving

extension Chapter {
  // MARK: - Equality

  /// Checks that a number is within an absolute tolerance of another.
  ///
  /// Like every check: prints the claim, both numbers, their difference, the tolerance and the
  /// verdict; a NaN fails; a failure makes the chapter's exit status 1.
  /// - Parameters:
  ///   - claim: the number of the claim in the prose, such as `0.12` for `**Claim 0.12.**`.
  ///   - statement: what is checked, in a few plain words.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, equals expected: Double,
    tolerance: Double, line: UInt = #line
  ) -> Bool {
    keep(.equality(claim, statement, computed, expected, .absolute(tolerance)), line)
  }

  /// Checks that a number differs from another by at most `relativeTolerance` times the other.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, equals expected: Double,
    relativeTolerance: Double, line: UInt = #line
  ) -> Bool {
    keep(.equality(claim, statement, computed, expected, .relative(relativeTolerance)), line)
  }

  /// Checks two equally long lists of numbers by their largest difference.
  @discardableResult
  public func check<Numbers: Sequence, Others: Sequence>(
    claim: String, _ statement: String, _ computed: Numbers, equals expected: Others,
    tolerance: Double, line: UInt = #line
  ) -> Bool where Numbers.Element: BinaryFloatingPoint, Others.Element: BinaryFloatingPoint {
    let (computed, expected) = (computed.map { Double($0) }, expected.map { Double($0) })
    return keep(.equality(claim, statement, computed, expected, .absolute(tolerance)), line)
  }

  /// Checks two equally long lists of numbers by their largest relative difference.
  @discardableResult
  public func check<Numbers: Sequence, Others: Sequence>(
    claim: String, _ statement: String, _ computed: Numbers, equals expected: Others,
    relativeTolerance: Double, line: UInt = #line
  ) -> Bool where Numbers.Element: BinaryFloatingPoint, Others.Element: BinaryFloatingPoint {
    let (computed, expected) = (computed.map { Double($0) }, expected.map { Double($0) })
    return keep(.equality(claim, statement, computed, expected, .relative(relativeTolerance)), line)
  }

  /// Checks that two integers, shapes or texts are the same.
  @discardableResult
  public func check<Value: Equatable>(
    claim: String, _ statement: String, _ computed: Value, isExactly expected: Value,
    line: UInt = #line
  ) -> Bool {
    var record = CheckRecord.exactly(claim, statement, "\(computed)", "\(expected)")
    record.passed = computed == expected
    return keep(record, line)
  }

  // MARK: - Monte Carlo

  /// Checks that a Monte-Carlo estimate is within so many of its standard errors of a number.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ estimate: Estimate, equals expected: Double,
    withinStandardErrors allowed: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.estimate(claim, statement, estimate, expected, allowed: allowed), line)
  }

  /// Checks that two independent estimates agree within so many standard errors of their difference.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ estimate: Estimate, equals other: Estimate,
    withinStandardErrors allowed: Double = 4, line: UInt = #line
  ) -> Bool {
    let joint = Estimate(mean: estimate.mean, standardError: (estimate - other).standardError)
    return keep(.estimate(claim, statement, joint, other.mean, allowed: allowed), line)
  }

  // MARK: - Inequalities

  /// Checks `computed <= bound`.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, isAtMost bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(claim, statement, computed, .isAtMost, bound), line) }

  /// Checks `computed < bound`.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, isBelow bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(claim, statement, computed, .isBelow, bound), line) }

  /// Checks `computed >= bound`.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, isAtLeast bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(claim, statement, computed, .isAtLeast, bound), line) }

  /// Checks `computed > bound`.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ computed: Double, isAbove bound: Double,
    line: UInt = #line
  ) -> Bool { keep(.bound(claim, statement, computed, .isAbove, bound), line) }

  /// Checks that an estimate lies below another by at least so many standard errors of the
  /// difference. For a number without error, `Estimate(mean: bound, standardError: 0)`.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ estimate: Estimate, isBelow other: Estimate,
    byStandardErrors demanded: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.bound(claim, statement, estimate, .isBelow, other, demanded: demanded), line)
  }

  /// Checks that an estimate lies above another by at least so many standard errors of the
  /// difference.
  @discardableResult
  public func check(
    claim: String, _ statement: String, _ estimate: Estimate, isAbove other: Estimate,
    byStandardErrors demanded: Double = 4, line: UInt = #line
  ) -> Bool {
    keep(.bound(claim, statement, estimate, .isAbove, other, demanded: demanded), line)
  }

  // MARK: - Order and conditions

  /// Checks that each value is greater than the one before.
  @discardableResult
  public func check(
    claim: String, _ statement: String, increases values: [Double], line: UInt = #line
  ) -> Bool { keep(.order(claim, statement, values, .increases), line) }

  /// Checks that each value is smaller than the one before.
  @discardableResult
  public func check(
    claim: String, _ statement: String, decreases values: [Double], line: UInt = #line
  ) -> Bool { keep(.order(claim, statement, values, .decreases), line) }

  /// Checks a condition and prints the numbers that it is about, which must not be empty.
  @discardableResult
  public func check(
    claim: String, _ statement: String, holds condition: Bool,
    numbers: KeyValuePairs<String, Double>, line: UInt = #line
  ) -> Bool {
    let named = numbers.map { CheckRecord.Named($0.key, $0.value) }
    return keep(.condition(claim, statement, condition, named), line)
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
    let agreement = CheckRecord.equality(id, statement, right, secondRoute, .absolute(tolerance))
    return keep(
      .erratum(
        id, statement, source: source, printed: printed, right: right, against: agreement,
        apart: apart), line)
  }

  /// Runs what a source prints beside what is right, and checks the right one by Monte Carlo.
  @discardableResult
  public func erratum(
    _ id: String, source: String, _ statement: String, printed: Double, right: Double,
    secondRoute: Estimate, withinStandardErrors allowed: Double = 4, apart: Double,
    line: UInt = #line
  ) -> Bool {
    var agreement = CheckRecord.estimate(id, statement, secondRoute, right, allowed: allowed)
    agreement.expected = secondRoute.mean
    return keep(
      .erratum(
        id, statement, source: source, printed: printed, right: right, against: agreement,
        apart: apart), line)
  }

  private func keep(_ record: CheckRecord, _ line: UInt) -> Bool {
    self.record(.check(record), line: line)
    return record.passed
  }
}
