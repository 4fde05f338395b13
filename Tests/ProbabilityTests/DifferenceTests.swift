import Foundation
import Probability
import TestSupport
import Testing

@Suite struct DifferenceTests {
  @Test func differencesAreExactForPolynomialsOfDegreeFour() {
    let slope = derivative(at: 0.5, step: 0.25) { x in x * x * x * x - 2 * x * x }
    expect(slope, equals: 4 * 0.125 - 4 * 0.5, within: 1e-13)
  }

  @Test func errorOfADifferenceFallsWithTheFourthPowerOfTheStep() {
    let errors = [0.1, 0.05].map { abs(derivative(at: 1, step: $0, sin) - cos(1)) }
    expect(errors[0] / errors[1], equals: 16, relatively: 0.01)
  }

  @Test func gradientOfALogDensityIsTheScore() {
    // Between modes of standard deviation 0.1 the fifth derivative is about 1e9, so that a step of
    // 1e-4 leaves an error of h^4 f/30, some 1e-8, above that of rounding.
    let mixture = MultivariateMixture.ring(5)
    let slopes = gradient(at: [0.4, 0.3], step: 1e-4, mixture.logDensity)
    for (a, b) in zip(slopes, mixture.score([0.4, 0.3])) {
      expect(a, equals: b, within: 1e-7)
    }
  }

  @Test func slerpKeepsTheLengthOfOrthogonalVectors() {
    let (a, b) = (PointSet([[3, 0, 0]]), PointSet([[0, 3, 0]]))
    let turn = angle(between: a.values, b.values)
    expect(turn, equals: .pi / 2, within: 1e-15)
    for u in [0, 0.3, 0.5, 1] {
      let length = slerp(a, b, u, angle: turn).values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      expect(length, equals: 3, within: 1e-14)
    }
  }
}
