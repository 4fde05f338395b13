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
