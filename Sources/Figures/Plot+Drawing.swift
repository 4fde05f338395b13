extension Plot {
  /// Draws the plot into a rectangle of a canvas.
  public func draw(on canvas: Canvas, in rectangle: Rectangle) {
    draw(
      on: canvas, in: rectangle, margins: margins(for: rectangle.size), nominal: rectangle.size)
  }

  // MARK: - Space

  /// Everything that is decided before the size of the frame is known.
  struct Furniture {
    var title: MathText
    var xLabel: MathText
    var yLabel: MathText
    var xTicks: Ticks
    var yTicks: Ticks
    var legend: Legend
    var place: LegendPlace
    var bars: [ColorBar]
  }

  func furniture(for size: Size) -> Furniture {
    let ranges = ranges()
    let entries = panel.showsLegend && legendPlace != .none ? legendEntries : []
    func lines(_ markup: String, within width: Double, bold: Bool = false) -> MathText {
      MathText(MathText.wrapped(markup, width: width, bold: bold), bold: bold)
    }
    return Furniture(
      title: lines(title, within: size.width - 16, bold: true),
      xLabel: lines(x.label, within: size.width - 70),
      yLabel: lines(y.label, within: size.height - 50),
      xTicks: xTicks(ranges.x, width: size.width - 70),
      yTicks: ticks(y, ranges.y, count: Int((size.height - 70) / 36)),
      legend: Legend(entries: entries), place: effectiveLegendPlace,
      bars: panel.showsColorBar ? colorBars : [])
  }

  private func ticks(_ axis: Axis, _ range: ClosedRange<Double>, count: Int) -> Ticks {
    guard axis.isVisible else { return Ticks() }
    guard let chosen = axis.ticks else {
      return Ticks(range, scale: axis.scale, count: max(2, count))
    }
    var ticks = Ticks()
    let reach = axis.scale.widened(range, low: 1e-9, high: 1e-9)
    ticks.major = chosen.filter { reach.contains($0.value) }
    return ticks
  }

  // As many marks as have room for their labels.
  private func xTicks(_ range: ClosedRange<Double>, width: Double) -> Ticks {
    var count = max(2, Int(width / 50))
    while true {
      let ticks = ticks(x, range, count: count)
      let needed = ticks.major.map { MathText($0.label).width + 12 }.reduce(0, +)
      if needed <= width || count <= 2 || x.ticks != nil { return ticks }
      count -= 1
    }
  }

  private var effectiveLegendPlace: LegendPlace {
    let isCrowded = legendPlace == .automatic && marks.contains(where: \.fillsFrame)
    return isCrowded ? .below : legendPlace
  }

  var legendEntries: [LegendEntry] {
    var entries: [LegendEntry] = []
    for entry in marks.compactMap(\.legend) where !entries.contains(entry) { entries.append(entry) }
    return entries
  }

  var colorBars: [ColorBar] {
    var bars: [ColorBar] = []
    for bar in marks.compactMap(\.colorBar) where !bars.contains(bar) { bars.append(bar) }
    return bars
  }

  /// Returns the space around the frame that titles, labels, legend and color bar need.
  func margins(for size: Size) -> Margins {
    let furniture = furniture(for: size)
    var margins = Margins(left: 6, right: 10, top: 8, bottom: 6)
    if !title.isEmpty { margins.top += furniture.title.height + 8 }
    let showsExponent = furniture.yTicks.exponent != 0 && panel.showsYLabels
    if showsExponent || furniture.bars.contains(where: \.hasExponent) { margins.top += 16 }
    if x.isVisible && panel.showsXLabels {
      margins.bottom += 6 + (furniture.xTicks.major.map { MathText($0.label).height }.max() ?? 0)
      let last = furniture.xTicks.major.last.map { MathText($0.label).width } ?? 0
      margins.right = max(margins.right, last / 2 + 2)
    }
    if hasXLabelRow(furniture) { margins.bottom += 5 + furniture.xLabel.height }
    if y.isVisible && panel.showsYLabels {
      margins.left += 8 + labelWidth(furniture.yTicks)
    }
    if !y.label.isEmpty && panel.showsYLabels { margins.left += 6 + furniture.yLabel.height }
    addOutside(furniture, to: &margins, size: size)
    return margins
  }

  private func hasXLabelRow(_ furniture: Furniture) -> Bool {
    panel.showsXLabels && (!x.label.isEmpty || furniture.xTicks.exponent != 0)
  }

  private func addOutside(_ furniture: Furniture, to margins: inout Margins, size: Size) {
    let height = size.height - margins.top - margins.bottom
    for bar in furniture.bars { margins.right += bar.totalWidth(height: height) }
    guard !furniture.legend.entries.isEmpty else { return }
    switch furniture.place {
    case .right: margins.right += furniture.legend.size.width + 8
    case .below: margins.bottom += furniture.legend.height(inRowsOf: size.width - 20) + 6
    case .direct:
      let widths = furniture.legend.entries.map { MathText($0.label).width }
      margins.right = max(margins.right, (widths.max() ?? 0) + 10)
    default: break
    }
  }

  private func labelWidth(_ ticks: Ticks) -> Double {
    ticks.major.map { MathText($0.label).width }.max() ?? 0
  }

  // MARK: - Drawing

  // The numbers on the axes are chosen for the nominal size, as they were for the margins.
  func draw(on canvas: Canvas, in rectangle: Rectangle, margins: Margins, nominal: Size) {
    let furniture = furniture(for: nominal)
    let frame = frame(in: rectangle.inset(by: margins))
    let box = frame.rectangle
    guard box.width > 20, box.height > 20 else { return }
    drawTitle(on: canvas, above: box, in: rectangle, furniture)
    canvas.clipped(to: box.inset(by: -1)) {
      for mark in marks where mark.isBackground { mark.draw(on: canvas, in: frame) }
      if !marks.contains(where: \.coversGrid) {
        drawGrid(on: canvas, frame, furniture)
      }
      for mark in marks where !mark.isBackground { mark.draw(on: canvas, in: frame) }
      for mark in marks { mark.drawAbove(on: canvas, in: frame) }
    }
    drawXAxis(on: canvas, frame, furniture, bottom: rectangle.bottom - margins.bottom)
    drawYAxis(on: canvas, frame, furniture)
    var right = box
    for bar in furniture.bars {
      bar.draw(on: canvas, beside: right)
      right.width += bar.totalWidth(height: box.height)
    }
    drawLegend(on: canvas, frame, furniture, in: rectangle, right: right.right)
  }

  func frame(in available: Rectangle) -> Frame {
    let ranges = ranges()
    var box = available
    if hasEqualAspect {
      let width = ranges.x.upperBound - ranges.x.lowerBound
      let height = ranges.y.upperBound - ranges.y.lowerBound
      let unit = min(box.width / width, box.height / height)
      box = Rectangle(
        x: box.x + (box.width - unit * width) / 2, y: box.y + (box.height - unit * height) / 2,
        width: unit * width, height: unit * height)
    }
    return Frame(rectangle: box, xRange: ranges.x, yRange: ranges.y, x: x, y: y)
  }

  private func drawTitle(
    on canvas: Canvas, above box: Rectangle, in rectangle: Rectangle, _ furniture: Furniture
  ) {
    guard !title.isEmpty else { return }
    let showsExponent = furniture.yTicks.exponent != 0 && panel.showsYLabels
    let shift = showsExponent || furniture.bars.contains(where: \.hasExponent) ? 16.0 : 0
    // Above the middle of the frame, but within the plot.
    let half = furniture.title.width / 2 + 4
    let x = max(min(box.center.x, rectangle.right - half), rectangle.left + half)
    canvas.draw(
      furniture.title, at: Point(x, box.top - 8 - shift), anchor: .bottom, color: .ink)
  }

  private func drawGrid(on canvas: Canvas, _ frame: Frame, _ furniture: Furniture) {
    let box = frame.rectangle
    var path = Path()
    for tick in furniture.xTicks.major {
      let x = frame.place(x: tick.value)
      path.add(.segment(Point(x, box.top), Point(x, box.bottom)))
    }
    for tick in furniture.yTicks.major {
      let y = frame.place(y: tick.value)
      path.add(.segment(Point(box.left, y), Point(box.right, y)))
    }
    canvas.stroke(path, .grid, width: Style.gridWidth)
  }

  private func drawXAxis(
    on canvas: Canvas, _ frame: Frame, _ furniture: Furniture, bottom: Double
  ) {
    guard x.isVisible else { return }
    let box = frame.rectangle
    var path = Path.segment(Point(box.left, box.bottom), Point(box.right, box.bottom))
    for tick in furniture.xTicks.major {
      let place = frame.place(x: tick.value)
      path.add(.segment(Point(place, box.bottom), Point(place, box.bottom + 4)))
      guard panel.showsXLabels else { continue }
      canvas.text(tick.label, at: Point(place, box.bottom + 6), anchor: .top)
    }
    for value in furniture.xTicks.minor {
      let place = frame.place(x: value)
      path.add(.segment(Point(place, box.bottom), Point(place, box.bottom + 2.2)))
    }
    canvas.stroke(path, .axis, width: Style.axisWidth)
    guard hasXLabelRow(furniture) else { return }
    let labels = furniture.xTicks.major.map { MathText($0.label).height }.max() ?? 0
    let y = box.bottom + 6 + labels + 5
    canvas.draw(furniture.xLabel, at: Point(box.center.x, y), anchor: .top, color: .ink)
    if furniture.xTicks.exponent != 0 {
      canvas.text(
        "$\\times10^{\(furniture.xTicks.exponent)}$", at: Point(box.right, y), anchor: .topRight)
    }
  }

  private func drawYAxis(on canvas: Canvas, _ frame: Frame, _ furniture: Furniture) {
    guard y.isVisible else { return }
    let box = frame.rectangle
    var path = Path.segment(Point(box.left, box.top), Point(box.left, box.bottom))
    for tick in furniture.yTicks.major {
      let place = frame.place(y: tick.value)
      path.add(.segment(Point(box.left, place), Point(box.left - 4, place)))
      guard panel.showsYLabels else { continue }
      canvas.text(tick.label, at: Point(box.left - 7, place), anchor: .right)
    }
    for value in furniture.yTicks.minor {
      let place = frame.place(y: value)
      path.add(.segment(Point(box.left, place), Point(box.left - 2.2, place)))
    }
    canvas.stroke(path, .axis, width: Style.axisWidth)
    guard panel.showsYLabels else { return }
    if furniture.yTicks.exponent != 0 {
      canvas.text(
        "$\\times10^{\(furniture.yTicks.exponent)}$", at: Point(box.left - 4, box.top - 6),
        anchor: .bottomLeft)
    }
    guard !y.label.isEmpty else { return }
    let x = box.left - 8 - labelWidth(furniture.yTicks) - 6
    let place = Point(x, box.center.y)
    canvas.rotated(by: -.pi / 2, about: place) {
      canvas.draw(furniture.yLabel, at: place, anchor: .bottom, color: .ink)
    }
  }
}
