/// The derivative of `body` at `x` by the central difference of fourth order,
/// $\frac{f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)}{12 h}$.
///
/// Its error is $h^4 f^{(5)} / 30$, and the rounding error about $10^{-16} |f| / h$.
///
/// - Parameters:
///   - x: the point.
///   - step: $h$, small against the scale on which `body` changes.
public func derivative(
  at x: Double, step: Double = 1e-3, _ body: (Double) -> Double
) -> Double {
  let near = body(x + step) - body(x - step)
  let far = body(x + 2 * step) - body(x - 2 * step)
  return (8 * near - far) / (12 * step)
}

/// The gradient of `body` at a point, one central difference of fourth order per coordinate.
public func gradient(
  at x: [Double], step: Double = 1e-3, _ body: ([Double]) -> Double
) -> [Double] {
  x.indices.map { axis in
    derivative(at: x[axis], step: step) { value in
      var place = x
      place[axis] = value
      return body(place)
    }
  }
}

/// Interpolates between two values on the great circle through them (Shoemake, "Animating rotation
/// with quaternion curves", 1985): $\frac{\sin (1-u)\theta}{\sin\theta} a +
/// \frac{\sin u\theta}{\sin\theta} b$.
///
/// For noise in many dimensions, whose norm linear interpolation would not preserve.
///
/// - Parameters:
///   - u: 0 gives `a`, 1 gives `b`.
///   - angle: $\theta$ between the two, in (0, π) radians.
public func slerp<X: LinearCombinable>(_ a: X, _ b: X, _ u: Double, angle: Double) -> X {
  .sum((sin((1 - u) * angle) / sin(angle), a), (sin(u * angle) / sin(angle), b))
}

/// The angle between two vectors, in radians.
public func angle(between a: [Double], _ b: [Double]) -> Double {
  func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
  let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
  return acos(min(1, max(-1, cosine)))
}
