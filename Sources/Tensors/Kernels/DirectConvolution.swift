import Parallelism
import SIMDMath

/// Convolutions of any kernel, stride and padding as matrix products that read images in place.
///
/// A row of a patch, `kernel` pixels with their channels, lies contiguous in an image whose channels
/// come last; and the patch of the next output pixel begins `stride` pixels on. So the matrix of
/// patches need not be written down: a product with the right strides over an image with its border
/// of zeros is the convolution.
struct DirectConvolution {
  let batch: Int, height: Int, width: Int, inputs: Int
  let outputHeight: Int, outputWidth: Int, outputs: Int
  let geometry: ConvolutionGeometry

  var kernel: Int { geometry.kernel }
  var taps: Int { kernel * kernel }
  var patch: Int { taps * inputs }
  var pixels: Int { batch * outputHeight * outputWidth }
  var paddedWidth: Int { width + geometry.left + geometry.right }

  /// Whether few outputs are computed, with lanes along the depth.
  var isNarrow: Bool { Gemm.isNarrow(columns: outputs, inner: kernel * inputs) }

  // MARK: - Filters

  /// The elements that `packFilters` writes.
  var filterElements: Int {
    isNarrow ? outputs * patch : Gemm.panelElements(depth: patch, columns: outputs)
  }

  /// Packs filters `[out, in, k, k]` as the matrix [patch, out]: into panels, or, for few outputs,
  /// with a row for each output.
  func packFilters(_ weight: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    let (taps, inputs, patch, outputs) = (taps, inputs, patch, outputs)
    if isNarrow {
      return Parallel.forEach(outputs) { o in
        let source = unsafe weight + o * patch, target = unsafe packed + o * patch
        for c in 0..<inputs {
          for tap in 0..<taps { unsafe target[tap * inputs + c] = unsafe source[c * taps + tap] }
        }
      }
    }
    let width = panelWidth
    Parallel.forEach((outputs + width - 1) / width) { index in
      let panel = unsafe packed + index * width * patch
      let filled = min(width, outputs - index * width)
      if filled < width { unsafe panel.update(repeating: 0, count: width * patch) }
      for j in 0..<filled {
        let filter = unsafe weight + (index * width + j) * patch
        for c in 0..<inputs {
          for tap in 0..<taps {
            unsafe panel[(tap * inputs + c) * width + j] = unsafe filter[c * taps + tap]
          }
        }
      }
    }
  }

  // MARK: - Images with their border

  /// A part of a batch with zeros around each image, in memory of its own.
  struct Padded {
    let storage: Storage
    /// Numbers of a row, and of an image.
    let row: Int, image: Int
  }

  /// Copies rows `rows` of the images `images` of `x` with their zeros around; rows and columns are
  /// counted from the first one that is padded.
  static func padded(
    _ x: UnsafePointer<Float>, height: Int, width: Int, channels: Int, images: Range<Int>,
    rows: Range<Int>, top: Int, left: Int, paddedWidth: Int
  ) -> Padded {
    let row = paddedWidth * channels, image = rows.count * row
    let storage = Storage(count: images.count * image)
    let rightPart = (paddedWidth - left - width) * channels
    var target = unsafe storage.pointer
    for number in images {
      for line in rows {
        let y = line - top
        if y < 0 || y >= height {
          unsafe target.update(repeating: 0, count: row)
        } else {
          if left > 0 { unsafe target.update(repeating: 0, count: left * channels) }
          unsafe (target + left * channels).copyRow(
            x + (number * height + y) * width * channels, count: width * channels)
          if rightPart > 0 {
            unsafe (target + row - rightPart).update(repeating: 0, count: rightPart)
          }
        }
        unsafe target += row
      }
    }
    return Padded(storage: storage, row: row, image: image)
  }

  /// The padded rows under output rows `rows` of `images`.
  func padded(_ x: UnsafePointer<Float>, images: Range<Int>, rows: Range<Int>) -> Padded {
    unsafe Self.padded(
      x, height: height, width: width, channels: inputs, images: images,
      rows: rows.lowerBound * geometry.stride..<(rows.upperBound - 1) * geometry.stride + kernel,
      top: geometry.top, left: geometry.left, paddedWidth: paddedWidth)
  }

  // MARK: - Forward

  /// How the output is cut: images, or rows of one image; a few hundred pixels at a time.
  struct Pieces {
    let images: Int, rows: Int, batch: Int, height: Int

