import Parallelism
import SIMDMath

/// 3x3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin
/// and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016).
///
/// The output is cut into tiles of 4x4 pixels. A tile's 6x6 input patch d, a filter g and the output
/// y are related by y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A: 36 products instead of 144. Over all tiles and
/// channels each of the 36 positions is a matrix product, [tiles, in] times [in, out]. Gradients are
/// the transposes of the same three maps. The forward pass has tiles of 2x2 as well.
struct Winograd {
  let batch: Int, height: Int, width: Int, inputs: Int, outputs: Int
  /// The height and width of a tile: 4 or, for the forward pass, 2.
  let tile: Int

  /// The elements of a transformed tile.
  var positions: Int { (tile + 2) * (tile + 2) }

  var tilesDown: Int { (height + tile - 1) / tile }
  var tilesAcross: Int { (width + tile - 1) / tile }
  var tilesPerImage: Int { tilesDown * tilesAcross }

  // The matrices of two positions are a power of two apart, but for these five lines of memory:
  // without them the 36 lines that a transform reads or writes would share a set of the cache.
  private static let gap = 80

  /// The distance between the transformed tiles of two positions.
  func stride(tiles: Int, channels: Int) -> Int { tiles * channels + Self.gap }

  /// The distance between the transformed filters of two positions.
  func filterStride(transposed: Bool) -> Int {
    let depth = transposed ? paddedOutputs : inputs
    return Gemm.panelElements(depth: depth, columns: transposed ? inputs : outputs) + Self.gap
  }

  /// The distance between the gradients of two positions' transformed filters, `[in, out]`.
  var gradientStride: Int { inputs * outputs + Self.gap }

  /// A vector for each of the six positions of a row.
  typealias Row = (FloatVector, FloatVector, FloatVector, FloatVector, FloatVector, FloatVector)

  @inline(__always)
  static func storeRow(_ row: Row, to target: UnsafeMutablePointer<Float>, _ step: Int) {
    unsafe target.store(row.0, 0)
    unsafe target.store(row.1, step)
    unsafe target.store(row.2, 2 * step)
    unsafe target.store(row.3, 3 * step)
    unsafe target.store(row.4, 4 * step)
    unsafe target.store(row.5, 5 * step)
  }

  // MARK: - Filters, in one dimension

  // G: three filter taps to six positions.
  @inline(__always)
  static func g(
    _ g0: FloatVector, _ g1: FloatVector, _ g2: FloatVector
  ) -> Row {
    let sixth = FloatVector(repeating: 1.0 / 6), twelfth = FloatVector(repeating: 1.0 / 12)
    let outer = -(g0 + g2) * sixth, inner = g1 * sixth
    let far = g0 * FloatVector(repeating: 1.0 / 24) + g2 * sixth, near = g1 * twelfth
    return (
      g0 * FloatVector(repeating: 0.25), outer - inner, outer + inner, far + near, far - near, g2
    )
  }

  // Gᵀ, the transpose: six positions to three filter taps.
  @inline(__always)
  static func gT(
    _ u0: FloatVector, _ u1: FloatVector, _ u2: FloatVector, _ u3: FloatVector, _ u4: FloatVector,
    _ u5: FloatVector
  ) -> (FloatVector, FloatVector, FloatVector) {
    let sixth = FloatVector(repeating: 1.0 / 6), twelfth = FloatVector(repeating: 1.0 / 12)
    let sum12 = u1 + u2, sum34 = u3 + u4
    return (
      u0 * FloatVector(repeating: 0.25) - sum12 * sixth + sum34 * FloatVector(repeating: 1.0 / 24),
      (u2 - u1) * sixth + (u3 - u4) * twelfth,
      (sum34 - sum12) * sixth + u5
    )
  }

  // MARK: - Filters

  /// Outputs with the zeros that fill their last panel: the depth of transposed filters.
  var paddedOutputs: Int { Gemm.panelElements(depth: 1, columns: outputs) }

