import Foundation

/// How numbers are written, on the terminal and on pages alike.
public enum NumberText {
  /// Writes `value` with at most `digits` significant digits and no trailing zeros.
  ///
  /// From a ten-thousandth up to ten million in positional notation, beyond in the form
  /// `4.03583e-5`. Integers of at most 15 digits are written in full.
  public static func short(_ value: Double, digits: Int = 6) -> String {
    guard value.isFinite else { return nonFinite(value) }
    if value == 0 { return "0" }
    if value == value.rounded(), abs(value) < 1e9 { return String(Int(value)) }
    let exponent = decimalExponent(value, digits: digits)
    if (-4..<7).contains(exponent) {
      return trimmed(fixed(value, decimals: max(0, digits - 1 - exponent)))
    }
    return scientific(value, digits: digits)
  }

  /// Writes a Monte-Carlo mean with its standard error, both to the second digit of the error:
  /// `0.29150 ± 0.00072`.
  public static func estimate(_ mean: Double, _ standardError: Double) -> String {
    guard mean.isFinite, standardError.isFinite, standardError > 0 else {
      return short(mean) + " ± " + short(standardError, digits: 2)
    }
    let decimals = 1 - decimalExponent(standardError, digits: 2)
    guard (0...8).contains(decimals), abs(mean) < 1e7 else {
      return short(mean) + " ± " + short(standardError, digits: 2)
    }
    return fixed(mean, decimals: decimals) + " ± " + fixed(standardError, decimals: decimals)
  }

  /// Writes `value` in positional notation with exactly `decimals` digits after the point.
  public static func fixed(_ value: Double, decimals: Int) -> String {
    value.isFinite ? printed("%.*f", decimals, value) : nonFinite(value)
  }

  /// Writes a column of numbers, with the same number of decimals in all that are not in
  /// scientific form, so that points stand under each other when aligned to the right.
  public static func column(_ values: [Double], digits: Int = 6, decimals: Int? = nil) -> [String] {
    if let decimals { return values.map { fixed($0, decimals: decimals) } }
    let texts = values.map { short($0, digits: digits) }
    let shared = texts.map(decimalsOf).max() ?? 0
    return zip(texts, values).map { text, value in
      value.isFinite && !text.contains("e") ? fixed(value, decimals: shared) : text
    }
  }

  /// Writes a duration in seconds, with the unit that fits: `12 ms`, `3.4 s`, `2 min 5 s`.
  public static func duration(_ seconds: Double) -> String {
    if seconds < 0.9995 { return short(max(0, seconds * 1000), digits: 2) + " ms" }
    if seconds < 59.95 { return fixed(seconds, decimals: 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  private static func nonFinite(_ value: Double) -> String {
    value.isNaN ? "NaN" : value > 0 ? "∞" : "-∞"
  }

  /// The exponent of ten that `value` has after rounding to `digits` significant digits.
  private static func decimalExponent(_ value: Double, digits: Int) -> Int {
    let text = printed("%.*e", max(0, digits - 1), value)
    return text.split(separator: "e").last.flatMap { Int($0) } ?? 0
  }

  private static func scientific(_ value: Double, digits: Int) -> String {
    let parts = printed("%.*e", max(0, digits - 1), value).split(separator: "e")
    let exponent = Int(parts[1]) ?? 0
    return trimmed(String(parts[0])) + "e\(exponent)"
  }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var kept = Substring(text)
    while kept.last == "0" { kept.removeLast() }
    if kept.last == "." { kept.removeLast() }
    return String(kept)
  }

  private static func decimalsOf(_ text: String) -> Int {
    if text.contains("e") { return 0 }
    guard let point = text.firstIndex(of: ".") else { return 0 }
    return text.distance(from: point, to: text.endIndex) - 1
  }

  // Foundation's String(format:) costs milliseconds at its first call.
  private static func printed(_ format: String, _ precision: Int, _ value: Double) -> String {
    unsafe withVaList([Int32(precision), value]) { arguments in
      var buffer = [CChar](repeating: 0, count: 400)
      let length = unsafe vsnprintf(&buffer, buffer.count, format, arguments)
      let bytes = buffer.prefix(min(Int(length), buffer.count - 1)).map { UInt8(bitPattern: $0) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}

extension String {
  /// The text with spaces after it, up to `width` characters.
  public func paddedRight(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }

  /// The text with spaces before it, up to `width` characters.
  public func paddedLeft(to width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }
}
