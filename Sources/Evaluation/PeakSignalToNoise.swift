import Foundation
import Tensors

/// The peak signal-to-noise ratio of each image of a batch, in decibels: $10 \log_{10}(R^2 /
/// \mathrm{MSE})$ with the range R of the values.
///
/// - Parameters:
///   - x, y: `[batch, …]`.
///   - range: R; 2 for values in -1…1.
public func peakSignalToNoise(_ x: Tensor, _ y: Tensor, range: Double = 2) -> [Double] {
  guard x.shape == y.shape, let batch = x.shape.first else {
    fatalError("images of shapes \(x.shape) and \(y.shape) cannot be compared")
  }
  let each = x.count / max(1, batch)
  return unsafe x.withElements { x in
    unsafe y.withElements { y in
      (0..<batch).map { image in
        var sum = 0.0
        for i in image * each..<(image + 1) * each {
          let difference = unsafe Double(x[i] - y[i])
          sum += difference * difference
        }
        return 10 * log10(range * range * Double(each) / sum)
      }
    }
  }
}
