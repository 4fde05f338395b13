import Autodiff
import Files
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors
import Testing

private func generator() -> RandomGenerator { RandomGenerator(seed: 3) }

// MARK: - Time

@Test func sinusoidalEmbeddingIsThatOfDiffusers() throws {
  let reference = try Safetensors(reading: "\(fixtures)/embedding.safetensors").tensors
  let times = try #require(reference["times"]).elements.map(Double.init)
  for size in [7, 8, 64] {
    let expected = try #require(reference["\(size)"])
    let embedding = sinusoidalEmbedding(times, channels: size)
    #expect(embedding.shape == expected.shape)
    for (value, target) in zip(embedding.elements, expected.elements) {
      #expect(abs(value - target) < 1e-4)
    }
  }
}

@Test func squaredLengthOfASinusoidalEmbeddingIsHalfItsWidth() {
  let embedding = sinusoidalEmbedding([0, 1, 17.5, 1000], channels: 64)
  for row in 0..<4 {
    let square = embedding.elements[row * 64..<row * 64 + 64].reduce(0) { $0 + $1 * $1 }
    #expect(abs(square - 32) < 1e-4)
  }
}

@Test func innerProductOfSinusoidalEmbeddingsDependsOnTheDifferenceOfTimes() {
  func product(_ s: Double, _ t: Double) -> Float {
    let e = sinusoidalEmbedding([s, t], channels: 32).elements
    return zip(e[..<32], e[32...]).reduce(0) { $0 + $1.0 * $1.1 }
  }
  #expect(abs(product(3, 10) - product(103, 110)) < 1e-3)
  #expect(abs(product(3, 10) - product(10, 3)) < 1e-5)
  #expect(product(5, 5) > product(5, 6))
}

// MARK: - Initialization

@Test func initialWeightsAreUniformWithinTheInverseRootOfTheirInputs() {
  let linear = Linear(100, 300, in: ParameterScope(generator()))
  let convolution = Convolution(12, 80, in: ParameterScope(generator()))
  for (weight, inputs) in [(linear.weight, 100), (convolution.weight, 108)] {
    let values = weight.value.elements
    let bound = 1 / Float(inputs).squareRoot()
    #expect(values.allSatisfy { abs($0) <= bound })
    #expect(values.contains { abs($0) > 0.99 * bound })
    let count = Double(values.count)
    // A uniform number in ±b has variance b²/3, and its square has variance 4b⁴/45.
    let variance = values.reduce(0) { $0 + Double($1) * Double($1) } / count
    let b2 = Double(bound * bound)
    #expect(abs(variance - b2 / 3) < 5 * (4 * b2 * b2 / 45 / count).squareRoot())
    let mean = values.reduce(0) { $0 + Double($1) } / count
    #expect(abs(mean) < 5 * (b2 / 3 / count).squareRoot())
  }
  for bias in [linear.bias, convolution.bias] {
    #expect(bias.value.elements.contains { $0 != 0 })
  }
}

@Test func initialValueOfAParameterDependsOnlyOnSeedAndName() {
  let small = UNet(.init(channels: [32, 64], headWidth: 32, classes: 3), generator: generator())
  let plain = UNet(
    .init(channels: [32, 64], attention: [false, false], middleAttention: false),
    generator: generator())
  let other = UNet(
    .init(channels: [32, 64], headWidth: 32, classes: 3), generator: RandomGenerator(seed: 4))
  let byName = Dictionary(uniqueKeysWithValues: small.parameters.map { ($0.name, $0.value) })
  for parameter in plain.parameters {
    #expect(byName[parameter.name]?.elements == parameter.value.elements)
  }
  for parameter in other.parameters where parameter.value.rank > 1 {
    #expect(byName[parameter.name]?.elements != parameter.value.elements)
  }
}

@Test func networksThatAreInitiallyZeroReturnZero() {
  let x = wave("x", [2, 4, 8, 8])
  let uNet = UNet(.init(classes: 5, startsAtZero: true), generator: generator())
  #expect(uNet(x, t: [1, 900], labels: [0, 4]).elements.allSatisfy { $0 == 0 })
  let mlp = MLP(.init(startsAtZero: true), generator: generator())
  #expect(mlp(wave("x", [7, 2]), t: [5]).elements.allSatisfy { $0 == 0 })
  let usual = UNet(.init(classes: 5), generator: generator())
  #expect(usual(x, t: [1, 900], labels: [0, 4]).elements.contains { $0 != 0 })
}

@Test func blocksThatAreInitiallyZeroAreTheirShortcuts() {
  let tape = Tape(recording: false)
  let x = wave("x", [2, 4, 4, 16])
  let scope = ParameterScope(generator())
  let residual = ResidualBlock(
    16, 16, embeddingChannels: nil, groups: 4, epsilon: 1e-5, startsAtZero: true, in: scope)
  let attention = SelfAttention(16, headWidth: 8, groups: 4, startsAtZero: true, in: scope)
  #expect(residual(tape.constant(x)).value.elements == x.elements)
  #expect(attention(tape.constant(x)).value.elements == x.elements)
}

// MARK: - Layers

