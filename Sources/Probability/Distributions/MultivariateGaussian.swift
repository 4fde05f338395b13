/// A multivariate Gaussian distribution, with its density, divergences, marginal and conditional
/// distributions.
public struct MultivariateGaussian: Sendable, Equatable {
  /// The means of the coordinates.
  public let mean: [Double]

  /// The covariances of the coordinates.
  public let covariance: Matrix

  /// The Cholesky factor of the covariance, lower triangular.
  let factor: Matrix

  /// Creates the distribution with this mean and covariance, which must be positive definite.
  public init(mean: [Double], covariance: Matrix) {
    guard covariance.rows == mean.count, covariance.columns == mean.count else {
      fatalError(
        "\(mean.count) coordinates, and a covariance of \(covariance.rows) by \(covariance.columns)"
      )
    }
    guard let factor = try? covariance.cholesky() else {
      fatalError("the covariance of a Gaussian distribution must be positive definite")
    }
    self.mean = mean
    self.covariance = covariance
    self.factor = factor
  }

  /// Creates a distribution with independent coordinates.
  public init(mean: [Double], variances: [Double]) {
    self.init(mean: mean, covariance: .diagonal(variances))
  }

  /// Creates the joint distribution of Gaussian variables of the same sources of randomness.
  public init(jointlyOf variables: [GaussianVariable]) {
    var covariance = Matrix.zeros(variables.count, variables.count)
    for (i, first) in variables.enumerated() {
      for (j, second) in variables.enumerated() {
        covariance[i, j] = first.covariance(with: second)
      }
    }
    self.init(mean: variables.map { $0.mean }, covariance: covariance)
  }

  /// The distribution N(0, I) of `dimensions` coordinates.
  public static func standard(_ dimensions: Int) -> MultivariateGaussian {
    MultivariateGaussian(
      mean: Array(repeating: 0, count: dimensions), covariance: .identity(dimensions))
  }

  /// The number of coordinates.
  public var dimensions: Int { mean.count }

  /// The logarithm of the covariance's determinant.
  public var logDeterminant: Double { 2 * factor.diagonal.reduce(0) { $0 + log($1) } }

  /// The differential entropy, $\frac12 \log \det 2\pi e\, \Sigma$, in nats.
  public var entropy: Double {
    Double(dimensions) * StandardNormal.entropy + 0.5 * logDeterminant
  }

  /// The logarithm of the density at `x`.
  public func logDensity(_ x: [Double]) -> Double {
    normalizer - 0.5 * squaredNorm(whitened(zip(x, mean).map { $0 - $1 }))
  }

  /// Samples one point: the mean plus the Cholesky factor times standard Gaussian samples.
  public func sample(using generator: inout RandomGenerator) -> [Double] {
    let noise = mean.map { _ in generator.normal() }
    return zip(mean, factor * noise).map { $0 + $1 }
  }

  private var normalizer: Double {
    -Double(dimensions) * StandardNormal.logNormalizer - 0.5 * logDeterminant
  }

  /// Solves `factor · y = vector` from the first row down.
  private func whitened(_ vector: [Double]) -> [Double] {
    guard vector.count == dimensions else {
      fatalError("a point of \(vector.count) coordinates for a distribution of \(dimensions)")
    }
    let n = dimensions
    var result = vector
    unsafe factor.elements.withUnsafeBufferPointer { elements in
      for row in 0..<n {
        var value = result[row]
        for column in 0..<row { unsafe value -= elements[row * n + column] * result[column] }
        result[row] = unsafe value / elements[row * n + row]
      }
    }
    return result
  }

  private func squaredNorm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 } }
}

// MARK: - Two distributions

extension MultivariateGaussian {
  /// The expected log density under another distribution q:
  /// $E_q \log p = -\frac12 (d \log 2\pi + \log\det\Sigma_p + \mathrm{tr}\,\Sigma_p^{-1}\Sigma_q +
  /// (m_q - m_p)^T \Sigma_p^{-1} (m_q - m_p))$.
  public func expectedLogDensity(under other: MultivariateGaussian) -> Double {
    normalizer - 0.5 * (spread(of: other) + squaredNorm(whitened(gap(to: other))))
  }

  /// $D_{KL}(p \,\|\, q)$ of this distribution p from another one q, in nats.
  public func divergence(from other: MultivariateGaussian) -> Double {
    let excess = other.spread(of: self) - Double(dimensions)
    let volume = other.logDeterminant - logDeterminant
    return 0.5 * (excess + volume + squaredNorm(other.whitened(other.gap(to: self))))
  }

  private func gap(to other: MultivariateGaussian) -> [Double] {
    zip(other.mean, mean).map { $0 - $1 }
  }

  /// $\mathrm{tr}\,\Sigma_p^{-1}\Sigma_q$, as the squared norm of $L_p^{-1} L_q$.
  private func spread(of other: MultivariateGaussian) -> Double {
    (0..<dimensions).reduce(0) { $0 + squaredNorm(whitened(other.factor.column($1))) }
  }
}

// MARK: - Marginal and conditional distributions

extension MultivariateGaussian {
  /// The marginal distribution of some coordinates, in the given order.
  public func marginal(_ indices: [Int]) -> MultivariateGaussian {
    MultivariateGaussian(
      mean: indices.map { mean[$0] }, covariance: block(rows: indices, columns: indices))
  }

  /// The distribution of the other coordinates, in their order, given the values of the `known` ones.
  ///
  /// Its mean is $m_1 + \Sigma_{12} \Sigma_{22}^{-1} (x_2 - m_2)$ and its covariance
  /// $\Sigma_{11} - \Sigma_{12} \Sigma_{22}^{-1} \Sigma_{21}$, where 2 stands for the known coordinates.
  public func conditioned(on known: [Int: Double]) -> MultivariateGaussian {
    let given = known.keys.sorted()
    let unknown = (0..<dimensions).filter { known[$0] == nil }
    guard !unknown.isEmpty, given.allSatisfy({ $0 >= 0 && $0 < dimensions }) else {
      fatalError("coordinates \(given) of \(dimensions) are all known, or do not exist")
    }
    let across = block(rows: unknown, columns: given)
    guard let weights = try? block(rows: given, columns: given).solve(across.transposed).transposed
    else { fatalError("the covariance of the known coordinates is singular") }
    let shift = weights * given.map { known[$0]! - mean[$0] }
    let covariance = block(rows: unknown, columns: unknown) - weights * across.transposed
    return MultivariateGaussian(
      mean: zip(unknown, shift).map { mean[$0] + $1 },
      covariance: 0.5 * (covariance + covariance.transposed))
  }

  private func block(rows: [Int], columns: [Int]) -> Matrix {
    Matrix(
      rows: rows.count, columns: columns.count,
      rows.flatMap { row in columns.map { covariance[row, $0] } })
  }
}
