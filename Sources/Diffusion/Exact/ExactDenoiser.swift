import Parallelism
import Probability

/// A distribution of data whose diffusion is known in closed form.
public protocol ExactDistribution: Sendable {
  /// The number of coordinates of a point.
  var dimensions: Int { get }

  /// The number of labels, which are 0 ..< labelCount.
  var labelCount: Int { get }

  /// The distribution of the points with one label.
  func restricted(to label: Int) -> Self

  /// $E[\epsilon \mid x_t]$ for every point.
  ///
  /// - Parameters:
  ///   - xt: the noisy points.
  ///   - alphaBar: $\bar\alpha_t$.
  ///   - noiseVariance: $1 - \bar\alpha_t$.
  func expectedNoise(_ xt: PointSet, alphaBar: Double, noiseVariance: Double) -> PointSet

  /// $p(y \mid x_t)$: for every point its probabilities, one coordinate per label.
  func labelProbabilities(_ xt: PointSet, alphaBar: Double, noiseVariance: Double) -> PointSet

  /// Samples one point and its label from every stream.
  func samples(using streams: inout RandomStreams) -> (points: PointSet, labels: [Int])
}

/// The noise predictor with the least mean squared error for data of a known distribution:
/// $\epsilon^*(x_t) = E[\epsilon \mid x_t]$, and with labels $E[\epsilon \mid x_t, y]$.
public struct ExactDenoiser<Distribution: ExactDistribution>: Denoiser, ConditionalDenoiser {
  /// The distribution of the data.
  public let distribution: Distribution
  /// The schedule of the noise.
  public let schedule: NoiseSchedule
  private let byLabel: [Distribution]

  /// Creates the denoiser of data with this distribution.
  public init(_ distribution: Distribution, _ schedule: NoiseSchedule) {
    self.distribution = distribution
    self.schedule = schedule
    byLabel = (0..<distribution.labelCount).map { distribution.restricted(to: $0) }
  }

  public var nullLabel: Int { distribution.labelCount }

  public func noise(_ xt: PointSet, t: Int) -> PointSet { noise(xt, t, under: distribution) }

  public func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    guard labels.count == xt.count, labels.allSatisfy({ $0 >= 0 && $0 <= nullLabel }) else {
      fatalError("a batch of \(xt.count) needs as many labels, each in 0...\(nullLabel)")
    }
    let present = Set(labels)
    if present.count == 1 { return noise(xt, t, under: distribution(for: labels[0])) }
    var result = xt
    for label in present {
      let places = labels.indices.filter { labels[$0] == label }
      let part = PointSet(
        places.flatMap { xt[$0] }, dimensions: xt.dimensions)
      let noise = noise(part, t, under: distribution(for: label))
      for (i, place) in places.enumerated() {
        for axis in 0..<xt.dimensions {
          result.values[place * xt.dimensions + axis] = noise.values[i * xt.dimensions + axis]
        }
      }
    }
    return result
  }

  private func distribution(for label: Int) -> Distribution {
    label == nullLabel ? distribution : byLabel[label]
  }

  private func noise(_ xt: PointSet, _ t: Int, under distribution: Distribution) -> PointSet {
    distribution.expectedNoise(
      xt, alphaBar: schedule.alphaBar(t), noiseVariance: schedule.noiseVariance(t))
  }
}

extension GaussianMixture: ExactDistribution {
  public var dimensions: Int { 1 }

  public func expectedNoise(_ xt: PointSet, alphaBar: Double, noiseVariance: Double) -> PointSet {
    let signal = alphaBar.squareRoot()
    // One row a component: log weight, mean, half precision, slope of its own answer.
    let table = components.flatMap { part -> [Double] in
      let variance = alphaBar * part.variance + noiseVariance
      return [
        log(part.weight) - 0.5 * log(variance), signal * part.mean, 0.5 / variance,
        noiseVariance.squareRoot() / variance,
      ]
    }
    let values = [Double](unsafeUninitializedCapacity: xt.count) { buffer, filled in
      filled = xt.count
      guard let result = buffer.baseAddress else { return }
      xt.values.withUnsafeBufferPointer { x in
        table.withUnsafeBufferPointer { table in
          Parallel.forRanges(xt.count, grain: 2048) { range in
            Self.expectedNoise(range, x.baseAddress!, table, into: result)
          }
        }
      }
    }
    return PointSet(values)
  }

