/// The names of the layers of a plot with their symbols.
struct Legend {
  let entries: [LegendEntry]

  static let swatchWidth = 22.0
  static let rowHeight = 18.0
  static let gap = 6.0
  static let padding = 5.0

  private func width(of entry: LegendEntry) -> Double {
    Legend.swatchWidth + Legend.gap + MathText(entry.label).width
  }

  private func height(of entry: LegendEntry) -> Double {
    max(Legend.rowHeight, MathText(entry.label).height + 3)
  }

  // MARK: - A column

  var size: Size {
    guard !entries.isEmpty else { return Size(0, 0) }
    return Size(
      (entries.map(width).max() ?? 0) + 2 * Legend.padding,
      entries.map(height).reduce(0, +) + 2 * Legend.padding)
  }

  func draw(on canvas: Canvas, at corner: Point, hasBackground: Bool) {
    if hasBackground {
      let box = Rectangle(x: corner.x, y: corner.y, width: size.width, height: size.height)
      canvas.fill(.rectangle(box, radius: 3), Color.white.opacity(0.82))
    }
    var y = corner.y + Legend.padding
    for entry in entries {
      let height = height(of: entry)
      draw(entry, on: canvas, at: Point(corner.x + Legend.padding, y + height / 2))
      y += height
    }
  }

  private func draw(_ entry: LegendEntry, on canvas: Canvas, at p: Point) {
    let end = p.x + Legend.swatchWidth
    let middle = Point((p.x + end) / 2, p.y)
    switch entry.swatch {
    case .line(let color, let stroke, let marker):
      canvas.stroke(.segment(p, Point(end, p.y)), color, stroke)
      marker?.draw(on: canvas, at: middle, radius: Style.pointRadius * 1.3, color: color)
    case .point(let color, let marker):
      marker.draw(on: canvas, at: middle, radius: 3.4, color: color)
    case .area(let color, let outline):
      let box = Rectangle(x: p.x + 3, y: p.y - 5, width: Legend.swatchWidth - 6, height: 10)
      canvas.fill(.rectangle(box), color)
      if outline != color { canvas.stroke(.rectangle(box), outline, width: 1) }
    }
    canvas.text(entry.label, at: Point(end + Legend.gap, p.y), anchor: .left)
  }

  // MARK: - Rows

  /// Distributes the entries over rows that are no wider than `width`.
  func rows(width: Double) -> [[LegendEntry]] {
    var rows: [[LegendEntry]] = []
    var used = 0.0
    for entry in entries {
      let next = self.width(of: entry) + 20
      if rows.isEmpty || used + next - 20 > width {
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(entry)
      used += next
    }
    return rows
  }

  func height(inRowsOf width: Double) -> Double {
    Double(rows(width: width).count) * Legend.rowHeight
  }

  /// Draws the entries in centered rows, the first with its upper edge at `top`.
  func drawRows(on canvas: Canvas, centeredAt x: Double, top: Double, width: Double) {
    for (index, row) in rows(width: width).enumerated() {
      let total = row.map { self.width(of: $0) + 20 }.reduce(-20, +)
      var left = x - total / 2
      for entry in row {
        draw(
          entry, on: canvas,
          at: Point(left, top + (Double(index) + 0.5) * Legend.rowHeight))
        left += self.width(of: entry) + 20
      }
    }
  }

  // MARK: - A place inside a frame

  /// Returns the corner at which the legend covers fewest of the obstacles.
  func bestCorner(in frame: Rectangle, avoiding obstacles: [Point]) -> Point {
    let anchors: [Anchor] = [
      .topRight, .topLeft, .bottomRight, .bottomLeft, .right, .left, .top, .bottom, .center,
    ]
    var best: (count: Int, corner: Point)?
    for anchor in anchors {
      let corner = corner(in: frame, anchor: anchor)
      let box = Rectangle(x: corner.x, y: corner.y, width: size.width, height: size.height)
        .inset(by: -3)
      let count = obstacles.count { box.contains($0) }
      if best.map({ count < $0.count }) ?? true { best = (count, corner) }
    }
    return best?.corner ?? Point(frame.x, frame.y)
  }

  func corner(in frame: Rectangle, anchor: Anchor) -> Point {
    let inner = frame.inset(by: 5)
    let x =
      switch anchor.horizontal {
      case .left: inner.left
      case .center: inner.center.x - size.width / 2
      case .right: inner.right - size.width
      }
    let y =
      switch anchor.vertical {
      case .top: inner.top
      case .middle, .baseline: inner.center.y - size.height / 2
      case .bottom: inner.bottom - size.height
      }
    return Point(x, y)
  }
}
