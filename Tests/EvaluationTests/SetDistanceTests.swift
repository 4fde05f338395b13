import Evaluation
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

// MARK: Fréchet

@Test func frechetDistanceInOneDimensionIsTheSquaredWassersteinDistanceOfNormals() throws {
  let x = normal([400, 1], 1)
  let y = normal([300, 1], 2) * 3 + 2
  func moments(_ x: Tensor) -> (mean: Double, standardDeviation: Double) {
    let n = Double(x.count)
    return (x.mean(), (x.variance() * n / (n - 1)).squareRoot())
  }
  let (a, b) = (moments(x), moments(y))
  let expected = pow(a.mean - b.mean, 2) + pow(a.standardDeviation - b.standardDeviation, 2)
  let measured = try FrechetDistance(from: x)(to: y)
  #expect(abs(measured.value - expected) < 1e-4 * expected)
  #expect(measured.samples == 300)
}

@Test func frechetDistanceOfASetToItselfIsZero() throws {
  let x = normal([200, 6], 3)
  #expect(abs(try FrechetDistance(from: x)(to: x).value) < 1e-9)
}

@Test func frechetDistanceOfAShiftedSetIsTheSquareOfTheShift() throws {
  let x = normal([200, 6], 3)
  #expect(abs(try FrechetDistance(from: x)(to: x + 0.5).value - 6 * 0.25) < 1e-4)
}

@Test func frechetDistanceOfSetsFromOneDistributionShrinksLikeTheInverseOfTheirSize() throws {
  let reference = FrechetDistance(from: normal([20_000, 8], 4))
  let small = try reference(to: normal([250, 8], 5)).value
  let large = try reference(to: normal([4000, 8], 6)).value
  #expect(small > 0 && large > 0)
  #expect(small / large > 4)
}

@Test func jackknifeErrorOfTheFrechetDistanceIsItsSpread() throws {
  let reference = FrechetDistance(from: normal([5000, 4], 7))
  let measured = try (0..<40).map { try reference(to: normal([500, 4], 100 + $0) + 0.5) }
  let values = Estimate(of: measured.map(\.value))
  let spread = values.standardError * 40.0.squareRoot()
  let predicted = measured.reduce(0) { $0 + $1.standardError } / 40
  // Forty values leave their spread uncertain by 11 %, ten blocks each error by 24 %.
  #expect(abs(predicted / spread - 1) < 0.5)
}

// MARK: Kernel distance

@Test func kernelDistanceOfOneDistributionIsZeroWithinItsError() {
  let measured = kernelDistance(normal([4000, 8], 1), normal([4000, 8], 2))
  #expect(abs(measured.value) < 4 * measured.standardError)
  #expect(measured.samples == 4000)
}

@Test func kernelDistanceOfTwoPairsIsThatOfItsDefinition() {
  let x = Tensor([1, 0, 0, 2], shape: [2, 2])
  let y = Tensor([1, 1, -1, 3], shape: [2, 2])
  func k(_ a: [Double], _ b: [Double]) -> Double { pow((a[0] * b[0] + a[1] * b[1]) / 2 + 1, 3) }
  let cross =
    k([1, 0], [1, 1]) + k([1, 0], [-1, 3]) + k([0, 2], [1, 1]) + k([0, 2], [-1, 3])
  let expected = k([1, 0], [0, 2]) + k([1, 1], [-1, 3]) - cross / 2
  #expect(abs(kernelDistance(x, y).value - expected) < 1e-5)
}

@Test func kernelDistanceSeesAShift() {
  let measured = kernelDistance(normal([2000, 8], 1), normal([2000, 8], 2) + 0.5)
  #expect(measured.value > 10 * measured.standardError)
}

// MARK: Precision and recall

@Test func identicalSetsHavePrecisionAndRecallOfOne() {
  let x = normal([300, 5], 1)
  let result = PrecisionAndRecall(real: x, samples: x)
  #expect(result.precision.value == 1 && result.recall.value == 1)
}

@Test func setsFarApartHavePrecisionAndRecallOfZero() {
  let x = normal([300, 5], 1)
  let result = PrecisionAndRecall(real: x, samples: x + 100)
  #expect(result.precision.value == 0 && result.recall.value == 0)
}

@Test func samplesOfHalfTheRealSetAreRealButDoNotReachTheOtherHalf() {
  let near = normal([200, 5], 1)
  let far = normal([200, 5], 2) + 50
  let result = PrecisionAndRecall(
    real: .concatenated([near, far], along: 0), samples: normal([400, 5], 3))
  #expect(result.precision.value > 0.8)
  #expect((0.4...0.5).contains(result.recall.value))
}

// MARK: Neighbors

@Test func nearestNeighborsAreThoseOfASearchThroughAllPairs() {
  let (x, y) = (normal([20, 3, 2], 1), normal([50, 3, 2], 2))
  let found = nearestNeighbors(to: x, in: y, count: 3)
  for query in 0..<20 {
    let distances = (0..<50).map { reference in
      (0..<6).reduce(0.0) { sum, i in
        let gap = Double(x[flat: query * 6 + i] - y[flat: reference * 6 + i])
        return sum + gap * gap
      }.squareRoot()
    }
    let order = distances.indices.sorted { distances[$0] < distances[$1] }
    #expect(found[query].map(\.index) == Array(order.prefix(3)))
    #expect(abs(found[query][0].distance - distances[order[0]]) < 1e-4)
  }
}

@Test func aSetComparedWithItselfCanLeaveOutTheSameVector() {
  let x = normal([30, 4], 1)
  let with = nearestNeighbors(to: x, in: x, count: 1)
  let without = nearestNeighbors(to: x, in: x, count: 1, skippingSame: true)
  #expect(with.enumerated().allSatisfy { $1[0].index == $0 })
  #expect(without.enumerated().allSatisfy { $1[0].index != $0 })
}
