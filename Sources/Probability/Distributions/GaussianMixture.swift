/// A mixture of normal laws on the real line, with a class label on every component.
///
/// Diffusion turns it into another one, so everything that a trained model only approximates is
/// known exactly here: densities, scores, the best denoiser, the class of a noisy point. One
/// component makes the Gaussian of the simplest checks.
public struct GaussianMixture: Sendable, Equatable {
  /// One normal law of a mixture.
  public struct Component: Sendable, Equatable {
    public var weight: Double
    public var mean: Double
    public var standardDeviation: Double
    public var label: Int

    /// The variance.
    public var variance: Double { standardDeviation * standardDeviation }

    /// Creates a component.
    public init(weight: Double = 1, mean: Double, standardDeviation: Double, label: Int = 0) {
      self.weight = weight
      self.mean = mean
      self.standardDeviation = standardDeviation
      self.label = label
    }
  }

  /// The components, with weights that sum to 1.
  public let components: [Component]

  /// Creates a mixture; weights are divided by their sum.
  public init(_ components: [Component]) {
    let total = components.reduce(0) { $0 + $1.weight }
    guard total > 0, components.allSatisfy({ $0.standardDeviation > 0 && $0.weight >= 0 }) else {
      fatalError("a mixture needs positive standardDeviations and weights that do not all vanish")
    }
    self.components = components.map { component in
      var component = component
      component.weight /= total
      return component
    }
  }

  /// Creates a mixture from lists; component k has label k unless `labels` says otherwise.
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

  /// The normal law with this mean and variance.
  public static func gaussian(mean: Double = 0, variance: Double = 1) -> GaussianMixture {
    GaussianMixture([Component(mean: mean, standardDeviation: variance.squareRoot())])
  }

  /// The course's mixture of three: means -2, 0.5, 2, weights 0.3, 0.3, 0.4, deviations 0.3, 0.2,
  /// 0.4, moved and scaled to mean 0 and variance 1.
  public static let three = GaussianMixture(
    weights: [0.3, 0.3, 0.4], means: [-2, 0.5, 2], standardDeviations: [0.3, 0.2, 0.4]
  ).standardized()

  /// Two overlapping classes: means -1 (label 0) and 1 (label 1), deviation 0.5, equal weights.
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

  /// The law of $(x - \mathrm{mean}) / \mathrm{deviation}$.
  public func standardized() -> GaussianMixture {
    let standardDeviation = variance.squareRoot()
    return transformed(scale: 1 / standardDeviation, shift: -mean / standardDeviation)
  }

  /// The law of `scale * x + shift`.
  public func transformed(scale: Double, shift: Double = 0) -> GaussianMixture {
    GaussianMixture(
      components.map { part in
        Component(
          weight: part.weight, mean: scale * part.mean + shift,
          standardDeviation: abs(scale) * part.standardDeviation, label: part.label)
      })
  }

  /// The labels run from 0 to this, exclusive.
  public var labelCount: Int { (components.map { $0.label }.max() ?? 0) + 1 }

  /// The share of each label.
  public var labelWeights: [Double] {
    var weights = [Double](repeating: 0, count: labelCount)
    for part in components { weights[part.label] += part.weight }
    return weights
  }

  /// The law of the points with one label.
  public func restricted(to label: Int) -> GaussianMixture {
    GaussianMixture(components.filter { $0.label == label })
  }
}

// MARK: - Densities

extension GaussianMixture {
  /// The density at `x`.
  public func density(_ x: Double) -> Double { exp(logDensity(x)) }

  /// The logarithm of the density at `x`.
  public func logDensity(_ x: Double) -> Double {
    var most = -Double.infinity
    for part in components { most = max(most, logJoint(part, x)) }
    var total = 0.0
    for part in components { total += exp(logJoint(part, x) - most) }
    return most + log(total)
  }

  /// The probability of a value up to `x`.
  public func cdf(_ x: Double) -> Double {
    components.reduce(0) {
      $0 + $1.weight * StandardNormal.cdf((x - $1.mean) / $1.standardDeviation)
    }
  }

  /// The value below which a share `p` in (0, 1) lies: the inverse of `cdf`.
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

  /// $\nabla \log p(x)$.
  public func score(_ x: Double) -> Double {
    zip(components, responsibilities(x)).reduce(0) { sum, pair in
      sum - pair.1 * (x - pair.0.mean) / pair.0.variance
    }
  }

  /// The probability that `x` came from each component.
  public func responsibilities(_ x: Double) -> [Double] {
    let logs = components.map { logJoint($0, x) }
    let most = logs.max()!
    let shares = logs.map { exp($0 - most) }
    let total = shares.reduce(0, +)
    return shares.map { $0 / total }
  }

  /// The probability of each label given `x`.
  public func labelProbabilities(_ x: Double) -> [Double] {
    var probabilities = [Double](repeating: 0, count: labelCount)
    for (part, share) in zip(components, responsibilities(x)) {
      probabilities[part.label] += share
    }
    return probabilities
  }

  /// The expectation of `body` under this law, by quadrature over each component.
  public func expectation(_ body: (Double) -> Double) -> Double {
    components.reduce(0) { sum, part in
      sum
        + part.weight
        * GaussLegendre.standard.integrate(from: -12, to: 12, panels: 48) { z in
          StandardNormal.density(z) * body(part.mean + part.standardDeviation * z)
        }
    }
  }

  /// The differential entropy, in nats.
  public var entropy: Double { -expectation(logDensity) }

  private func logJoint(_ part: Component, _ x: Double) -> Double {
    let z = (x - part.mean) / part.standardDeviation
    return log(part.weight / part.standardDeviation) - 0.5 * z * z - StandardNormal.logNormalizer
  }
}
