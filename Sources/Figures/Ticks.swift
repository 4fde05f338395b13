import Foundation

/// A marked place on an axis and what is written beside it.
public struct Tick: Equatable, Sendable {
  /// The number at which the mark stands.
  public var value: Double
  /// What is written beside it, with `$…$` mathematics.
  public var label: String

  /// Makes a tick.
  public init(_ value: Double, _ label: String) {
    self.value = value
    self.label = label
  }
}

/// The marks of an axis: round numbers that suit its range.
public struct Ticks: Equatable, Sendable {
  /// The marks that carry a label.
  public var major: [Tick] = []
  /// The places of the short marks without labels.
  public var minor: [Double] = []
  /// The power of ten that all labels are to be multiplied by.
  public var exponent = 0

  /// Chooses about `count` round numbers within a range.
  public init(_ range: ClosedRange<Double>, scale: Scale = .linear, count: Int) {
    switch scale {
    case .linear: self = Ticks.linear(range, count: count)
    case .log: self = Ticks.logarithmic(range, count: count)
    }
  }

  init() {}

  // MARK: - Linear

  /// Returns the smallest 1, 2 or 5 times a power of ten that fits into `length` at most
  /// `count` times, a part of a step not counted.
  static func niceStep(_ length: Double, count: Int) -> Double {
    let smallest: Double = length / (Double(max(count, 1)) + 1)
    let power: Double = pow(10, floor(log10(smallest)))
    let bound: Double = smallest * (1 + 1e-9)
    for factor: Double in [1, 2, 5] where factor * power > bound { return factor * power }
    return 10 * power
  }

  private static func linear(_ range: ClosedRange<Double>, count: Int) -> Ticks {
    let length = range.upperBound - range.lowerBound
    guard length > 0, length.isFinite else {
      return Ticks(values: [range.lowerBound], step: max(abs(range.lowerBound), 1))
    }
    let step = niceStep(length, count: count)
    let first = Int((range.lowerBound / step - 1e-9).rounded(.up))
    let last = Int((range.upperBound / step + 1e-9).rounded(.down))
    return Ticks(values: first <= last ? (first...last).map { Double($0) * step } : [], step: step)
  }

  /// Labels values that are multiples of `step` with as many decimals as the step needs.
  init(values: [Double], step: Double) {
    let largest = values.map(abs).max() ?? 0
    let stepDecimals = Ticks.decimals(step)
    if largest >= 1e5 || stepDecimals > 3 { exponent = Ticks.exponent(largest) }
    let unit = pow(10, Double(exponent))
    let decimals = exponent == 0 ? stepDecimals : Ticks.decimals(step / unit)
    major = values.map { Tick($0, Ticks.format($0 / unit, decimals: decimals)) }
  }

  /// Returns the exponent of the first digit.
  static func exponent(_ value: Double) -> Int {
    value > 0 ? Int(floor(log10(value) + 1e-9)) : 0
  }

  static func decimals(_ step: Double) -> Int { max(0, -exponent(step)) }

  /// Writes a number with a true minus sign, and groups of three digits from 10 000 on.
  public static func format(_ value: Double, decimals: Int) -> String {
    var digits = String(format: "%.\(decimals)f", abs(value))
    if abs(value) >= 9999.5 {
      let point = digits.firstIndex(of: ".") ?? digits.endIndex
      var i = digits.distance(from: digits.startIndex, to: point) - 3
      while i > 0 {
        digits.insert("\u{2009}", at: digits.index(digits.startIndex, offsetBy: i))
        i -= 3
      }
    }
    let isZero = digits.allSatisfy { $0 == "0" || $0 == "." }
    return value < 0 && !isZero ? "−" + digits : digits
  }

  // MARK: - Given values

