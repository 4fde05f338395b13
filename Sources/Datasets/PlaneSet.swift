import Foundation
import Probability

/// Distributions of points in the plane that are easy to plot and hard to model, scaled to mean 0
/// and, averaged over both coordinates, variance 1.
///
/// Point `i` depends on the generator and on `i` alone.
public enum PlaneSet: String, Sendable, CaseIterable {
  /// A spiral of one and a half turns; one class.
  case swissRoll
  /// Two interleaved half circles; the class is the half.
  case moons
  /// Eight narrow Gaussians on a circle; the class is the Gaussian, counted counterclockwise.
  case eightGaussians
  /// The dark squares of a board of four by four squares; one class.
  case checkerboard
  /// Two circles of different radius; the class is the circle.
  case rings

  /// The number of classes.
  public var classCount: Int {
    switch self {
    case .swissRoll, .checkerboard: return 1
    case .moons, .rings: return 2
    case .eightGaussians: return 8
    }
  }

  /// The distance of the eight means from the origin, after scaling.
  public static let eightGaussiansRadius = eightRadius / eightScale
  /// The standard deviation of each of the eight Gaussians, after scaling.
  public static let eightGaussiansStandardDeviation = eightStandardDeviation / eightScale

  private static let eightRadius = 2.0
  private static let eightStandardDeviation = 0.15
  private static let eightScale =
    (eightRadius * eightRadius / 2 + eightStandardDeviation * eightStandardDeviation).squareRoot()

  /// Samples points and their classes.
  ///
  /// - Returns: points of the plane and one class per point.
  public func sample(
    _ count: Int, using generator: RandomGenerator
  ) -> (points: PointSet, labels: [Int]) {
    var labels = [Int](repeating: 0, count: count)
    var points = PointSet(zeros: count, dimensions: 2)
    for i in 0..<count {
      var stream = generator.split(i)
      let (x, y, label) = point(using: &stream)
      points.values[2 * i] = x
      points.values[2 * i + 1] = y
      labels[i] = label
    }
    return (points, labels)
  }

  private func point(using stream: inout RandomGenerator) -> (Double, Double, Int) {
    switch self {
    case .swissRoll:
      // The length of the spiral grows with the square of its angle, so this spreads points evenly.
      let turn = 1.5 * Double.pi * (1 + 8 * stream.uniform()).squareRoot()
      let (x, y) = (turn * cos(turn), turn * sin(turn))
      return (
        (x + 0.3 * stream.normal() - 2.4550) / 7.2459,
        (y + 0.3 * stream.normal() - 0.4244) / 7.2459, 0
      )
    case .moons:
      let label = stream.uniform() < 0.5 ? 0 : 1
      let angle = Double.pi * stream.uniform()
      let (x, y) = label == 0 ? (cos(angle), sin(angle)) : (1 - cos(angle), 0.5 - sin(angle))
      return (
        (x + 0.07 * stream.normal() - 0.5) / 0.7099, (y + 0.07 * stream.normal() - 0.25) / 0.7099,
        label
      )
    case .eightGaussians:
      let label = stream.index(below: 8)
      let angle = Double.pi / 4 * Double(label)
      let (radius, spread) = (Self.eightRadius, Self.eightStandardDeviation)
      return (
        (radius * cos(angle) + spread * stream.normal()) / Self.eightScale,
        (radius * sin(angle) + spread * stream.normal()) / Self.eightScale, label
      )
    case .checkerboard:
      let row = stream.index(below: 4)
      let column = 2 * stream.index(below: 2) + row % 2
      // Uniform over 4 units, so the variance is 16/12.
      let scale = (4.0 / 3).squareRoot()
      return (
        (Double(column) + stream.uniform() - 2) / scale,
        (Double(row) + stream.uniform() - 2) / scale,
        0
      )
    case .rings:
      let label = stream.uniform() < 0.5 ? 0 : 1
      let radius = (label == 0 ? 0.5 : 1) + 0.04 * stream.normal()
      let angle = 2 * Double.pi * stream.uniform()
      let scale = ((0.25 + 1 + 2 * 0.0016) / 4).squareRoot()
      return (radius * cos(angle) / scale, radius * sin(angle) / scale, label)
    }
  }
}
