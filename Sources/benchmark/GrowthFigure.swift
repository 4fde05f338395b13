import Figures
import Foundation

/// Times against amounts of work.
struct GrowthCurve {
  let name: String
  /// Images, steps or pixels, in ascending order.
  let amounts: [Double]
  /// Seconds for each amount.
  let seconds: [Double]

  /// The curve with the squares of its amounts: of pixels, if they were extents of a square.
  var squared: GrowthCurve {
    GrowthCurve(name: name, amounts: amounts.map { $0 * $0 }, seconds: seconds)
  }

  /// The exponent p of the fit time = constant · amountᵖ, by least squares of the logarithms, over
  /// the upper half of the range: the amounts from the geometric mean of the least and the largest on.
  ///
  /// 1 is growth in proportion. Below, a part of the time does not depend on the amount, or larger
  /// amounts use the cores better. NaN for fewer than two amounts in that half.
  var fittedExponent: Double {
    guard let least = amounts.first, let most = amounts.last else { return .nan }
    let points = zip(amounts, seconds).filter { $0.0 >= (least * most).squareRoot() }
      .map { (x: log($0.0), y: log($0.1)) }
    let count = Double(points.count)
    let meanX = points.map(\.x).reduce(0, +) / count, meanY = points.map(\.y).reduce(0, +) / count
    let covariance = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
    return covariance / points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
  }
}

/// Curves over one kind of work.
struct GrowthPanel {
  let title: String
  /// What is along the horizontal axis.
  let axis: String
  let curves: [GrowthCurve]
  /// An amount in words.
  let name: (Double) -> String
  /// The amounts at which the horizontal axis has marks; round numbers if nil.
  var marks: [Double]?
}

/// The figure of growth: a panel for each kind of work, with logarithmic axes, on which growth in
/// proportion is a line of slope 1.
struct GrowthFigure {
  let panels: [GrowthPanel]

  var figure: Figure {
    Figure(
      columns: panels.count, panels.map(plot), panelSize: Size(330, 290),
      caption: "Time against the amount of work, the fastest of several runs; both axes are "
        + "logarithmic. Dashed: growth in proportion, through the last point. In the legend, the "
        + "exponent of the fit over the upper half of the range.")
  }

  private func plot(_ panel: GrowthPanel) -> Plot {
    let ticks = panel.marks?.map { Tick($0, panel.name($0)) }
    let x = Axis(panel.axis, scale: .log, ticks: ticks)
    let plot = Plot(title: panel.title, x: x, y: Axis("milliseconds", scale: .log))
      .legend(.below)
    return panel.curves.enumerated().reduce(plot) { plot, entry in
      let (index, curve) = entry
      guard let amount = curve.amounts.last, let last = curve.seconds.last else { return plot }
      let exponent = String(format: "%.2f", curve.fittedExponent)
      return
        plot
        .line(
          curve.amounts, curve.amounts.map { $0 / amount * last * 1e3 },
          color: .series(index).opacity(0.5), width: 1.1, dash: .dashed
        )
        .line(
          curve.amounts, curve.seconds.map { $0 * 1e3 },
          label: "\(curve.name): \(exponent)", color: .series(index), marker: .circle)
    }
  }
}
