/// Gauss-Legendre quadrature with n nodes: exact for polynomials up to degree 2n - 1 on each panel.
public struct GaussLegendre: Sendable {
  /// The nodes in -1…1, increasing.
  public let nodes: [Double]
  /// The weights, whose sum is 2.
  public let weights: [Double]

  /// Finds the nodes of the rule with `count` points, the roots of the Legendre polynomial, by
  /// Newton's method.
  public init(_ count: Int) {
    var nodes = [Double](repeating: 0, count: count)
    var weights = nodes
    for i in 0..<count {
      var x = cos(.pi * (Double(i) + 0.75) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<100 {
        let (value, derivative) = Self.legendre(count, x)
        slope = derivative
        let step = value / derivative
        x -= step
        if abs(step) < 1e-16 { break }
      }
      nodes[count - 1 - i] = x
      weights[count - 1 - i] = 2 / ((1 - x * x) * slope * slope)
    }
    self.nodes = nodes
    self.weights = weights
  }

  /// The Legendre polynomial of a degree and its derivative.
  private static func legendre(_ degree: Int, _ x: Double) -> (value: Double, slope: Double) {
    var (before, value) = (1.0, x)
    for k in 2..<max(3, degree + 1) where degree >= 2 {
      let n = Double(k)
      (before, value) = (value, ((2 * n - 1) * x * value - (n - 1) * before) / n)
    }
    if degree == 0 { return (1, 0) }
    return (value, Double(degree) * (x * value - before) / (x * x - 1))
  }

  /// The integral of `body` over a range cut into equal `panels`.
  public func integrate(
    from low: Double, to high: Double, panels: Int = 1, _ body: (Double) -> Double
  ) -> Double {
    let half = (high - low) / Double(2 * panels)
    var total = 0.0
    for panel in 0..<panels {
      let middle = low + half * Double(2 * panel + 1)
      var part = 0.0
      for (node, weight) in zip(nodes, weights) { part += weight * body(middle + half * node) }
      total += part * half
    }
    return total
  }

  /// The integral of `body` over a rectangle, with `panels` along each side.
  public func integrate(
    x: ClosedRange<Double>, y: ClosedRange<Double>, panels: Int = 1,
    _ body: (Double, Double) -> Double
  ) -> Double {
    integrate(from: x.lowerBound, to: x.upperBound, panels: panels) { first in
      integrate(from: y.lowerBound, to: y.upperBound, panels: panels) { body(first, $0) }
    }
  }

  /// The rule with 20 nodes, for smooth integrands of known scale.
  public static let standard = GaussLegendre(20)
}

/// Adaptive numerical integration.
public enum Quadrature {
  /// The integral of `body`. The range is divided into 16 pieces, and each is halved until the Gauss
  /// rules with 10 and 21 nodes agree within the piece's part of `tolerance`.
  public static func integrate(
    from low: Double, to high: Double, tolerance: Double = 1e-12, _ body: (Double) -> Double
  ) -> Double {
    let width = (high - low) / 16
    return (0..<16).reduce(0) { sum, piece in
      let start = low + width * Double(piece)
      return sum + refined(start, start + width, tolerance / 16, depth: 40, body)
    }
  }

  private static let coarse = GaussLegendre(10)
  private static let fine = GaussLegendre(21)

  private static func refined(
    _ low: Double, _ high: Double, _ tolerance: Double, depth: Int, _ body: (Double) -> Double
  ) -> Double {
    let rough = coarse.integrate(from: low, to: high, body)
    let better = fine.integrate(from: low, to: high, body)
    if abs(better - rough) <= max(tolerance, 1e-15 * abs(better)) || depth == 0 { return better }
    let middle = (low + high) / 2
    return refined(low, middle, tolerance / 2, depth: depth - 1, body)
      + refined(middle, high, tolerance / 2, depth: depth - 1, body)
  }
}
