import Parallelism

/// Elementwise arithmetic. Different shapes are broadcast: they are aligned at the last axis, and an
/// axis of extent 1, or a missing leading axis, is repeated to the other's extent.
extension Tensor {
  /// Adds element by element, broadcasting.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    unsafe combined(a, b) { unsafe $0.each { $0 + $1 } }
  }

  /// Subtracts element by element, broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    unsafe combined(a, b) { unsafe $0.each { $0 - $1 } }
  }

  /// Multiplies element by element, broadcasting; for matrix products see `matmul`.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    unsafe combined(a, b) { unsafe $0.each { $0 * $1 } }
  }

  /// Divides element by element, broadcasting.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    unsafe combined(a, b) { unsafe $0.each { $0 / $1 } }
  }

  /// Adds a number to every element.
  public static func + (a: Tensor, b: Float) -> Tensor {
    unsafe mapped(a) { unsafe $0.each { $0 + b } }
  }

  /// Adds a number to every element.
  public static func + (a: Float, b: Tensor) -> Tensor {
    unsafe mapped(b) { unsafe $0.each { a + $0 } }
  }

  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Float) -> Tensor {
    unsafe mapped(a) { unsafe $0.each { $0 - b } }
  }

  /// Subtracts every element from a number.
  public static func - (a: Float, b: Tensor) -> Tensor {
    unsafe mapped(b) { unsafe $0.each { a - $0 } }
  }

  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Float) -> Tensor {
    unsafe mapped(a) { unsafe $0.each { $0 * b } }
  }

  /// Multiplies every element by a number.
  public static func * (a: Float, b: Tensor) -> Tensor {
    unsafe mapped(b) { unsafe $0.each { a * $0 } }
  }

  /// Divides every element by a number.
  public static func / (a: Tensor, b: Float) -> Tensor {
    unsafe mapped(a) { unsafe $0.each { $0 / b } }
  }

  /// Divides a number by every element.
  public static func / (a: Float, b: Tensor) -> Tensor {
    unsafe mapped(b) { unsafe $0.each { a / $0 } }
  }

  /// Changes every element's sign.
  public static prefix func - (a: Tensor) -> Tensor { unsafe mapped(a) { unsafe $0.each { -$0 } } }

  /// Adds `b` in place, where nothing else shares the memory; `b` is broadcast to this shape.
  public static func += (a: inout Tensor, b: Tensor) {
    unsafe a.combine(b) { unsafe $0.each { $0 + $1 } }
  }

  /// Subtracts `b` in place; `b` is broadcast to this shape.
  public static func -= (a: inout Tensor, b: Tensor) {
    unsafe a.combine(b) { unsafe $0.each { $0 - $1 } }
  }

  /// Multiplies by `b` in place, element by element; `b` is broadcast to this shape.
  public static func *= (a: inout Tensor, b: Tensor) {
    unsafe a.combine(b) { unsafe $0.each { $0 * $1 } }
  }

  /// Divides by `b` in place, element by element; `b` is broadcast to this shape.
  public static func /= (a: inout Tensor, b: Tensor) {
    unsafe a.combine(b) { unsafe $0.each { $0 / $1 } }
  }

  /// Adds a number to every element in place.
  public static func += (a: inout Tensor, b: Float) {
    unsafe a.update { unsafe $0.each { $0 + b } }
  }

  /// Subtracts a number from every element in place.
  public static func -= (a: inout Tensor, b: Float) {
    unsafe a.update { unsafe $0.each { $0 - b } }
  }

  /// Multiplies every element by a number in place.
  public static func *= (a: inout Tensor, b: Float) {
    unsafe a.update { unsafe $0.each { $0 * b } }
  }

  /// Divides every element by a number in place.
  public static func /= (a: inout Tensor, b: Float) {
    unsafe a.update { unsafe $0.each { $0 / b } }
  }

  /// Adds `factor·other` in place, without making a tensor of the product.
  public mutating func add(_ other: Tensor, times factor: Float) {
    unsafe combine(other) { unsafe $0.each { $0 + factor * $1 } }
  }
}

// A function of single elements that is passed to the loops below would be called millions of times
// through a pointer. So the loops pass long runs of elements to closures that are compiled together
// with the function and become vector loops.

