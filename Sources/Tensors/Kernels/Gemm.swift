import Vectors

/// Matrix products on raw memory, the inner loop of the convolutions, linear layers and attention.
///
/// A library's product reads whole matrices and packs both of them at every call. Here the right
/// factor is packed once into *panels* (`panelWidth` columns, all rows, contiguous) and used for as
/// many rows as there are, and the left factor is read where it lies, with any stride; so pieces of
/// a transformed image multiply without a copy. A tile of the product, `tileRows` by `panelWidth`,
/// stays in registers while the depth runs.
///
/// Every element of a product is summed in the same order however the rows are cut into pieces.
enum Gemm {
  /// Columns in a panel: two vectors.
  @inline(__always) static var panelWidth: Int { 2 * laneCount }

  /// Depth that is summed in registers before the product is written back; a panel of this depth
  /// fits in the first-level cache.
  static let depthBlock = 256

  #if VECTORS_OF_16
    /// Rows of a register tile: 24 accumulators of the 32 vector registers.
    static let tileRows = 12
  #else
    /// Rows of a register tile: 12 accumulators of the 16 vector registers.
    static let tileRows = 6
  #endif

  /// The number of elements that the panels of a `depth` by `columns` matrix take.
  static func panelElements(depth: Int, columns: Int) -> Int {
    (columns + panelWidth - 1) / panelWidth * panelWidth * depth
  }

  /// Packs the matrix b(k, j) = `b[k * rowStride + j * columnStride]` into panels, zeros beyond the
  /// last column.
  static func pack(
    depth: Int, columns: Int, _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
    into panels: UnsafeMutablePointer<Float>
  ) {
    let width = panelWidth
    for first in stride(from: 0, to: columns, by: width) {
      let panel = panels + first * depth
      let filled = min(width, columns - first)
      let source = b + first * columnStride
      if columnStride == 1 && filled == width {
        for k in 0..<depth {
          panel.store((source + k * rowStride).lanes(0), k * width)
          panel.store((source + k * rowStride).lanes(laneCount), k * width + laneCount)
        }
        continue
      }
      if columnStride == 1 {
        for k in 0..<depth {
          for j in 0..<filled { panel[k * width + j] = source[k * rowStride + j] }
        }
      } else {
        // Columns are rows in memory. Blocks of 16 by 16 keep reads and writes within a few lines.
        for firstDepth in stride(from: 0, to: depth, by: 16) {
          let end = min(depth, firstDepth + 16)
          for j in 0..<filled {
            let column = source + j * columnStride
            let target = panel + j
            for k in firstDepth..<end { target[k * width] = column[k * rowStride] }
          }
        }
      }
      if filled < width {
        for k in 0..<depth { for j in filled..<width { panel[k * width + j] = 0 } }
      }
    }
  }

  /// c(i, j) = Σ_k a(i, k) b(k, j), added to c if `accumulate`, for panels `panelRange` of b.
  ///
  /// a(i, k) = `a[i * aRow + k * aDepth]`; c(i, j) = `c[i * cRow + j]`. `columns` is that of all of b.
  static func multiply(
    rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, aRow: Int, aDepth: Int,
    panels: UnsafePointer<Float>, panelRange: Range<Int>? = nil,
    into c: UnsafeMutablePointer<Float>, cRow: Int, accumulate: Bool
  ) {
    let width = panelWidth
    let range = panelRange ?? 0..<(columns + width - 1) / width
    if depth == 0 { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: tileRows * width) { edge in
      for firstDepth in stride(from: 0, to: depth, by: depthBlock) {
        let length = min(depthBlock, depth - firstDepth)
        let adds = accumulate || firstDepth > 0
        for index in range {
          let panel = panels + index * width * depth + firstDepth * width
          let left = a + firstDepth * aDepth
          let column = index * width
          if column + width <= columns {
            panelProduct(
              rows, length, left, aRow, aDepth, panel, c + column, cRow, adds)
          } else {
            edgeProduct(
              rows, columns - column, length, left, aRow, aDepth, panel, c + column, cRow, adds,
              edge.baseAddress!)
          }
        }
      }
    }
  }

