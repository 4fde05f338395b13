import Parallelism

/// Loops over the axes of a shape in row-major order that follow the position in two more arrays,
/// each with its own stride for every axis (0 where it does not advance).
///
/// Broadcasting, permuting axes and summing over axes are the same loops with other strides.
/// Adjacent axes that are contiguous in both arrays are merged, so that the innermost run, which is
/// the callers' vector loop, is as long as possible.
struct LoopNest {
  /// The shape whose elements are visited.
  let shape: Shape
  /// The merged axes' extents, outermost first; never empty.
  private(set) var extents: [Int] = []
  private(set) var firstStrides: [Int] = []
  private(set) var secondStrides: [Int] = []

  /// How many elements one thread takes at a time.
  static let grain = 1 << 15

  /// Creates loops over `shape` with the given stride for each of its axes.
  init(_ shape: Shape, first: [Int], second: [Int]) {
    self.shape = shape
    for (axis, extent) in shape.enumerated() where extent != 1 {
      if let last = extents.indices.last,
        firstStrides[last] == extent * first[axis], secondStrides[last] == extent * second[axis]
      {
        extents[last] *= extent
        firstStrides[last] = first[axis]
        secondStrides[last] = second[axis]
      } else {
        extents.append(extent)
        firstStrides.append(first[axis])
        secondStrides.append(second[axis])
      }
    }
    if extents.isEmpty {
      extents = [1]
      firstStrides = [1]
      secondStrides = [1]
    }
  }

  /// Creates the loops that combine tensors of shapes `a` and `b`.
  init(broadcasting a: Shape, _ b: Shape) {
    let shape = Self.broadcastShape(a, b)
    func strides(_ own: Shape) -> [Int] {
      Self.broadcastStrides(Shape(repeating: 1, count: shape.count - own.count) + own)
    }
    self.init(shape, first: strides(a), second: strides(b))
  }

  /// The shape that tensors of shapes `a` and `b` are both broadcast to.
  static func broadcastShape(_ a: Shape, _ b: Shape) -> Shape {
    let rank = max(a.count, b.count)
    return (0..<rank).map { axis in
      let extentA = axis < rank - a.count ? 1 : a[axis - rank + a.count]
      let extentB = axis < rank - b.count ? 1 : b[axis - rank + b.count]
      guard extentA == extentB || extentA == 1 || extentB == 1 else {
        fatalError("shapes \(a) and \(b) do not broadcast")
      }
      return extentA == 1 ? extentB : extentA
    }
  }

  /// The strides along a shape's axes, 0 along those of extent 1.
  static func broadcastStrides(_ shape: Shape) -> [Int] {
    zip(shape, shape.strides).map { extent, stride in extent == 1 ? 0 : stride }
  }

  /// The strides of both arrays along the innermost run.
  var innermostStrides: (first: Int, second: Int) { (firstStrides.last!, secondStrides.last!) }

  /// Calls `body` with every innermost run, or part of one, on several threads: its start in the
  /// shape's row-major order, its starts in both arrays, and its length.
  func forEachRun(_ body: (_ at: Int, _ first: Int, _ second: Int, _ count: Int) -> Void) {
    Parallel.forRanges(shape.elementCount, grain: Self.grain) { forEachRun(in: $0, body) }
  }

  /// Calls `body` with the runs that make up `elements`, in order.
  func forEachRun(
    in elements: Range<Int>,
    _ body: (_ at: Int, _ first: Int, _ second: Int, _ count: Int) -> Void
  ) {
    let inner = extents.count - 1
    var position = positions(of: elements.lowerBound)
    var at = elements.lowerBound
    while at < elements.upperBound {
      let count = min(extents[inner] - position[inner], elements.upperBound - at)
      var (first, second) = (0, 0)
      for axis in 0...inner {
        first += position[axis] * firstStrides[axis]
        second += position[axis] * secondStrides[axis]
      }
      body(at, first, second, count)
      at += count
      position[inner] += count
      var axis = inner
      while axis > 0, position[axis] == extents[axis] {
        position[axis] = 0
        axis -= 1
        position[axis] += 1
      }
    }
  }

  private func positions(of element: Int) -> [Int] {
    var (rest, result) = (element, extents)
    for axis in extents.indices.reversed() {
      result[axis] = rest % extents[axis]
      rest /= extents[axis]
    }
    return result
  }
}

extension Shape {
  /// The distance in memory between neighbors along each axis, row-major.
  var strides: [Int] {
    var result = [Int](repeating: 1, count: count)
    for axis in indices.dropLast().reversed() { result[axis] = result[axis + 1] * self[axis + 1] }
    return result
  }

  /// An axis counted from the front, given one that may be negative to count from the back.
  func axis(_ axis: Int) -> Int {
    let positive = axis < 0 ? axis + count : axis
    guard indices.contains(positive) else { fatalError("no axis \(axis) in shape \(self)") }
    return positive
  }
}
