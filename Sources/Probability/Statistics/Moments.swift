/// Running mean, variance and kurtosis of a sequence of numbers.
///
/// The updates are those of Welford and Pébay ("Formulas for robust, one-pass parallel computation of
/// covariances and arbitrary-order statistical moments", 2008), which do not cancel.
public struct Moments: Sendable {
  /// The number of values.
  public private(set) var count = 0
  /// The mean of the values.
  public private(set) var mean = 0.0
  private var second = 0.0
  private var third = 0.0
  private var fourth = 0.0

  /// Creates moments of no values.
  public init() {}

  /// Creates the moments of `values`.
  public init(_ values: some Sequence<Double>) {
    for value in values { add(value) }
  }

  /// Adds one value.
  public mutating func add(_ value: Double) {
    let before = Double(count)
    count += 1
    let n = Double(count)
    let delta = value - mean
    let share = delta / n
    let term = delta * share * before
    mean += share
    fourth +=
      term * share * share * (n * n - 3 * n + 3) + 6 * share * share * second - 4 * share * third
    third += term * share * (n - 2) - 3 * share * second
    second += delta * (value - mean)
  }

  /// The unbiased estimate of the variance.
  public var variance: Double { count > 1 ? second / Double(count - 1) : 0 }

  /// The square root of the variance.
  public var standardDeviation: Double { variance.squareRoot() }

  /// The standard error of the mean.
  public var meanError: Double { (variance / Double(max(1, count))).squareRoot() }

  /// The mean with its standard error, which is NaN for fewer than two values.
  public var estimate: Estimate {
    Estimate(
      mean: count > 0 ? mean : .nan, standardError: count > 1 ? meanError : .nan, samples: count)
  }

  /// The excess kurtosis: the fourth central moment divided by the squared variance, less 3, which is
  /// its value for Gaussian distributions.
  public var excessKurtosis: Double {
    let n = Double(max(1, count))
    return fourth / n / ((second / n) * (second / n)) - 3
  }
}