  /// Labels values that somebody has chosen, each so that it can be read by itself.
  static func labeled(_ values: [Double], scale: Scale = .linear) -> [Tick] {
    let largest = values.map(abs).max() ?? 0
    let powers = values.map { $0 > 0 ? log10($0) : .nan }
    if scale == .log && powers.allSatisfy({ abs($0 - $0.rounded()) < 1e-9 }) {
      return zip(values, powers).map { Tick($0, "$10^{\(Int($1.rounded()))}$") }
    }
    func isExact(_ value: Double, _ decimals: Int) -> Bool {
      let shifted = value * pow(10, Double(decimals))
      return abs(shifted - shifted.rounded()) < 1e-6
    }
    let decimals = (0...4).first { d in values.allSatisfy { isExact($0, d) } }
    if let decimals, largest < 1e5 {
      return values.map { Tick($0, format($0, decimals: decimals)) }
    }
    return values.map { Tick($0, rounded($0)) }
  }

  // Three digits, with a power of ten where the number is very large or small.
  private static func rounded(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let e = exponent(abs(value))
    if (-3...4).contains(e) {
      let digits = format(value, decimals: max(0, 2 - e))
      return digits.contains(".") ? trimmed(digits) : digits
    }
    return "$\(trimmed(format(value / pow(10, Double(e)), decimals: 2)))\\times10^{\(e)}$"
  }

  private static func trimmed(_ digits: String) -> String {
    var digits = digits
    while digits.last == "0" { digits.removeLast() }
    if digits.last == "." { digits.removeLast() }
    return digits
  }

  // MARK: - Logarithmic

  private static func logarithmic(_ range: ClosedRange<Double>, count: Int) -> Ticks {
    let low = log10(range.lowerBound)
    let high = log10(range.upperBound)
    let first = Int((low - 1e-9).rounded(.up))
    let last = Int((high + 1e-9).rounded(.down))
    guard last > first else { return withinDecades(range, count: count) }
    var ticks = Ticks()
    let stride = Ticks.decadeStride(last - first + 1, count: count)
    for e in first...last {
      if e % stride == 0 {
        ticks.major.append(Tick(pow(10, Double(e)), "$10^{\(e)}$"))
      } else {
        ticks.minor.append(pow(10, Double(e)))
      }
    }
    if stride == 1 && last - first < 12 {
      ticks.minor += multiples([2, 3, 4, 5, 6, 7, 8, 9], in: range)
    }
    return ticks
  }

  private static func decadeStride(_ decades: Int, count: Int) -> Int {
    [1, 2, 3, 4, 5, 10, 20, 50].first { (decades - 1) / $0 + 1 <= max(count, 2) } ?? 100
  }

  // Less than two powers of ten: label some of their multiples.
  private static func withinDecades(_ range: ClosedRange<Double>, count: Int) -> Ticks {
    var ticks = Ticks()
    for factors in [[1.0], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 8]] {
      let values = multiples(factors, in: range)
      ticks.major = values.map { Tick($0, scientific($0)) }
      if values.count >= 3 { break }
    }
    if ticks.major.count < 2 { return linear(range, count: count) }
    let labeled = Set(ticks.major.map(\.value))
    ticks.minor = multiples([1, 2, 3, 4, 5, 6, 7, 8, 9], in: range).filter { !labeled.contains($0) }
    return ticks
  }

  private static func multiples(_ factors: [Double], in range: ClosedRange<Double>) -> [Double] {
    let first = Int(floor(log10(range.lowerBound)))
    let last = Int(ceil(log10(range.upperBound)))
    let low = range.lowerBound * (1 - 1e-9)
    let high = range.upperBound * (1 + 1e-9)
    var values: [Double] = []
    for e in first...last {
      let power = pow(10, Double(e))
      values += factors.map { $0 * power }.filter { $0 >= low && $0 <= high }
    }
    return values
  }

  private static func scientific(_ value: Double) -> String {
    let e = exponent(value)
    let mantissa = Int((value / pow(10, Double(e))).rounded())
    if (-2...3).contains(e) { return format(value, decimals: max(0, -e)) }
    return mantissa == 1 ? "$10^{\(e)}$" : "$\(mantissa)\\times10^{\(e)}$"
  }
}
