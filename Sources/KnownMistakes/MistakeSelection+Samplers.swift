import Diffusion
import Probability

extension MistakeSelection {
  /// Stands in for `Sampler`: `let Sampler = knownMistakes.sampler`.
  public var sampler: SamplerMaker { SamplerMaker(mistake: mistake) }
}

/// Makes samplers as `Sampler(_:schedule:timesteps:clip:)` does, with a mistake or without.
public struct SamplerMaker: Sendable {
  let mistake: Mistake?

  /// Makes a sampler.
  public func callAsFunction(
    _ rule: some ReverseStep, schedule: NoiseSchedule, timesteps: [Int]? = nil, clip: Clip? = nil
  ) -> Sampler {
    let steps = timesteps?.count ?? schedule.steps
    return Sampler(
      self.rule(rule, schedule: schedule, steps: steps), schedule: schedule, timesteps: timesteps,
      clip: clip)
  }

  /// The rule of a sampler with `steps` of the steps of `schedule`.
  private func rule<Rule: ReverseStep>(
    _ right: Rule, schedule: NoiseSchedule, steps: Int
  ) -> any ReverseStep {
    switch mistake {
    case .noiseInLastStep: right is any Noisy ? NoiseAtEnd(base: right) : right
    case .endsAtFirstStep: EarlyEnd(base: right, schedule: schedule)
    case .timeOffByOne: TimeOffByOne(base: right)
    case .previousStepByDivision:
      (right as? any Noisy)?.taken { step in
        let stride = schedule.steps / steps
        return schedule.transition(from: step.timestep, to: max(0, step.timestep - stride))
      } ?? right
    default: wrongNumbers(right, schedule)
    }
  }

  /// The mistakes that concern one rule's numbers.
  private func wrongNumbers(
    _ right: any ReverseStep, _ schedule: NoiseSchedule
  ) -> any ReverseStep {
    @Sendable func full(_ step: Transition) -> Transition {
      schedule.transition(from: step.timestep, to: step.timestep - 1)
    }
    switch (mistake, right) {
    case (.respacedBeta, let ancestral as AncestralStep): return ancestral.taken(full)
    case (.respacedBeta, let ddim as DDIMStep):
      return DDIMStep { ddim.sigma($0) * (full($0).beta / $0.beta).squareRoot() }
    case (.etaWithoutRatio, let ddim as DDIMStep):
      return DDIMStep { ddim.sigma($0) * ($0.noiseVariance / $0.beta).squareRoot() }
    case (.etaOutsideRoot, let ddim as DDIMStep):
      return DDIMStep { ddim.sigma($0) * $0.beta.squareRoot() }
    case (.alphaForAlphaBar, let ancestral as AncestralStep):
      return LinearStep { step in
        var weights = ancestral.weights(step)
        weights.noise *= (step.noiseVariance / step.beta).squareRoot()
        return weights
      }
    default: return right
    }
  }
}

// MARK: - Rules made of four numbers

/// A rule that adds multiples of $x_t$, $\hat x_0$, the predicted noise and fresh noise.
private struct LinearStep: ReverseStep {
  struct Weights {
    var xt = 0.0
    var x0 = 0.0
    var noise = 0.0
    var fresh = 0.0
  }

  let weights: @Sendable (Transition) -> Weights

  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let w = weights(context.transition)
    let settled = D.Value.sum((w.xt, context.xt), (w.x0, context.x0), (w.noise, context.noise))
    if w.fresh == 0 { return settled }
    return .sum((1, settled), (w.fresh, context.xt.normalSamples(using: &streams)))
  }
}

/// A rule of `Diffusion` that is determined by four numbers per step.
private protocol Noisy: ReverseStep {
  func weights(_ step: Transition) -> LinearStep.Weights
}

extension Noisy {
  /// The rule with every transition replaced by another one.
  fileprivate func taken(
    _ transition: @escaping @Sendable (Transition) -> Transition
  ) -> any ReverseStep {
    LinearStep { weights(transition($0)) }
  }
}

extension AncestralStep: Noisy {
  fileprivate func weights(_ step: Transition) -> LinearStep.Weights {
    let scale = 1 / step.alpha.squareRoot()
    return LinearStep.Weights(
      xt: scale, noise: -scale * step.beta / step.noiseVariance.squareRoot(),
      fresh: step.s == 0 && !addsFinalNoise ? 0 : variance(step).squareRoot())
  }
}

extension DDIMStep: Noisy {
  fileprivate func weights(_ step: Transition) -> LinearStep.Weights {
    let sigma = sigma(step)
    return LinearStep.Weights(
      x0: step.previousAlphaBar.squareRoot(),
      noise: max(0, step.previousNoiseVariance - sigma * sigma).squareRoot(), fresh: sigma)
  }
}

// MARK: - Wrong times

/// A rule whose denoiser is given t - 1 with $x_t$.
private struct TimeOffByOne: ReverseStep {
  let base: any ReverseStep

  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let denoiser = context.denoiser
    // Steps are counted from 1 here, so t = 1 is not changed.
    let late = FunctionDenoiser<D.Value> { denoiser.noise($0, t: max($1 - 1, 1)) }
    return base.advance(context.with(late), using: &streams)
  }
}

// MARK: - Wrong last steps

/// A rule whose last step adds as much noise as the forward process adds in that step.
private struct NoiseAtEnd: ReverseStep {
  let base: any ReverseStep

  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let x = base.advance(context, using: &streams)
    guard context.transition.s == 0 else { return x }
    return .sum((1, x), (context.transition.beta.squareRoot(), x.normalSamples(using: &streams)))
  }
}

/// A rule whose last step ends at $t = 1$ of the full schedule.
private struct EarlyEnd: ReverseStep {
  let base: any ReverseStep
  let schedule: NoiseSchedule

  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    guard context.transition.s == 0 else { return base.advance(context, using: &streams) }
    return .sum((schedule.signalScale(1), context.x0), (schedule.noiseScale(1), context.noise))
  }
}
