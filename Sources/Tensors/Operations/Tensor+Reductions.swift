import Parallelism

/// Sums, means and extremes. Sums are taken in double precision and do not depend on the number of
/// threads: a mean over millions of single-precision numbers is accurate to single precision.
extension Tensor {
  /// The sum of all elements.
  public func sum() -> Double {
    unsafe total { x, range in partialSum(range) { unsafe Double(x[$0]) } }
  }

  /// The mean of all elements.
  public func mean() -> Double { sum() / Double(count) }

  /// The sum of all elements' squares.
  public func sumOfSquares() -> Double {
    unsafe total { x, range in partialSum(range) { unsafe Double(x[$0]) * Double(x[$0]) } }
  }

  /// The mean of all elements' squared distances from their mean (divided by n, not by
  /// n - 1).
  public func variance() -> Double {
    let center = mean()
    let squares = unsafe total { x, range in
      partialSum(range) { unsafe (Double(x[$0]) - center) * (Double(x[$0]) - center) }
    }
    return squares / Double(count)
  }

  /// The Euclidean norm of all elements.
  public func norm() -> Double { sumOfSquares().squareRoot() }

  /// The largest element.
  public func max() -> Float {
    unsafe withElements { x in (0..<count).reduce(-.infinity) { unsafe Swift.max($0, x[$1]) } }
  }

  /// The smallest element.
  public func min() -> Float {
    unsafe withElements { x in (0..<count).reduce(.infinity) { unsafe Swift.min($0, x[$1]) } }
  }

  /// The sum of the products of corresponding elements.
  public func dot(_ other: Tensor) -> Double {
    guard other.shape == shape else {
      fatalError("no inner product between shapes \(shape) and \(other.shape)")
    }
    return unsafe other.withElements { b in
      unsafe total { a, range in partialSum(range) { unsafe Double(a[$0]) * Double(b[$0]) } }
    }
  }

