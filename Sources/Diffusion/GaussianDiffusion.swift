import Probability

/// The forward process of a schedule, its posterior, and the conversions between the quantities that
/// a network may predict.
///
/// All methods accept any `LinearCombinable`: a `Double`, a `PointSet`, a tensor, or a
/// `GaussianVariable`, for which the distribution of the result is exact.
public struct GaussianDiffusion: Sendable {
  /// The schedule of $\beta_t$.
  public let schedule: NoiseSchedule

  /// Creates the diffusion that a schedule defines.
  public init(_ schedule: NoiseSchedule) { self.schedule = schedule }

  // MARK: The forward process

  // snippet.forward-step
  /// Samples $q(x_t \mid x_{t-1})$, one forward step, from standard normal `noise`:
  /// $x_t = \sqrt{1 - \beta_t}\, x_{t-1} + \sqrt{\beta_t}\, \epsilon$ (Ho et al. 2020, equation 2).
  public func forwardStep<X: LinearCombinable>(_ x: X, to t: Int, noise: X) -> X {
    .sum((schedule.alpha(t).squareRoot(), x), (schedule.beta(t).squareRoot(), noise))
  }
  // snippet.end

  // snippet.add-noise
  /// Samples $q(x_t \mid x_0)$ in closed form, from standard normal `noise`:
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$ (Ho et al. 2020,
  /// equation 4).
  public func addNoise<X: LinearCombinable>(to x0: X, t: Int, noise: X) -> X {
    .sum((schedule.signalScale(t), x0), (schedule.noiseScale(t), noise))
  }
  // snippet.end

  /// Samples $q(x_t \mid x_0)$ with noise from the streams, one per entry of `x0`.
  public func addNoise<X: LinearCombinable>(
    to x0: X, t: Int, using streams: inout RandomStreams
  ) -> X {
    addNoise(to: x0, t: t, noise: x0.normalSamples(using: &streams))
  }

  /// Samples $q(x_t \mid x_s)$ for steps s < t in closed form, from standard normal `noise`.
  public func addNoise<X: LinearCombinable>(to xs: X, from s: Int, t: Int, noise: X) -> X {
    let transition = schedule.transition(from: t, to: s)
    return .sum((transition.alpha.squareRoot(), xs), (transition.beta.squareRoot(), noise))
  }

  /// Samples $q(x_t \mid x_0)$ for a batch with one step per entry, as in training.
  ///
  /// - Parameters:
  ///   - x0: the batch.
  ///   - t: one step per entry.
  ///   - noise: standard normal, of the shape of `x0`.
  public func addNoise<X: LinearCombinableBatch>(to x0: X, t: [Int], noise: X) -> X {
    .sum((t.map(schedule.signalScale), x0), (t.map(schedule.noiseScale), noise))
  }

  /// The whole chain $x_1, …, x_T$ from `x0`, one forward step after another.
  public func chain<X: LinearCombinable>(
    from x0: X, using streams: RandomStreams
  ) -> ForwardChain<X> {
    ForwardChain(diffusion: self, x: x0, streams: streams)
  }

  /// $x_t / \sqrt{\bar\alpha_t} = x_0 + \sigma \epsilon$: the same state in the variance-exploding
  /// (VE) parametrization, with $\sigma$ = `schedule.sigmaVE(t)` (Karras et al., "Elucidating the
  /// design space of diffusion-based generative models", 2022).
  public func varianceExploding<X: LinearCombinable>(_ xt: X, t: Int) -> X {
    .sum((1 / schedule.signalScale(t), xt))
  }

  // MARK: The posterior

  // snippet.posterior-mean
  /// The mean of $q(x_{t-1} \mid x_t, x_0)$ (Ho et al. 2020, equation 7):
  /// $\tilde\mu_t = \frac{\sqrt{\bar\alpha_{t-1}} \beta_t}{1 - \bar\alpha_t} x_0
  /// + \frac{\sqrt{\alpha_t} (1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t} x_t$.
  public func posteriorMean<X: LinearCombinable>(x0: X, xt: X, t: Int) -> X {
    let weights = schedule.posteriorWeights(t)
    return .sum((weights.x0, x0), (weights.xt, xt))
  }
  // snippet.end

  // snippet.posterior-mean-from-noise
  /// The same mean in terms of the noise (Ho et al. 2020, equation 11):
  /// $\frac{1}{\sqrt{\alpha_t}} (x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}} \epsilon)$.
  public func posteriorMean<X: LinearCombinable>(noise: X, xt: X, t: Int) -> X {
    let scale = 1 / schedule.alpha(t).squareRoot()
    return .sum((scale, xt), (-scale * schedule.beta(t) / schedule.noiseScale(t), noise))
  }
  // snippet.end

  /// $\tilde\beta_t$, the variance of $q(x_{t-1} \mid x_t, x_0)$.
  public func posteriorVariance(_ t: Int) -> Double { schedule.posteriorVariance(t) }
}

/// The states of a forward chain, one step after another, each with its step.
public struct ForwardChain<X: LinearCombinable>: Sequence, IteratorProtocol {
  let diffusion: GaussianDiffusion
  var x: X
  var t = 0
  var streams: RandomStreams

  init(diffusion: GaussianDiffusion, x: X, streams: RandomStreams) {
    self.diffusion = diffusion
    self.x = x
    self.streams = streams
  }

  public mutating func next() -> (t: Int, x: X)? {
    guard t < diffusion.schedule.steps else { return nil }
    t += 1
    let noise = x.normalSamples(using: &streams)
    x = diffusion.forwardStep(x, to: t, noise: noise)
    return (t, x)
  }
}
