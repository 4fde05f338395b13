import Parallelism
import SIMDMath

extension DirectConvolution {
  // MARK: - Gradient of the input

  /// Input pixels whose row and column leave a certain remainder: with a stride s there are s² such
  /// phases, each uses its own taps, and the gradient on each is a convolution of stride 1 of the
  /// output's gradient with those taps in reverse order.
  struct Phase {
    /// One axis of a phase.
    struct Axis {
      /// The first input pixel, and how many there are, `stride` apart.
      let first: Int, count: Int
      /// The phase's first tap, and how many there are, `stride` apart.
      let tap: Int, taps: Int
      /// The first output pixel that the first input pixel meets; it may lie before the image.
      let start: Int

      init(_ phase: Int, extent: Int, padding: Int, stride: Int, kernel: Int) {
        first = phase
        count = phase < extent ? (extent - phase - 1) / stride + 1 : 0
        tap = (phase + padding) % stride
        taps = tap < kernel ? (kernel - tap - 1) / stride + 1 : 0
        start = (phase + padding - tap) / stride - (taps - 1)
      }

      /// The output pixels that are met.
      var reach: Range<Int> { start..<start + count + taps - 1 }
      var isEmpty: Bool { count == 0 || taps == 0 }
    }

    let vertical: Axis, horizontal: Axis
    var taps: Int { vertical.taps * horizontal.taps }
  }

  /// All phases.
  var phases: [Phase] {
    let (stride, kernel) = (geometry.stride, geometry.kernel)
    return (0..<stride).flatMap { row in
      (0..<stride).map { column in
        Phase(
          vertical: .init(
            row, extent: height, padding: geometry.top, stride: stride, kernel: kernel),
          horizontal: .init(
            column, extent: width, padding: geometry.left, stride: stride, kernel: kernel))
      }
    }
  }

  /// Whether the input's few channels are computed with lanes along the depth.
  var hasNarrowInput: Bool { Gemm.isNarrow(columns: inputs, inner: outputs) }

  private func transposedElements(_ phase: Phase) -> Int {
    let depth = phase.taps * outputs
    return hasNarrowInput ? inputs * depth : Gemm.panelElements(depth: depth, columns: inputs)
  }

  /// The elements that `packTransposedFilters` writes.
  var transposedFilterElements: Int { phases.reduce(0) { $0 + transposedElements($1) } }

  /// Packs filters for the gradient of the input: for every phase the matrix [taps · out, in], taps
  /// in reverse order.
  func packTransposedFilters(
    _ weight: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>
  ) {
    let phases = phases
    let stride = geometry.stride
    let starts = phases.indices.map { phases[..<$0].reduce(0) { $0 + transposedElements($1) } }
    Parallel.forEach(phases.reduce(0) { $0 + $1.taps }) { number in
      var (index, rest) = (0, number)
      while rest >= phases[index].taps {
        rest -= phases[index].taps
        index += 1
      }
      let (vertical, horizontal) = (phases[index].vertical, phases[index].horizontal)
      let row = vertical.tap + (vertical.taps - 1 - rest / horizontal.taps) * stride
      let column = horizontal.tap + (horizontal.taps - 1 - rest % horizontal.taps) * stride
      unsafe packTap(
        weight + row * kernel + column, depth: phases[index].taps * outputs, at: rest * outputs,
        into: packed + starts[index])
    }
  }

  // Packs the filters' elements of one tap into the rows from `at` of a matrix [depth, in].
  private func packTap(
    _ weight: UnsafePointer<Float>, depth: Int, at: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let (inputs, outputs, taps) = (inputs, outputs, taps)
    if hasNarrowInput {
      for c in 0..<inputs {
        let target = unsafe packed + c * depth + at
        for o in 0..<outputs { unsafe target[o] = unsafe weight[(o * inputs + c) * taps] }
      }
      return
    }
    let width = panelWidth
    for first in Swift.stride(from: 0, to: inputs, by: width) {
      let panel = unsafe packed + first * depth + at * width
      let filled = min(width, inputs - first)
      for o in 0..<outputs {
        let source = unsafe weight + (o * inputs + first) * taps, target = unsafe panel + o * width
        for j in 0..<filled { unsafe target[j] = unsafe source[j * taps] }
        for j in filled..<width { unsafe target[j] = 0 }
      }
    }
  }

