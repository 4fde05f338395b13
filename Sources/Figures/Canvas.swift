import CCairo

/// A surface to draw on: paths, text and pictures in pixels, y growing downward.
///
/// A canvas is lent to a drawing closure or to `Drawable.draw(on:in:)`; the same calls make
/// vector files and pictures.
public final class Canvas {
  /// The extent of the whole surface.
  public let size: Size
  let context: OpaquePointer
  let isVector: Bool
  let pixelsPerUnit: Double

  // The caller owns the cairo context and keeps it alive for as long as the canvas draws.
  init(context: OpaquePointer, size: Size, isVector: Bool, pixelsPerUnit: Double) {
    self.context = context
    self.size = size
    self.isVector = isVector
    self.pixelsPerUnit = pixelsPerUnit
  }

  // MARK: - Paths

  /// Fills the inside of a path; where pieces overlap, `evenOdd` makes holes.
  public func fill(_ path: Path, _ color: Color, evenOdd: Bool = false) {
    guard !path.isEmpty, color.opacity > 0 else { return }
    trace(path)
    setSource(color)
    cairo_set_fill_rule(context, evenOdd ? CAIRO_FILL_RULE_EVEN_ODD : CAIRO_FILL_RULE_WINDING)
    cairo_fill(context)
  }

  /// Draws the outline of a path.
  public func stroke(_ path: Path, _ color: Color, _ stroke: Stroke = Stroke()) {
    guard !path.isEmpty, color.opacity > 0, stroke.width > 0 else { return }
    trace(path)
    setSource(color)
    cairo_set_line_width(context, stroke.width)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_set_line_cap(
      context, stroke.cap == .round ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT)
    let dashes = stroke.dash.lengths(width: stroke.width)
    cairo_set_dash(context, dashes, Int32(dashes.count), 0)
    cairo_stroke(context)
  }

  /// Draws the outline of a path.
  public func stroke(_ path: Path, _ color: Color, width: Double, dash: Dash = .solid) {
    stroke(path, color, Stroke(width: width, dash: dash))
  }

  /// Fills the whole surface.
  public func paint(_ color: Color) {
    setSource(color)
    cairo_paint(context)
  }

  // MARK: - State

  /// Draws with everything outside `path` cut off.
  public func clipped<Result>(to path: Path, _ body: () throws -> Result) rethrows -> Result {
    try saved {
      trace(path)
      cairo_clip(context)
      return try body()
    }
  }

  /// Draws with everything outside `rectangle` cut off.
  public func clipped<Result>(
    to rectangle: Rectangle, _ body: () throws -> Result
  ) rethrows -> Result {
    try clipped(to: .rectangle(rectangle), body)
  }

  /// Draws with the origin moved to `p`.
  public func translated<Result>(
    to p: Point, _ body: () throws -> Result
  ) rethrows -> Result {
    try saved {
      cairo_translate(context, p.x, p.y)
      return try body()
    }
  }

  /// Draws with the axes turned clockwise by `angle` radians about `center`.
  public func rotated<Result>(
    by angle: Double, about center: Point, _ body: () throws -> Result
  ) rethrows -> Result {
    try saved {
      cairo_translate(context, center.x, center.y)
      cairo_rotate(context, angle)
      cairo_translate(context, -center.x, -center.y)
      return try body()
    }
  }

  /// Draws with all lengths multiplied by the two factors.
  public func scaled<Result>(
    x: Double, y: Double, _ body: () throws -> Result
  ) rethrows -> Result {
    try saved {
      cairo_scale(context, x, y)
      return try body()
    }
  }

  private func saved<Result>(_ body: () throws -> Result) rethrows -> Result {
    cairo_save(context)
    defer { cairo_restore(context) }
    return try body()
  }

  // MARK: - Text

  /// Writes text with `$…$` mathematics; `anchor` names the point of the text that is put at `p`,
  /// and `rotation` turns it clockwise about that point, in radians.
  public func text(
    _ markup: String, at p: Point, anchor: Anchor = .baselineLeft, color: Color = .ink,
    size: Double = Style.fontSize, bold: Bool = false, rotation: Double = 0
  ) {
    let layout = MathText(markup, size: size, bold: bold)
    guard rotation == 0 else {
      rotated(by: rotation, about: p) { draw(layout, at: p, anchor: anchor, color: color) }
      return
    }
    draw(layout, at: p, anchor: anchor, color: color)
  }

