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
}
