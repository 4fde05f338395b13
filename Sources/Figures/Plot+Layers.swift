extension Plot {
  // MARK: - Curves

  /// Adds a curve through the points `(x[i], y[i])`; it is broken where a number is not finite.
  /// - Parameters:
  ///   - marker: the shape drawn on every point, if any.
  ///   - stepped: whether the curve keeps each value until the next point.
  ///   - arrow: whether the end of the curve is an arrow.
  public func line(
    _ x: [Double], _ y: [Double], label: String? = nil, color: Color? = nil,
    width: Double = Style.lineWidth, dash: Dash = .solid, marker: Marker? = nil,
    stepped: Bool = false, arrow: Bool = false
  ) -> Plot {
    requireEqual(x.count, y.count, "line")
    return adding(series: color) {
      LineMark(
        x: x, y: y, label: label, color: $0, stroke: Stroke(width: width, dash: dash),
        marker: marker, isStepped: stepped, hasArrow: arrow)
    }
  }

  /// Adds the curve of a function over an interval, sampled evenly along the axis.
  public func curve(
    over interval: ClosedRange<Double>, samples: Int = 300, label: String? = nil,
    color: Color? = nil, width: Double = Style.lineWidth, dash: Dash = .solid,
    _ function: (Double) -> Double
  ) -> Plot {
    let a = x.scale.position(interval.lowerBound)
    let b = x.scale.position(interval.upperBound)
    let xs = (0..<samples).map { x.scale.value(a + (b - a) * Double($0) / Double(samples - 1)) }
    return line(xs, xs.map(function), label: label, color: color, width: width, dash: dash)
  }

  /// Adds the filled area between two curves.
  ///
  /// A band without a label and a color takes the color of the next series, so that a band and
  /// then its curve match.
  public func band(
    _ x: [Double], lower: [Double], upper: [Double], label: String? = nil, color: Color? = nil,
    opacity: Double = 0.2
  ) -> Plot {
    requireEqual(x.count, lower.count, "band")
    requireEqual(x.count, upper.count, "band")
    func mark(_ color: Color) -> BandMark {
      BandMark(x: x, lower: lower, upper: upper, label: label, color: color, opacity: opacity)
    }
    return label == nil
      ? adding(mark(color ?? .series(seriesCount))) : adding(series: color, mark)
  }

  /// Adds vertical lines from `lower[i]` to `upper[i]`, in the color of the series before.
  public func errorBars(
    _ x: [Double], lower: [Double], upper: [Double], color: Color? = nil
  ) -> Plot {
    requireEqual(x.count, lower.count, "error bars")
    requireEqual(x.count, upper.count, "error bars")
    return adding(
      ErrorBarMark(
        x: x, lower: lower, upper: upper, color: color ?? .series(max(0, seriesCount - 1))))
  }

  // MARK: - Points

  /// Adds separate points.
  public func scatter(
    _ x: [Double], _ y: [Double], label: String? = nil, color: Color? = nil,
    marker: Marker = .circle, radius: Double = Style.pointRadius, opacity: Double = 0.8
  ) -> Plot {
    requireEqual(x.count, y.count, "scatter")
    return adding(series: color) {
      ScatterMark(
        x: x, y: y, label: label, color: $0, marker: marker, radius: radius, opacity: opacity)
    }
  }

  /// Adds separate points whose colors show a third number, with a bar that explains them.
  public func scatter(
    _ x: [Double], _ y: [Double], values: [Double], _ map: ColorMap = .sequential,
    limits: ClosedRange<Double>? = nil, scale: Scale = .linear, label: String = "",
    marker: Marker = .circle, radius: Double = Style.pointRadius, opacity: Double = 0.9
  ) -> Plot {
    requireEqual(x.count, y.count, "scatter")
    requireEqual(x.count, values.count, "scatter")
    let limits = limits ?? scale.extent(values) ?? 0...1
    return adding(
      ScatterMark(
        x: x, y: y, color: .ink, marker: marker, radius: radius, opacity: opacity, values: values,
        colors: ColorScale(map, limits: limits, scale: scale), valueLabel: label))
  }

  // MARK: - Bars

  /// Adds a bar at each place; without places they stand at 0, 1, 2, …
  public func bars(
    _ heights: [Double], at places: [Double]? = nil, width: Double = 0.7, label: String? = nil,
    color: Color? = nil
  ) -> Plot {
    let places = places ?? heights.indices.map { Double($0) }
    requireEqual(places.count, heights.count, "bars")
    return adding(series: color) {
      BarMark(
        edges: places.map { ($0 - width / 2, $0 + width / 2) }, heights: heights, label: label,
        color: $0, opacity: 0.9, hasOutline: false)
    }
  }

  /// Adds several bars side by side at each of the places 0, 1, 2, …: `groups[k][i]` is the height
  /// of series `k` at place `i`.
  public func bars(groups: [[Double]], labels: [String], width: Double = 0.8) -> Plot {
    requireEqual(groups.count, labels.count, "bars")
    let each = width / Double(max(groups.count, 1))
    return groups.indices.reduce(self) { plot, k in
      let shift = (Double(k) + 0.5) * each - width / 2
      return plot.bars(
        groups[k], at: groups[k].indices.map { Double($0) + shift }, width: each * 0.92,
        label: labels[k])
    }
  }

  /// Adds a histogram.
  /// - Parameters:
  ///   - bins: the number of bins of equal width; without it, Freedman and Diaconis' rule.
  ///   - range: the ends of the first and the last bin; values outside are not drawn, but they
  ///     count in the density.
  ///   - isDensity: whether the bars have total area one instead of showing counts.
  public func histogram(
    _ values: [Double], bins: Int? = nil, range: ClosedRange<Double>? = nil,
    isDensity: Bool = true, label: String? = nil, color: Color? = nil
  ) -> Plot {
    let bars = Histogram(values, bins: bins, range: range)
    return adding(series: color) {
      BarMark(
        edges: zip(bars.edges, bars.edges.dropFirst()).map { ($0, $1) },
        heights: isDensity ? bars.densities : bars.counts.map { Double($0) }, label: label,
        color: $0, opacity: 0.35, hasOutline: true)
    }
  }

  // MARK: - Fields

  /// Adds a field as cells of color, with a bar that explains them.
  /// - Parameter limits: the numbers at the ends of the map; without them, the extent of the field.
  public func heatMap(
    _ field: Field, _ map: ColorMap = .sequential, limits: ClosedRange<Double>? = nil,
    scale: Scale = .linear, label: String = "", showsBar: Bool = true, smooth: Bool = false
  ) -> Plot {
    let limits = limits ?? scale.extent(field.values.joined()) ?? 0...1
    return adding(
      HeatMapMark(
        field: field, colors: ColorScale(map, limits: limits, scale: scale), label: label,
        showsBar: showsBar, isSmooth: smooth))
  }

  /// Adds the curves along which a field has the given values, in one color.
  public func contours(
    _ field: Field, levels: [Double]? = nil, count: Int = 8, color: Color = .ink,
    width: Double = 1.1, dash: Dash = .solid, labeled: Bool = false, label: String? = nil
  ) -> Plot {
    adding(
      ContourMark(
        field: field, levels: levels ?? contourLevels(field, count: count), color: color,
        stroke: Stroke(width: width, dash: dash), isLabeled: labeled, label: label))
  }

  /// Adds the curves along which a field has the given values, colored by value.
  public func contours(
    _ field: Field, levels: [Double]? = nil, count: Int = 8, _ map: ColorMap,
    width: Double = 1.3, labeled: Bool = false
  ) -> Plot {
    let levels = levels ?? contourLevels(field, count: count)
    let limits = Scale.linear.extent(levels) ?? 0...1
    return adding(
      ContourMark(
        field: field, levels: levels, color: .ink, colors: ColorScale(map, limits: limits),
        stroke: Stroke(width: width), isLabeled: labeled))
  }

  private func contourLevels(_ field: Field, count: Int) -> [Double] {
    guard let extent = field.extent else { return [] }
    return Ticks(extent, count: count + 1).major.map(\.value).filter {
      $0 > extent.lowerBound && $0 < extent.upperBound
    }
  }

  /// Adds an arrow for the vector `(u[i], v[i])` at each point.
  ///
  /// With a color map the arrows show their lengths in color, and a bar explains them.
  public func vectors(
    _ x: [Double], _ y: [Double], _ u: [Double], _ v: [Double],
    length: ArrowLength = .automatic, color: Color = .ink, map: ColorMap? = nil,
    label: String? = nil
  ) -> Plot {
    for count in [y.count, u.count, v.count] { requireEqual(x.count, count, "vectors") }
    let lengths = zip(u, v).map { ($0 * $0 + $1 * $1).squareRoot() }
    let limits = 0...max(Scale.linear.extent(lengths)?.upperBound ?? 1, 1e-300)
    return adding(
      VectorMark(
        x: x, y: y, u: u, v: v, length: length, color: color,
        colors: map.map { ColorScale($0, limits: limits) }, colorLabel: label ?? "",
        label: map == nil ? label : nil))
  }

  /// Adds the arrows of a vector field at the middles of the cells of a grid.
  public func vectorField(
    x: ClosedRange<Double>, y: ClosedRange<Double>, columns: Int = 18, rows: Int = 18,
    length: ArrowLength = .automatic, color: Color = .ink, map: ColorMap? = nil,
    label: String? = nil, _ field: (Double, Double) -> (Double, Double)
  ) -> Plot {
    var places: [(Double, Double)] = []
    for j in 0..<rows {
      for i in 0..<columns {
        places.append((Field.middle(i, of: columns, in: x), Field.middle(j, of: rows, in: y)))
      }
    }
    let arrows = places.map { field($0.0, $0.1) }
    return vectors(
      places.map(\.0), places.map(\.1), arrows.map(\.0), arrows.map(\.1), length: length,
      color: color, map: map, label: label)
  }

  // MARK: - Annotations

  /// Adds a vertical reference line, with a label at its upper end.
  public func vertical(
    at x: Double, label: String? = nil, color: Color = .axis, dash: Dash = .dashed
  ) -> Plot {
    adding(
      ReferenceMark(
        direction: .vertical, value: x, label: label, color: color,
        stroke: Stroke(width: 1.1, dash: dash)))
  }

  /// Adds a horizontal reference line, with a label at its right end.
  public func horizontal(
    at y: Double, label: String? = nil, color: Color = .axis, dash: Dash = .dashed
  ) -> Plot {
    adding(
      ReferenceMark(
        direction: .horizontal, value: y, label: label, color: color,
        stroke: Stroke(width: 1.1, dash: dash)))
  }

  /// Shades the part of the frame between two numbers of the horizontal axis.
  public func shade(
    x range: ClosedRange<Double>, label: String? = nil, color: Color = Color(gray: 0.93)
  ) -> Plot {
    adding(IntervalMark(direction: .vertical, range: range, label: label, color: color))
  }

  /// Shades the part of the frame between two numbers of the vertical axis.
  public func shade(
    y range: ClosedRange<Double>, label: String? = nil, color: Color = Color(gray: 0.93)
  ) -> Plot {
    adding(IntervalMark(direction: .horizontal, range: range, label: label, color: color))
  }

  /// Writes a text at a place of the axes.
  public func note(
    _ text: String, at place: (x: Double, y: Double), anchor: Anchor = .left, color: Color = .ink
  ) -> Plot {
    adding(NoteMark(text: text, at: place, anchor: anchor, color: color))
  }

  /// Draws an arrow between two places of the axes, with a text at its tail.
  public func arrow(
    from tail: (x: Double, y: Double), to tip: (x: Double, y: Double), _ text: String = "",
    anchor: Anchor = .bottom, color: Color = .ink
  ) -> Plot {
    adding(NoteMark(text: text, at: tail, pointsTo: tip, anchor: anchor, color: color))
  }

  /// Stretches a picture over a rectangle of the axes.
  public func picture(
    _ picture: Picture, x: ClosedRange<Double>, y: ClosedRange<Double>
  ) -> Plot {
    adding(PictureMark(picture: picture, x: x, y: y))
  }

  func requireEqual(_ a: Int, _ b: Int, _ layer: String) {
    guard a == b else { fatalError("\(layer): \(a) and \(b) numbers where as many are needed") }
  }
}
