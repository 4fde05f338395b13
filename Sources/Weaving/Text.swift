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
