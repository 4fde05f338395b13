/// A diagram with two axes: layers that are added one by one, drawn in that order.
///
/// ```swift
/// let plot = Plot(title: "Signal kept", x: "$t$", y: Axis("$\\bar\\alpha_t$", scale: .log))
///   .line(steps, linear, label: "linear")
///   .line(steps, cosine, label: "cosine")
/// try plot.write(to: URL(fileURLWithPath: "signal.svg"))
/// ```
public struct Plot: Drawable {
  /// The line above the frame.
  public var title: String
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The natural extent, with all that stands around the frame.
  public var size: Size

  var marks: [any Mark] = []
  var seriesCount = 0
  var legendPlace = LegendPlace.automatic
  var hasEqualAspect = false
  /// What a figure decides about one of its panels.
  var panel = PanelOptions()

  /// Makes a plot without layers.
  public init(
    title: String = "", x: Axis = "", y: Axis = "", size: Size = Style.plotSize
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.size = size
  }

  // MARK: - Options

  /// Says where the legend goes.
  public func legend(_ place: LegendPlace) -> Plot { changed { $0.legendPlace = place } }

  /// Makes a unit of the one axis as long as a unit of the other.
  public func equalAspect() -> Plot { changed { $0.hasEqualAspect = true } }

  func changed(_ change: (inout Plot) -> Void) -> Plot {
    var copy = self
    change(&copy)
    return copy
  }

  func adding(_ mark: any Mark) -> Plot { changed { $0.marks.append(mark) } }

  // The color that was asked for, or else the next one of the palette.
  func adding(series color: Color?, _ make: (Color) -> any Mark) -> Plot {
    changed { plot in
      plot.marks.append(make(color ?? .series(plot.seriesCount)))
      if color == nil { plot.seriesCount += 1 }
    }
  }

  // MARK: - Ranges

  /// Returns the ranges of the two axes: what was asked for, or else what the layers reach, with
  /// a little air.
  func ranges() -> (x: ClosedRange<Double>, y: ClosedRange<Double>) {
    var domain = Domain()
    for mark in marks {
      let next = mark.domain(x: x.scale, y: y.scale)
      domain.x = next.x?.union(domain.x) ?? domain.x
      domain.y = next.y?.union(domain.y) ?? domain.y
      domain.tight.formUnion(next.tight)
    }
    func range(
      _ axis: Axis, _ shared: ClosedRange<Double>?, _ found: ClosedRange<Double>?,
      low: Double, high: Double
    ) -> ClosedRange<Double> {
      if let range = axis.range ?? shared { return range }
      let empty = axis.scale == .log ? 0.1...10.0 : 0.0...1.0
      guard let found else { return empty }
      return axis.scale.widened(found, low: low, high: high)
    }
    let tight = domain.tight
    return (
      range(
        x, panel.xRange, domain.x, low: tight.contains(.left) ? 0 : 0.03,
        high: tight.contains(.right) ? 0 : 0.03),
      range(
        y, panel.yRange, domain.y, low: tight.contains(.bottom) ? 0 : 0.05,
        high: tight.contains(.top) ? 0 : 0.05)
    )
  }
}

/// Where the legend of a plot goes.
public enum LegendPlace: Equatable, Sendable {
  /// Inside the frame where it covers least, or below it if a field fills the frame.
  case automatic
  /// Inside the frame at an edge or a corner.
  case inside(Anchor)
  /// To the right of the frame.
  case right
  /// Below the frame, in rows.
  case below
  /// Each label at the right end of its curve, in its color.
  case direct
  case none
}

/// What a figure decides about one of its panels.
struct PanelOptions: Sendable {
  var xRange: ClosedRange<Double>?
  var yRange: ClosedRange<Double>?
  var showsXLabels = true
  var showsYLabels = true
  var showsLegend = true
  var showsColorBar = true
  var colorLimits: ClosedRange<Double>?
}
