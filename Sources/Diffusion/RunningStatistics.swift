import Foundation

/// Mean and variance of numbers that come one at a time, each with its standard error.
///
/// Updates are those of Welford and Pébay ("Formulas for robust, one-pass parallel computation of
/// covariances and arbitrary-order statistical moments", 2008), which do not cancel.
public struct RunningStatistics: Sendable {
  /// How many numbers came.
  public private(set) var count = 0
  /// Their mean.
  public private(set) var mean = 0.0
  private var second = 0.0
  private var third = 0.0
  private var fourth = 0.0

  /// Starts without any number.
  public init() {}

  /// Takes in all of `values`.
  public init(_ values: some Sequence<Double>) {
    for value in values { add(value) }
  }

  /// Takes in one number.
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
    second += term
  }

  /// The unbiased estimate of the variance.
  public var variance: Double { count > 1 ? second / Double(count - 1) : 0 }

  /// The square root of the variance.
  public var deviation: Double { variance.squareRoot() }

  /// The standard error of the mean.
  public var meanError: Double { (variance / Double(max(1, count))).squareRoot() }

  /// The standard error of the variance, from the fourth moment.
  public var varianceError: Double {
    let n = Double(max(1, count))
    let spread = fourth / n - (second / n) * (second / n)
    return (max(0, spread) / n).squareRoot()
  }

  /// The third moment in units of the deviation; 0 for symmetric laws.
  public var skewness: Double {
    let n = Double(max(1, count))
    return third / n / pow(second / n, 1.5)
  }

  /// The fourth moment in units of the variance squared, less the 3 of normal laws.
  public var excessKurtosis: Double {
    let n = Double(max(1, count))
    return fourth / n / ((second / n) * (second / n)) - 3
  }
}

/// An estimate with its standard error, to be compared with a number that it should be.
public struct Estimate: Sendable, Equatable {
  /// The estimate.
  public let value: Double
  /// Its standard error.
  public let error: Double

  /// Creates an estimate.
  public init(value: Double, error: Double) {
    self.value = value
    self.error = error
  }

  /// The average of `values` as an estimate of their expectation.
  public init(meanOf values: some Sequence<Double>) {
    let statistics = RunningStatistics(values)
    self.init(value: statistics.mean, error: statistics.meanError)
  }

  /// The variance of `values` as an estimate of that of their law.
  public init(varianceOf values: some Sequence<Double>) {
    let statistics = RunningStatistics(values)
    self.init(value: statistics.variance, error: statistics.varianceError)
  }

  /// The average product of deviations, as an estimate of the covariance.
  public init(covarianceOf first: [Double], _ second: [Double]) {
    let (a, b) = (RunningStatistics(first).mean, RunningStatistics(second).mean)
    let n = Double(max(2, first.count))
    let products = RunningStatistics(zip(first, second).map { ($0 - a) * ($1 - b) })
    self.init(value: products.mean * n / (n - 1), error: products.meanError)
  }

  /// How many standard errors lie between the estimate and `exact`.
  public func standardErrors(from exact: Double) -> Double {
    error > 0 ? abs(value - exact) / error : (value == exact ? 0 : .infinity)
  }
}
