import Datasets
import Parallelism
import Tensors

extension LabeledImages {
  /// Images as numbers in -1…1, `[indices.count, channels, height, width]`.
  ///
  /// - Parameters:
  ///   - indices: which images.
  ///   - mirrored: which of them are mirrored left to right; none if `nil`.
  ///   - shifts: by how many rows and columns each is moved afterwards, down and to the right where
  ///     positive; pixels without a source are 0.
  public func tensor(
    _ indices: [Int], mirrored: [Bool]? = nil, shifts: [(rows: Int, columns: Int)]? = nil
  ) -> Tensor {
    let size = imageSize
    return unsafe Tensor(uninitialized: [indices.count, channels, height, width]) { result in
      unsafe pixels.withUnsafeBufferPointer { pixels in
        Parallel.forEach(indices.count) { entry in
          let source = unsafe UnsafeBufferPointer(
            rebasing: pixels[indices[entry] * size..<(indices[entry] + 1) * size])
          unsafe copy(
            source, to: result + entry * size, mirrored: mirrored?[entry] ?? false,
            shift: shifts?[entry] ?? (0, 0))
        }
      }
    }
  }

  /// All images as numbers in -1…1, `[count, channels, height, width]`.
  public var tensor: Tensor { tensor(Array(0..<count)) }

  private func copy(
    _ source: UnsafeBufferPointer<UInt8>, to result: UnsafeMutablePointer<Float>, mirrored: Bool,
    shift: (rows: Int, columns: Int)
  ) {
    let columns = max(0, shift.columns)..<max(0, shift.columns, min(width, width + shift.columns))
    for row in 0..<channels * height {
      let start = row * width
      let origin = row % height - shift.rows
      let isInside = (0..<height).contains(origin)
      if columns.count < width || !isInside {
        unsafe (result + start).update(repeating: 0, count: width)
      }
      guard isInside else { continue }
      let line = (row - shift.rows) * width
      for column in columns {
        let from = column - shift.columns
        let place = line + (mirrored ? width - 1 - from : from)
        unsafe result[start + column] = unsafe Self.value(of: source[place])
      }
    }
  }
}
