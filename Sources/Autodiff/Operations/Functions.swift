import Tensors

// Functions of each element: with y = f(x), the pullback is dx = dy·f′(x), written with y where
// that avoids a second evaluation.

/// Raises e to the power of every element.
public func exp(_ x: Variable) -> Variable {
  let y = exp(x.value)
  return x.tape.record(y, [x.receives { dy in dy * y }])
}

/// Takes every element's natural logarithm.
public func log(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(log(input), [x.receives { dy in dy / input }])
}

/// Takes every element's square root.
public func sqrt(_ x: Variable) -> Variable {
  let y = sqrt(x.value)
  return x.tape.record(y, [x.receives { dy in .combining(dy, y) { $0 / (2 * $1) } }])
}

/// Multiplies every element by itself.
public func square(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(square(input), [x.receives { dy in .combining(dy, input) { 2 * $0 * $1 } }])
}

/// Raises every element, which must be positive unless the exponent is whole, to a power.
public func pow(_ x: Variable, _ exponent: Float) -> Variable {
  let input = x.value
  return x.tape.record(
    pow(input, exponent), [x.receives { dy in dy * exponent * pow(input, exponent - 1) }])
}

/// Takes every element's absolute value; its derivative at zero is taken as zero.
public func abs(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(
    abs(input),
    [x.receives { dy in .combining(dy, input) { $1 > 0 ? $0 : $1 < 0 ? -$0 : 0 } }])
}

/// Takes every element's sine.
public func sin(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(sin(input), [x.receives { dy in dy * cos(input) }])
}

/// Takes every element's cosine.
public func cos(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(cos(input), [x.receives { dy in -dy * sin(input) }])
}

/// Takes every element's hyperbolic tangent: `y′ = 1 - y²`.
public func tanh(_ x: Variable) -> Variable {
  let y = tanh(x.value)
  return x.tape.record(y, [x.receives { dy in .combining(dy, y) { $0 * (1 - $1 * $1) } }])
}

/// Applies the logistic function, `1/(1 + exp(-x))`, to every element: `y′ = y·(1 - y)`.
public func sigmoid(_ x: Variable) -> Variable {
  let y = sigmoid(x.value)
  return x.tape.record(y, [x.receives { dy in .combining(dy, y) { $0 * $1 * (1 - $1) } }])
}

/// Applies SiLU, `x·sigmoid(x)`, to every element.
public func silu(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(
    Kernel.silu(input), [x.receives { dy in Kernel.siluGradient(dy, x: input) }])
}

/// Replaces negative elements by zero; the derivative at zero is taken as zero.
public func relu(_ x: Variable) -> Variable {
  let y = relu(x.value)
  return x.tape.record(y, [x.receives { dy in .combining(dy, y) { $1 > 0 ? $0 : 0 } }])
}

/// Applies `log(1 + exp(x))` to every element; its derivative is the logistic function.
public func softplus(_ x: Variable) -> Variable {
  let input = x.value
  return x.tape.record(softplus(input), [x.receives { dy in dy * sigmoid(input) }])
}

extension Variable {
  /// Clips every element to `range`; the gradient is zero where it was outside.
  public func clamped(to range: ClosedRange<Float>) -> Variable {
    let input = value
    return tape.record(
      input.clamped(to: range),
      [receives { dy in .combining(dy, input) { range.contains($1) ? $0 : 0 } }])
  }
}
