import SIMDMath

// The inner loops of the matrix product. The accumulators are written out one by one because that
// is what keeps them in registers.

extension Gemm {
  #if VECTORS_OF_16
    /// Rows of a register tile: 24 accumulators of the 32 vector registers.
    static let tileRows = 12
  #else
    /// Rows of a register tile: 12 accumulators of the 16 vector registers.
    static let tileRows = 6
  #endif

  /// Multiplies `rows` rows, `aRow` and `cRow` apart, by one panel whose rows are `bRow` apart.
  @inline(never)
  static func panelProduct(
    _ rows: Int, _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int,
    _ b: UnsafePointer<Float>,
    _ bRow: Int, _ c: UnsafeMutablePointer<Float>, _ cRow: Int, _ accumulate: Bool
  ) {
    var row = 0
    #if VECTORS_OF_16
      while row + 12 <= rows {
        unsafe tile12(depth, a + row * aRow, aRow, b, bRow, c + row * cRow, cRow, accumulate)
        row += 12
      }
      if row + 8 <= rows {
        unsafe tile8(depth, a + row * aRow, aRow, b, bRow, c + row * cRow, cRow, accumulate)
        row += 8
      }
    #else
      while row + 6 <= rows {
        unsafe tile6(depth, a + row * aRow, aRow, b, bRow, c + row * cRow, cRow, accumulate)
        row += 6
      }
    #endif
    while row < rows {
      let count = min(4, rows - row)
      unsafe tile4(count, depth, a + row * aRow, aRow, b, bRow, c + row * cRow, cRow, accumulate)
      row += count
    }
  }

