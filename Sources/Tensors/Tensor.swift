/// A dense array of single-precision numbers with value semantics, stored row-major.
///
/// Copies are cheap: they share memory until one of them is written to. Images are
/// `[batch, channels, height, width]`; the networks compute with channels last,
/// `[batch, height, width, channels]`; their documentation names the order.
public struct Tensor: Sendable {
  /// The extents, outermost axis first.
  public let shape: Shape
  @usableFromInline var storage: Storage

  /// Creates a tensor whose elements `body` writes; elements that it skips have unspecified values.
  @inlinable
  public init(
    uninitialized shape: Shape, _ body: (UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    self.init(allocating: shape)
    try unsafe storage.withPointer(body)
  }

  @usableFromInline
  init(allocating shape: Shape) {
    self.shape = shape
    storage = Storage(count: shape.elementCount)
  }

  /// Creates a tensor from its elements in row-major order.
  public init(_ elements: [Float], shape: Shape) {
    guard elements.count == shape.elementCount else {
      fatalError("\(elements.count) elements do not fill a tensor of shape \(shape)")
    }
    unsafe self.init(uninitialized: shape) { destination in
      unsafe elements.withUnsafeBufferPointer { source in
        if let base = source.baseAddress {
          unsafe destination.update(from: base, count: source.count)
        }
      }
    }
  }

  /// Creates a vector, shape `[elements.count]`.
  public init(_ elements: [Float]) { self.init(elements, shape: [elements.count]) }

  /// Creates a scalar, shape `[]`.
  public init(_ value: Float) { self.init([value], shape: []) }

  /// Creates a tensor with every element equal to `value`.
  public init(repeating value: Float, shape: Shape) {
    unsafe self.init(uninitialized: shape) {
      unsafe $0.update(repeating: value, count: shape.elementCount)
    }
  }

  /// Creates a tensor of zeros.
  public static func zeros(_ shape: Shape) -> Tensor { Tensor(repeating: 0, shape: shape) }

  /// Creates a tensor of ones.
  public static func ones(_ shape: Shape) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// Creates a tensor of zeros with this one's shape.
  public static func zeros(like other: Tensor) -> Tensor { zeros(other.shape) }

  /// The number of elements.
  @inlinable public var count: Int { shape.reduce(1, *) }

  /// The number of axes.
  public var rank: Int { shape.count }

  /// The value of a tensor with a single element.
  public var scalar: Float {
    guard count == 1 else { fatalError("a tensor of shape \(shape) is not a single number") }
    return unsafe withElements { unsafe $0[0] }
  }

  /// The elements in row-major order.
  public var elements: [Float] {
    unsafe withElements { unsafe Array(UnsafeBufferPointer(start: $0, count: count)) }
  }

  /// Calls `body` with the elements, to read.
  @inlinable
  public func withElements<Result>(
    _ body: (UnsafePointer<Float>) throws -> Result
  ) rethrows -> Result {
    try unsafe storage.withPointer { try unsafe body(UnsafePointer($0)) }
  }

  /// Calls `body` with the elements, to write; copies them first if another tensor shares them.
  @inlinable
  public mutating func withMutableElements<Result>(
    _ body: (UnsafeMutablePointer<Float>) throws -> Result
  ) rethrows -> Result {
    makeUnique()
    return try unsafe storage.withPointer(body)
  }

  @usableFromInline
  mutating func makeUnique() {
    if isKnownUniquelyReferenced(&storage) {
      storage.invalidate()
    } else {
      let copy = Storage(count: count)
      unsafe copy.pointer.update(from: storage.pointer, count: count)
      storage = copy
    }
  }

  /// The elements as a flat, row-major sequence; traps outside `0..<count`.
  @inlinable
  public subscript(flat index: Int) -> Float {
    get {
      if index < 0 || index >= count { fatalError("index \(index) outside 0..<\(count)") }
      return unsafe storage.pointer[index]
    }
    set {
      if index < 0 || index >= count { fatalError("index \(index) outside 0..<\(count)") }
      makeUnique()
      unsafe storage.pointer[index] = newValue
    }
  }

  /// One element by its indices, one per axis.
  public subscript(indices: Int...) -> Float {
    get { self[flat: flatIndex(indices)] }
    set { self[flat: flatIndex(indices)] = newValue }
  }

  private func flatIndex(_ indices: [Int]) -> Int {
    guard indices.count == rank else {
      fatalError("\(indices.count) indices for a tensor of shape \(shape)")
    }
    var index = 0
    for (position, extent) in zip(indices, shape) {
      guard position >= 0, position < extent else {
        fatalError("indices \(indices) outside shape \(shape)")
      }
      index = index * extent + position
    }
    return index
  }

  /// The same elements in the same order under other extents.
  public func reshaped(_ newShape: Shape) -> Tensor {
    guard newShape.elementCount == count else {
      fatalError("cannot reshape \(shape) to \(newShape)")
    }
    return Tensor(shape: newShape, storage: storage)
  }

  init(shape: Shape, storage: Storage) {
    self.shape = shape
    self.storage = storage
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    let shown = elements.prefix(8).map { "\($0)" }.joined(separator: ", ")
    return "Tensor\(shape) [\(shown)\(count > 8 ? ", …" : "")]"
  }
}
