import Probability
import Tensors
import Testing

@Suite struct RandomGeneratorTests {
  /// The known answers published with Random123.
  @Test func philoxGivesThePublishedAnswers() {
    #expect(
      RandomGenerator.philox(SIMD4(repeating: 0), key: SIMD2(repeating: 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      RandomGenerator.philox(SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
  }

  @Test func streamsDoNotDependOnTheBatch() {
    let generator = RandomGenerator(seed: 3)
    let whole = Tensor.normal([5, 4], streamsOf: generator).elements
    let rest = Tensor.normal([3, 4], streamsOf: generator, from: 2).elements
    #expect(Array(whole[8...]) == rest)
  }

  @Test func normalDrawsHaveTheMomentsOfTheNormalDistribution() {
    var generator = RandomGenerator(seed: 11)
    let count = 200_000
    var moments = [0.0, 0.0, 0.0, 0.0]
    for _ in 0..<count {
      let x = generator.normal()
      moments[0] += x
      moments[1] += x * x
      moments[2] += x * x * x
      moments[3] += x * x * x * x
    }
    let n = Double(count)
    // Four standard errors of each mean; the variances of x, x², x³, x⁴ are 1, 2, 15, 96.
    for (moment, (expected, variance)) in zip(moments, [(0.0, 1.0), (1, 2), (0, 15), (3, 96)]) {
      #expect(abs(moment / n - expected) < 4 * (variance / n).squareRoot())
    }
  }
}