  /// Computes the gradient of the input from transposed filters.
  func inputGradient(
    _ dy: UnsafePointer<Float>, filters: UnsafePointer<Float>,
    into dx: UnsafeMutablePointer<Float>
  ) {
    let phases = phases
    let used = phases.filter { !$0.vertical.isEmpty && !$0.horizontal.isEmpty }
    let rows = Self.reach(used.map(\.vertical.reach), outputHeight)
    let columns = Self.reach(used.map(\.horizontal.reach), outputWidth)
    let size = max(1, min(batch, 192 / max(1, outputHeight * outputWidth)))
    Parallel.forRanges(batch, grain: size) { images in
      if used.count < phases.count {
        unsafe (dx + images.lowerBound * height * width * inputs).update(
          repeating: 0, count: images.count * height * width * inputs)
      }
      let part = unsafe Self.padded(
        dy, height: outputHeight, width: outputWidth, channels: outputs, images: images,
        rows: 0..<rows.count, top: -rows.lowerBound, left: -columns.lowerBound,
        paddedWidth: columns.count)
      defer { withExtendedLifetime(part.storage) {} }
      var start = unsafe filters
      for phase in phases {
        if !phase.vertical.isEmpty && !phase.horizontal.isEmpty {
          let corner =
            (phase.vertical.start - rows.lowerBound) * part.row
            + (phase.horizontal.start - columns.lowerBound) * outputs
          unsafe inputGradient(phase, part, corner, filters: start, images, dx)
        }
        unsafe start += transposedElements(phase)
      }
      withExtendedLifetime(part.storage) {}
    }
  }

  // All rows or columns of the image, and those outside that a phase meets.
  private static func reach(_ ranges: [Range<Int>], _ extent: Int) -> Range<Int> {
    let low = ranges.map(\.lowerBound).min() ?? 0, high = ranges.map(\.upperBound).max() ?? 0
    return min(0, low)..<max(extent, high)
  }

  private func inputGradient(
    _ phase: Phase, _ dy: Padded, _ corner: Int, filters: UnsafePointer<Float>,
    _ images: Range<Int>, _ dx: UnsafeMutablePointer<Float>
  ) {
    let (vertical, horizontal) = (phase.vertical, phase.horizontal)
    let stride = geometry.stride
    let from = StridedLoops(
      inner: horizontal.count, stride: outputs, middle: vertical.count, middleStride: dy.row,
      outer: images.count, outerStride: dy.image)
    let to = StridedLoops(
      inner: horizontal.count, stride: stride * inputs, middle: vertical.count,
      middleStride: stride * width * inputs, outer: images.count,
      outerStride: height * width * inputs)
    let depth = StridedLoops(
      inner: horizontal.taps * outputs, stride: 1, middle: vertical.taps, middleStride: dy.row)
    let target =
      unsafe dx + ((images.lowerBound * height + vertical.first) * width + horizontal.first)
      * inputs
    if hasNarrowInput {
      unsafe Gemm.multiplyNarrow(
        rows: from, depth: depth, dy.storage.pointer + corner, filters, columns: inputs,
        into: target, cRows: to, accumulate: false)
    } else {
      unsafe Gemm.multiply(
        rows: from, depth: depth, dy.storage.pointer + corner,
        Gemm.Panels(packed: filters, depth: depth.count), columns: inputs, into: target,
        cRows: to, accumulate: false)
    }
  }

  // MARK: - Gradient of the filters

