import SIMDMath

// The maps of F(2x2, 3x3): tiles of 2x2 pixels, 16 positions. It multiplies 1.8 times as much as
// F(4x4, 3x3) and reads less than half as many numbers for the filters, which is what counts where few
// tiles share each filter. Only the forward pass uses it.

extension Winograd {
  /// A vector for each of the four positions of a row.
  typealias ShortRow = (FloatVector, FloatVector, FloatVector, FloatVector)

  // G: three filter taps to four positions.
  @inline(__always)
  private static func smallG(_ g0: FloatVector, _ g1: FloatVector, _ g2: FloatVector) -> ShortRow {
    let half = FloatVector(repeating: 0.5)
    let outer = (g0 + g2) * half, inner = g1 * half
    return (g0, outer + inner, outer - inner, g2)
  }

  // Bᵀ: four input pixels to four positions.
  @inline(__always)
  private static func smallBT(
    _ x0: FloatVector, _ x1: FloatVector, _ x2: FloatVector, _ x3: FloatVector
  ) -> ShortRow {
    (x0 - x2, x1 + x2, x2 - x1, x1 - x3)
  }

  // Aᵀ: four positions to two output pixels.
  @inline(__always)
  private static func smallAT(
    _ m0: FloatVector, _ m1: FloatVector, _ m2: FloatVector, _ m3: FloatVector
  ) -> (FloatVector, FloatVector) {
    (m0 + m1 + m2, m1 - m2 - m3)
  }

  @inline(__always)
  private static func storeShortRow(
    _ row: ShortRow, to target: UnsafeMutablePointer<Float>, _ step: Int
  ) {
    unsafe target.store(row.0, 0)
    unsafe target.store(row.1, step)
    unsafe target.store(row.2, 2 * step)
    unsafe target.store(row.3, 3 * step)
  }

  /// Transforms a filter in each lane: G g Gᵀ.
  @inline(__always)
  static func transformSmallFilter(
    _ taps: UnsafeMutablePointer<FloatVector>, _ half: UnsafeMutablePointer<FloatVector>,
    into target: UnsafeMutablePointer<Float>, _ perPosition: Int
  ) {
    for j in 0..<3 {
      let t = unsafe smallG(taps[j], taps[3 + j], taps[6 + j])
      unsafe (half[j], half[3 + j], half[6 + j], half[9 + j]) = t
    }
    for i in 0..<4 {
      let t = unsafe smallG(half[3 * i], half[3 * i + 1], half[3 * i + 2])
      unsafe storeShortRow(t, to: target + 4 * i * perPosition, perPosition)
    }
  }

  /// Transforms the input tiles of `strips`, as `transformInput` does for tiles of 4x4.
  func transformSmallInput(
    _ x: UnsafePointer<Float>, strips: Range<Int>, first: Int,
    into v: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let channels = inputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 16) { half in
      forEachTile(strips, first: first) { tile, corner in
        let top = corner.row - 1, left = corner.column - 1
        let patch = unsafe x + (firstPixel(of: corner) - width - 1) * channels
        let rowStep = width * channels
        for c in Swift.stride(from: 0, to: channels, by: laneCount) {
          for j in 0..<4 {
            var d0 = FloatVector.zero, d1 = FloatVector.zero
            var d2 = FloatVector.zero, d3 = FloatVector.zero
            if left + j >= 0 && left + j < width {
              let pixel = unsafe patch + j * channels + c
              if top >= 0 { d0 = unsafe pixel.vector(0) }
              d1 = unsafe pixel.vector(rowStep)
              if top + 2 < height { d2 = unsafe pixel.vector(2 * rowStep) }
              if top + 3 < height { d3 = unsafe pixel.vector(3 * rowStep) }
            }
            let t = Self.smallBT(d0, d1, d2, d3)
            unsafe (half[j], half[4 + j], half[8 + j], half[12 + j]) = t
          }
          let target = unsafe v + tile * channels + c
          for i in 0..<4 {
            let t = unsafe Self.smallBT(
              half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3])
            unsafe Self.storeShortRow(t, to: target + 4 * i * stride, stride)
          }
        }
      }
    }
  }

  /// Writes Aᵀ M A of every tile, with the epilogue, as `writeOutput` does for tiles of 4x4.
  func writeSmallOutput(
    _ m: UnsafePointer<Float>, stride: Int, row mRow: Int, channels block: Range<Int>,
    strips: Range<Int>, epilogue: ConvolutionEpilogue, to y: UnsafeMutablePointer<Float>
  ) {
    let channels = outputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 8) { half in
      forEachTile(strips, first: strips.lowerBound) { tile, corner in
        let hasRight = corner.column + 1 < width
        for c in Swift.stride(from: block.lowerBound, to: block.upperBound, by: laneCount) {
          let addend = unsafe epilogue.biases(image: corner.image, channels: channels, at: c)
          let source = unsafe m + tile * mRow + c - block.lowerBound
          for j in 0..<4 {
            let column = unsafe source + j * stride
            let t = unsafe Self.smallAT(
              column.vector(0), column.vector(4 * stride), column.vector(8 * stride),
              column.vector(12 * stride))
            unsafe (half[j], half[4 + j]) = t
          }
          for i in 0..<min(2, height - corner.row) {
            let t = unsafe Self.smallAT(
              half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3])
            let pixel = (firstPixel(of: corner) + i * width) * channels + c
            var (left, right) = (t.0 + addend, t.1 + addend)
            if let residual = unsafe epilogue.residual {
              unsafe left += residual.vector(pixel)
              if hasRight { unsafe right += residual.vector(pixel + channels) }
            }
            unsafe y.store(left, pixel)
            if hasRight { unsafe y.store(right, pixel + channels) }
          }
        }
      }
    }
  }
}
