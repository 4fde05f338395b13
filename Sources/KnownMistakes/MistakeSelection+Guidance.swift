import Diffusion
import Probability

extension MistakeSelection {
  /// Stands in for `GuidedDenoiser`: `let GuidedDenoiser = knownMistakes.guidedDenoiser`.
  public var guidedDenoiser: GuidedDenoiserMaker { GuidedDenoiserMaker(mistake: mistake) }

  /// Stands in for `ClassifierGuidedDenoiser`.
  public var classifierGuidedDenoiser: ClassifierGuidedDenoiserMaker {
    ClassifierGuidedDenoiserMaker(mistake: mistake)
  }
}

/// Makes classifier-free guidance as `GuidedDenoiser` does, with a mistake or without.
public struct GuidedDenoiserMaker: Sendable {
  let mistake: Mistake?

  /// Guidance with one scale.
  public func callAsFunction<Base: ConditionalDenoiser>(
    _ base: Base, labels: [Int], scale: Double, awayFrom negatives: [Int]? = nil
  ) -> FunctionDenoiser<Base.Value> where Base.Value: ChanneledBatch {
    self(base, labels: labels, awayFrom: negatives, scale: { _ in scale })
  }

  /// Guidance with a scale for every step.
  public func callAsFunction<Base: ConditionalDenoiser>(
    _ base: Base, labels: [Int], awayFrom negatives: [Int]? = nil,
    scale: @escaping @Sendable (Int) -> Double
  ) -> FunctionDenoiser<Base.Value> where Base.Value: ChanneledBatch {
    let sign: Double = mistake == .guidanceSign ? -1 : 1
    let right = GuidedDenoiser(
      base, labels: labels, awayFrom: negatives, scale: { sign * scale($0) })
    guard mistake == .guidanceSkipsChannel else {
      return FunctionDenoiser { right.noise($0, t: $1) }
    }
    return FunctionDenoiser { xt, t in
      right.noise(xt, t: t).replacingLastChannel(from: base.noise(xt, t: t, labels: labels))
    }
  }
}

/// Makes classifier guidance as `ClassifierGuidedDenoiser` does, with a mistake or without.
public struct ClassifierGuidedDenoiserMaker: Sendable {
  let mistake: Mistake?

  /// Guidance with one scale.
  public func callAsFunction<Base: Denoiser, Classifier: NoisyClassifier>(
    _ base: Base, by classifier: Classifier, labels: [Int], scale: Double,
    _ schedule: NoiseSchedule
  ) -> ClassifierGuidedDenoiser<Base, Classifier> where Classifier.Value == Base.Value {
    self(base, by: classifier, labels: labels, schedule, scale: { _ in scale })
  }

  /// Guidance with a scale for every step.
  public func callAsFunction<Base: Denoiser, Classifier: NoisyClassifier>(
    _ base: Base, by classifier: Classifier, labels: [Int], _ schedule: NoiseSchedule,
    scale: @escaping @Sendable (Int) -> Double
  ) -> ClassifierGuidedDenoiser<Base, Classifier> where Classifier.Value == Base.Value {
    let sign: Double = mistake == .guidanceSign ? -1 : 1
    return ClassifierGuidedDenoiser(
      base, by: classifier, labels: labels, schedule, scale: { sign * scale($0) })
  }
}
