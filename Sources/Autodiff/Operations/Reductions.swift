import Tensors

extension Variable {
  /// The sum of all elements, shape `[]`.
  public func sum() -> Variable {
    let shape = shape
    return tape.record(
      Tensor(Float(value.sum())), [receives { dy in Tensor(repeating: dy.scalar, shape: shape) }])
  }

  /// The mean of all elements, shape `[]`.
  public func mean() -> Variable {
    let (shape, count) = (shape, Float(value.count))
    return tape.record(
      Tensor(Float(value.mean())),
      [receives { dy in Tensor(repeating: dy.scalar / count, shape: shape) }])
  }

  /// Sums over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Variable {
    let (shape, narrow) = (shape, shapeKeeping(axes))
    return tape.record(
      value.sum(axes: axes, keepingAxes: keepingAxes),
      [receives { dy in dy.reshaped(narrow).broadcast(to: shape) }])
  }

  /// Averages over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func mean(axes: [Int], keepingAxes: Bool = false) -> Variable {
    let (shape, narrow) = (shape, shapeKeeping(axes))
    let averaged = Float(shape.elementCount / narrow.elementCount)
    return tape.record(
      value.mean(axes: axes, keepingAxes: keepingAxes),
      [receives { dy in (dy / averaged).reshaped(narrow).broadcast(to: shape) }])
  }

  /// This shape with extent 1 along `axes`.
  private func shapeKeeping(_ axes: [Int]) -> Shape {
    let gone = axes.map { $0 < 0 ? $0 + shape.count : $0 }
    return shape.indices.map { gone.contains($0) ? 1 : shape[$0] }
  }
}

/// Takes the softmax of every row of the last axis: `y = exp(x)/Σ exp(x)`, with the pullback
/// `dx = y·(dy - Σ dy·y)`.
public func softmax(_ x: Variable) -> Variable {
  let y = softmax(x.value)
  return x.tape.record(
    y, [x.receives { dy in y * (dy - (dy * y).sum(axes: [-1], keepingAxes: true)) }])
}

/// Takes the logarithm of the softmax of every row of the last axis: `y = x - log Σ exp(x)`, with
/// the pullback `dx = dy - exp(y)·Σ dy`.
public func logSoftmax(_ x: Variable) -> Variable {
  let y = logSoftmax(x.value)
  return x.tape.record(
    y, [x.receives { dy in dy - exp(y) * dy.sum(axes: [-1], keepingAxes: true) }])
}

/// Takes `log Σ exp(x)` of every row of the last axis, which vanishes; its derivative is the
/// softmax.
public func logSumExp(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(
    logSumExp(input), [x.receives { dy in softmax(input) * dy.reshaped(dy.shape + [1]) }])
}
