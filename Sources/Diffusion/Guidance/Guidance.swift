import Probability
import Synchronization

/// Classifier-free guidance (Ho and Salimans, "Classifier-free diffusion guidance", 2022):
/// $\hat\epsilon = \epsilon_u + s\, (\epsilon_c - \epsilon_u)$.
///
/// s = 0 is unconditional, s = 1 conditional, and a larger s guides more strongly. In the notation
/// $(1 + w)\, \epsilon_c - w\, \epsilon_u$, $w = s - 1$.
public struct GuidedDenoiser<Base: ConditionalDenoiser>: Denoiser {
  private let base: Base
  private let labels: [Int]
  private let negatives: [Int]
  private let scale: @Sendable (Int) -> Double

  /// Creates the guided denoiser of a batch.
  ///
  /// - Parameters:
  ///   - base: a denoiser trained with and without labels.
  ///   - labels: the label of each entry.
  ///   - scale: the guidance scale s.
  ///   - negatives: the label that takes the place of the null label for each entry (a negative
  ///     prompt); the null label by default.
  public init(_ base: Base, labels: [Int], scale: Double, awayFrom negatives: [Int]? = nil) {
    self.init(base, labels: labels, awayFrom: negatives, scale: { _ in scale })
  }

  /// Creates the guided denoiser of a batch with a scale for every step t.
  public init(
    _ base: Base, labels: [Int], awayFrom negatives: [Int]? = nil,
    scale: @escaping @Sendable (Int) -> Double
  ) {
    self.base = base
    self.labels = labels
    self.negatives = negatives ?? labels.map { _ in base.nullLabel }
    self.scale = scale
    guard self.negatives.count == labels.count else {
      fatalError("\(labels.count) labels and \(self.negatives.count) negative labels")
    }
  }

  // snippet.guided-noise
  /// The guided noise: both branches in one pass over a batch of twice the size.
  public func noise(_ xt: Base.Value, t: Int) -> Base.Value {
    let s = scale(t)
    if s == 1 { return base.noise(xt, t: t, labels: labels) }
    if s == 0 { return base.noise(xt, t: t, labels: negatives) }

    let count = labels.count
    let both = base.noise(xt.appending(xt), t: t, labels: labels + negatives)
    let conditional = both.entries(0..<count)
    let unconditional = both.entries(count..<2 * count)
    return .sum((s, conditional), (1 - s, unconditional))
  }
  // snippet.end
}

/// Autoguidance (Karras et al., "Guiding a diffusion model with a bad version of itself", 2024):
/// $\hat\epsilon = \epsilon_w + s\, (\epsilon_c - \epsilon_w)$, where a weaker model, trained for less
/// time or with fewer parameters, takes the place of the model without labels.
///
/// s = 1 is the conditional model, s = 0 the weaker one; both are given the labels.
public struct AutoguidedDenoiser<Base: ConditionalDenoiser, Weaker: ConditionalDenoiser>: Denoiser
where Weaker.Value == Base.Value {
  private let base: Base
  private let weaker: Weaker
  private let labels: [Int]
  private let scale: @Sendable (Int) -> Double

  /// Creates the guided denoiser of a batch with a constant scale.
  ///
  /// - Parameters:
  ///   - weaker: a denoiser of the same data on the same schedule.
  ///   - labels: the label of each entry.
  ///   - scale: the guidance scale s.
  public init(_ base: Base, by weaker: Weaker, labels: [Int], scale: Double) {
    self.init(base, by: weaker, labels: labels, scale: { _ in scale })
  }

  /// Creates the guided denoiser of a batch with a scale for every step t.
  public init(
    _ base: Base, by weaker: Weaker, labels: [Int], scale: @escaping @Sendable (Int) -> Double
  ) {
    self.base = base
    self.weaker = weaker
    self.labels = labels
    self.scale = scale
  }

  /// The guided noise; a model that counts for nothing is not evaluated.
  public func noise(_ xt: Base.Value, t: Int) -> Base.Value {
    let s = scale(t)
    if s == 1 { return base.noise(xt, t: t, labels: labels) }
    if s == 0 { return weaker.noise(xt, t: t, labels: labels) }
    return .sum(
      (s, base.noise(xt, t: t, labels: labels)), (1 - s, weaker.noise(xt, t: t, labels: labels)))
  }
}

