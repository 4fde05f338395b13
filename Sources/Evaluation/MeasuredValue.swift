import Foundation
import Probability
import Tensors

/// A number that was measured on samples: what came out, and how far that is uncertain.
public struct MeasuredValue: Sendable, Equatable, Codable {
  public let value: Double
  /// The standard deviation that the value has over other samples of the same size.
  public let standardError: Double
  /// How many samples it rests on.
  public let samples: Int

  public init(_ value: Double, standardError: Double, samples: Int) {
    self.value = value
    self.standardError = standardError
    self.samples = samples
  }

  /// The mean of independent `values`, with the standard error of that mean.
  public init(meanOf values: [Double]) {
    let (mean, variance) = Self.moments(values)
    self.init(
      mean, standardError: (variance / Double(values.count)).squareRoot(), samples: values.count)
  }

  /// Where the true number lies with a probability of about 95 %.
  public var interval: ClosedRange<Double> {
    let reach = 1.96 * (standardError.isFinite ? standardError : .infinity)
    return value - reach...value + reach
  }

  /// The mean of `values` and their variance with the divisor `count - 1`.
  static func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, values.count > 1 ? squares / (n - 1) : .nan)
  }
}

/// A random order of `0..<count`, always the same: what is measured in parts must not depend on how
/// the set was sorted.
func shuffledOrder(_ count: Int) -> [Int] {
  var generator = RandomGenerator(seed: 0x5e1ec7)
  return generator.permutation(count)
}

/// How many of a number of trials succeeded.
public struct Share: Sendable, Equatable, Codable {
  public let hits: Int
  public let trials: Int

  public init(_ hits: Int, of trials: Int) {
    guard hits >= 0, hits <= trials else { fatalError("\(hits) hits in \(trials) trials") }
    self.hits = hits
    self.trials = trials
  }

  /// The share itself, 0 to 1; NaN without trials.
  public var value: Double { Double(hits) / Double(trials) }

  /// Where the probability of a hit lies with a probability of about 95 % (Wilson, Journal of the
  /// American Statistical Association 22, 1927): within 0…1 also when all trials hit or none.
  public var interval: ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let (n, p, z) = (Double(trials), value, 1.96)
    let center = (p + z * z / (2 * n)) / (1 + z * z / n)
    let reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, center - reach)...min(1, center + reach)
  }
}
