import Testing

/// Expects two numbers to differ by no more than `tolerance`, absolutely.
public func expect(
  _ value: Double, equals expected: Double, within tolerance: Double,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    abs(value - expected) <= tolerance, "\(what) \(value) is not \(expected) to \(tolerance)",
    sourceLocation: sourceLocation)
}

/// Expects two numbers to differ by no more than `share` of the second.
public func expect(
  _ value: Double, equals expected: Double, relatively share: Double,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  expect(
    value, equals: expected, within: share * abs(expected), what, sourceLocation: sourceLocation)
}
