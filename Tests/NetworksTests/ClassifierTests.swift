import Autodiff
import Networks
import Probability
import Tensors
import Testing

private func makeClassifier() -> ResNet {
  ResNet(
    .init(stem: 4, channels: [8, 8], blocks: [1, 2], features: 6, classes: 5, groups: 2),
    generator: RandomGenerator(seed: 3))
}

@Test func classifierGivesAFeatureVectorAndANumberForEveryClass() {
  let output: ResNet.Output = makeClassifier()(
    Tape(recording: false).constant(wave("images", [3, 3, 8, 8])))
  #expect(output.features.shape == [3, 6])
  #expect(output.logits.shape == [3, 5])
  #expect(output.stages.map(\.shape) == [[3, 4, 4, 8], [3, 2, 2, 8]])
}

@Test func classifierTreatsEveryImageOfABatchByItself() {
  let network = makeClassifier()
  let images = wave("images", [3, 3, 8, 8])
  let all = network(images).logits
  let one = network(images.slice(1..<2)).logits
  #expect(all.slice(1..<2).largestDifference(from: one) < 1e-5)
}

@Test func parametersOfAClassifierHaveNamesOfTheirOwn() {
  let names = makeClassifier().parameters.map(\.name)
  #expect(Set(names).count == names.count)
}

@Test func gradientOfAClassifierIsThatOfDifferences() {
  let network = makeClassifier()
  let comparisons = gradientCheck(at: [wave("images", [2, 3, 8, 8])]) { x in
    network(x[0]).logits
  }
  for comparison in comparisons { #expect(comparison.relativeError < 2e-3) }
}
