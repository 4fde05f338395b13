import Foundation

/// The reference kernels: the formula of each operation as loops that can be read against it.
///
/// Sums are taken in double precision, in the order of the loops, on one thread. `Kernel` computes
/// the same functions fast, under the same names, and tests compare the two.
///
/// Images have channels last, `[batch, height, width, channels]`. Weights keep the layout of
/// published networks: `[outputs, inputs]`, `[outputs, inputs, kernel, kernel]`, and for transposed
/// convolutions `[inputs, outputs, kernel, kernel]`.
public enum Naive {
  /// Sums in double precision into a tensor of `shape`: `body` adds to zeros, then all is rounded.
  @inline(__always)
  static func accumulated(
    _ shape: Shape, _ body: (UnsafeMutablePointer<Double>) -> Void
  ) -> Tensor {
    let count = shape.elementCount
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: count)
    defer { unsafe sums.deallocate() }
    unsafe sums.initialize(repeating: 0, count: count)
    unsafe body(sums)
    return unsafe Tensor(uninitialized: shape) { result in
      for i in 0..<count { unsafe result[i] = unsafe Float(sums[i]) }
    }
  }

  /// The logistic function `1 / (1 + exp(-x))`.
  static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// SiLU's derivative, `σ(x)·(1 + x·(1 - σ(x)))`.
  static func siluSlope(_ x: Double) -> Double {
    let s = logistic(x)
    return s * (1 + x * (1 - s))
  }
}
