/// A curve through points, with or without markers.
struct LineMark: Mark {
  var x: [Double]
  var y: [Double]
  var label: String?
  var color: Color
  var stroke: Stroke
  var marker: Marker?
  var isStepped = false
  var hasArrow = false

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    Domain(x: xScale.extent(x), y: yScale.extent(y))
  }

  private func places(in frame: Frame) -> [Point] {
    zip(x, y).map { frame.point($0, $1) }
  }

  func points(in frame: Frame) -> [Point] {
    let places = places(in: frame)
    guard isStepped else { return places }
    return zip(places, places.dropFirst()).flatMap { [$0, Point($1.x, $0.y)] } + places.suffix(1)
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    let points = points(in: frame)
    var path = Path()
    for piece in Simplification.pieces(points) { path.add(Path(points: piece)) }
    canvas.stroke(path, color, stroke)
    for p in places(in: frame) where p.isFinite {
      marker?.draw(on: canvas, at: p, radius: Style.pointRadius * 1.3, color: color)
    }
    if hasArrow, let tip = points.last {
      let before = points.last { ($0 - tip).length > 6 } ?? tip
      canvas.fill(Arrow.head(from: before, to: tip, width: stroke.width), color)
    }
  }

  var legend: LegendEntry? {
    label.map { LegendEntry(label: $0, swatch: .line(color, stroke, marker)) }
  }

  func obstacles(in frame: Frame) -> [Point] {
    Obstacles.along(points(in: frame), in: frame.rectangle)
  }

  func labelPoint(in frame: Frame) -> Point? {
    points(in: frame).filter { $0.isFinite && frame.rectangle.inset(by: -0.5).contains($0) }
      .max { $0.x < $1.x }
  }
}

/// The area between two curves.
struct BandMark: Mark {
  var x: [Double]
  var lower: [Double]
  var upper: [Double]
  var label: String?
  var color: Color
  var opacity: Double

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    Domain(x: xScale.extent(x), y: yScale.extent(lower + upper))
  }

  // A curve that leaves a logarithmic axis is cut at the edge instead of breaking the outline.
  func draw(on canvas: Canvas, in frame: Frame) {
    func edge(_ values: [Double]) -> [Point] {
      let places = zip(x, values).map { Point(frame.clamped(x: $0), frame.clamped(y: $1)) }
      return Simplification.pieces(places.filter { $0.isFinite }).first ?? []
    }
    canvas.fill(.polygon(edge(upper) + edge(lower).reversed()), color.opacity(opacity))
  }

  var legend: LegendEntry? {
    label.map { LegendEntry(label: $0, swatch: .area(color.opacity(opacity), outline: color)) }
  }

  func obstacles(in frame: Frame) -> [Point] {
    Obstacles.along(zip(x, upper).map { frame.point($0, $1) }, in: frame.rectangle)
      + Obstacles.along(zip(x, lower).map { frame.point($0, $1) }, in: frame.rectangle)
  }
}

/// Separate points, of one color or colored by a value.
struct ScatterMark: Mark {
  var x: [Double]
  var y: [Double]
  var label: String?
  var color: Color
  var marker: Marker
  var radius: Double
  var opacity: Double
  var values: [Double] = []
  var colors: ColorScale?
  var valueLabel = ""

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    Domain(x: xScale.extent(x), y: yScale.extent(y))
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    guard x.count > ScatterMark.mostVectors else {
      drawPoints(on: canvas, in: frame)
      return
    }
    canvas.rasterized(frame.rectangle) { drawPoints(on: $0, in: frame) }
  }

  // More points than this make a vector file larger than their picture.
  private static let mostVectors = 2500

  private func drawPoints(on canvas: Canvas, in frame: Frame) {
    for i in 0..<min(x.count, y.count) {
      let p = frame.point(x[i], y[i])
      guard p.isFinite else { continue }
      let color = colors.map { $0.color(values[i]) } ?? color
      marker.draw(on: canvas, at: p, radius: radius, color: color.opacity(opacity))
      // The palest colors of a map would be lost on the page.
      if colors != nil && marker == .circle {
        canvas.stroke(.circle(center: p, radius: radius), .axis.opacity(0.6), width: 0.5)
      }
    }
  }

  var legend: LegendEntry? {
    label.map { LegendEntry(label: $0, swatch: .point(color, marker)) }
  }

  var colorBar: ColorBar? { colors.map { ColorBar(scale: $0, label: valueLabel) } }

  func obstacles(in frame: Frame) -> [Point] {
    zip(x, y).map { frame.point($0, $1) }.filter { frame.rectangle.contains($0) }
  }
}

