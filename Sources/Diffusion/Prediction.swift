import Probability

/// A quantity that a network can be trained to predict from $x_t$. Given $x_t$ and $t$, each
/// determines the others.
public enum Prediction: String, Sendable, CaseIterable {
  /// $\epsilon$, the noise in $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$
  /// (Ho et al. 2020).
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
  /// Converts a prediction of one kind into another kind.
  ///
  /// Round trips are exact to rounding. Conversion from noise to $x_0$ multiplies an error by
  /// $\sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$, and is impossible at $\bar\alpha_t = 0$.
  ///
  /// - Parameters:
  ///   - value: the prediction, of kind `source`.
  ///   - xt: the state that was the input of the prediction, at step `t` in 1…T.
  public func convert<X: LinearCombinable>(
    _ value: X, from source: Prediction, to target: Prediction, xt: X, t: Int
  ) -> X {
    if source == target { return value }
    let (a, b) = coefficients(of: source, t: t)
    let (c, d) = coefficients(of: target, t: t)
    return .sum((c - d * a / b, xt), (d / b, value))
  }

  // snippet.conversion
  /// The coefficients (a, b) for which a prediction is $a x_t + b v$.
  ///
  /// $(x_t, v)$ is $(x_0, \epsilon)$ rotated by the angle whose cosine is $\sqrt{\bar\alpha_t}$, so
  /// this basis is orthonormal at every noise level.
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

  /// The estimate of $x_0$ from $x_t$ and the noise in it.
  public func x0Estimate<X: LinearCombinable>(noise: X, xt: X, t: Int) -> X {
    schedule.noiseLevel(t).x0Estimate(noise: noise, xt: xt)
  }

  /// The noise in $x_t$, given $x_0$.
  public func noise<X: LinearCombinable>(x0: X, xt: X, t: Int) -> X {
    schedule.noiseLevel(t).noise(x0: x0, xt: xt)
  }

  /// $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$.
  public func v<X: LinearCombinable>(x0: X, noise: X, t: Int) -> X {
    .sum((schedule.signalScale(t), noise), (-schedule.noiseScale(t), x0))
  }

  /// $-\epsilon / \sqrt{1 - \bar\alpha_t}$: the score that corresponds to a predicted noise.
  public func score<X: LinearCombinable>(noise: X, t: Int) -> X {
    .sum((-1 / schedule.noiseScale(t), noise))
  }
}

// MARK: - Targets of training

extension GaussianDiffusion {
  /// The coefficients (a, b) for which the target of a prediction is $a x_0 + b \epsilon$, with t in
  /// 1…T.
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

  /// The target of a prediction of one kind from
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$.
  public func target<X: LinearCombinable>(of prediction: Prediction, x0: X, noise: X, t: Int) -> X {
    let weights = targetWeights(of: prediction, t: t)
    return .sum((weights.x0, x0), (weights.noise, noise))
  }

  /// The targets of a batch with one step per entry, as in training.
  ///
  /// - Parameters:
  ///   - x0: the batch.
  ///   - noise: of the shape of `x0`.
  ///   - t: one step per entry.
  public func target<X: LinearCombinableBatch>(
    of prediction: Prediction, x0: X, noise: X, t: [Int]
  ) -> X {
    let weights = t.map { targetWeights(of: prediction, t: $0) }
    return .sum((weights.map { $0.x0 }, x0), (weights.map { $0.noise }, noise))
  }
}

// MARK: - At one noise level

/// The weights with which $x_t = \sqrt{\bar\alpha}\, x_0 + \sqrt{1 - \bar\alpha}\, \epsilon$ combines
/// data and noise, and the two ways to solve this equation.
public struct NoiseLevel: Sendable {
  /// $\sqrt{\bar\alpha}$.
  public let signalScale: Double
  /// $\sqrt{1 - \bar\alpha}$.
  public let noiseScale: Double

  // snippet.x0-estimate
  /// $\hat x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\, \epsilon) / \sqrt{\bar\alpha_t}$ (Ho et al. 2020,
  /// equation 15).
  public func x0Estimate<X: LinearCombinable>(noise: X, xt: X) -> X {
    .sum((1 / signalScale, xt), (-noiseScale / signalScale, noise))
  }
  // snippet.end

  /// $\epsilon = (x_t - \sqrt{\bar\alpha_t}\, x_0) / \sqrt{1 - \bar\alpha_t}$.
  public func noise<X: LinearCombinable>(x0: X, xt: X) -> X {
    .sum((1 / noiseScale, xt), (-signalScale / noiseScale, x0))
  }
}

extension NoiseSchedule {
  /// The noise level of step `t`.
  public func noiseLevel(_ t: Int) -> NoiseLevel {
    NoiseLevel(signalScale: signalScale(t), noiseScale: noiseScale(t))
  }
}

extension Transition {
  /// The noise level of step t.
  public var noiseLevel: NoiseLevel {
    NoiseLevel(signalScale: alphaBar.squareRoot(), noiseScale: noiseVariance.squareRoot())
  }

  /// The noise level of step s.
  public var previousNoiseLevel: NoiseLevel {
    NoiseLevel(
      signalScale: previousAlphaBar.squareRoot(), noiseScale: previousNoiseVariance.squareRoot())
  }
}
