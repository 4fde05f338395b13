/// A Gaussian as a part of a mixture, with its weight and a class label.
public protocol MixtureComponent: Sendable, Equatable {
  /// A number on the line, an array of coordinates in a space of more dimensions.
  associatedtype Point

  /// The probability of the component in its mixture.
  var weight: Double { get set }
  /// The class of its points.
  var label: Int { get }
  /// The number of coordinates of a point.
  var dimensions: Int { get }
  /// The mean, the variances along the principal axes, and the axes as columns; no axes where they
  /// are those of the coordinates.
  var principalAxes: (mean: [Double], variances: [Double], axes: Matrix?) { get }

  /// The logarithm of the weight times the density at `x`.
  func logJoint(_ x: Point) -> Double
  /// The component of $x_t = \sqrt{\bar\alpha}\,x_0 + \sqrt{1 - \bar\alpha}\,\epsilon$ that this one
  /// of $x_0$ becomes.
  func noisy(alphaBar: Double, noiseVariance: Double) -> Self
  /// Writes the coordinates of one sample to `place`.
  func sample(using stream: inout RandomGenerator, into place: UnsafeMutablePointer<Double>)

  /// Point number `index` of a set.
  static func point(_ index: Int, of points: PointSet) -> Point
}

/// A mixture of Gaussians with a class label on every component: `GaussianMixture` on the line,
/// `MultivariateMixture` in the plane or a space of more dimensions.
///
/// It stays a mixture under diffusion, so all that a trained model approximates is known exactly:
/// densities, scores, the best denoiser, the class of a noisy point.
public struct Mixture<Part: MixtureComponent>: Sendable, Equatable {
  public typealias Component = Part
  public typealias Point = Part.Point

  /// The components, with weights that sum to 1.
  public let components: [Part]

  /// Creates a mixture; weights are divided by their sum.
  public init(_ components: [Part]) {
    let total = components.reduce(0) { $0 + $1.weight }
    guard total > 0, components.allSatisfy({ $0.weight >= 0 }),
      components.allSatisfy({ $0.dimensions == components[0].dimensions })
    else {
      fatalError("a mixture needs components of one dimension and weights that do not all vanish")
    }
    self.components = components.map { component in
      var component = component
      component.weight /= total
      return component
    }
  }

  /// The number of coordinates of a point.
  public var dimensions: Int { components[0].dimensions }

  // MARK: - Labels

  /// The labels run from 0 to this, exclusive.
  public var labelCount: Int { (components.map { $0.label }.max() ?? 0) + 1 }

  /// The probability of each label.
  public var labelWeights: [Double] { labelSums(components.map { $0.weight }) }

  /// The distribution of the points with one label.
  public func restricted(to label: Int) -> Mixture {
    Mixture(components.filter { $0.label == label })
  }

  /// The probability of each label given a point.
  public func labelProbabilities(_ x: Point) -> [Double] { labelSums(responsibilities(x)) }

  /// The most probable label given a point.
  public func predictedLabel(_ x: Point) -> Int {
    let probabilities = labelProbabilities(x)
    return probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
  }

  private func labelSums(_ shares: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: labelCount)
    for (part, share) in zip(components, shares) { sums[part.label] += share }
    return sums
  }

  // MARK: - Densities

  /// The density at a point.
  @inlinable
  public func density(_ x: Point) -> Double { .exp(logDensity(x)) }

  /// The logarithm of the density at a point.
  @inlinable
  public func logDensity(_ x: Point) -> Double {
    var most = -Double.infinity
    for part in components { most = max(most, part.logJoint(x)) }
    var total = 0.0
    for part in components { total += .exp(part.logJoint(x) - most) }
    return most + .log(total)
  }

  /// The posterior probability of each component given a point.
  @inlinable
  public func responsibilities(_ x: Point) -> [Double] {
    let logs = components.map { $0.logJoint(x) }
    let most = logs.max()!
    let shares = logs.map { Double.exp($0 - most) }
    let total = shares.reduce(0, +)
    return shares.map { $0 / total }
  }

  // MARK: - Diffusion and samples

  /// The distribution of $x_t = \sqrt{\bar\alpha}\,x_0 + \sqrt{1 - \bar\alpha}\,\epsilon$ when $x_0$
  /// follows this one.
  public func noisy(alphaBar: Double, noiseVariance: Double) -> Mixture {
    Mixture(components.map { $0.noisy(alphaBar: alphaBar, noiseVariance: noiseVariance) })
  }

  /// One point and its label from every stream.
  public func samples(using streams: inout RandomStreams) -> (points: PointSet, labels: [Int]) {
    let bounds = components.reduce(into: [0.0]) { $0.append($0.last! + $1.weight) }
    let d = dimensions
    let samples = unsafe streams.points(dimensions: d + 1) { stream, place in
      let u = stream.uniform()
      let k = max(0, (bounds.firstIndex { u < $0 } ?? bounds.count - 1) - 1)
      unsafe components[k].sample(using: &stream, into: place)
      unsafe place[d] = Double(components[k].label)
    }
    var points = PointSet(zeros: samples.count, dimensions: d)
    for i in 0..<samples.count {
      for axis in 0..<d { points.values[i * d + axis] = samples.values[i * (d + 1) + axis] }
    }
    return (points, samples.column(d).map { Int($0) })
  }
}
