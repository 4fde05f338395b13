import Autodiff
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct TapeTests {
  @Test func theChainRuleByHand() {
    let tape = Tape()
    let (x, y) = (tape.input(Tensor(3)), tape.input(Tensor(2)))
    let gradients = tape.gradients(of: x * x * y + y / x)
    #expect(abs(gradients[x]!.scalar - (12 - 2 / 9)) < 1e-5)
    #expect(abs(gradients[y]!.scalar - (9 + 1 / 3)) < 1e-5)
  }

  @Test func aParameterIsOneVariableOfATape() {
    let weight = Parameter("weight", Tensor([1, 2]))
    let unused = Parameter("weight", Tensor([1, 2]))
    let tape = Tape()
    let count = { tape.count }
    let first = tape.variable(weight)
    let before = count()
    let second = tape.variable(weight)
    #expect(count() == before)
    _ = tape.variable(unused)
    let gradients = tape.gradients(of: (first * second).sum())
    #expect(gradients[weight]!.elements == [2, 4])
    #expect(gradients[unused] == nil)
    #expect(Array(gradients.parameters) == [weight])
  }

  @Test func constantsAndDetachedValuesPassNoGradient() {
    let tape = Tape()
    let x = tape.input(Tensor([2, 3]))
    let constant = tape.constant(Tensor([5, 7]))
    #expect(!(constant * constant).needsGradient)
    let gradients = tape.gradients(of: (x.detached * x + square(constant)).sum())
    #expect(gradients[x]!.elements == [2, 3])
    #expect(gradients[constant] == nil)
  }

  /// A layer on data records one pullback; the gradient of the data is not computed.
  @Test func operationsOnConstantsAreNotRecorded() {
    let tape = Tape()
    let data = tape.constant(normal([1, 4, 4, 3]))
    _ = silu(data * 2 - 1).channelsLast()
    #expect(tape.count == 0)
    let weight = tape.variable(Parameter("w", normal([2, 3, 3, 3])))
    _ = convolution(data, weight, nil, .init(kernel: 3, padding: 1))
    #expect(tape.count == 2)
  }

  @Test func aTapeThatDoesNotRecordStoresNothing() {
    let tape = Tape(recording: false)
    let weight = Parameter("w", normal([3, 3]))
    var x = tape.input(normal([2, 3]))
    for _ in 0..<5 { x = tanh(linear(x, tape.variable(weight))) }
    #expect(tape.count == 0)
    #expect(!x.needsGradient)
  }

  @Test func seedsWeightTheOutputs() {
    let tape = Tape()
    let x = tape.input(Tensor([1, 2, 3]))
    let y = square(x)
    let seed = Tensor([1, 0, -1])
    let first = tape.gradients(of: y, seed: seed, keepingRecord: true)
    #expect(first[x]!.elements == [2, 0, -6])
    let rows = (0..<3).map { row in
      let unit = Tensor((0..<3).map { $0 == row ? 1 : 0 })
      return tape.gradients(of: y, seed: unit, keepingRecord: true)[x]!
    }
    #expect(rows.flatMap(\.elements) == [2, 0, 0, 0, 4, 0, 0, 0, 6])
  }

  @Test func aHundredThousandOperationsDoNotExhaustTheStack() {
    let tape = Tape()
    let x = tape.input(Tensor(1))
    var y = x
    for _ in 0..<100_000 { y = y + 1e-3 }
    #expect(tape.gradients(of: y)[x]!.scalar == 1)
    let unused = Tape()
    var z = unused.input(Tensor(1))
    for _ in 0..<100_000 { z = z * 1.000_01 }
    #expect(z.scalar > 2.7)
  }

  @Test func theBackwardPassReleasesTheRecord() {
    let tape = Tape()
    let weight = Parameter("w", normal([4, 4]))
    let loss = square(matmul(tape.constant(normal([2, 4])), tape.variable(weight))).sum()
    #expect(tape.count > 2)
    _ = tape.gradients(of: loss)
    #expect(tape.count == 0)
  }

  /// A pullback and the tensors that it retains are freed when the next pullback runs.
  @Test func memoryIsFreedDuringTheBackwardPass() {
    final class Held: @unchecked Sendable {}
    let tape = Tape()
    let x = tape.input(Tensor(1))
    weak var held: Held?
    let y = tape.record(Tensor(2), from: [x]) { dy in
      #expect(held == nil)
      return [dy]
    }
    func third() -> Variable {
      let object = Held()
      held = object
      return tape.record(Tensor(3), from: [y]) { dy in
        withExtendedLifetime(object) { [dy] }
      }
    }
    let z = third()
    #expect(held != nil)
    #expect(tape.gradients(of: z)[x]!.scalar == 1)
  }

  @Test func constantOperandsAreNotRetained() {
    final class Held: @unchecked Sendable {}
    let tape = Tape()
    weak var held: Held?
    func product() -> Variable {
      let object = Held()
      held = object
      return tape.record(Tensor(3), from: [tape.constant(Tensor(1))]) { dy in
        withExtendedLifetime(object) { [dy] }
      }
    }
    #expect(!product().needsGradient)
    #expect(held == nil)
  }

  @Test func theBackwardPassVisitsOnlyAncestorsOfTheLoss() {
    let tape = Tape()
    let (x, y) = (tape.input(Tensor(2)), tape.input(Tensor(3)))
    _ = tape.record(Tensor(6), from: [x, y]) { _ in
      Issue.record("this result does not lead to the loss")
      return [nil, nil]
    }
    let gradients = tape.gradients(of: square(x))
    #expect(gradients[x]!.scalar == 4)
    #expect(gradients[y] == nil)
  }

  @Test func customOperationsAreRecorded() {
    expectGradients([uniform([4], in: 0.5...2), normal([4], 2)]) { inputs in
      let (x, y) = (inputs[0].value, inputs[1].value)
      return inputs[0].tape.record(log(x) * y, from: inputs) { dy in [dy * y / x, dy * log(x)] }
    }
  }

  /// The straight-through estimator: the value of a rounded number, the gradient of the number.
  @Test func aDetachedDifferenceChangesTheValueAndNotTheGradient() {
    let tape = Tape()
    let x = tape.input(Tensor([0.4, 1.6]))
    let rounded = x + (tape.constant(x.value.map { $0.rounded() }) - x).detached
    #expect(rounded.value.elements == [0, 2])
    #expect(tape.gradients(of: (rounded * 3).sum())[x]!.elements == [3, 3])
  }

  @Test func gradientsAreValues() {
    let (a, b) = (Parameter("a", Tensor([3])), Parameter("b", Tensor([4])))
    func gradients() -> Gradients {
      let tape = Tape()
      let loss = square(tape.variable(a)) * 0.5 + square(tape.variable(b)) * 0.5
      return tape.gradients(of: loss.sum())
    }
    let once = gradients()
    #expect(once.globalNorm(over: [a, b]) == 5)
    #expect(once.globalNorm(over: [b]) == 4)
    let half = once.scaled(by: 0.5)
    #expect(half[a]!.elements == [1.5])
    #expect(once[a]!.elements == [3])
    var sum = once
    sum.add(half)
    #expect(sum[b]!.elements == [6])
    #expect(once[b]!.elements == [4])
  }

  /// Adding to a gradient must not change another tensor that shares its memory.
  @Test func gradientsThatShareMemoryAreIndependent() {
    let tape = Tape()
    let (x, y) = (tape.input(Tensor([1, 2])), tape.input(Tensor([3, 4])))
    let sum = x + y
    let loss = (sum + x * 10 + sum.reshaped([2, 1]).reshaped([2])).sum()
    let gradients = tape.gradients(of: loss)
    #expect(gradients[x]!.elements == [12, 12])
    #expect(gradients[y]!.elements == [2, 2])
  }

  /// The Kullback-Leibler divergence of a Gaussian distribution from the standard one has the
  /// gradients μ and σ - 1/σ.
  @Test func theGradientOfAKnownDivergence() {
    let tape = Tape()
    let (mean, standardDeviation) = (tape.input(Tensor([0.5, -2])), tape.input(Tensor([0.3, 2])))
    let divergence =
      (square(mean) + square(standardDeviation) - log(square(standardDeviation)) - 1).sum() * 0.5
    let gradients = tape.gradients(of: divergence)
    #expect((gradients[mean]! - mean.value).norm() < 1e-6)
    #expect(
      (gradients[standardDeviation]! - (standardDeviation.value - 1 / standardDeviation.value))
        .norm() < 1e-5)
  }

  @Test func theCheckFindsAWrongGradient() {
    let comparisons = gradientCheck(at: [normal([50])]) { inputs in
      let x = inputs[0].value
      // One of fifty elements is wrong by 10 %.
      return inputs[0].tape.record(x * 2, from: inputs) { dy in
        var dx = dy * 2
        dx[flat: 17] *= 1.1
        return [dx]
      }
    }
    #expect(comparisons.contains { $0.relativeError > 1e-3 })
  }
}
