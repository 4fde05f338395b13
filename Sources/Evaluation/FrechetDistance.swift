import Foundation
import Probability
import Tensors

/// The Fréchet distance of two sets of feature vectors: that of the Gaussian distributions with their
/// means and covariances, squared as is the custom,
///
/// $$\lVert m_1 - m_2 \rVert^2 + \mathrm{tr}\big(C_1 + C_2 - 2(C_1 C_2)^{1/2}\big).$$
///
/// Values compare only with values from the same features. From finite sets it is too large, by an
/// amount in proportion to one over the sets' size: compare sets of one size, or with the distance
/// of real images from other real images.
public struct FrechetDistance: Sendable {
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
    let moments = rows.meanAndCovariance()
    center = moments.mean
    self.reference = ([Double](repeating: 0, count: width), moments.covariance)
  }

  /// The distance to a set of vectors `[count, width]`.
  ///
  /// The standard error is a jackknife's: the distance is computed anew with each of `blocks` pieces
  /// of the set left out, and the spread of the results is scaled up (Efron, "The jackknife, the
  /// bootstrap and other resampling plans", 1982, chapter 3). The reference is taken as exact.
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
    var all = VectorMoments(width: width)
    for piece in pieces { all.add(piece) }
    let distance = try distance(to: all)
    guard pieces.count > 1 else {
      return Estimate(mean: distance, standardError: .nan, samples: rows.rows)
    }
    var without: [Double] = []
    for piece in pieces {
      var rest = all
      rest.remove(piece)
      without.append(try self.distance(to: rest))
    }
    let variance = Moments(without).variance
    let n = Double(pieces.count)
    let error = ((n - 1) * (n - 1) / n * variance).squareRoot()
    return Estimate(mean: distance, standardError: error, samples: rows.rows)
  }

  private func distance(to moments: VectorMoments) throws(LinearAlgebraError) -> Double {
    try frechetDistance(
      reference, (moments.mean, moments.unbiasedCovariance),
      eigen: { m throws(LinearAlgebraError) in try m.lapackSymmetricEigen() })
  }

  /// The set dealt out at random into pieces, so that each holds vectors of every part of it,
  /// relative to the reference's mean.
  private func pieces(_ rows: Matrix, blocks: Int) -> [VectorMoments] {
    let order = shuffledOrder(rows.rows)
    return (0..<max(1, blocks)).map { block in
      let chosen = stride(from: block, to: rows.rows, by: max(1, blocks)).map {
        rows.row(order[$0])
      }
      var moments = VectorMoments(width: width)
      moments.add(Matrix(chosen).subtracting(center))
      return moments
    }
  }
}
