import Diffusion
import Probability

extension TimestepDistribution {
  /// Log-normal levels of noise: $\ln\sigma$ with $\sigma = \sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$ is
  /// Gaussian (Karras et al., "Elucidating the design space of diffusion-based generative models",
  /// 2022, table 1). Step t has the probability of the interval of $\ln\sigma$ that is nearer to it
  /// than to other steps; the first and the last step have the tails.
  ///
  /// Karras et al., "Analyzing and improving the training dynamics of diffusion models", 2024, have
  /// the mean -0.4 and the standard deviation 1 for latents of standard deviation 0.5. At the same
  /// signal-to-noise ratios, the mean for data of unit variance is $-0.4 + \ln 2 \approx 0.3$.
  ///
  /// - Parameters:
  ///   - mean: The mean of $\ln\sigma$.
  ///   - standardDeviation: The standard deviation of $\ln\sigma$.
  public static func logNormal(
    mean: Double, standardDeviation: Double, schedule: NoiseSchedule
  ) -> TimestepDistribution {
    let logSigmas = (1...schedule.steps).map { -schedule.logSNR($0) / 2 }
    let boundaries = zip(logSigmas, logSigmas.dropFirst()).map { ($0 + $1) / 2 }
    return .weighted(gaussianMasses(boundaries, mean: mean, standardDeviation: standardDeviation))
  }

  /// Logit-normal steps: $t = \lceil T u \rceil$, where $\ln(u / (1 - u))$ is Gaussian (Esser et al.,
  /// "Scaling rectified flow transformers for high-resolution image synthesis", 2024, section 3.1).
  ///
  /// There u is the time of a rectified flow, in which $u / (1 - u) = \sigma$. So the distribution of
  /// the noise levels in that paper is `logNormal` with the same mean and standard deviation; here
  /// the distribution of the steps is the same.
  ///
  /// - Parameter steps: T.
  public static func logitNormal(
    mean: Double, standardDeviation: Double, steps: Int
  ) -> TimestepDistribution {
    let boundaries = (1..<max(1, steps)).map { Double.log(Double($0) / Double(steps - $0)) }
    return .weighted(gaussianMasses(boundaries, mean: mean, standardDeviation: standardDeviation))
  }

  /// The probabilities of the intervals between increasing `boundaries`, and of the two tails.
  private static func gaussianMasses(
    _ boundaries: [Double], mean: Double, standardDeviation: Double
  ) -> [Double] {
    let below = boundaries.map { StandardNormal.cdf(($0 - mean) / standardDeviation) }
    return zip([0] + below, below + [1]).map { $1 - $0 }
  }
}

extension TimestepDistribution {
  /// A distribution of the steps for any schedule, as options and files write it: `uniform`,
  /// `log-normal:0.3,1` or `logit-normal:0,1`, with mean and standard deviation. These are also the
  /// numbers of `log-normal` and `logit-normal` alone.
  public enum Configuration: Sendable, Equatable {
    case uniform
    case logNormal(mean: Double, standardDeviation: Double)
    case logitNormal(mean: Double, standardDeviation: Double)

    /// The distribution of the steps of `schedule`.
    public func distribution(on schedule: NoiseSchedule) -> TimestepDistribution {
      switch self {
      case .uniform: .uniform
      case .logNormal(let mean, let standardDeviation):
        .logNormal(mean: mean, standardDeviation: standardDeviation, schedule: schedule)
      case .logitNormal(let mean, let standardDeviation):
        .logitNormal(mean: mean, standardDeviation: standardDeviation, steps: schedule.steps)
      }
    }
  }
}

extension TimestepDistribution.Configuration: RawRepresentable, Codable, CustomStringConvertible {
  public init?(rawValue: String) {
    let parts = rawValue.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let numbers = parts.dropFirst().first.map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
    }
    if let numbers {
      guard numbers.count == 2, numbers[0].isFinite, numbers[1].isFinite, numbers[1] > 0 else {
        return nil
      }
    }
    switch parts[0] {
    case "uniform" where numbers == nil: self = .uniform
    case "log-normal":
      self = .logNormal(mean: numbers?[0] ?? 0.3, standardDeviation: numbers?[1] ?? 1)
    case "logit-normal":
      self = .logitNormal(mean: numbers?[0] ?? 0, standardDeviation: numbers?[1] ?? 1)
    default: return nil
    }
  }

  public var rawValue: String {
    switch self {
    case .uniform: "uniform"
    case .logNormal(let mean, let standardDeviation): "log-normal:\(mean),\(standardDeviation)"
    case .logitNormal(let mean, let standardDeviation): "logit-normal:\(mean),\(standardDeviation)"
    }
  }

  public var description: String { rawValue }
}
