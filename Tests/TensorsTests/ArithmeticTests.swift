import Foundation
import Tensors
import TestSupport
import Testing

private let broadcasts: [(Shape, Shape)] = [
  ([], []), ([3], []), ([], [2, 3]), ([5], [5]), ([2, 3], [3]), ([3], [2, 3]), ([2, 1], [1, 3]),
  ([4, 1, 5], [4, 3, 1]), ([1, 1], [2, 3]), ([2, 3, 4, 5], [4, 1]), ([7, 1, 1, 1], [7, 2, 3, 3]),
  ([1, 6, 1, 2], [5, 1, 3, 1]), ([0, 3], [3]), ([2, 1], [2, 0]),
]

@Suite struct ArithmeticTests {
  @Test(arguments: broadcasts)
  func broadcastArithmeticActsOnTheElementsThatMeet(_ shapeA: Shape, _ shapeB: Shape) {
    let (a, b) = (normal(shapeA, 1), normal(shapeB, 2))
    let operations: [((Tensor, Tensor) -> Tensor, (Float, Float) -> Float)] = [
      (+, +), (-, -), (*, *), (/, /),
    ]
    for (whole, single) in operations {
      let result = whole(a, b)
      let expected = positions(result.shape).map { single(element(a, at: $0), element(b, at: $0)) }
      #expect(result.elements == expected)
    }
  }

  @Test func longTensorsAreCombinedOnAllThreads() {
    let (a, b, c) = (normal([100_003], 1), normal([100_003], 2), normal([3, 1], 3))
    #expect((a + b).elements == zip(a.elements, b.elements).map { $0 + $1 })
    let wide = c * a
    #expect(wide.shape == [3, 100_003])
    #expect(wide[2, 99_999] == c[2, 0] * a[99_999])
  }

  @Test func arithmeticWithNumbersActsOnEveryElement() {
    let x = Tensor([1, 2, 4])
    #expect((x + 1).elements == [2, 3, 5])
    #expect((1 - x).elements == [0, -1, -3])
    #expect((x * 2).elements == [2, 4, 8])
    #expect((8 / x).elements == [8, 4, 2])
    #expect((-x / 2).elements == [-0.5, -1, -2])
  }

  @Test func changeInPlaceLeavesCopiesAlone() {
    let original = Tensor([1, 2, 3, 4], shape: [2, 2])
    var changed = original
    changed += Tensor([10, 20])
    changed *= 2
    changed.add(Tensor([1, 1]), times: -2)
    #expect(original.elements == [1, 2, 3, 4])
    #expect(changed.elements == [20, 42, 24, 46])
    changed -= changed
    #expect(changed.elements == [0, 0, 0, 0])
  }

  @Test func functionsActOnEveryElement() {
    let x = normal([257], 5)
    let functions: [((Tensor) -> Tensor, (Double) -> Double)] = [
      (exp, exp), (sin, sin), (cos, cos), (tanh, tanh), (abs, abs), (square, { $0 * $0 }),
      (sigmoid, { 1 / (1 + exp(-$0)) }), (softplus, { log1p(exp($0)) }),
      (silu, { $0 / (1 + exp(-$0)) }), (relu, { max($0, 0) }),
      ({ log(exp($0)) }, { $0 }), ({ sqrt(square($0)) }, { abs($0) }),
      ({ pow(exp($0), 1.5) }, { exp(1.5 * $0) }),
      ({ $0.clamped(to: -0.5...0.25) }, { min(max($0, -0.5), 0.25) }),
    ]
    for (whole, single) in functions {
      let expected = x.map { Float(single(Double($0))) }
      #expect(whole(x).largestDifference(from: expected) < 4e-6)
    }
  }

  @Test func softplusAndLogSumExpSurviveLargeArguments() {
    #expect(softplus(Tensor([1000, -1000, -20])).elements == [1000, 0, 2.061_153_6e-9])
    #expect(logSumExp(Tensor([1000, 1000])).scalar == 1000 + Float(log(2.0)))
    #expect(logSumExp(Tensor([-.infinity, -.infinity])).scalar == -.infinity)
    #expect(softmax(Tensor([-1000, -1000, -.infinity])).elements == [0.5, 0.5, 0])
  }

  @Test func softmaxIsADistributionAlongTheLastAxis() {
    let x = 5 * normal([3, 4, 7], 6)
    let p = softmax(x)
    #expect((p.sum(axes: [-1]) - 1).norm() < 1e-6)
    #expect(agree(exp(logSoftmax(x)), p, within: 1e-6))
    #expect(agree(x - logSumExp(x).reshaped([3, 4, 1]), logSoftmax(x), within: 1e-6))
  }
}
