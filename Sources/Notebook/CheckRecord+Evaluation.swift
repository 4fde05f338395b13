import Probability
import Weaving

/// How far apart two numbers may be.
enum Tolerance {
  case absolute(Double)
  case relative(Double)
}

// Every verdict is a comparison that NaN makes false, so that a NaN anywhere fails the check.
extension CheckRecord {
  static func equality(
    _ statement: String, _ computed: Double, _ expected: Double,
    _ tolerance: Tolerance
  ) -> CheckRecord {
    var record = CheckRecord(statement: statement, test: .equals)
    record.computed = computed
    record.expected = expected
    record.compare(tolerance)
    return record
  }

  private mutating func compare(_ tolerance: Tolerance) {
    let (computed, expected) = (computed ?? .nan, expected ?? .nan)
    var apart = computed == expected ? 0 : abs(computed - expected)
    switch tolerance {
    case .absolute(let allowed):
      self.tolerance = allowed
    case .relative(let allowed):
      if apart > 0 { apart /= abs(expected) }
      self.tolerance = allowed
      relative = true
    }
    difference = apart
    passed = apart <= (self.tolerance ?? .nan)
  }

  static func equality(
    _ statement: String, _ computed: [Double], _ expected: [Double],
    _ tolerance: Tolerance
  ) -> CheckRecord {
    var worst = CheckRecord(statement: statement, test: .equals)
    worst.count = computed.count
    guard computed.count == expected.count, !computed.isEmpty else {
      worst.computedText = "\(computed.count) values"
      worst.expectedText = "\(expected.count) values"
      worst.remark = computed.isEmpty ? "nothing to compare" : "the lengths differ"
      return worst
    }
    for (index, pair) in zip(computed, expected).enumerated() {
      var record = equality(statement, pair.0, pair.1, tolerance)
      let isWorse = !((record.difference ?? .nan) <= (worst.difference ?? -1))
      guard isWorse else { continue }
      record.count = computed.count
      record.position = index
      worst = record
      if record.difference?.isNaN != false { break }
    }
    return worst
  }

  static func exactly(
    _ statement: String, _ computed: String, _ expected: String
  ) -> CheckRecord {
    var record = CheckRecord(
      statement: statement, test: .isExactly, passed: computed == expected)
    record.computedText = computed
    record.expectedText = expected
    return record
  }

  static func estimate(
    _ statement: String, _ computed: Estimate, _ expected: Double,
    allowed: Double
  ) -> CheckRecord {
    var record = CheckRecord(statement: statement, test: .estimates)
    record.computed = computed.mean
    record.standardError = computed.standardError
    record.expected = expected
    record.difference = abs(computed.mean - expected)
    record.standardErrors = countStandardErrors(computed.mean - expected, computed.standardError)
    record.allowedStandardErrors = allowed
    record.passed = abs(record.standardErrors ?? .nan) <= allowed
    return record
  }

  /// A difference in standard errors; exact agreement is none, even if the standard error is zero.
  private static func countStandardErrors(_ difference: Double, _ standardError: Double) -> Double {
    guard standardError >= 0, !difference.isNaN else { return .nan }
    return difference == 0 ? 0 : difference / standardError
  }

  static func bound(
    _ statement: String, _ computed: Double, _ test: Test, _ bound: Double
  ) -> CheckRecord {
    var record = CheckRecord(statement: statement, test: test)
    record.computed = computed
    record.expected = bound
    switch test {
    case .isAtMost: record.passed = computed <= bound
    case .isBelow: record.passed = computed < bound
    case .isAtLeast: record.passed = computed >= bound
    case .isAbove: record.passed = computed > bound
    default: fatalError("\(test) is no inequality")
    }
    let isUpper = test == .isAtMost || test == .isBelow
    record.difference = isUpper ? bound - computed : computed - bound
    return record
  }

  /// An inequality of estimates, by a number of standard errors of the difference.
  static func bound(
    _ statement: String, _ computed: Estimate, _ test: Test, _ other: Estimate,
    demanded: Double
  ) -> CheckRecord {
    var record = bound(statement, computed.mean, test, other.mean)
    let apart = computed - other
    record.standardError = computed.standardError
    record.standardErrors = countStandardErrors(record.difference ?? .nan, apart.standardError)
    record.allowedStandardErrors = demanded
    record.passed = record.passed && (record.standardErrors ?? .nan) >= demanded
    return record
  }

  static func order(
    _ statement: String, _ values: [Double], _ test: Test
  ) -> CheckRecord {
    var record = CheckRecord(statement: statement, test: test)
    record.count = values.count
    guard let first = values.first, let last = values.last, values.count > 1 else {
      record.remark = "fewer than two values"
      return record
    }
    record.numbers = [Named("first", first), Named("last", last)]
    let sign = test == .increases ? 1.0 : -1.0
    var smallest = Double.infinity
    for (index, pair) in zip(values, values.dropFirst()).enumerated() {
      let step = sign * (pair.1 - pair.0)
      if !(step >= smallest) {
        smallest = step
        record.position = index
      }
      if step.isNaN { break }
    }
    record.difference = smallest
    record.passed = smallest > 0
    return record
  }

  static func condition(
    _ statement: String, _ holds: Bool, _ numbers: [Named]
  ) -> CheckRecord {
    guard !numbers.isEmpty else {
      fatalError("'\(statement)': show the numbers that the condition is about")
    }
    var record = CheckRecord(statement: statement, test: .holds)
    record.numbers = numbers
    record.passed = holds && !numbers.contains { $0.value.isNaN }
    return record
  }

  /// A printed formula and the right one against a second route.
  ///
  /// Passes if the right one agrees with the second route and the printed one is further from the
  /// right one than `apart`. A printed formula that gives an infinity is wrong enough; a NaN fails.
  static func erratum(
    _ statement: String, source: String, printed: Double, right: Double,
    against agreement: CheckRecord, apart: Double
  ) -> CheckRecord {
    var record = agreement
    record.statement = statement
    record.test = .erratum
    record.source = source
    record.printed = printed
    record.computed = right
    record.apart = apart
    record.passed = agreement.passed && abs(printed - right) > apart
    return record
  }
}