  private static func expectedNoise(
    _ range: Range<Int>, _ x: UnsafePointer<Double>, _ table: UnsafeBufferPointer<Double>,
    into result: UnsafeMutablePointer<Double>
  ) {
    let count = table.count / 4
    if count == 1 {
      for i in range { result[i] = (x[i] - table[1]) * table[3] }
      return
    }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { logs in
      for i in range {
        var most = -Double.infinity
        for k in 0..<count {
          let shift = x[i] - table[4 * k + 1]
          let value = table[4 * k] - table[4 * k + 2] * shift * shift
          logs[k] = value
          if value > most { most = value }
        }
        var (total, answer) = (0.0, 0.0)
        for k in 0..<count {
          let share = exp(logs[k] - most)
          total += share
          answer += share * table[4 * k + 3] * (x[i] - table[4 * k + 1])
        }
        result[i] = answer / total
      }
    }
  }

  public func labelProbabilities(
    _ xt: PointSet, alphaBar: Double, noiseVariance: Double
  ) -> PointSet {
    let marginal = NoisyMarginal(data: self, alphaBar: alphaBar, noiseVariance: noiseVariance)
      .marginal
    return PointSet(xt.values.flatMap { marginal.labelProbabilities($0) }, dimensions: labelCount)
  }

  public func samples(using streams: inout RandomStreams) -> (points: PointSet, labels: [Int]) {
    let bounds = components.reduce(into: [0.0]) { $0.append($0.last! + $1.weight) }
    let drawn = streams.points(dimensions: 2) { stream, place in
      let u = stream.uniform()
      let k = max(0, (bounds.firstIndex { u < $0 } ?? bounds.count - 1) - 1)
      place[0] = components[k].mean + components[k].standardDeviation * stream.normal()
      place[1] = Double(components[k].label)
    }
    return (PointSet(drawn.column(0)), drawn.column(1).map { Int($0) })
  }
}

/// The noise predictor with the least mean squared error for data N(m, s²), independently in every
/// coordinate. It is affine, so it applies to tensors and `GaussianVariable`s as well as to points.
///
/// $\epsilon^*(x_t) = \sqrt{1 - \bar\alpha_t} \,
/// \frac{x_t - \sqrt{\bar\alpha_t}\, m}{\bar\alpha_t s^2 + 1 - \bar\alpha_t}$
public struct GaussianDenoiser<Value: LinearCombinable>: Denoiser {
  /// The mean of the data, the same in every coordinate.
  public let mean: Double
  /// The variance of the data, the same in every coordinate.
  public let variance: Double
  /// The schedule of the noise.
  public let schedule: NoiseSchedule

  /// Creates the denoiser of data with this mean and variance.
  public init(mean: Double = 0, variance: Double, _ schedule: NoiseSchedule) {
    self.mean = mean
    self.variance = variance
    self.schedule = schedule
  }

  public func noise(_ xt: Value, t: Int) -> Value {
    let total = schedule.alphaBar(t) * variance + schedule.noiseVariance(t)
    return .sum((schedule.noiseScale(t) / total, xt.shifted(by: -schedule.signalScale(t) * mean)))
  }

  /// $\mathrm{Var}(x_0 \mid x_t) = \frac{s^2 (1 - \bar\alpha_t)}{\bar\alpha_t s^2 + 1 -
  /// \bar\alpha_t}$, the same for every $x_t$.
  public func x0Variance(_ t: Int) -> Double {
    variance * schedule.noiseVariance(t)
      / (schedule.alphaBar(t) * variance + schedule.noiseVariance(t))
  }
}
