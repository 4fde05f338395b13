import Parallelism
import SIMDMath

/// Products with a weight matrix `[out, in]`, for linear layers and 1x1 convolutions.
enum LinearKernels {
  /// Rows of the input that a thread takes at a time.
  private static let block = 192

  /// y = x Wᵀ + bias (+ residual) for `rows` rows.
  ///
  /// - Parameter panels: W packed as the matrix [in, out].
  static func forward(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
    panels: UnsafePointer<Float>, bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    let panelCount = (outputs + panelWidth - 1) / panelWidth
    let size = min(block, max(1, rows))
    let blocks = (rows + size - 1) / size
    let splits = blocks >= Parallel.threadCount ? 1 : min(panelCount, Parallel.threadCount)
    Parallel.forEach(blocks * splits) { piece in
      let range = piece / splits * size..<min(rows, (piece / splits + 1) * size)
      let split = piece % splits
      let mine = panelCount * split / splits..<panelCount * (split + 1) / splits
      let columns =
        mine.lowerBound * panelWidth..<min(outputs, mine.upperBound * panelWidth)
      if unsafe bias != nil || residual != nil {
        for row in range {
          let target = unsafe y + row * outputs
          if let residual = unsafe residual {
            let source = unsafe residual + row * outputs
            for o in columns { unsafe target[o] = unsafe source[o] }
            if let bias = unsafe bias { for o in columns { unsafe target[o] += bias[o] } }
          } else if let bias = unsafe bias {
            for o in columns { unsafe target[o] = unsafe bias[o] }
          }
        }
      }
      unsafe Gemm.multiply(
        rows: range.count, columns: outputs, depth: inputs, x + range.lowerBound * inputs,
        aRow: inputs, aDepth: 1, panels: panels, panelRange: mine,
        into: y + range.lowerBound * outputs, cRow: outputs,
        accumulate: bias != nil || residual != nil)
    }
  }

  /// dW = dyᵀ x, `[out, in]`, in a fixed number of parts.
  static func weightGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
    into dw: UnsafeMutablePointer<Float>
  ) {
    let size = 256
    let blocks = max(1, (rows + size - 1) / size)
    let parts = min(4, blocks)
    let sums = (0..<parts).map { _ in Storage(count: outputs * inputs) }
    defer { withExtendedLifetime(sums) {} }
    Parallel.forEach(parts) { part in
      let panels = Storage(count: Gemm.panelElements(depth: size, columns: inputs))
      defer { withExtendedLifetime(panels) {} }
      var isFirst = true
      for index in blocks * part / parts..<blocks * (part + 1) / parts {
        let range = index * size..<min(rows, (index + 1) * size)
        unsafe Gemm.pack(
          depth: range.count, columns: inputs, x + range.lowerBound * inputs, rowStride: inputs,
          columnStride: 1, into: panels.pointer)
        unsafe Gemm.multiply(
          rows: outputs, columns: inputs, depth: range.count, dy + range.lowerBound * outputs,
          aRow: 1, aDepth: outputs, panels: panels.pointer, into: sums[part].pointer,
          cRow: inputs, accumulate: !isFirst)
        isFirst = false
      }
    }
    unsafe add(
      sums.map { unsafe UnsafePointer($0.pointer) }, count: outputs * inputs, into: unsafe dw)
    withExtendedLifetime(sums) {}
  }

  /// Adds `parts`, first to last, element by element.
  static func add(
    _ parts: [UnsafePointer<Float>], count: Int, into sum: UnsafeMutablePointer<Float>
  ) {
    unsafe parts.withUnsafeBufferPointer { parts in
      Parallel.forRanges(count, grain: 1 << 14) { range in
        var i = range.lowerBound
        while i + laneCount <= range.upperBound {
          var total = unsafe parts[0].vector(i)
          for k in 1..<parts.count { unsafe total += parts[k].vector(i) }
          unsafe sum.store(total, i)
          i += laneCount
        }
        while i < range.upperBound {
          var total = unsafe parts[0][i]
          for k in 1..<parts.count { unsafe total += parts[k][i] }
          unsafe sum[i] = total
          i += 1
        }
      }
    }
  }

  /// The sum of the rows of `[rows, channels]`, in a fixed number of parts.
  static func rowSum(
    _ dy: UnsafePointer<Float>, rows: Int, channels: Int, into sum: UnsafeMutablePointer<Float>
  ) {
    let parts = min(8, max(1, rows / 64))
    let partial = Storage(count: parts * channels)
    defer { withExtendedLifetime(partial) {} }
    Parallel.forEach(parts) { part in
      let first = rows * part / parts
      unsafe sumRows(
        dy + first * channels, rows: rows * (part + 1) / parts - first, channels: channels,
        into: partial.pointer + part * channels)
    }
    unsafe sum.update(repeating: 0, count: channels)
    for part in 0..<parts {
      unsafe sum.addRow(partial.pointer + part * channels, count: channels)
    }
  }

  /// The sum of the rows of `[rows, channels]`, in one thread.
  ///
  /// Vectors of channels are added up side by side, four at a time, so that whole stretches of
  /// memory are read; sums of 64 rows at most join the total, which rounds less.
  static func sumRows(
    _ x: UnsafePointer<Float>, rows: Int, channels: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    unsafe sums.update(repeating: 0, count: channels)
    for start in stride(from: 0, to: rows, by: 64) {
      let end = min(rows, start + 64)
      var c = 0
      while c + 4 * laneCount <= channels {
        var s0 = FloatVector.zero, s1 = FloatVector.zero, s2 = FloatVector.zero,
          s3 = FloatVector.zero
        for row in start..<end {
          let source = unsafe x + row * channels + c
          unsafe s0 += source.vector(0)
          unsafe s1 += source.vector(laneCount)
          unsafe s2 += source.vector(2 * laneCount)
          unsafe s3 += source.vector(3 * laneCount)
        }
        unsafe sums.add(s0, c)
        unsafe sums.add(s1, c + laneCount)
        unsafe sums.add(s2, c + 2 * laneCount)
        unsafe sums.add(s3, c + 3 * laneCount)
        c += 4 * laneCount
      }
      while c + laneCount <= channels {
        var sum = FloatVector.zero
        for row in start..<end { unsafe sum += x.vector(row * channels + c) }
        unsafe sums.add(sum, c)
        c += laneCount
      }
      while c < channels {
        for row in start..<end { unsafe sums[c] += x[row * channels + c] }
        c += 1
      }
    }
  }
}
