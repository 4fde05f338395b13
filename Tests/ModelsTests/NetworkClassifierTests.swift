import Autodiff
import Diffusion
import Foundation
import Networks
import Probability
import Tensors
import TestSupport
import Testing

@testable import Learning
import Models

private let schedule = NoiseSchedule.linear()
private let diffusion = GaussianDiffusion(schedule)
private let pointNetwork = MLP(
  .init(outputs: 3, width: 16, layers: 1, timeFeatures: 8), generator: RandomGenerator(seed: 3))
private let imageNetwork = UNetEncoder(
  .init(inputChannels: 2, classes: 3, channels: [8, 16], groups: 4),
  generator: RandomGenerator(seed: 4))

/// The derivative of the sum of the labels' log probabilities along `direction`, by fourth-order
/// differences.
private func slope<Network>(
  _ classifier: NetworkClassifier<Network>, _ x: Network.Value, along direction: Network.Value,
  t: Int, labels: [Int]
) -> Double {
  func value(_ distance: Double) -> Double {
    let shifted = Network.Value.sum((1, x), (distance, direction))
    return -Double(labels.count) * classifier.crossEntropyLoss(shifted, t: t, labels: labels)
  }
  let h = 0.02
  return (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
}

@Test func theLabelScoreOfPointsIsTheGradientOfTheLogProbability() {
  let classifier = NetworkClassifier(pointNetwork, diffusion)
  let x = PointSet(normal([5, 2], 1))
  let direction = PointSet(normal([5, 2], 2))
  let labels = [0, 2, 1, 1, 0]
  let score = classifier.labelScore(x, t: 300, labels: labels)
  let along = zip(score.values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
  let numeric = slope(classifier, x, along: direction, t: 300, labels: labels)
  #expect(abs(along) > 0.01)
  #expect(abs(along - numeric) < 2e-3 * abs(numeric) + 1e-4)
}

@Test func theLabelScoreOfImagesIsTheGradientOfTheLogProbability() {
  let classifier = NetworkClassifier(imageNetwork, diffusion)
  let x = normal([3, 2, 8, 8], 5)
  let direction = normal([3, 2, 8, 8], 6)
  let labels = [1, 0, 2]
  let score = classifier.labelScore(x, t: 40, labels: labels)
  let numeric = slope(classifier, x, along: direction, t: 40, labels: labels)
  #expect(score.shape == x.shape)
  #expect(abs(score.dot(direction) - numeric) < 5e-3 * score.norm())
}

@Test func scoresDoNotDependOnOtherEntriesOfTheBatch() {
  let classifier = NetworkClassifier(imageNetwork, diffusion)
  let x = normal([4, 2, 8, 8], 7)
  let together = classifier.labelScore(x, t: 10, labels: [0, 1, 2, 0])
  let alone = classifier.labelScore(x.slice(2..<3), t: 10, labels: [2])
  let difference = together.slice(2..<3) - alone
  #expect(difference.norm() < 1e-5 * alone.norm())
}

@Test func theExpectedScoreOverLabelsIsZero() {
  let classifier = NetworkClassifier(pointNetwork, diffusion)
  let x = PointSet(normal([6, 2], 8))
  let logs = classifier.logProbabilities(x, t: 500).elements
  var sum = [Double](repeating: 0, count: 12)
  for label in 0..<3 {
    let score = classifier.labelScore(x, t: 500, labels: [Int](repeating: label, count: 6)).values
    for i in sum.indices { sum[i] += exp(Double(logs[3 * (i / 2) + label])) * score[i] }
  }
  #expect(sum.allSatisfy { abs($0) < 1e-5 })
}

@Test func theNetworkIsConditionedOnTheStepUnlessDataAreClean() {
  let x = PointSet(normal([4, 2], 9))
  let conditioned = NetworkClassifier(pointNetwork, diffusion)
  let unconditioned = NetworkClassifier(pointNetwork, diffusion, times: 0...0)
  #expect(conditioned.logProbabilities(x, t: 7) != conditioned.logProbabilities(x, t: 700))
  #expect(unconditioned.logProbabilities(x, t: 7) == unconditioned.logProbabilities(x, t: 700))
  #expect(unconditioned.logProbabilities(x, t: 7) == conditioned.logProbabilities(x, t: 0))
}

@Test func aTrainedClassifierApproachesTheMinimalCrossEntropy() {
  let mixture = GaussianMixture.twoClasses
  let network = MLP(
    .init(inputs: 1, outputs: 2, width: 16, layers: 1, timeFeatures: 16),
    generator: RandomGenerator(seed: 10))
  let classifier = NetworkClassifier(network, diffusion)
  let plan = TrainingPlan(
    length: .steps(300), learningRate: 1e-2, warmUpSteps: 20, weightDecay: 0, seed: 11)
  let run = classifier.training(plan: plan) { _, generator in
    var streams = RandomStreams(of: generator, count: 256)
    let (points, labels) = mixture.samples(using: &streams)
    return (points.tensor, labels)
  }
  for _ in run {}
  for t in [100, 400, 800] {
    let marginal = mixture.noisyMarginal(schedule, to: t)
    let grid = PointSet(stride(from: -5.0, through: 5, by: 0.05).map { $0 })
    let logs = classifier.logProbabilities(grid, t: t).elements
    var excess = 0.0
    for (i, x) in grid.values.enumerated() {
      let mass = 0.05 * marginal.marginal.density(x)
      for (label, chance) in marginal.labelProbabilities(x).enumerated() where chance > 0 {
        excess += mass * chance * (log(chance) - Double(logs[2 * i + label]))
      }
    }
    #expect(excess > -1e-4 && excess < 0.03, "t = \(t): \(excess)")
  }
}

@Test func aLossOnCleanDataAddsNoNoise() {
  let classifier = NetworkClassifier(pointNetwork, diffusion, times: 0...0)
  let x = normal([8, 2], 12)
  let labels = [0, 1, 2, 0, 1, 2, 0, 1]
  let batch = classifier.loss(
    x, labels: labels, tape: Tape(), generator: RandomGenerator(seed: 13))
  let direct = NetworkClassifier(pointNetwork, diffusion)
    .crossEntropyLoss(PointSet(x), t: 0, labels: labels)
  #expect(abs(Double(batch.total.scalar) - direct) < 1e-6)
}

@Test func everyExampleIsUsedOncePerEpoch() {
  let data = Tensor((0..<12).map { Float($0) }, shape: [12, 1])
  let network = MLP(
    .init(inputs: 1, outputs: 2, width: 4, layers: 1, timeFeatures: 4),
    generator: RandomGenerator(seed: 14))
  let plan = TrainingPlan(length: .steps(6), learningRate: 1e-3, seed: 15)
  let run = NetworkClassifier(network, diffusion).training(
    on: data, labels: [Int](repeating: 1, count: 12), plan: plan, batchSize: 4)
  #expect(Array(run).count == 6)
  #expect(run.images == 24)
}
