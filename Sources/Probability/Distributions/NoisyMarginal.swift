/// The marginal of $x_t = \sqrt{\bar\alpha}\, x_0 + \sqrt{1 - \bar\alpha}\, \epsilon$ when $x_0$
/// follows a mixture on the line, and the posterior of $x_0$, $\epsilon$ and the label given $x_t$.
public struct NoisyMarginal: Sendable {
  /// The distribution of $x_0$.
  public let data: GaussianMixture
  /// $\bar\alpha$, in (0, 1) where the noise matters.
  public let alphaBar: Double
  /// $1 - \bar\alpha$.
  public let noiseVariance: Double
  /// The distribution of $x_t$, a mixture again.
  public let marginal: GaussianMixture

  /// Creates the marginal of data from this mixture.
  public init(data: GaussianMixture, alphaBar: Double, noiseVariance: Double) {
    self.data = data
    self.alphaBar = alphaBar
    self.noiseVariance = noiseVariance
    marginal = data.noisy(alphaBar: alphaBar, noiseVariance: noiseVariance)
  }

  /// $E[x_0 \mid x_t]$.
  public func x0Mean(_ xt: Double) -> Double { x0Moments(xt).mean }

  /// $\mathrm{Var}(x_0 \mid x_t)$.
  public func x0Variance(_ xt: Double) -> Double { x0Moments(xt).variance }

  /// $\epsilon^*(x_t) = E[\epsilon \mid x_t]$: the prediction of the best noise predictor.
  public func noiseMean(_ xt: Double) -> Double {
    -noiseVariance.squareRoot() * marginal.score(xt)
  }

  /// $\nabla \log p_t(x_t)$.
  public func score(_ xt: Double) -> Double { marginal.score(xt) }

  /// $p(y \mid x_t)$ for each label y.
  public func labelProbabilities(_ xt: Double) -> [Double] { marginal.labelProbabilities(xt) }

  /// $\nabla \log p(y \mid x_t)$.
  public func labelScore(_ xt: Double, label: Int) -> Double {
    marginal.restricted(to: label).score(xt) - marginal.score(xt)
  }

  /// The least possible mean squared error of a noise predictor, $E\,(\epsilon - \epsilon^*)^2$:
  /// the floor under the training loss at this noise level.
  public var noiseLossFloor: Double { alphaBar / noiseVariance * x0LossFloor }

  /// The least possible mean squared error of a predictor of $x_0$,
  /// $E\, \mathrm{Var}(x_0 \mid x_t)$.
  public var x0LossFloor: Double { marginal.expectation(x0Variance) }

  /// $I(x_0; x_t)$ in nats: the entropy of $x_t$ less that of the noise.
  public var information: Double {
    marginal.entropy - StandardNormal.entropy - 0.5 * log(noiseVariance)
  }

  /// $H(y \mid x_t)$ in nats: the least possible cross-entropy of a classifier of $x_t$.
  public var labelLossFloor: Double {
    marginal.expectation { xt in
      labelProbabilities(xt).reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
    }
  }

  private func x0Moments(_ xt: Double) -> (mean: Double, variance: Double) {
    let signal = alphaBar.squareRoot()
    var (mean, square) = (0.0, 0.0)
    for ((part, noised), share) in zip(
      zip(data.components, marginal.components), marginal.responsibilities(xt))
    {
      let gain = signal * part.variance / noised.variance
      let m = part.mean + gain * (xt - noised.mean)
      mean += share * m
      square += share * (part.variance * noiseVariance / noised.variance + m * m)
    }
    return (mean, max(0, square - mean * mean))
  }
}

extension Mixture where Part == GaussianComponent {
  /// The marginal of $x_t$ with this $\bar\alpha$ when $x_0$ follows this mixture.
  public func noisyMarginal(alphaBar: Double) -> NoisyMarginal {
    NoisyMarginal(data: self, alphaBar: alphaBar, noiseVariance: 1 - alphaBar)
  }
}
