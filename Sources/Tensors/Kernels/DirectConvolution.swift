import Vectors

/// Convolutions of any kernel, stride and padding as matrix products of patches and filters.
///
/// A patch holds the pixels under the kernel, `kernel * kernel * in` numbers in the order (row,
/// column, channel). Patches are gathered for a block of output pixels at a time, small enough to
/// stay in a core's cache, so the matrix of all patches never exists.
struct DirectConvolution {
  let batch: Int, height: Int, width: Int, inputs: Int
  let outputHeight: Int, outputWidth: Int, outputs: Int
  let geometry: ConvolutionGeometry

  var taps: Int { geometry.kernel * geometry.kernel }
  var patch: Int { taps * inputs }
  var pixels: Int { batch * outputHeight * outputWidth }

  /// Output pixels gathered at a time: a multiple of the register tile, patches within 512 KiB.
  var blockOfPixels: Int {
    max(1, min(16, (1 << 17) / max(1, patch * Gemm.tileRows))) * Gemm.tileRows
  }

  /// Packs filters `[out, in, k, k]` into panels of the matrix [patch, out].
  func packFilters(
    _ weight: UnsafePointer<Float>, into panels: UnsafeMutablePointer<Float>
  ) {
    let width = Gemm.panelWidth
    let taps = taps
    let inputs = inputs
    let patch = patch
    let outputs = outputs
    Parallel.forEach((outputs + width - 1) / width) { index in
      let panel = panels + index * width * patch
      let filled = min(width, outputs - index * width)
      if filled < width { panel.update(repeating: 0, count: width * patch) }
      for j in 0..<filled {
        let filter = weight + (index * width + j) * patch
        for c in 0..<inputs {
          for tap in 0..<taps { panel[(tap * inputs + c) * width + j] = filter[c * taps + tap] }
        }
      }
    }
  }

  /// Packs filters into panels of the matrix [out, patch], for the gradient of the input.
  func packTransposedFilters(
    _ weight: UnsafePointer<Float>, into panels: UnsafeMutablePointer<Float>
  ) {
    let width = Gemm.panelWidth
    let taps = taps
    let inputs = inputs
    let patch = patch
    let outputs = outputs
    Parallel.forEach((patch + width - 1) / width) { index in
      let panel = panels + index * width * outputs
      for j in 0..<width {
        let element = index * width + j
        if element < patch {
          let source = weight + element % inputs * taps + element / inputs
          for o in 0..<outputs { panel[o * width + j] = source[o * patch] }
        } else {
          for o in 0..<outputs { panel[o * width + j] = 0 }
        }
      }
    }
  }

  /// The image of an output pixel (counted over the batch), and where its patch begins there.
  @inline(__always)
  private func corner(of pixel: Int) -> (image: Int, top: Int, left: Int) {
    let (image, place) = pixel.quotientAndRemainder(dividingBy: outputHeight * outputWidth)
    let (row, column) = place.quotientAndRemainder(dividingBy: outputWidth)
    return (
      image, row * geometry.stride - geometry.top, column * geometry.stride - geometry.left
    )
  }

  /// Gathers the patches of the output pixels `range` (counted over the batch).
  func gather(
    _ x: UnsafePointer<Float>, _ range: Range<Int>, into patches: UnsafeMutablePointer<Float>
  ) {
    let kernel = geometry.kernel
    let inputs = inputs
    var target = patches
    for pixel in range {
      let (image, top, left) = corner(of: pixel)
      for i in 0..<kernel {
        let y = top + i
        if y < 0 || y >= height {
          target.update(repeating: 0, count: kernel * inputs)
          target += kernel * inputs
          continue
        }
        let row = x + (image * height + y) * width * inputs
        for j in 0..<kernel {
          let column = left + j
          if column < 0 || column >= width {
            target.update(repeating: 0, count: inputs)
          } else {
            target.copyRow(row + column * inputs, count: inputs)
          }
          target += inputs
        }
      }
    }
  }

  /// Adds patches to the pixels they came from: the adjoint of `gather`.
  func scatter(
    _ patches: UnsafePointer<Float>, _ range: Range<Int>, to dx: UnsafeMutablePointer<Float>
  ) {
    let kernel = geometry.kernel
    let inputs = inputs
    var source = patches
    for pixel in range {
      let (image, top, left) = corner(of: pixel)
      for i in 0..<kernel {
        let y = top + i
        if y < 0 || y >= height {
          source += kernel * inputs
          continue
        }
        let row = dx + (image * height + y) * width * inputs
        for j in 0..<kernel {
          let column = left + j
          if column >= 0 && column < width {
            (row + column * inputs).addRow(source, count: inputs)
          }
          source += inputs
        }
      }
    }
  }

