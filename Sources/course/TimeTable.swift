import Weaving

/// How long chapters ran: a line for each, and one for all.
struct TimeTable {
  /// A chapter's time in seconds, building left out; nil if it did not finish.
  struct Entry {
    let chapter: String
    let seconds: Double?
  }

  private(set) var entries: [Entry] = []

  /// Adds the line of a chapter.
  mutating func add(_ chapter: String, seconds: Double?) {
    entries.append(Entry(chapter: chapter, seconds: seconds))
  }

  /// The lines of the table; none for fewer than two chapters.
  var lines: [String] {
    guard entries.count > 1 else { return [] }
    let total = entries.compactMap(\.seconds).reduce(0, +)
    let rows = entries.map { ($0.chapter, $0.seconds.map(Self.text) ?? "failed") }
    let all = [("chapter", "seconds")] + rows + [("total", Self.text(total))]
    let left = all.map(\.0.count).max() ?? 0, right = all.map(\.1.count).max() ?? 0
    return all.map { $0.paddedRight(to: left + 2) + $1.paddedLeft(to: right) }
  }

  private static func text(_ seconds: Double) -> String {
    NumberText.fixed(seconds, decimals: 1)
  }
}
