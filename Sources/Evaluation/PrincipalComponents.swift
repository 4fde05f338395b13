import Datasets
import Probability
import Tensors

/// The linear autoencoder: the mean of images and the directions in which they vary most.
public struct PrincipalComponents: Sendable {
  /// The mean, `[1, dimensions of an image]`.
  public let mean: Tensor
  /// The directions as columns, `[dimensions of an image, directions]`, that of the largest variance
  /// first.
  public let directions: Tensor

  /// Analyzes `images`: the eigenvectors of their covariance, by LAPACK.
  ///
  /// - Parameter progress: called with the number of images done.
  /// - Throws: `LinearAlgebraError` if the eigenvalue problem has no solution.
  public init(
    _ images: LabeledImages, keeping count: Int = 512, progress: (Int) -> Void = { _ in }
  ) throws {
    let width = images.imageSize
    var moments = VectorMoments(width: width)
    for start in stride(from: 0, to: images.count, by: 2000) {
      let range = start..<min(start + 2000, images.count)
      moments.add(images.tensor(Array(range)).reshaped([range.count, width]))
      progress(range.upperBound)
    }
    mean = Tensor(moments.mean.map { Float($0) }, shape: [1, width])
    directions = try Self.leading(moments.covariance, min(count, width))
  }

  /// The `count` eigenvectors with the largest eigenvalues.
  private static func leading(_ covariance: Matrix, _ count: Int) throws -> Tensor {
    let vectors = try covariance.lapackSymmetricEigen().vectors
    let width = covariance.rows
    return unsafe Tensor(uninitialized: [width, count]) { result in
      for row in 0..<width {
        for k in 0..<count {
          unsafe result[row * count + k] = Float(vectors.elements[row * width + width - 1 - k])
        }
      }
    }
  }

  /// Projects images `[batch, …]` onto the first `count` directions and back.
  public func reconstructed(_ x: Tensor, components count: Int) -> Tensor {
    let basis = directions.slice(0..<count, along: 1)
    let flat = x.reshaped([x.shape[0], mean.count]) - mean
    let coordinates = matmul(flat, basis)
    return (matmul(coordinates, basis, transposingB: true) + mean).reshaped(x.shape)
  }
}
