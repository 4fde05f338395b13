/// Arithmetic element by element. Shapes that differ are broadcast: aligned at the last axis, an
/// axis of extent 1, or one that is missing in front, is repeated to the other's extent.
extension Tensor {
  /// Adds element by element, broadcasting.
  public static func + (a: Tensor, b: Tensor) -> Tensor { combined(a, b) { $0 + $1 } }

  /// Subtracts element by element, broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor { combined(a, b) { $0 - $1 } }

  /// Multiplies element by element, broadcasting; for matrix products see `matmul`.
  public static func * (a: Tensor, b: Tensor) -> Tensor { combined(a, b) { $0 * $1 } }

  /// Divides element by element, broadcasting.
  public static func / (a: Tensor, b: Tensor) -> Tensor { combined(a, b) { $0 / $1 } }

  /// Adds a number to every element.
  public static func + (a: Tensor, b: Float) -> Tensor { mapped(a) { $0 + b } }

  /// Adds a number to every element.
  public static func + (a: Float, b: Tensor) -> Tensor { mapped(b) { a + $0 } }

  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Float) -> Tensor { mapped(a) { $0 - b } }

  /// Subtracts every element from a number.
  public static func - (a: Float, b: Tensor) -> Tensor { mapped(b) { a - $0 } }

  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Float) -> Tensor { mapped(a) { $0 * b } }

  /// Multiplies every element by a number.
  public static func * (a: Float, b: Tensor) -> Tensor { mapped(b) { a * $0 } }

  /// Divides every element by a number.
  public static func / (a: Tensor, b: Float) -> Tensor { mapped(a) { $0 / b } }

  /// Divides a number by every element.
  public static func / (a: Float, b: Tensor) -> Tensor { mapped(b) { a / $0 } }

  /// Changes every element's sign.
  public static prefix func - (a: Tensor) -> Tensor { mapped(a) { -$0 } }

  /// Adds `b` in place, where nothing else shares the memory; `b` is broadcast to this shape.
  public static func += (a: inout Tensor, b: Tensor) { a.combine(b) { $0 + $1 } }

  /// Subtracts `b` in place; `b` is broadcast to this shape.
  public static func -= (a: inout Tensor, b: Tensor) { a.combine(b) { $0 - $1 } }

  /// Multiplies by `b` in place, element by element; `b` is broadcast to this shape.
  public static func *= (a: inout Tensor, b: Tensor) { a.combine(b) { $0 * $1 } }

  /// Divides by `b` in place, element by element; `b` is broadcast to this shape.
  public static func /= (a: inout Tensor, b: Tensor) { a.combine(b) { $0 / $1 } }

  /// Adds a number to every element in place.
  public static func += (a: inout Tensor, b: Float) { a.update { $0 + b } }

  /// Subtracts a number from every element in place.
  public static func -= (a: inout Tensor, b: Float) { a.update { $0 - b } }

  /// Multiplies every element by a number in place.
  public static func *= (a: inout Tensor, b: Float) { a.update { $0 * b } }

  /// Divides every element by a number in place.
  public static func /= (a: inout Tensor, b: Float) { a.update { $0 / b } }

  /// Adds `factor·other` in place, without making a tensor of the product.
  public mutating func add(_ other: Tensor, times factor: Float) {
    combine(other) { $0 + factor * $1 }
  }

  /// Applies `function` to every element of `a`, on several threads.
  @inline(__always)
  private static func mapped(_ a: Tensor, _ function: (Float) -> Float) -> Tensor {
    let count = a.count
    return Tensor(uninitialized: a.shape) { result in
      a.withElements { a in
        Parallel.forRanges(count, grain: NestedLoops.grain) { range in
          for i in range { result[i] = function(a[i]) }
        }
      }
    }
  }

  /// Applies `function` to every element in place, on several threads.
  @inline(__always)
  private mutating func update(_ function: (Float) -> Float) {
    let count = count
    withMutableElements { elements in
      Parallel.forRanges(count, grain: NestedLoops.grain) { range in
        for i in range { elements[i] = function(elements[i]) }
      }
    }
  }

  /// Applies `function` to the pairs of elements of `a` and `b`, broadcast, on several threads.
  @inline(__always)
  private static func combined(
    _ a: Tensor, _ b: Tensor, _ function: (Float, Float) -> Float
  ) -> Tensor {
    let loops = NestedLoops(broadcasting: a.shape, b.shape)
    let (stepA, stepB) = loops.innermostSteps
    return Tensor(uninitialized: loops.shape) { result in
      a.withElements { a in
        b.withElements { b in
          loops.forEachRun { at, i, j, count in
            if stepA == 1, stepB == 1 {
              for k in 0..<count { result[at + k] = function(a[i + k], b[j + k]) }
            } else if stepB == 1 {
              let left = a[i]
              for k in 0..<count { result[at + k] = function(left, b[j + k]) }
            } else {
              let right = b[j]
              for k in 0..<count { result[at + k] = function(a[i + k], right) }
            }
          }
        }
      }
    }
  }

  /// Applies `function` to this tensor's elements and those of `b`, broadcast, in place.
  @inline(__always)
  private mutating func combine(_ b: Tensor, _ function: (Float, Float) -> Float) {
    let loops = NestedLoops(broadcasting: shape, b.shape)
    guard loops.shape == shape else {
      fatalError("cannot combine a tensor of shape \(b.shape) into one of \(shape)")
    }
    let (_, stepB) = loops.innermostSteps
    withMutableElements { a in
      b.withElements { b in
        loops.forEachRun { at, _, j, count in
          if stepB == 1 {
            for k in 0..<count { a[at + k] = function(a[at + k], b[j + k]) }
          } else {
            let right = b[j]
            for k in 0..<count { a[at + k] = function(a[at + k], right) }
          }
        }
      }
    }
  }
}
