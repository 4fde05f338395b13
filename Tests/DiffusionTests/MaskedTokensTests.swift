import Diffusion
import Testing

@Suite struct MaskedTokensTests {
  let table = MaskedTokens(tokens: 2, symbols: 2, probabilities: [0.4, 0.1, 0.2, 0.3])

  @Test func boundWithExactConditionalsIsMinusTheEntropy() {
    expect(table.lowerBound, equals: -table.entropy, within: 1e-13)
    expect(table.entropy, equals: 1.279854, within: 1e-6)
    let three = MaskedTokens(
      tokens: 3, symbols: 3, probabilities: (0..<27).map { 1 + Double($0 * $0 % 11) })
    expect(three.lowerBound, equals: -three.entropy, within: 1e-12)
  }

  @Test func samplerMixesTheLawWithTheProductOfItsMarginals() {
    let first = [0.5, 0.5]
    let second = [0.6, 0.4]
    for steps in [1, 2, 7, 100] {
      let law = table.sampledLaw(steps: steps)
      expect(law.reduce(0, +), equals: 1, within: 1e-13)
      let s = 1 / Double(steps)
      for index in 0..<4 {
        let sequence = table.sequence(index)
        let product = first[sequence[0]] * second[sequence[1]]
        expect(
          law[index], equals: (1 - s) * table.probabilities[index] + s * product, within: 1e-13)
      }
    }
  }
}
