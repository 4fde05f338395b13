import Tensors

/// Multiplies matrices: `[…, m, k]` by `[…, k, n]` gives `[…, m, n]`.
///
/// The axes in front must be equal, or one of the operands has none and serves all. With `C = A·B`,
/// `dA = dC·Bᵀ` and `dB = Aᵀ·dC`.
///
/// - Parameters:
///   - transposingA: reads the last two axes of `a` exchanged.
///   - transposingB: reads the last two axes of `b` exchanged.
public func matmul(
  _ a: Variable, _ b: Variable, transposingA: Bool = false, transposingB: Bool = false
) -> Variable {
  if b.shape.count == 2, a.shape.count > 2, !transposingA {
    // One tall product, whose pullback sums over the batch inside a product too.
    let (front, k) = (Shape(a.shape.dropLast()), a.shape.last!)
    let tall = matmul(a.reshaped([front.elementCount, k]), b, transposingB: transposingB)
    return tall.reshaped(front + [tall.shape[1]])
  }
  let (x, y) = (a.value, b.value)
  let (shapeA, shapeB) = (a.shape, b.shape)
  return a.tape.record(
    matmul(x, y, transposingA: transposingA, transposingB: transposingB),
    [
      a.receives { dy in
        let gradient =
          transposingA
          ? matmul(y, dy, transposingA: transposingB, transposingB: true)
          : matmul(dy, y, transposingB: !transposingB)
        return gradient.summed(to: shapeA)
      },
      b.receives { dy in
        let gradient =
          transposingB
          ? matmul(dy, x, transposingA: true, transposingB: transposingA)
          : matmul(x, dy, transposingA: !transposingA)
        return gradient.summed(to: shapeB)
      },
    ])
}

/// Applies a linear map to every row, and adds a bias and a residual in the same pass:
/// `y = x·weightᵀ + bias + residual`.
///
/// - Parameters:
///   - x: `[rows…, inputs]`, with any number of leading axes.
///   - weight: `[outputs, inputs]`.
///   - bias: `[outputs]`.
///   - residual: of the output's shape.
/// - Returns: `[rows…, outputs]`.
public func linear(
  _ x: Variable, _ weight: Variable, _ bias: Variable? = nil, residual: Variable? = nil
) -> Variable {
  guard weight.shape.count == 2, x.shape.last == weight.shape[1],
    bias == nil || bias!.shape == [weight.shape[0]],
    residual == nil || residual!.shape == x.shape.dropLast() + [weight.shape[0]]
  else {
    fatalError("a linear map of shape \(weight.shape) does not apply to shape \(x.shape)")
  }
  let (input, w) = (x.value, weight.value)
  return x.tape.record(
    Kernel.linear(input, weight: w, bias: bias?.value, residual: residual?.value),
    [
      x.receives { dy in Kernel.linearInputGradient(dy, weight: w) },
      weight.receives { dy in Kernel.linearWeightGradient(input, dy) },
      bias?.receives { dy in Kernel.biasGradient(dy) },
      residual?.receives { dy in dy },
    ])
}