@Test func attentionCommutesWithPermutationsOfThePixels() throws {
  let attention = SelfAttention(8, headWidth: 4, groups: 2, in: ParameterScope(generator()))
  func run(_ x: Tensor) -> Tensor { attention(Tape(recording: false).constant(x)).value }
  func reversed(_ x: Tensor) -> Tensor {
    let pixels = stride(from: 0, to: x.count, by: 8).map { Array(x.elements[$0..<$0 + 8]) }
    return Tensor(Array(pixels.reversed().joined()), shape: x.shape)
  }
  let x = wave("x", [1, 3, 5, 8])
  try expect(run(reversed(x)), reversed(run(x)), tolerance: 1e-5, "attention")
}

@Test func samplingLayersHalveAndDoubleTheExtents() {
  let tape = Tape(recording: false)
  let scope = ParameterScope(generator())
  let x = tape.constant(wave("x", [2, 6, 4, 5]))
  #expect(Downsample(5, padding: .around, in: scope)(x).shape == [2, 3, 2, 5])
  #expect(Downsample(5, padding: .after, in: scope)(x).shape == [2, 3, 2, 5])
  #expect(Upsample(5, in: scope)(x).shape == [2, 12, 8, 5])
}

@Test func paddingDeterminesTheCentersOfDownsampling() throws {
  // With a kernel that is zero except in its center, the output is every second pixel.
  func picked(_ padding: Downsample.Padding) throws -> [Float] {
    let layer = Downsample(1, padding: padding, in: ParameterScope(generator()))
    layer.convolution.weight.value = Tensor([0, 0, 0, 0, 1, 0, 0, 0, 0], shape: [1, 1, 3, 3])
    layer.convolution.bias.value = Tensor([0])
    let x = Tensor((0..<16).map(Float.init), shape: [1, 4, 4, 1])
    return layer(Tape(recording: false).constant(x)).value.elements
  }
  #expect(try picked(.around) == [0, 2, 8, 10])
  #expect(try picked(.after) == [5, 7, 13, 15])
}

// MARK: - Networks

@Test func outputsDoNotDependOnOtherImagesOfTheBatch() throws {
  let network = UNet(.init(channels: [32, 64], headWidth: 32, classes: 4), generator: generator())
  let x = wave("x", [3, 4, 8, 8])
  let batch = network(x, t: [10, 400, 999], labels: [3, 0, 1])
  let each = 4 * 8 * 8
  for i in 0..<3 {
    let range = i * each..<(i + 1) * each
    let alone = network(
      Tensor(Array(x.elements[range]), shape: [1, 4, 8, 8]), t: [[10, 400, 999][i]],
      labels: [[3, 0, 1][i]])
    try expect(
      Tensor(Array(batch.elements[range]), shape: alone.shape), alone, tolerance: 1e-5, "image \(i)"
    )
  }
}

@Test func oneTimeIsUsedForTheWholeBatch() {
  let network = UNet(.init(channels: [32, 64], headWidth: 32), generator: generator())
  let x = wave("x", [3, 4, 8, 8])
  #expect(network(x, t: [77]).elements == network(x, t: [77, 77, 77]).elements)
  #expect(network(x, t: [77]).elements != network(x, t: [78]).elements)
}

@Test func labelsAndTimesChangeTheOutput() {
  let network = UNet(.init(channels: [32, 64], headWidth: 32, classes: 4), generator: generator())
  let x = wave("x", [1, 4, 8, 8])
  let output = network(x, t: [5], labels: [1]).elements
  #expect(network(x, t: [6], labels: [1]).elements != output)
  #expect(network(x, t: [5], labels: [2]).elements != output)
}

@Test func mlpDependsOnPointTimeAndClass() {
  let network = MLP(.init(classes: 3), generator: generator())
  let x = wave("x", [4, 2])
  let output = network(x, t: [9], labels: [0, 1, 2, 0])
  #expect(output.shape == [4, 2])
  #expect(network(x, t: [10], labels: [0, 1, 2, 0]).elements != output.elements)
  let other = network(x, t: [9], labels: [0, 1, 2, 1]).elements
  #expect(Array(other[..<6]) == Array(output.elements[..<6]))
  #expect(Array(other[6...]) != Array(output.elements[6...]))
}

@Test func mlpLearnsTheRotationOfPoints() {
  let network = MLP(.init(width: 32, layers: 2), generator: generator())
  var optimizer = AdamW(network.parameters)
  let x = wave("points", [64, 2])
  let target = Tensor(
    stride(from: 0, to: 128, by: 2).flatMap { [-x.elements[$0 + 1], x.elements[$0]] },
    shape: [64, 2])
  var losses: [Float] = []
  for _ in 0..<200 {
    let tape = Tape()
    let loss = meanSquaredError(network(tape.constant(x), t: [1]), tape.constant(target))
    losses.append(loss.value.scalar)
    optimizer.update(tape.gradients(of: loss), learningRate: 3e-3)
  }
  #expect(losses[199] < 0.02 * losses[0])
}

@Test func latentsAreSmallerByTheReductionOfTheConfiguration() {
  let network = Autoencoder(.init(channels: [8, 8, 8]), generator: generator())
  let (mean, logVariance) = network.encode(wave("x", [2, 3, 16, 8]))
  #expect(network.configuration.reduction == 4)
  #expect(mean.shape == [2, 4, 4, 2])
  #expect(logVariance.shape == [2, 4, 4, 2])
  #expect(network.decode(mean).shape == [2, 3, 16, 8])
}