    init(batch: Int, height: Int, width: Int) {
      (self.batch, self.height) = (batch, height)
      let perImage = max(1, height * width)
      images = max(1, min(batch, 192 / perImage))
      rows = max(1, perImage > 256 ? min(height, 256 / max(1, width)) : height)
    }

    var perImage: Int { (height + rows - 1) / rows }
    var count: Int { (batch + images - 1) / images * perImage }

    subscript(_ piece: Int) -> (images: Range<Int>, rows: Range<Int>) {
      let image = piece / perImage * images, row = piece % perImage * rows
      return (image..<min(batch, image + images), row..<min(height, row + rows))
    }
  }

  /// Computes the convolution; the epilogue is written first and the products are added to it.
  func forward(
    _ x: UnsafePointer<Float>, filters: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    into y: UnsafeMutablePointer<Float>
  ) {
    let pieces = Pieces(batch: batch, height: outputHeight, width: outputWidth)
    let panelCount = isNarrow ? 1 : (outputs + panelWidth - 1) / panelWidth
    // Few pixels: the columns of the product are shared out as well.
    let splits =
      pieces.count >= Parallel.threadCount ? 1 : min(panelCount, Parallel.threadCount)
    Parallel.forEach(pieces.count * splits) { piece in
      let (images, rows) = pieces[piece / splits]
      let split = piece % splits
      let panels = panelCount * split / splits..<panelCount * (split + 1) / splits
      let columns =
        panels.lowerBound * panelWidth..<min(outputs, panels.upperBound * panelWidth)
      unsafe forward(x, filters, epilogue, images, rows, panels, columns, y)
    }
  }

  private func forward(
    _ x: UnsafePointer<Float>, _ filters: UnsafePointer<Float>, _ epilogue: ConvolutionEpilogue,
    _ images: Range<Int>, _ rows: Range<Int>, _ panels: Range<Int>, _ columns: Range<Int>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let part = unsafe padded(x, images: images, rows: rows)
    defer { withExtendedLifetime(part.storage) {} }
    let first = (images.lowerBound * outputHeight + rows.lowerBound) * outputWidth
    for image in images {
      let start = (image * outputHeight + rows.lowerBound) * outputWidth
      unsafe prepare(start..<start + rows.count * outputWidth, image: image, columns, epilogue, y)
    }
    let from = StridedLoops(
      inner: outputWidth, stride: geometry.stride * inputs, middle: rows.count,
      middleStride: geometry.stride * part.row, outer: images.count, outerStride: part.image)
    let to = StridedLoops(
      inner: outputWidth, stride: outputs, middle: rows.count, middleStride: outputWidth * outputs,
      outer: images.count, outerStride: outputHeight * outputWidth * outputs)
    let depth = StridedLoops(
      inner: kernel * inputs, stride: 1, middle: kernel, middleStride: part.row)
    if isNarrow {
      unsafe Gemm.multiplyNarrow(
        rows: from, depth: depth, part.storage.pointer, filters, columns: outputs,
        into: y + first * outputs, cRows: to, accumulate: !epilogue.isEmpty)
    } else {
      unsafe Gemm.multiply(
        rows: from, depth: depth, part.storage.pointer,
        Gemm.Panels(packed: filters, depth: patch), columns: outputs, panelRange: panels,
        into: y + first * outputs, cRows: to, accumulate: !epilogue.isEmpty)
    }
    withExtendedLifetime(part.storage) {}
  }

  // Writes bias, channel bias and residual to the output `pixels` of one image.
  private func prepare(
    _ pixels: Range<Int>, image: Int, _ columns: Range<Int>, _ epilogue: ConvolutionEpilogue,
    _ y: UnsafeMutablePointer<Float>
  ) {
    if unsafe epilogue.isEmpty { return }
    let count = columns.count
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { sums in
      let addend = sums.baseAddress!
      unsafe addend.update(repeating: 0, count: count)
      if let bias = unsafe epilogue.bias {
        unsafe addend.addRow(bias + columns.lowerBound, count: count)
      }
      if let bias = unsafe epilogue.channelBias {
        unsafe addend.addRow(bias + image * outputs + columns.lowerBound, count: count)
      }
      for pixel in pixels {
        let target = unsafe y + pixel * outputs + columns.lowerBound
        unsafe target.copyRow(addend, count: count)
        if let residual = unsafe epilogue.residual {
          unsafe target.addRow(residual + pixel * outputs + columns.lowerBound, count: count)
        }
      }
    }
  }
}
