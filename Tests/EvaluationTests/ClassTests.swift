import Evaluation
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

/// Logits that are sure of one class each.
private func sure(_ labels: [Int], classes: Int = 10) -> Tensor {
  var logits = Tensor.zeros([labels.count, classes])
  for (row, label) in labels.enumerated() { logits[flat: row * classes + label] = 1000 }
  return logits
}

// MARK: Score

@Test func scoreOfSureAndBalancedPredictionsIsTheNumberOfClasses() {
  let score = classifierScore(logits: sure((0..<1000).map { $0 % 10 }))
  #expect(abs(score.value - 10) < 1e-9)
  #expect(score.standardError < 0.1)
}

@Test func scoreOfPredictionsThatDoNotDependOnTheImageIsOne() {
  #expect(abs(classifierScore(logits: .zeros([100, 10])).value - 1) < 1e-9)
  #expect(abs(classifierScore(logits: sure([Int](repeating: 3, count: 100))).value - 1) < 1e-9)
}

@Test func scoreLiesBetweenOneAndTheNumberOfClasses() {
  for scale: Float in [0.1, 1, 10, 100] {
    let value = classifierScore(logits: normal([500, 10], 1) * scale).value
    #expect((1...10).contains(value))
  }
}

// MARK: Accuracy

@Test func accuracyCountsWhatWasNamedRightInAllAndByClass() {
  let accuracy = ClassAccuracy(logits: sure([0, 1, 1, 2, 2, 0]), labels: [0, 0, 1, 2, 2, 2])
  #expect(accuracy.overall == Proportion(4, of: 6))
  #expect(
    accuracy.byClass.prefix(3) == [
      Proportion(1, of: 2), Proportion(1, of: 1), Proportion(2, of: 3),
    ])
  #expect(accuracy.confusion[0][1] == 1)
  #expect(accuracy.commonestMistakes[2]?.predicted == 0)
  #expect(accuracy.commonestMistakes[1] == nil)
}

@Test func intervalOfAShareStaysBetweenZeroAndOneAndShrinksWithTrials() {
  #expect(Proportion(0, of: 10).interval.lowerBound == 0)
  #expect(Proportion(0, of: 10).interval.upperBound > 0.2)
  #expect(Proportion(10, of: 10).interval.upperBound == 1)
  let (few, many) = (Proportion(7, of: 10).interval, Proportion(7000, of: 10_000).interval)
  #expect(many.upperBound - many.lowerBound < (few.upperBound - few.lowerBound) / 20)
}

@Test func intervalOfAShareHoldsTheProbabilityInNineteenCasesOfTwenty() {
  var generator = RandomGenerator(seed: 5)
  let held = (0..<2000).filter { _ in
    let hits = (0..<60).filter { _ in generator.uniform() < 0.85 }.count
    return Proportion(hits, of: 60).interval.contains(0.85)
  }.count
  #expect((1850...1960).contains(held))
}

// MARK: Diversity

@Test func diversityOfOneClassIsTheMeanSquaredDistanceOfItsPairs() {
  let features = normal([40, 3], 1)
  let expected =
    (0..<40).reduce(0.0) { sum, i in
      sum
        + (0..<40).reduce(0.0) { sum, j in
          sum
            + (0..<3).reduce(0.0) { sum, k in
              sum + pow(Double(features[flat: i * 3 + k] - features[flat: j * 3 + k]), 2)
            }
        }
    } / (40 * 39)
  let measured = withinClassDiversity(features, labels: [Int](repeating: 0, count: 40))
  #expect(abs(measured.value - expected) < 1e-5 * expected)
}

@Test func diversityDoesNotCountHowFarClassesAreApart() {
  let features = normal([400, 3], 2)
  let labels = (0..<400).map { $0 % 2 }
  var moved = features
  for row in labels.indices where labels[row] == 1 {
    for k in 0..<3 { moved[flat: row * 3 + k] += 100 }
  }
  let (before, after) = (
    withinClassDiversity(features, labels: labels), withinClassDiversity(moved, labels: labels)
  )
  #expect(abs(before.value - after.value) < 1e-3)
  #expect(abs(before.value - 6) < 4 * before.standardError)
}

@Test func imagesThatAreAllTheSameHaveNoDiversity() {
  let value = withinClassDiversity(.ones([20, 4]), labels: (0..<20).map { $0 / 10 }).value
  #expect(value == 0)
}
