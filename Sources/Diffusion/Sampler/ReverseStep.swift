import Probability

/// A rule for one step of the reverse process, from $x_t$ to $x_s$.
public protocol ReverseStep: Sendable {
  /// The rule as a value that a sampler stores; by default `.other(self)`.
  var rule: ReverseRule { get }

  /// The state at step s.
  func advance<D: Denoiser>(_ move: StepContext<D>, using streams: inout RandomStreams) -> D.Value
}

// MARK: - Ancestral sampling

/// The variance of the noise that an ancestral step adds.
public enum ReverseVariance: Sendable {
  /// $\tilde\beta_t$, that of $q(x_{t-1} \mid x_t, x_0)$: right if the data were one point.
  case posterior
  /// $\beta_t$: right if the data were N(0, 1).
  case beta
  /// $\tilde\beta_t + w_0^2\, \mathrm{Var}(x_0 \mid x_t)$ with the variance given as a function of
  /// the step: right for normal data (Bao et al. 2022, theorem 1).
  case optimal(x0Variance: @Sendable (Int) -> Double)
  /// Any other.
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

  /// Whether the step that reaches the data adds noise too. Right for sampling a law exactly with
  /// the optimal variance, wrong for pictures.
  public let addsFinalNoise: Bool

  /// Creates the rule.
  public init(variance: ReverseVariance = .posterior, addsFinalNoise: Bool = false) {
    self.variance = variance
    self.addsFinalNoise = addsFinalNoise
  }

  // snippet.ancestral-step
  public func advance<D: Denoiser>(
    _ move: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let step = move.transition
    let scale = 1 / step.alpha.squareRoot()
    let shift = scale * step.beta / step.noiseVariance.squareRoot()
    if step.s == 0 && !addsFinalNoise { return .sum((scale, move.xt), (-shift, move.noise)) }

    let z = move.xt.normalSamples(using: &streams)
    return .sum((scale, move.xt), (-shift, move.noise), (variance(step).squareRoot(), z))
  }
  // snippet.end
}

extension ReverseStep where Self == AncestralStep {
  /// DDPM's step, with a choice of variance.
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

/// The family of steps that keep every marginal (Song, Meng and Ermon 2021, equation 12):
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
    _ move: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let step = move.transition
    let sigma = sigma(step)
    let signal = step.previousAlphaBar.squareRoot()
    let direction = max(0, step.previousNoiseVariance - sigma * sigma).squareRoot()
    if sigma == 0 { return .sum((signal, move.x0), (direction, move.noise)) }

    let z = move.xt.normalSamples(using: &streams)
    return .sum((signal, move.x0), (direction, move.noise), (sigma, z))
  }
  // snippet.end
}

extension ReverseStep where Self == DDIMStep {
  /// DDIM's step: deterministic for `eta` 0, ancestral for `eta` 1.
  public static func ddim(eta: Double = 0) -> DDIMStep { DDIMStep(eta: eta) }

  /// The generalized step with any $\sigma$.
  public static func ddim(sigma: @escaping @Sendable (Transition) -> Double) -> DDIMStep {
    DDIMStep(sigma: sigma)
  }
}

extension DDIMStep {
  public var rule: ReverseRule { .ddim(self) }
}

// MARK: - Solvers of second order

/// Heun's method for the probability-flow equation.
///
/// In $y = x / \sqrt{\bar\alpha}$ and $\sigma = \sqrt{(1 - \bar\alpha) / \bar\alpha}$ the
/// deterministic step is Euler's for $dy = \epsilon\, d\sigma$ (Song et al. 2021, equation 14);
/// averaging the noise at both of its ends makes it second-order (Karras et al. 2022, algorithm 1).
/// Two evaluations a step, one in the last.
public struct HeunStep: ReverseStep {
  /// Creates the rule.
  public init() {}

  // snippet.heun-step
  public func advance<D: Denoiser>(
    _ move: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let first = deterministic(move.xt, move.noise, move.transition)
    if move.transition.s == 0 { return first }
    let average = D.Value.sum((0.5, move.noise), (0.5, move.noise(at: first)))
    return deterministic(move.xt, average, move.transition)
  }
  // snippet.end
}

/// The two-step Adams-Bashforth method for the same equation: second-order with one evaluation a
/// step, since it extrapolates from the noise of the step before.
public struct AdamsBashforthStep: ReverseStep {
  /// Creates the rule.
  public init() {}

  // snippet.adams-bashforth-step
  public func advance<D: Denoiser>(
    _ move: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    guard let earlier = move.earlier else {
      return deterministic(move.xt, move.noise, move.transition)
    }
    let (sigmas, sigmasBefore) = (
      move.transition.sigmasVE, earlier.transition.sigmasVE
    )
    let ratio = (sigmas.s - sigmas.t) / (2 * (sigmasBefore.s - sigmasBefore.t))
    let noise = D.Value.sum((1 + ratio, move.noise), (-ratio, earlier.noise))
    return deterministic(move.xt, noise, move.transition)
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
