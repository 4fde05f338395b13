import Foundation

/// Memory for the elements of a tensor. Tensors share it until one of them is written to.
///
/// Freed buffers are kept and reused: a training step needs the same sizes many times, and new pages
/// from the operating system cost more than the arithmetic on them.
///
/// A buffer is reused once nothing refers to its storage. Using a pointer does not retain
/// it: wrap code that uses `pointer` in `withExtendedLifetime`, or pass it to `withPointer`.
@usableFromInline
@safe final class Storage: @unchecked Sendable {
  @usableFromInline let pointer: UnsafeMutablePointer<Float>
  let capacity: Int

  // Forms of these elements that kernels have prepared, such as packed filters, to use again until
  // the elements change: nil for a form that was requested once.
  private let lock = NSLock()
  private var prepared: [Preparation: Storage?] = [:]

  /// The forms of a weight that kernels keep.
  enum Preparation: Hashable {
    case linear(inputs: Int)
    case transposedLinear
    case directConvolution
    case winograd(tile: Int)
  }

  /// Returns the prepared form, made by `make` unless it was made before; kept if it is requested
  /// more than once.
  func prepared(_ form: Preparation, _ make: () -> Storage) -> Storage {
    lock.lock()
    defer { lock.unlock() }
    guard let earlier = prepared[form] else {
      prepared[form] = .some(nil)
      return make()
    }
    if let earlier { return earlier }
    let made = make()
    prepared[form] = made
    return made
  }

  /// Discards the prepared forms; call it before the elements change.
  func invalidate() {
    if !prepared.isEmpty { prepared = [:] }
  }

  /// Allocates room for `count` elements, 64-byte aligned, with unspecified contents.
  init(count: Int) {
    capacity = BufferPool.roundedCapacity(count)
    unsafe pointer = unsafe BufferPool.shared.take(capacity)
  }

  deinit { unsafe BufferPool.shared.give(pointer, capacity) }

  /// Calls `body` with the elements, which stay allocated until it returns.
  @inlinable @inline(__always)
  func withPointer<Result>(
    _ body: (UnsafeMutablePointer<Float>) throws -> Result
  ) rethrows -> Result {
    defer { withExtendedLifetime(self) {} }
    return try unsafe body(pointer)
  }
}

/// Free buffers by capacity.
@safe final class BufferPool: @unchecked Sendable {
  static let shared = BufferPool()

  private let lock = NSLock()
  private var free: [Int: [UnsafeMutablePointer<Float>]] = unsafe [:]
  private var heldElements = 0

  /// The most that is kept for later, in elements: 2 GiB of memory.
  private let mostHeld = 1 << 29

  /// Capacities grow in steps of an eighth of a power of two, so that sizes which differ a little
  /// share buffers.
  static func roundedCapacity(_ count: Int) -> Int {
    if count <= 64 { return 64 }
    let step = max(16, 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount - 4))
    return (count + step - 1) / step * step
  }

  func take(_ capacity: Int) -> UnsafeMutablePointer<Float> {
    lock.lock()
    if let pointer = unsafe free[capacity]?.popLast() {
      heldElements -= capacity
      lock.unlock()
      return unsafe pointer
    }
    lock.unlock()
    let bytes = capacity * 4 + Self.readableBehind
    let isLarge = bytes >= 2 * Self.largePage
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
    #if os(Linux)
      // Kernels run through dozens of matrices at once; with pages of 4 KiB they would spend their
      // time looking up addresses.
      if isLarge { unsafe madvise(raw, bytes, Int32(MADV_HUGEPAGE)) }
    #endif
    return unsafe raw.bindMemory(to: Float.self, capacity: capacity)
  }

  private static let largePage = 1 << 21

  /// Bytes behind each buffer that may be read, not used: kernels load whole vectors.
  private static let readableBehind = 256

  func give(_ pointer: UnsafeMutablePointer<Float>, _ capacity: Int) {
    lock.lock()
    defer { lock.unlock() }
    if heldElements + capacity > mostHeld {
      unsafe UnsafeMutableRawPointer(pointer).deallocate()
    } else {
      unsafe free[capacity, default: []].append(pointer)
      heldElements += capacity
    }
  }
}
