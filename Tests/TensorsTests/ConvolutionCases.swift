import Tensors
import TestSupport

/// A convolution to try: odd extents, few and many channels, all strides and paddings.
struct ConvolutionCase: Sendable, CustomStringConvertible {
  let batch, height, width, inputs, outputs: Int
  let geometry: ConvolutionGeometry

  init(
    _ batch: Int, _ height: Int, _ width: Int, _ inputs: Int, _ outputs: Int,
    _ geometry: ConvolutionGeometry
  ) {
    (self.batch, self.height, self.width) = (batch, height, width)
    (self.inputs, self.outputs, self.geometry) = (inputs, outputs, geometry)
  }

  var x: Tensor { normal([batch, height, width, inputs], 1) }
  var weight: Tensor { normal([outputs, inputs, geometry.kernel, geometry.kernel], 2) }

  var description: String {
    "\(batch)x\(height)x\(width), \(inputs) -> \(outputs), kernel \(geometry.kernel), "
      + "stride \(geometry.stride), padding \(geometry.top) \(geometry.left) "
      + "\(geometry.bottom) \(geometry.right)"
  }
}

private let same = ConvolutionGeometry(kernel: 3, padding: 1)
private let half = ConvolutionGeometry(kernel: 3, stride: 2, padding: 1)
private let lowerHalf = ConvolutionGeometry(
  kernel: 3, stride: 2, top: 0, left: 0, bottom: 1, right: 1)
private let point = ConvolutionGeometry(kernel: 1)
private let fourth = ConvolutionGeometry(kernel: 4, stride: 2, padding: 1)

let convolutionCases: [ConvolutionCase] = [
  // The padded kernel of 3, from a single pixel up.
  .init(1, 1, 1, 1, 1, same), .init(2, 1, 1, 17, 3, same), .init(1, 3, 5, 1, 4, same),
  .init(5, 3, 5, 3, 17, same), .init(2, 4, 4, 4, 4, same), .init(3, 5, 3, 32, 32, same),
  .init(4, 8, 8, 32, 48, same), .init(1, 17, 16, 16, 32, same), .init(5, 9, 7, 64, 32, same),
  .init(2, 16, 13, 48, 64, same), .init(3, 11, 10, 64, 64, same), .init(1, 16, 16, 32, 17, same),
  .init(2, 12, 12, 3, 32, same), .init(2, 12, 12, 32, 3, same), .init(1, 2, 200, 32, 32, same),
  .init(1, 100, 3, 16, 16, same), .init(4, 8, 8, 64, 64, same), .init(1, 33, 9, 16, 48, same),
  .init(2, 18, 17, 96, 48, same), .init(3, 7, 9, 80, 112, same), .init(1, 40, 40, 16, 16, same),
  // Few outputs, few inputs.
  .init(3, 9, 7, 32, 8, same), .init(2, 10, 12, 64, 5, half), .init(2, 10, 9, 4, 64, lowerHalf),
  .init(1, 32, 32, 48, 4, same), .init(2, 5, 6, 32, 2, .init(kernel: 2, stride: 3)),
  // Strides, and padding on two sides only.
  .init(2, 4, 4, 3, 4, half), .init(1, 3, 5, 17, 3, half), .init(3, 9, 8, 32, 32, half),
  .init(1, 2, 2, 1, 1, lowerHalf), .init(5, 8, 6, 4, 17, lowerHalf),
  .init(2, 16, 16, 32, 48, lowerHalf), .init(3, 5, 7, 3, 1, lowerHalf),
  // Single pixels, even kernels, no padding, padding wider than the image.
  .init(1, 1, 1, 3, 4, point), .init(5, 3, 5, 17, 48, point), .init(2, 8, 8, 64, 32, point),
  .init(3, 5, 4, 4, 3, .init(kernel: 1, stride: 2)),
  .init(2, 8, 6, 3, 17, fourth), .init(1, 16, 16, 32, 16, fourth),
  .init(2, 5, 6, 4, 3, .init(kernel: 4)), .init(1, 7, 7, 3, 4, .init(kernel: 3)),
  .init(2, 6, 5, 16, 16, .init(kernel: 3, stride: 2)),
  .init(1, 2, 3, 4, 4, .init(kernel: 3, padding: 2)),
  .init(2, 6, 5, 3, 4, .init(kernel: 3, stride: 1, top: 2, left: 0, bottom: 1, right: 2)),
  .init(1, 10, 10, 4, 3, .init(kernel: 5, stride: 3, padding: 2)),
  .init(1, 20, 20, 32, 32, .init(kernel: 3, stride: 1, top: 0, left: 0, bottom: 1, right: 1)),
]

/// Transposed convolutions to try; the geometry is that of the convolution they are adjoint to.
let transposedCases: [ConvolutionCase] = [
  .init(1, 1, 1, 1, 1, fourth), .init(2, 3, 5, 4, 3, fourth), .init(5, 4, 4, 32, 17, fourth),
  .init(3, 8, 8, 48, 32, fourth), .init(1, 5, 3, 17, 4, .init(kernel: 3, stride: 2)),
  .init(2, 4, 4, 3, 4, same), .init(2, 3, 3, 4, 4, point), .init(1, 16, 16, 64, 64, fourth),
  .init(2, 3, 4, 3, 5, lowerHalf), .init(2, 5, 4, 32, 3, fourth),
]
