import Probability

/// What a network may be trained to say about $x_t$. Given $x_t$ and $t$, each determines the
/// others.
public enum Prediction: String, Sendable, CaseIterable {
  /// $\epsilon$, the whole noise of the jump from 0 to t (Ho et al. 2020).
  case noise
  /// $x_0$.
  case x0
  /// $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$ (Salimans and Ho,
  /// "Progressive distillation for fast sampling of diffusion models", 2022, appendix D).
  case v = "velocity"
  /// $-\epsilon / \sqrt{1 - \bar\alpha_t}$, which estimates $\nabla \log q(x_t)$ (Song and Ermon,
  /// "Generative modeling by estimating gradients of the data distribution", 2019).
  case score
  /// The mean of $q(x_{t-1} \mid x_t, x_0)$.
  case mean
}

extension GaussianDiffusion {
  /// A prediction of one kind, said as another kind.
  ///
  /// Round trips are exact to rounding. From noise to $x_0$ an error grows by
  /// $\sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$, and at $\bar\alpha_t = 0$ there is no way back.
  ///
  /// - Parameters:
  ///   - value: the prediction, of kind `source`.
  ///   - xt: what it was made from, at step `t` in 1…T.
  public func convert<X: LinearCombinable>(
    _ value: X, from source: Prediction, to target: Prediction, xt: X, t: Int
  ) -> X {
    if source == target { return value }
    let (a, b) = coefficients(of: source, t: t)
    let (c, d) = coefficients(of: target, t: t)
    return .sum((c - d * a / b, xt), (d / b, value))
  }

  // snippet.conversion
  /// The numbers (a, b) for which a prediction is $a x_t + b v$.
  ///
  /// $(x_t, v)$ is $(x_0, \epsilon)$ turned by the angle whose cosine is $\sqrt{\bar\alpha_t}$,
  /// so this basis is sound at every noise level.
  func coefficients(of prediction: Prediction, t: Int) -> (xt: Double, velocity: Double) {
    let (cosine, sine) = (schedule.signalScale(t), schedule.noiseScale(t))
    switch prediction {
    case .v: return (0, 1)
    case .x0: return (cosine, -sine)
    case .noise: return (sine, cosine)
    case .score: return (-1, -cosine / sine)
    case .mean:
      let weights = schedule.posteriorWeights(t)
      return (weights.x0 * cosine + weights.xt, -weights.x0 * sine)
    }
  }
  // snippet.end

  // snippet.x0-estimate
  /// $\hat x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\, \epsilon) / \sqrt{\bar\alpha_t}$: where the data
  /// must have been, if the noise is `noise` (Ho et al. 2020, equation 15).
  public func x0Estimate<X: LinearCombinable>(noise: X, xt: X, t: Int) -> X {
    let scale = 1 / schedule.signalScale(t)
    return .sum((scale, xt), (-scale * schedule.noiseScale(t), noise))
  }
  // snippet.end

  /// $\epsilon = (x_t - \sqrt{\bar\alpha_t}\, x_0) / \sqrt{1 - \bar\alpha_t}$: the noise that led
  /// from `x0` to `xt`.
  public func noise<X: LinearCombinable>(x0: X, xt: X, t: Int) -> X {
    let scale = 1 / schedule.noiseScale(t)
    return .sum((scale, xt), (-scale * schedule.signalScale(t), x0))
  }

  /// $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$.
  public func v<X: LinearCombinable>(x0: X, noise: X, t: Int) -> X {
    .sum((schedule.signalScale(t), noise), (-schedule.noiseScale(t), x0))
  }

  /// $-\epsilon / \sqrt{1 - \bar\alpha_t}$: the score that a noise stands for.
  public func score<X: LinearCombinable>(noise: X, t: Int) -> X {
    .sum((-1 / schedule.noiseScale(t), noise))
  }
}

// MARK: - What is to be predicted

extension GaussianDiffusion {
  /// The numbers (a, b) for which the truth that a network is trained to say about a jump is
  /// $a x_0 + b \epsilon$; t in 1…T.
  public func targetWeights(of prediction: Prediction, t: Int) -> (x0: Double, noise: Double) {
    switch prediction {
    case .x0: return (1, 0)
    case .noise: return (0, 1)
    case .v: return (-schedule.noiseScale(t), schedule.signalScale(t))
    case .score: return (0, -1 / schedule.noiseScale(t))
    case .mean:
      let weights = schedule.posteriorWeights(t)
      return (
        weights.x0 + weights.xt * schedule.signalScale(t), weights.xt * schedule.noiseScale(t)
      )
    }
  }

  /// What a network that makes predictions of one kind should say of
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$.
  public func target<X: LinearCombinable>(of prediction: Prediction, x0: X, noise: X, t: Int) -> X {
    let weights = targetWeights(of: prediction, t: t)
    return .sum((weights.x0, x0), (weights.noise, noise))
  }

  /// Computes the targets of a batch in which every entry has its own step, as in training.
  ///
  /// - Parameters:
  ///   - x0: the batch.
  ///   - noise: of the form of `x0`.
  ///   - t: one step per entry.
  public func target<X: LinearCombinableBatch>(
    of prediction: Prediction, x0: X, noise: X, t: [Int]
  ) -> X {
    let weights = t.map { targetWeights(of: prediction, t: $0) }
    return .sum((weights.map { $0.x0 }, x0), (weights.map { $0.noise }, noise))
  }
}
