import Probability

/// Runs the reverse process from noise to data, along some or all steps of a schedule.
///
/// A sampler is a rule for one step and a list of steps. It depends neither on networks nor on
/// guidance. Its chains are sequences, so the caller can plot or log every state.
public struct Sampler: Sendable {
  /// The rule for one step.
  public let rule: ReverseRule

  /// The schedule, respaced to the sampler's steps.
  public let schedule: NoiseSchedule

  /// The range to which each estimate of $x_0$ is clipped; not clipped if `nil`.
  public let clip: Clip?

  /// Creates a sampler.
  ///
  /// - Parameters:
  ///   - rule: `.ancestral(…)`, `.ddim(eta:)`, `.heun` or `.adamsBashforth`.
  ///   - schedule: the schedule with which the denoiser was trained.
  ///   - timesteps: the steps to use, increasing, in 1…T; all of them by default.
  ///   - clip: for data in a known range, such as images in -1…1; not for latents.
  public init(
    _ rule: some ReverseStep, schedule: NoiseSchedule, timesteps: [Int]? = nil, clip: Clip? = nil
  ) {
    self.rule = rule.rule
    self.schedule = timesteps.map { schedule.respaced(to: $0) } ?? schedule
    self.clip = clip
  }

  /// The chain of states that starts at `xT`, one element per step.
  ///
  /// - Parameters:
  ///   - xT: the state at step T, normally standard Gaussian samples.
  ///   - denoiser: the predictor of the noise.
  ///   - streams: one random stream per entry of `xT`. The chain uses a copy, so equal streams give
  ///     equal chains.
  public func chain<D: Denoiser>(
    from xT: D.Value, denoiser: D, using streams: RandomStreams
  ) -> ReverseChain<D> {
    ReverseChain(sampler: self, denoiser: denoiser, x: xT, streams: streams)
  }

  /// The last state of the chain that starts at `xT`: a sample of the data.
  public func sample<D: Denoiser>(
    from xT: D.Value, denoiser: D, using streams: RandomStreams
  ) -> D.Value {
    var chain = chain(from: xT, denoiser: denoiser, using: streams)
    while chain.next() != nil {}
    return chain.x
  }

  /// Samples of the shape of `prototype`, one per stream, which is used first for $x_T$ and then for
  /// the steps.
  public func sample<D: Denoiser>(
    like prototype: D.Value, denoiser: D, using streams: RandomStreams
  ) -> D.Value {
    var streams = streams
    let xT = prototype.normalSamples(using: &streams)
    return sample(from: xT, denoiser: denoiser, using: streams)
  }

  /// Samples of the shape of `prototype`. Entry `i` uses random stream `first + i` of the seed.
  public func sample<D: Denoiser>(
    like prototype: D.Value, denoiser: D, seed: UInt64, from first: Int = 0
  ) -> D.Value {
    sample(
      like: prototype, denoiser: denoiser,
      using: RandomStreams(seed: seed, count: prototype.entryCount, from: first))
  }

  /// Samples points of `dimensions` coordinates, one per stream.
  public func sample<D: Denoiser<PointSet>>(
    dimensions: Int, denoiser: D, using streams: RandomStreams
  ) -> PointSet {
    sample(
      like: PointSet(zeros: streams.count, dimensions: dimensions), denoiser: denoiser,
      using: streams)
  }
}

/// Clips estimates of $x_0$ to the range of the data.
public struct Clip: Sendable, Equatable {
  /// The range of every coordinate of the data.
  public let range: ClosedRange<Double>

  /// Whether the noise is recomputed from the clipped $x_0$. Otherwise a deterministic step combines a
  /// clipped $x_0$ with noise that is inconsistent with it, as the diffusers library does by default.
  public let recomputesNoise: Bool

  /// Creates a clip to a range.
  public init(_ range: ClosedRange<Double> = -1...1, recomputesNoise: Bool = true) {
    self.range = range
    self.recomputesNoise = recomputesNoise
  }