  /// Computes the convolution; the epilogue is written first and the products are added to it.
  func forward(
    _ x: UnsafePointer<Float>, filters: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    into y: UnsafeMutablePointer<Float>
  ) {
    let panelCount = (outputs + Gemm.panelWidth - 1) / Gemm.panelWidth
    let size = min(blockOfPixels, max(Gemm.tileRows, pixels))
    let blocks = (pixels + size - 1) / size
    // Few pixels: the columns of the product are shared out instead.
    let splits = blocks >= Parallel.threadCount ? 1 : min(panelCount, Parallel.threadCount)
    Parallel.forEach(blocks * splits) { piece in
      let range = piece / splits * size..<min(pixels, (piece / splits + 1) * size)
      let split = piece % splits
      let panels = panelCount * split / splits..<panelCount * (split + 1) / splits
      let columns =
        panels.lowerBound * Gemm.panelWidth..<min(outputs, panels.upperBound * Gemm.panelWidth)
      let patches = Storage(count: size * patch)
      gather(x, range, into: patches.pointer)
      let hasEpilogue = prepare(range, columns, epilogue, y)
      Gemm.multiply(
        rows: range.count, columns: outputs, depth: patch, patches.pointer, aRow: patch,
        aDepth: 1, panels: filters, panelRange: panels,
        into: y + range.lowerBound * outputs, cRow: outputs, accumulate: hasEpilogue)
    }
  }

  // Writes bias, channel bias and residual; says whether there were any.
  private func prepare(
    _ range: Range<Int>, _ columns: Range<Int>, _ epilogue: ConvolutionEpilogue,
    _ y: UnsafeMutablePointer<Float>
  ) -> Bool {
    if epilogue.bias == nil && epilogue.channelBias == nil && epilogue.residual == nil {
      return false
    }
    for pixel in range {
      let target = y + pixel * outputs
      let image = pixel / (outputHeight * outputWidth)
      if let residual = epilogue.residual {
        for o in columns { target[o] = residual[pixel * outputs + o] }
      } else {
        for o in columns { target[o] = 0 }
      }
      if let bias = epilogue.bias { for o in columns { target[o] += bias[o] } }
      if let bias = epilogue.channelBias {
        for o in columns { target[o] += bias[image * outputs + o] }
      }
    }
    return true
  }

  /// Computes the gradient of the input; `filters` are the transposed panels.
  func inputGradient(
    _ dy: UnsafePointer<Float>, filters: UnsafePointer<Float>,
    into dx: UnsafeMutablePointer<Float>
  ) {
    let perImage = outputHeight * outputWidth
    let size = blockOfPixels
    Parallel.forEach(batch) { image in
      (dx + image * height * width * inputs).update(
        repeating: 0, count: height * width * inputs)
      let patches = Storage(count: size * patch)
      for start in Swift.stride(from: 0, to: perImage, by: size) {
        let range = image * perImage + start..<image * perImage + min(perImage, start + size)
        Gemm.multiply(
          rows: range.count, columns: patch, depth: outputs, dy + range.lowerBound * outputs,
          aRow: outputs, aDepth: 1, panels: filters, into: patches.pointer, cRow: patch,
          accumulate: false)
        scatter(patches.pointer, range, to: dx)
      }
    }
  }

  /// Computes the gradient of the filters, `[out, in, k, k]`.
  ///
  /// The sum over pixels is cut into a fixed number of parts, whatever the number of threads.
  func weightGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    into dw: UnsafeMutablePointer<Float>
  ) {
    let size = 96
    let blocks = (pixels + size - 1) / size
    let parts = min(4, blocks)
    let taps = taps
    let inputs = inputs
    let patch = patch
    let sums = (0..<parts).map { _ in Storage(count: outputs * patch) }
    Parallel.forEach(parts) { part in
      let patches = Storage(count: size * patch)
      let panels = Storage(count: Gemm.panelElements(depth: size, columns: patch))
      var isFirst = true
      for block in blocks * part / parts..<blocks * (part + 1) / parts {
        let range = block * size..<min(pixels, (block + 1) * size)
        gather(x, range, into: patches.pointer)
        Gemm.pack(
          depth: range.count, columns: patch, patches.pointer, rowStride: patch, columnStride: 1,
          into: panels.pointer)
        Gemm.multiply(
          rows: outputs, columns: patch, depth: range.count, dy + range.lowerBound * outputs,
          aRow: 1, aDepth: outputs, panels: panels.pointer, into: sums[part].pointer, cRow: patch,
          accumulate: !isFirst)
        isFirst = false
      }
    }
    let total = sums[0].pointer
    LinearKernels.add(
      sums.map { UnsafePointer($0.pointer) }, count: outputs * patch, into: total)
    Parallel.forRanges(outputs, grain: 8) { range in
      for o in range {
        let source = total + o * patch, target = dw + o * patch
        for c in 0..<inputs {
          for tap in 0..<taps { target[c * taps + tap] = source[tap * inputs + c] }
        }
      }
    }
    withExtendedLifetime(sums) {}
  }
}
