import Foundation
import Learning
import Testing

@Test func warmUpRisesInEqualStepsToThePeak() {
  let rate = LearningRate.constant(0.4, warmUpSteps: 4)
  let expected = [0.1, 0.2, 0.3, 0.4, 0.4, 0.4]
  for (step, value) in expected.enumerated() { #expect(abs(rate(step) - value) < 1e-15) }
}

@Test func constantRateWithoutWarmUpIsThePeakFromTheFirstStep() {
  let rate = LearningRate.constant(3e-4)
  #expect(rate(0) == 3e-4)
  #expect(rate(1_000_000) == 3e-4)
}

@Test func cosineFallsFromPeakThroughTheMeanToTheFloorAndStaysThere() {
  let rate = LearningRate.cosine(peak: 1, warmUpSteps: 10, decaySteps: 110, floor: 0.2)
  #expect(rate(9) == 1)
  #expect(rate(10) == 1)
  #expect(abs(rate(60) - 0.6) < 1e-15)
  // A third of the way the cosine of 60 degrees has fallen a quarter of the way.
  #expect(abs(LearningRate.cosine(peak: 1, decaySteps: 3)(1) - 0.75) < 1e-15)
  #expect(rate(110) == 0.2)
  #expect(rate(5000) == 0.2)
  for step in 10..<110 { #expect(rate(step + 1) < rate(step)) }
}

@Test func symmetricStepsOfTheCosineAddUpToPeakPlusFloor() {
  let rate = LearningRate.cosine(peak: 0.9, decaySteps: 50, floor: 0.1)
  for step in 0...50 { #expect(abs(rate(step) + rate(50 - step) - 1) < 1e-14) }
}

@Test func learningRateSurvivesItsJSON() throws {
  let rate = LearningRate.cosine(peak: 2e-4, warmUpSteps: 7, decaySteps: 90, floor: 1e-6)
  let copy = try JSONDecoder().decode(LearningRate.self, from: JSONEncoder().encode(rate))
  #expect(copy == rate)
}
