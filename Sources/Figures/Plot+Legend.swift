extension Plot {
  func drawLegend(
    on canvas: Canvas, _ frame: Frame, _ furniture: Furniture, in rectangle: Rectangle,
    right: Double
  ) {
    let legend = furniture.legend
    guard !legend.entries.isEmpty else { return }
    let box = frame.rectangle
    switch furniture.place {
    case .automatic:
      let obstacles = marks.flatMap { $0.obstacles(in: frame) }
      let corner = legend.bestCorner(in: box, avoiding: obstacles)
      legend.draw(on: canvas, at: corner, hasBackground: true)
    case .inside(let anchor):
      legend.draw(on: canvas, at: legend.corner(in: box, anchor: anchor), hasBackground: true)
    case .right:
      let corner = Point(right + 8, box.center.y - legend.size.height / 2)
      legend.draw(on: canvas, at: corner, hasBackground: false)
    case .below:
      let width = rectangle.width - 20
      let top = rectangle.bottom - legend.height(inRowsOf: width) - 4
      legend.drawRows(on: canvas, centeredAt: box.center.x, top: top, width: width)
    case .direct: drawDirectLabels(on: canvas, frame)
    case .none: break
    }
  }

  private func drawDirectLabels(on canvas: Canvas, _ frame: Frame) {
    var labels: [(entry: LegendEntry, point: Point, y: Double)] = marks.compactMap { mark in
      guard let entry = mark.legend, let p = mark.labelPoint(in: frame) else { return nil }
      return (entry, p, p.y)
    }
    labels.sort { $0.y < $1.y }
    let heights = Legend.rowHeight - 2
    Plot.separate(
      &labels, by: heights, within: frame.rectangle.top...frame.rectangle.bottom)
    for label in labels {
      let x = min(frame.rectangle.right, label.point.x) + 6
      let color = label.entry.color.mixed(with: .ink, 0.2)
      canvas.text(label.entry.label, at: Point(x, label.y), anchor: .left, color: color)
    }
  }

  // Pushes neighbors apart, then pushes what has left the frame back from below.
  private static func separate(
    _ labels: inout [(entry: LegendEntry, point: Point, y: Double)], by distance: Double,
    within range: ClosedRange<Double>
  ) {
    for _ in 0..<50 {
      for i in labels.indices.dropFirst() {
        let overlap = distance - (labels[i].y - labels[i - 1].y)
        guard overlap > 0 else { continue }
        labels[i].y += overlap / 2
        labels[i - 1].y -= overlap / 2
      }
    }
    var limit = range.upperBound
    for i in labels.indices.reversed() {
      labels[i].y = min(labels[i].y, limit)
      limit = labels[i].y - distance
    }
  }
}
