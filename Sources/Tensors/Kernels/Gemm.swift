import SIMDMath

/// Three nested loops over memory: `outer` times `middle` times `inner` elements, and the distance
/// by which each loop advances.
///
/// The rows of an image's patches lie like this in the image itself, and so does the depth of a
/// patch; with such loops a convolution is a matrix product that reads the image where it is.
struct StridedLoops {
  var inner: Int, stride: Int
  var middle = 1, middleStride = 0
  var outer = 1, outerStride = 0

  var count: Int { outer * middle * inner }
}

/// The number of columns in a panel of a packed matrix: two vectors.
@inline(__always) var panelWidth: Int { 2 * laneCount }

/// Matrix products on raw memory, the inner loop of the convolutions, linear layers and attention.
///
/// A library's product reads whole matrices and packs both of them at every call. Here the right
/// factor is packed once into *panels* (`panelWidth` columns, all rows, contiguous) and used for as
/// many rows as there are, and the left factor is read where it lies, with any stride; so pieces of
/// an image multiply without a copy. A tile of the product, `tileRows` by `panelWidth`, stays in
/// registers while the depth runs.
///
/// Every element of a product is summed in the same order however the rows are cut into pieces.
enum Gemm {
  /// Depth that is summed in registers before the product is written back; a panel of this depth
  /// fits in the first-level cache.
  static let depthBlock = 256

  /// The number of elements that the panels of a `depth` by `columns` matrix take.
  static func panelElements(depth: Int, columns: Int) -> Int {
    (columns + panelWidth - 1) / panelWidth * panelWidth * depth
  }

  /// The right factor of a product: panels, or a matrix whose rows are read in place.
  @unsafe struct Panels {
    let start: UnsafePointer<Float>
    /// The distance between the rows of a panel.
    let row: Int
    /// The distance between two panels.
    let panel: Int

    /// Panels packed by `pack`.
    init(packed start: UnsafePointer<Float>, depth: Int) {
      unsafe (self.start, row, panel) = unsafe (start, panelWidth, panelWidth * depth)
    }

    /// A matrix with rows `row` apart. If its columns do not fill whole panels, what lies behind
    /// each row is read as well, and not used.
    init(inPlace start: UnsafePointer<Float>, row: Int) {
      unsafe (self.start, self.row, panel) = unsafe (start, row, panelWidth)
    }
  }

