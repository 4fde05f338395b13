/// A normal law of several coordinates, with its densities, divergences and conditional laws.
public struct MultivariateGaussian: Sendable, Equatable {
  /// The expectations of the coordinates.
  public let mean: [Double]

  /// The covariances of the coordinates.
  public let covariance: Matrix

  /// The lower triangular root of the covariance.
  let root: Matrix

  /// Creates the law with this mean and covariance, which must be positive definite.
  public init(mean: [Double], covariance: Matrix) {
    guard covariance.rows == mean.count, covariance.columns == mean.count else {
      fatalError(
        "\(mean.count) coordinates, and a covariance of \(covariance.rows) by \(covariance.columns)"
      )
    }
    guard let root = try? covariance.cholesky() else {
      fatalError("the covariance of a normal law with a density must be positive definite")
    }
    self.mean = mean
    self.covariance = covariance
    self.root = root
  }

  /// Creates the law of independent coordinates.
  public init(mean: [Double], variances: [Double]) {
    self.init(mean: mean, covariance: .diagonal(variances))
  }

  /// Creates the joint law of normal variables made from the same sources of randomness.
  public init(jointlyOf variables: [GaussianVariable]) {
    var covariance = Matrix.zeros(variables.count, variables.count)
    for (i, first) in variables.enumerated() {
      for (j, second) in variables.enumerated() {
        covariance[i, j] = first.covariance(with: second)
      }
    }
    self.init(mean: variables.map { $0.mean }, covariance: covariance)
  }

  /// The law N(0, I) of `dimensions` coordinates.
  public static func standard(_ dimensions: Int) -> MultivariateGaussian {
    MultivariateGaussian(
      mean: Array(repeating: 0, count: dimensions), covariance: .identity(dimensions))
  }

  /// The number of coordinates.
  public var dimensions: Int { mean.count }

  /// The logarithm of the covariance's determinant.
  public var logDeterminant: Double { 2 * root.diagonal.reduce(0) { $0 + log($1) } }

  /// The differential entropy, $\frac12 \log \det 2\pi e\, \Sigma$, in nats.
  public var entropy: Double {
    Double(dimensions) * StandardNormal.entropy + 0.5 * logDeterminant
  }

  /// The logarithm of the density at a point.
  public func logDensity(_ x: [Double]) -> Double {
    normalizer - 0.5 * squaredNorm(whitened(zip(x, mean).map { $0 - $1 }))
  }

  /// A point drawn from the law: the mean plus the root times standard normals.
  public func draw(using generator: inout RandomGenerator) -> [Double] {
    let noise = mean.map { _ in generator.normal() }
    return zip(mean, root * noise).map { $0 + $1 }
  }

  private var normalizer: Double {
    -Double(dimensions) * StandardNormal.logNormalizer - 0.5 * logDeterminant
  }

  /// Solves `root · y = vector` from the first row down.
  private func whitened(_ vector: [Double]) -> [Double] {
    guard vector.count == dimensions else {
      fatalError("a point of \(vector.count) coordinates under a law of \(dimensions)")
    }
    let n = dimensions
    var result = vector
    root.elements.withUnsafeBufferPointer { factor in
      for row in 0..<n {
        var value = result[row]
        for column in 0..<row { value -= factor[row * n + column] * result[column] }
        result[row] = value / factor[row * n + row]
      }
    }
    return result
  }

  private func squaredNorm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 } }
}

// MARK: - Two laws

extension MultivariateGaussian {
  /// The expectation of this law's log density at a point of another law:
  /// $E_q \log p = -\frac12 (d \log 2\pi + \log\det\Sigma_p + \mathrm{tr}\,\Sigma_p^{-1}\Sigma_q +
  /// (m_q - m_p)^T \Sigma_p^{-1} (m_q - m_p))$.
  public func expectedLogDensity(under other: MultivariateGaussian) -> Double {
    normalizer - 0.5 * (spread(of: other) + squaredNorm(whitened(gap(to: other))))
  }

  /// $D_{KL}$ of this law from another, in nats; 0 only if they are the same.
  public func divergence(from other: MultivariateGaussian) -> Double {
    let excess = other.spread(of: self) - Double(dimensions)
    let volume = other.logDeterminant - logDeterminant
    return 0.5 * (excess + volume + squaredNorm(other.whitened(other.gap(to: self))))
  }

  private func gap(to other: MultivariateGaussian) -> [Double] {
    zip(other.mean, mean).map { $0 - $1 }
  }

  /// $\mathrm{tr}\,\Sigma_p^{-1}\Sigma_q$, from the roots: the squared norm of $L_p^{-1} L_q$.
  private func spread(of other: MultivariateGaussian) -> Double {
    (0..<dimensions).reduce(0) { $0 + squaredNorm(whitened(other.root.column($1))) }
  }
}

// MARK: - Some of the coordinates

extension MultivariateGaussian {
  /// The law of some of the coordinates, in the order given.
  public func marginal(_ indices: [Int]) -> MultivariateGaussian {
    MultivariateGaussian(
      mean: indices.map { mean[$0] }, covariance: block(rows: indices, columns: indices))
  }

  /// The law of the coordinates that are not `known`, in their order, given the values of those
  /// that are.
  ///
  /// Its mean is $m_1 + \Sigma_{12} \Sigma_{22}^{-1} (x_2 - m_2)$ and its covariance
  /// $\Sigma_{11} - \Sigma_{12} \Sigma_{22}^{-1} \Sigma_{21}$, with 1 for the unknown.
  public func conditioned(on known: [Int: Double]) -> MultivariateGaussian {
    let given = known.keys.sorted()
    let unknown = (0..<dimensions).filter { known[$0] == nil }
    guard !unknown.isEmpty, given.allSatisfy({ $0 >= 0 && $0 < dimensions }) else {
      fatalError("coordinates \(given) of \(dimensions) leave nothing to know, or do not exist")
    }
    let across = block(rows: unknown, columns: given)
    guard let weights = try? block(rows: given, columns: given).solve(across.transposed).transposed
    else { fatalError("the known coordinates have no density") }
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
