import Diffusion
import Probability

/// The weight of the loss at each step, stated for a network that predicts $x_0$ and converted for one
/// that predicts something else. Options and files write it as `none` or `min-snr:5`.
public enum LossWeighting: Sendable, Equatable {
  /// Weight 1 for whatever the network predicts (Ho et al. 2020, equation 14, for the noise).
  case unweighted
  /// $\min(\mathrm{SNR}_t, \gamma)$ for the error of $x_0$ (Hang et al., "Efficient diffusion training
  /// via min-SNR weighting strategy", 2023, equation 8), which recommends γ = 5.
  case minSNR(gamma: Double)

  /// The weights of the squared error of a prediction at steps 1…T; nil for 1 at every step.
  ///
  /// The same $x_0$ results from a prediction with an error of e as from $x_0$ with an error of
  /// $c_t e$, so the weight is $c_t^2 \min(\mathrm{SNR}_t, \gamma)$. The factor
  /// $c_t^2$ is 1 for $x_0$, $1 / \mathrm{SNR}_t$ for the noise and $1 / (\mathrm{SNR}_t + 1)$ for v.
  public func weights(of prediction: Prediction, on schedule: NoiseSchedule) -> [Double]? {
    guard case .minSNR(let gamma) = self else { return nil }
    let diffusion = GaussianDiffusion(schedule)
    return (1...schedule.steps).map { t in
      let factor = diffusion.convert(1.0, from: prediction, to: .x0, xt: 0, t: t)
      return factor * factor * min(schedule.snr(t), gamma)
    }
  }
}

extension LossWeighting: RawRepresentable, Codable, CustomStringConvertible {
  public init?(rawValue: String) {
    let parts = rawValue.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if rawValue == "none" {
      self = .unweighted
    } else if parts[0] == "min-snr" {
      let gamma = parts.count > 1 ? Double(parts[1]) ?? .nan : 5
      guard gamma > 0, gamma.isFinite else { return nil }
      self = .minSNR(gamma: gamma)
    } else {
      return nil
    }
  }

  public var rawValue: String {
    switch self {
    case .unweighted: "none"
    case .minSNR(let gamma): "min-snr:\(gamma)"
    }
  }

  public var description: String { rawValue }
}