  /// Draws text that has been laid out.
  public func draw(_ text: MathText, at p: Point, anchor: Anchor = .baselineLeft, color: Color) {
    let origin = text.origin(for: p, anchor: anchor)
    for piece in text.pieces {
      switch piece {
      case .glyphs(let string, let font, let size, let position):
        setSource(color)
        cairo_set_font_face(context, font.face)
        var matrix = font.matrix(size: size)
        cairo_set_font_matrix(context, &matrix)
        cairo_set_font_options(context, Font.options)
        cairo_move_to(context, origin.x + position.x, origin.y + position.y)
        cairo_show_text(context, string)
        cairo_new_path(context)
      case .stroke(let path, let width):
        stroke(path.transformed { $0 + origin }, color, Stroke(width: width, cap: .round))
      case .fill(let path):
        fill(path.transformed { $0 + origin }, color)
      }
    }
  }

  // MARK: - Pictures

  /// Draws a picture into a rectangle; its pixels stay sharp squares unless `smooth`.
  public func draw(_ picture: Picture, in target: Rectangle, smooth: Bool = false) {
    // Viewers of vector files blur magnified images, so the squares are made of pixels already.
    let factor = max(
      target.width / Double(picture.width), target.height / Double(picture.height))
    let magnified =
      isVector && !smooth
      ? picture.magnified(by: min(64, Int((2 * factor).rounded(.up)))) : picture
    let surface = magnified.makeSurface()
    defer { cairo_surface_destroy(surface) }
    saved {
      cairo_translate(context, target.x, target.y)
      cairo_scale(
        context, target.width / Double(magnified.width), target.height / Double(magnified.height))
      cairo_set_source_surface(context, surface, 0, 0)
      let pattern = cairo_get_source(context)
      cairo_pattern_set_filter(pattern, smooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST)
      cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD)
      cairo_rectangle(context, 0, 0, Double(magnified.width), Double(magnified.height))
      cairo_fill(context)
    }
  }

  // MARK: - Cairo

  private func trace(_ path: Path) {
    cairo_new_path(context)
    for element in path.elements {
      switch element {
      case .move(let p): cairo_move_to(context, p.x, p.y)
      case .line(let p): cairo_line_to(context, p.x, p.y)
      case .curve(let a, let b, let p): cairo_curve_to(context, a.x, a.y, b.x, b.y, p.x, p.y)
      case .close: cairo_close_path(context)
      }
    }
  }

  private func setSource(_ c: Color) {
    cairo_set_source_rgba(context, c.red, c.green, c.blue, c.opacity)
  }
}

/// How the outline of a path is drawn.
public struct Stroke: Equatable, Sendable {
  /// The shape of the ends of an open line.
  public enum Cap: Sendable { case butt, round }

  /// The thickness in pixels.
  public var width: Double
  /// The pattern of the line.
  public var dash: Dash
  /// The shape of its ends.
  public var cap: Cap

  /// Makes a pen.
  public init(width: Double = Style.lineWidth, dash: Dash = .solid, cap: Cap = .butt) {
    self.width = width
    self.dash = dash
    self.cap = cap
  }
}

/// The pattern of a line.
public enum Dash: Equatable, Sendable {
  case solid, dashed, dotted, dashDotted

  func lengths(width: Double) -> [Double] {
    let unit = max(width, 0.8)
    return switch self {
    case .solid: []
    case .dashed: [4 * unit, 2.5 * unit]
    case .dotted: [1.2 * unit, 1.8 * unit]
    case .dashDotted: [5 * unit, 2 * unit, 1.2 * unit, 2 * unit]
    }
  }
}

/// The point of a text or box that a position refers to.
public struct Anchor: Equatable, Sendable {
  /// The places across a text.
  public enum Horizontal: Sendable { case left, center, right }
  /// The places along its height; the baseline is that of the first line.
  public enum Vertical: Sendable { case top, middle, baseline, bottom }

  /// The place across.
  public var horizontal: Horizontal
  /// The place along the height.
  public var vertical: Vertical

  /// Makes an anchor.
  public init(_ horizontal: Horizontal, _ vertical: Vertical) {
    self.horizontal = horizontal
    self.vertical = vertical
  }

  /// The upper left corner.
  public static let topLeft = Anchor(.left, .top)
  /// The middle of the upper edge.
  public static let top = Anchor(.center, .top)
  /// The upper right corner.
  public static let topRight = Anchor(.right, .top)
  /// The middle of the left edge.
  public static let left = Anchor(.left, .middle)
  /// The middle.
  public static let center = Anchor(.center, .middle)
  /// The middle of the right edge.
  public static let right = Anchor(.right, .middle)
  /// The lower left corner.
  public static let bottomLeft = Anchor(.left, .bottom)
  /// The middle of the lower edge.
  public static let bottom = Anchor(.center, .bottom)
  /// The lower right corner.
  public static let bottomRight = Anchor(.right, .bottom)
  /// The start of the baseline.
  public static let baselineLeft = Anchor(.left, .baseline)
  /// The middle of the baseline.
  public static let baseline = Anchor(.center, .baseline)
  /// The end of the baseline.
  public static let baselineRight = Anchor(.right, .baseline)
}
