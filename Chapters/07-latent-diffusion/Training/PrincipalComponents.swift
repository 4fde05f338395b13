import Datasets
import Notebook
import Tensors

/// The linear autoencoder: the mean of images and the directions in which they vary most.
struct PrincipalComponents {
  let mean: Tensor
  /// The directions as columns, `[numbers of an image, directions]`, that of the largest variance
  /// first.
  let directions: Tensor

  /// Analyses `images`: the eigenvectors of their covariance, by LAPACK.
  ///
  /// - Throws: `LinearAlgebraError` if the eigenvalue problem has no solution.
  init(_ images: LabelledImages, keeping count: Int = 512) throws {
    let width = images.pictureSize
    var covariance = Covariance(width: width)
    let bar = ProgressBar("adding up products of pixels", total: images.count)
    for start in stride(from: 0, to: images.count, by: 2000) {
      let range = start..<min(start + 2000, images.count)
      covariance.add(images.tensor(Array(range)).reshaped([range.count, width]))
      bar.move(to: range.upperBound)
    }
    bar.finish()
    mean = Tensor(covariance.mean.map { Float($0) }, shape: [1, width])
    directions = try Self.leading(covariance.matrix, min(count, width))
  }

  /// The `count` eigenvectors with the largest eigenvalues.
  private static func leading(_ covariance: Matrix, _ count: Int) throws -> Tensor {
    let vectors = try covariance.symmetricEigen().vectors
    let width = covariance.rows
    return Tensor(uninitialized: [width, count]) { result in
      for row in 0..<width {
        for k in 0..<count {
          result[row * count + k] = Float(vectors.elements[row * width + width - 1 - k])
        }
      }
    }
  }

  /// What is left of images `[batch, …]` when only `numbers` coordinates are kept.
  func reconstructed(_ x: Tensor, numbers: Int) -> Tensor {
    let basis = directions.slice(0..<numbers, along: 1)
    let flat = x.reshaped([x.shape[0], mean.count]) - mean
    let coordinates = matmul(flat, basis)
    return (matmul(coordinates, basis, transposingB: true) + mean).reshaped(x.shape)
  }
}
