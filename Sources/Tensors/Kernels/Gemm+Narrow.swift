import SIMDMath

// Products with a few columns, such as the last convolution of a network, whose outputs are three
// colors: a panel would be mostly empty. Here the lanes run along the depth instead.

extension Gemm {
  /// Whether a product with `columns` columns and a left factor whose depth is contiguous for
  /// `inner` elements at a time is one for `multiplyNarrow`.
  static func isNarrow(columns: Int, inner: Int) -> Bool {
    columns <= 8 && inner > 0 && inner % laneCount == 0
  }

  /// c(i, j) = Σ_k a(i, k) w(j, k), added to c if `accumulate`, for a depth that steps by one and
  /// whose inner loop takes whole vectors.
  ///
  /// - Parameter w: a row for each column of the product, contiguous.
  static func multiplyNarrow(
    rows: StridedLoops, depth: StridedLoops, _ a: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    columns: Int,
    into c: UnsafeMutablePointer<Float>, cRows: StridedLoops, accumulate: Bool
  ) {
    let length = depth.count
    for outer in 0..<rows.outer {
      for middle in 0..<rows.middle {
        let left = unsafe a + outer * rows.outerStride + middle * rows.middleStride
        let target = unsafe c + outer * cRows.outerStride + middle * cRows.middleStride
        for row in stride(from: 0, to: rows.inner, by: 4) {
          for column in stride(from: 0, to: columns, by: 4) {
            unsafe dotTile(
              min(4, rows.inner - row), min(4, columns - column), depth, left + row * rows.stride,
              rows.stride, w + column * length, length, target + row * cRows.stride + column,
              cRows.stride, accumulate)
          }
        }
      }
    }
  }

  // Up to four rows by up to four columns: for those that are missing the last one stands in.
  @inline(never)
  private static func dotTile(
    _ rows: Int, _ columns: Int, _ depth: StridedLoops, _ a: UnsafePointer<Float>, _ aRow: Int,
    _ w: UnsafePointer<Float>, _ wRow: Int, _ c: UnsafeMutablePointer<Float>, _ cRow: Int,
    _ accumulate: Bool
  ) {
    var s00 = FloatVector.zero, s01 = FloatVector.zero, s02 = FloatVector.zero,
      s03 = FloatVector.zero
    var s10 = FloatVector.zero, s11 = FloatVector.zero, s12 = FloatVector.zero,
      s13 = FloatVector.zero
    var s20 = FloatVector.zero, s21 = FloatVector.zero, s22 = FloatVector.zero,
      s23 = FloatVector.zero
    var s30 = FloatVector.zero, s31 = FloatVector.zero, s32 = FloatVector.zero,
      s33 = FloatVector.zero
    let row1 = min(1, rows - 1) * aRow, row2 = min(2, rows - 1) * aRow
    let row3 = min(3, rows - 1) * aRow
    let column1 = min(1, columns - 1) * wRow, column2 = min(2, columns - 1) * wRow
    let column3 = min(3, columns - 1) * wRow
    var b = unsafe w
    for outer in 0..<depth.outer {
      for middle in 0..<depth.middle {
        var x = unsafe a + outer * depth.outerStride + middle * depth.middleStride
        for _ in 0..<depth.inner / laneCount {
          let b0 = unsafe b.vector(0), b1 = unsafe b.vector(column1), b2 = unsafe b.vector(column2)
          let b3 = unsafe b.vector(column3)
          let x0 = unsafe x.vector(0)
          s00.addProduct(x0, b0)
          s01.addProduct(x0, b1)
          s02.addProduct(x0, b2)
          s03.addProduct(x0, b3)
          let x1 = unsafe x.vector(row1)
          s10.addProduct(x1, b0)
          s11.addProduct(x1, b1)
          s12.addProduct(x1, b2)
          s13.addProduct(x1, b3)
          let x2 = unsafe x.vector(row2)
          s20.addProduct(x2, b0)
          s21.addProduct(x2, b1)
          s22.addProduct(x2, b2)
          s23.addProduct(x2, b3)
          let x3 = unsafe x.vector(row3)
          s30.addProduct(x3, b0)
          s31.addProduct(x3, b1)
          s32.addProduct(x3, b2)
          s33.addProduct(x3, b3)
          unsafe x += laneCount
          unsafe b += laneCount
        }
      }
    }
    let sums = (
      SIMD4(s00.total, s01.total, s02.total, s03.total),
      SIMD4(s10.total, s11.total, s12.total, s13.total),
      SIMD4(s20.total, s21.total, s22.total, s23.total),
      SIMD4(s30.total, s31.total, s32.total, s33.total)
    )
    unsafe writeRow(sums.0, columns, c, accumulate)
    if rows > 1 { unsafe writeRow(sums.1, columns, c + cRow, accumulate) }
    if rows > 2 { unsafe writeRow(sums.2, columns, c + 2 * cRow, accumulate) }
    if rows > 3 { unsafe writeRow(sums.3, columns, c + 3 * cRow, accumulate) }
  }

  @inline(__always)
  private static func writeRow(
    _ sums: SIMD4<Float>, _ columns: Int, _ c: UnsafeMutablePointer<Float>, _ accumulate: Bool
  ) {
    for column in 0..<columns {
      unsafe c[column] = unsafe accumulate ? c[column] + sums[column] : sums[column]
    }
  }
}
