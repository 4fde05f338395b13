import SIMDMath

extension Gemm {
  /// Packs the matrix b(k, j) = `b[k * rowStride + j * columnStride]` into panels, zeros beyond the
  /// last column.
  static func pack(
    depth: Int, columns: Int, _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
    into panels: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: 0, to: columns, by: panelWidth) {
      let panel = panels + first * depth
      let filled = min(panelWidth, columns - first)
      let source = b + first * columnStride
      if columnStride == 1 {
        packRows(depth, filled, source, rowStride, into: panel)
      } else {
        packColumns(depth, filled, source, rowStride, columnStride, into: panel)
      }
      if filled < panelWidth {
        for k in 0..<depth {
          (panel + k * panelWidth + filled).update(repeating: 0, count: panelWidth - filled)
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
      let row = source + k * rowStride, target = panel + k * panelWidth
      if filled == panelWidth {
        target.store(row.vector(0), 0)
        target.store(row.vector(laneCount), laneCount)
      } else {
        target.copyRow(row, count: filled)
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
    withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 2 * laneCount) { room in
      let square = room.baseAddress!, spare = square + laneCount
      for j in stride(from: 0, to: wholeColumns, by: laneCount) {
        for k in stride(from: 0, to: wholeDepth, by: laneCount) {
          for lane in 0..<laneCount { square[lane] = source.vector((j + lane) * columnStride + k) }
          let columns = FloatVector.transposed(square, spare)
          for lane in 0..<laneCount { panel.store(columns[lane], (k + lane) * panelWidth + j) }
        }
      }
    }
    for j in 0..<filled {
      let column = source + j * columnStride
      for k in (j < wholeColumns ? wholeDepth : 0)..<depth {
        panel[k * panelWidth + j] = column[k * rowStride]
      }
    }
  }
}