  /// For images in -1…1.
  public static let images = Clip()
}

/// A state of a reverse chain.
public struct ReverseState<Value: LinearCombinable>: Sendable {
  /// The step of this state in the full schedule; 0 at the end.
  public let t: Int
  /// $x_t$ at this step.
  public let x: Value
  /// $\hat x_0$, estimated from the previous state.
  public let x0Estimate: Value
  /// The noise, estimated from the previous state.
  public let noise: Value
}

/// The states of a reverse chain, in the order of sampling.
public struct ReverseChain<D: Denoiser>: Sequence, IteratorProtocol {
  let sampler: Sampler
  let denoiser: D
  /// The current state; $x_T$ before the first step.
  public private(set) var x: D.Value
  private var streams: RandomStreams
  private var remaining: Int
  private var earlier: (noise: D.Value, transition: Transition)?

  init(sampler: Sampler, denoiser: D, x: D.Value, streams: RandomStreams) {
    self.sampler = sampler
    self.denoiser = denoiser
    self.x = x
    self.streams = streams
    remaining = sampler.schedule.steps
  }

  public mutating func next() -> ReverseState<D.Value>? {
    guard remaining > 0 else { return nil }
    let transition = sampler.schedule.transition(from: remaining, to: remaining - 1)
    let context = StepContext(
      xt: x, transition: transition, denoiser: denoiser, clip: sampler.clip, earlier: earlier,
      nextTimestep: sampler.schedule.timestep(remaining - 1))
    x = sampler.rule.advance(context, using: &streams)
    earlier = (context.noise, transition)
    remaining -= 1
    return ReverseState(
      t: sampler.schedule.timestep(remaining), x: x, x0Estimate: context.x0, noise: context.noise)
  }
}

/// The inputs of a rule for one step from t to s.
public struct StepContext<D: Denoiser> {
  /// The state at step t.
  public let xt: D.Value
  /// The steps t and s and the variances of the transition between them.
  public let transition: Transition
  /// The predicted noise in `xt`; recomputed from `x0` if that was clipped with `recomputesNoise`.
  public let noise: D.Value
  /// The estimate of $x_0$ from `xt`, clipped if the sampler has a clip.
  public let x0: D.Value
  /// The noise and the transition of the previous step; `nil` in the first.
  public let earlier: (noise: D.Value, transition: Transition)?

  /// The predictor of the noise.
  public let denoiser: D
  let clip: Clip?
  let nextTimestep: Int

  init(
    xt: D.Value, transition: Transition, denoiser: D, clip: Clip?,
    earlier: (noise: D.Value, transition: Transition)?, nextTimestep: Int
  ) {
    self.xt = xt
    self.transition = transition
    self.denoiser = denoiser
    self.clip = clip
    self.earlier = earlier
    self.nextTimestep = nextTimestep
    let estimate = Self.estimate(
      denoiser.noise(xt, t: transition.timestep), xt, clip, transition.noiseLevel)
    (noise, x0) = (estimate.noise, estimate.x0)
  }

  /// The predicted noise in `xs`, a state at step s > 0. This takes one more evaluation of the
  /// denoiser.
  public func noise(at xs: D.Value) -> D.Value {
    Self.estimate(
      denoiser.noise(xs, t: nextTimestep), xs, clip, transition.previousNoiseLevel
    ).noise
  }

  private static func estimate(
    _ noise: D.Value, _ xt: D.Value, _ clip: Clip?, _ level: NoiseLevel
  ) -> (noise: D.Value, x0: D.Value) {
    let x0 = level.x0Estimate(noise: noise, xt: xt)
    guard let clip else { return (noise, x0) }
    let clipped = x0.clipped(to: clip.range)
    return (clip.recomputesNoise ? level.noise(x0: clipped, xt: xt) : noise, clipped)
  }
}