  @inline(never)
  private static func panelProduct(
    _ rows: Int, _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var row = 0
    while row + tileRows <= rows {
      fullTile(depth, a + row * aRow, aRow, aDepth, panel, c + row * cRow, cRow, accumulate)
      row += tileRows
    }
    while row + 4 <= rows {
      tile4(depth, a + row * aRow, aRow, aDepth, panel, c + row * cRow, cRow, accumulate)
      row += 4
    }
    while row < rows {
      tile1(depth, a + row * aRow, aRow, aDepth, panel, c + row * cRow, cRow, accumulate)
      row += 1
    }
  }

  // The last panel may be wider than the product: tiles go through a buffer of the full width.
  @inline(never)
  private static func edgeProduct(
    _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int,
    _ aDepth: Int, _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool, _ buffer: UnsafeMutablePointer<Float>
  ) {
    let width = panelWidth
    for row in stride(from: 0, to: rows, by: tileRows) {
      let height = min(tileRows, rows - row)
      panelProduct(height, depth, a + row * aRow, aRow, aDepth, panel, buffer, width, false)
      for i in 0..<height {
        let target = c + (row + i) * cRow
        if accumulate {
          for j in 0..<columns { target[j] += buffer[i * width + j] }
        } else {
          for j in 0..<columns { target[j] = buffer[i * width + j] }
        }
      }
    }
  }

  @inline(__always)
  private static func fullTile(
    _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    #if VECTORS_OF_16
      tile12(depth, a, aRow, aDepth, panel, c, cRow, accumulate)
    #else
      tile6(depth, a, aRow, aDepth, panel, c, cRow, accumulate)
    #endif
  }

  // The accumulators are written out one by one because that is what keeps them in registers.

