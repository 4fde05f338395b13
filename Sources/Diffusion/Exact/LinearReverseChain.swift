import Probability

/// A reverse process on the real line whose steps are linear and Gaussian:
/// $p(x_T) = N(0, 1)$ and $p(x_{t-1} \mid x_t) = N(a_t x_t + c_t, s_t^2)$.
///
/// A diffusion model with a linear denoiser has this form. The evidence and every term of the
/// variational bound are computed exactly, for any steps.
public struct LinearReverseChain: Sendable {
  /// One step, from $x_t$ to $x_{t-1}$.
  public struct Step: Sendable, Equatable {
    /// $a_t$.
    public var gain: Double
    /// $c_t$.
    public var offset: Double
    /// $s_t^2$.
    public var variance: Double

    /// Creates a step.
    public init(gain: Double, offset: Double = 0, variance: Double) {
      self.gain = gain
      self.offset = offset
      self.variance = variance
    }

    /// The mean of $x_{t-1}$ given `xt`.
    public func mean(_ xt: Double) -> Double { gain * xt + offset }

    /// $\log p(x_{t-1} \mid x_t)$.
    public func logDensity(_ previous: Double, given xt: Double) -> Double {
      normalLogDensity(previous - mean(xt), variance: variance)
    }
  }

  /// The schedule of the forward process that the chain reverses.
  public let schedule: NoiseSchedule

  private let steps: [Step]

  /// Creates the chain from its steps for t = 1 … T.
  public init(_ schedule: NoiseSchedule, steps: [Step]) {
    guard steps.count == schedule.steps, steps.allSatisfy({ $0.variance > 0 }) else {
      fatalError("a chain needs \(schedule.steps) steps, each with a positive variance")
    }
    self.schedule = schedule
    self.steps = steps
  }

  /// Creates the chain with the optimal means for Gaussian data, $E[x_{t-1} \mid x_t]$, and a choice
  /// of variance.
  ///
  /// - Parameters:
  ///   - schedule: the schedule of the forward process.
  ///   - mean: the mean of the data.
  ///   - variance: the variance of the data.
  ///   - stepVariance: $s_t^2$; if `nil`, the optimal one, with which the chain is the exact time
  ///     reversal of the forward process.
  ///   - firstVariance: $s_1^2$, if it differs from `stepVariance`: $\tilde\beta_1$ is 0.
  public init(
    reversing schedule: NoiseSchedule, mean: Double = 0, variance: Double = 1,
    stepVariance: ReverseVariance? = nil, firstVariance: Double? = nil
  ) {
    let denoiser = GaussianDenoiser<Double>(mean: mean, variance: variance, schedule)
    let rule = stepVariance ?? .optimal { denoiser.x0Variance($0) }
    let steps = (1...schedule.steps).map { t -> Step in
      let transition = schedule.transition(from: t, to: t - 1)
      let (w0, wt) = transition.posteriorWeights
      let signal = schedule.signalScale(t)
      // E[x_0 | x_t] = mean + slope (x_t - signal mean)
      let slope = signal * variance / (signal * signal * variance + schedule.noiseVariance(t))
      return Step(
        gain: w0 * slope + wt, offset: w0 * mean * (1 - slope * signal),
        variance: t == 1 ? firstVariance ?? rule(transition) : rule(transition))
    }
    self.init(schedule, steps: steps)
  }

  /// The number of steps, $T$.
  public var length: Int { steps.count }

  /// The step from $x_t$ to $x_{t-1}$, for t in 1…T.
  public func step(_ t: Int) -> Step {
    guard t >= 1, t <= steps.count else { fatalError("step \(t) is outside 1...\(steps.count)") }
    return steps[t - 1]
  }

  // MARK: The distribution of the chain

  /// The states $x_0 … x_T$ of the chain, as variables on sources of randomness 0 … T.
  public var states: [GaussianVariable] {
    var state = GaussianVariable(standardDeviation: 1, source: 0)
    var states = [state]
    for t in (1...length).reversed() {
      let noise = GaussianVariable(standardDeviation: 1, source: length - t + 1)
      state = .sum((step(t).gain, state), (step(t).variance.squareRoot(), noise))
        .shifted(by: step(t).offset)
      states.append(state)
    }
    return states.reversed()
  }

  /// The mean and variance of $x_0$ under the chain, by the recursion
  /// $m \to a_t m + c_t$, $v \to a_t^2 v + s_t^2$ from t = T down.
  public var output: (mean: Double, variance: Double) {
    steps.reversed().reduce((mean: 0, variance: 1)) { state, step in
      (step.mean(state.mean), step.gain * step.gain * state.variance + step.variance)
    }
  }

  /// $\log p(x_0)$: the evidence.
  public func logEvidence(_ x0: Double) -> Double {
    let (mean, variance) = output
    return normalLogDensity(x0 - mean, variance: variance)
  }

  // MARK: Densities of one path

