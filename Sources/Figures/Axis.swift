/// One of the two axes of a plot: what it measures, and how.
///
/// A string literal is an axis with that label and a linear scale.
public struct Axis: Equatable, Sendable, ExpressibleByStringLiteral {
  /// What the axis measures, with the symbol: text with `$…$` mathematics.
  public var label: String
  /// How numbers become lengths.
  public var scale: Scale
  /// The numbers at the two ends; the data decide where it is `nil`.
  public var range: ClosedRange<Double>?
  /// The marks; round numbers where it is `nil`.
  public var ticks: [Tick]?
  /// Whether the numbers grow from right to left, or from top to bottom.
  public var isReversed: Bool
  /// Whether the axis shows its line, marks and labels.
  public var isVisible: Bool

  /// Makes an axis; what is left out is chosen from the data.
  public init(
    _ label: String = "", scale: Scale = .linear, range: ClosedRange<Double>? = nil,
    ticks: [Tick]? = nil, isReversed: Bool = false, isVisible: Bool = true
  ) {
    if scale == .log, let range, range.lowerBound <= 0 {
      fatalError("the range \(range) of a logarithmic axis must be positive")
    }
    self.label = label
    self.scale = scale
    self.range = range
    self.ticks = ticks
    self.isReversed = isReversed
    self.isVisible = isVisible
  }

  /// Makes an axis with marks at the given numbers.
  public init(
    _ label: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil, at values: [Double]
  ) {
    self.init(
      label, scale: scale, range: range, ticks: Ticks.labeled(values, scale: scale))
  }

  /// Makes an axis of named places: the first name stands at 0, the next at 1, and so on.
  public init(_ label: String = "", categories: [String]) {
    self.init(label, ticks: categories.enumerated().map { Tick(Double($0.offset), $0.element) })
  }

  /// Makes a linear axis with this label.
  public init(stringLiteral label: String) { self.init(label) }

  /// An axis without line, marks and labels.
  public static let hidden = Axis(isVisible: false)
}

/// The rectangle of a plot's data, and the map from numbers to positions in it.
public struct Frame: Sendable {
  /// The place on the page.
  public let rectangle: Rectangle
  /// The numbers at the ends of the horizontal axis.
  public let xRange: ClosedRange<Double>
  /// The numbers at the ends of the vertical axis.
  public let yRange: ClosedRange<Double>
  let x: Axis
  let y: Axis

  /// Returns the place of a pair of numbers; it may lie outside the rectangle, and it is not
  /// finite where a logarithmic axis has no place for a number.
  public func point(_ x: Double, _ y: Double) -> Point { Point(place(x: x), place(y: y)) }

  /// Returns the horizontal place of a number.
  public func place(x value: Double) -> Double {
    let f = x.scale.fraction(of: value, in: xRange)
    return rectangle.x + (x.isReversed ? 1 - f : f) * rectangle.width
  }

  /// Returns the vertical place of a number.
  public func place(y value: Double) -> Double {
    let f = y.scale.fraction(of: value, in: yRange)
    return rectangle.y + (y.isReversed ? f : 1 - f) * rectangle.height
  }

  /// Returns the horizontal place with what lies beyond the frame moved to just outside it.
  func clamped(x value: Double) -> Double {
    min(max(place(x: value), rectangle.left - 10), rectangle.right + 10)
  }

  func clamped(y value: Double) -> Double {
    min(max(place(y: value), rectangle.top - 10), rectangle.bottom + 10)
  }

  /// Returns the number at a place.
  public func value(atX place: Double) -> Double {
    let f = (place - rectangle.x) / rectangle.width
    let (a, b) = (x.scale.position(xRange.lowerBound), x.scale.position(xRange.upperBound))
    return x.scale.value(a + (x.isReversed ? 1 - f : f) * (b - a))
  }
}
