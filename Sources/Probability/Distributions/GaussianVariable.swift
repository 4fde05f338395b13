/// A Gaussian random variable, written as a mean plus a linear combination of independent standard
/// Gaussian variables, its sources of randomness: $x = m + \sum_i a_i \xi_i$.
///
/// Linear combinations of such variables are of the same form, with exact means, variances,
/// covariances and correlations. A sampler that is run on one, with an affine denoiser, computes the
/// exact distribution of its samples.
public struct GaussianVariable: Sendable, Equatable {
  /// The expectation.
  public var mean: Double

  /// The coefficients $a_i$ of the sources; those past the end are 0.
  public var loadings: [Double]

  /// Creates a variable from its mean and loadings.
  public init(mean: Double = 0, loadings: [Double] = []) {
    self.mean = mean
    self.loadings = loadings
  }

  /// Creates the variable `mean + standardDeviation * ξ`, where ξ is the source with this number.
  ///
  /// Samplers use sources from number 8 up, so 0 … 7 are free for data and for $x_T$.
  public init(mean: Double = 0, standardDeviation: Double, source: Int) {
    self.mean = mean
    loadings = [Double](repeating: 0, count: source) + [standardDeviation]
  }

  /// The variance, the sum of the squared loadings.
  public var variance: Double { covariance(with: self) }

  /// The square root of the variance.
  public var standardDeviation: Double { variance.squareRoot() }

  /// The covariance with a variable of the same sources.
  public func covariance(with other: GaussianVariable) -> Double {
    zip(loadings, other.loadings).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The correlation with a variable of the same sources.
  public func correlation(with other: GaussianVariable) -> Double {
    covariance(with: other) / (standardDeviation * other.standardDeviation)
  }

  static let firstSampledSource = 8
}

extension GaussianVariable: LinearCombinable {
  public static func sum(_ terms: (Double, GaussianVariable)...) -> GaussianVariable {
    var total = GaussianVariable(
      loadings: [Double](repeating: 0, count: terms.map { $0.1.loadings.count }.max() ?? 0))
    for (weight, term) in terms {
      total.mean += weight * term.mean
      for i in term.loadings.indices { total.loadings[i] += weight * term.loadings[i] }
    }
    return total
  }

  public func shifted(by offset: Double) -> GaussianVariable {
    GaussianVariable(mean: mean + offset, loadings: loadings)
  }

  /// Traps: a clipped Gaussian variable is not Gaussian.
  public func clipped(to range: ClosedRange<Double>) -> GaussianVariable {
    fatalError("a clipped Gaussian variable is not Gaussian")
  }

  public var entryCount: Int { 1 }

  /// A standard Gaussian variable on a new source, independent of all earlier ones.
  public func normalSamples(using streams: inout RandomStreams) -> GaussianVariable {
    streams.sampleCount += 1
    return GaussianVariable(
      standardDeviation: 1, source: Self.firstSampledSource + streams.sampleCount - 1)
  }
}
