import Foundation

@testable import Figures

/// Drawings that are awkward rather than typical.
extension Gallery {
  private static let manySteps = (0..<20000).map { Double($0) }

  static let awkward: [(name: String, drawing: any Drawable)] = [
    (
      "long-words",
      Plot(
        title:
          "A title that is far too long for a single line above a plot of the usual size, so that it wraps",
        x: "an axis whose label needs to say a great many things about $t$ before it is done",
        y: "and another one about $\\bar\\alpha_t$, which is just as talkative as the first"
      )
      .line([0, 1], [0, 1], label: "a label that is quite long too")
    ),
    (
      "dense",
      Plot(title: "A long run", x: "step", y: Axis("loss", scale: .log))
        .line(
          manySteps,
          zip(manySteps, normals(20000)).map { (0.03 + exp(-$0 / 3000)) * exp(0.2 * $1) },
          label: "per step", color: .skyBlue, width: 0.8
        )
        .line(manySteps, manySteps.map { 0.03 + exp(-$0 / 3000) }, label: "mean", color: .blue)
    ),
    (
      "points",
      Plot(title: "20 000 points", x: "$x_1$", y: "$x_2$")
        .scatter(normals(20000), normals(20000, seed: 5), radius: 1.2, opacity: 0.3)
        .equalAspect()
    ),
    (
      "reversed",
      Plot(
        title: "Time runs backward", x: Axis("$t$", isReversed: true),
        y: Axis("$\\sigma_t$", scale: .log)
      )
      .line(steps, steps.map { 0.01 * exp($0 / 120) }, label: "$\\sigma_t$")
      .vertical(at: 900, label: "start").vertical(at: 30, label: "end")
      .note("a note", at: (500, 1), anchor: .bottomLeft)
    ),
    (
      "density-log",
      Plot(x: Axis("$x$", at: [-2, 0, 2]), y: "$y$")
        .heatMap(
          Field(densityOf: normals(30000), normals(30000, seed: 2), x: -3...3, y: -3...3),
          .density, limits: 1e-4...0.3, scale: .log, label: "density of points"
        )
        .equalAspect()
    ),
    (
      "directions",
      Plot(title: "Directions only", x: "$x_1$", y: "$x_2$")
        .vectorField(x: -3...3, y: -2.5...3, length: .equal, score)
        .line(
          [-2, -1, 0, 0.5, 1], [2.5, 1, 1.5, 1, 0.8], label: "a path", color: .vermilion,
          arrow: true
        )
        .equalAspect()
    ),
    ("empty", Plot(title: "Nothing", x: "$x$", y: "$y$")),
    (
      "constant",
      Plot(x: "$x$", y: Axis("$y$", scale: .log)).line([1, 2, 3], [5, 5, 5], label: "five")
        .scatter([2], [5], label: "a point")
    ),
    (
      "negative-bars",
      Plot(title: "Differences", x: Axis(categories: ["airplane", "cat", "ship"]), y: "difference")
        .bars([0.4, -0.3, 0.1]).horizontal(at: 0, dash: .solid)
    ),
    (
      "many-direct",
      Plot(title: "Direct labels", x: "$t$", y: "value")
        .line([0, 1], [0, 1.00], label: "first").line([0, 1], [0, 1.02], label: "second")
        .line([0, 1], [0, 0.98], label: "third").line([0, 1], [0, 0.1], label: "fourth")
        .legend(.direct)
    ),
    (
      "mixed",
      Figure(
        columns: 2, [schedules, images], caption: "A plot beside a grid of pictures.",
        hasLetters: true)
    ),
    (
      "grays",
      ImageGrid(
        [0.0, 0.25, 0.5, 0.75, 1].map { Picture(width: 8, height: 8, filled: Color(gray: $0)) },
        columns: 3, cellWidth: 40, hasOutlines: true)
    ),
    (
      "tiny",
      Figure(
        columns: 4,
        (0..<8).map { k in
          Plot(title: "$k = \(k)$").curve(over: 0...1) { sin(Double(k + 1) * $0 * 3) }
        }, panelSize: Size(150, 110), sharing: .axes)
    ),
  ]
}