  #if VECTORS_OF_16
    /// Multiplies 12 rows by one panel.
    @inline(__always)
    private static func tile12(
      _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>,
      _ bRow: Int,
      _ c: UnsafeMutablePointer<Float>, _ cRow: Int, _ accumulate: Bool
    ) {
      var l0 = FloatVector.zero, h0 = FloatVector.zero
      var l1 = FloatVector.zero, h1 = FloatVector.zero
      var l2 = FloatVector.zero, h2 = FloatVector.zero
      var l3 = FloatVector.zero, h3 = FloatVector.zero
      var l4 = FloatVector.zero, h4 = FloatVector.zero
      var l5 = FloatVector.zero, h5 = FloatVector.zero
      var l6 = FloatVector.zero, h6 = FloatVector.zero
      var l7 = FloatVector.zero, h7 = FloatVector.zero
      var l8 = FloatVector.zero, h8 = FloatVector.zero
      var l9 = FloatVector.zero, h9 = FloatVector.zero
      var l10 = FloatVector.zero, h10 = FloatVector.zero
      var l11 = FloatVector.zero, h11 = FloatVector.zero
      var b = unsafe b
      var outer = unsafe a
      for _ in 0..<depth.outer {
        var middle = unsafe outer
        for _ in 0..<depth.middle {
          var a0 = unsafe middle
          var a1 = unsafe middle + 3 * aRow
          var a2 = unsafe middle + 6 * aRow
          var a3 = unsafe middle + 9 * aRow
          for _ in 0..<depth.inner {
            let low = unsafe b.vector(0), high = unsafe b.vector(laneCount)
            let x0 = unsafe FloatVector(repeating: a0[0])
            l0.addProduct(x0, low)
            h0.addProduct(x0, high)
            let x1 = unsafe FloatVector(repeating: a0[aRow])
            l1.addProduct(x1, low)
            h1.addProduct(x1, high)
            let x2 = unsafe FloatVector(repeating: a0[2 * aRow])
            l2.addProduct(x2, low)
            h2.addProduct(x2, high)
            let x3 = unsafe FloatVector(repeating: a1[0])
            l3.addProduct(x3, low)
            h3.addProduct(x3, high)
            let x4 = unsafe FloatVector(repeating: a1[aRow])
            l4.addProduct(x4, low)
            h4.addProduct(x4, high)
            let x5 = unsafe FloatVector(repeating: a1[2 * aRow])
            l5.addProduct(x5, low)
            h5.addProduct(x5, high)
            let x6 = unsafe FloatVector(repeating: a2[0])
            l6.addProduct(x6, low)
            h6.addProduct(x6, high)
            let x7 = unsafe FloatVector(repeating: a2[aRow])
            l7.addProduct(x7, low)
            h7.addProduct(x7, high)
            let x8 = unsafe FloatVector(repeating: a2[2 * aRow])
            l8.addProduct(x8, low)
            h8.addProduct(x8, high)
            let x9 = unsafe FloatVector(repeating: a3[0])
            l9.addProduct(x9, low)
            h9.addProduct(x9, high)
            let x10 = unsafe FloatVector(repeating: a3[aRow])
            l10.addProduct(x10, low)
            h10.addProduct(x10, high)
            let x11 = unsafe FloatVector(repeating: a3[2 * aRow])
            l11.addProduct(x11, low)
            h11.addProduct(x11, high)
            unsafe a0 += depth.stride
            unsafe a1 += depth.stride
            unsafe a2 += depth.stride
            unsafe a3 += depth.stride
            unsafe b += bRow
          }
          unsafe middle += depth.middleStride
        }
        unsafe outer += depth.outerStride
      }
      if accumulate {
        unsafe l0 += c.vector(0)
        unsafe h0 += c.vector(laneCount)
        unsafe l1 += c.vector(cRow)
        unsafe h1 += c.vector(cRow + laneCount)
        unsafe l2 += c.vector(2 * cRow)
        unsafe h2 += c.vector(2 * cRow + laneCount)
        unsafe l3 += c.vector(3 * cRow)
        unsafe h3 += c.vector(3 * cRow + laneCount)
        unsafe l4 += c.vector(4 * cRow)
        unsafe h4 += c.vector(4 * cRow + laneCount)
        unsafe l5 += c.vector(5 * cRow)
        unsafe h5 += c.vector(5 * cRow + laneCount)
        unsafe l6 += c.vector(6 * cRow)
        unsafe h6 += c.vector(6 * cRow + laneCount)
        unsafe l7 += c.vector(7 * cRow)
        unsafe h7 += c.vector(7 * cRow + laneCount)
        unsafe l8 += c.vector(8 * cRow)
        unsafe h8 += c.vector(8 * cRow + laneCount)
        unsafe l9 += c.vector(9 * cRow)
        unsafe h9 += c.vector(9 * cRow + laneCount)
        unsafe l10 += c.vector(10 * cRow)
        unsafe h10 += c.vector(10 * cRow + laneCount)
        unsafe l11 += c.vector(11 * cRow)
        unsafe h11 += c.vector(11 * cRow + laneCount)
      }
      unsafe c.store(l0, 0)
      unsafe c.store(h0, laneCount)
      unsafe c.store(l1, cRow)
      unsafe c.store(h1, cRow + laneCount)
      unsafe c.store(l2, 2 * cRow)
      unsafe c.store(h2, 2 * cRow + laneCount)
      unsafe c.store(l3, 3 * cRow)
      unsafe c.store(h3, 3 * cRow + laneCount)
      unsafe c.store(l4, 4 * cRow)
      unsafe c.store(h4, 4 * cRow + laneCount)
      unsafe c.store(l5, 5 * cRow)
      unsafe c.store(h5, 5 * cRow + laneCount)
      unsafe c.store(l6, 6 * cRow)
      unsafe c.store(h6, 6 * cRow + laneCount)
      unsafe c.store(l7, 7 * cRow)
      unsafe c.store(h7, 7 * cRow + laneCount)
      unsafe c.store(l8, 8 * cRow)
      unsafe c.store(h8, 8 * cRow + laneCount)
      unsafe c.store(l9, 9 * cRow)
      unsafe c.store(h9, 9 * cRow + laneCount)
      unsafe c.store(l10, 10 * cRow)
      unsafe c.store(h10, 10 * cRow + laneCount)
      unsafe c.store(l11, 11 * cRow)
      unsafe c.store(h11, 11 * cRow + laneCount)
    }

