/// Layers for each element of a sequence.
extension Plot {
  /// Adds one layer, or more, for each element.
  ///
  /// ```swift
  /// Plot(x: "$t$", y: "error").adding(runs) { plot, run in
  ///   plot.line(run.steps, run.errors, label: run.name)
  /// }
  /// ```
  public func adding<Elements: Sequence>(
    _ elements: Elements, _ layer: (Plot, Elements.Element) throws -> Plot
  ) rethrows -> Plot {
    try elements.reduce(self, layer)
  }

  /// Adds one line for each element, over the same `x`, in the colors of the palette in turn.
  ///
  /// ```swift
  /// Plot(x: "$t$", y: "$\\bar\\alpha_t$").lines(schedules, x: steps, label: \.name) { schedule in
  ///   steps.map { schedule.alphaBar(Int($0)) }
  /// }
  /// ```
  /// - Parameters:
  ///   - x: the coordinates along the horizontal axis.
  ///   - label: the entry of the legend for an element; no legend by default.
  ///   - y: the coordinates of an element, as many as `x` has.
  public func lines<Elements: Sequence>(
    _ elements: Elements, x: [Double], label: (Elements.Element) -> String? = { _ in nil },
    width: Double = Style.lineWidth, dash: Dash = .solid, marker: Marker? = nil,
    by y: (Elements.Element) throws -> [Double]
  ) rethrows -> Plot {
    try adding(elements) { plot, element in
      plot.line(
        x, try y(element), label: label(element), width: width, dash: dash, marker: marker)
    }
  }

  /// Adds separate points in the colors of their classes: class 0 has the first of the palette.
  ///
  /// - Parameters:
  ///   - classes: the class of each point, from 0.
  ///   - labels: the names of the classes for the legend; no legend by default.
  public func scatter(
    _ x: [Double], _ y: [Double], classes: [Int], labels: [String] = [],
    radius: Double = Style.pointRadius, opacity: Double = 0.8
  ) -> Plot {
    requireEqual(x.count, classes.count, "scatter")
    requireEqual(x.count, y.count, "scatter")
    return adding(Set(classes).sorted()) { plot, label in
      let own = classes.indices.filter { classes[$0] == label }
      return plot.scatter(
        own.map { x[$0] }, own.map { y[$0] },
        label: labels.indices.contains(label) ? labels[label] : nil, color: .series(label),
        radius: radius, opacity: opacity)
    }
  }
}
