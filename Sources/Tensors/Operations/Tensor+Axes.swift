import Parallelism

/// Moving, joining and splitting axes. An axis may be negative: counted from the back.
extension Tensor {
  /// Permutes the axes: axis `k` of the result is axis `order[k]` of this tensor.
  public func transposed(_ order: [Int]) -> Tensor {
    let order = order.map { shape.axis($0) }
    guard Set(order).count == rank, order.count == rank else {
      fatalError("\(order) does not order the axes of shape \(shape)")
    }
    let strides = shape.strides
    let newShape = order.map { shape[$0] }
    let loops = LoopNest(newShape, first: order.map { strides[$0] }, second: newShape.strides)
    if loops.extents.count == 1 { return reshaped(newShape) }
    if let images = MatrixBatch(loops) { return images.transposed(self, newShape) }
    let stride = loops.innermostStrides.first
    return unsafe Tensor(uninitialized: newShape) { result in
      unsafe withElements { x in
        loops.forEachRun { at, from, _, count in
          if stride == 1 {
            unsafe (result + at).update(from: x + from, count: count)
          } else {
            for k in 0..<count { unsafe result[at + k] = unsafe x[from + k * stride] }
          }
        }
      }
    }
  }

  /// Exchanges the last two axes.
  public func transposed() -> Tensor {
    guard rank >= 2 else { fatalError("a tensor of shape \(shape) has no two axes to exchange") }
    return transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// Converts images `[batch, channels, height, width]` to `[batch, height, width, channels]`.
  public func channelsLast() -> Tensor { transposed([0, 2, 3, 1]) }

  /// Converts images `[batch, height, width, channels]` to `[batch, channels, height, width]`.
  public func channelsFirst() -> Tensor { transposed([0, 3, 1, 2]) }

  /// Broadcasts to `newShape`: repeats axes of extent 1 and missing leading axes.
  public func broadcast(to newShape: Shape) -> Tensor {
    let loops = LoopNest(broadcasting: shape, newShape)
    guard loops.shape == newShape else { fatalError("cannot broadcast \(shape) to \(newShape)") }
    let stride = loops.innermostStrides.first
    return unsafe Tensor(uninitialized: newShape) { result in
      unsafe withElements { x in
        loops.forEachRun { at, from, _, count in
          for k in 0..<count { unsafe result[at + k] = unsafe x[from + k * stride] }
        }
      }
    }
  }

  /// Joins tensors along an axis; the other extents must agree.
  public static func concatenated(_ parts: [Tensor], along axis: Int) -> Tensor {
    guard let first = parts.first else { fatalError("nothing to concatenate") }
    let axis = first.shape.axis(axis)
    var shape = first.shape
    shape[axis] = 0
    for part in parts {
      var others = part.shape
      shape[axis] += others[axis]
      others[axis] = first.shape[axis]
      guard others == first.shape else {
        fatalError("cannot join shapes \(first.shape) and \(part.shape) along axis \(axis)")
      }
    }
    let outer = shape[..<axis].reduce(1, *)
    let width = shape[axis...].reduce(1, *)
    let widths = parts.map { $0.shape[axis...].reduce(1, *) }
    return unsafe Tensor(uninitialized: shape) { result in
      withExtendedLifetime(parts) {
        let sources = unsafe parts.map { unsafe UnsafePointer($0.storage.pointer) }
        Parallel.forRanges(outer, grain: LoopNest.grain / (width + 1) + 1) { range in
          for i in range {
            var place = unsafe result + i * width
            for k in unsafe sources.indices {
              let (source, width) = unsafe (sources[k], widths[k])
              unsafe place.update(from: source + i * width, count: width)
              unsafe place += width
            }
          }
        }
      }
    }
  }

  /// The part of this tensor whose indices along `axis` are in `range`.
  public func slice(_ range: Range<Int>, along axis: Int = 0) -> Tensor {
    let axis = shape.axis(axis)
    guard range.lowerBound >= 0, range.upperBound <= shape[axis] else {
      fatalError("slice \(range) outside axis \(axis) of shape \(shape)")
    }
    var newShape = shape
    newShape[axis] = range.count
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let (length, stride) = (range.count * inner, shape[axis] * inner)
    return unsafe Tensor(uninitialized: newShape) { result in
      unsafe withElements { x in
        Parallel.forRanges(outer, grain: LoopNest.grain / (length + 1) + 1) { entries in
          for i in entries {
            unsafe (result + i * length).update(
              from: x + i * stride + range.lowerBound * inner, count: length)
          }
        }
      }
    }
  }

  /// Adds `part` to the elements whose indices along `axis` start at `start`: the adjoint of
  /// `slice`, in place.
  public mutating func add(_ part: Tensor, at start: Int, along axis: Int = 0) {
    let axis = shape.axis(axis)
    var expected = shape
    expected[axis] = part.rank == rank ? part.shape[axis] : -1
    guard part.shape == expected, start >= 0, start + part.shape[axis] <= shape[axis] else {
      fatalError("shape \(part.shape) does not fit at \(start) of axis \(axis) in \(shape)")
    }
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let (length, stride) = (part.shape[axis] * inner, shape[axis] * inner)
    unsafe withMutableElements { x in
      unsafe part.withElements { part in
        Parallel.forRanges(outer, grain: LoopNest.grain / (length + 1) + 1) { entries in
          for i in entries {
            let (from, to) = unsafe (part + i * length, x + i * stride + start * inner)
            for k in 0..<length { unsafe to[k] += from[k] }
          }
        }
      }
    }
  }

  /// Splits this tensor along an axis into pieces of the given extents, which must fill it.
  public func split(_ extents: [Int], along axis: Int) -> [Tensor] {
    guard extents.reduce(0, +) == shape[shape.axis(axis)] else {
      fatalError("pieces of \(extents) do not fill axis \(axis) of shape \(shape)")
    }
    var start = 0
    return extents.map { extent in
      defer { start += extent }
      return slice(start..<start + extent, along: axis)
    }
  }

  /// The entries of the first axis with the given indices, in their order; one may repeat.
  public func rows(_ indices: [Int]) -> Tensor {
    let width = shape.dropFirst().reduce(1, *)
    let extent = shape[0]
    return unsafe Tensor(uninitialized: [indices.count] + shape.dropFirst()) { result in
      unsafe withElements { x in
        for (place, index) in indices.enumerated() {
          guard index >= 0, index < extent else { fatalError("row \(index) of \(extent)") }
          unsafe (result + place * width).update(from: x + index * width, count: width)
        }
      }
    }
  }

  /// Adds row `k` of `rows` to entry `indices[k]` of the first axis: the adjoint of `rows(_:)`, in
  /// place.
  public mutating func add(_ rows: Tensor, toRows indices: [Int]) {
    let width = shape.dropFirst().reduce(1, *)
    let extent = shape[0]
    guard rows.count == indices.count * width else {
      fatalError("shape \(rows.shape) is not \(indices.count) rows of shape \(shape)")
    }
    unsafe withMutableElements { x in
      unsafe rows.withElements { rows in
        for (place, index) in indices.enumerated() {
          guard index >= 0, index < extent else { fatalError("row \(index) of \(extent)") }
          for k in 0..<width { unsafe x[index * width + k] += rows[place * width + k] }
        }
      }
    }
  }
}

/// A transposition that, after merging axes, exchanges the last two of `[batch, rows, columns]`.
private struct MatrixBatch {
  let batch, rows, columns: Int

  init?(_ loops: LoopNest) {
    let (extents, strides) = (loops.extents, loops.firstStrides)
    let last = extents.count - 1
    guard last >= 1, last <= 2, strides[last - 1] == 1, strides[last] == extents[last - 1],
      last == 1 || strides[0] == extents[1] * extents[2]
    else { return nil }
    batch = last == 2 ? extents[0] : 1
    rows = extents[last]
    columns = extents[last - 1]
  }

  /// Works in blocks of 32 by 32, which stay in the first-level cache while both sides are accessed.
  func transposed(_ x: Tensor, _ shape: Shape) -> Tensor {
    let block = 32
    let blockRows = (rows + block - 1) / block
    return unsafe Tensor(uninitialized: shape) { result in
      unsafe x.withElements { x in
        Parallel.forEach(batch * blockRows) { piece in
          let (source, target) = unsafe (
            x + piece / blockRows * rows * columns, result + piece / blockRows * rows * columns
          )
          let first = piece % blockRows * block
          for start in stride(from: 0, to: columns, by: block) {
            for column in start..<min(start + block, columns) {
              for row in first..<min(first + block, rows) {
                unsafe target[column * rows + row] = unsafe source[row * columns + column]
              }
            }
          }
        }
      }
    }
  }
}
