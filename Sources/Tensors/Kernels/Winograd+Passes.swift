import Parallelism
import SIMDMath

extension Winograd {
  /// The images of a block: as many as make about `tiles` tiles, cut evenly.
  private func imagesPerBlock(tiles: Int, atLeastBlocks: Int) -> Int {
    let most = max(1, tiles / tilesPerImage)
    let blocks = max(atLeastBlocks, (batch + most - 1) / most)
    return max(1, (batch + blocks - 1) / blocks)
  }

  /// All strips of `images`.
  private func strips(_ images: Range<Int>) -> Range<Int> {
    images.lowerBound * tilesDown..<images.upperBound * tilesDown
  }

  /// The strips of a block of the forward pass: their transformed tiles, with a panel of the
  /// product, fit in a core's second-level cache, unless too few tiles would share each filter.
  private var stripsPerBlock: Int {
    let cached = 380_000 / (positions * (inputs + panelWidth))
    let tiles = min(96, max(36, cached / Gemm.tileRows * Gemm.tileRows))
    let most = max(1, tiles / tilesAcross)
    let all = batch * tilesDown
    let threads = Parallel.threadCount
    let blocks = ((all + most - 1) / most + threads - 1) / threads * threads
    return max(1, (all + blocks - 1) / blocks)
  }

  /// Computes the convolution.
  ///
  /// With many tiles, each thread takes a block of strips through all three phases, the second and
  /// third for one panel of outputs after the other, so that what is transformed stays in its cache.
  /// With few tiles the filters are most of what is read: each thread takes panels of its own.
  func forward(
    _ x: UnsafePointer<Float>, filters: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    into y: UnsafeMutablePointer<Float>
  ) {
    let all = batch * tilesDown, tiles = all * tilesAcross
    let panels = (outputs + panelWidth - 1) / panelWidth
    if tiles > 96 || panels < Parallel.threadCount {
      Parallel.forRanges(all, grain: stripsPerBlock) { strips in
        let tiles = strips.count * tilesAcross
        let step = stride(tiles: tiles, channels: inputs)
        let v = Storage(count: positions * step)
        defer { withExtendedLifetime(v) {} }
        unsafe transform(x, strips: strips, first: strips.lowerBound, into: v.pointer, stride: step)
        for panel in 0..<panels {
          unsafe product(v.pointer, step, strips, panel, filters, epilogue, y)
        }
      }
    } else {
      let step = stride(tiles: tiles, channels: inputs)
      let v = Storage(count: positions * step)
      defer { withExtendedLifetime(v) {} }
      Parallel.forRanges(all, grain: max(1, all / 8)) { strips in
        unsafe transform(x, strips: strips, first: 0, into: v.pointer, stride: step)
      }
      Parallel.forEach(panels) { panel in
        unsafe product(v.pointer, step, 0..<all, panel, filters, epilogue, y)
      }
    }
  }

  private func transform(
    _ x: UnsafePointer<Float>, strips: Range<Int>, first: Int,
    into v: UnsafeMutablePointer<Float>, stride: Int
  ) {
    if tile == 2 {
      unsafe transformSmallInput(x, strips: strips, first: first, into: v, stride: stride)
    } else {
      unsafe transformInput(x, strips: strips, first: first, into: v, stride: stride)
    }
  }

