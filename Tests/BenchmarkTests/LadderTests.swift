import Files
import Probability
import Tensors
import Testing

@testable import benchmark

/// Every rung of the ladder computes the same convolution.
@Suite struct LadderTests {
  /// Extents that tiles do not divide, and pixels that a register tile does not divide.
  private func problem() -> ConvolutionProblem {
    var generator = RandomGenerator(seed: 5)
    return ConvolutionProblem(
      x: .normal([2, 5, 7, 32], using: &generator),
      weight: .normal([64, 32, 3, 3], using: &generator))
  }

  @Test func everyRungAgreesWithTheDefinition() {
    let problem = problem(), reference = problem.reference()
    for rung in LadderRung.all {
      let difference = rung.prepare(problem)().relativeDifference(from: reference)
      #expect(difference < 1e-5, "\(rung.technique): \(difference)")
    }
  }

  @Test func aRungMayBeRepeated() {
    let problem = problem()
    for rung in LadderRung.all {
      let convolution = rung.prepare(problem)
      let first = convolution().elements
      #expect(convolution().elements == first && convolution().elements == first)
    }
  }

  @Test func aMissingProductExceedsTheTolerance() throws {
    let problem = problem(), reference = problem.reference()
    var weight = problem.weight
    weight[flat: 4] = 0
    let wrong = ConvolutionProblem(x: problem.x, weight: weight).reference()
    let difference = wrong.relativeDifference(from: reference)
    #expect(throws: Failure.self) { try LadderRung.require(difference, of: "wrong") }
    #expect(throws: Failure.self) { try LadderRung.require(.nan, of: "wrong") }
    try LadderRung.require(reference.relativeDifference(from: reference), of: "right")
  }

  @Test func differencesThatAreNotFiniteAreInfinite() {
    let x = Tensor([1, .nan]), y = Tensor([1, 1])
    #expect(x.relativeDifference(from: y) == .infinity)
  }
}
