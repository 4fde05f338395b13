import Probability

/// The passage between two steps `s < t` of a schedule, neighbours or not, in Gaussian terms.
///
/// For neighbours, `s == t - 1`, the variances are $\beta_t$ and $\tilde\beta_t$; across a gap
/// they are those of the sub-sequence, with $1 - \bar\alpha_t / \bar\alpha_s$ in place of
/// $\beta_t$.
public struct Transition: Sendable, Equatable {
  /// The step come from, counted in the schedule that was asked.
  public let t: Int
  /// The step gone to.
  public let s: Int
  /// The step come from, counted in the original schedule: what a denoiser is told.
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

  /// The variance of $q(x_s \mid x_t, x_0)$, which is 0 when s = 0 (Ho et al. 2020, equation 7).
  public var posteriorVariance: Double { previousNoiseVariance / noiseVariance * beta }

  /// The weights of $x_0$ and $x_t$ in the mean of $q(x_s \mid x_t, x_0)$ (Ho et al. 2020,
  /// equation 7).
  public var posteriorWeights: (x0: Double, xt: Double) {
    (
      previousAlphaBar.squareRoot() * beta / noiseVariance,
      alpha.squareRoot() * previousNoiseVariance / noiseVariance
    )
  }

  /// The variance of $x_s$ given $x_t$ alone, when that of $x_0$ given $x_t$ is `variance`: the
  /// best variance for a Gaussian reverse step (Bao et al., "Analytic-DPM", 2022, theorem 1).
  public func optimalVariance(ofX0GivenXt variance: Double) -> Double {
    let weight = posteriorWeights.x0
    return posteriorVariance + weight * weight * variance
  }

  /// $\sigma = \eta \sqrt{\tilde\beta}$ (Song, Meng and Ermon, "Denoising diffusion implicit
  /// models", 2021, equation 16): 0 makes the step deterministic, 1 ancestral.
  public func sigma(eta: Double) -> Double { eta * posteriorVariance.squareRoot() }

  /// Noise levels of the two ends in the variance-exploding form, $\sqrt{(1-\bar\alpha)/\bar\alpha}$.
  public var sigmasVE: (t: Double, s: Double) {
    (
      (noiseVariance / alphaBar).squareRoot(),
      (previousNoiseVariance / previousAlphaBar).squareRoot()
    )
  }
}

// MARK: - Weights of the variational bound

extension Transition {
  /// What multiplies $\|\epsilon - \epsilon_\theta\|^2$ in the bound's term of this step, for a
  /// reverse variance $\sigma^2$: $\frac{\beta^2}{2 \sigma^2 \alpha (1 - \bar\alpha_t)}$ (Ho et al.
  /// 2020, equation 12).
  public func noiseLossWeight(variance: Double) -> Double {
    beta * beta / (2 * variance * alpha * noiseVariance)
  }

  /// What multiplies $\|x_0 - \hat x_0\|^2$ in the bound's term of this step when the reverse
  /// variance is the posterior's: half the drop of the signal-to-noise ratio (Kingma et al.,
  /// "Variational diffusion models", 2021, equation 13).
  public var x0LossWeight: Double {
    0.5 * (previousAlphaBar / previousNoiseVariance - alphaBar / noiseVariance)
  }
}
