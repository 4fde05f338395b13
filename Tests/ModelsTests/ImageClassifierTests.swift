import Autodiff
import Files
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors
import TestSupport
import Testing

private func classifier(seed: UInt64 = 3) -> ResNet {
  ResNet(
    .init(stem: 4, channels: [8, 8], blocks: [1, 1], features: 6, classes: 5, groups: 2),
    generator: RandomGenerator(seed: seed))
}

private func images(_ count: Int, seed: UInt64) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .uniform([count, 3, 8, 8], in: -1...1, using: &generator)
}

@Test func aClassifierIsUnchangedByWritingAndReading() throws {
  try withTemporaryFolder { folder in
    let original = ImageClassifier(network: classifier(), classes: ["a", "b", "c", "d", "e"])
    try original.save(to: "\(folder)/\(ModelFile.classifier)")
    let read = try ImageClassifier(loading: folder)
    #expect(read.classes == original.classes)
    let x = images(3, seed: 1)
    #expect(read.network(x).logits == original.network(x).logits)
    #expect(throws: Failure.self) { try LatentDiffusionModel(loading: folder) }
  }
}

@Test func evaluationDoesNotDependOnTheBatchSize() {
  let imageClassifier = ImageClassifier(network: classifier(), classes: ["a", "b", "c", "d", "e"])
  let x = images(7, seed: 2)
  var done: [Int] = []
  let parts = imageClassifier.evaluate(
    count: 7, batchSize: 3, images: { x.slice($0) }, mirrors: false, progress: { done.append($0) })
  #expect(done == [3, 6, 7])
  #expect(parts.features.largestDifference(from: imageClassifier.network(x).features) < 1e-5)
}

@Test func withMirroringAnImageAndItsMirrorImageHaveTheSameLogits() {
  let imageClassifier = ImageClassifier(network: classifier(), classes: ["a", "b", "c", "d", "e"])
  let x = images(4, seed: 2)
  let parts = imageClassifier.evaluate(count: 4, images: { x.slice($0) })
  let mirrored = imageClassifier.evaluate(count: 4, images: { x.mirrored().slice($0) })
  #expect(parts.logits.largestDifference(from: mirrored.logits) < 1e-5)
  let mean =
    0.5 * (imageClassifier.network(x).logits + imageClassifier.network(x.mirrored()).logits)
  #expect(parts.logits.largestDifference(from: mean) < 1e-5)
  #expect(parts.logits.largestDifference(from: imageClassifier.network(x).logits) > 1e-3)
}

@Test func smoothedCrossEntropyMixesTheLabelWithAllClasses() {
  let logits = Tensor([2, -1, 0.5, 0, 1, 3], shape: [2, 3])
  let labels = [0, 1]
  let tape = Tape(recording: false)
  let measured = crossEntropy(tape.constant(logits), labels: labels, smoothing: 0.3).scalar
  let logProbabilities = logSoftmax(logits)
  let expected =
    labels.enumerated().reduce(0.0) { sum, pair in
      sum
        - (0..<3).reduce(0.0) { sum, k in
          let share = (k == pair.element ? 0.7 : 0) + 0.1
          return sum + share * Double(logProbabilities[flat: pair.offset * 3 + k])
        }
    } / 2
  #expect(abs(Double(measured) - expected) < 1e-6)
}

@Test func featureLossIsZeroOnlyForEqualImages() {
  let loss = FeatureLoss(classifier())
  let (x, y) = (images(2, seed: 1), images(2, seed: 2))
  let tape = Tape(recording: false)
  #expect(abs(loss(tape.constant(x), x).scalar) < 1e-6)
  let value = loss(tape.constant(x), y).scalar
  // There are two levels, and the distance of unit vectors is at most 2.
  #expect(value > 0.01 && value < 8)
}

@Test func gradientOfTheFeatureLossAgreesWithDifferencesAndExcludesTheClassifier() {
  let network = classifier()
  let loss = FeatureLoss(network, weights: [1, 0.5])
  let y = images(2, seed: 2)
  for comparison in gradientCheck(at: [images(2, seed: 1)], { loss($0[0], y) }) {
    #expect(comparison.relativeError < 5e-3)
  }
  let tape = Tape()
  let input = tape.input(images(2, seed: 1))
  let gradients = tape.gradients(of: loss(input, y))
  #expect(gradients[input] != nil)
  #expect(network.parameters.allSatisfy { gradients[$0] == nil })
}

@Test func aTableOfMetricsCanGainColumns() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/metrics.csv"
    let old = try MetricsFile(path, columns: ["loss", "kl"], upTo: 0)
    try old.append(step: 1, ["loss": 3, "kl": 0.5])
    try old.append(step: 2, ["loss": 2, "kl": 0.25])
    let new = try MetricsFile(path, columns: ["loss", "features", "kl"], upTo: 1)
    try new.append(step: 2, ["loss": 1.5, "features": 7, "kl": 0.125])
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text == "step,loss,features,kl\n1,3,,0.5\n2,1.5,7,0.125\n")
    #expect(throws: Failure.self) { try MetricsFile(path, columns: ["loss"], upTo: 2) }
  }
}
