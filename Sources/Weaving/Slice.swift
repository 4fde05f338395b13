/// Code that a page pulls from a file: what stands between `// snippet.name` and `// snippet.end`.
enum Slice {
  /// Returns the lines of a slice, moved to the left as far as they go together.
  ///
  /// - Throws: the reason why there is no such slice.
  static func lines(_ name: String, of text: String, file: String) throws(Problem) -> [String] {
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map(String.init)
    let marks = lines.map { mark($0) }
    let starts = marks.indices.filter { marks[$0] == name }
    guard let start = starts.first else {
      throw Problem(file, "has no line // snippet.\(name)")
    }
    guard starts.count == 1 else {
      throw Problem(file, starts[1] + 1, "a second // snippet.\(name); names of slices are unique")
    }
    guard let end = marks[start...].firstIndex(of: "end") else {
      throw Problem(file, start + 1, "snippet.\(name) does not end; add // snippet.end")
    }
    let inside = (start + 1..<end).filter { marks[$0] == nil }.map { lines[$0] }
    let isBlank = inside.allSatisfy { $0.trimmingSpaces().isEmpty }
    guard !isBlank else { throw Problem(file, start + 1, "snippet.\(name) is empty") }
    return outdented(trimmed(inside))
  }

  private static func mark(_ line: String) -> String? {
    let text = line.trimmingSpaces()
    return text.hasPrefix("// snippet.") ? String(text.dropFirst("// snippet.".count)) : nil
  }

  /// The lines without blank ones at both ends.
  static func trimmed(_ lines: [String]) -> [String] {
    var rest = lines[...]
    while let first = rest.first, first.trimmingSpaces().isEmpty { rest.removeFirst() }
    while let last = rest.last, last.trimmingSpaces().isEmpty { rest.removeLast() }
    return Array(rest)
  }

  private static func outdented(_ lines: [String]) -> [String] {
    let depths = lines.filter { !$0.trimmingSpaces().isEmpty }
      .map { $0.prefix { $0 == " " }.count }
    let depth = depths.min() ?? 0
    return lines.map { String($0.dropFirst(depth)) }
  }
}
