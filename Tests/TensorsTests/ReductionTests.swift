import Parallelism
import Tensors
import TestSupport
import Testing

private let reductions: [(Shape, [Int])] = [
  ([5], [0]), ([2, 3], [0]), ([2, 3], [1]), ([2, 3], [-1, 0]), ([4, 3, 5], [1]),
  ([4, 3, 5], [0, 2]),
  ([2, 3, 4, 5], [1, 2]), ([2, 3, 4, 5], [0, 1, 2]), ([2, 3, 4, 5], [3]), ([1, 3, 1], [0, 1]),
  ([3, 1, 2], [1]), ([40, 33, 70], [1]), ([40, 33, 70], [0, 2]), ([3, 2], []),
]

@Suite struct ReductionTests {
  @Test(arguments: reductions)
  func reducingOverAxesCombinesTheElementsThatDifferOnlyThere(_ shape: Shape, _ axes: [Int]) {
    let x = normal(shape, 3)
    let gone = axes.map { $0 < 0 ? $0 + shape.count : $0 }
    var groups: [[Int]: [Double]] = [:]
    for position in positions(shape) {
      let kept = position.indices.filter { !gone.contains($0) }.map { position[$0] }
      groups[kept, default: []].append(Double(element(x, at: position)))
    }
    let rest = shape.indices.filter { !gone.contains($0) }.map { shape[$0] }
    func expected(_ function: ([Double]) -> Double) -> Tensor {
      Tensor(positions(rest).map { Float(function(groups[$0]!)) }, shape: rest)
    }
    let mean: ([Double]) -> Double = { $0.reduce(0, +) / Double($0.count) }
    #expect(agree(x.sum(axes: axes), expected { $0.reduce(0, +) }))
    #expect(agree(x.mean(axes: axes), expected(mean)))
    #expect(x.max(axes: axes) == expected { $0.max()! })
    #expect(x.min(axes: axes) == expected { $0.min()! })
    let variance = expected { group in mean(group.map { ($0 - mean(group)) * ($0 - mean(group)) }) }
    #expect((x.variance(axes: axes) - variance).norm() <= 1e-5 * (1 + variance.norm()))
    let kept = shape.indices.map { gone.contains($0) ? 1 : shape[$0] }
    #expect(x.sum(axes: axes, keepingAxes: true).shape == kept)
  }

  @Test func sumsOfMillionsLoseNothing() {
    let count = 3_000_001
    let x = Tensor(repeating: 0.1, shape: [count])
    let exact = Double(Float(0.1)) * Double(count)
    #expect(abs(x.sum() - exact) < 1e-9 * exact)
    #expect(x.sum(axes: [0]).scalar == Float(exact))
    #expect(abs(x.mean() - Double(Float(0.1))) < 1e-12)
    #expect(x.variance() < 1e-20)
    // A float accumulator would stop growing at 2²⁴.
    #expect(Tensor.ones([1 << 24, 2]).sum(axes: [0]).elements == [16_777_216, 16_777_216])
    #expect(Tensor.ones([(1 << 24) + 3]).sum() == 16_777_219)
  }

  @Test func anOffsetDoesNotDisturbTheVariance() {
    let x = normal([10_000], 8)
    #expect(abs((x + 1000).variance() - x.variance()) < 1e-3)
  }

  @Test func wholeReductionsAgreeWithDoubles() {
    let x = normal([123, 457], 9)
    let values = x.elements.map { Double($0) }
    #expect(abs(x.sum() - values.reduce(0, +)) < 1e-9)
    #expect(abs(x.sumOfSquares() - values.reduce(0) { $0 + $1 * $1 }) < 1e-7)
    #expect(x.max() == x.elements.max()!)
    #expect(x.min() == x.elements.min()!)
    let y = normal([123, 457], 10)
    #expect(abs(x.dot(y) - zip(values, y.elements).reduce(0) { $0 + $1.0 * Double($1.1) }) < 1e-8)
    #expect(abs(x.norm() - x.dot(x).squareRoot()) < 1e-10)
  }

  @Test func theFirstOfEqualMaximaWins() {
    let x = Tensor([1, 3, 3, -1, -2, -1], shape: [2, 3])
    #expect(x.indicesOfMaximum() == [1, 0])
  }

  @Test func summingToAShapeIsTheAdjointOfBroadcasting() {
    for (small, large) in [
      ([3], [2, 3]), ([2, 1], [2, 3]), ([], [2, 3]), ([1, 3, 1], [4, 3, 5]), ([2, 3], [2, 3]),
      ([1], [1, 1, 4]),
    ] as [(Shape, Shape)] {
      let (x, y) = (normal(small, 11), normal(large, 12))
      let there = x.broadcast(to: large)
      #expect(there.shape == large)
      #expect(abs(there.dot(y) - x.dot(y.summed(to: small))) < 1e-5)
    }
  }

  @Test func theNumberOfThreadsChangesNoBit() {
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    let (a, b) = (normal([211, 301], 13), normal([301, 97], 14))
    func everything() -> [Float] {
      [Float(a.sum()), Float(a.variance())] + a.sum(axes: [0]).elements + a.mean(axes: [1]).elements
        + matmul(a, b).elements + softmax(a).elements
    }
    Parallel.threadCount = 1
    let one = everything()
    Parallel.threadCount = 5
    #expect(everything() == one)
  }
}
