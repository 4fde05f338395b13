/// A mixture of Gaussians on the real line. One component makes the Gaussian of the simplest checks.
public typealias GaussianMixture = Mixture<GaussianComponent>

/// One Gaussian of a mixture on the line.
public struct GaussianComponent: MixtureComponent {
  public var weight: Double
  public var mean: Double
  public var standardDeviation: Double
  public var label: Int

  /// The variance.
  public var variance: Double { standardDeviation * standardDeviation }

  /// Creates a component; the standard deviation must be positive.
  public init(weight: Double = 1, mean: Double, standardDeviation: Double, label: Int = 0) {
    guard standardDeviation > 0 else {
      fatalError("a component needs a positive standard deviation, not \(standardDeviation)")
    }
    self.weight = weight
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.label = label
  }

  public var dimensions: Int { 1 }

  public var principalAxes: (mean: [Double], variances: [Double], axes: Matrix?) {
    ([mean], [variance], nil)
  }

  public func logJoint(_ x: Double) -> Double {
    let z = (x - mean) / standardDeviation
    return log(weight / standardDeviation) - 0.5 * z * z - StandardNormal.logNormalizer
  }

  public func noisy(alphaBar: Double, noiseVariance: Double) -> GaussianComponent {
    GaussianComponent(
      weight: weight, mean: alphaBar.squareRoot() * mean,
      standardDeviation: (alphaBar * variance + noiseVariance).squareRoot(), label: label)
  }

  public func sample(
    using stream: inout RandomGenerator, into place: UnsafeMutablePointer<Double>
  ) {
    unsafe place[0] = mean + standardDeviation * stream.normal()
  }

  public static func point(_ index: Int, of points: PointSet) -> Double { points.values[index] }
}

extension Mixture where Part == GaussianComponent {
  /// Creates a mixture from lists; component k has label k by default.
  public init(
    weights: [Double], means: [Double], standardDeviations: [Double], labels: [Int]? = nil
  ) {
    self.init(
      weights.indices.map {
        Component(
          weight: weights[$0], mean: means[$0], standardDeviation: standardDeviations[$0],
          label: labels?[$0] ?? $0)
      })
  }

  /// The Gaussian with this mean and variance.
  public static func gaussian(mean: Double = 0, variance: Double = 1) -> GaussianMixture {
    GaussianMixture([Component(mean: mean, standardDeviation: variance.squareRoot())])
  }

  /// The course's mixture of three: means -2, 0.5, 2, weights 0.3, 0.3, 0.4, standard deviations
  /// 0.3, 0.2, 0.4, shifted and scaled to mean 0 and variance 1.
  public static let three = GaussianMixture(
    weights: [0.3, 0.3, 0.4], means: [-2, 0.5, 2], standardDeviations: [0.3, 0.2, 0.4]
  ).standardized()

  /// Two overlapping classes: means -1 (label 0) and 1 (label 1), standard deviation 0.5, equal
  /// weights.
  public static let twoClasses = GaussianMixture(
    weights: [0.5, 0.5], means: [-1, 1], standardDeviations: [0.5, 0.5])

  /// The mean.
  public var mean: Double { components.reduce(0) { $0 + $1.weight * $1.mean } }

  /// The variance.
  public var variance: Double {
    let center = mean
    return components.reduce(0) { sum, part in
      let shift = part.mean - center
      return sum + part.weight * (part.variance + shift * shift)
    }
  }

  /// The distribution of x less its mean, divided by its standard deviation.
  public func standardized() -> GaussianMixture {
    let standardDeviation = variance.squareRoot()
    return transformed(scale: 1 / standardDeviation, shift: -mean / standardDeviation)
  }

  /// The distribution of `scale * x + shift`.
  public func transformed(scale: Double, shift: Double = 0) -> GaussianMixture {
    GaussianMixture(
      components.map { part in
        Component(
          weight: part.weight, mean: scale * part.mean + shift,
          standardDeviation: abs(scale) * part.standardDeviation, label: part.label)
      })
  }

  /// The cumulative distribution function at `x`.
  public func cdf(_ x: Double) -> Double {
    components.reduce(0) {
      $0 + $1.weight * StandardNormal.cdf((x - $1.mean) / $1.standardDeviation)
    }
  }

  /// The quantile of `p` in (0, 1): the inverse of `cdf`, by Newton's method within bounds.
  public func quantile(_ p: Double) -> Double {
    let z = StandardNormal.quantile(p)
    var low = components.map { $0.mean + z * $0.standardDeviation }.min()!
    var high = components.map { $0.mean + z * $0.standardDeviation }.max()!
    var x = (low + high) / 2
    for _ in 0..<100 where high > low {
      let miss = cdf(x) - p
      if miss > 0 { high = x } else { low = x }
      let newton = x - miss / density(x)
      let next = newton > low && newton < high ? newton : (low + high) / 2
      if abs(next - x) <= 1e-15 * max(1, abs(x)) { return next }
      x = next
    }
    return x
  }

  /// The score, $\nabla \log p(x)$.
  public func score(_ x: Double) -> Double {
    zip(components, responsibilities(x)).reduce(0) { sum, pair in
      sum - pair.1 * (x - pair.0.mean) / pair.0.variance
    }
  }

  /// The expectation of `body`, by quadrature over each component.
  public func expectation(_ body: (Double) -> Double) -> Double {
    components.reduce(0) { sum, part in
      sum
        + part.weight
        * GaussLegendre.standard.integrate(from: -12, to: 12, panels: 48) { z in
          StandardNormal.density(z) * body(part.mean + part.standardDeviation * z)
        }
    }
  }

  /// The KL divergence of this distribution from another, in nats, by quadrature.
  public func divergence(from other: GaussianMixture) -> Double {
    expectation { logDensity($0) - other.logDensity($0) }
  }

  /// The differential entropy, in nats, by quadrature.
  public var entropy: Double { -expectation(logDensity) }
}
