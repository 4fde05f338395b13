/// A normal random variable, written as a mean plus a combination of independent standard normals:
/// $x = m + \sum_i a_i \xi_i$.
///
/// Sums and draws of such variables are again such variables, and means, variances, covariances
/// and correlations are exact. So a sampler run on one, with a denoiser that is affine, is followed
/// without any sampling error: the same code that makes pictures yields the law of what it makes.
public struct GaussianVariable: Sendable, Equatable {
  /// The expectation.
  public var mean: Double

  /// The coefficients of the independent standard normals; those past the end are 0.
  public var loadings: [Double]

  /// Creates a variable from its mean and loadings.
  public init(mean: Double = 0, loadings: [Double] = []) {
    self.mean = mean
    self.loadings = loadings
  }

  /// Creates the variable `mean + deviation * ξ` on the source of randomness with this number.
  ///
  /// Draws that samplers make take numbers from 8 up, so 0 … 7 are free for data, for
  /// $x_T$ and the like.
  public init(mean: Double = 0, standardDeviation: Double, source: Int) {
    self.mean = mean
    loadings = [Double](repeating: 0, count: source) + [standardDeviation]
  }

  /// The variance, the sum of the squared loadings.
  public var variance: Double { covariance(with: self) }

  /// The square root of the variance.
  public var standardDeviation: Double { variance.squareRoot() }

  /// The covariance with a variable made from the same sources.
  public func covariance(with other: GaussianVariable) -> Double {
    zip(loadings, other.loadings).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The correlation with a variable made from the same sources.
  public func correlation(with other: GaussianVariable) -> Double {
    covariance(with: other) / (standardDeviation * other.standardDeviation)
  }

  static let firstDrawnSource = 8
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

  /// Traps: a clipped normal variable is not normal.
  public func clipped(to range: ClosedRange<Double>) -> GaussianVariable {
    fatalError("a clipped normal variable is not normal")
  }

  public var entryCount: Int { 1 }

  /// A standard normal that is independent of all those drawn before.
  public func normalSamples(using streams: inout RandomStreams) -> GaussianVariable {
    streams.sampleCount += 1
    return GaussianVariable(
      standardDeviation: 1, source: Self.firstDrawnSource + streams.sampleCount - 1)
  }
}
