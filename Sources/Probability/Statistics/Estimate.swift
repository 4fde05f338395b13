/// A Monte-Carlo estimate: a mean and its standard error.
public struct Estimate: Equatable, Sendable {
  public var mean: Double
  public var standardError: Double

  public init(mean: Double, standardError: Double) {
    self.mean = mean
    self.standardError = standardError
  }

  /// Estimates the expectation of which `samples` are independent draws.
  ///
  /// With fewer than two samples the standard error is NaN, and a check of the estimate fails.
  public init(of samples: some Sequence<Double>) {
    var moments = RunningMoments()
    for sample in samples { moments.add(sample) }
    self = moments.mean
  }

  /// Estimates an expectation from `count` draws, without keeping them.
  public init(count: Int, _ draw: () throws -> Double) rethrows {
    var moments = RunningMoments()
    for _ in 0..<count { moments.add(try draw()) }
    self = moments.mean
  }

  /// Estimates a probability from the number of successes among independent trials.
  ///
  /// The standard error is that of Agresti and Coull, which does not vanish at zero successes.
  public static func proportion(_ successes: Int, of trials: Int) -> Estimate {
    let n = Double(trials)
    let smoothed = (Double(successes) + 2) / (n + 4)
    return Estimate(
      mean: Double(successes) / n, standardError: (smoothed * (1 - smoothed) / n).squareRoot())
  }

  /// Estimates the variance of the distribution that `samples` come from, without bias.
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
    return Estimate(mean: variance, standardError: max(0, spread).squareRoot())
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

/// Mean and variance of a stream of numbers (Welford's recursion).
struct RunningMoments {
  private var count = 0.0
  private var average = 0.0
  private var squares = 0.0

  mutating func add(_ sample: Double) {
    count += 1
    let step = sample - average
    average += step / count
    squares += step * (sample - average)
  }

  var mean: Estimate {
    guard count > 1 else { return Estimate(mean: count > 0 ? average : .nan, standardError: .nan) }
    return Estimate(mean: average, standardError: (squares / (count - 1) / count).squareRoot())
  }
}