  /// $\log p(x_{0:T})$ of a path $x_0, …, x_T$.
  public func logReverse(_ path: [Double]) -> Double {
    (1...length).reduce(normalLogDensity(path[length], variance: 1)) { sum, t in
      sum + step(t).logDensity(path[t - 1], given: path[t])
    }
  }

  /// $\log q(x_{1:T} \mid x_0)$ of a path $x_0, …, x_T$.
  public func logForward(_ path: [Double]) -> Double {
    (1...length).reduce(0) { sum, t in
      let mean = schedule.alpha(t).squareRoot() * path[t - 1]
      return sum + normalLogDensity(path[t] - mean, variance: schedule.beta(t))
    }
  }

  /// $D_{KL}(q(x_{t-1} \mid x_t, x_0) \,\|\, p(x_{t-1} \mid x_t))$ for one pair, with t in 2…T.
  public func divergence(x0: Double, xt: Double, t: Int) -> Double {
    let diffusion = GaussianDiffusion(schedule)
    return gaussianKLDivergence(
      mean: diffusion.posteriorMean(x0: x0, xt: xt, t: t),
      variance: diffusion.posteriorVariance(t), fromMean: step(t).mean(xt),
      variance: step(t).variance)
  }
}

// MARK: - The bound

/// The terms of the negative variational bound of a diffusion model, $L_0 + \sum_{t=2}^T L_{t-1} +
/// L_T$ (Ho et al. 2020, equation 5), in nats.
public struct DiffusionBound: Sendable, Equatable {
  /// $L_0 = -E_q \log p(x_0 \mid x_1)$. The only term that can be negative: a density may exceed 1.
  public let reconstruction: Double
  /// $L_{t-1}$ for t = 2 … T, at index t - 2.
  public let denoising: [Double]
  /// $L_T = D_{KL}(q(x_T \mid x_0) \,\|\, p(x_T))$.
  public let prior: Double
  /// The sum of all terms, at least $-\log p(x_0)$.
  public var total: Double { reconstruction + denoising.reduce(0, +) + prior }

  /// Creates the bound from its terms.
  public init(reconstruction: Double, denoising: [Double], prior: Double) {
    self.reconstruction = reconstruction
    self.denoising = denoising
    self.prior = prior
  }

  /// $L_{t-1} = E\, D_{KL}(q(x_{t-1} \mid x_t, x_0) \,\|\, p(x_{t-1} \mid x_t))$, with t in 2…T.
  public func denoising(_ t: Int) -> Double { denoising[t - 2] }
}

extension LinearReverseChain {
  /// The bound for one data point.
  public func bound(of x0: Double) -> DiffusionBound { bound(mean: x0, variance: 0) }

  // snippet.chain-bound
  /// The expected bound over data with this mean and variance. No other property of the data's
  /// distribution matters, because all terms are quadratic in $x_0$.
  public func bound(mean: Double, variance: Double) -> DiffusionBound {
    let diffusion = GaussianDiffusion(schedule)
    let x0 = GaussianVariable(mean: mean, standardDeviation: variance.squareRoot(), source: 0)
    let noise = GaussianVariable(standardDeviation: 1, source: 1)
    func noisy(_ t: Int) -> GaussianVariable { diffusion.addNoise(to: x0, t: t, noise: noise) }

    let denoising = (2..<length + 1).map { t -> Double in
      let target = diffusion.posteriorMean(x0: x0, xt: noisy(t), t: t)
      let error = GaussianVariable.sum((1, target), (-step(t).gain, noisy(t)))
      return expectedDivergence(
        error.shifted(by: -step(t).offset), diffusion.posteriorVariance(t), step(t).variance)
    }
    let error = GaussianVariable.sum((1, x0), (-step(1).gain, noisy(1)))
    let signal = GaussianVariable.sum((schedule.signalScale(length), x0))
    return DiffusionBound(
      reconstruction: -expectedLogDensity(error.shifted(by: -step(1).offset), step(1).variance),
      denoising: denoising, prior: expectedDivergence(signal, schedule.noiseVariance(length), 1))
  }
  // snippet.end
}

/// $\log N(x; 0, v)$.
func normalLogDensity(_ x: Double, variance: Double) -> Double {
  -0.5 * (x * x / variance + log(variance)) - StandardNormal.logNormalizer
}

/// $E \log N(x; 0, v)$ for a Gaussian variable x.
func expectedLogDensity(_ x: GaussianVariable, _ variance: Double) -> Double {
  normalLogDensity(0, variance: variance) - 0.5 * (x.mean * x.mean + x.variance) / variance
}

/// $E\, D_{KL}(N(m, v_1) \,\|\, N(0, v_2))$ for a Gaussian variable m.
func expectedDivergence(_ m: GaussianVariable, _ v1: Double, _ v2: Double) -> Double {
  gaussianKLDivergence(mean: 0, variance: v1, fromMean: 0, variance: v2)
    + 0.5 * (m.mean * m.mean + m.variance) / v2
}
