/// A mixture of Gaussians in the plane or a space of more dimensions, with any covariances.
public typealias MultivariateMixture = Mixture<MultivariateComponent>

/// One Gaussian of a mixture of several coordinates.
public struct MultivariateComponent: MixtureComponent {
  public var weight: Double
  public let mean: [Double]
  public let covariance: Matrix
  public let label: Int
  /// The variances along the principal axes.
  public let variances: [Double]
  /// The principal axes, as columns.
  public let axes: Matrix
  private let isAxisAligned: Bool
  private let root: Matrix

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
    root = axes * .diagonal(variances.map { $0.squareRoot() })
  }

  /// Creates an isotropic component.
  public init(weight: Double = 1, mean: [Double], standardDeviation: Double, label: Int = 0) {
    self.init(
      weight: weight, mean: mean,
      covariance: .diagonal(mean.map { _ in standardDeviation * standardDeviation }), label: label
    )
  }

  public var dimensions: Int { mean.count }

  public var principalAxes: (mean: [Double], variances: [Double], axes: Matrix?) {
    (mean, variances, isAxisAligned ? nil : axes)
  }

  public func logJoint(_ x: [Double]) -> Double {
    zip(alongAxes(x), variances).reduce(log(weight)) { sum, pair in
      sum - 0.5 * pair.0 * pair.0 / pair.1 - 0.5 * log(pair.1) - StandardNormal.logNormalizer
    }
  }

  public func noisy(alphaBar: Double, noiseVariance: Double) -> MultivariateComponent {
    MultivariateComponent(
      weight: weight, mean: mean.map { alphaBar.squareRoot() * $0 },
      covariance: alphaBar * covariance + noiseVariance * Matrix.identity(dimensions), label: label)
  }

  public func sample(
    using stream: inout RandomGenerator, into place: UnsafeMutablePointer<Double>
  ) {
    let shift = root * (0..<dimensions).map { _ in stream.normal() }
    for axis in 0..<dimensions { unsafe place[axis] = mean[axis] + shift[axis] }
  }

  public static func point(_ index: Int, of points: PointSet) -> [Double] { points[index] }

  /// A point relative to the mean, in coordinates along the principal axes.
  fileprivate func alongAxes(_ x: [Double]) -> [Double] {
    axes.transposed * zip(x, mean).map { $0 - $1 }
  }
}

extension Mixture where Part == MultivariateComponent {
  /// The Gaussian of two coordinates with variance 1 and this correlation.
  public static func correlated(_ correlation: Double = 0.9) -> MultivariateMixture {
    MultivariateMixture([
      Component(mean: [0, 0], covariance: Matrix([[1, correlation], [correlation, 1]]))
    ])
  }

  /// Isotropic Gaussians of equal weight on a circle, counted counterclockwise from the positive x
  /// axis; component k has label k modulo `labels`, or k.
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

  /// The mean.
  public var mean: [Double] {
    (0..<dimensions).map { axis in components.reduce(0) { $0 + $1.weight * $1.mean[axis] } }
  }

  /// The covariance.
  public var covariance: Matrix {
    let center = mean
    var total = Matrix.zeros(dimensions, dimensions)
    for part in components {
      let shift = Matrix(
        rows: dimensions, columns: 1, zip(part.mean, center).map { $0 - $1 })
      total = total + part.weight * (part.covariance + shift * shift.transposed)
    }
    return total
  }

  /// The distribution of one coordinate.
  public func marginal(axis: Int) -> GaussianMixture {
    GaussianMixture(
      components.map { part in
        .init(
          weight: part.weight, mean: part.mean[axis],
          standardDeviation: part.covariance[axis, axis].squareRoot(), label: part.label)
      })
  }

  /// The distribution of one coordinate of the plane given the other: what inpainting should sample.
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

  /// The score, $\nabla \log p$, at a point.
  public func score(_ x: [Double]) -> [Double] {
    var total = x.map { _ in 0.0 }
    for (part, share) in zip(components, responsibilities(x)) {
      let pull = part.axes * zip(part.alongAxes(x), part.variances).map { -$0 / $1 }
      for i in total.indices { total[i] += share * pull[i] }
    }
    return total
  }
}
