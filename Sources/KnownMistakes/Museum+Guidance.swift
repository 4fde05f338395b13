import Diffusion
import Tensors

extension Museum {
  /// Classifier-free guidance with one scale, as `GuidedDenoiser`.
  public func guided<Base: ConditionalDenoiser>(
    _ base: Base, labels: [Int], scale: Double, awayFrom negatives: [Int]? = nil
  ) -> FunctionDenoiser<Base.Value> where Base.Value: Channelled {
    guided(base, labels: labels, awayFrom: negatives, scale: { _ in scale })
  }

  /// Classifier-free guidance with a scale for every step, as `GuidedDenoiser`.
  public func guided<Base: ConditionalDenoiser>(
    _ base: Base, labels: [Int], awayFrom negatives: [Int]? = nil,
    scale: @escaping @Sendable (Int) -> Double
  ) -> FunctionDenoiser<Base.Value> where Base.Value: Channelled {
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

  /// Classifier guidance with one scale, as `ClassifierGuidedDenoiser`.
  public func guided<Base: Denoiser, Classifier: NoisyClassifier>(
    _ base: Base, by classifier: Classifier, labels: [Int], scale: Double,
    _ schedule: NoiseSchedule
  ) -> ClassifierGuidedDenoiser<Base, Classifier> where Classifier.Value == Base.Value {
    guided(base, by: classifier, labels: labels, schedule, scale: { _ in scale })
  }

  /// Classifier guidance with a scale for every step, as `ClassifierGuidedDenoiser`.
  public func guided<Base: Denoiser, Classifier: NoisyClassifier>(
    _ base: Base, by classifier: Classifier, labels: [Int], _ schedule: NoiseSchedule,
    scale: @escaping @Sendable (Int) -> Double
  ) -> ClassifierGuidedDenoiser<Base, Classifier> where Classifier.Value == Base.Value {
    let sign: Double = mistake == .guidanceSign ? -1 : 1
    return ClassifierGuidedDenoiser(
      base, by: classifier, labels: labels, schedule, scale: { sign * scale($0) })
  }

  /// A denoiser that was trained with and without labels.
  public func trained<Base: ConditionalDenoiser>(_ right: Base) -> NullDenoiser<Base> {
    NullDenoiser(base: right, answersNull: mistake != .untrainedNullLabel)
  }

  /// The share of the training examples that lose their label to the null label, given that share.
  public func labelDropout(_ right: Double) -> Double { mistake == .untrainedNullLabel ? 0 : right }
}

/// A conditional denoiser that either knows its null label or answers it with zeros, as networks do
/// whose last map starts at zero and that have never met it.
public struct NullDenoiser<Base: ConditionalDenoiser>: ConditionalDenoiser {
  let base: Base
  let answersNull: Bool

  public var nullLabel: Int { base.nullLabel }

  public func noise(_ xt: Base.Value, t: Int, labels: [Int]) -> Base.Value {
    let right = base.noise(xt, t: t, labels: labels)
    if answersNull { return right }
    // Stretches of equal labels, since guidance puts all the null labels side by side.
    var ends = labels.indices.dropFirst().filter { isNull(labels[$0]) != isNull(labels[$0 - 1]) }
    ends.append(labels.count)
    var start = 0
    var parts: [Base.Value] = []
    for end in ends where end > start {
      parts.append(.sum((isNull(labels[start]) ? 0 : 1, right.entries(start..<end))))
      start = end
    }
    guard let first = parts.first else { return right }
    return parts.dropFirst().reduce(first) { $0.appending($1) }
  }

  private func isNull(_ label: Int) -> Bool { label == nullLabel }
}

/// A batch whose entries consist of channels.
public protocol Channelled: DiffusableBatch {
  /// This value with the last channel of every entry taken from `other`.
  func withLastChannel(of other: Self) -> Self
}

extension Points: Channelled {
  public func withLastChannel(of other: Points) -> Points {
    var result = self
    for last in stride(from: dimensions - 1, to: values.count, by: dimensions) {
      result.values[last] = other.values[last]
    }
    return result
  }
}

extension Tensor: Channelled {
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
