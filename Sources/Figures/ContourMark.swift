import Foundation

/// Curves of equal value of a field.
struct ContourMark: Mark {
  var field: Field
  var levels: [Double]
  var color: Color
  var colors: ColorScale?
  var stroke: Stroke
  var isLabeled: Bool
  var label: String?

  func domain(x: Scale, y: Scale) -> Domain {
    Domain(x: field.x, y: field.y, tight: Domain.all)
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    var spots: [Spot] = []
    for (level, tick) in zip(levels, Ticks.labeled(levels)) {
      let color = colors?.color(level) ?? color
      let text = MathText(tick.label, size: Style.fontSize)
      for line in Contour.lines(of: field, at: level) {
        let points = line.map { frame.point($0.x, $0.y) }
        guard isLabeled,
          let spot = Spot(on: points, for: text, in: frame.rectangle, avoiding: spots)
        else {
          canvas.stroke(Path(points: points), color, stroke)
          continue
        }
        spots.append(spot)
        for part in spot.remainder(of: points) {
          canvas.stroke(Path(points: part), color, stroke)
        }
        canvas.rotated(by: spot.angle, about: spot.place) {
          canvas.draw(
            text, at: spot.place, anchor: .center, color: color.mixed(with: .ink, 0.25))
        }
      }
    }
  }

  /// A gap in a curve for its label.
  private struct Spot {
    var place: Point
    var angle: Double
    var range: Range<Int>
    var reach: Double

    /// Finds the straightest stretch of a curve that is long enough for a text, lies within the
    /// frame and is not near another label.
    init?(on points: [Point], for text: MathText, in box: Rectangle, avoiding others: [Spot]) {
      var total = 0.0
      let lengths = points.indices.map { i in
        total += i > 0 ? (points[i] - points[i - 1]).length : 0
        return total
      }
      let gap = text.width + 6
      guard total > 3.2 * gap else { return nil }
      reach = gap / 2
      let inner = box.inset(by: gap / 2)
      var best: (bend: Double, start: Int, end: Int)?
      var end = 0
      for start in points.indices where start % 2 == 0 {
        while end < points.count - 1 && lengths[end] - lengths[start] < gap { end += 1 }
        guard lengths[end] - lengths[start] >= gap else { break }
        let middle = 0.5 * (points[start] + points[end])
        let reach = reach
        let isFree = others.allSatisfy { ($0.place - middle).length > ($0.reach + reach) * 0.9 }
        guard inner.contains(middle), isFree else { continue }
        // The share of its length that the stretch loses by being bent; level text reads best.
        let chord = points[end] - points[start]
        let tilt = abs(atan2(chord.y, abs(chord.x)))
        let bend = 1 - chord.length / (lengths[end] - lengths[start]) + 0.05 * tilt
        if best.map({ bend < $0.bend }) ?? true { best = (bend, start, end) }
      }
      guard let best, best.bend < 0.2 else { return nil }
      range = best.start..<best.end
      place = 0.5 * (points[best.start] + points[best.end])
      let chord = points[best.end] - points[best.start]
      angle = atan2(chord.y, chord.x)
      if angle > .pi / 2 { angle -= .pi }
      if angle < -.pi / 2 { angle += .pi }
    }

    /// Returns what is left of the curve on both sides of the gap.
    func remainder(of points: [Point]) -> [[Point]] {
      [Array(points[...range.lowerBound]), Array(points[range.upperBound...])]
    }
  }

  var legend: LegendEntry? {
    label.map { LegendEntry(label: $0, swatch: .line(color, stroke, nil)) }
  }

  func obstacles(in frame: Frame) -> [Point] {
    levels.flatMap { Contour.lines(of: field, at: $0) }.joined().map { frame.point($0.x, $0.y) }
  }
}
