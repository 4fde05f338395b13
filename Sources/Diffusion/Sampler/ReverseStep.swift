import Probability

/// A rule for one step of the reverse process, from $x_t$ to $x_s$.
public protocol ReverseStep: Sendable {
  /// The rule in the form that a sampler stores; `.other(self)` by default.
  var rule: ReverseRule { get }

  /// Computes the state at step s.
  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value
}

// MARK: - Ancestral sampling

/// The variance of the noise that an ancestral step adds.
public enum ReverseVariance: Sendable {
  /// $\tilde\beta_t$, the variance of $q(x_{t-1} \mid x_t, x_0)$: optimal for data that are one point
  /// (Ho et al. 2020, section 3.2).
  case posterior
  /// $\beta_t$: optimal for data N(0, 1) (Ho et al. 2020, section 3.2).
  case beta
  /// $\tilde\beta_t + w_0^2\, \mathrm{Var}(x_0 \mid x_t)$, where $w_0$ is the weight of $x_0$ in the
  /// posterior mean and the variance is a function of the step: optimal for Gaussian data (Bao et
  /// al. 2022, theorem 1).
  case optimal(x0Variance: @Sendable (Int) -> Double)
  /// Any other function of the transition.
  case custom(@Sendable (Transition) -> Double)

  /// The variance for one transition.
  public func callAsFunction(_ transition: Transition) -> Double {
    switch self {
    case .posterior: return transition.posteriorVariance
    case .beta: return transition.beta
    case .optimal(let x0Variance):
      return transition.optimalVariance(ofX0GivenXt: x0Variance(transition.timestep))
    case .custom(let variance): return variance(transition)
    }
  }
}

/// Ancestral sampling (Ho et al. 2020, algorithm 2):
/// $x_{t-1} = \frac{1}{\sqrt{\alpha_t}} (x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}
/// \epsilon_\theta) + \sigma_t z$, with no noise in the step that reaches the data.
public struct AncestralStep: ReverseStep {
  /// $\sigma_t^2$.
  public let variance: ReverseVariance

  /// Whether the last step, to s = 0, adds noise. Needed to sample a distribution exactly with the
  /// optimal variance; without it images are free of the last step's noise.
  public let addsFinalNoise: Bool

  /// Creates the rule.
  public init(variance: ReverseVariance = .posterior, addsFinalNoise: Bool = false) {
    self.variance = variance
    self.addsFinalNoise = addsFinalNoise
  }

  // snippet.ancestral-step
  public func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let step = context.transition
    let scale = 1 / step.alpha.squareRoot()
    let shift = scale * step.beta / step.noiseVariance.squareRoot()
    if step.s == 0 && !addsFinalNoise { return .sum((scale, context.xt), (-shift, context.noise)) }

    let z = context.xt.normalSamples(using: &streams)
    return .sum((scale, context.xt), (-shift, context.noise), (variance(step).squareRoot(), z))
  }
  // snippet.end
}

extension ReverseStep where Self == AncestralStep {
  /// The ancestral step of DDPM, with a choice of variance.
  public static func ancestral(
    variance: ReverseVariance = .posterior, addsFinalNoise: Bool = false
  ) -> AncestralStep {
    AncestralStep(variance: variance, addsFinalNoise: addsFinalNoise)
  }
}

extension AncestralStep {
  public var rule: ReverseRule { .ancestral(self) }
}

// MARK: - DDIM

/// The family of steps that preserve every marginal $q(x_t)$ (Song, Meng and Ermon 2021, equation 12):
/// $x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\, \epsilon_\theta +
/// \sigma z$.
///
/// $\sigma = 0$ is deterministic; $\sigma^2 = \tilde\beta$ is ancestral sampling.
public struct DDIMStep: ReverseStep {
  /// $\sigma$, at most $\sqrt{1 - \bar\alpha_s}$.
  public let sigma: @Sendable (Transition) -> Double

  /// Creates the rule with $\sigma = \eta \sqrt{\tilde\beta}$ (equation 16 of the same paper).
  public init(eta: Double = 0) { sigma = { $0.sigma(eta: eta) } }

