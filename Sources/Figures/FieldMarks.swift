import Foundation

/// A field as cells of color.
struct HeatMapMark: Mark {
  var field: Field
  var colors: ColorScale
  var label: String
  var showsBar: Bool
  var isSmooth: Bool

  func domain(x: Scale, y: Scale) -> Domain {
    Domain(x: field.x, y: field.y, tight: Domain.all)
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    let left = frame.place(x: field.x.lowerBound)
    let right = frame.place(x: field.x.upperBound)
    let bottom = frame.place(y: field.y.lowerBound)
    let top = frame.place(y: field.y.upperBound)
    let rows = top < bottom ? field.values.reversed() : field.values
    let ordered = left < right ? rows : rows.map { $0.reversed() }
    canvas.draw(
      Picture(rows: ordered, scale: colors),
      in: Rectangle(
        x: min(left, right), y: min(top, bottom), width: abs(right - left),
        height: abs(bottom - top)),
      smooth: isSmooth)
  }

  var colorBar: ColorBar? { showsBar ? ColorBar(scale: colors, label: label) : nil }
  var coversGrid: Bool { true }
}

/// How long the arrows of a vector field are.
public enum ArrowLength: Equatable, Sendable {
  /// In proportion to the vector, the longest a little longer than the distance of neighbors.
  case automatic
  /// As long as the vector, in the units of the axes times the factor.
  case scaled(Double)
  /// All equally long: only directions are shown.
  case equal
}

/// Arrows at points.
struct VectorMark: Mark {
  var x: [Double]
  var y: [Double]
  var u: [Double]
  var v: [Double]
  var length: ArrowLength
  var color: Color
  var colors: ColorScale?
  var colorLabel: String
  var label: String?

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    Domain(x: xScale.extent(x), y: yScale.extent(y))
  }

  private static let width = 1.1

  private var lengths: [Double] { zip(u, v).map { ($0 * $0 + $1 * $1).squareRoot() } }

  func draw(on canvas: Canvas, in frame: Frame) {
    let longest = lengths.filter(\.isFinite).max() ?? 0
    guard longest > 0 else { return }
    let spacing = spacing(in: frame)
    var (lines, heads) = (Path(), Path())
    for i in x.indices {
      let start = frame.point(x[i], y[i])
      var step = frame.point(x[i] + u[i], y[i] + v[i]) - start
      guard start.isFinite, step.isFinite, step.length > 0 else { continue }
      switch length {
      case .automatic: step = (spacing * 1.35 * lengths[i] / longest / step.length) * step
      case .scaled(let factor): step = factor * step
      case .equal: step = (spacing * 0.8 / step.length) * step
      }
      guard step.length > 0.6 else {
        canvas.fill(.circle(center: start, radius: 0.7), color)
        continue
      }
      // An arrow is centered on its place, unless its length is meant in units of the axes.
      var origin = start
      if case .scaled = length {} else { origin = start - 0.5 * step }
      guard let colors else {
        lines.add(Arrow.line(from: origin, to: origin + step, width: VectorMark.width))
        heads.add(Arrow.head(from: origin, to: origin + step, width: VectorMark.width))
        continue
      }
      Arrow.draw(
        on: canvas, from: origin, to: origin + step, color: colors.color(lengths[i]),
        width: VectorMark.width)
    }
    canvas.stroke(lines, color, width: VectorMark.width)
    canvas.fill(heads, color)
  }

  // The distance of neighbors if the points are spread evenly.
  private func spacing(in frame: Frame) -> Double {
    let places = zip(x, y).map { frame.point($0, $1) }.filter { $0.isFinite }
    let xs = Scale.linear.extent(places.map(\.x)) ?? 0...0
    let ys = Scale.linear.extent(places.map(\.y)) ?? 0...0
    let area = max(1, (xs.upperBound - xs.lowerBound) * (ys.upperBound - ys.lowerBound))
    let side = area.squareRoot() / max(1, Double(places.count).squareRoot() - 1)
    return min(max(side, 8), 60)
  }

  var colorBar: ColorBar? { colors.map { ColorBar(scale: $0, label: colorLabel) } }
  var fillsFrame: Bool { true }

  var legend: LegendEntry? {
    label.map { LegendEntry(label: $0, swatch: .line(color, Stroke(width: 1.2), nil)) }
  }

  func obstacles(in frame: Frame) -> [Point] { zip(x, y).map { frame.point($0, $1) } }
}

/// Arrows between places of the page.
enum Arrow {
  /// Returns the head of an arrow of a line of this width.
  static func head(from a: Point, to b: Point, width: Double) -> Path {
    let step = b - a
    guard step.length > 0 else { return Path() }
    let length = min(3.2 * width + 3.5, 0.55 * step.length)
    let along = (length / step.length) * step
    let across = Point(-along.y * 0.38, along.x * 0.38)
    let base = b - along
    return .polygon([b, base + across, b - 0.8 * along, base - across])
  }

  /// Returns the line of an arrow, which ends within the head.
  static func line(from a: Point, to b: Point, width: Double) -> Path {
    let step = b - a
    let length = min(3.2 * width + 3.5, 0.55 * step.length)
    return .segment(a, b - (0.7 * length / step.length) * step)
  }

  static func draw(on canvas: Canvas, from a: Point, to b: Point, color: Color, width: Double) {
    canvas.stroke(line(from: a, to: b, width: width), color, width: width)
    canvas.fill(head(from: a, to: b, width: width), color)
  }
}

extension Canvas {
  /// Draws a straight arrow with its tip at `b`.
  public func arrow(from a: Point, to b: Point, _ color: Color = .ink, width: Double = 1.2) {
    guard (b - a).length > 0 else { return }
    Arrow.draw(on: self, from: a, to: b, color: color, width: width)
  }
}
