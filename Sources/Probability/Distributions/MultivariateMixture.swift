/// A mixture of normal laws in the plane or a space of more dimensions, with any covariances and a
/// class label on every component. Like its sister on the line, it stays a mixture under diffusion.
public struct MultivariateMixture: Sendable {
  /// One normal law of a mixture.
  public struct Component: Sendable {
    public var weight: Double
    public let mean: [Double]
    public let covariance: Matrix
    public let label: Int
    /// Variances along the principal axes, and the axes as columns.
    public let variances: [Double]
    public let axes: Matrix
    public let isAxisAligned: Bool

    /// Creates a component; the covariance must be positive definite.
    public init(weight: Double = 1, mean: [Double], covariance: Matrix, label: Int = 0) {
      guard covariance.rows == mean.count, covariance.columns == mean.count else {
        fatalError("a mean of \(mean.count) coordinates needs a square covariance of that size")
      }
      self.weight = weight
      self.mean = mean
      self.covariance = covariance
      self.label = label
      isAxisAligned = covariance == Matrix.diagonal(covariance.diagonal)
      guard
        let (values, vectors) = isAxisAligned
          ? (covariance.diagonal, .identity(mean.count)) : try? covariance.symmetricEigen(),
        values.allSatisfy({ $0 > 0 })
      else { fatalError("a covariance must be positive definite") }
      (variances, axes) = (values, vectors)
    }

    /// Creates a round component.
    public init(weight: Double = 1, mean: [Double], standardDeviation: Double, label: Int = 0) {
      self.init(
        weight: weight, mean: mean,
        covariance: .diagonal(mean.map { _ in standardDeviation * standardDeviation }), label: label
      )
    }
  }

  /// The components, with weights that sum to 1.
  public let components: [Component]

  /// Creates a mixture; weights are divided by their sum.
  public init(_ components: [Component]) {
    let total = components.reduce(0) { $0 + $1.weight }
    guard total > 0, components.allSatisfy({ $0.mean.count == components[0].mean.count }) else {
      fatalError("a mixture needs components of one dimension and weights that do not all vanish")
    }
    self.components = components.map { component in
      var component = component
      component.weight /= total
      return component
    }
  }

  /// The normal law of two coordinates with variance 1 and this correlation.
  public static func correlated(_ correlation: Double = 0.9) -> MultivariateMixture {
    MultivariateMixture([
      Component(mean: [0, 0], covariance: Matrix([[1, correlation], [correlation, 1]]))
    ])
  }

  /// Equal round clouds on a circle, counted counterclockwise from the positive x axis; cloud k has
  /// label k modulo `labels`, or k.
  public static func ring(
    _ count: Int = 8, radius: Double = 1, standardDeviation: Double = 0.1, labels: Int? = nil
  ) -> MultivariateMixture {
    MultivariateMixture(
      (0..<count).map { k in
        let angle = 2 * Double.pi * Double(k) / Double(count)
        return Component(
          mean: [radius * cos(angle), radius * sin(angle)], standardDeviation: standardDeviation,
          label: k % (labels ?? count))
      })
  }

  /// The labels run from 0 to this, exclusive.
  public var labelCount: Int { (components.map { $0.label }.max() ?? 0) + 1 }

  /// The distribution of the points with one label.
  public func restricted(to label: Int) -> MultivariateMixture {
    MultivariateMixture(components.filter { $0.label == label })
  }

  /// The number of coordinates.
  public var dimensions: Int { components[0].mean.count }

  /// The mean.
  public var mean: [Double] {
    (0..<dimensions).map { axis in components.reduce(0) { $0 + $1.weight * $1.mean[axis] } }
  }

  /// The covariance.
  public var covariance: Matrix {
    let centre = mean
    var total = Matrix.zeros(dimensions, dimensions)
    for part in components {
      let shift = Matrix(
        rows: dimensions, columns: 1, zip(part.mean, centre).map { $0 - $1 })
      total = total + part.weight * (part.covariance + shift * shift.transposed)
    }
    return total
  }

  /// The law of $x_t$ when $x_0$ follows this one.
  public func noisyMarginal(alphaBar: Double, noiseVariance: Double) -> MultivariateMixture {
    let noise = noiseVariance * Matrix.identity(dimensions)
    return MultivariateMixture(
      components.map { part in
        Component(
          weight: part.weight, mean: part.mean.map { alphaBar.squareRoot() * $0 },
          covariance: alphaBar * part.covariance + noise, label: part.label)
      })
  }

  /// The law of one coordinate.
  public func marginal(axis: Int) -> GaussianMixture {
    GaussianMixture(
      components.map { part in
        .init(
          weight: part.weight, mean: part.mean[axis],
          standardDeviation: part.covariance[axis, axis].squareRoot(), label: part.label)
      })
  }

  /// The law of the one coordinate of a plane given the other: what inpainting should sample.
  public func conditional(axis: Int, given other: Double) -> GaussianMixture {
    guard dimensions == 2 else { fatalError("written for the plane") }
    let known = 1 - axis
    return GaussianMixture(
      components.map { part in
        let spread = part.covariance[known, known]
        let gain = part.covariance[axis, known] / spread
        let fit = GaussianMixture.gaussian(mean: part.mean[known], variance: spread)
        return .init(
          weight: part.weight * fit.density(other),
          mean: part.mean[axis] + gain * (other - part.mean[known]),
          standardDeviation: (part.covariance[axis, axis] - gain * part.covariance[axis, known])
            .squareRoot(), label: part.label)
      })
  }
}

// MARK: - Densities

extension MultivariateMixture {
  /// The logarithm of the density at a point.
  public func logDensity(_ x: [Double]) -> Double {
    let logs = components.map { logJoint($0, x) }
    let most = logs.max()!
    return most + log(logs.reduce(0) { $0 + exp($1 - most) })
  }

  /// The density at a point.
  public func density(_ x: [Double]) -> Double { exp(logDensity(x)) }

  /// The probability that a point came from each component.
  public func responsibilities(_ x: [Double]) -> [Double] {
    let logs = components.map { logJoint($0, x) }
    let most = logs.max()!
    let shares = logs.map { exp($0 - most) }
    let total = shares.reduce(0, +)
    return shares.map { $0 / total }
  }

  /// The probability of each label given a point.
  public func labelProbabilities(_ x: [Double]) -> [Double] {
    var probabilities = [Double](repeating: 0, count: labelCount)
    for (part, share) in zip(components, responsibilities(x)) {
      probabilities[part.label] += share
    }
    return probabilities
  }

  /// $\nabla \log p$ at a point.
  public func score(_ x: [Double]) -> [Double] {
    var total = x.map { _ in 0.0 }
    for (part, share) in zip(components, responsibilities(x)) {
      let along = inAxes(part, x)
      let pull = part.axes * zip(along, part.variances).map { -$0 / $1 }
      for i in total.indices { total[i] += share * pull[i] }
    }
    return total
  }

  private func inAxes(_ part: Component, _ x: [Double]) -> [Double] {
    part.axes.transposed * zip(x, part.mean).map { $0 - $1 }
  }

  private func logJoint(_ part: Component, _ x: [Double]) -> Double {
    zip(inAxes(part, x), part.variances).reduce(log(part.weight)) { sum, pair in
      sum - 0.5 * pair.0 * pair.0 / pair.1 - 0.5 * log(pair.1) - StandardNormal.logNormalizer
    }
  }
}
