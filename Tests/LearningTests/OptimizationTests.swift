import Autodiff
import Foundation
import Learning
import Tensors
import Testing

/// Gradients equal to given tensors: those of Σ ⟨w, g⟩.
func gradients(_ pairs: [(Parameter, Tensor)]) -> Gradients {
  let tape = Tape()
  let terms = pairs.map { (tape.variable($0) * tape.constant($1)).sum() }
  return tape.gradients(of: terms.dropFirst().reduce(terms[0]) { $0 + $1 })
}

@Test func firstAdamWStepDecaysTheWeightAndSubtractsTheLearningRateTimesTheSign() {
  let w = Parameter("w", Tensor([2, -3, 0.5, 4]))
  var optimizer = AdamW([w], settings: .init(weightDecay: 0.1))
  optimizer.update(gradients([(w, Tensor([5, -0.01, 1e-3, 0]))]), learningRate: 0.01)
  // m/(1-β₁) = g and v/(1-β₂) = g², so the quotient is the sign; the decay multiplies each weight by 0.999.
  let expected: [Float] = [2 * 0.999 - 0.01, -3 * 0.999 + 0.01, 0.5 * 0.999 - 0.01, 4 * 0.999]
  for (value, target) in zip(w.value.elements, expected) { #expect(abs(value - target) < 1e-6) }
  #expect(optimizer.step == 1)
}

@Test func adamWFollowsItsRecurrenceInDoublePrecision() {
  let w = Parameter("w", Tensor([1, -1]))
  let settings = AdamW.Settings(
    beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.05)
  var optimizer = AdamW([w], settings: settings)
  var weight = [1.0, -1.0]
  var m = [0.0, 0.0]
  var v = [0.0, 0.0]
  for k in 1...20 {
    let g = [sin(Double(k)), 0.3 * cos(2 * Double(k))]
    let rate = 0.02 / Double(k)
    optimizer.update(gradients([(w, Tensor(g.map(Float.init)))]), learningRate: rate)
    for i in 0..<2 {
      weight[i] *= 1 - rate * 0.05
      m[i] = 0.8 * m[i] + 0.2 * g[i]
      v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i]
      let mean = m[i] / (1 - pow(0.8, Double(k)))
      let square = v[i] / (1 - pow(0.95, Double(k)))
      weight[i] -= rate * mean / (square.squareRoot() + 1e-3)
      #expect(abs(Double(w.value.elements[i]) - weight[i]) < 2e-6)
    }
  }
}

@Test func parametersWithoutAGradientDoNotChange() {
  let used = Parameter("used", Tensor([1, 2]))
  let idle = Parameter("idle", Tensor([3, 4]))
  var optimizer = AdamW([used, idle])
  optimizer.update(gradients([(used, Tensor([1, 1]))]), learningRate: 0.1)
  #expect(idle.value.elements == [3, 4])
  #expect(used.value.elements != [1, 2])
}

@Test func adamWUpdatesLongTensorsLikeTheirParts() {
  let count = 100_003
  let start = Tensor((0..<count).map { Float($0 % 97) / 97 })
  let slope = Tensor((0..<count).map { Float($0 % 89) / 89 - 0.5 })
  let whole = Parameter("whole", start)
  let part = Parameter("part", Tensor(Array(start.elements[70_000..<70_010])))
  var optimizer = AdamW([whole, part])
  for _ in 0..<3 {
    let pairs = [(whole, slope), (part, Tensor(Array(slope.elements[70_000..<70_010])))]
    optimizer.update(gradients(pairs), learningRate: 0.01)
  }
  for (a, b) in zip(whole.value.elements[70_000..<70_010], part.value.elements) {
    #expect(abs(a - b) < 1e-6)
  }
}

@Test func clippingLimitsTheGlobalNormAndDoesNotChangeSmallerGradients() {
  let a = Parameter("a", Tensor([0, 0]))
  let b = Parameter("b", Tensor([0]))
  let slopes = gradients([(a, Tensor([3, 0])), (b, Tensor([4]))])
  #expect(abs(slopes.clippingFactor(toNorm: 1, of: [a, b]) - 0.2) < 1e-6)
  #expect(abs(slopes.clippingFactor(toNorm: 1, of: [b]) - 0.25) < 1e-6)
  #expect(slopes.clippingFactor(toNorm: 6, of: [a, b]) == 1)
}

@Test func theScaleMultipliesTheGradients() {
  let slope = Tensor([0.3, -2])
  let first = Parameter("w", Tensor([1, 1]))
  let second = Parameter("w", Tensor([1, 1]))
  var scaled = AdamW([first], settings: .init(epsilon: 0.1))
  var plain = AdamW([second], settings: .init(epsilon: 0.1))
  scaled.update(gradients([(first, slope)]), learningRate: 0.1, scale: 0.25)
  plain.update(gradients([(second, Tensor([0.075, -0.5]))]), learningRate: 0.1)
  for (a, b) in zip(first.value.elements, second.value.elements) { #expect(abs(a - b) < 1e-7) }
}

// MARK: - Averages

@Test func averageOfConstantWeightsConvergesGeometrically() {
  let w = Parameter("w", Tensor([1, 10]))
  var average = ExponentialMovingAverage([w], decay: 0.9, warmsUp: false)
  w.value = Tensor([3, -2])
  for n in 1...30 {
    average.update()
    let left = Float(pow(0.9, Double(n)))
    #expect(abs(average.averages[0].elements[0] - (3 - 2 * left)) < 1e-5)
    #expect(abs(average.averages[0].elements[1] - (-2 + 12 * left)) < 1e-5)
  }
}

@Test func averageWeightsPastWeightsByPowersOfTheDecay() {
  let w = Parameter("w", Tensor([0]))
  var average = ExponentialMovingAverage([w], decay: 0.8, warmsUp: false)
  var expected = 0.0
  for n in 1...12 {
    w.value = Tensor([Float(n * n)])
    average.update()
  }
  for n in 1...12 { expected += 0.2 * pow(0.8, Double(12 - n)) * Double(n * n) }
  #expect(abs(Double(average.averages[0].scalar) - expected) < 1e-4)
}

@Test func warmUpIncreasesTheDecayToItsFinalValue() {
  let w = Parameter("w", Tensor([0]))
  var average = ExponentialMovingAverage([w], decay: 0.999)
  #expect(average.decay(ofUpdate: 1) == 2.0 / 11)
  #expect(average.decay(ofUpdate: 90) == 91.0 / 100)
  #expect(average.decay(ofUpdate: 1_000_000) == 0.999)
  w.value = Tensor([1])
  average.update()
  #expect(abs(average.averages[0].scalar - 9.0 / 11) < 1e-6)
}

@Test func weightsAreRestoredAfterUseOfTheirAverages() throws {
  struct Stop: Error {}
  let w = Parameter("w", Tensor([0]))
  var average = ExponentialMovingAverage([w], decay: 0.5, warmsUp: false)
  w.value = Tensor([8])
  average.update()
  #expect(average.withAverages { w.value.scalar } == 4)
  #expect(w.value.scalar == 8)
  #expect(throws: Stop.self) { try average.withAverages { throw Stop() } }
  #expect(w.value.scalar == 8)
}