  // The products of all positions for one panel of outputs, and the outputs.
  private func product(
    _ v: UnsafePointer<Float>, _ vStride: Int, _ strips: Range<Int>, _ panel: Int,
    _ filters: UnsafePointer<Float>, _ epilogue: ConvolutionEpilogue,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let perPosition = filterStride(transposed: false)
    let width = panelWidth, column = panel * panelWidth
    let tiles = strips.count * tilesAcross
    let mStride = stride(tiles: tiles, channels: width)
    let m = Storage(count: positions * mStride)
    defer { withExtendedLifetime(m) {} }
    for position in 0..<positions {
      unsafe Gemm.multiply(
        rows: tiles, columns: width, depth: inputs, v + position * vStride, aRow: inputs,
        aDepth: 1, panels: filters + position * perPosition + column * inputs,
        into: m.pointer + position * mStride, cRow: width, accumulate: false)
    }
    let channels = column..<min(outputs, column + width)
    if tile == 2 {
      unsafe writeSmallOutput(
        m.pointer, stride: mStride, row: width, channels: channels, strips: strips,
        epilogue: epilogue, to: y)
    } else {
      unsafe writeOutput(
        m.pointer, stride: mStride, row: width, channels: channels, strips: strips,
        epilogue: epilogue, to: y)
    }
  }

  /// Computes the gradients of the input (if `dx` is given) and of the filters (if `dw` is given).
  ///
  /// - Parameter filters: the transposed transformed filters; needed with `dx` only.
  func backward(
    _ x: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>, filters: UnsafePointer<Float>?,
    dx: UnsafeMutablePointer<Float>?, dw: UnsafeMutablePointer<Float>?
  ) {
    if inputs * outputs <= 64 * 64 {
      unsafe backwardByImages(x, dy, filters: filters, dx: dx, dw: dw)
    } else {
      unsafe backwardByPositions(x, dy, filters: filters, dx: dx, dw: dw)
    }
  }

  // Few channels, many tiles: blocks of images stay in a core's cache from the first transform to
  // the last. Gradients of the filters are summed in a fixed number of parts.
  private func backwardByImages(
    _ x: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>, filters: UnsafePointer<Float>?,
    dx: UnsafeMutablePointer<Float>?, dw: UnsafeMutablePointer<Float>?
  ) {
    let size = imagesPerBlock(tiles: 48, atLeastBlocks: 2)
    let parts = min(8, (batch + size - 1) / size)
    let imagesPerPart = (batch + parts - 1) / parts
    let sums = unsafe (0..<(dw == nil ? 0 : parts)).map { _ in
      Storage(count: positions * gradientStride)
    }
    defer { withExtendedLifetime(sums) {} }
    Parallel.forEach(parts) { part in
      let end = min(batch, (part + 1) * imagesPerPart)
      var isFirst = true
      for start in Swift.stride(from: part * imagesPerPart, to: end, by: size) {
        let images = start..<min(end, start + size)
        let first = start * tilesDown
        let tiles = images.count * tilesPerImage
        let vStride = stride(tiles: tiles, channels: inputs)
        let mStride = stride(tiles: tiles, channels: paddedOutputs)
        let v = Storage(count: positions * vStride)
        defer { withExtendedLifetime(v) {} }
        let m = Storage(count: positions * mStride)
        defer { withExtendedLifetime(m) {} }
        if let x = unsafe x, unsafe dw != nil {
          unsafe transformInput(
            x, strips: strips(images), first: first, into: v.pointer, stride: vStride)
        }
        unsafe transformOutputGradient(
          dy, strips: strips(images), first: first, into: m.pointer, stride: mStride, tiles: tiles)
        unsafe products(
          0..<positions, tiles: tiles, v.pointer, vStride, m.pointer, mStride, filters,
          filterSums: dw == nil ? nil : sums[part].pointer, accumulate: !isFirst,
          wantsInput: dx != nil)
        if let dx = unsafe dx {
          unsafe writeInputGradient(
            v.pointer, stride: vStride, strips: strips(images), first: first, to: dx)
        }
        isFirst = false
      }
    }
    guard let dw = unsafe dw else { return }
    let filled = sums.indices.filter { $0 * imagesPerPart < batch }
    unsafe LinearKernels.add(
      filled.map { unsafe UnsafePointer(sums[$0].pointer) }, count: positions * gradientStride,
      into: unsafe sums[0].pointer)
    unsafe filterGradients(sums[0].pointer, into: dw)
  }

