import Probability

import Tensors

/// How many samples look real, and how much of what is real is among the samples (Kynkäänniemi et
/// al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019).
///
/// Around every vector of a set lies a ball that reaches to its k-th nearest neighbor in the set;
/// the union of the balls stands for the region that the set fills. Precision is the share of the
/// samples in the region of the real vectors, recall the share of the real vectors in the region of
/// the samples. Both depend on the sizes of the sets: compare sets of one size.
public struct PrecisionAndRecall: Sendable, Equatable {
  public let precision: Proportion
  public let recall: Proportion

  /// Compares feature vectors `[count, width]`.
  ///
  /// - Parameter neighbors: k, less than the number of vectors in each set.
  public init(real: Tensor, samples: Tensor, neighbors: Int = 3) {
    let inReal = areCovered(samples, by: real, radii: Self.radii(real, neighbors))
    let inSamples = areCovered(real, by: samples, radii: Self.radii(samples, neighbors))
    precision = Proportion(inReal.filter { $0 }.count, of: inReal.count)
    recall = Proportion(inSamples.filter { $0 }.count, of: inSamples.count)
  }

  /// The distance of each vector to its k-th nearest neighbor.
  private static func radii(_ vectors: Tensor, _ neighbors: Int) -> [Double] {
    nearestNeighbors(to: vectors, in: vectors, count: neighbors, skippingSame: true)
      .map { $0[neighbors - 1].distance }
  }
}
