/// A position on a canvas: x grows to the right, y grows downward.
public struct Point: Equatable, Sendable {
  /// The distance to the right of the origin.
  public var x: Double
  /// The distance below the origin.
  public var y: Double

  /// Makes the position `(x, y)`.
  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }

  /// Adds two positions as vectors.
  public static func + (a: Point, b: Point) -> Point { Point(a.x + b.x, a.y + b.y) }

  /// Subtracts two positions as vectors.
  public static func - (a: Point, b: Point) -> Point { Point(a.x - b.x, a.y - b.y) }

  /// Scales a position as a vector.
  public static func * (factor: Double, a: Point) -> Point { Point(factor * a.x, factor * a.y) }

  /// The Euclidean length of the vector from the origin.
  public var length: Double { (x * x + y * y).squareRoot() }

  var isFinite: Bool { x.isFinite && y.isFinite }
}

/// The extent of a drawing, in pixels at a magnification of one.
public struct Size: Equatable, Sendable {
  /// The extent across.
  public var width: Double
  /// The extent downward.
  public var height: Double

  /// Makes an extent.
  public init(_ width: Double, _ height: Double) {
    self.width = width
    self.height = height
  }
}

/// An upright rectangle.
public struct Rectangle: Equatable, Sendable {
  /// The place of the left edge.
  public var x: Double
  /// The place of the upper edge.
  public var y: Double
  /// The extent across.
  public var width: Double
  /// The extent downward.
  public var height: Double

  /// Makes the rectangle whose upper left corner is `(x, y)`.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// Makes the rectangle of an extent with its upper left corner at the origin.
  public init(_ size: Size) {
    self.init(x: 0, y: 0, width: size.width, height: size.height)
  }

  /// The place of the left edge.
  public var left: Double { x }
  /// The place of the right edge.
  public var right: Double { x + width }
  /// The place of the upper edge.
  public var top: Double { y }
  /// The place of the lower edge.
  public var bottom: Double { y + height }
  /// The middle.
  public var center: Point { Point(x + width / 2, y + height / 2) }
  /// The extent.
  public var size: Size { Size(width, height) }

  /// Returns whether a position lies inside or on the edge.
  public func contains(_ p: Point) -> Bool {
    p.x >= left && p.x <= right && p.y >= top && p.y <= bottom
  }

  /// Returns the rectangle with its edges moved inward by the margins.
  public func inset(by margins: Margins) -> Rectangle {
    Rectangle(
      x: x + margins.left, y: y + margins.top,
      width: width - margins.left - margins.right, height: height - margins.top - margins.bottom)
  }

  /// Returns the rectangle with every edge moved inward by `amount`.
  public func inset(by amount: Double) -> Rectangle { inset(by: Margins(all: amount)) }
}

/// The space kept free along the four edges of a rectangle.
public struct Margins: Equatable, Sendable {
  /// The space at the left edge.
  public var left: Double
  /// The space at the right edge.
  public var right: Double
  /// The space at the upper edge.
  public var top: Double
  /// The space at the lower edge.
  public var bottom: Double

  /// Makes margins edge by edge.
  public init(left: Double = 0, right: Double = 0, top: Double = 0, bottom: Double = 0) {
    self.left = left
    self.right = right
    self.top = top
    self.bottom = bottom
  }

  /// Makes equal margins on all four edges.
  public init(all amount: Double) {
    self.init(left: amount, right: amount, top: amount, bottom: amount)
  }

  func union(_ other: Margins) -> Margins {
    Margins(
      left: max(left, other.left), right: max(right, other.right),
      top: max(top, other.top), bottom: max(bottom, other.bottom))
  }
}