  /// Creates the rule with any $\sigma$.
  public init(sigma: @escaping @Sendable (Transition) -> Double) { self.sigma = sigma }

  // snippet.ddim-step
  public func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let step = context.transition
    let sigma = sigma(step)
    let signal = step.previousAlphaBar.squareRoot()
    let direction = max(0, step.previousNoiseVariance - sigma * sigma).squareRoot()
    if sigma == 0 { return .sum((signal, context.x0), (direction, context.noise)) }

    let z = context.xt.normalSamples(using: &streams)
    return .sum((signal, context.x0), (direction, context.noise), (sigma, z))
  }
  // snippet.end
}

extension ReverseStep where Self == DDIMStep {
  /// The DDIM step: deterministic for `eta` 0, ancestral for `eta` 1.
  public static func ddim(eta: Double = 0) -> DDIMStep { DDIMStep(eta: eta) }

  /// The DDIM step with any $\sigma$.
  public static func ddim(sigma: @escaping @Sendable (Transition) -> Double) -> DDIMStep {
    DDIMStep(sigma: sigma)
  }
}

extension DDIMStep {
  public var rule: ReverseRule { .ddim(self) }
}

// MARK: - Second-order solvers

/// Heun's method for the probability-flow equation.
///
/// With $y = x / \sqrt{\bar\alpha}$ and $\sigma = \sqrt{(1 - \bar\alpha) / \bar\alpha}$ the
/// deterministic step is Euler's step for $dy = \epsilon\, d\sigma$ (Song, Meng and Ermon 2021,
/// equation 14). The average of the noise at both ends makes it second-order (Karras et al. 2022,
/// algorithm 1). It takes two evaluations of the denoiser per step, and one in the last step.
public struct HeunStep: ReverseStep {
  /// Creates the rule.
  public init() {}

  // snippet.heun-step
  public func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let first = deterministic(context.xt, context.noise, context.transition)
    if context.transition.s == 0 { return first }
    let average = D.Value.sum((0.5, context.noise), (0.5, context.noise(at: first)))
    return deterministic(context.xt, average, context.transition)
  }
  // snippet.end
}

/// The two-step Adams-Bashforth method for the probability-flow equation. It is second-order with one
/// evaluation per step, because it extrapolates from the noise of the previous step.
public struct AdamsBashforthStep: ReverseStep {
  /// Creates the rule.
  public init() {}

  // snippet.adams-bashforth-step
  public func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    guard let earlier = context.earlier else {
      return deterministic(context.xt, context.noise, context.transition)
    }
    let (sigmas, previousSigmas) = (
      context.transition.sigmasVE, earlier.transition.sigmasVE
    )
    let ratio = (sigmas.s - sigmas.t) / (2 * (previousSigmas.s - previousSigmas.t))
    let noise = D.Value.sum((1 + ratio, context.noise), (-ratio, earlier.noise))
    return deterministic(context.xt, noise, context.transition)
  }
  // snippet.end
}

extension ReverseStep where Self == HeunStep {
  /// Heun's second-order method.
  public static var heun: HeunStep { HeunStep() }
}

extension HeunStep {
  public var rule: ReverseRule { .heun(self) }
}

extension ReverseStep where Self == AdamsBashforthStep {
  /// The two-step Adams-Bashforth method.
  public static var adamsBashforth: AdamsBashforthStep { AdamsBashforthStep() }
}

extension AdamsBashforthStep {
  public var rule: ReverseRule { .adamsBashforth(self) }
}

/// Euler's step $y_s = y_t + (\sigma_s - \sigma_t)\, \epsilon$, in terms of x.
private func deterministic<Value: LinearCombinable>(
  _ xt: Value, _ noise: Value, _ step: Transition
) -> Value {
  let signal = step.previousAlphaBar.squareRoot()
  let (t, s) = step.sigmasVE
  return .sum((signal / step.alphaBar.squareRoot(), xt), (signal * (s - t), noise))
}
