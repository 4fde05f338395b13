import Foundation

/// Raises e to the power of every element.
public func exp(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { Foundation.exp($0) } } }

/// Takes every element's natural logarithm.
public func log(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { Foundation.log($0) } } }

/// Takes every element's square root.
public func sqrt(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { $0.squareRoot() } } }

/// Multiplies every element by itself.
public func square(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { $0 * $0 } } }

/// Raises every element to a power.
public func pow(_ x: Tensor, _ exponent: Float) -> Tensor {
  unsafe runs(x) { unsafe $0.each { Foundation.pow($0, exponent) } }
}

/// Takes every element's absolute value.
public func abs(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { Swift.abs($0) } } }

/// Takes every element's sine.
public func sin(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { Foundation.sin($0) } } }

/// Takes every element's cosine.
public func cos(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { Foundation.cos($0) } } }

/// Takes every element's hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor {
  unsafe runs(x) { unsafe $0.each { Foundation.tanh($0) } }
}

/// Applies the logistic function, `1/(1 + exp(-x))`, to every element.
public func sigmoid(_ x: Tensor) -> Tensor {
  unsafe runs(x) { unsafe $0.each { 1 / (1 + Foundation.exp(-$0)) } }
}

/// Applies SiLU, `x·sigmoid(x)`, to every element.
public func silu(_ x: Tensor) -> Tensor { Kernel.silu(x) }

/// Replaces negative elements by zero.
public func relu(_ x: Tensor) -> Tensor { unsafe runs(x) { unsafe $0.each { max($0, 0) } } }

/// Applies `log(1 + exp(x))` to every element, without overflow and without loss far from zero.
public func softplus(_ x: Tensor) -> Tensor {
  unsafe runs(x) { unsafe $0.each { max($0, 0) + log1p(Foundation.exp(-Swift.abs($0))) } }
}

/// Lets `body` map runs of elements to those of a new tensor: shorter runs
/// than for arithmetic, since functions cost more.
private func runs(_ x: Tensor, _ body: (Run) -> Void) -> Tensor {
  unsafe .mapped(x, grain: 1 << 13, body)
}

extension Run {
  /// Applies `function` to every element; in every file anew, to be compiled into its callers.
  @inline(__always)
  fileprivate func each(_ function: (Float) -> Float) {
    for i in unsafe 0..<count { unsafe to[i] = unsafe function(from[i]) }
  }
}

extension Tensor {
  /// Clips every element to `range`.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    let (lowest, highest) = (range.lowerBound, range.upperBound)
    return unsafe runs(self) { unsafe $0.each { Swift.min(Swift.max($0, lowest), highest) } }
  }

  /// Applies `function` to every element, in order, on one thread.
  @inlinable
  public func map(_ function: (Float) throws -> Float) rethrows -> Tensor {
    let count = count
    return try unsafe Tensor(uninitialized: shape) { result in
      try unsafe withElements { elements in
        for i in 0..<count { unsafe result[i] = try unsafe function(elements[i]) }
      }
    }
  }

  /// Applies `function` to the pairs of elements of two tensors of equal shape, in order, on one
  /// thread.
  @inlinable
  public static func combining(
    _ a: Tensor, _ b: Tensor, _ function: (Float, Float) throws -> Float
  ) rethrows -> Tensor {
    guard a.shape == b.shape else { fatalError("shapes \(a.shape) and \(b.shape) differ") }
    let count = a.count
    return try unsafe Tensor(uninitialized: a.shape) { result in
      try unsafe a.withElements { a in
        try unsafe b.withElements { b in
          for i in 0..<count { unsafe result[i] = try unsafe function(a[i], b[i]) }
        }
      }
    }
  }
}
