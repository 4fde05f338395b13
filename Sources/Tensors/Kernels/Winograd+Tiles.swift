import SIMDMath

// Images cut into tiles, transformed, and back. A *strip* is a row of tiles of one image; strips are
// counted over the batch.

extension Winograd {
  // MARK: - One-dimensional maps

  // Bᵀ: six input pixels to six positions.
  @inline(__always)
  static func bT(
    _ x0: FloatVector, _ x1: FloatVector, _ x2: FloatVector, _ x3: FloatVector, _ x4: FloatVector,
    _ x5: FloatVector
  ) -> Row {
    let four = FloatVector(repeating: 4), five = FloatVector(repeating: 5),
      two = FloatVector(repeating: 2)
    let even = x4.addingProduct(x2, -four)
    let odd = x3.addingProduct(x1, -four)
    let narrow = x4 - x2
    let wide = two * (x3 - x1)
    return (
      (x4.addingProduct(x0, four)).addingProduct(x2, -five), even + odd, even - odd,
      narrow + wide, narrow - wide, (x5.addingProduct(x1, four)).addingProduct(x3, -five)
    )
  }

  // B, the transpose: six positions to six input pixels.
  @inline(__always)
  static func b(
    _ v0: FloatVector, _ v1: FloatVector, _ v2: FloatVector, _ v3: FloatVector, _ v4: FloatVector,
    _ v5: FloatVector
  ) -> Row {
    let four = FloatVector(repeating: 4), five = FloatVector(repeating: 5),
      two = FloatVector(repeating: 2)
    let sum12 = v1 + v2, difference12 = v1 - v2
    let sum34 = v3 + v4, difference34 = v3 - v4
    return (
      four * v0,
      four * (v5 - difference12) - two * difference34,
      -(sum34.addingProduct(sum12, four).addingProduct(v0, five)),
      difference12.addingProduct(difference34, two).addingProduct(v5, -five),
      v0 + sum12 + sum34,
      v5
    )
  }

  // Aᵀ: six positions to four output pixels.
  @inline(__always)
  static func aT(
    _ m0: FloatVector, _ m1: FloatVector, _ m2: FloatVector, _ m3: FloatVector, _ m4: FloatVector,
    _ m5: FloatVector
  ) -> (FloatVector, FloatVector, FloatVector, FloatVector) {
    let two = FloatVector(repeating: 2), four = FloatVector(repeating: 4),
      eight = FloatVector(repeating: 8)
    let sum12 = m1 + m2, difference12 = m1 - m2
    let sum34 = m3 + m4, difference34 = m3 - m4
    return (
      m0 + sum12 + sum34,
      difference12.addingProduct(difference34, two),
      sum12.addingProduct(sum34, four),
      (difference12 + m5).addingProduct(difference34, eight)
    )
  }

  // A, the transpose: four output pixels to six positions.
  @inline(__always)
  static func a(
    _ y0: FloatVector, _ y1: FloatVector, _ y2: FloatVector, _ y3: FloatVector
  ) -> Row {
    let two = FloatVector(repeating: 2), four = FloatVector(repeating: 4)
    let even = y0 + y2, odd = y1 + y3
    let evenFar = y0.addingProduct(y2, four)
    let oddFar = two * (y1.addingProduct(y3, four))
    return (y0, even + odd, even - odd, evenFar + oddFar, evenFar - oddFar, y3)
  }

  // MARK: - Tiles

  /// The output pixel at the upper left corner of a tile.
  struct Corner {
    let image: Int, row: Int, column: Int
  }

  /// The number of a corner's pixel in the batch.
  @inline(__always)
  func firstPixel(of corner: Corner) -> Int {
    (corner.image * height + corner.row) * width + corner.column
  }

  // The corner of the tile that follows; after the last image, one outside of the batch.
  @inline(__always)
  private func following(_ corner: Corner) -> Corner {
    let (image, row, column) = (corner.image, corner.row, corner.column)
    if column + tile < width { return Corner(image: image, row: row, column: column + tile) }
    if row + tile < height { return Corner(image: image, row: row + tile, column: 0) }
    return Corner(image: image + 1, row: 0, column: 0)
  }

  /// Calls `body` with every tile of `strips`: its number, counted from strip `first`, and its corner.
  @inline(__always)
  func forEachTile(
    _ strips: Range<Int>, first: Int, _ body: (_ number: Int, _ corner: Corner) -> Void
  ) {
    for strip in strips {
      for index in 0..<tilesAcross {
        let corner = Corner(
          image: strip / tilesDown, row: strip % tilesDown * tile, column: index * tile)
        body((strip - first) * tilesAcross + index, corner)
      }
    }
  }