  /// Writes the transformed filters of all positions as panels for `Gemm`: [in, out] for the forward pass, or
  /// [paddedOutputs, in] if `transposed`, for the gradient of the input.
  ///
  /// - Parameter weight: `[out, in, 3, 3]`, with readable memory for a vector behind it.
  func transformFilters(
    _ weight: UnsafePointer<Float>, transposed: Bool, into panels: UnsafeMutablePointer<Float>
  ) {
    let depth = transposed ? outputs : inputs
    let paddedDepth = transposed ? paddedOutputs : inputs
    let columns = transposed ? inputs : outputs
    let depthStride = transposed ? inputs * 9 : 9
    let columnStride = transposed ? 9 : inputs * 9
    let perPosition = filterStride(transposed: transposed)
    // A panel is two vectors wide; both are written at once, or each line of memory would be fetched
    // and written back twice.
    Parallel.forEach((columns + panelWidth - 1) / panelWidth) { index in
      let panel = unsafe panels + index * panelWidth * paddedDepth
      unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: laneCount + 19) { room in
        let taps = room.baseAddress!, half = unsafe taps + laneCount + 1
        for k in 0..<paddedDepth {
          for part in 0..<2 {
            let column = index * panelWidth + part * laneCount
            let target = unsafe panel + k * panelWidth + part * laneCount
            if k < depth && column < columns {
              unsafe Self.loadTaps(
                weight + k * depthStride + column * columnStride, columnStride,
                next: 2 * depthStride, into: taps)
              if tile == 2 {
                unsafe Self.transformSmallFilter(taps, half, into: target, perPosition)
              } else {
                unsafe Self.transformFilter(taps, half, into: target, perPosition)
              }
            } else {
              for position in 0..<positions {
                unsafe target.store(FloatVector.zero, position * perPosition)
              }
            }
          }
        }
      }
    }
  }

  // Loads the nine taps of as many filters as there are lanes. Vectors of 8 hold all taps but the
  // last.
  @inline(__always)
  private static func loadTaps(
    _ filters: UnsafePointer<Float>, _ step: Int, next: Int,
    into taps: UnsafeMutablePointer<FloatVector>
  ) {
    for lane in 0..<laneCount { unsafe filters.prefetch(lane * step + next) }
    let rows = unsafe UnsafeMutableRawPointer(taps).assumingMemoryBound(to: Float.self)
    unsafe FloatVector.transpose(filters, step, to: rows, laneCount)
    #if !VECTORS_OF_16
      for lane in 0..<laneCount { unsafe taps[8][lane] = unsafe filters[lane * step + 8] }
    #endif
  }

  @inline(__always)
  private static func transformFilter(
    _ taps: UnsafeMutablePointer<FloatVector>, _ half: UnsafeMutablePointer<FloatVector>,
    into target: UnsafeMutablePointer<Float>, _ perPosition: Int
  ) {
    for j in 0..<3 {
      let t = unsafe g(taps[j], taps[3 + j], taps[6 + j])
      unsafe (half[j], half[3 + j], half[6 + j]) = (t.0, t.1, t.2)
      unsafe (half[9 + j], half[12 + j], half[15 + j]) = (t.3, t.4, t.5)
    }
    for i in 0..<6 {
      let t = unsafe g(half[3 * i], half[3 * i + 1], half[3 * i + 2])
      unsafe storeRow(t, to: target + 6 * i * perPosition, perPosition)
    }
  }

  // Stores the nine taps of as many filters as there are lanes, `step` apart.
  @inline(__always)
  private static func storeTaps(
    _ taps: UnsafePointer<FloatVector>, to filters: UnsafeMutablePointer<Float>, _ step: Int
  ) {
    #if VECTORS_OF_16
      for lane in 0..<laneCount {
        let filter = unsafe filters + lane * step
        for tap in 0..<9 { unsafe filter[tap] = unsafe taps[tap][lane] }
      }
    #else
      let rows = unsafe UnsafeRawPointer(taps).assumingMemoryBound(to: Float.self)
      unsafe FloatVector.transpose(rows, laneCount, to: filters, step)
      for lane in 0..<laneCount { unsafe filters[lane * step + 8] = unsafe taps[8][lane] }
    #endif
  }

  /// Maps gradients of transformed filters, 36 matrices [in, out], to gradients of the filters.
  func filterGradients(
    _ transformed: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>
  ) {
    let perPosition = gradientStride
    // Two vectors at a time, which fill the lines of memory that are read.
    Parallel.forEach((outputs + panelWidth - 1) / panelWidth) { index in
      let first = index * panelWidth
      unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 27) { room in
        let half = room.baseAddress!, taps = unsafe half + 18
        for k in 0..<inputs {
          for column in Swift.stride(
            from: first, to: min(outputs, first + panelWidth), by: laneCount)
          {
            unsafe Self.filterGradient(
              transformed + k * outputs + column, perPosition, next: 2 * outputs, half, taps)
            unsafe Self.storeTaps(
              taps, to: gradient + (column * inputs + k) * 9, inputs * 9)
          }
        }
      }
    }
  }

  @inline(__always)
  private static func filterGradient(
    _ source: UnsafePointer<Float>, _ perPosition: Int, next: Int,
    _ half: UnsafeMutablePointer<FloatVector>, _ taps: UnsafeMutablePointer<FloatVector>
  ) {
    for j in 0..<6 {
      for i in 0..<6 { unsafe source.prefetch((6 * i + j) * perPosition + next) }
      let t = unsafe gT(
        source.vector(j * perPosition), source.vector((6 + j) * perPosition),
        source.vector((12 + j) * perPosition), source.vector((18 + j) * perPosition),
        source.vector((24 + j) * perPosition), source.vector((30 + j) * perPosition))
      unsafe (half[j], half[6 + j], half[12 + j]) = t
    }
    for i in 0..<3 {
      let t = unsafe gT(
        half[6 * i], half[6 * i + 1], half[6 * i + 2], half[6 * i + 3], half[6 * i + 4],
        half[6 * i + 5])
      unsafe (taps[3 * i], taps[3 * i + 1], taps[3 * i + 2]) = t
    }
  }
}