  /// Computes the gradient of the filters, `[out, in, k, k]`.
  ///
  /// The sum over images is cut into a fixed number of parts, whatever the number of threads.
  func weightGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    into dw: UnsafeMutablePointer<Float>
  ) {
    let (taps, inputs, patch, outputs) = (taps, inputs, patch, outputs)
    let parts = min(outputs * patch > 1 << 18 ? 4 : 8, batch)
    let size = max(1, Gemm.depthBlock / max(1, outputHeight * outputWidth))
    // A product with few rows is quick, one with few columns is not.
    let hasFewOutputs = outputs <= 8
    let sums = (0..<parts).map { _ in Storage(count: outputs * patch) }
    defer { withExtendedLifetime(sums) {} }
    Parallel.forEach(parts) { part in
      let end = batch * (part + 1) / parts
      var isFirst = true
      for start in Swift.stride(from: batch * part / parts, to: end, by: size) {
        let images = start..<min(end, start + size)
        let input = unsafe padded(x, images: images, rows: 0..<outputHeight)
        defer { withExtendedLifetime(input.storage) {} }
        if hasFewOutputs {
          unsafe addRows(input, dy, images, to: sums[part].pointer, isFirst)
        } else {
          unsafe addPatches(input, dy, images, to: sums[part].pointer, isFirst)
        }
        withExtendedLifetime(input.storage) {}
        isFirst = false
      }
    }
    unsafe LinearKernels.add(
      sums.map { unsafe UnsafePointer($0.pointer) }, count: outputs * patch,
      into: unsafe sums[0].pointer)
    let total = unsafe UnsafePointer(sums[0].pointer)
    let (tapStep, outputStep) = hasFewOutputs ? (1, patch) : (outputs, 1)
    Parallel.forRanges(outputs, grain: 16) { range in
      for c in 0..<inputs {
        for o in range {
          let target = unsafe dw + (o * inputs + c) * taps, source = unsafe total + o * outputStep
          for tap in 0..<taps { unsafe target[tap] = unsafe source[(tap * inputs + c) * tapStep] }
        }
      }
    }
    withExtendedLifetime(sums) {}
  }

  // Adds patchesᵀ dy, the matrix [patch, out].
  private func addPatches(
    _ x: Padded, _ dy: UnsafePointer<Float>, _ images: Range<Int>,
    to sum: UnsafeMutablePointer<Float>, _ isFirst: Bool
  ) {
    let perImage = outputHeight * outputWidth
    let count = images.count * perImage
    let panels = Storage(count: Gemm.panelElements(depth: count, columns: outputs))
    defer { withExtendedLifetime(panels) {} }
    unsafe Gemm.pack(
      depth: count, columns: outputs, dy + images.lowerBound * perImage * outputs,
      rowStride: outputs, columnStride: 1, into: panels.pointer)
    let depth = StridedLoops(
      inner: outputWidth, stride: geometry.stride * inputs, middle: outputHeight,
      middleStride: geometry.stride * x.row, outer: images.count, outerStride: x.image)
    let line = kernel * inputs
    for row in 0..<kernel {
      unsafe Gemm.multiply(
        rows: StridedLoops(inner: line, stride: 1), depth: depth, x.storage.pointer + row * x.row,
        Gemm.Panels(packed: panels.pointer, depth: count), columns: outputs,
        into: sum + row * line * outputs, cRows: StridedLoops(inner: line, stride: outputs),
        accumulate: !isFirst)
    }
  }

  // Adds dyᵀ patches, the matrix [out, patch], with the patches read in place.
  private func addRows(
    _ x: Padded, _ dy: UnsafePointer<Float>, _ images: Range<Int>,
    to sum: UnsafeMutablePointer<Float>, _ isFirst: Bool
  ) {
    let line = kernel * inputs
    var adds = !isFirst
    for image in images {
      for y in 0..<outputHeight {
        let gradient = unsafe dy + (image * outputHeight + y) * outputWidth * outputs
        let pixels =
          unsafe x.storage.pointer + (image - images.lowerBound) * x.image + y * geometry.stride
          * x.row
        for row in 0..<kernel {
          unsafe Gemm.multiply(
            rows: StridedLoops(inner: outputs, stride: 1),
            depth: StridedLoops(inner: outputWidth, stride: outputs),
            gradient, Gemm.Panels(inPlace: pixels + row * x.row, row: geometry.stride * inputs),
            columns: line, into: sum + row * line,
            cRows: StridedLoops(inner: outputs, stride: patch),
            accumulate: adds)
        }
        adds = true
      }
    }
  }
}
