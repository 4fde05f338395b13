/// The scale of colors beside a plot.
struct ColorBar: Equatable, Sendable {
  var scale: ColorScale
  var label: String

  static let width = 12.0
  static let gap = 12.0

  private func ticks(height: Double) -> Ticks {
    Ticks(scale.limits, scale: scale.scale, count: max(2, Int(height / 42)))
  }

  /// Whether a power of ten stands above the bar.
  var hasExponent: Bool { ticks(height: 200).exponent != 0 }

  private func labelWidth(height: Double) -> Double {
    ticks(height: height).major.map { MathText($0.label).width }.max() ?? 0
  }

  /// Returns the space beside a frame of this height, the gap to it included.
  func totalWidth(height: Double) -> Double {
    let name = label.isEmpty ? 0 : MathText(label).height + 6
    return ColorBar.gap + ColorBar.width + 7 + labelWidth(height: height) + name
  }

  /// Draws the bar to the right of a frame.
  func draw(on canvas: Canvas, beside frame: Rectangle) {
    let bar = Rectangle(
      x: frame.right + ColorBar.gap, y: frame.y, width: ColorBar.width, height: frame.height)
    let steps = 256
    let colors = (0..<steps).map { scale.map.color(1 - (Double($0) + 0.5) / Double(steps)).bytes }
    canvas.draw(
      Picture(width: 1, height: steps, bytes: colors.flatMap { [$0.red, $0.green, $0.blue] }),
      in: bar, smooth: !canvas.isVector)
    canvas.stroke(.rectangle(bar), .axis, width: 0.6)
    let ticks = ticks(height: frame.height)
    for tick in ticks.major {
      let y = bar.bottom - scale.scale.fraction(of: tick.value, in: scale.limits) * bar.height
      canvas.stroke(
        .segment(Point(bar.right, y), Point(bar.right + 4, y)), .axis, width: Style.axisWidth)
      canvas.text(tick.label, at: Point(bar.right + 7, y), anchor: .left)
    }
    if ticks.exponent != 0 {
      canvas.text(
        "$\\times10^{\(ticks.exponent)}$", at: Point(bar.left, bar.top - 4), anchor: .bottomLeft)
    }
    guard !label.isEmpty else { return }
    let x = bar.right + 7 + labelWidth(height: frame.height) + 6
    canvas.text(
      label, at: Point(x, bar.center.y), anchor: .top, rotation: -.pi / 2)
  }
}