  /// c(i, j) = Σ_k a(i, k) b(k, j), added to c if `accumulate`.
  ///
  /// - Parameters:
  ///   - rows: how `a` moves with i, depth by depth.
  ///   - depth: how `a` moves with k.
  ///   - columns: those of all of b; of their panels only `panelRange` are multiplied.
  ///   - cRows: how `c` moves with i: the same counts as `rows`.
  static func multiply(
    rows: StridedLoops, depth: StridedLoops, _ a: UnsafePointer<Float>, _ b: Panels, columns: Int,
    panelRange: Range<Int>? = nil, into c: UnsafeMutablePointer<Float>, cRows: StridedLoops,
    accumulate: Bool
  ) {
    let range = panelRange ?? 0..<(columns + panelWidth - 1) / panelWidth
    let product = unsafe Product(rows: rows, depth: depth, a: a, b: b, c: c, cRows: cRows)
    let whole = range.clamped(to: 0..<columns / panelWidth)
    if whole == range {
      unsafe product.run(range, columns, accumulate, edge: nil)
    } else {
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: tileRows * panelWidth) {
        edge in
        unsafe product.run(range, columns, accumulate, edge: edge.baseAddress)
      }
    }
  }

  /// The same for an `a` with a constant distance between rows, and between columns, and packed
  /// panels.
  static func multiply(
    rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, aRow: Int, aDepth: Int,
    panels: UnsafePointer<Float>, panelRange: Range<Int>? = nil,
    into c: UnsafeMutablePointer<Float>, cRow: Int, accumulate: Bool
  ) {
    unsafe multiply(
      rows: StridedLoops(inner: rows, stride: aRow),
      depth: StridedLoops(inner: depth, stride: aDepth), a,
      Panels(packed: panels, depth: depth), columns: columns, panelRange: panelRange, into: c,
      cRows: StridedLoops(inner: rows, stride: cRow), accumulate: accumulate)
  }

  /// Calls `body` with parts of `depth` that are about `depthBlock` long, where each begins, and the
  /// number of steps before it.
  @inline(__always)
  fileprivate static func forEachChunk(
    of depth: StridedLoops, _ body: (_ chunk: StridedLoops, _ offset: Int, _ before: Int) -> Void
  ) {
    let inner = evenPart(of: depth.inner, atMost: depthBlock)
    let middle =
      inner < depth.inner ? 1 : evenPart(of: depth.middle, atMost: depthBlock / max(1, inner))
    let outer =
      middle < depth.middle
      ? 1 : evenPart(of: depth.outer, atMost: depthBlock / max(1, inner * middle))
    for o in stride(from: 0, to: depth.outer, by: outer) {
      for m in stride(from: 0, to: depth.middle, by: middle) {
        for i in stride(from: 0, to: depth.inner, by: inner) {
          var chunk = depth
          chunk.inner = min(inner, depth.inner - i)
          chunk.middle = min(middle, depth.middle - m)
          chunk.outer = min(outer, depth.outer - o)
          body(
            chunk, o * depth.outerStride + m * depth.middleStride + i * depth.stride,
            (o * depth.middle + m) * depth.inner + i)
        }
      }
    }
  }

  // The length of the parts if `count` is cut into as few as `most` allows.
  private static func evenPart(of count: Int, atMost most: Int) -> Int {
    let parts = (count + max(1, most) - 1) / max(1, most)
    return max(1, (count + max(1, parts) - 1) / max(1, parts))
  }
}

/// The operands of a product.
@unsafe private struct Product {
  let rows: StridedLoops, depth: StridedLoops
  let a: UnsafePointer<Float>, b: Gemm.Panels
  let c: UnsafeMutablePointer<Float>, cRows: StridedLoops

  /// Multiplies the panels `range`.
  ///
  /// - Parameter edge: room for a register tile if a panel is wider than what is left of `columns`.
  func run(
    _ range: Range<Int>, _ columns: Int, _ accumulate: Bool, edge: UnsafeMutablePointer<Float>?
  ) {
    var adds = accumulate
    unsafe Gemm.forEachChunk(of: depth) { chunk, aOffset, bOffset in
      for index in range {
        let filled = columns - index * panelWidth
        let panel = unsafe b.start + index * b.panel + bOffset * b.row
        for outer in unsafe 0..<rows.outer {
          for middle in unsafe 0..<rows.middle {
            let left = unsafe a + aOffset + outer * rows.outerStride + middle * rows.middleStride
            let target =
              unsafe c + index * panelWidth + outer * cRows.outerStride + middle
              * cRows.middleStride
            if filled >= panelWidth {
              unsafe Gemm.panelProduct(
                rows.inner, chunk, left, rows.stride, panel, b.row, target, cRows.stride, adds)
            } else if let edge = unsafe edge {
              unsafe edgeProduct(filled, chunk, left, panel, target, adds, edge)
            }
          }
        }
      }
      adds = true
    }
  }

  // The last panel may be wider than the product: tiles go through a buffer of the full width.
  private func edgeProduct(
    _ columns: Int, _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ panel: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>, _ accumulate: Bool, _ buffer: UnsafeMutablePointer<Float>
  ) {
    for row in unsafe stride(from: 0, to: rows.inner, by: Gemm.tileRows) {
      let height = unsafe min(Gemm.tileRows, rows.inner - row)
      unsafe Gemm.panelProduct(
        height, depth, a + row * rows.stride, rows.stride, panel, b.row, buffer, panelWidth, false)
      for i in 0..<height {
        let target = unsafe c + (row + i) * cRows.stride, source = unsafe buffer + i * panelWidth
        if accumulate {
          unsafe target.addRow(source, count: columns)
        } else {
          unsafe target.copyRow(source, count: columns)
        }
      }
    }
  }
}
