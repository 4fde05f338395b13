import Tensors

// An operand that was broadcast is used several times: its gradient is the sum over those uses,
// `summed(to:)`.

extension Variable {
  /// Adds element by element, broadcasting.
  public static func + (a: Variable, b: Variable) -> Variable {
    let (shapeA, shapeB) = (a.shape, b.shape)
    return a.tape.record(
      a.value + b.value,
      [
        a.receives { dy in dy.summed(to: shapeA) },
        b.receives { dy in dy.summed(to: shapeB) },
      ])
  }

  /// Subtracts element by element, broadcasting.
  public static func - (a: Variable, b: Variable) -> Variable {
    let (shapeA, shapeB) = (a.shape, b.shape)
    return a.tape.record(
      a.value - b.value,
      [
        a.receives { dy in dy.summed(to: shapeA) },
        b.receives { dy in -dy.summed(to: shapeB) },
      ])
  }

  /// Multiplies element by element, broadcasting; for matrix products see `matmul`.
  public static func * (a: Variable, b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    let (shapeA, shapeB) = (a.shape, b.shape)
    return a.tape.record(
      x * y,
      [
        a.receives { dy in (dy * y).summed(to: shapeA) },
        b.receives { dy in (dy * x).summed(to: shapeB) },
      ])
  }

  /// Divides element by element, broadcasting.
  public static func / (a: Variable, b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    let shapeA = a.shape
    return a.tape.record(
      x / y,
      [
        a.receives { dy in (dy / y).summed(to: shapeA) },
        b.receives { dy in -(dy * x / (y * y)).summed(to: y.shape) },
      ])
  }

  /// Changes every element's sign.
  public static prefix func - (a: Variable) -> Variable {
    a.tape.record(-a.value, [a.receives { dy in -dy }])
  }
}

// MARK: - With numbers

extension Variable {
  /// Adds a number to every element.
  public static func + (a: Variable, b: Float) -> Variable {
    a.tape.record(a.value + b, [a.receives { dy in dy }])
  }

  /// Adds a number to every element.
  public static func + (a: Float, b: Variable) -> Variable { b + a }

  /// Subtracts a number from every element.
  public static func - (a: Variable, b: Float) -> Variable { a + -b }

  /// Subtracts every element from a number.
  public static func - (a: Float, b: Variable) -> Variable {
    b.tape.record(a - b.value, [b.receives { dy in -dy }])
  }

  /// Multiplies every element by a number.
  public static func * (a: Variable, b: Float) -> Variable {
    a.tape.record(a.value * b, [a.receives { dy in dy * b }])
  }

  /// Multiplies every element by a number.
  public static func * (a: Float, b: Variable) -> Variable { b * a }

  /// Divides every element by a number.
  public static func / (a: Variable, b: Float) -> Variable {
    a.tape.record(a.value / b, [a.receives { dy in dy / b }])
  }

  /// Divides a number by every element.
  public static func / (a: Float, b: Variable) -> Variable {
    let x = b.value
    return b.tape.record(a / x, [b.receives { dy in dy * -a / (x * x) }])
  }
}

// MARK: - With tensors, which are constants

extension Variable {
  /// Adds a constant, broadcasting.
  public static func + (a: Variable, b: Tensor) -> Variable { a + a.tape.constant(b) }

  /// Adds to a constant, broadcasting.
  public static func + (a: Tensor, b: Variable) -> Variable { b.tape.constant(a) + b }

  /// Subtracts a constant, broadcasting.
  public static func - (a: Variable, b: Tensor) -> Variable { a - a.tape.constant(b) }

  /// Subtracts from a constant, broadcasting.
  public static func - (a: Tensor, b: Variable) -> Variable { b.tape.constant(a) - b }

  /// Multiplies by a constant, element by element, broadcasting.
  public static func * (a: Variable, b: Tensor) -> Variable { a * a.tape.constant(b) }

  /// Multiplies a constant, element by element, broadcasting.
  public static func * (a: Tensor, b: Variable) -> Variable { b.tape.constant(a) * b }

  /// Divides by a constant, element by element, broadcasting.
  public static func / (a: Variable, b: Tensor) -> Variable { a / a.tape.constant(b) }

  /// Divides a constant, element by element, broadcasting.
  public static func / (a: Tensor, b: Variable) -> Variable { b.tape.constant(a) / b }
}
