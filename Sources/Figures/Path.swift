import Foundation

/// An outline of straight lines and cubic curves, open or closed.
public struct Path: Sendable {
  enum Element: Sendable {
    case move(Point)
    case line(Point)
    case curve(Point, Point, Point)
    case close
  }

  var elements: [Element] = []

  /// Makes an empty path.
  public init() {}

  /// Whether there is nothing to draw.
  public var isEmpty: Bool { elements.isEmpty }

  /// Starts a new piece at `p`.
  public mutating func move(to p: Point) { elements.append(.move(p)) }

  /// Draws a straight line to `p`.
  public mutating func line(to p: Point) { elements.append(.line(p)) }

  /// Draws a cubic Bézier curve to `p` with the control points `c1` and `c2`.
  public mutating func curve(to p: Point, _ c1: Point, _ c2: Point) {
    elements.append(.curve(c1, c2, p))
  }

  /// Closes the current piece with a straight line to its start.
  public mutating func close() { elements.append(.close) }

  /// Appends all pieces of another path.
  public mutating func add(_ other: Path) { elements += other.elements }

  /// Makes the polyline through `points`; it is broken where a coordinate is not finite.
  public init(points: [Point], closed: Bool = false) {
    var drawing = false
    for p in points {
      guard p.isFinite else {
        drawing = false
        continue
      }
      elements.append(drawing ? .line(p) : .move(p))
      drawing = true
    }
    if closed && !elements.isEmpty { close() }
  }

  /// Makes the straight line from `a` to `b`.
  public static func segment(_ a: Point, _ b: Point) -> Path { Path(points: [a, b]) }

  /// Makes a closed rectangle, with rounded corners where `radius` is positive.
  public static func rectangle(_ r: Rectangle, radius: Double = 0) -> Path {
    guard radius > 0 else {
      return Path(
        points: [
          Point(r.left, r.top), Point(r.right, r.top), Point(r.right, r.bottom),
          Point(r.left, r.bottom),
        ], closed: true)
    }
    let q = min(radius, r.width / 2, r.height / 2)
    let corners: [(Double, Double, Double)] = [
      (r.right - q, r.top + q, -90), (r.right - q, r.bottom - q, 0),
      (r.left + q, r.bottom - q, 90), (r.left + q, r.top + q, 180),
    ]
    var path = Path()
    for (x, y, degrees) in corners {
      path.appendArc(
        center: Point(x, y), radii: Size(q, q), from: degrees * .pi / 180, sweep: .pi / 2)
    }
    path.close()
    return path
  }

  /// Makes a closed circle.
  public static func circle(center: Point, radius: Double) -> Path {
    ellipse(center: center, radii: Size(radius, radius))
  }

  /// Makes a closed ellipse with horizontal and vertical axes.
  public static func ellipse(center: Point, radii: Size) -> Path {
    var path = Path()
    path.appendArc(center: center, radii: radii, from: 0, sweep: 2 * .pi)
    path.close()
    return path
  }

  /// Makes an open arc of a circle; angles in radians run clockwise from the positive x axis.
  public static func arc(center: Point, radius: Double, from start: Double, to end: Double) -> Path
  {
    var path = Path()
    path.appendArc(
      center: center, radii: Size(radius, radius), from: start, sweep: end - start)
    return path
  }

  /// Makes a closed polygon.
  public static func polygon(_ corners: [Point]) -> Path { Path(points: corners, closed: true) }

  /// Makes a regular polygon with `sides` corners, or a star where `inner` is below one.
  public static func star(
    center: Point, radius: Double, sides: Int, inner: Double = 1, rotation: Double = -.pi / 2
  ) -> Path {
    let count = inner < 1 ? 2 * sides : sides
    return polygon(
      (0..<count).map { i in
        let angle = rotation + 2 * .pi * Double(i) / Double(count)
        let r = inner < 1 && i % 2 == 1 ? radius * inner : radius
        return Point(center.x + r * cos(angle), center.y + r * sin(angle))
      })
  }

  // A quarter circle is a cubic curve to within 3e-4 of its radius, so an arc is cut into quarters.
  private mutating func appendArc(
    center: Point, radii: Size, from start: Double, sweep: Double
  ) {
    let pieces = max(1, Int((abs(sweep) / (.pi / 2) - 1e-9).rounded(.up)))
    let step = sweep / Double(pieces)
    let handle = 4.0 / 3.0 * tan(step / 4)
    func place(_ x: Double, _ y: Double) -> Point {
      Point(center.x + radii.width * x, center.y + radii.height * y)
    }
    let first = place(cos(start), sin(start))
    if elements.isEmpty { move(to: first) } else { line(to: first) }
    for i in 0..<pieces {
      let a = start + step * Double(i)
      let b = a + step
      curve(
        to: place(cos(b), sin(b)),
        place(cos(a) - handle * sin(a), sin(a) + handle * cos(a)),
        place(cos(b) + handle * sin(b), sin(b) - handle * cos(b)))
    }
  }

  func transformed(_ map: (Point) -> Point) -> Path {
    var result = Path()
    result.elements = elements.map { element in
      switch element {
      case .move(let p): .move(map(p))
      case .line(let p): .line(map(p))
      case .curve(let a, let b, let p): .curve(map(a), map(b), map(p))
      case .close: .close
      }
    }
    return result
  }
}
