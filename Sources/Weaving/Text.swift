extension StringProtocol {
  /// The text without spaces and tabs at both ends.
  func trimmingSpaces() -> String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return String(text)
  }
}

extension String {
  /// Where `pattern` occurs last.
  func range(ofLast pattern: String) -> Range<String.Index>? {
    var start = index(endIndex, offsetBy: -pattern.count, limitedBy: startIndex)
    while let from = start {
      if self[from...].hasPrefix(pattern) {
        return from..<index(from, offsetBy: pattern.count)
      }
      start = from > startIndex ? index(before: from) : nil
    }
    return nil
  }
}

/// A 64-bit digest by which stale files are noticed (Fowler, Noll and Vo's FNV-1a). It does not
/// guard against forgery.
public struct Digest: Sendable {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  /// Adds the bytes of `text`.
  public mutating func add(_ text: String) { add(bytes: text.utf8) }

  /// Adds `bytes`.
  public mutating func add(bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  /// The digest as 16 hexadecimal digits.
  public var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
