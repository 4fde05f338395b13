import Foundation
import Parallelism
import Tensors

/// The structural similarity of each image of a batch to its counterpart (Wang et al., "Image
/// quality assessment: from error visibility to structural similarity", IEEE Transactions on Image
/// Processing 13, 2004, equation 13):
///
/// $$\frac{(2\mu_x\mu_y + c_1)(2\sigma_{xy} + c_2)}
/// {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)},
/// \qquad c_1 = (0.01 R)^2,\; c_2 = (0.03 R)^2$$
///
/// with means and covariances under a Gaussian window of 11 by 11 pixels and width 1.5, averaged over
/// the places where the window lies inside the image, and over the channels.
///
/// - Parameters:
///   - x, y: `[batch, channels, height, width]`, extents of 11 or more.
///   - range: R, the range of the values; 2 for values in -1…1.
/// - Returns: For each image a number of at most 1, which it is for equal images.
public func structuralSimilarity(_ x: Tensor, _ y: Tensor, range: Double = 2) -> [Double] {
  let side = Window.weights.count
  guard x.shape == y.shape, x.rank == 4, x.shape[2] >= side, x.shape[3] >= side else {
    fatalError("images of shapes \(x.shape) and \(y.shape) cannot be compared in such windows")
  }
  let (batch, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
  let plane = height * width
  let constants = (0.0001 * range * range, 0.0009 * range * range)
  let values = unsafe Tensor(uninitialized: [batch, channels]) { result in
    unsafe x.withElements { x in
      unsafe y.withElements { y in
        Parallel.forEach(batch * channels) { index in
          let sum = unsafe similarity(
            x + index * plane, y + index * plane, height: height, width: width, constants)
          unsafe result[index] = Float(sum)
        }
      }
    }
  }
  return values.mean(axes: [1]).elements.map { Double($0) }
}

/// The mean over places of the similarity of one plane of an image to another.
private func similarity(
  _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, height: Int, width: Int,
  _ constants: (Double, Double)
) -> Double {
  let count = height * width
  let window = Window(height: height, width: width)
  func smoothed(_ value: (Int) -> Double) -> [Double] { window.averages((0..<count).map(value)) }
  let meanX = smoothed { unsafe Double(x[$0]) }
  let meanY = smoothed { unsafe Double(y[$0]) }
  let squareX = smoothed { unsafe Double(x[$0]) * Double(x[$0]) }
  let squareY = smoothed { unsafe Double(y[$0]) * Double(y[$0]) }
  let product = smoothed { unsafe Double(x[$0]) * Double(y[$0]) }
  var sum = 0.0
  for i in meanX.indices {
    let (a, b) = (meanX[i], meanY[i])
    let luminance = (2 * a * b + constants.0) / (a * a + b * b + constants.0)
    let covariance = product[i] - a * b
    let variances = squareX[i] - a * a + squareY[i] - b * b
    sum += luminance * (2 * covariance + constants.1) / (variances + constants.1)
  }
  return sum / Double(meanX.count)
}

/// Averages under a Gaussian window, at all places where it lies inside a plane.
private struct Window {
  let height: Int
  let width: Int

  static let weights: [Double] = {
    let bell = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
    let sum = bell.reduce(0, +)
    return bell.map { $0 / sum }
  }()

  func averages(_ plane: [Double]) -> [Double] {
    let weights = Self.weights
    let (rows, columns) = (height - weights.count + 1, width - weights.count + 1)
    var lines = [Double](repeating: 0, count: height * columns)
    for row in 0..<height {
      for column in 0..<columns {
        var sum = 0.0
        for (k, weight) in weights.enumerated() { sum += weight * plane[row * width + column + k] }
        lines[row * columns + column] = sum
      }
    }
    var result = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = 0.0
        for (k, weight) in weights.enumerated() {
          sum += weight * lines[(row + k) * columns + column]
        }
        result[row * columns + column] = sum
      }
    }
    return result
  }
}
