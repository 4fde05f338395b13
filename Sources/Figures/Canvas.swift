import CCairo

/// A surface to draw on: paths, text and pictures in pixels, y growing downward.
///
/// A canvas is lent to a drawing closure or to `Drawable.draw(on:in:)`; the same calls make
/// vector files and pictures.
@safe public final class Canvas {
  /// The extent of the whole surface.
  public let size: Size
  let context: OpaquePointer
  let isVector: Bool
  let pixelsPerUnit: Double

  // The caller owns the cairo context and keeps it alive for as long as the canvas draws.
  init(context: OpaquePointer, size: Size, isVector: Bool, pixelsPerUnit: Double) {
    unsafe self.context = unsafe context
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
    unsafe cairo_set_fill_rule(
      context, evenOdd ? CAIRO_FILL_RULE_EVEN_ODD : CAIRO_FILL_RULE_WINDING)
    unsafe cairo_fill(context)
  }

  /// Draws the outline of a path.
  public func stroke(_ path: Path, _ color: Color, _ stroke: Stroke = Stroke()) {
    guard !path.isEmpty, color.opacity > 0, stroke.width > 0 else { return }
    trace(path)
    setSource(color)
    unsafe cairo_set_line_width(context, stroke.width)
    unsafe cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    unsafe cairo_set_line_cap(
      context, stroke.cap == .round ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT)
    let dashes = stroke.dash.lengths(width: stroke.width)
    unsafe cairo_set_dash(context, dashes, Int32(dashes.count), 0)
    unsafe cairo_stroke(context)
  }

  /// Draws the outline of a path.
  public func stroke(_ path: Path, _ color: Color, width: Double, dash: Dash = .solid) {
    stroke(path, color, Stroke(width: width, dash: dash))
  }

  /// Fills a circle; in files it takes much less space than a path.
  public func dot(_ p: Point, radius: Double, _ color: Color) {
    // A line without length is drawn as nothing but its two round ends.
    stroke(.segment(p, p), color, Stroke(width: 2 * radius, cap: .round))
  }

  /// Fills the whole surface.
  public func paint(_ color: Color) {
    setSource(color)
    unsafe cairo_paint(context)
  }

  // MARK: - State

  /// Draws with everything outside `path` cut off.
  public func clipped<Result>(to path: Path, _ body: () throws -> Result) rethrows -> Result {
    try saved {
      trace(path)
      unsafe cairo_clip(context)
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
      unsafe cairo_translate(context, p.x, p.y)
      return try body()
    }
  }

  /// Draws with the axes turned clockwise by `angle` radians about `center`.
  public func rotated<Result>(
    by angle: Double, about center: Point, _ body: () throws -> Result
  ) rethrows -> Result {
    try saved {
      unsafe cairo_translate(context, center.x, center.y)
      unsafe cairo_rotate(context, angle)
      unsafe cairo_translate(context, -center.x, -center.y)
      return try body()
    }
  }

  /// Draws with all lengths multiplied by the two factors.
  public func scaled<Result>(
    x: Double, y: Double, _ body: () throws -> Result
  ) rethrows -> Result {
    try saved {
      unsafe cairo_scale(context, x, y)
      return try body()
    }
  }

  private func saved<Result>(_ body: () throws -> Result) rethrows -> Result {
    unsafe cairo_save(context)
    defer { unsafe cairo_restore(context) }
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
        unsafe cairo_set_font_face(context, font.face)
        var matrix = font.matrix(size: size)
        unsafe cairo_set_font_matrix(context, &matrix)
        unsafe cairo_set_font_options(context, Font.options)
        unsafe cairo_move_to(context, origin.x + position.x, origin.y + position.y)
        unsafe cairo_show_text(context, string)
        unsafe cairo_new_path(context)
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
    let surface = unsafe magnified.makeSurface()
    defer { unsafe cairo_surface_destroy(surface) }
    saved {
      unsafe cairo_translate(context, target.x, target.y)
      unsafe cairo_scale(
        context, target.width / Double(magnified.width), target.height / Double(magnified.height))
      unsafe cairo_set_source_surface(context, surface, 0, 0)
      let pattern = unsafe cairo_get_source(context)
      unsafe cairo_pattern_set_filter(pattern, smooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST)
      unsafe cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD)
      unsafe cairo_rectangle(context, 0, 0, Double(magnified.width), Double(magnified.height))
      unsafe cairo_fill(context)
    }
  }

  /// Draws into a rectangle by way of a transparent picture if the file is one of paths; for
  /// drawings of so many pieces that their picture is smaller.
  public func rasterized(_ box: Rectangle, _ body: (Canvas) -> Void) {
    guard isVector else {
      body(self)
      return
    }
    let density = 3.0
    let surface = unsafe cairo_image_surface_create(
      CAIRO_FORMAT_ARGB32, Int32((box.width * density).rounded(.up)),
      Int32((box.height * density).rounded(.up)))
    let inner = unsafe cairo_create(surface)
    defer {
      unsafe cairo_destroy(inner)
      unsafe cairo_surface_destroy(surface)
    }
    guard let inner = unsafe inner else { fatalError("cannot make a surface for \(box)") }
    unsafe cairo_scale(inner, density, density)
    unsafe cairo_translate(inner, -box.x, -box.y)
    unsafe body(Canvas(context: inner, size: size, isVector: false, pixelsPerUnit: density))
    saved {
      unsafe cairo_translate(context, box.x, box.y)
      unsafe cairo_scale(context, 1 / density, 1 / density)
      unsafe cairo_set_source_surface(context, surface, 0, 0)
      unsafe cairo_paint(context)
    }
  }

  // MARK: - Cairo

  private func trace(_ path: Path) {
    unsafe cairo_new_path(context)
    for element in path.elements {
      switch element {
      case .move(let p): unsafe cairo_move_to(context, p.x, p.y)
      case .line(let p): unsafe cairo_line_to(context, p.x, p.y)
      case .curve(let a, let b, let p): unsafe cairo_curve_to(context, a.x, a.y, b.x, b.y, p.x, p.y)
      case .close: unsafe cairo_close_path(context)
      }
    }
  }

  private func setSource(_ c: Color) {
    unsafe cairo_set_source_rgba(context, c.red, c.green, c.blue, c.opacity)
  }
}
