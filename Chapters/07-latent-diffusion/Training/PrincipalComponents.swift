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
    var sum = [Double](repeating: 0, count: width)
    var products = Matrix.zeros(width, width)
    let bar = ProgressBar("adding up products of pixels", total: images.count)
    for start in stride(from: 0, to: images.count, by: 2000) {
      let range = start..<min(start + 2000, images.count)
      let x = images.tensor(Array(range)).reshaped([range.count, width])
      let part = x.sum(axes: [0])
      part.withElements { part in for i in 0..<width { sum[i] += Double(part[i]) } }
      let square = matmul(x, x, transposingA: true)
      square.withElements { square in
        for i in 0..<width * width { products.elements[i] += Double(square[i]) }
      }
      bar.move(to: range.upperBound)
    }
    bar.finish()
    let n = Double(images.count)
    for i in 0..<width {
      for j in 0..<width {
        let place = i * width + j
        products.elements[place] = products.elements[place] / n - sum[i] / n * (sum[j] / n)
      }
    }
    mean = Tensor(sum.map { Float($0 / n) }, shape: [1, width])
    directions = try Self.leading(products, min(count, width))
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
