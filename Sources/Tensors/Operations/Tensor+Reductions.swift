/// Sums, means and extremes. Sums are taken in double precision and do not depend on the number of
/// threads: a mean over millions of single-precision numbers is exact to their own rounding.
extension Tensor {
  /// The sum of all elements.
  public func sum() -> Double { total { Double($0) } }

  /// The mean of all elements.
  public func mean() -> Double { sum() / Double(count) }

  /// The sum of all elements' squares.
  public func sumOfSquares() -> Double { total { Double($0) * Double($0) } }

  /// The mean of all elements' squared distances from their mean (divided by their number, not by
  /// one less).
  public func variance() -> Double {
    let center = mean()
    return total { (Double($0) - center) * (Double($0) - center) } / Double(count)
  }

  /// The Euclidean norm of all elements.
  public func norm() -> Double { sumOfSquares().squareRoot() }

  /// The largest element.
  public func max() -> Float { extreme(Swift.max) }

  /// The smallest element.
  public func min() -> Float { extreme(Swift.min) }

  /// The sum of the products of corresponding elements.
  public func dot(_ other: Tensor) -> Double {
    guard other.shape == shape else {
      fatalError("no inner product between shapes \(shape) and \(other.shape)")
    }
    let count = count
    return withElements { a in
      other.withElements { b in
        Self.total(count) { Double(a[$0]) * Double(b[$0]) }
      }
    }
  }

  /// Sums over `axes` (negative: from the back), which vanish, or stay with extent 1.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    reduced(axes, keepingAxes, from: 0, +)
  }

  /// Averages over `axes` (negative: from the back), which vanish, or stay with extent 1.
  public func mean(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let averaged = axes.map { shape[shape.axis($0)] }.reduce(1, *)
    return reduced(axes, keepingAxes, from: 0, scale: 1 / Double(averaged), +)
  }

  /// Takes the largest over `axes` (negative: from the back), which vanish, or stay with extent 1.
  public func max(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    reduced(axes, keepingAxes, from: -.infinity) { Swift.max($0, $1) }
  }

  /// Takes the smallest over `axes` (negative: from the back), which vanish, or stay with extent 1.
  public func min(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    reduced(axes, keepingAxes, from: .infinity) { Swift.min($0, $1) }
  }

  /// Takes the mean squared distance from the mean over `axes`, which vanish, or stay with extent 1.
  public func variance(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let centered = self - mean(axes: axes, keepingAxes: true)
    return square(centered).mean(axes: axes, keepingAxes: keepingAxes)
  }

  /// The position of the largest element in every row of the last axis, the first of equals.
  public func indicesOfMaximum() -> [Int] {
    let width = shape.last ?? 1
    return withElements { elements in
      (0..<count / width).map { row in
        (0..<width).reduce(0) {
          elements[row * width + $1] > elements[row * width + $0] ? $1 : $0
        }
      }
    }
  }

  /// The shape left when `axes` are taken away, or stay with extent 1.
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

  /// Combines, in double precision, the elements that differ only along `axes`.
  @inline(__always)
  private func reduced(
    _ axes: [Int], _ keepingAxes: Bool, from initial: Double, scale: Double = 1,
    _ combine: (Double, Double) -> Double
  ) -> Tensor {
    let gone = Set(axes.map { shape.axis($0) })
    let narrow = shape(without: gone, keepingAxes: true)
    let loops = NestedLoops(
      shape, first: NestedLoops.broadcastSteps(narrow), second: shape.steps)
    let runsAreReduced = loops.innermostSteps.first == 0
    var results = [Double](repeating: initial, count: narrow.elementCount)
    withElements { x in
      results.withUnsafeMutableBufferPointer { results in
        forEachOutermost(loops) { elements in
          loops.forEachRun(in: elements) { at, slot, _, length in
            if runsAreReduced {
              results[slot] = combine(results[slot], fold(x + at, length, initial, combine))
            } else {
              for k in 0..<length {
                results[slot + k] = combine(results[slot + k], Double(x[at + k]))
              }
            }
          }
        }
      }
    }
    return Tensor(
      results.map { Float($0 * scale) }, shape: shape(without: gone, keepingAxes: keepingAxes))
  }

  /// Calls `body` with ranges that tile the elements: on several threads if entries of the
  /// outermost axis have results of their own, else with all at once.
  private func forEachOutermost(_ loops: NestedLoops, _ body: (Range<Int>) -> Void) {
    guard count > 0, loops.firstSteps[0] != 0, loops.extents.count > 1 else {
      return body(0..<count)
    }
    let each = count / loops.extents[0]
    Parallel.forRanges(loops.extents[0], grain: NestedLoops.grain / each + 1) { entries in
      body(entries.lowerBound * each..<entries.upperBound * each)
    }
  }

  /// The sum of `term` over all elements.
  @inline(__always)
  private func total(_ term: (Float) -> Double) -> Double {
    let count = count
    return withElements { x in
      Self.total(count) { term(x[$0]) }
    }
  }

  /// The sum of `term` over `0..<count`: partial sums of pieces, added in order.
  @inline(__always)
  private static func total(_ count: Int, _ term: (Int) -> Double) -> Double {
    let grain = NestedLoops.grain
    var partial = [Double](repeating: 0, count: (count + grain - 1) / grain)
    partial.withUnsafeMutableBufferPointer { partial in
      Parallel.forRanges(count, grain: grain) { range in
        // Four sums side by side: one alone would wait for each addition to finish.
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
        partial[range.lowerBound / grain] = (a + b) + (c + d)
      }
    }
    return partial.reduce(0, +)
  }

  /// The largest or smallest element.
  private func extreme(_ choose: (Float, Float) -> Float) -> Float {
    guard count > 0 else { fatalError("no extreme of an empty tensor") }
    let count = count
    return withElements { x in
      var result = x[0]
      for i in 1..<count { result = choose(result, x[i]) }
      return result
    }
  }
}

/// Combines the elements of a run, four partial results side by side.
@inline(__always)
private func fold(
  _ x: UnsafePointer<Float>, _ count: Int, _ initial: Double,
  _ combine: (Double, Double) -> Double
) -> Double {
  var (a, b, c, d) = (initial, initial, initial, initial)
  var k = 0
  while k + 4 <= count {
    a = combine(a, Double(x[k]))
    b = combine(b, Double(x[k + 1]))
    c = combine(c, Double(x[k + 2]))
    d = combine(d, Double(x[k + 3]))
    k += 4
  }
  while k < count {
    a = combine(a, Double(x[k]))
    k += 1
  }
  return combine(combine(a, b), combine(c, d))
}