    /// Multiplies 8 rows by one panel.
    @inline(__always)
    private static func tile8(
      _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>,
      _ bRow: Int,
      _ c: UnsafeMutablePointer<Float>, _ cRow: Int, _ accumulate: Bool
    ) {
      var l0 = FloatVector.zero, h0 = FloatVector.zero
      var l1 = FloatVector.zero, h1 = FloatVector.zero
      var l2 = FloatVector.zero, h2 = FloatVector.zero
      var l3 = FloatVector.zero, h3 = FloatVector.zero
      var l4 = FloatVector.zero, h4 = FloatVector.zero
      var l5 = FloatVector.zero, h5 = FloatVector.zero
      var l6 = FloatVector.zero, h6 = FloatVector.zero
      var l7 = FloatVector.zero, h7 = FloatVector.zero
      var b = unsafe b
      var outer = unsafe a
      for _ in 0..<depth.outer {
        var middle = unsafe outer
        for _ in 0..<depth.middle {
          var a0 = unsafe middle
          var a1 = unsafe middle + 3 * aRow
          var a2 = unsafe middle + 6 * aRow
          for _ in 0..<depth.inner {
            let low = unsafe b.vector(0), high = unsafe b.vector(laneCount)
            let x0 = unsafe FloatVector(repeating: a0[0])
            l0.addProduct(x0, low)
            h0.addProduct(x0, high)
            let x1 = unsafe FloatVector(repeating: a0[aRow])
            l1.addProduct(x1, low)
            h1.addProduct(x1, high)
            let x2 = unsafe FloatVector(repeating: a0[2 * aRow])
            l2.addProduct(x2, low)
            h2.addProduct(x2, high)
            let x3 = unsafe FloatVector(repeating: a1[0])
            l3.addProduct(x3, low)
            h3.addProduct(x3, high)
            let x4 = unsafe FloatVector(repeating: a1[aRow])
            l4.addProduct(x4, low)
            h4.addProduct(x4, high)
            let x5 = unsafe FloatVector(repeating: a1[2 * aRow])
            l5.addProduct(x5, low)
            h5.addProduct(x5, high)
            let x6 = unsafe FloatVector(repeating: a2[0])
            l6.addProduct(x6, low)
            h6.addProduct(x6, high)
            let x7 = unsafe FloatVector(repeating: a2[aRow])
            l7.addProduct(x7, low)
            h7.addProduct(x7, high)
            unsafe a0 += depth.stride
            unsafe a1 += depth.stride
            unsafe a2 += depth.stride
            unsafe b += bRow
          }
          unsafe middle += depth.middleStride
        }
        unsafe outer += depth.outerStride
      }
      if accumulate {
        unsafe l0 += c.vector(0)
        unsafe h0 += c.vector(laneCount)
        unsafe l1 += c.vector(cRow)
        unsafe h1 += c.vector(cRow + laneCount)
        unsafe l2 += c.vector(2 * cRow)
        unsafe h2 += c.vector(2 * cRow + laneCount)
        unsafe l3 += c.vector(3 * cRow)
        unsafe h3 += c.vector(3 * cRow + laneCount)
        unsafe l4 += c.vector(4 * cRow)
        unsafe h4 += c.vector(4 * cRow + laneCount)
        unsafe l5 += c.vector(5 * cRow)
        unsafe h5 += c.vector(5 * cRow + laneCount)
        unsafe l6 += c.vector(6 * cRow)
        unsafe h6 += c.vector(6 * cRow + laneCount)
        unsafe l7 += c.vector(7 * cRow)
        unsafe h7 += c.vector(7 * cRow + laneCount)
      }
      unsafe c.store(l0, 0)
      unsafe c.store(h0, laneCount)
      unsafe c.store(l1, cRow)
      unsafe c.store(h1, cRow + laneCount)
      unsafe c.store(l2, 2 * cRow)
      unsafe c.store(h2, 2 * cRow + laneCount)
      unsafe c.store(l3, 3 * cRow)
      unsafe c.store(h3, 3 * cRow + laneCount)
      unsafe c.store(l4, 4 * cRow)
      unsafe c.store(h4, 4 * cRow + laneCount)
      unsafe c.store(l5, 5 * cRow)
      unsafe c.store(h5, 5 * cRow + laneCount)
      unsafe c.store(l6, 6 * cRow)
      unsafe c.store(h6, 6 * cRow + laneCount)
      unsafe c.store(l7, 7 * cRow)
      unsafe c.store(h7, 7 * cRow + laneCount)
    }
  #else
    /// Multiplies 6 rows by one panel.
    @inline(__always)
    private static func tile6(
      _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>,
      _ bRow: Int,
      _ c: UnsafeMutablePointer<Float>, _ cRow: Int, _ accumulate: Bool
    ) {
      var l0 = FloatVector.zero, h0 = FloatVector.zero
      var l1 = FloatVector.zero, h1 = FloatVector.zero
      var l2 = FloatVector.zero, h2 = FloatVector.zero
      var l3 = FloatVector.zero, h3 = FloatVector.zero
      var l4 = FloatVector.zero, h4 = FloatVector.zero
      var l5 = FloatVector.zero, h5 = FloatVector.zero
      var b = unsafe b
      var outer = unsafe a
      for _ in 0..<depth.outer {
        var middle = unsafe outer
        for _ in 0..<depth.middle {
          var a0 = unsafe middle
          var a1 = unsafe middle + 3 * aRow
          for _ in 0..<depth.inner {
            let low = unsafe b.vector(0), high = unsafe b.vector(laneCount)
            let x0 = unsafe FloatVector(repeating: a0[0])
            l0.addProduct(x0, low)
            h0.addProduct(x0, high)
            let x1 = unsafe FloatVector(repeating: a0[aRow])
            l1.addProduct(x1, low)
            h1.addProduct(x1, high)
            let x2 = unsafe FloatVector(repeating: a0[2 * aRow])
            l2.addProduct(x2, low)
            h2.addProduct(x2, high)
            let x3 = unsafe FloatVector(repeating: a1[0])
            l3.addProduct(x3, low)
            h3.addProduct(x3, high)
            let x4 = unsafe FloatVector(repeating: a1[aRow])
            l4.addProduct(x4, low)
            h4.addProduct(x4, high)
            let x5 = unsafe FloatVector(repeating: a1[2 * aRow])
            l5.addProduct(x5, low)
            h5.addProduct(x5, high)
            unsafe a0 += depth.stride
            unsafe a1 += depth.stride
            unsafe b += bRow
          }
          unsafe middle += depth.middleStride
        }
        unsafe outer += depth.outerStride
      }
      if accumulate {
        unsafe l0 += c.vector(0)
        unsafe h0 += c.vector(laneCount)
        unsafe l1 += c.vector(cRow)
        unsafe h1 += c.vector(cRow + laneCount)
        unsafe l2 += c.vector(2 * cRow)
        unsafe h2 += c.vector(2 * cRow + laneCount)
        unsafe l3 += c.vector(3 * cRow)
        unsafe h3 += c.vector(3 * cRow + laneCount)
        unsafe l4 += c.vector(4 * cRow)
        unsafe h4 += c.vector(4 * cRow + laneCount)
        unsafe l5 += c.vector(5 * cRow)
        unsafe h5 += c.vector(5 * cRow + laneCount)
      }
      unsafe c.store(l0, 0)
      unsafe c.store(h0, laneCount)
      unsafe c.store(l1, cRow)
      unsafe c.store(h1, cRow + laneCount)
      unsafe c.store(l2, 2 * cRow)
      unsafe c.store(h2, 2 * cRow + laneCount)
      unsafe c.store(l3, 3 * cRow)
      unsafe c.store(h3, 3 * cRow + laneCount)
      unsafe c.store(l4, 4 * cRow)
      unsafe c.store(h4, 4 * cRow + laneCount)
      unsafe c.store(l5, 5 * cRow)
      unsafe c.store(h5, 5 * cRow + laneCount)
    }
  #endif