/// Bars from a base line; histograms are bars that touch.
struct BarMark: Mark {
  var edges: [(left: Double, right: Double)]
  var heights: [Double]
  var label: String?
  var color: Color
  var opacity: Double
  var hasOutline: Bool

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    let y = yScale.extent(heights)
    let isPositive = heights.allSatisfy { !($0 < 0) }
    return Domain(
      x: xScale.extent(edges.flatMap { [$0.left, $0.right] }),
      y: yScale == .linear ? y?.union(0...0) : y,
      tight: isPositive && yScale == .linear ? [.bottom] : [])
  }

  private func rectangle(_ i: Int, in frame: Frame) -> Rectangle? {
    let a = frame.place(x: edges[i].left)
    let b = frame.place(x: edges[i].right)
    let top = frame.clamped(y: heights[i])
    let base = frame.clamped(y: 0)
    guard a.isFinite, b.isFinite, top.isFinite else { return nil }
    return Rectangle(
      x: min(a, b), y: min(top, base), width: abs(b - a), height: abs(base - top))
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    let boxes = heights.indices.compactMap { rectangle($0, in: frame) }
    guard hasOutline else {
      for box in boxes { canvas.fill(.rectangle(box), color.opacity(opacity)) }
      return
    }
    // One outline around all bars of a histogram: seams between them would look like data.
    let base = frame.clamped(y: 0)
    var points: [Point] = []
    for box in boxes.sorted(by: { $0.x < $1.x }) {
      if points.isEmpty { points.append(Point(box.left, base)) }
      points += [Point(box.left, box.top), Point(box.right, box.top)]
    }
    if let last = points.last { points.append(Point(last.x, base)) }
    canvas.fill(.polygon(points), color.opacity(opacity))
    canvas.stroke(Path(points: points), color, width: 1.1)
  }

  var legend: LegendEntry? {
    label.map {
      LegendEntry(
        label: $0,
        swatch: .area(color.opacity(opacity), outline: hasOutline ? color : color.opacity(opacity)))
    }
  }

  func obstacles(in frame: Frame) -> [Point] {
    heights.indices.compactMap { rectangle($0, in: frame) }.flatMap { box in
      Obstacles.along(
        [Point(box.center.x, box.bottom), Point(box.center.x, box.top)], in: frame.rectangle)
    }
  }
}

/// Vertical lines that show how far values may be off.
struct ErrorBarMark: Mark {
  var x: [Double]
  var lower: [Double]
  var upper: [Double]
  var color: Color

  func domain(x xScale: Scale, y yScale: Scale) -> Domain {
    Domain(x: xScale.extent(x), y: yScale.extent(lower + upper))
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    for i in x.indices {
      let a = Point(frame.place(x: x[i]), frame.clamped(y: lower[i]))
      let b = Point(a.x, frame.clamped(y: upper[i]))
      guard a.isFinite, b.isFinite else { continue }
      var path = Path.segment(a, b)
      for end in [a, b] {
        path.add(.segment(Point(end.x - 3, end.y), Point(end.x + 3, end.y)))
      }
      canvas.stroke(path, color, width: 1.2)
    }
  }
}

/// Finds the places that a curve passes through, close enough together to avoid it.
enum Obstacles {
  static func along(_ points: [Point], in rectangle: Rectangle) -> [Point] {
    var result: [Point] = []
    for (a, b) in zip(points, points.dropFirst()) where a.isFinite && b.isFinite {
      let pieces = min(200, max(1, Int((b - a).length / 6)))
      for k in 0...pieces {
        let p = a + (Double(k) / Double(pieces)) * (b - a)
        if rectangle.contains(p) { result.append(p) }
      }
    }
    return result
  }
}
