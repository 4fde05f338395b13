import Probability

/// The transition between two steps `s < t` of a schedule, with the variances of the forward process
/// and of its posterior.
///
/// For adjacent steps, `s == t - 1`, the variances are $\beta_t$ and $\tilde\beta_t$. Otherwise
/// $1 - \bar\alpha_t / \bar\alpha_s$ takes the place of $\beta_t$.
public struct Transition: Sendable, Equatable {
  /// The step t, in the schedule of the transition.
  public let t: Int
  /// The step s, in the schedule of the transition.
  public let s: Int
  /// The step t in the original schedule: the step on which a denoiser is conditioned.
  public let timestep: Int
  /// $1 - \bar\alpha_t / \bar\alpha_s$: the variance that the forward process adds from s to t.
  public let beta: Double
  /// $\bar\alpha_t$.
  public let alphaBar: Double
  /// $\bar\alpha_s$.
  public let previousAlphaBar: Double
  /// $1 - \bar\alpha_t$.
  public let noiseVariance: Double
  /// $1 - \bar\alpha_s$.
  public let previousNoiseVariance: Double

  /// $\bar\alpha_t / \bar\alpha_s$: the share of the variance kept from s to t.
  public var alpha: Double { 1 - beta }

  /// The variance of $q(x_s \mid x_t, x_0)$, which is 0 for s = 0 (Ho et al. 2020, equation 7).
  public var posteriorVariance: Double { previousNoiseVariance / noiseVariance * beta }

  /// The weights of $x_0$ and $x_t$ in the mean of $q(x_s \mid x_t, x_0)$ (Ho et al. 2020,
  /// equation 7).
  public var posteriorWeights: (x0: Double, xt: Double) {
    (
      previousAlphaBar.squareRoot() * beta / noiseVariance,
      alpha.squareRoot() * previousNoiseVariance / noiseVariance
    )
  }

  /// The variance of $x_s$ given $x_t$ alone, if the variance of $x_0$ given $x_t$ is `variance`: the
  /// optimal variance of a Gaussian reverse step (Bao et al., "Analytic-DPM", 2022, theorem 1).
  public func optimalVariance(ofX0GivenXt variance: Double) -> Double {
    let weight = posteriorWeights.x0
    return posteriorVariance + weight * weight * variance
  }

  /// $\sigma = \eta \sqrt{\tilde\beta}$ (Song, Meng and Ermon, "Denoising diffusion implicit
  /// models", 2021, equation 16): 0 makes the step deterministic, 1 ancestral.
  public func sigma(eta: Double) -> Double { eta * posteriorVariance.squareRoot() }

  /// The noise levels $\sqrt{(1 - \bar\alpha) / \bar\alpha}$ of the steps t and s in the
  /// variance-exploding (VE) parametrization.
  public var sigmasVE: (t: Double, s: Double) {
    (
      (noiseVariance / alphaBar).squareRoot(),
      (previousNoiseVariance / previousAlphaBar).squareRoot()
    )
  }
}

// MARK: - Weights of the variational bound

extension Transition {
  /// The weight of $\|\epsilon - \epsilon_\theta\|^2$ in the variational bound's term of this step, for
  /// a reverse variance $\sigma^2$: $\frac{\beta^2}{2 \sigma^2 \alpha (1 - \bar\alpha_t)}$ (Ho et al.
  /// 2020, equation 12).
  public func noiseLossWeight(variance: Double) -> Double {
    beta * beta / (2 * variance * alpha * noiseVariance)
  }
}
