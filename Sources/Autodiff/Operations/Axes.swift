import Tensors

extension Variable {
  /// The same elements in the same order with another shape.
  public func reshaped(_ newShape: Shape) -> Variable {
    let oldShape = shape
    return tape.record(value.reshaped(newShape), [receives { dy in dy.reshaped(oldShape) }])
  }

  /// Permutes the axes: axis `k` of the result is axis `order[k]` of this variable.
  public func transposed(_ order: [Int]) -> Variable {
    let rank = value.rank
    var inverse = Array(0..<rank)
    for (place, axis) in order.enumerated() { inverse[axis < 0 ? axis + rank : axis] = place }
    return tape.record(value.transposed(order), [receives { dy in dy.transposed(inverse) }])
  }

  /// Exchanges the last two axes.
  public func transposed() -> Variable {
    tape.record(value.transposed(), [receives { dy in dy.transposed() }])
  }

  /// Converts images `[batch, channels, height, width]` to `[batch, height, width, channels]`.
  public func channelsLast() -> Variable {
    tape.record(value.channelsLast(), [receives { dy in dy.channelsFirst() }])
  }

  /// Converts images `[batch, height, width, channels]` to `[batch, channels, height, width]`.
  public func channelsFirst() -> Variable {
    tape.record(value.channelsFirst(), [receives { dy in dy.channelsLast() }])
  }

  /// Broadcasts to `newShape`: repeats axes of extent 1 and missing leading axes.
  public func broadcast(to newShape: Shape) -> Variable {
    let oldShape = shape
    return tape.record(value.broadcast(to: newShape), [receives { dy in dy.summed(to: oldShape) }])
  }

  /// The part of this variable whose indices along `axis` are in `range`.
  public func slice(_ range: Range<Int>, along axis: Int = 0) -> Variable {
    tape.record(
      value.slice(range, along: axis),
      [updates { dy, gradient in gradient.add(dy, at: range.lowerBound, along: axis) }])
  }

  /// Splits this variable along an axis into pieces of the given extents, which must fill it.
  public func split(_ extents: [Int], along axis: Int) -> [Variable] {
    guard extents.reduce(0, +) == shape[axis < 0 ? axis + shape.count : axis] else {
      fatalError("pieces of \(extents) do not fill axis \(axis) of shape \(shape)")
    }
    var start = 0
    return extents.map { extent in
      defer { start += extent }
      return slice(start..<start + extent, along: axis)
    }
  }

  /// Joins variables along an axis; the other extents must agree.
  public static func concatenated(_ parts: [Variable], along axis: Int) -> Variable {
    guard let tape = parts.first?.tape else { fatalError("nothing to concatenate") }
    var start = 0
    let receivers = parts.map { part in
      let extent = part.shape[axis < 0 ? axis + part.shape.count : axis]
      let range = start..<start + extent
      start += extent
      return part.receives { dy in dy.slice(range, along: axis) }
    }
    return tape.record(Tensor.concatenated(parts.map(\.value), along: axis), receivers)
  }
}

/// The entries of a table's first axis with the given indices: an embedding. Indices may
/// repeat; the gradients of all uses are summed.
///
/// - Parameter table: `[entries, …]`.
/// - Returns: `[indices.count, …]`.
public func rows(of table: Variable, indices: [Int]) -> Variable {
  table.tape.record(
    table.value.rows(indices),
    [table.updates { dy, gradient in gradient.add(dy, toRows: indices) }])
}
