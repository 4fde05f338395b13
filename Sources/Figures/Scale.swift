import Foundation

/// How numbers become lengths along an axis.
public enum Scale: Equatable, Sendable {
  case linear
  /// Equal factors take equal lengths; only positive numbers have a place.
  case log

  func isDefined(at value: Double) -> Bool {
    value.isFinite && (self == .linear || value > 0)
  }

  func position(_ value: Double) -> Double {
    switch self {
    case .linear: value
    case .log: value <= 0 ? -.infinity : log10(value)
    }
  }

  func value(_ position: Double) -> Double {
    switch self {
    case .linear: position
    case .log: pow(10, position)
    }
  }

  /// Returns where a value lies between the limits: 0 at the lower and 1 at the upper.
  func fraction(of value: Double, in limits: ClosedRange<Double>) -> Double {
    let low = position(limits.lowerBound)
    let high = position(limits.upperBound)
    guard high > low else { return 0.5 }
    return (position(value) - low) / (high - low)
  }

  /// Returns the smallest range that holds all values that have a place on this scale.
  func extent(_ values: some Sequence<Double>) -> ClosedRange<Double>? {
    var low = Double.infinity
    var high = -Double.infinity
    for v in values where isDefined(at: v) {
      low = min(low, v)
      high = max(high, v)
    }
    return low <= high ? low...high : nil
  }

  /// Returns the range widened at both ends by a share of its length on this scale.
  func widened(_ range: ClosedRange<Double>, low: Double, high: Double) -> ClosedRange<Double> {
    let a = position(range.lowerBound)
    let b = position(range.upperBound)
    if b - a <= 1e-12 * max(abs(a), abs(b)) {
      let margin = self == .log ? 0.5 : max(abs(a) * 0.1, a == 0 ? 1 : 0)
      return value(a - margin)...value(b + margin)
    }
    return value(a - low * (b - a))...value(b + high * (b - a))
  }
}

extension ClosedRange<Double> {
  func union(_ other: ClosedRange<Double>?) -> ClosedRange<Double> {
    guard let other else { return self }
    return Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }
}
