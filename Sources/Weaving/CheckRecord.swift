/// The outcome of a check: what was computed, what it must be, how far apart, and the verdict.
public struct CheckRecord: Codable, Equatable, Sendable {
  /// The kinds of check.
  public enum Test: String, Codable, Sendable {
    /// Two numbers, or the elements of two arrays, no further apart than a tolerance.
    case equals
    /// The same integer or text.
    case isExactly
    /// A Monte-Carlo mean within a number of standard errors.
    case estimates
    case isAtMost, isBelow, isAtLeast, isAbove
    /// Strict order of a sequence.
    case increases, decreases
    /// A condition on the numbers that are printed with it.
    case holds
    /// A printed formula and the right one, against a second route to the number.
    case erratum
  }

  /// A number and its name.
  public struct Named: Codable, Equatable, Sendable {
    public var name: String
    public var value: Double

    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// The number of the claim, such as `0.12`; for an erratum, its name, such as `E-B8`; `noClaim`
  /// where no claim stands above the check or its source cannot be read.
  public var claim: String
  /// True where the claim follows from the place of the check: it is the last one above.
  public var isClaimInferred: Bool?
  public var statement: String
  public var test: Test
  public var passed: Bool
  public var computed: Double?
  public var expected: Double?
  public var computedText: String?
  public var expectedText: String?
  public var difference: Double?
  public var tolerance: Double?
  /// True where difference and tolerance are relative to the expected value.
  public var relative: Bool?
  /// The number of elements compared, and the index of the worst.
  public var count: Int?
  public var position: Int?
  public var standardError: Double?
  /// How many standard errors the difference is, and how many are allowed (or, for an inequality,
  /// demanded).
  public var standardErrors: Double?
  public var allowedStandardErrors: Double?
  /// What a source prints, which source, and by how much it must at least be off.
  public var printed: Double?
  public var source: String?
  public var apart: Double?
  public var numbers: [Named]?
  /// Why a check failed that the numbers do not show, such as two lengths that differ.
  public var remark: String?

  public init(claim: String = noClaim, statement: String, test: Test, passed: Bool = false) {
    self.claim = claim
    self.statement = statement
    self.test = test
    self.passed = passed
  }
}

extension CheckRecord {
  /// Stands in place of the number of a claim that is not known.
  public static let noClaim = "–"

  /// The mark of the verdict: `✓` or `✗`.
  public var mark: String { passed ? "✓" : "✗" }

  /// What was computed, in a few words.
  public var computedWords: String {
    if let computedText { return computedText }
    switch test {
    case .holds:
      return (numbers ?? []).map { "\($0.name) = \(write($0.value))" }.joined(separator: ", ")
    case .increases, .decreases:
      guard let first = numbers?.first, let last = numbers?.last else { return "no values" }
      return "\(count ?? 0) values, \(write(first.value)) … \(write(last.value))"
    case .erratum:
      return "printed \(write(printed)), right \(write(computed))"
    default:
      let place = position.map { " at index \($0) of \(count ?? 0)" } ?? ""
      if let computed, let standardError { return NumberText.estimate(computed, standardError) }
      return write(computed) + place
    }
  }

  /// What it must be.
  public var expectedWords: String {
    if let expectedText { return expectedText }
    switch test {
    case .erratum:
      guard let expected, let standardError else { return write(self.expected) }
      return NumberText.estimate(expected, standardError)
    case .equals, .isExactly, .estimates: return write(expected)
    case .isAtMost: return "≤ " + write(expected)
    case .isBelow: return "< " + write(expected)
    case .isAtLeast: return "≥ " + write(expected)
    case .isAbove: return "> " + write(expected)
    case .increases: return "increasing"
    case .decreases: return "decreasing"
    case .holds: return "true"
    }
  }

  /// How close they are and how close they must be.
  public var agreementWords: String {
    if let remark { return remark }
    let relatively = relative == true ? "relative " : ""
    switch test {
    case .isExactly, .holds: return passed ? "holds" : "does not hold"
    case .increases: return "smallest step \(write(difference, digits: 3))"
    case .decreases: return "smallest step down \(write(difference, digits: 3))"
    case .isAtMost, .isBelow, .isAtLeast, .isAbove:
      let margin = "margin \(write(difference, digits: 3))"
      return allowedStandardErrors == nil ? margin : margin + ", " + standardErrorWords("demanded")
    case .estimates: return standardErrorWords("allowed")
    case .equals:
      return "\(relatively)difference \(write(difference, digits: 2)), "
        + "tolerance \(write(tolerance, digits: 2))"
    case .erratum: return erratumWords
    }
  }

  private var erratumWords: String {
    let right =
      allowedStandardErrors == nil
      ? "right is off by \(write(difference, digits: 2)), tolerance \(write(tolerance, digits: 2))"
      : "right is off by \(standardErrorWords("allowed"))"
    let off = printed.flatMap { printed in computed.map { abs(printed - $0) } }
    return right + "; printed is off by \(write(off, digits: 3)), more than "
      + write(apart, digits: 3)
  }

  private func standardErrorWords(_ role: String) -> String {
    "\(write(standardErrors.map(abs), digits: 2)) standard errors, \(write(allowedStandardErrors, digits: 2)) \(role)"
  }

  /// Six digits are enough for a check that passes; one that fails shows where the numbers part.
  private func write(_ value: Double?, digits: Int? = nil) -> String {
    guard let value else { return "–" }
    if let digits { return NumberText.short(value, digits: digits) }
    return NumberText.short(value, digits: passed ? 6 : 12)
  }
}
