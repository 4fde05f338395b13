import Datasets
import Foundation
import Probability
import Testing

@Suite struct PlaneSetTests {
  @Test func setsAreCenteredAndScaled() {
    for set in PlaneSet.allCases {
      let (points, labels) = set.sample(40_000, using: RandomGenerator(seed: 1))
      let mean = (0..<2).map { points.column($0).reduce(0, +) / 40_000 }
      let square = points.values.reduce(0) { $0 + $1 * $1 } / 80_000
      #expect(abs(mean[0]) < 0.03 && abs(mean[1]) < 0.03, "\(set) \(mean)")
      #expect(abs(square - 1) < 0.03, "\(set) \(square)")
      #expect(Set(labels) == Set(0..<set.classCount))
    }
  }

  @Test func pointDependsOnItsIndexAlone() {
    for set in PlaneSet.allCases {
      let many = set.sample(50, using: RandomGenerator(seed: 2))
      let few = set.sample(10, using: RandomGenerator(seed: 2))
      #expect(few.points.values == Array(many.points.values.prefix(20)))
      #expect(few.labels == Array(many.labels.prefix(10)))
    }
  }

  @Test func eightGaussiansLieOnACircle() {
    let (points, labels) = PlaneSet.eightGaussians.sample(8000, using: RandomGenerator(seed: 3))
    for label in 0..<8 {
      let members = labels.indices.filter { labels[$0] == label }
      let x = members.reduce(0.0) { $0 + points[$1][0] } / Double(members.count)
      let y = members.reduce(0.0) { $0 + points[$1][1] } / Double(members.count)
      let angle = Double.pi / 4 * Double(label)
      #expect(abs(x - PlaneSet.eightGaussiansRadius * cos(angle)) < 0.02)
      #expect(abs(y - PlaneSet.eightGaussiansRadius * sin(angle)) < 0.02)
    }
  }
}
