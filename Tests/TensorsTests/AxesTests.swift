import Tensors
import TestSupport
import Testing

private let orders: [(Shape, [Int])] = [
  ([3], [0]), ([2, 3], [1, 0]), ([2, 3, 4], [0, 2, 1]), ([2, 3, 4], [1, 0, 2]),
  ([2, 3, 4], [2, 1, 0]), ([2, 3, 4], [1, 2, 0]), ([2, 3, 4, 5], [0, 2, 3, 1]),
  ([2, 3, 4, 5], [0, 3, 1, 2]), ([2, 3, 4, 5], [3, 1, 2, 0]), ([2, 3, 4, 5], [0, 2, 1, 3]),
  ([1, 3, 1, 5], [3, 1, 2, 0]), ([2, 70, 45], [0, 2, 1]), ([33, 65], [-1, 0]),
  ([2, 0, 3], [2, 0, 1]),
]

@Suite struct AxesTests {
  @Test(arguments: orders)
  func transposingMovesElementsToPermutedPositions(_ shape: Shape, _ order: [Int]) {
    let x = normal(shape, 1)
    let y = x.transposed(order)
    let axes = order.map { $0 < 0 ? $0 + shape.count : $0 }
    #expect(y.shape == axes.map { shape[$0] })
    for position in positions(shape) {
      #expect(element(y, at: axes.map { position[$0] }) == element(x, at: position))
    }
    let inverse = axes.indices.map { axes.firstIndex(of: $0)! }
    #expect(y.transposed(inverse) == x)
  }

  @Test func channelsGoLastAndComeBack() {
    let x = normal([2, 3, 4, 5], 2)
    #expect(x.channelsLast().shape == [2, 4, 5, 3])
    #expect(x.channelsLast()[1, 3, 4, 2] == x[1, 2, 3, 4])
    #expect(x.channelsLast().channelsFirst() == x)
    #expect(normal([2, 3], 3).transposed() == normal([2, 3], 3).transposed([1, 0]))
  }

  @Test func partsJoinToTheWhole() {
    let x = normal([3, 5, 2], 4)
    for axis in [0, 1, 2, -1, -2] {
      let extent = x.shape[axis < 0 ? axis + 3 : axis]
      let parts = x.split([1, extent - 1], along: axis)
      #expect(Tensor.concatenated(parts, along: axis) == x)
    }
    #expect(x.slice(1..<4, along: 1)[2, 0, 1] == x[2, 1, 1])
    #expect(x.slice(2..<2, along: 0).shape == [0, 5, 2])
  }

  @Test func addingAPartIsTheAdjointOfSlicing() {
    let x = normal([3, 5, 2], 5)
    for (axis, range) in [(0, 1..<3), (1, 0..<4), (2, 1..<2), (-2, 2..<5)] {
      let part = x.slice(range, along: axis)
      let y = normal(part.shape, 6)
      var scattered = Tensor.zeros(x.shape)
      scattered.add(y, at: range.lowerBound, along: axis)
      #expect(abs(part.dot(y) - x.dot(scattered)) < 1e-5)
    }
  }

  @Test func rowsRepeatAndTheirAdjointAddsUp() {
    let x = normal([4, 2, 3], 7)
    let indices = [2, 0, 2, 3, 2]
    let picked = x.rows(indices)
    #expect(picked.shape == [5, 2, 3])
    #expect(picked[2, 1, 1] == x[2, 1, 1])
    let y = normal(picked.shape, 8)
    var scattered = Tensor.zeros(x.shape)
    scattered.add(y, toRows: indices)
    #expect(abs(picked.dot(y) - x.dot(scattered)) < 1e-5)
    #expect(scattered.slice(1..<2).norm() == 0)
  }
}