extension Tensor {
  /// Lets `body` map runs of this tensor's elements to those of a new one, on several threads.
  static func mapped(_ a: Tensor, grain: Int = LoopNest.grain, _ body: (Run) -> Void) -> Tensor {
    let count = a.count
    return unsafe Tensor(uninitialized: a.shape) { result in
      unsafe a.withElements { a in
        Parallel.forRanges(count, grain: grain) { range in
          let start = range.lowerBound
          unsafe body(Run(from: a + start, to: result + start, count: range.count))
        }
      }
    }
  }

  /// Lets `body` change runs of this tensor's elements in place, on several threads.
  private mutating func update(_ body: (Run) -> Void) {
    let count = count
    unsafe withMutableElements { elements in
      Parallel.forRanges(count, grain: LoopNest.grain) { range in
        let start = unsafe elements + range.lowerBound
        unsafe body(Run(from: start, to: start, count: range.count))
      }
    }
  }

  /// Lets `body` combine runs of elements of `a` and `b`, broadcast, on several threads.
  private static func combined(_ a: Tensor, _ b: Tensor, _ body: (PairedRun) -> Void) -> Tensor {
    let shape = a.shape == b.shape ? a.shape : LoopNest.broadcastShape(a.shape, b.shape)
    return unsafe Tensor(uninitialized: shape) { result in
      unsafe a.withElements { unsafe forEachPairedRun($0, a.shape, b, shape, into: result, body) }
    }
  }

  /// Lets `body` combine runs of this tensor's elements and those of `b`, broadcast, in place.
  private mutating func combine(_ b: Tensor, _ body: (PairedRun) -> Void) {
    let shape = shape
    guard b.shape == shape || LoopNest.broadcastShape(shape, b.shape) == shape else {
      fatalError("cannot combine a tensor of shape \(b.shape) into one of \(shape)")
    }
    unsafe withMutableElements { unsafe Self.forEachPairedRun($0, shape, b, shape, into: $0, body) }
  }

  private static func forEachPairedRun(
    _ a: UnsafePointer<Float>, _ shapeA: Shape, _ b: Tensor, _ shape: Shape,
    into result: UnsafeMutablePointer<Float>, _ body: (PairedRun) -> Void
  ) {
    let shapeB = b.shape
    unsafe b.withElements { b in
      if shapeA == shapeB {
        return Parallel.forRanges(shape.elementCount, grain: LoopNest.grain) { range in
          let start = range.lowerBound
          unsafe body(PairedRun(a + start, 1, b + start, 1, to: result + start, count: range.count))
        }
      }
      let loops = LoopNest(broadcasting: shapeA, shapeB)
      let (stepA, stepB) = loops.innermostStrides
      loops.forEachRun { at, i, j, count in
        unsafe body(PairedRun(a + i, stepA, b + j, stepB, to: result + at, count: count))
      }
    }
  }
}

/// A run of elements and the destination of their results.
@unsafe struct Run {
  let from: UnsafePointer<Float>
  let to: UnsafeMutablePointer<Float>
  let count: Int
}

extension Run {
  /// Applies `function` to every element.
  @inline(__always)
  fileprivate func each(_ function: (Float) -> Float) {
    for i in unsafe 0..<count { unsafe to[i] = unsafe function(from[i]) }
  }
}

/// Two runs of elements, either of which may repeat one element, and the destination of their
/// results.
@unsafe private struct PairedRun {
  let a: UnsafePointer<Float>
  let b: UnsafePointer<Float>
  let to: UnsafeMutablePointer<Float>
  let count: Int
  let isRepeatedA: Bool
  let isRepeatedB: Bool

  init(
    _ a: UnsafePointer<Float>, _ stepA: Int, _ b: UnsafePointer<Float>, _ stepB: Int,
    to: UnsafeMutablePointer<Float>, count: Int
  ) {
    unsafe (self.a, self.b, self.to, self.count) = unsafe (a, b, to, count)
    unsafe (isRepeatedA, isRepeatedB) = (stepA == 0, stepB == 0)
  }

  /// Applies `function` to every pair.
  @inline(__always)
  func each(_ function: (Float, Float) -> Float) {
    if unsafe isRepeatedB {
      let right = unsafe b[0]
      for i in unsafe 0..<count { unsafe to[i] = unsafe function(a[i], right) }
    } else if unsafe isRepeatedA {
      let left = unsafe a[0]
      for i in unsafe 0..<count { unsafe to[i] = unsafe function(left, b[i]) }
    } else {
      for i in unsafe 0..<count { unsafe to[i] = unsafe function(a[i], b[i]) }
    }
  }
}
