import SIMDMath

extension Gemm {
  /// Packs the matrix b(k, j) = `b[k * rowStride + j * columnStride]` into panels, zeros beyond the
  /// last column.
  static func pack(
    depth: Int, columns: Int, _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
    into panels: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: 0, to: columns, by: panelWidth) {
      let panel = unsafe panels + first * depth
      let filled = min(panelWidth, columns - first)
      let source = unsafe b + first * columnStride
      if columnStride == 1 {
        unsafe packRows(depth, filled, source, rowStride, into: panel)
      } else {
        unsafe packColumns(depth, filled, source, rowStride, columnStride, into: panel)
      }
      if filled < panelWidth {
        for k in 0..<depth {
          unsafe (panel + k * panelWidth + filled).update(repeating: 0, count: panelWidth - filled)
        }
      }
    }
  }

  // Rows of the panel are rows in memory.
  private static func packRows(
    _ depth: Int, _ filled: Int, _ source: UnsafePointer<Float>, _ rowStride: Int,
    into panel: UnsafeMutablePointer<Float>
  ) {
    for k in 0..<depth {
      let row = unsafe source + k * rowStride, target = unsafe panel + k * panelWidth
      if filled == panelWidth {
        unsafe target.store(row.vector(0), 0)
        unsafe target.store(row.vector(laneCount), laneCount)
      } else {
        unsafe target.copyRow(row, count: filled)
      }
    }
  }

  // Columns of the panel are rows in memory, if `rowStride` is 1: squares of them are transposed.
  private static func packColumns(
    _ depth: Int, _ filled: Int, _ source: UnsafePointer<Float>, _ rowStride: Int,
    _ columnStride: Int, into panel: UnsafeMutablePointer<Float>
  ) {
    let wholeDepth = rowStride == 1 ? depth / laneCount * laneCount : 0
    let wholeColumns = wholeDepth > 0 ? filled / laneCount * laneCount : 0
    for j in stride(from: 0, to: wholeColumns, by: laneCount) {
      for k in stride(from: 0, to: wholeDepth, by: laneCount) {
        unsafe FloatVector.transpose(
          source + j * columnStride + k, columnStride, to: panel + k * panelWidth + j, panelWidth)
      }
    }
    for j in 0..<filled {
      let column = unsafe source + j * columnStride
      for k in (j < wholeColumns ? wholeDepth : 0)..<depth {
        unsafe panel[k * panelWidth + j] = unsafe column[k * rowStride]
      }
    }
  }
}
