/// A number of successes among independent trials, and the proportion they are.
public struct Proportion: Sendable, Equatable {
  /// The number of successes.
  public let hits: Int
  /// The number of trials.
  public let trials: Int

  /// Creates the proportion of `hits` among `trials`.
  public init(_ hits: Int, of trials: Int) {
    guard hits >= 0, hits <= trials else { fatalError("\(hits) hits in \(trials) trials") }
    self.hits = hits
    self.trials = trials
  }

  /// The proportion, 0 to 1; NaN without trials.
  public var value: Double { Double(hits) / Double(trials) }

  /// The 95 % confidence interval of the probability of a success (Wilson, Journal of the American
  /// Statistical Association 22, 1927). It lies within 0…1, also if all trials succeed or none.
  public var interval: ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let (n, p, z) = (Double(trials), value, 1.96)
    let center = (p + z * z / (2 * n)) / (1 + z * z / n)
    let reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, center - reach)...min(1, center + reach)
  }
}