  /// Transforms the input tiles of `strips`: Bᵀ d B for every tile and channel.
  ///
  /// - Parameters:
  ///   - x: `[batch, height, width, in]`.
  ///   - v: 36 matrices [tiles, in], `stride` elements apart; tile 0 is the first of strip
  ///     `first`.
  func transformInput(
    _ x: UnsafePointer<Float>, strips: Range<Int>, first: Int,
    into v: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let channels = inputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 36) { half in
      forEachTile(strips, first: first) { tile, corner in
        let top = corner.row - 1, left = corner.column - 1
        let patch = unsafe x + (firstPixel(of: corner) - width - 1) * channels
        let rowStep = width * channels
        let next = unsafe x + (firstPixel(of: following(corner)) - width - 1) * channels
        for c in Swift.stride(from: 0, to: channels, by: laneCount) {
          for j in 0..<6 {
            if c % 16 == 0 {
              let line = unsafe next + j * channels + c
              for i in 0..<6 { unsafe line.prefetch(i * rowStep) }
            }
            var d0 = FloatVector.zero, d1 = FloatVector.zero, d2 = FloatVector.zero
            var d3 = FloatVector.zero, d4 = FloatVector.zero, d5 = FloatVector.zero
            if left + j >= 0 && left + j < width {
              let pixel = unsafe patch + j * channels + c
              if top >= 0 { d0 = unsafe pixel.vector(0) }
              d1 = unsafe pixel.vector(rowStep)
              if top + 2 < height { d2 = unsafe pixel.vector(2 * rowStep) }
              if top + 3 < height { d3 = unsafe pixel.vector(3 * rowStep) }
              if top + 4 < height { d4 = unsafe pixel.vector(4 * rowStep) }
              if top + 5 < height { d5 = unsafe pixel.vector(5 * rowStep) }
            }
            let t = Self.bT(d0, d1, d2, d3, d4, d5)
            unsafe (half[j], half[6 + j], half[12 + j]) = (t.0, t.1, t.2)
            unsafe (half[18 + j], half[24 + j], half[30 + j]) = (t.3, t.4, t.5)
          }
          let target = unsafe v + tile * channels + c
          for i in 0..<6 {
            let t = unsafe Self.bT(
              half[6 * i], half[6 * i + 1], half[6 * i + 2], half[6 * i + 3], half[6 * i + 4],
              half[6 * i + 5])
            unsafe Self.storeRow(t, to: target + 6 * i * stride, stride)
          }
        }
      }
    }
  }

  /// Writes the gradient of the input: the sum of B dV Bᵀ over all tiles. Tiles overlap, so the strips
  /// of an image are one thread's, in order.
  func writeInputGradient(
    _ v: UnsafePointer<Float>, stride: Int, strips: Range<Int>, first: Int,
    to dx: UnsafeMutablePointer<Float>
  ) {
    let channels = inputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 36) { half in
      forEachTile(strips, first: first) { tile, corner in
        let top = corner.row - 1, left = corner.column - 1
        for c in Swift.stride(from: 0, to: channels, by: laneCount) {
          let source = unsafe v + tile * channels + c
          for j in 0..<6 {
            let column = unsafe source + j * stride
            if c % 16 == 0 {
              for i in 0..<6 { unsafe UnsafePointer(column).prefetch(6 * i * stride + 64) }
            }
            let t = unsafe Self.b(
              column.vector(0), column.vector(6 * stride), column.vector(12 * stride),
              column.vector(18 * stride), column.vector(24 * stride), column.vector(30 * stride))
            unsafe (half[j], half[6 + j], half[12 + j]) = (t.0, t.1, t.2)
            unsafe (half[18 + j], half[24 + j], half[30 + j]) = (t.3, t.4, t.5)
          }
          for i in 0..<6 where top + i >= 0 && top + i < height {
            let t = unsafe Self.b(
              half[6 * i], half[6 * i + 1], half[6 * i + 2], half[6 * i + 3], half[6 * i + 4],
              half[6 * i + 5])
            let row = unsafe dx + (firstPixel(of: corner) + (i - 1) * width - 1) * channels + c
            // Pixels that the tile above or the one to the left has reached hold a sum already.
            let isShared = i < 2 && corner.row > 0
            if left >= 0 { unsafe row.add(t.0, 0) }
            unsafe row.put(t.1, channels, adding: isShared || left >= 0)
            if left + 2 < width { unsafe row.put(t.2, 2 * channels, adding: isShared) }
            if left + 3 < width { unsafe row.put(t.3, 3 * channels, adding: isShared) }
            if left + 4 < width { unsafe row.put(t.4, 4 * channels, adding: isShared) }
            if left + 5 < width { unsafe row.put(t.5, 5 * channels, adding: isShared) }
          }
        }
      }
    }
  }

  /// Writes Aᵀ M A of every tile, with the epilogue, to `channels` of the output.
  ///
  /// - Parameter m: 36 matrices [tiles, channels], `stride` elements apart and with rows `row` apart.
  func writeOutput(
    _ m: UnsafePointer<Float>, stride: Int, row mRow: Int, channels block: Range<Int>,
    strips: Range<Int>, epilogue: ConvolutionEpilogue, to y: UnsafeMutablePointer<Float>
  ) {
    let channels = outputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 24) { half in
      forEachTile(strips, first: strips.lowerBound) { tile, corner in
        let rows = min(4, height - corner.row), columns = min(4, width - corner.column)
        for c in Swift.stride(from: block.lowerBound, to: block.upperBound, by: laneCount) {
          let addend = unsafe epilogue.biases(image: corner.image, channels: channels, at: c)
          let source = unsafe m + tile * mRow + c - block.lowerBound
          for j in 0..<6 {
            let column = unsafe source + j * stride
            let t = unsafe Self.aT(
              column.vector(0), column.vector(6 * stride), column.vector(12 * stride),
              column.vector(18 * stride), column.vector(24 * stride), column.vector(30 * stride))
            unsafe (half[j], half[6 + j], half[12 + j], half[18 + j]) = t
          }
          for i in 0..<rows {
            let t = unsafe Self.aT(
              half[6 * i], half[6 * i + 1], half[6 * i + 2], half[6 * i + 3], half[6 * i + 4],
              half[6 * i + 5])
            let pixel = (firstPixel(of: corner) + i * width) * channels + c
            let row = unsafe y + pixel
            if let residual = unsafe epilogue.residual {
              let add = unsafe residual + pixel
              unsafe row.store(t.0 + addend + add.vector(0), 0)
              if columns > 1 { unsafe row.store(t.1 + addend + add.vector(channels), channels) }
              if columns > 2 {
                unsafe row.store(t.2 + addend + add.vector(2 * channels), 2 * channels)
              }
              if columns > 3 {
                unsafe row.store(t.3 + addend + add.vector(3 * channels), 3 * channels)
              }
            } else {
              unsafe row.store(t.0 + addend, 0)
              if columns > 1 { unsafe row.store(t.1 + addend, channels) }
              if columns > 2 { unsafe row.store(t.2 + addend, 2 * channels) }
              if columns > 3 { unsafe row.store(t.3 + addend, 3 * channels) }
            }
          }
        }
      }
    }
  }

  /// Transforms the gradient of the output: A dY Aᵀ of every tile, in the panels of `Gemm`, to
  /// serve as a right factor as well as a left one.
  ///
  /// - Parameters:
  ///   - m: 36 matrices [tiles, paddedOutputs], `stride` elements apart.
  ///   - tiles: those of all strips that share `m`.
  func transformOutputGradient(
    _ dy: UnsafePointer<Float>, strips: Range<Int>, first: Int,
    into m: UnsafeMutablePointer<Float>, stride: Int, tiles: Int
  ) {
    let channels = outputs, padded = paddedOutputs
    unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 24) { half in
      forEachTile(strips, first: first) { tile, corner in
        let rows = min(4, height - corner.row), columns = min(4, width - corner.column)
        let patch = unsafe dy + firstPixel(of: corner) * channels
        let rowStep = width * channels
        let next = unsafe dy + firstPixel(of: following(corner)) * channels
        for c in Swift.stride(from: 0, to: padded, by: laneCount) {
          for j in 0..<4 {
            if c % 16 == 0 {
              let line = unsafe next + j * channels + c
              for i in 0..<4 { unsafe line.prefetch(i * rowStep) }
            }
            var d0 = FloatVector.zero, d1 = FloatVector.zero, d2 = FloatVector.zero,
              d3 = FloatVector.zero
            if j < columns && c < channels {
              let pixel = unsafe patch + j * channels + c
              d0 = unsafe pixel.vector(0)
              if rows > 1 { d1 = unsafe pixel.vector(rowStep) }
              if rows > 2 { d2 = unsafe pixel.vector(2 * rowStep) }
              if rows > 3 { d3 = unsafe pixel.vector(3 * rowStep) }
            }
            let t = Self.a(d0, d1, d2, d3)
            unsafe (half[j], half[4 + j], half[8 + j]) = (t.0, t.1, t.2)
            unsafe (half[12 + j], half[16 + j], half[20 + j]) = (t.3, t.4, t.5)
          }
          let target =
            unsafe m + c / panelWidth * panelWidth * tiles + tile * panelWidth + c % panelWidth
          for i in 0..<6 {
            let t = unsafe Self.a(half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3])
            unsafe Self.storeRow(t, to: target + 6 * i * stride, stride)
          }
        }
      }
    }
  }
}

extension UnsafeMutablePointer<Float> {
  // Stores a vector `offset` elements on, or adds it.
  @inline(__always) fileprivate func put(_ value: FloatVector, _ offset: Int, adding: Bool) {
    unsafe store(adding ? vector(offset) + value : value, offset)
  }
}
