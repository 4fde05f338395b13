import Foundation

/// A count of the multiply-adds of matrix products, convolutions and attention by their definitions,
/// regardless of the algorithm of the kernels.
///
/// Elementwise operations (norms, activations, sums) are not counted.
public enum OperationCount {
  private final class Counter: @unchecked Sendable {
    let lock = NSLock()
    var isOn = false
    var total = 0
  }

  private static let counter = Counter()

  /// The number of multiply-adds that kernels computed while `body` ran, in all threads.
  public static func multiplyAdds(in body: () throws -> Void) rethrows -> Int {
    counter.lock.withLock { (counter.isOn, counter.total) = (true, 0) }
    defer { counter.lock.withLock { counter.isOn = false } }
    try body()
    return counter.lock.withLock { counter.total }
  }

  static func add(_ multiplyAdds: @autoclosure () -> Int) {
    guard counter.isOn else { return }
    let more = multiplyAdds()
    counter.lock.withLock { counter.total += more }
  }
}