  #if VECTORS_OF_16
  /// Multiplies 12 rows of `a` by one panel.
  @inline(__always)
  private static func tile12(
    _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var l0 = Lanes.zero, h0 = Lanes.zero
    var l1 = Lanes.zero, h1 = Lanes.zero
    var l2 = Lanes.zero, h2 = Lanes.zero
    var l3 = Lanes.zero, h3 = Lanes.zero
    var l4 = Lanes.zero, h4 = Lanes.zero
    var l5 = Lanes.zero, h5 = Lanes.zero
    var l6 = Lanes.zero, h6 = Lanes.zero
    var l7 = Lanes.zero, h7 = Lanes.zero
    var l8 = Lanes.zero, h8 = Lanes.zero
    var l9 = Lanes.zero, h9 = Lanes.zero
    var l10 = Lanes.zero, h10 = Lanes.zero
    var l11 = Lanes.zero, h11 = Lanes.zero
    var a0 = a
    var a1 = a + 3 * aRow
    var a2 = a + 6 * aRow
    var a3 = a + 9 * aRow
    var b = panel
    for _ in 0..<depth {
      let low = b.lanes(0), high = b.lanes(laneCount)
      let x0 = Lanes(repeating: a0[0])
      l0.addProduct(x0, low)
      h0.addProduct(x0, high)
      let x1 = Lanes(repeating: a0[aRow])
      l1.addProduct(x1, low)
      h1.addProduct(x1, high)
      let x2 = Lanes(repeating: a0[2 * aRow])
      l2.addProduct(x2, low)
      h2.addProduct(x2, high)
      let x3 = Lanes(repeating: a1[0])
      l3.addProduct(x3, low)
      h3.addProduct(x3, high)
      let x4 = Lanes(repeating: a1[aRow])
      l4.addProduct(x4, low)
      h4.addProduct(x4, high)
      let x5 = Lanes(repeating: a1[2 * aRow])
      l5.addProduct(x5, low)
      h5.addProduct(x5, high)
      let x6 = Lanes(repeating: a2[0])
      l6.addProduct(x6, low)
      h6.addProduct(x6, high)
      let x7 = Lanes(repeating: a2[aRow])
      l7.addProduct(x7, low)
      h7.addProduct(x7, high)
      let x8 = Lanes(repeating: a2[2 * aRow])
      l8.addProduct(x8, low)
      h8.addProduct(x8, high)
      let x9 = Lanes(repeating: a3[0])
      l9.addProduct(x9, low)
      h9.addProduct(x9, high)
      let x10 = Lanes(repeating: a3[aRow])
      l10.addProduct(x10, low)
      h10.addProduct(x10, high)
      let x11 = Lanes(repeating: a3[2 * aRow])
      l11.addProduct(x11, low)
      h11.addProduct(x11, high)
      a0 += aDepth
      a1 += aDepth
      a2 += aDepth
      a3 += aDepth
      b += panelWidth
    }
    if accumulate {
      l0 += c.lanes(0)
      h0 += c.lanes(laneCount)
      l1 += c.lanes(cRow)
      h1 += c.lanes(cRow + laneCount)
      l2 += c.lanes(2 * cRow)
      h2 += c.lanes(2 * cRow + laneCount)
      l3 += c.lanes(3 * cRow)
      h3 += c.lanes(3 * cRow + laneCount)
      l4 += c.lanes(4 * cRow)
      h4 += c.lanes(4 * cRow + laneCount)
      l5 += c.lanes(5 * cRow)
      h5 += c.lanes(5 * cRow + laneCount)
      l6 += c.lanes(6 * cRow)
      h6 += c.lanes(6 * cRow + laneCount)
      l7 += c.lanes(7 * cRow)
      h7 += c.lanes(7 * cRow + laneCount)
      l8 += c.lanes(8 * cRow)
      h8 += c.lanes(8 * cRow + laneCount)
      l9 += c.lanes(9 * cRow)
      h9 += c.lanes(9 * cRow + laneCount)
      l10 += c.lanes(10 * cRow)
      h10 += c.lanes(10 * cRow + laneCount)
      l11 += c.lanes(11 * cRow)
      h11 += c.lanes(11 * cRow + laneCount)
    }
    c.store(l0, 0)
    c.store(h0, laneCount)
    c.store(l1, cRow)
    c.store(h1, cRow + laneCount)
    c.store(l2, 2 * cRow)
    c.store(h2, 2 * cRow + laneCount)
    c.store(l3, 3 * cRow)
    c.store(h3, 3 * cRow + laneCount)
    c.store(l4, 4 * cRow)
    c.store(h4, 4 * cRow + laneCount)
    c.store(l5, 5 * cRow)
    c.store(h5, 5 * cRow + laneCount)
    c.store(l6, 6 * cRow)
    c.store(h6, 6 * cRow + laneCount)
    c.store(l7, 7 * cRow)
    c.store(h7, 7 * cRow + laneCount)
    c.store(l8, 8 * cRow)
    c.store(h8, 8 * cRow + laneCount)
    c.store(l9, 9 * cRow)
    c.store(h9, 9 * cRow + laneCount)
    c.store(l10, 10 * cRow)
    c.store(h10, 10 * cRow + laneCount)
    c.store(l11, 11 * cRow)
    c.store(h11, 11 * cRow + laneCount)
  }
  #else
  /// Multiplies 6 rows of `a` by one panel.
  @inline(__always)
  private static func tile6(
    _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var l0 = Lanes.zero, h0 = Lanes.zero
    var l1 = Lanes.zero, h1 = Lanes.zero
    var l2 = Lanes.zero, h2 = Lanes.zero
    var l3 = Lanes.zero, h3 = Lanes.zero
    var l4 = Lanes.zero, h4 = Lanes.zero
    var l5 = Lanes.zero, h5 = Lanes.zero
    var a0 = a
    var a1 = a + 3 * aRow
    var b = panel
    for _ in 0..<depth {
      let low = b.lanes(0), high = b.lanes(laneCount)
      let x0 = Lanes(repeating: a0[0])
      l0.addProduct(x0, low)
      h0.addProduct(x0, high)
      let x1 = Lanes(repeating: a0[aRow])
      l1.addProduct(x1, low)
      h1.addProduct(x1, high)
      let x2 = Lanes(repeating: a0[2 * aRow])
      l2.addProduct(x2, low)
      h2.addProduct(x2, high)
      let x3 = Lanes(repeating: a1[0])
      l3.addProduct(x3, low)
      h3.addProduct(x3, high)
      let x4 = Lanes(repeating: a1[aRow])
      l4.addProduct(x4, low)
      h4.addProduct(x4, high)
      let x5 = Lanes(repeating: a1[2 * aRow])
      l5.addProduct(x5, low)
      h5.addProduct(x5, high)
      a0 += aDepth
      a1 += aDepth
      b += panelWidth
    }
    if accumulate {
      l0 += c.lanes(0)
      h0 += c.lanes(laneCount)
      l1 += c.lanes(cRow)
      h1 += c.lanes(cRow + laneCount)
      l2 += c.lanes(2 * cRow)
      h2 += c.lanes(2 * cRow + laneCount)
      l3 += c.lanes(3 * cRow)
      h3 += c.lanes(3 * cRow + laneCount)
      l4 += c.lanes(4 * cRow)
      h4 += c.lanes(4 * cRow + laneCount)
      l5 += c.lanes(5 * cRow)
      h5 += c.lanes(5 * cRow + laneCount)
    }
    c.store(l0, 0)
    c.store(h0, laneCount)
    c.store(l1, cRow)
    c.store(h1, cRow + laneCount)
    c.store(l2, 2 * cRow)
    c.store(h2, 2 * cRow + laneCount)
    c.store(l3, 3 * cRow)
    c.store(h3, 3 * cRow + laneCount)
    c.store(l4, 4 * cRow)
    c.store(h4, 4 * cRow + laneCount)
    c.store(l5, 5 * cRow)
    c.store(h5, 5 * cRow + laneCount)
  }
  #endif

