/// One layer of a plot.
protocol Mark: Sendable {
  /// The numbers that the axes must reach.
  func domain(x: Scale, y: Scale) -> Domain
  func draw(on canvas: Canvas, in frame: Frame)
  var legend: LegendEntry? { get }
  /// The colors that need a bar beside the plot.
  var colorBar: ColorBar? { get }
  /// Places that a legend had better not cover.
  func obstacles(in frame: Frame) -> [Point]
  /// Where a direct label belongs: the end of a curve.
  func labelPoint(in frame: Frame) -> Point?
  /// Whether the layer fills the frame, so that a grid would be hidden or disturb.
  var coversGrid: Bool { get }
  /// Whether the layer leaves no room for a legend.
  var fillsFrame: Bool { get }
  /// Whether the layer lies below the grid and all other layers.
  var isBackground: Bool { get }
  /// Draws what must not be covered by other layers, after all of them.
  func drawAbove(on canvas: Canvas, in frame: Frame)
}

extension Mark {
  var legend: LegendEntry? { nil }
  var colorBar: ColorBar? { nil }
  func obstacles(in frame: Frame) -> [Point] { [] }
  func labelPoint(in frame: Frame) -> Point? { nil }
  var coversGrid: Bool { false }
  var fillsFrame: Bool { coversGrid }
  var isBackground: Bool { false }
  func drawAbove(on canvas: Canvas, in frame: Frame) {}
}

/// The numbers that a layer wants to be seen, and how close to them the axes may end.
struct Domain {
  var x: ClosedRange<Double>?
  var y: ClosedRange<Double>?
  /// The ends of the axes at which no air is wanted: the layer is cut off there cleanly.
  var tight: Set<Edge> = []

  enum Edge { case left, right, bottom, top }

  static let all: Set<Edge> = [.left, .right, .bottom, .top]
}

/// The entry of a legend for a layer.
struct LegendEntry: Equatable, Sendable {
  enum Swatch: Equatable, Sendable {
    case line(Color, Stroke, Marker?)
    case point(Color, Marker)
    case area(Color, outline: Color)
  }

  var label: String
  var swatch: Swatch

  var color: Color {
    switch swatch {
    case .line(let color, _, _), .point(let color, _), .area(_, let color): color
    }
  }
}

/// The shape of the points of a scatter plot.
public enum Marker: Equatable, Sendable, CaseIterable {
  case circle, square, triangle, diamond, cross, plus, ring

  func draw(on canvas: Canvas, at p: Point, radius r: Double, color: Color) {
    switch self {
    case .circle: canvas.dot(p, radius: r, color)
    case .ring:
      canvas.stroke(.circle(center: p, radius: r), color, width: max(0.9, r * 0.4))
    case .square:
      let s = r * 0.89
      canvas.fill(.rectangle(Rectangle(x: p.x - s, y: p.y - s, width: 2 * s, height: 2 * s)), color)
    case .triangle: canvas.fill(.star(center: p, radius: r * 1.25, sides: 3), color)
    case .diamond: canvas.fill(.star(center: p, radius: r * 1.25, sides: 4), color)
    case .cross, .plus:
      let s = self == .cross ? r * 0.8 : 0
      let l = self == .cross ? r * 0.8 : r * 1.15
      var path = Path.segment(
        Point(p.x - l, p.y - s), Point(p.x + l, p.y + s))
      path.add(.segment(Point(p.x + s, p.y - l), Point(p.x - s, p.y + l)))
      canvas.stroke(path, color, Stroke(width: max(1, r * 0.55), cap: .round))
    }
  }
}
