/// Probabilistic principal component analysis: a latent variable $z \sim N(0, I)$ and data
/// $x = W z + \mu + \sigma \epsilon$ (Tipping and Bishop, "Probabilistic principal component
/// analysis", 1999).
///
/// In this latent variable model the evidence, the posterior and the evidence lower bound for any
/// Gaussian $q$ have closed forms, so statements about variational autoencoders can be checked on it.
public struct LinearLatentModel: Sendable, Equatable {
  /// $W$: `[observed, latent]`.
  public let loadings: Matrix
  /// $\mu$.
  public let mean: [Double]
  /// $\sigma^2$, the variance of the decoder's noise in each coordinate.
  public let noiseVariance: Double
  /// The distribution of the data, $N(\mu, W W^T + \sigma^2 I)$; its density is the evidence.
  public let evidence: MultivariateGaussian
  private let precision: Matrix

  /// Creates the model; the mean is 0 by default.
  public init(loadings: Matrix, mean: [Double]? = nil, noiseVariance: Double) {
    guard noiseVariance > 0 else { fatalError("the decoder's noise needs a positive variance") }
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

  /// The number of latent coordinates.
  public var latentCount: Int { loadings.columns }

  /// The number of coordinates of the data.
  public var observedCount: Int { loadings.rows }

  /// $p(z)$.
  public var prior: MultivariateGaussian { .standard(latentCount) }

  /// The mean of $p(x \mid z)$: the decoder's output.
  public func decoded(_ z: [Double]) -> [Double] {
    zip(mean, loadings * z).map { $0 + $1 }
  }

  /// $\log p(x \mid z)$.
  public func logLikelihood(_ x: [Double], given z: [Double]) -> Double {
    let squares = zip(x, decoded(z)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return likelihoodNormalizer - squares / (2 * noiseVariance)
  }

  /// $p(z \mid x)$, with precision $\Lambda = I + W^T W / \sigma^2$ and mean
  /// $\Lambda^{-1} W^T (x - \mu) / \sigma^2$.
  public func posterior(given x: [Double]) -> MultivariateGaussian {
    let natural = loadings.transposed * zip(x, mean).map { ($0 - $1) / noiseVariance }
    guard let covariance = try? precision.inverse() else {
      fatalError("the loadings are not finite")
    }
    return MultivariateGaussian(
      mean: covariance * natural, covariance: 0.5 * (covariance + covariance.transposed))
  }

  /// Samples a latent point and a data point given it.
  public func sample(using generator: inout RandomGenerator) -> (z: [Double], x: [Double]) {
    let z = prior.sample(using: &generator)
    let standardDeviation = noiseVariance.squareRoot()
    return (z, decoded(z).map { $0 + standardDeviation * generator.normal() })
  }

  private var likelihoodNormalizer: Double {
    -Double(observedCount) * (StandardNormal.logNormalizer + 0.5 * log(noiseVariance))
  }
}

// MARK: - The bound

/// The two terms of the evidence lower bound on $\log p(x)$, in nats (Kingma and Welling,
/// "Auto-encoding variational Bayes", 2014, equation 3).
public struct EvidenceBound: Sendable, Equatable {
  /// $E_q \log p(x \mid z)$.
  public let reconstruction: Double
  /// $D_{KL}(q(z \mid x) \,\|\, p(z))$.
  public let divergence: Double
  /// Their difference, which is at most $\log p(x)$.
  public var value: Double { reconstruction - divergence }

  /// Creates the bound from its terms.
  public init(reconstruction: Double, divergence: Double) {
    self.reconstruction = reconstruction
    self.divergence = divergence
  }
}

extension LinearLatentModel {
  // snippet.bound
  /// The evidence lower bound for one data point and any Gaussian $q(z)$, in nats.
  public func bound(of x: [Double], under q: MultivariateGaussian) -> EvidenceBound {
    let squares = zip(x, decoded(q.mean)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let spread = (loadings * q.covariance * loadings.transposed).trace
    return EvidenceBound(
      reconstruction: likelihoodNormalizer - (squares + spread) / (2 * noiseVariance),
      divergence: q.divergence(from: prior))
  }
  // snippet.end

  /// The model with the maximum-likelihood loadings for data of this covariance: $W W^T$ has the
  /// covariance's leading eigenvectors, with their eigenvalues less $\sigma^2$, or 0 where that is
  /// negative (Tipping and Bishop 1999, equation 7).
  ///
  /// The loadings are determined up to a rotation of the latent space; these have orthogonal columns.
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
