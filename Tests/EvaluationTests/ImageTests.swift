import Evaluation
import Foundation
import Probability
import Tensors
import Testing

private func pictures(_ count: Int, seed: UInt64 = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .uniform([count, 3, 16, 16], in: -1...1, using: &generator)
}

@Test func signalToNoiseOfAKnownErrorFollowsFromItsSquare() {
  let x = pictures(2)
  let values = peakSignalToNoise(x, x + 0.02)
  for value in values { #expect(abs(value - 10 * log10(4 / 0.0004)) < 1e-3) }
  #expect(peakSignalToNoise(x, x).allSatisfy { $0 == .infinity })
}

@Test func anImageIsPerfectlySimilarToItself() {
  for value in structuralSimilarity(pictures(3), pictures(3)) { #expect(abs(value - 1) < 1e-6) }
}

@Test func structuralSimilarityIsSymmetricAndAtMostOne() {
  let (x, y) = (pictures(3), pictures(3, seed: 2))
  for (a, b) in zip(structuralSimilarity(x, y), structuralSimilarity(y, x)) {
    #expect(a == b)
    #expect(a < 0.3)
  }
}

@Test func flatImagesDifferByTheirLuminanceAlone() {
  let x = Tensor(repeating: 0.5, shape: [1, 1, 12, 13])
  let y = Tensor(repeating: 0.1, shape: [1, 1, 12, 13])
  let c = 0.0004
  let expected = (2 * 0.5 * 0.1 + c) / (0.25 + 0.01 + c)
  #expect(abs(structuralSimilarity(x, y)[0] - expected) < 1e-6)
}

@Test func structureThatIsInvertedScoresNearlyMinusOne() {
  // Every window averages a chessboard to nearly zero: only covariance and constant are left.
  let board = Tensor(
    (0..<16 * 16).map { ($0 / 16 + $0 % 16) % 2 == 0 ? 0.5 : -0.5 }, shape: [1, 1, 16, 16])
  let expected = (-0.5 + 0.0036) / (0.5 + 0.0036)
  #expect(abs(structuralSimilarity(board, -board)[0] - expected) < 2e-3)
}
