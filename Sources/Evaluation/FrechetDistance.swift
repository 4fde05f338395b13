import Foundation
import Probability
import Tensors

/// The Fréchet distance of two sets of feature vectors: that of the normal distributions with their
/// means and covariances, squared as is the custom,
///
/// $$\lVert m_1 - m_2 \rVert^2 + \mathrm{tr}\big(C_1 + C_2 - 2(C_1 C_2)^{1/2}\big).$$
///
/// The features decide what it means: a value on these features compares with others on these
/// features alone. From finite sets it comes out too large, by about a number over the sets' size;
/// so compare sets of one size, or look at what real images score against real images.
public struct FrechetDistance: Sendable {
  /// Sums over one piece of a set, from which moments of any union of pieces follow.
  private struct Sums {
    var count = 0.0
    var first: [Double]
    var second: Matrix

    init(width: Int) {
      first = [Double](repeating: 0, count: width)
      second = .zeros(width, width)
    }

    /// Of `rows` after `center` is taken off each: near zero, so that nothing cancels.
    init(_ rows: Matrix, center: [Double]) {
      var centered = rows
      first = [Double](repeating: 0, count: rows.columns)
      for row in 0..<rows.rows {
        for column in 0..<rows.columns {
          let value = rows.elements[row * rows.columns + column] - center[column]
          centered.elements[row * rows.columns + column] = value
          first[column] += value
        }
      }
      count = Double(rows.rows)
      second = centered.transposed * centered
    }

    static func combine(_ a: Sums, _ b: Sums, sign: Double) -> Sums {
      var result = a
      result.count += sign * b.count
      for i in result.first.indices { result.first[i] += sign * b.first[i] }
      result.second = result.second + sign * b.second
      return result
    }

    var moments: (mean: [Double], covariance: Matrix) {
      let mean = first.map { $0 / count }
      var covariance = 1 / (count - 1) * second
      for i in mean.indices {
        for j in mean.indices { covariance[i, j] -= mean[i] * mean[j] * count / (count - 1) }
      }
      return (mean, covariance)
    }
  }

  private let center: [Double]
  private let width: Int
  private let reference: (mean: [Double], covariance: Matrix)
  /// The number of vectors in the reference set.
  public let referenceCount: Int

  /// Prepares distances from a set of `[count, width]` vectors, two or more.
  public init(from reference: Tensor) {
    let rows = Matrix(reference)
    guard rows.rows > 1 else { fatalError("a Fréchet distance needs two vectors or more") }
    width = rows.columns
    referenceCount = rows.rows
    center = rows.meanAndCovariance().mean
    self.reference = Sums(rows, center: center).moments
  }

  /// The distance to a set of vectors `[count, width]`.
  ///
  /// The standard error is a jackknife's: the distance is computed anew with each of `blocks` pieces
  /// of the set left out, and the spread of the results is scaled up (Efron, "The jackknife, the
  /// bootstrap and other resampling plans", 1982, chapter 3). The reference counts as exact.
  ///
  /// - Throws: `LinearAlgebraError` if an eigenvalue problem has no solution, as with a NaN.
  public func callAsFunction(
    to vectors: Tensor, blocks: Int = 10
  ) throws(LinearAlgebraError) -> Estimate {
    guard vectors.rank == 2, vectors.shape[1] == width else {
      fatalError("vectors of shape \(vectors.shape) for a distance in \(width) dimensions")
    }
    let rows = Matrix(vectors)
    let pieces = pieces(rows, blocks: min(blocks, rows.rows / 2))
    let all = pieces.reduce(Sums(width: width)) { .combine($0, $1, sign: 1) }
    let distance = try frechetDistance(
      reference, all.moments,
      eigen: { m throws(LinearAlgebraError) in try m.lapackSymmetricEigen() })
    guard pieces.count > 1 else {
      return Estimate(mean: distance, standardError: .nan, samples: rows.rows)
    }
    var without: [Double] = []
    for piece in pieces {
      without.append(
        try frechetDistance(
          reference, Sums.combine(all, piece, sign: -1).moments,
          eigen: { m throws(LinearAlgebraError) in try m.lapackSymmetricEigen() }))
    }
    let variance = Moments(without).variance
    let n = Double(pieces.count)
    let error = ((n - 1) * (n - 1) / n * variance).squareRoot()
    return Estimate(mean: distance, standardError: error, samples: rows.rows)
  }

  /// The set dealt out at random into pieces, so that each holds something of every part of it.
  private func pieces(_ rows: Matrix, blocks: Int) -> [Sums] {
    let order = shuffledOrder(rows.rows)
    return (0..<max(1, blocks)).map { block in
      let chosen = stride(from: block, to: rows.rows, by: max(1, blocks)).map {
        rows.row(order[$0])
      }
      return Sums(Matrix(chosen), center: center)
    }
  }
}
