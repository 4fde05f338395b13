import Foundation

@testable import Figures

/// One drawing of every kind, for the tests that hold for all of them.
enum Gallery {
  static let steps = (0...1000).map { Double($0) }

  static let linear: [Double] = {
    var kept = [1.0]
    for t in 1...1000 {
      kept.append(kept[t - 1] * (1 - (1e-4 + (0.02 - 1e-4) * Double(t - 1) / 999)))
    }
    return kept
  }()

  static let cosine: [Double] = steps.map { t in
    func f(_ t: Double) -> Double { pow(cos((t / 1000 + 0.008) / 1.008 * .pi / 2), 2) }
    return f(t) / f(0)
  }

  /// A stream of numbers that look random and are the same each time.
  struct Noise: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 29) ^ state &* 0x9E37_79B9_7F4A_7C15
    }

    mutating func normal() -> Double {
      let u = Double.random(in: 1e-12..<1, using: &self)
      return (-2 * log(u)).squareRoot() * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
    }
  }

  static func normals(
    _ count: Int, mean: Double = 0, standardDeviation: Double = 1, seed: UInt64 = 1
  )
    -> [Double]
  {
    var noise = Noise(state: seed)
    return (0..<count).map { _ in mean + standardDeviation * noise.normal() }
  }

  static func mixture(_ x: Double, _ y: Double) -> Double {
    func bump(_ a: Double, _ b: Double, _ s: Double) -> Double {
      exp(-((x - a) * (x - a) + (y - b) * (y - b)) / (2 * s * s)) / (2 * .pi * s * s)
    }
    return 0.5 * bump(-1.2, -0.6, 0.5) + 0.5 * bump(1, 0.8, 0.7)
  }

  static func score(_ x: Double, _ y: Double) -> (Double, Double) {
    let h = 1e-4
    return (
      (log(mixture(x + h, y)) - log(mixture(x - h, y))) / (2 * h),
      (log(mixture(x, y + h)) - log(mixture(x, y - h))) / (2 * h)
    )
  }

  static func ball(_ noise: Double) -> Picture {
    var generator = Noise(state: UInt64(noise * 100) + 3)
    var picture = Picture(drawing: 32, 32, background: Color(hex: 0xCDE7F5)) { canvas in
      canvas.fill(.rectangle(Rectangle(x: 0, y: 22, width: 32, height: 10)), .green)
      canvas.fill(.circle(center: Point(16, 17), radius: 9), .vermilion)
    }
    let keep = (1 - noise * noise).squareRoot()
    picture = Picture(
      planar: picture.planar().map { Float(keep * Double($0) + noise * generator.normal()) },
      width: 32, height: 32)
    return picture
  }

  // MARK: - Drawings

  static let schedules = Plot(
    title: "Share of the signal that is kept", x: "step $t$", y: "$\\bar\\alpha_t$"
  )
  .line(steps, linear, label: "linear")
  .line(steps, cosine, label: "cosine")
  .vertical(at: 500, label: "$t = T/2$")

  static let logarithmic = Plot(
    title: "Signal-to-noise ratio", x: "$t$",
    y: Axis("$\\mathrm{SNR}(t) = \\bar\\alpha_t\\,/\\,(1-\\bar\\alpha_t)$", scale: .log)
  )
  .line(steps, linear.map { $0 / (1 - $0) }, label: "linear")
  .line(steps, cosine.map { $0 / (1 - $0) }, label: "cosine", dash: .dashed)
  .horizontal(at: 1, label: "as much signal as noise")
  .legend(.direct)

  static let scatter = Plot(x: "$x_1$", y: "$x_2$")
    .scatter(normals(300, mean: -1, seed: 2), normals(300, seed: 3), label: "class 0")
    .scatter(
      normals(300, mean: 1.5, seed: 4), normals(300, mean: 1, seed: 5), label: "class 1",
      marker: .triangle
    )
    .scatter(
      normals(100, mean: 3, standardDeviation: 0.4, seed: 6), normals(100, mean: -2, seed: 7),
      label: "class 2", marker: .ring
    )
    .equalAspect()

  static let histogram = Plot(
    title: "Samples of $q(x_t \\mid x_0)$", x: "$x_t$", y: "density"
  )
  .histogram(normals(4000), label: "jumps")
  .histogram(normals(4000, mean: 0.2, seed: 9), label: "chains")
  .curve(over: -4...4, label: "$\\mathcal N(0, 1)$", color: .ink) {
    exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
  }

  static let heat = Plot(title: "A mixture and its contours", x: "$x_1$", y: "$x_2$")
    .heatMap(Field(x: -3...3, y: -2.5...3, mixture), label: "$p(x)$")
    .contours(Field(x: -3...3, y: -2.5...3, mixture), color: .white, width: 0.8)
    .equalAspect()

  static let contours = Plot(title: "Labeled contours", x: "$x_1$", y: "$x_2$")
    .contours(Field(x: -3...3, y: -2.5...3, mixture), ColorMap.sequential, labeled: true)
    .equalAspect()

  static let vectors = Plot(title: "Score $\\nabla\\log p(x)$", x: "$x_1$", y: "$x_2$")
    .contours(Field(x: -3...3, y: -2.5...3, mixture), color: Color(gray: 0.7))
    .vectorField(
      x: -3...3, y: -2.5...3, columns: 20, rows: 18, map: .sequential.part(0...0.85),
      label: "$\\|\\nabla\\log p\\|$", score
    )
    .equalAspect()

  static let signed = Plot(
    title: "Residual $\\hat\\epsilon - \\epsilon$", x: Axis("$t$", range: 0...1000),
    y: "$\\log\\mathrm{SNR}$"
  )
  .heatMap(
    Field(x: 0...1000, y: -4...4) { t, s in sin(t / 150) * s / 4 * 3e-4 }, .sequential,
    limits: -3e-4...3e-4, label: "error")

  static let bars = Plot(
    title: "Fréchet distance by steps",
    x: Axis("number of steps $S$", categories: ["10", "20", "50", "100"]),
    y: "distance"
  )
  .bars(
    groups: [[13.4, 6.8, 4.7, 4.2], [41, 18.4, 8, 5.8]], labels: ["$\\eta = 0$", "$\\eta = 1$"]
  )
  .errorBars(
    [0, 1, 2, 3].map { $0 - 0.2 }, lower: [12, 6, 4, 4], upper: [15, 7.5, 5.3, 4.6], color: .ink)

  static let bands = Plot(title: "Training", x: "step", y: Axis("loss", scale: .log))
    .band(
      steps.map { 20 * $0 }, lower: steps.map { 0.03 + exp(-$0 / 100) * 0.6 },
      upper: steps.map { 0.05 + exp(-$0 / 130) }
    )
    .line(
      steps.map { 20 * $0 }, steps.map { 0.04 + exp(-$0 / 115) * 0.8 },
      label: "mean $\\pm$ standard deviation"
    )
    .shade(x: 0...2000, label: "warm-up")
    .arrow(from: (9000, 0.4), to: (5400, 0.13), "the floor is near")

  static let images = ImageGrid(
    title: "An image dissolves",
    rows: [
      [0, 0.3, 0.6, 0.9, 1].map(ball), [0, 0.2, 0.4, 0.8, 1].map(ball),
    ],
    rowLabels: ["linear", "cosine"],
    columnLabels: [0, 250, 500, 750, 1000].map { "$t = \($0)$" })

  static let captioned = ImageGrid(
    rows: [[0.0, 0.5, 1].map(ball)],
    captions: [["$x_0$", "$x_{500}$", "$x_T \\sim \\mathcal N(0, I)$"]], cellWidth: 96)

  static let multiples = Figure(
    title: "Densities of $x_t$", columns: 3,
    [0.9, 0.6, 0.1, 0.5, 0.3, 0.02].enumerated().map { index, kept in
      Plot(title: "$\\bar\\alpha_t = \(kept)$", x: "$x_t$", y: "density")
        .histogram(
          normals(1500, standardDeviation: 1 - kept / 2, seed: UInt64(index + 20)), label: "samples"
        )
        .curve(over: -4...4, label: "$q(x_t)$") {
          let s = 1 - kept / 2
          return exp(-$0 * $0 / (2 * s * s)) / (s * (2 * Double.pi).squareRoot())
        }
    },
    panelSize: Size(270, 190), sharing: [.axes, .legend],
    caption: "The more of the signal is gone, the closer $q(x_t)$ comes to $\\mathcal N(0, 1)$. "
      + "Each panel shows 1500 samples of the chain and the density that the closed form gives; "
      + "the two agree at every step.", hasLetters: true)

  static let sharedColors = Figure(
    columns: 2,
    [0.5, 1.0].map { s in
      Plot(title: "width \(s)", x: "$x$", y: "$y$")
        .heatMap(
          Field(x: -2...2, y: -2...2) { exp(-($0 * $0 + $1 * $1) / (2 * s * s)) / (s * s) },
          label: "$p(x, y)$"
        )
        .equalAspect()
    }, panelSize: Size(260, 250), sharing: [.y, .colors])

  static let formulas = Formulas()

  static let colored = Plot(x: "$x$", y: Axis("$y$", scale: .log))
    .scatter(
      normals(200), normals(200, seed: 8).map { exp(2 * $0) }, values: normals(200, seed: 11),
      .sequential, limits: -3...3, label: "$z$", radius: 4)

  static let markers = Plot(title: "Markers, steps and dashes", x: "$x$", y: "$y$")
    .line([0, 1, 2, 3, 4], [1, 2, 1.5, 3, 2.5], label: "circle", marker: .circle)
    .line(
      [0, 1, 2, 3, 4], [0, 1, 0.5, 2, 1.5], label: "square, dashed", dash: .dashed, marker: .square
    )
    .line([0, 1, 2, 3, 4], [3, 3.5, 4.2, 4, 5], label: "stepped", stepped: true)
    .line([0, 1, 2, 3, 4], [4, 5, 5.5, 5.8, 6], label: "dotted", dash: .dotted)
    .line([0, 1, 2, 3, 4], [6, 6.5, 6.8, 6.9, 6.2], label: "dash-dotted", dash: .dashDotted)
    .line([0.5, 1, 2, 3, 3.5], [-1, -0.5, -1.2, -0.7, -0.2], label: "a path", arrow: true)
    .legend(.right)

  static let below = Plot(
    title: "Legend below", x: Axis("$t$", scale: .log, range: 1...1000), y: "value"
  )
  .line(Array(steps.dropFirst()), steps.dropFirst().map { $0 * 1e5 }, label: "$\\beta_t$")
  .line(Array(steps.dropFirst()), steps.dropFirst().map { $0 * 5e4 }, label: "$\\tilde\\beta_t$")
  .line(Array(steps.dropFirst()), steps.dropFirst().map { $0 * 2e4 }, label: "$\\sigma_t^2$")
  .legend(.below)

  static let maps = Maps()

  static let all: [(name: String, drawing: any Drawable)] = [
    ("schedules", schedules), ("logarithmic", logarithmic), ("scatter", scatter),
    ("histogram", histogram), ("heat", heat), ("contours", contours), ("vectors", vectors),
    ("signed", signed), ("bars", bars), ("bands", bands), ("images", images),
    ("captioned", captioned), ("multiples", multiples), ("shared-colors", sharedColors),
    ("formulas", formulas), ("colored", colored), ("markers", markers), ("below", below),
    ("maps", maps),
  ]
}
