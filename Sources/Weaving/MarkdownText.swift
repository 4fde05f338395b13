/// Plain text as Markdown.
enum MarkdownText {
  /// Returns Markdown that shows `text` as it is, in a paragraph or in the cell of a table.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      case "$": result += "<span>$</span>"
      case "\n": result += " "
      case "|", "*", "_", "`", "[", "]", "~", "\\": result += "\\" + String(character)
      default: result.append(character)
      }
    }
    return result
  }

  /// An image with words for those who cannot see it.
  static func image(_ place: String, _ alternative: String, width: Int?) -> String {
    guard let width else { return "![\(escaped(alternative))](\(place))" }
    let words = alternative.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      .replacing("\"", with: "&quot;").replacing("\n", with: " ")
    return "<img src=\"\(place)\" width=\"\(width)\" alt=\"\(words)\">"
  }

  /// A row of a table from cells that are Markdown already.
  static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

  /// A fenced block, with a fence longer than any in `lines`.
  static func fenced(_ language: String, _ lines: [String]) -> [String] {
    let longest =
      lines.map { line in line.drop { $0 == " " }.prefix { $0 == "`" }.count }.max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return [fence + language] + lines + [fence]
  }
}
