import Foundation
import Probability
import Tensors
import Testing

/// Statistical properties of the generator. Bounds are about four standard errors, at a fixed seed.
@Suite struct RandomStatisticsTests {
  private let count = 40_000

  /// The largest difference between the empirical distribution function and the exact one.
  private func kolmogorovDistance(_ draws: [Double], _ distribution: (Double) -> Double) -> Double {
    let n = Double(draws.count)
    return draws.sorted().enumerated().reduce(0) { worst, entry in
      let expected = distribution(entry.element)
      let (below, above) = (Double(entry.offset) / n, Double(entry.offset + 1) / n)
      return max(worst, abs(expected - below), abs(expected - above))
    }
  }

  private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let n = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      ab += (x - meanA) * (y - meanB)
      aa += (x - meanA) * (x - meanA)
      bb += (y - meanB) * (y - meanB)
    }
    return ab / (aa * bb).squareRoot()
  }

  /// Exceeded with probability 2·exp(-2·1.95²) = 0.001 by samples of the exact distribution.
  private var kolmogorovBound: Double { 1.95 / Double(count).squareRoot() }

  @Test func uniformNumbersAreUniformAndWithinTheOpenInterval() {
    var generator = RandomGenerator(seed: 1)
    let draws = (0..<count).map { _ in generator.uniform() }
    #expect(kolmogorovDistance(draws) { $0 } < kolmogorovBound)
    #expect(draws.allSatisfy { $0 > 0 && $0 < 1 })
    let shifted = (0..<count).map { _ in generator.uniform(in: -3...5) }
    #expect(kolmogorovDistance(shifted) { ($0 + 3) / 8 } < kolmogorovBound)
  }

  @Test func normalNumbersHaveTheStandardGaussianDistribution() {
    var generator = RandomGenerator(seed: 2)
    let draws = (0..<count).map { _ in generator.normal() }
    let distance = kolmogorovDistance(draws) { 0.5 * erfc(-$0 / 2.0.squareRoot()) }
    #expect(distance < kolmogorovBound)
    // In the tail too: P(|x| > 3) = 0.0027.
    let tail = Double(draws.filter { abs($0) > 3 }.count) / Double(count)
    #expect(abs(tail - 0.0027) < 4 * (0.0027 / Double(count)).squareRoot())
  }

  @Test func numbersOfOneSequenceAreUncorrelated() {
    var generator = RandomGenerator(seed: 3)
    let draws = (0..<count + 3).map { _ in generator.normal() }
    for lag in 1...3 {
      let shifted = Array(draws[lag..<count + lag])
      #expect(abs(correlation(Array(draws[..<count]), shifted)) < 4 / Double(count).squareRoot())
      let squares = correlation(draws[..<count].map { $0 * $0 }, shifted.map { $0 * $0 })
      #expect(abs(squares) < 4 / Double(count).squareRoot())
    }
  }

  @Test func streamsSplitsAndSeedsAreUncorrelated() {
    let parent = RandomGenerator(seed: 4)
    var generators = [
      parent, RandomGenerator(seed: 5), RandomGenerator(seed: 4, stream: 1), parent.split(0),
      parent.split(1), parent.split(0).split(0), parent.split(1).split(0),
    ]
    let draws = generators.indices.map { index in
      (0..<count).map { _ in generators[index].normal() }
    }
    for i in draws.indices {
      for j in 0..<i {
        #expect(abs(correlation(draws[i], draws[j])) < 4 / Double(count).squareRoot())
      }
    }
  }

  @Test func aSplitDoesNotDependOnThePositionOfTheGenerator() {
    var parent = RandomGenerator(seed: 6)
    var before = parent.split(3)
    for _ in 0..<5 { _ = parent.normal() }
    var after = parent.split(3)
    #expect(before.next() == after.next())
    var copy = parent
    #expect(copy.normal() == parent.normal())
  }

  @Test func indicesAndPermutationsAreUniform() {
    var generator = RandomGenerator(seed: 7)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<count { counts[generator.index(below: 7)] += 1 }
    // Six degrees of freedom: mean 6, variance 12.
    #expect(chiSquare(counts) < 6 + 4 * 12.0.squareRoot())
    var orders: [[Int]: Int] = [:]
    for _ in 0..<count { orders[generator.permutation(3), default: 0] += 1 }
    #expect(orders.count == 6)
    #expect(chiSquare(Array(orders.values)) < 5 + 4 * 10.0.squareRoot())
  }

  private func chiSquare(_ counts: [Int]) -> Double {
    let expected = Double(counts.reduce(0, +)) / Double(counts.count)
    return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
  }

  @Test func tensorsAreFilledInTheOrderOfTheSequence() {
    var (first, second) = (RandomGenerator(seed: 8), RandomGenerator(seed: 8))
    let tensor = Tensor.normal([3, 5], using: &first)
    #expect(tensor.elements == (0..<15).map { _ in Float(second.normal()) })
    let uniform = Tensor.uniform([1000], in: 2...3, using: &first)
    #expect(uniform.min() >= 2 && uniform.max() <= 3)
    #expect(abs(uniform.mean() - 2.5) < 4 / (12.0 * 1000).squareRoot())
  }
}
