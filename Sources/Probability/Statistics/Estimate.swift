/// A number computed from samples: its value, its standard error, and the number of samples.
public struct Estimate: Equatable, Sendable {
  /// The estimate; for an expectation, the mean of the samples.
  public var mean: Double
  /// The standard deviation of the estimate over other sets of as many samples.
  public var standardError: Double
  /// The number of samples, if known.
  public var samples: Int?

  /// Creates an estimate from its parts.
  public init(mean: Double, standardError: Double, samples: Int? = nil) {
    self.mean = mean
    self.standardError = standardError
    self.samples = samples
  }

  /// The estimate, for quantities that are not means.
  public var value: Double { mean }

  /// The range that contains the true number with a probability of about 95 %.
  public var interval: ClosedRange<Double> {
    let reach = 1.96 * (standardError.isFinite ? standardError : .infinity)
    return mean - reach...mean + reach
  }

  /// Estimates the expectation from independent `samples`.
  ///
  /// With fewer than two samples the standard error is NaN, and a check of the estimate fails.
  public init(of samples: some Sequence<Double>) {
    self = Moments(samples).estimate
  }

  /// Estimates an expectation from `count` samples, without storing them.
  public init(count: Int, _ draw: () throws -> Double) rethrows {
    var moments = Moments()
    for _ in 0..<count { moments.add(try draw()) }
    self = moments.estimate
  }

  /// Estimates a probability from the number of successes among independent trials.
  ///
  /// The standard error is that of Agresti and Coull, which does not vanish at zero successes.
  public static func proportion(_ successes: Int, of trials: Int) -> Estimate {
    let n = Double(trials)
    let smoothed = (Double(successes) + 2) / (n + 4)
    return Estimate(
      mean: Double(successes) / n, standardError: (smoothed * (1 - smoothed) / n).squareRoot(),
      samples: trials)
  }

  /// Estimates the variance of the distribution of `samples`, without bias.
  public static func variance(of samples: [Double]) -> Estimate {
    let n = Double(samples.count)
    let mean = samples.reduce(0, +) / n
    var second = 0.0
    var fourth = 0.0
    for sample in samples {
      let square = (sample - mean) * (sample - mean)
      second += square
      fourth += square * square
    }
    let variance = second / (n - 1)
    let spread = (fourth / n - variance * variance * (n - 3) / (n - 1)) / n
    return Estimate(
      mean: variance, standardError: max(0, spread).squareRoot(), samples: samples.count)
  }

  /// Estimates the covariance of pairs `(first[i], second[i])`, without bias.
  public static func covariance(_ first: [Double], _ second: [Double]) -> Estimate {
    guard first.count == second.count else {
      fatalError("covariance of \(first.count) and \(second.count) samples")
    }
    let n = Double(first.count)
    let means = (first.reduce(0, +) / n, second.reduce(0, +) / n)
    let products = Estimate(of: zip(first, second).map { ($0 - means.0) * ($1 - means.1) })
    return Estimate(mean: products.mean * n / (n - 1), standardError: products.standardError)
  }

  /// The sum of independent estimates.
  public static func + (a: Estimate, b: Estimate) -> Estimate {
    Estimate(mean: a.mean + b.mean, standardError: root(a.standardError, b.standardError))
  }

  /// The difference of independent estimates.
  public static func - (a: Estimate, b: Estimate) -> Estimate {
    Estimate(mean: a.mean - b.mean, standardError: root(a.standardError, b.standardError))
  }

  /// A multiple of an estimate.
  public static func * (factor: Double, a: Estimate) -> Estimate {
    Estimate(mean: factor * a.mean, standardError: abs(factor) * a.standardError)
  }

  private static func root(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
}
