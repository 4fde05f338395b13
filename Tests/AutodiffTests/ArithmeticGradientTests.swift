import Autodiff
import Tensors
import TestSupport
import Testing

@Suite struct ArithmeticGradientTests {
  @Test(
    arguments: [
      ([], []), ([3], [3]), ([2, 3], [3]), ([3], [2, 3]), ([2, 1], [1, 3]), ([2, 3], []),
      ([4, 1, 5], [4, 3, 1]), ([1], [2, 1]), ([2, 3, 4, 5], [4, 1]), ([3, 1, 1, 1], [3, 2, 2, 2]),
    ] as [(Shape, Shape)])
  func arithmeticPassesGradientsToBothSidesOfABroadcast(_ shapeA: Shape, _ shapeB: Shape) {
    let a = normal(shapeA, 1)
    let b = uniform(shapeB, in: 0.5...2, 2)
    expectGradients([a, b]) { $0[0] + $0[1] }
    expectGradients([a, b]) { $0[0] - $0[1] }
    expectGradients([a, b]) { $0[0] * $0[1] }
    expectGradients([a, b]) { $0[0] / $0[1] }
  }

  @Test func arithmeticWithNumbers() {
    let x = uniform([3, 5], in: 0.5...2)
    expectGradients([x]) { 2 + $0[0] }
    expectGradients([x]) { $0[0] - 2 }
    expectGradients([x]) { 2 - $0[0] }
    expectGradients([x]) { 3 * $0[0] * -2 }
    expectGradients([x]) { $0[0] / 3 }
    expectGradients([x]) { 3 / $0[0] }
    expectGradients([x]) { -$0[0] }
  }

  @Test func arithmeticWithConstants() {
    let (x, constant) = (uniform([2, 3], in: 0.5...2), uniform([3], in: 1...2, 2))
    expectGradients([x]) { $0[0] + constant }
    expectGradients([x]) { constant - $0[0] }
    expectGradients([x]) { $0[0] - constant }
    expectGradients([x]) { constant * $0[0] }
    expectGradients([x]) { $0[0] / constant }
    expectGradients([x]) { constant / $0[0] }
  }

  @Test func aNodeUsedTwiceReceivesBothGradients() {
    let x = normal([3, 2])
    expectGradients([x]) { $0[0] + $0[0] }
    expectGradients([x]) { $0[0] * $0[0] }
    expectGradients([x]) { $0[0] - $0[0] * 0.5 }
    expectGradients([x]) { inputs in
      let y = sin(inputs[0])
      return y * exp(y) + inputs[0] * y.sum(axes: [0])
    }
  }

  @Test func functionsOfEachElement() {
    let x = normal([3, 1, 5])
    let positive = uniform([3, 1, 5], in: 0.5...2)
    let functions: [(Variable) -> Variable] = [
      { exp($0) }, { sin($0) }, { cos($0) }, { tanh($0) }, { sigmoid($0) }, { silu($0) },
      { softplus($0) }, { square($0) },
    ]
    for function in functions { expectGradients([x]) { function($0[0]) } }
    expectGradients([positive]) { log($0[0]) }
    expectGradients([positive]) { sqrt($0[0]) }
    expectGradients([positive]) { pow($0[0], 2.5) }
    expectGradients([positive]) { pow($0[0], -1) }
  }

  /// Away from their corners, where a difference would see both sides.
  @Test func functionsWithCorners() {
    let x = Tensor([-3, -2.5, -1, 1, 2.5, 3, 0.5, -0.5], shape: [2, 4])
    expectGradients([x]) { relu($0[0]) }
    expectGradients([x]) { abs($0[0]) }
    expectGradients([x], step: 0.005) { $0[0].clamped(to: -2...2) }
    let tape = Tape()
    let variable = tape.input(Tensor([-3, 0, 3]))
    let output = variable.clamped(to: -1...1) + abs(variable) + relu(variable)
    #expect(tape.gradients(of: output.sum())[variable]!.elements == [-1, 1, 2])
  }
}
