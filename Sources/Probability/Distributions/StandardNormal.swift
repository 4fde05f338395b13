/// The distribution N(0, 1) of one variable.
public enum StandardNormal {
  /// $\log \sqrt{2\pi}$.
  public static let logNormalizer = 0.5 * log(2 * Double.pi)

  /// The entropy, $\frac12 \log 2\pi e$ nats.
  public static let entropy = 0.5 + logNormalizer

  /// The density at `x`.
  public static func density(_ x: Double) -> Double { exp(-0.5 * x * x - logNormalizer) }

  /// $\Phi(x)$, the probability of a value up to `x`.
  public static func cdf(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// $\Phi^{-1}(p)$ for p in (0, 1).
  ///
  /// Computed by a rational approximation and three steps of Halley's method. Accurate to a few units
  /// in the last place of `p` or `1 - p`, whichever is smaller.
  public static func quantile(_ p: Double) -> Double {
    guard p > 0, p < 1 else { return p <= 0 ? -.infinity : .infinity }
    if p > 0.5 { return -lowerQuantile(1 - p) }
    return lowerQuantile(p)
  }

  private static func lowerQuantile(_ p: Double) -> Double {
    // Abramowitz and Stegun 26.2.23, good to 4.5e-4.
    let r = (-2 * log(p)).squareRoot()
    let above = 2.515517 + r * (0.802853 + r * 0.010328)
    let below = 1 + r * (1.432788 + r * (0.189269 + r * 0.001308))
    var x = -(r - above / below)
    for _ in 0..<3 {
      let step = (cdf(x) - p) / density(x)
      x -= step / (1 + 0.5 * x * step)
    }
    return x
  }
}

/// The Kullback-Leibler divergence of one Gaussian distribution from another, per coordinate, in nats:
/// $D_{KL}(N(m_1, v_1) \,\|\, N(m_2, v_2))$.
public func gaussianKLDivergence(
  mean: Double, variance: Double, fromMean otherMean: Double, variance otherVariance: Double
) -> Double {
  let ratio = variance / otherVariance
  let shift = (mean - otherMean) * (mean - otherMean) / otherVariance
  // log1p does not cancel when the two variances nearly agree.
  return 0.5 * (ratio - 1 - log1p(ratio - 1) + shift)
}