  // Many channels: the 36 positions are shared out over the threads, so that the transformed
  // filters pass through the caches once and their gradients are summed in one place.
  private func backwardByPositions(
    _ x: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>, filters: UnsafePointer<Float>?,
    dx: UnsafeMutablePointer<Float>?, dw: UnsafeMutablePointer<Float>?
  ) {
    // About 8 MiB of transformed tiles at a time, but enough of them for a pass over the gradients
    // of the filters, which no cache of a core holds.
    let tilesAtOnce = max(160, (1 << 21) / (positions * (inputs + outputs)))
    let size = imagesPerBlock(tiles: tilesAtOnce, atLeastBlocks: 1)
    let sums = unsafe dw == nil ? nil : Storage(count: positions * gradientStride)
    defer { withExtendedLifetime(sums) {} }
    let most = size * tilesPerImage
    let vStride = stride(tiles: most, channels: inputs)
    let mStride = stride(tiles: most, channels: paddedOutputs)
    let v = Storage(count: positions * vStride)
    defer { withExtendedLifetime(v) {} }
    let m = Storage(count: positions * mStride)
    defer { withExtendedLifetime(m) {} }
    for start in Swift.stride(from: 0, to: batch, by: size) {
      let end = min(batch, start + size)
      let first = start * tilesDown, tiles = (end - start) * tilesPerImage
      let grain = max(1, (end - start + 7) / 8)
      Parallel.forRanges(end - start, grain: grain) { range in
        let images = start + range.lowerBound..<start + range.upperBound
        if let x = unsafe x, unsafe dw != nil {
          unsafe transformInput(
            x, strips: strips(images), first: first, into: v.pointer, stride: vStride)
        }
        unsafe transformOutputGradient(
          dy, strips: strips(images), first: first, into: m.pointer, stride: mStride, tiles: tiles)
      }
      Parallel.forEach(positions) { position in
        unsafe products(
          position..<position + 1, tiles: tiles, v.pointer, vStride,
          m.pointer, mStride, filters, filterSums: sums?.pointer, accumulate: start > 0,
          wantsInput: dx != nil)
      }
      if let dx = unsafe dx {
        Parallel.forRanges(end - start, grain: grain) { range in
          let images = start + range.lowerBound..<start + range.upperBound
          unsafe writeInputGradient(
            v.pointer, stride: vStride, strips: strips(images), first: first, to: dx)
        }
      }
    }
    if let dw = unsafe dw, let sums { unsafe filterGradients(sums.pointer, into: dw) }
  }

  // The matrix products of some positions: dU += Vᵀ dM, then dV = dM Uᵀ in V's place.
  private func products(
    _ range: Range<Int>, tiles: Int, _ v: UnsafeMutablePointer<Float>, _ vStride: Int,
    _ m: UnsafeMutablePointer<Float>, _ mStride: Int, _ filters: UnsafePointer<Float>?,
    filterSums: UnsafeMutablePointer<Float>?, accumulate: Bool, wantsInput: Bool
  ) {
    let perPosition = filterStride(transposed: true)
    let width = panelWidth
    for position in range {
      let gradients = unsafe m + position * mStride
      if let filterSums = unsafe filterSums {
        unsafe Gemm.multiply(
          rows: inputs, columns: outputs, depth: tiles, v + position * vStride, aRow: 1,
          aDepth: inputs, panels: gradients, into: filterSums + position * gradientStride,
          cRow: outputs, accumulate: accumulate)
      }
      if wantsInput, let filters = unsafe filters {
        unsafe Gemm.multiply(
          rows: StridedLoops(inner: tiles, stride: width),
          depth: StridedLoops(
            inner: width, stride: 1, middle: paddedOutputs / width, middleStride: tiles * width),
          gradients, Gemm.Panels(packed: filters + position * perPosition, depth: paddedOutputs),
          columns: inputs, into: v + position * vStride,
          cRows: StridedLoops(inner: tiles, stride: inputs), accumulate: false)
      }
    }
  }
}
