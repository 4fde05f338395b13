/// Distances between samples, and between a sample and a distribution.
public enum Distance {
  /// The Kolmogorov-Smirnov statistic of a sample: the largest difference between its empirical
  /// distribution function and `cdf`. It is below $1.95 / \sqrt N$ with probability 99.9 % if the
  /// sample is from that distribution.
  public static func kolmogorov(_ sample: [Double], cdf: (Double) -> Double) -> Double {
    let sorted = sample.sorted()
    let n = Double(sorted.count)
    var gap = 0.0
    for (i, x) in sorted.enumerated() {
      let p = cdf(x)
      gap = max(gap, p - Double(i) / n, Double(i + 1) / n - p)
    }
    return gap
  }

  /// The Kolmogorov-Smirnov statistic of two samples: the largest difference between their empirical
  /// distribution functions.
  public static func kolmogorov(_ first: [Double], _ second: [Double]) -> Double {
    let (a, b) = (first.sorted(), second.sorted())
    var (i, j, gap) = (0, 0, 0.0)
    while i < a.count && j < b.count {
      let x = min(a[i], b[j])
      while i < a.count && a[i] <= x { i += 1 }
      while j < b.count && b[j] <= x { j += 1 }
      gap = max(gap, abs(Double(i) / Double(a.count) - Double(j) / Double(b.count)))
    }
    return gap
  }

  /// The p-value of a Kolmogorov-Smirnov statistic `gap`: the probability of a larger one by chance,
  /// by the asymptotic distribution with Stephens' correction.
  ///
  /// - Parameter count: the sample size; for two samples of sizes n and m, $nm / (n + m)$.
  public static func kolmogorovChance(gap: Double, count: Double) -> Double {
    let root = count.squareRoot()
    let x = (root + 0.12 + 0.11 / root) * gap
    if x < 0.2 { return 1 }
    var total = 0.0
    for k in 1...100 {
      let term = exp(-2 * Double(k * k) * x * x)
      total += k.isMultiple(of: 2) ? -term : term
    }
    return min(1, max(0, 2 * total))
  }

  /// The Wasserstein-1 distance of a sample from the distribution with this quantile function: the mean
  /// distance of the i-th smallest of N values from the quantile of (i - 1/2) / N.
  public static func wasserstein1(_ sample: [Double], quantile: (Double) -> Double) -> Double {
    let sorted = sample.sorted()
    let n = Double(sorted.count)
    var total = 0.0
    for (i, x) in sorted.enumerated() { total += abs(x - quantile((Double(i) + 0.5) / n)) }
    return total / n
  }

  /// The Wasserstein-1 distance of two samples on the real line, which may differ in size.
  public static func wasserstein1(_ first: [Double], _ second: [Double]) -> Double {
    let (a, b) = (first.sorted(), second.sorted())
    if a.count == b.count {
      return zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(max(1, a.count))
    }
    // Integrate over the probability, from one step of either quantile function to the next.
    var (i, j, reached, total) = (0, 0, 0.0, 0.0)
    while i < a.count && j < b.count {
      let (endA, endB) = (Double(i + 1) / Double(a.count), Double(j + 1) / Double(b.count))
      let end = min(endA, endB)
      total += (end - reached) * abs(a[i] - b[j])
      reached = end
      if endA <= end { i += 1 }
      if endB <= end { j += 1 }
    }
    return total
  }

  /// The sliced Wasserstein-1 distance of two sets of points in the plane: the mean distance of their
  /// projections on `directions` evenly spaced directions.
  public static func slicedWasserstein1(
    _ first: PointSet, _ second: PointSet, directions: Int = 64
  ) -> Double {
    guard first.dimensions == 2, second.dimensions == 2 else {
      fatalError("sliced distances need points in the plane")
    }
    let total = (0..<directions).reduce(0.0) { sum, k in
      let angle = Double.pi * (Double(k) + 0.5) / Double(directions)
      let (c, s) = (cos(angle), sin(angle))
      func projection(_ points: PointSet) -> [Double] {
        (0..<points.count).map { c * points.values[2 * $0] + s * points.values[2 * $0 + 1] }
      }
      return sum + wasserstein1(projection(first), projection(second))
    }
    return total / Double(directions)
  }

  /// Pearson's chi-square statistic of counts against expected counts.
  public static func chiSquare(counts: [Int], expected: [Double]) -> Double {
    zip(counts, expected).reduce(0) { sum, pair in
      let gap = Double(pair.0) - pair.1
      return sum + gap * gap / pair.1
    }
  }

  /// The p-value of a chi-square statistic: the probability of a larger one by chance. This is the
  /// regularized upper incomplete gamma function, by series or continued fraction.
  public static func chiSquareChance(_ statistic: Double, degreesOfFreedom: Int) -> Double {
    let (a, x) = (Double(degreesOfFreedom) / 2, statistic / 2)
    if x <= 0 { return 1 }
    let front = exp(a * log(x) - x - lgamma(a))
    if x < a + 1 {
      var (term, total, n) = (1 / a, 1 / a, a)
      while abs(term) > 1e-17 * abs(total) {
        n += 1
        term *= x / n
        total += term
      }
      return 1 - front * total
    }
    // Lentz's method on the continued fraction.
    var b = x + 1 - a
    var (c, d) = (1e300, 1 / b)
    var value = d
    for i in 1...1000 {
      let step = -Double(i) * (Double(i) - a)
      b += 2
      d = 1 / (step * d + b)
      c = b + step / c
      value *= c * d
      if abs(c * d - 1) < 1e-16 { break }
    }
    return front * value
  }
}
