/// The model of probabilistic principal components: a hidden $z \sim N(0, I)$, and data
/// $x = W z + \mu + \sigma \epsilon$ (Tipping and Bishop, "Probabilistic principal component
/// analysis", 1999).
///
/// The smallest latent variable model in which nothing is intractable. Evidence, posterior, and the
/// bound for any normal $q$ are formulas, so everything that is said of variational autoencoders
/// can be checked on it.
public struct LinearLatentModel: Sendable, Equatable {
  /// $W$: `[observed, latent]`.
  public let loadings: Matrix
  /// $\mu$.
  public let mean: [Double]
  /// $\sigma^2$, the variance of the decoder's noise in each coordinate.
  public let noiseVariance: Double
  /// The law of the data, $N(\mu, W W^T + \sigma^2 I)$: its density is the evidence.
  public let evidence: MultivariateGaussian
  private let precision: Matrix

  /// Creates the model; without a mean, that of data around the origin.
  public init(loadings: Matrix, mean: [Double]? = nil, noiseVariance: Double) {
    guard noiseVariance > 0 else { fatalError("the noise of a decoder needs a positive variance") }
    let mean = mean ?? Array(repeating: 0, count: loadings.rows)
    self.loadings = loadings
    self.mean = mean
    self.noiseVariance = noiseVariance
    evidence = MultivariateGaussian(
      mean: mean,
      covariance: loadings * loadings.transposed + noiseVariance * .identity(loadings.rows))
    precision =
      .identity(loadings.columns) + (1 / noiseVariance) * (loadings.transposed * loadings)
  }

  /// The number of hidden coordinates.
  public var latentCount: Int { loadings.columns }

  /// The number of coordinates of the data.
  public var observedCount: Int { loadings.rows }

  /// $p(z)$.
  public var prior: MultivariateGaussian { .standard(latentCount) }

  /// The mean of $p(x \mid z)$, what the decoder says.
  public func decoded(_ z: [Double]) -> [Double] {
    zip(mean, loadings * z).map { $0 + $1 }
  }

  /// $\log p(x \mid z)$.
  public func logLikelihood(_ x: [Double], given z: [Double]) -> Double {
    let squares = zip(x, decoded(z)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return likelihoodNormalizer - squares / (2 * noiseVariance)
  }

  /// $p(z \mid x)$: precision $I + W^T W / \sigma^2$, and the mean that balances the two.
  public func posterior(given x: [Double]) -> MultivariateGaussian {
    let pull = loadings.transposed * zip(x, mean).map { ($0 - $1) / noiseVariance }
    guard let covariance = try? precision.inverse() else {
      fatalError("loadings that are not finite")
    }
    return MultivariateGaussian(
      mean: covariance * pull, covariance: 0.5 * (covariance + covariance.transposed))
  }

  /// A hidden point and its data.
  public func draw(using generator: inout RandomGenerator) -> (z: [Double], x: [Double]) {
    let z = prior.draw(using: &generator)
    let standardDeviation = noiseVariance.squareRoot()
    return (z, decoded(z).map { $0 + standardDeviation * generator.normal() })
  }

  private var likelihoodNormalizer: Double {
    -Double(observedCount) * (StandardNormal.logNormalizer + 0.5 * log(noiseVariance))
  }
}

// MARK: - The bound

/// The two parts of a variational autoencoder's bound on $\log p(x)$.
public struct EvidenceBound: Sendable, Equatable {
  /// $E_q \log p(x \mid z)$.
  public let reconstruction: Double
  /// $D_{KL}(q(z \mid x) \,\|\, p(z))$.
  public let divergence: Double
  /// Their difference, which is at most $\log p(x)$.
  public var value: Double { reconstruction - divergence }

  /// Creates the bound from its parts.
  public init(reconstruction: Double, divergence: Double) {
    self.reconstruction = reconstruction
    self.divergence = divergence
  }
}

extension LinearLatentModel {
  // snippet.bound
  /// The evidence lower bound for one point of data and any normal $q(z)$, in nats.
  public func bound(of x: [Double], under q: MultivariateGaussian) -> EvidenceBound {
    let miss = zip(x, decoded(q.mean)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let spread = (loadings * q.covariance * loadings.transposed).trace
    return EvidenceBound(
      reconstruction: likelihoodNormalizer - (miss + spread) / (2 * noiseVariance),
      divergence: q.divergence(from: prior))
  }
  // snippet.end

  /// The model with the most likely loadings for data of this covariance: $W W^T$ has the
  /// covariance's leading eigenvectors, and their eigenvalues less $\sigma^2$, or 0 where that is
  /// negative (Tipping and Bishop 1999, equation 7).
  ///
  /// Of all loadings that differ by a turn of the hidden space, those with orthogonal columns.
  public static func mostLikely(
    for covariance: Matrix, latents: Int, noiseVariance: Double
  ) throws(LinearAlgebraError) -> LinearLatentModel {
    let (values, vectors) = try covariance.symmetricEigen()
    var loadings = Matrix.zeros(covariance.rows, latents)
    for (column, index) in values.indices.reversed().prefix(latents).enumerated() {
      let length = max(0, values[index] - noiseVariance).squareRoot()
      for row in 0..<covariance.rows { loadings[row, column] = length * vectors[row, index] }
    }
    return LinearLatentModel(loadings: loadings, noiseVariance: noiseVariance)
  }
}
