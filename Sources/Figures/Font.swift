import CCairo

/// A face of DejaVu, the family that Debian's fontconfig installs.
///
/// Italics are the upright letters sheared, so that they look alike whether or not the family's
/// oblique faces are installed.
enum Font: Sendable {
  case upright, italic, bold, boldItalic, calligraphic

  static let family = "DejaVu Sans"
  static let package = "fonts-dejavu-core"

  var face: OpaquePointer? {
    switch self {
    case .upright, .italic: unsafe Font.regularFace.pointer
    case .bold, .boldItalic: unsafe Font.boldFace.pointer
    case .calligraphic: unsafe Font.serifFace.pointer
    }
  }

  var slant: Double {
    switch self {
    case .upright, .bold: 0
    case .italic, .boldItalic: 0.2
    case .calligraphic: 0.28
    }
  }

  func matrix(size: Double) -> cairo_matrix_t {
    cairo_matrix_t(xx: size, yx: 0, xy: -slant * size, yy: size, x0: 0, y0: 0)
  }

  /// The space that a string takes at size 1: its advance, and the box of its ink.
  struct Extents {
    var advance: Double
    var left: Double
    var right: Double
    var top: Double
    var bottom: Double
  }

  func extents(_ string: String) -> Extents {
    var e = cairo_text_extents_t()
    unsafe cairo_scaled_font_text_extents(scaled.pointer, string, &e)
    let unit = 1 / Font.measuringSize
    return Extents(
      advance: e.x_advance * unit, left: e.x_bearing * unit,
      right: (e.x_bearing + e.width) * unit, top: -e.y_bearing * unit,
      bottom: (e.y_bearing + e.height) * unit)
  }

  // MARK: - Cairo's objects, made once

  // Cairo guards its fonts with locks of its own, so they may be used from any thread.
  @safe struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  // The family has 2048 units to the size, so that every width is a whole number.
  static let measuringSize = 2048.0

  private static let regularFace = makeFace(family, CAIRO_FONT_WEIGHT_NORMAL)
  private static let boldFace = makeFace(family, CAIRO_FONT_WEIGHT_BOLD)
  private static let serifFace = makeFace("DejaVu Serif", CAIRO_FONT_WEIGHT_NORMAL)

  private static let scaledUpright = makeScaled(.upright)
  private static let scaledItalic = makeScaled(.italic)
  private static let scaledBold = makeScaled(.bold)
  private static let scaledBoldItalic = makeScaled(.boldItalic)
  private static let scaledCalligraphic = makeScaled(.calligraphic)

  private var scaled: Handle {
    switch self {
    case .upright: Font.scaledUpright
    case .italic: Font.scaledItalic
    case .bold: Font.scaledBold
    case .boldItalic: Font.scaledBoldItalic
    case .calligraphic: Font.scaledCalligraphic
    }
  }

  // Without hinting a text has the same width at every magnification and in every format.
  private static let optionsHandle: Handle = {
    let options = unsafe cairo_font_options_create()
    unsafe cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    unsafe cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    unsafe cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
    return unsafe Handle(pointer: options)
  }()

  static var options: OpaquePointer? { unsafe optionsHandle.pointer }

  private static func makeFace(_ family: String, _ weight: cairo_font_weight_t) -> Handle {
    unsafe Handle(pointer: cairo_toy_font_face_create(family, CAIRO_FONT_SLANT_NORMAL, weight))
  }

  private static func makeScaled(_ font: Font) -> Handle {
    var matrix = font.matrix(size: measuringSize)
    var identity = cairo_matrix_t(xx: 1, yx: 0, xy: 0, yy: 1, x0: 0, y0: 0)
    return unsafe Handle(
      pointer: cairo_scaled_font_create(font.face, &matrix, &identity, optionsHandle.pointer))
  }

  // MARK: - Is it there?

  /// The widths of letters that tell DejaVu Sans from what fontconfig puts in its place, in
  /// units of 1/2048 of the type size.
  static let fingerprint: [(letter: String, width: Double)] = [
    ("M", 1767), ("α", 1350), ("∇", 1370), ("ε", 1107),
  ]

  /// Whether the family that the figures are set in is installed.
  static let isInstalled = fingerprint.allSatisfy { letter, width in
    abs(Font.upright.extents(letter).advance * 2048 - width) < 1
  }
}