/// A classifier of noisy data, conditioned on the step.
public protocol NoisyClassifier<Value>: Sendable {
  /// The type that is classified.
  associatedtype Value: LinearCombinableBatch

  /// $\nabla_{x_t} \log p(y \mid x_t)$, with one label per entry.
  func labelScore(_ xt: Value, t: Int, labels: [Int]) -> Value
}

/// Classifier guidance (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021,
/// algorithm 2): $\hat\epsilon = \epsilon - s \sqrt{1 - \bar\alpha_t}\, \nabla \log p(y \mid x_t)$.
public struct ClassifierGuidedDenoiser<Base: Denoiser, Classifier: NoisyClassifier>: Denoiser
where Classifier.Value == Base.Value {
  private let base: Base
  private let classifier: Classifier
  private let labels: [Int]
  private let schedule: NoiseSchedule
  private let scale: @Sendable (Int) -> Double

  /// Creates the guided denoiser of a batch with a constant scale: 0 is unguided, 1 follows Bayes'
  /// rule.
  public init(
    _ base: Base, by classifier: Classifier, labels: [Int], scale: Double, _ schedule: NoiseSchedule
  ) {
    self.init(base, by: classifier, labels: labels, schedule, scale: { _ in scale })
  }

  /// Creates the guided denoiser of a batch with a scale for every step t.
  public init(
    _ base: Base, by classifier: Classifier, labels: [Int], _ schedule: NoiseSchedule,
    scale: @escaping @Sendable (Int) -> Double
  ) {
    self.base = base
    self.classifier = classifier
    self.labels = labels
    self.schedule = schedule
    self.scale = scale
  }

  // snippet.classifier-guided-noise
  public func noise(_ xt: Base.Value, t: Int) -> Base.Value {
    let noise = base.noise(xt, t: t)
    let s = scale(t)
    if s == 0 { return noise }
    let gradient = classifier.labelScore(xt, t: t, labels: labels)
    return .sum((1, noise), (-s * schedule.noiseScale(t), gradient))
  }
  // snippet.end
}

/// The exact classifier of noisy data of a known distribution.
public struct ExactClassifier<Distribution: ExactDistribution>: NoisyClassifier {
  private let denoiser: ExactDenoiser<Distribution>

  /// Creates the classifier of data with this distribution.
  public init(_ distribution: Distribution, _ schedule: NoiseSchedule) {
    denoiser = ExactDenoiser(distribution, schedule)
  }

  /// $\nabla \log p(y \mid x_t) = \nabla \log p(x_t \mid y) - \nabla \log p(x_t)$, and each score is
  /// an expected noise divided by $-\sqrt{1 - \bar\alpha_t}$.
  public func labelScore(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    let scale = 1 / denoiser.schedule.noiseScale(t)
    return .sum(
      (scale, denoiser.noise(xt, t: t)), (-scale, denoiser.noise(xt, t: t, labels: labels)))
  }

  /// $p(y \mid x_t)$: for every point its probabilities, one coordinate per label.
  public func labelProbabilities(_ xt: PointSet, t: Int) -> PointSet {
    denoiser.distribution.labelProbabilities(
      xt, alphaBar: denoiser.schedule.alphaBar(t),
      noiseVariance: denoiser.schedule.noiseVariance(t))
  }
}

/// A denoiser that counts its evaluations, to compare samplers at equal cost.
public final class CountedDenoiser<Base: Denoiser>: Denoiser {
  private let base: Base
  private let calls = Atomic<Int>(0)

  /// Wraps a denoiser.
  public init(_ base: Base) { self.base = base }

  /// The number of batches on which the denoiser was evaluated.
  public var evaluations: Int { calls.load(ordering: .relaxed) }

  public func noise(_ xt: Base.Value, t: Int) -> Base.Value {
    calls.wrappingAdd(1, ordering: .relaxed)
    return base.noise(xt, t: t)
  }
}
