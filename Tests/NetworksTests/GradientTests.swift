import Autodiff
import Networks
import Probability
import Tensors
import Testing

private func generator() -> RandomGenerator { RandomGenerator(seed: 8) }

/// A network of its own for every test, since tests run at once and one of them moves the weights.
private func makeNetwork() -> UNet {
  UNet(
    .init(
      inputChannels: 2, outputChannels: 2, channels: [8, 16], headWidth: 4, groups: 4, classes: 3),
    generator: generator())
}

private func loss(_ network: UNet, _ x: Variable) -> Variable {
  meanSquaredError(network(x, t: [5, 600], labels: [1, 2]), wave("target", [2, 2, 8, 8]))
}

/// The slope of `f` at 0, by central differences of fourth order.
private func slope(_ f: (Float) -> Float, step h: Float) -> Float {
  (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
}

@Test func lossOfTheWholeUNetRisesAlongItsGradientAsFastAsTheGradientIsLong() {
  let x = wave("input", [2, 2, 8, 8])
  let network = makeNetwork()
  let parameters = network.parameters
  let tape = Tape()
  let gradients = tape.gradients(of: loss(network, tape.constant(x)))
  let norm = Float(gradients.globalNorm(over: parameters))
  let start = parameters.map(\.value)
  let measured = slope(
    { h in
      for (parameter, value) in zip(parameters, start) {
        parameter.value = value + gradients[parameter]! * (h / norm)
      }
      return loss(network, Tape(recording: false).constant(x)).scalar
    }, step: 0.002)
  #expect(norm > 0.01)
  #expect(abs(measured - norm) < 2e-4 * norm)
}

@Test func gradientWithRespectToTheImageIsThatOfDifferences() throws {
  let x = wave("input", [2, 2, 8, 8])
  let direction = wave("direction", [2, 2, 8, 8])
  let network = makeNetwork()
  let tape = Tape()
  let input = tape.input(x)
  let gradient = try #require(tape.gradients(of: loss(network, input))[input])
  let expected = zip(gradient.elements, direction.elements).reduce(0) { $0 + $1.0 * $1.1 }
  let measured = slope(
    { h in loss(network, Tape(recording: false).constant(x + direction * h)).scalar }, step: 0.002)
  #expect(abs(expected) > 0.01)
  #expect(abs(measured - expected) < 1e-3 * abs(expected))
}

@Test func lossOfANetworkThatStartsAtZeroIsTheMeanSquareOfTheNoise() {
  let network = UNet(
    .init(channels: [32, 64], headWidth: 32, startsAtZero: true), generator: generator())
  var draws = generator()
  let noise = Tensor.normal([4, 4, 8, 8], using: &draws)
  let output = network(wave("input", [4, 4, 8, 8]), t: [300])
  let loss = meanSquaredError(Tape().constant(output), noise).scalar
  let square = noise.elements.reduce(0) { $0 + Double($1) * Double($1) } / 1024
  #expect(abs(Double(loss) - square) < 1e-6)
}

@Test func transposedConvolutionIsTheAdjointOfTheConvolution() {
  let geometry = ConvolutionGeometry(kernel: 4, stride: 2, padding: 1)
  let down = Convolution(3, 5, geometry: geometry, in: ParameterScope(generator()))
  down.bias.value = .zeros(like: down.bias.value)
  let tape = Tape(recording: false)
  let x = wave("x", [2, 8, 6, 3])
  let y = wave("y", [2, 4, 3, 5])
  func product(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.elements, b.elements).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
  let left = product(down(tape.constant(x)).value, y)
  let up = Kernel.transposedConvolution(
    y, weight: down.weight.value, bias: nil, geometry: geometry)
  let right = product(x, up)
  #expect(abs(left - right) < 1e-5 * length(x) * length(y))
  #expect(abs(left) > 1e-3)
}

@Test func groupNormGivesEveryGroupOfAnImageMeanZeroAndVarianceOne() {
  let norm = GroupNorm(6, groups: 3, epsilon: 0, in: ParameterScope(generator()))
  let x = wave("x", [2, 5, 3, 6])
  let y = norm(Tape(recording: false).constant(x)).value
  for image in 0..<2 {
    for group in 0..<3 {
      let values = (0..<15).flatMap { pixel in
        (0..<2).map { Double(y[flat: (image * 15 + pixel) * 6 + 2 * group + $0]) }
      }
      let mean = values.reduce(0, +) / 30
      #expect(abs(mean) < 1e-6)
      #expect(abs(values.reduce(0) { $0 + $1 * $1 } / 30 - 1) < 1e-5)
    }
  }
}
