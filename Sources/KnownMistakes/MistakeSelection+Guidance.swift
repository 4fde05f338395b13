import Diffusion
import Probability
import Tensors

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
  ) -> FunctionDenoiser<Base.Value> where Base.Value: Channeled {
    self(base, labels: labels, awayFrom: negatives, scale: { _ in scale })
  }

  /// Guidance with a scale for every step.
  public func callAsFunction<Base: ConditionalDenoiser>(
    _ base: Base, labels: [Int], awayFrom negatives: [Int]? = nil,
    scale: @escaping @Sendable (Int) -> Double
  ) -> FunctionDenoiser<Base.Value> where Base.Value: Channeled {
    let sign: Double = mistake == .guidanceSign ? -1 : 1
    let right = GuidedDenoiser(
      base, labels: labels, awayFrom: negatives, scale: { sign * scale($0) })
    guard mistake == .guidanceSkipsChannel else {
      return FunctionDenoiser { right.noise($0, t: $1) }
    }
    return FunctionDenoiser { xt, t in
      right.noise(xt, t: t).withLastChannel(of: base.noise(xt, t: t, labels: labels))
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

/// A batch whose entries consist of channels.
public protocol Channeled: LinearCombinableBatch {
  /// This value with the last channel of every entry taken from `other`.
  func withLastChannel(of other: Self) -> Self
}

extension PointSet: Channeled {
  public func withLastChannel(of other: PointSet) -> PointSet {
    var result = self
    for last in stride(from: dimensions - 1, to: values.count, by: dimensions) {
      result.values[last] = other.values[last]
    }
    return result
  }
}

extension Tensor: Channeled {
  /// The tensor, `[batch, channels, …]`, with the last channel of every entry taken from `other`.
  public func withLastChannel(of other: Tensor) -> Tensor {
    var values = elements
    let others = other.elements
    let entry = values.count / shape[0]
    for end in stride(from: entry, through: values.count, by: entry) {
      let last = end - entry / shape[1]..<end
      values.replaceSubrange(last, with: others[last])
    }
    return Tensor(values, shape: shape)
  }
}
