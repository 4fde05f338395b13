/// A straight line across the whole frame at one number.
struct ReferenceMark: Mark {
  enum Direction { case vertical, horizontal }

  var direction: Direction
  var value: Double
  var label: String?
  var color: Color
  var stroke: Stroke

  func domain(x: Scale, y: Scale) -> Domain {
    switch direction {
    case .vertical: Domain(x: x.extent([value]))
    case .horizontal: Domain(y: y.extent([value]))
    }
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    guard let (start, end) = ends(in: frame) else { return }
    canvas.stroke(.segment(start, end), color, stroke)
  }

  func drawAbove(on canvas: Canvas, in frame: Frame) {
    let r = frame.rectangle
    guard let label, let (start, _) = ends(in: frame) else { return }
    let text = MathText(label)
    switch direction {
    case .vertical:
      let isLeft = start.x + 5 + text.width > r.right
      canvas.draw(
        text, at: Point(start.x + (isLeft ? -5 : 5), r.top + 3),
        anchor: isLeft ? .topRight : .topLeft, color: color)
    case .horizontal:
      let isBelow = start.y - 3 - text.height < r.top
      canvas.draw(
        text, at: Point(r.right - 4, start.y + (isBelow ? 3 : -3)),
        anchor: isBelow ? .topRight : .bottomRight, color: color)
    }
  }

  private func ends(in frame: Frame) -> (Point, Point)? {
    let r = frame.rectangle
    switch direction {
    case .vertical:
      let x = frame.place(x: value)
      return x.isFinite ? (Point(x, r.bottom), Point(x, r.top)) : nil
    case .horizontal:
      let y = frame.place(y: value)
      return y.isFinite ? (Point(r.left, y), Point(r.right, y)) : nil
    }
  }

  func obstacles(in frame: Frame) -> [Point] {
    guard let (start, end) = ends(in: frame) else { return [] }
    var result = Obstacles.along([start, end], in: frame.rectangle)
    if let label {
      let text = MathText(label)
      let r = frame.rectangle
      let y = direction == .vertical ? r.top + text.height / 2 : start.y - text.height / 2
      let x = direction == .vertical ? start.x + 5 : r.right - 4 - text.width
      let points = [Point(x, y), Point(x + text.width, y)]
      // Covering a word is worse than covering a piece of a line.
      for _ in 0..<3 { result += Obstacles.along(points, in: r) }
    }
    return result
  }
}

/// A shaded interval across the whole frame.
struct IntervalMark: Mark {
  var direction: ReferenceMark.Direction
  var range: ClosedRange<Double>
  var label: String?
  var color: Color

  func domain(x: Scale, y: Scale) -> Domain {
    let ends = [range.lowerBound, range.upperBound]
    return direction == .vertical ? Domain(x: x.extent(ends)) : Domain(y: y.extent(ends))
  }

  var isBackground: Bool { true }

  private func box(in frame: Frame) -> Rectangle {
    let r = frame.rectangle
    if direction == .vertical {
      let a = frame.clamped(x: range.lowerBound)
      let b = frame.clamped(x: range.upperBound)
      return Rectangle(x: min(a, b), y: r.y, width: abs(b - a), height: r.height)
    } else {
      let a = frame.clamped(y: range.lowerBound)
      let b = frame.clamped(y: range.upperBound)
      return Rectangle(x: r.x, y: min(a, b), width: r.width, height: abs(b - a))
    }
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    canvas.fill(.rectangle(box(in: frame)), color)
  }

  func drawAbove(on canvas: Canvas, in frame: Frame) {
    guard let label else { return }
    let text = MathText(label)
    let r = frame.rectangle
    let box = box(in: frame)
    let half = text.width / 2 + 3
    let x = min(max(box.center.x, r.left + half), r.right - half)
    canvas.draw(
      text, at: Point(x, max(box.top, r.top) + 3), anchor: .top, color: Color(gray: 0.4))
  }

  func obstacles(in frame: Frame) -> [Point] {
    guard let label else { return [] }
    let box = box(in: frame)
    let half = MathText(label).width / 2
    let y = max(box.top, frame.rectangle.top) + 9
    let ends = [Point(box.center.x - half, y), Point(box.center.x + half, y)]
    return Array(repeating: Obstacles.along(ends, in: frame.rectangle), count: 3).flatMap { $0 }
  }
}

/// A text, or an arrow with a text at its tail, between places of the frame.
struct NoteMark: Mark {
  var text: String
  var at: (x: Double, y: Double)
  var pointsTo: (x: Double, y: Double)?
  var anchor: Anchor
  var color: Color

  func domain(x: Scale, y: Scale) -> Domain {
    Domain(
      x: x.extent([at.x, pointsTo?.x ?? at.x]), y: y.extent([at.y, pointsTo?.y ?? at.y]))
  }

  func draw(on canvas: Canvas, in frame: Frame) {
    let p = frame.point(at.x, at.y)
    guard p.isFinite else { return }
    if let pointsTo {
      canvas.arrow(from: p, to: frame.point(pointsTo.x, pointsTo.y), color, width: 1.2)
    }
    guard !text.isEmpty else { return }
    canvas.draw(MathText(text), at: p + offset, anchor: anchor, color: color)
  }

  // A little air between the place and the text.
  private var offset: Point {
    let dx = anchor.horizontal == .left ? 4.0 : anchor.horizontal == .right ? -4 : 0
    let dy = anchor.vertical == .top ? 2.0 : anchor.vertical == .bottom ? -2 : 0
    return Point(dx, dy)
  }

  func obstacles(in frame: Frame) -> [Point] {
    let p = frame.point(at.x, at.y)
    guard p.isFinite else { return [] }
    let box = MathText(text).bounds(at: p + offset, anchor: anchor)
    let middle = [Point(box.left, box.center.y), Point(box.right, box.center.y)]
    var result: [Point] = []
    for _ in 0..<3 { result += Obstacles.along(middle, in: frame.rectangle) }
    if let pointsTo {
      result += Obstacles.along([p, frame.point(pointsTo.x, pointsTo.y)], in: frame.rectangle)
    }
    return result
  }
}

/// A picture stretched over a rectangle of the axes.
struct PictureMark: Mark {
  var picture: Picture
  var x: ClosedRange<Double>
  var y: ClosedRange<Double>

  func domain(x: Scale, y: Scale) -> Domain { Domain(x: self.x, y: self.y) }

  func draw(on canvas: Canvas, in frame: Frame) {
    let a = frame.point(x.lowerBound, y.lowerBound)
    let b = frame.point(x.upperBound, y.upperBound)
    canvas.draw(
      picture,
      in: Rectangle(
        x: min(a.x, b.x), y: min(a.y, b.y), width: abs(b.x - a.x), height: abs(b.y - a.y)))
  }
}