  /// Multiplies up to 4 rows by one panel. The last row takes the place of missing ones: computing it
  /// again is free, because with fewer sums the processor would wait for each multiply-add.
  @inline(__always)
  private static func tile4(
    _ rows: Int,
    _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>,
    _ bRow: Int,
    _ c: UnsafeMutablePointer<Float>, _ cRow: Int, _ accumulate: Bool
  ) {
    var l0 = FloatVector.zero, h0 = FloatVector.zero
    var l1 = FloatVector.zero, h1 = FloatVector.zero
    var l2 = FloatVector.zero, h2 = FloatVector.zero
    var l3 = FloatVector.zero, h3 = FloatVector.zero
    let last = rows - 1
    let row1 = min(1, last), row2 = min(2, last), row3 = min(3, last)
    var b = unsafe b
    var outer = unsafe a
    for _ in 0..<depth.outer {
      var middle = unsafe outer
      for _ in 0..<depth.middle {
        var a0 = unsafe middle, a1 = unsafe middle + row1 * aRow
        var a2 = unsafe middle + row2 * aRow, a3 = unsafe middle + row3 * aRow
        for _ in 0..<depth.inner {
          let low = unsafe b.vector(0), high = unsafe b.vector(laneCount)
          let x0 = unsafe FloatVector(repeating: a0[0])
          l0.addProduct(x0, low)
          h0.addProduct(x0, high)
          let x1 = unsafe FloatVector(repeating: a1[0])
          l1.addProduct(x1, low)
          h1.addProduct(x1, high)
          let x2 = unsafe FloatVector(repeating: a2[0])
          l2.addProduct(x2, low)
          h2.addProduct(x2, high)
          let x3 = unsafe FloatVector(repeating: a3[0])
          l3.addProduct(x3, low)
          h3.addProduct(x3, high)
          unsafe a0 += depth.stride
          unsafe a1 += depth.stride
          unsafe a2 += depth.stride
          unsafe a3 += depth.stride
          unsafe b += bRow
        }
        unsafe middle += depth.middleStride
      }
      unsafe outer += depth.outerStride
    }
    if accumulate {
      unsafe l0 += c.vector(0)
      unsafe h0 += c.vector(laneCount)
      unsafe l1 += c.vector(row1 * cRow)
      unsafe h1 += c.vector(row1 * cRow + laneCount)
      unsafe l2 += c.vector(row2 * cRow)
      unsafe h2 += c.vector(row2 * cRow + laneCount)
      unsafe l3 += c.vector(row3 * cRow)
      unsafe h3 += c.vector(row3 * cRow + laneCount)
    }
    unsafe c.store(l0, 0)
    unsafe c.store(h0, laneCount)
    unsafe c.store(l1, row1 * cRow)
    unsafe c.store(h1, row1 * cRow + laneCount)
    unsafe c.store(l2, row2 * cRow)
    unsafe c.store(h2, row2 * cRow + laneCount)
    unsafe c.store(l3, row3 * cRow)
    unsafe c.store(h3, row3 * cRow + laneCount)
  }
}
