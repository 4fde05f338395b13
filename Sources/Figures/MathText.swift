/// A text with `$…$` mathematics that has been laid out: where every glyph goes, and how much
/// space it takes.
///
/// Inside dollar signs a part of TeX is understood: `_` and `^`, Greek letters, `\bar \hat \tilde
/// \dot \vec \overline`, `\sqrt`, `\frac`, `\mathcal`, `\mathbb`, `\mathbf`, `\text`, `\log` and its
/// kin, operators, relations and arrows. A command that is not known is written out as it stands.
/// `\$` is a dollar sign, and a line feed starts a new line.
public struct MathText: Sendable {
  enum Piece: Sendable {
    case glyphs(String, Font, Double, Point)
    case stroke(Path, Double)
    case fill(Path)

    func moved(by shift: Point) -> Piece {
      switch self {
      case .glyphs(let string, let font, let size, let p): .glyphs(string, font, size, p + shift)
      case .stroke(let path, let width): .stroke(path.transformed { $0 + shift }, width)
      case .fill(let path): .fill(path.transformed { $0 + shift })
      }
    }
  }

  let pieces: [Piece]
  /// The width of the widest line.
  public let width: Double
  /// The space above the baseline of the first line.
  public let ascent: Double
  /// The space below the baseline of the first line, further lines included.
  public let descent: Double
  private let capHeight: Double

  /// The height of all lines together.
  public var height: Double { ascent + descent }

  /// Lays out a text; lines after the first are aligned by `alignment`.
  public init(
    _ markup: String, size: Double = Style.fontSize, bold: Bool = false,
    alignment: Anchor.Horizontal = .center
  ) {
    let lines = markup.split(separator: "\n", omittingEmptySubsequences: false).map {
      MathText.line($0, size: size, bold: bold)
    }
    let width = lines.map { max($0.advance, $0.right) }.max() ?? 0
    var pieces: [Piece] = []
    var baseline = 0.0
    var descent = 0.0
    for (index, line) in lines.enumerated() {
      if index > 0 { baseline += max(1.3 * size, line.top + descent - baseline + 0.25 * size) }
      let slack = width - line.advance
      let x = alignment == .left ? 0 : alignment == .right ? slack : slack / 2
      pieces += line.pieces.map { $0.moved(by: Point(x, baseline)) }
      descent = baseline + max(0.24 * size, line.bottom)
    }
    self.pieces = pieces
    self.width = width
    self.descent = descent
    ascent = max(0.76 * size, lines.first?.top ?? 0)
    capHeight = 0.73 * size
  }

  // Odd parts between dollar signs are mathematics.
  private static func line(_ source: Substring, size: Double, bold: Bool) -> MathBox {
    let layout = MathLayout(bold: bold)
    var result = MathBox()
    var pen = 0.0
    for (index, part) in parts(source).enumerated() where !part.isEmpty {
      let node: MathNode
      if index % 2 == 1 {
        var parser = MathParser(part[...], bold: bold)
        node = parser.parse()
      } else {
        node = .words(part)
      }
      let box = layout.box(node, size: size)
      result.place(box, x: pen)
      pen += box.advance
    }
    result.advance = pen
    return result
  }

  static func parts(_ source: Substring) -> [String] {
    var parts = [""]
    var escaped = false
    for c in source {
      if c == "$" && !escaped {
        parts.append("")
      } else {
        if escaped && c == "$" && parts.count % 2 == 1 { parts[parts.count - 1].removeLast() }
        parts[parts.count - 1].append(c)
      }
      escaped = c == "\\" && !escaped
    }
    return parts
  }

  /// Returns the markup with line feeds put at spaces outside mathematics, so that no line is
  /// wider than `width` where that is possible.
  public static func wrapped(
    _ markup: String, width: Double, size: Double = Style.fontSize, bold: Bool = false
  ) -> String {
    var lines: [String] = []
    for paragraph in markup.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in words(paragraph) {
        let longer = line.isEmpty ? word : line + " " + word
        if !line.isEmpty && MathText(longer, size: size, bold: bold).width > width {
          lines.append(line)
          line = word
        } else {
          line = longer
        }
      }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }

  // Splits at spaces, but never inside mathematics.
  private static func words(_ source: Substring) -> [String] {
    var words = [""]
    for (index, part) in parts(source).enumerated() {
      guard index % 2 == 0 else {
        words[words.count - 1] += "$\(part)$"
        continue
      }
      let pieces = part.split(separator: " ", omittingEmptySubsequences: false)
      words[words.count - 1] += pieces.first.map { String($0) } ?? ""
      words += pieces.dropFirst().map { String($0) }
    }
    return words.filter { !$0.isEmpty }
  }

  // Middle is the middle of a capital of the first line, so that numbers on an axis sit level
  // whether or not one of them has a script; with several lines it is the middle of all.
  func origin(for p: Point, anchor: Anchor) -> Point {
    let x =
      switch anchor.horizontal {
      case .left: p.x
      case .center: p.x - width / 2
      case .right: p.x - width
      }
    let hasManyLines = descent > 1.2 * capHeight / 0.73
    let y =
      switch anchor.vertical {
      case .top: p.y + ascent
      case .bottom: p.y - descent
      case .baseline: p.y
      case .middle: p.y + (hasManyLines ? (ascent - descent) / 2 : capHeight / 2)
      }
    return Point(x, y)
  }

  /// Returns the rectangle that the text takes when `anchor` is put at `p`.
  public func bounds(at p: Point, anchor: Anchor) -> Rectangle {
    let origin = origin(for: p, anchor: anchor)
    return Rectangle(x: origin.x, y: origin.y - ascent, width: width, height: height)
  }
}
