import SIMDMath
import Tensors

// The rung of the ladder that keeps sums in registers.

extension ConvolutionProblem {
  /// Computes six pixels by two vectors of outputs at a time, with the twelve sums in registers, and
  /// reads patches where they lie: in an image with channels last, a row of a patch is contiguous.
  ///
  /// Each step of the inner loop loads two vectors of weights and six numbers of the image, for
  /// twelve products of vectors. Without registers each product would load and store its sum.
  func inRegisters() -> Tensor {
    let panels = weightPanels(), bordered = imagesWithBorder()
    let panelWidth = 2 * laneCount
    return unsafe Tensor(uninitialized: outputShape) { y in
      unsafe bordered.withElements { x in
        unsafe panels.withElements { w in
          for panel in 0..<outputs / panelWidth {
            let weights = unsafe w + panel * 9 * inputs * panelWidth
            for first in stride(from: 0, to: pixels, by: 6) {
              unsafe tile(from: x, weights, pixels: first, to: y + panel * panelWidth)
            }
          }
        }
      }
    }
  }

  /// The images with a border of zeros: `[batch, height + 2, width + 2, in]`.
  private func imagesWithBorder() -> Tensor {
    let row = width * inputs, borderedRow = (width + 2) * inputs
    var result = Tensor.zeros([batch, height + 2, width + 2, inputs])
    unsafe result.withMutableElements { target in
      unsafe x.withElements { x in
        for line in 0..<batch * height {
          let place = (line / height * (height + 2) + line % height + 1) * borderedRow + inputs
          unsafe (target + place).update(from: x + line * row, count: row)
        }
      }
    }
    return result
  }

  /// The weight in panels of two vectors of outputs, each [tap, in, 2 vectors] in the order in
  /// which a tile reads it.
  private func weightPanels() -> Tensor {
    let panelWidth = 2 * laneCount
    return unsafe Tensor(uninitialized: [outputs / panelWidth, 9 * inputs, panelWidth]) { panels in
      unsafe weight.withElements { w in
        for panel in 0..<outputs / panelWidth {
          for tap in 0..<9 {
            for i in 0..<inputs {
              let row = unsafe panels + ((panel * 9 + tap) * inputs + i) * panelWidth
              for j in 0..<panelWidth {
                unsafe row[j] = unsafe w[((panel * panelWidth + j) * inputs + i) * 9 + tap]
              }
            }
          }
        }
      }
    }
  }

  /// The place of a pixel's patch in the images with a border; the last pixel's for those beyond it,
  /// which a last tile then computes again.
  @inline(__always)
  private func patch(_ pixel: Int) -> Int {
    let pixel = min(pixel, pixels - 1)
    let image = pixel / (height * width), row = pixel / width % height, column = pixel % width
    return ((image * (height + 2) + row) * (width + 2) + column) * inputs
  }

  /// Computes the pixels from `first` on, six of them, for one panel.
  ///
  /// The sums are written out one by one because that is what keeps them in registers.
  @inline(__always)
  private func tile(
    from x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, pixels first: Int,
    to y: UnsafeMutablePointer<Float>
  ) {
    var a0 = unsafe x + patch(first), a1 = unsafe x + patch(first + 1)
    var a2 = unsafe x + patch(first + 2), a3 = unsafe x + patch(first + 3)
    var a4 = unsafe x + patch(first + 4), a5 = unsafe x + patch(first + 5)
    var w = unsafe weights
    var l0 = FloatVector.zero, l1 = FloatVector.zero, l2 = FloatVector.zero
    var l3 = FloatVector.zero, l4 = FloatVector.zero, l5 = FloatVector.zero
    var h0 = FloatVector.zero, h1 = FloatVector.zero, h2 = FloatVector.zero
    var h3 = FloatVector.zero, h4 = FloatVector.zero, h5 = FloatVector.zero
    let patchRow = 3 * inputs, nextRow = (width + 2) * inputs
    for _ in 0..<3 {
      for k in 0..<patchRow {
        let low = unsafe w.vector(0), high = unsafe w.vector(laneCount)
        let b0 = unsafe FloatVector(repeating: a0[k]), b1 = unsafe FloatVector(repeating: a1[k])
        l0.addProduct(b0, low)
        h0.addProduct(b0, high)
        l1.addProduct(b1, low)
        h1.addProduct(b1, high)
        let b2 = unsafe FloatVector(repeating: a2[k]), b3 = unsafe FloatVector(repeating: a3[k])
        l2.addProduct(b2, low)
        h2.addProduct(b2, high)
        l3.addProduct(b3, low)
        h3.addProduct(b3, high)
        let b4 = unsafe FloatVector(repeating: a4[k]), b5 = unsafe FloatVector(repeating: a5[k])
        l4.addProduct(b4, low)
        h4.addProduct(b4, high)
        l5.addProduct(b5, low)
        h5.addProduct(b5, high)
        unsafe w += 2 * laneCount
      }
      unsafe (a0, a1, a2) = unsafe (a0 + nextRow, a1 + nextRow, a2 + nextRow)
      unsafe (a3, a4, a5) = unsafe (a3 + nextRow, a4 + nextRow, a5 + nextRow)
    }
    unsafe store(l0, h0, first, y)
    unsafe store(l1, h1, first + 1, y)
    unsafe store(l2, h2, first + 2, y)
    unsafe store(l3, h3, first + 3, y)
    unsafe store(l4, h4, first + 4, y)
    unsafe store(l5, h5, first + 5, y)
  }

  @inline(__always)
  private func store(
    _ low: FloatVector, _ high: FloatVector, _ pixel: Int, _ y: UnsafeMutablePointer<Float>
  ) {
    let place = min(pixel, pixels - 1) * outputs
    unsafe y.store(low, place)
    unsafe y.store(high, place + laneCount)
  }
}
