import Probability

/// Runs the reverse process: from noise to data along some or all steps of a schedule.
///
/// A sampler is a rule for one step and the list of steps; it knows neither networks nor guidance.
/// Its chains are sequences, so that plotting, logging and progress stay with whoever iterates.
public struct Sampler: Sendable {
  /// How one step is taken.
  public let rule: ReverseRule

  /// The schedule, respaced to the steps that the sampler visits.
  public let schedule: NoiseSchedule

  /// What is done to each estimate of $x_0$; nothing by default.
  public let clip: Clip?

  /// Creates a sampler.
  ///
  /// - Parameters:
  ///   - rule: `.ancestral(…)`, `.ddim(eta:)`, `.heun` or `.adamsBashforth`.
  ///   - schedule: the schedule of the denoiser's training.
  ///   - timesteps: the steps to visit, increasing, in 1…T; all of them if `nil`.
  ///   - clip: for data known to lie in a range. Leave out in latent space.
  public init(
    _ rule: some ReverseStep, schedule: NoiseSchedule, timesteps: [Int]? = nil, clip: Clip? = nil
  ) {
    self.rule = rule.rule
    self.schedule = timesteps.map { schedule.respaced(to: $0) } ?? schedule
    self.clip = clip
  }

  /// The chain of states that starts at `xT`, one element a step.
  ///
  /// - Parameters:
  ///   - xT: standard normal draws, as a rule.
  ///   - denoiser: what tells the noise.
  ///   - streams: one random stream an entry of `xT`. A copy is used: equal streams, equal chains.
  public func chain<D: Denoiser>(
    from xT: D.Value, denoiser: D, using streams: RandomStreams
  ) -> ReverseChain<D> {
    ReverseChain(sampler: self, denoiser: denoiser, x: xT, streams: streams)
  }

  /// The end of the chain that starts at `xT`: a sample of the data.
  public func sample<D: Denoiser>(
    from xT: D.Value, denoiser: D, using streams: RandomStreams
  ) -> D.Value {
    var chain = chain(from: xT, denoiser: denoiser, using: streams)
    while chain.next() != nil {}
    return chain.x
  }

  /// Samples of the shape of `prototype`, from noise that the streams give first.
  public func sample<D: Denoiser>(
    like prototype: D.Value, denoiser: D, seed: UInt64, from first: Int = 0
  ) -> D.Value {
    var streams = RandomStreams(seed: seed, count: prototype.entryCount, from: first)
    let xT = prototype.normalSamples(using: &streams)
    return sample(from: xT, denoiser: denoiser, using: streams)
  }
}

/// Keeps estimates of $x_0$ within the range of the data.
public struct Clip: Sendable, Equatable {
  /// Where every coordinate of the data lies.
  public let range: ClosedRange<Double>

  /// Whether the noise is made to agree with the clipped $x_0$. Without this a deterministic step
  /// combines a clipped $x_0$ with a noise that contradicts it, as a much used library does.
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
  /// The step that has been reached, counted in the full schedule; 0 at the end.
  public let t: Int
  /// $x_t$ for that `t`.
  public let x: Value
  /// $\hat x_0$, as estimated from the state before.
  public let x0Estimate: Value
  /// The noise, as estimated from the state before.
  public let noise: Value
}

/// The states of a sampler's run, one after another.
public struct ReverseChain<D: Denoiser>: Sequence, IteratorProtocol {
  let sampler: Sampler
  let denoiser: D
  /// The present state; $x_T$ before the first step.
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
    let move = StepContext(
      xt: x, transition: transition, denoiser: denoiser, clip: sampler.clip, earlier: earlier,
      nextTimestep: sampler.schedule.timestep(remaining - 1))
    x = sampler.rule.advance(move, using: &streams)
    earlier = (move.noise, transition)
    remaining -= 1
    return ReverseState(
      t: sampler.schedule.timestep(remaining), x: x, x0Estimate: move.x0, noise: move.noise)
  }
}

/// What a rule has before it when it takes one step from t to s.
public struct StepContext<D: Denoiser> {
  /// The state come from.
  public let xt: D.Value
  /// The two steps and what lies between them.
  public let transition: Transition
  /// The noise in `xt`, as the denoiser sees it, made to agree with a clipped `x0`.
  public let noise: D.Value
  /// The estimate of $x_0$ from `xt`, clipped if that was asked for.
  public let x0: D.Value
  /// The noise found by the step before, and that step.
  public let earlier: (noise: D.Value, transition: Transition)?

  /// What predicts the noise.
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
      denoiser.noise(xt, t: transition.timestep), xt, clip, transition.alphaBar,
      transition.noiseVariance)
    (noise, x0) = (estimate.noise, estimate.x0)
  }

  /// The noise that the denoiser sees in `xs`, a state at step s > 0: one more evaluation.
  public func noise(at xs: D.Value) -> D.Value {
    Self.estimate(
      denoiser.noise(xs, t: nextTimestep), xs, clip, transition.previousAlphaBar,
      transition.previousNoiseVariance
    ).noise
  }

  private static func estimate(
    _ noise: D.Value, _ xt: D.Value, _ clip: Clip?, _ alphaBar: Double, _ noiseVariance: Double
  ) -> (noise: D.Value, x0: D.Value) {
    let (signal, scale) = (alphaBar.squareRoot(), noiseVariance.squareRoot())
    let x0 = D.Value.sum((1 / signal, xt), (-scale / signal, noise))
    guard let clip else { return (noise, x0) }
    let clipped = x0.clipped(to: clip.range)
    if !clip.recomputesNoise { return (noise, clipped) }
    return (.sum((1 / scale, xt), (-signal / scale, clipped)), clipped)
  }
}
