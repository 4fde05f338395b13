import Tensors

// The first rungs of the ladder: loops, and a product by a library.

extension ConvolutionProblem {
  /// The convolution by its definition: `y[b, p, o] = Σ_{i, tap} weight[o, i, tap]·x[b, p + tap, i]`.
  ///
  /// The weight is read where it lies. Each product waits for the sum before it, and neighbors of
  /// the inner sum are far apart in the image, so nothing can be done several at a time.
  func byDefinition() -> Tensor {
    unsafe Tensor(uninitialized: outputShape) { y in
      unsafe x.withElements { x in
        unsafe weight.withElements { w in
          for pixel in 0..<pixels {
            // Taps on the border have no pixel.
            let row = pixel / width % height, column = pixel % width
            let rows = max(0, 1 - row)..<min(3, height + 1 - row)
            let columns = max(0, 1 - column)..<min(3, width + 1 - column)
            for o in 0..<outputs {
              var sum: Float = 0
              for i in 0..<inputs {
                for r in rows {
                  for c in columns {
                    let neighbor = pixel + (r - 1) * width + c - 1
                    let number = unsafe x[neighbor * inputs + i]
                    unsafe sum += w[((o * inputs + i) * 3 + r) * 3 + c] * number
                  }
                }
              }
              unsafe y[pixel * outputs + o] = sum
            }
          }
        }
      }
    }
  }

  /// The pixel of the image under one of the nine taps of a filter, or nil on the border.
  @inline(__always)
  func neighbor(of pixel: Int, _ tap: Int) -> Int? {
    let row = pixel / width % height + tap / 3 - 1, column = pixel % width + tap % 3 - 1
    guard row >= 0, row < height, column >= 0, column < width else { return nil }
    return pixel + (tap / 3 - 1) * width + tap % 3 - 1
  }

  /// The weight in the order [tap, in, out], so that a pass along the outputs is a pass along
  /// memory.
  func packedWeight() -> Tensor {
    unsafe Tensor(uninitialized: [9 * inputs, outputs]) { packed in
      unsafe weight.withElements { w in
        for tap in 0..<9 {
          for i in 0..<inputs {
            let row = unsafe packed + (tap * inputs + i) * outputs
            for o in 0..<outputs { unsafe row[o] = unsafe w[(o * inputs + i) * 9 + tap] }
          }
        }
      }
    }
  }

  /// The same loops with the outputs innermost: each number of the image is multiplied by a row of
  /// the packed weight. The sums do not wait for each other, and the compiler computes as many at once
  /// as a vector has lanes. Every product loads its sum from the cache and stores it there.
  func alongOutputs() -> Tensor {
    unsafe Tensor(uninitialized: outputShape) { y in
      unsafe y.update(repeating: 0, count: outputShape.elementCount)
      unsafe x.withElements { x in
        unsafe packedWeight().withElements { w in
          for pixel in 0..<pixels {
            let sums = unsafe y + pixel * outputs
            for tap in 0..<9 {
              guard let neighbor = neighbor(of: pixel, tap) else { continue }
              for i in 0..<inputs {
                let number = unsafe x[neighbor * inputs + i]
                let row = unsafe w + (tap * inputs + i) * outputs
                for o in 0..<outputs { unsafe sums[o] += number * row[o] }
              }
            }
          }
        }
      }
    }
  }

  /// The patch of every pixel written out as a row of a matrix, times the packed weight: the
  /// convolution is a product of matrices, which a library computes. The matrix of patches is nine
  /// times as large as the image.
  func gathered() -> Tensor {
    let patches = unsafe Tensor(uninitialized: [pixels, 9 * inputs]) { patches in
      unsafe x.withElements { x in
        for pixel in 0..<pixels {
          for tap in 0..<9 {
            let place = unsafe patches + (pixel * 9 + tap) * inputs
            if let neighbor = neighbor(of: pixel, tap) {
              unsafe place.update(from: x + neighbor * inputs, count: inputs)
            } else {
              unsafe place.update(repeating: 0, count: inputs)
            }
          }
        }
      }
    }
    return matmul(patches, packedWeight()).reshaped(outputShape)
  }
}