  /// Sums over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    unsafe reduced(axes, keepingAxes, from: 0) { unsafe $0.combine(+) }
  }

  /// Averages over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func mean(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let averaged = axes.map { shape[shape.axis($0)] }.reduce(1, *)
    return unsafe reduced(axes, keepingAxes, from: 0, scale: 1 / Double(averaged)) {
      unsafe $0.combine(+)
    }
  }

  /// Takes the largest over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func max(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    unsafe reduced(axes, keepingAxes, from: -.infinity) { unsafe $0.combine { Swift.max($0, $1) } }
  }

  /// Takes the smallest over `axes` (negative: from the end), which are removed, or kept with extent 1.
  public func min(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    unsafe reduced(axes, keepingAxes, from: .infinity) { unsafe $0.combine { Swift.min($0, $1) } }
  }

  /// Takes the mean squared distance from the mean over `axes`, which are removed, or kept with extent 1.
  public func variance(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let centered = self - mean(axes: axes, keepingAxes: true)
    return square(centered).mean(axes: axes, keepingAxes: keepingAxes)
  }

  /// The position of the largest element in every row of the last axis, the first of equals.
  public func indicesOfMaximum() -> [Int] {
    let width = shape.last ?? 1
    return unsafe withElements { elements in
      (0..<count / width).map { row in
        (0..<width).reduce(0) {
          unsafe elements[row * width + $1] > elements[row * width + $0] ? $1 : $0
        }
      }
    }
  }

  /// The shape after `axes` are removed, or kept with extent 1.
  private func shape(without axes: Set<Int>, keepingAxes: Bool) -> Shape {
    keepingAxes
      ? shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
      : shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
  }

  /// Sums over the axes along which a tensor of `shape` is broadcast to this one's shape: the
  /// adjoint of broadcasting.
  public func summed(to shape: Shape) -> Tensor {
    if shape == self.shape { return self }
    let missing = rank - shape.count
    guard missing >= 0 else { fatalError("cannot sum shape \(self.shape) to \(shape)") }
    let axes = self.shape.indices.filter { axis in
      axis < missing || (shape[axis - missing] == 1 && self.shape[axis] != 1)
    }
    return sum(axes: axes).reshaped(shape)
  }

  /// Lets `body` combine, in double precision, the elements that differ only along `axes`.
  private func reduced(
    _ axes: [Int], _ keepingAxes: Bool, from initial: Double, scale: Double = 1,
    _ body: (ReducedRun) -> Void
  ) -> Tensor {
    let gone = Set(axes.map { shape.axis($0) })
    let narrow = shape(without: gone, keepingAxes: true)
    let loops = LoopNest(
      shape, first: LoopNest.broadcastStrides(narrow), second: shape.strides)
    let isOneResult = loops.innermostStrides.first == 0
    var results = [Double](repeating: initial, count: narrow.elementCount)
    unsafe withElements { x in
      unsafe results.withUnsafeMutableBufferPointer { results in
        guard let base = results.baseAddress else { return }
        forEachOutermost(loops) { elements in
          loops.forEachRun(in: elements) { at, slot, _, length in
            unsafe body(
              ReducedRun(
                x: x + at, count: length, results: base + slot, isOneResult: isOneResult,
                initial: initial))
          }
        }
      }
    }
    return Tensor(
      results.map { Float($0 * scale) }, shape: shape(without: gone, keepingAxes: keepingAxes))
  }

  /// Calls `body` with ranges that tile the elements: on several threads if entries of the
  /// outermost axis have results of their own, else with all at once.
  private func forEachOutermost(_ loops: LoopNest, _ body: (Range<Int>) -> Void) {
    guard count > 0, loops.firstStrides[0] != 0, loops.extents.count > 1 else {
      return body(0..<count)
    }
    let each = count / loops.extents[0]
    Parallel.forRanges(loops.extents[0], grain: LoopNest.grain / each + 1) { entries in
      body(entries.lowerBound * each..<entries.upperBound * each)
    }
  }

  /// The sum of `partial` over ranges of the elements, computed on several threads and added in order.
  private func total(
    _ partial: (_ x: UnsafePointer<Float>, _ range: Range<Int>) -> Double
  ) -> Double {
    let (count, grain) = (count, LoopNest.grain)
    var sums = [Double](repeating: 0, count: (count + grain - 1) / grain)
    unsafe withElements { x in
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        Parallel.forRanges(count, grain: grain) { range in
          unsafe sums[range.lowerBound / grain] = unsafe partial(x, range)
        }
      }
    }
    return sums.reduce(0, +)
  }
}

/// The sum of `term` over a range, in four parts side by side: one alone would wait for each
/// addition to finish before the next.
@inline(__always)
private func partialSum(_ range: Range<Int>, _ term: (Int) -> Double) -> Double {
  var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
  var i = range.lowerBound
  while i + 4 <= range.upperBound {
    a += term(i)
    b += term(i + 1)
    c += term(i + 2)
    d += term(i + 3)
    i += 4
  }
  while i < range.upperBound {
    a += term(i)
    i += 1
  }
  return (a + b) + (c + d)
}

/// A stretch of elements, and the result that they all go into, or their results side by side.
@unsafe private struct ReducedRun {
  let x: UnsafePointer<Float>
  let count: Int
  let results: UnsafeMutablePointer<Double>
  let isOneResult: Bool
  let initial: Double

  /// Combines every element with what its result was.
  @inline(__always)
  func combine(_ function: (Double, Double) -> Double) {
    guard unsafe isOneResult else {
      for i in unsafe 0..<count { unsafe results[i] = unsafe function(results[i], Double(x[i])) }
      return
    }
    var (a, b, c, d) = unsafe (initial, initial, initial, initial)
    var i = 0
    while unsafe i + 4 <= count {
      a = unsafe function(a, Double(x[i]))
      b = unsafe function(b, Double(x[i + 1]))
      c = unsafe function(c, Double(x[i + 2]))
      d = unsafe function(d, Double(x[i + 3]))
      i += 4
    }
    while unsafe i < count {
      a = unsafe function(a, Double(x[i]))
      i += 1
    }
    unsafe results[0] = unsafe function(results[0], function(function(a, b), function(c, d)))
  }
}