  /// Multiplies 4 rows of `a` by one panel.
  @inline(__always)
  private static func tile4(
    _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var l0 = Lanes.zero, h0 = Lanes.zero
    var l1 = Lanes.zero, h1 = Lanes.zero
    var l2 = Lanes.zero, h2 = Lanes.zero
    var l3 = Lanes.zero, h3 = Lanes.zero
    var a0 = a
    var a1 = a + 3 * aRow
    var b = panel
    for _ in 0..<depth {
      let low = b.lanes(0), high = b.lanes(laneCount)
      let x0 = Lanes(repeating: a0[0])
      l0.addProduct(x0, low)
      h0.addProduct(x0, high)
      let x1 = Lanes(repeating: a0[aRow])
      l1.addProduct(x1, low)
      h1.addProduct(x1, high)
      let x2 = Lanes(repeating: a0[2 * aRow])
      l2.addProduct(x2, low)
      h2.addProduct(x2, high)
      let x3 = Lanes(repeating: a1[0])
      l3.addProduct(x3, low)
      h3.addProduct(x3, high)
      a0 += aDepth
      a1 += aDepth
      b += panelWidth
    }
    if accumulate {
      l0 += c.lanes(0)
      h0 += c.lanes(laneCount)
      l1 += c.lanes(cRow)
      h1 += c.lanes(cRow + laneCount)
      l2 += c.lanes(2 * cRow)
      h2 += c.lanes(2 * cRow + laneCount)
      l3 += c.lanes(3 * cRow)
      h3 += c.lanes(3 * cRow + laneCount)
    }
    c.store(l0, 0)
    c.store(h0, laneCount)
    c.store(l1, cRow)
    c.store(h1, cRow + laneCount)
    c.store(l2, 2 * cRow)
    c.store(h2, 2 * cRow + laneCount)
    c.store(l3, 3 * cRow)
    c.store(h3, 3 * cRow + laneCount)
  }

  /// Multiplies 1 row of `a` by one panel.
  @inline(__always)
  private static func tile1(
    _ depth: Int, _ a: UnsafePointer<Float>, _ aRow: Int, _ aDepth: Int,
    _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var l0 = Lanes.zero, h0 = Lanes.zero
    var a0 = a
    var b = panel
    for _ in 0..<depth {
      let low = b.lanes(0), high = b.lanes(laneCount)
      let x0 = Lanes(repeating: a0[0])
      l0.addProduct(x0, low)
      h0.addProduct(x0, high)
      a0 += aDepth
      b += panelWidth
    }
    if accumulate {
      l0 += c.lanes(0)
      h0 += c.lanes(laneCount)
    }
    c.store(l0, 0)
    c.store(h0, laneCount)
  }
}
