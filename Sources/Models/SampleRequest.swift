import Diffusion
import Networks
import Probability
import Tensors

/// Images to be sampled: their classes, the sampler, and the noise.
///
/// Image `i` starts from random stream `i` of the seed, so it does not depend on what is sampled
/// beside it.
public struct SampleRequest: Sendable {
  /// The samplers to choose from.
  public enum Rule: Sendable, Equatable {
    case ddpm
    case ddim(eta: Double)
  }

  /// The class of every image; the null label stands for any.
  public var labels: [Int]
  /// The number of steps, in 1…T.
  public var steps: Int
  /// The sampler.
  public var rule: Rule
  public var guidanceScale: Double
  /// The timesteps t at which the scale holds; at others it is 1, and the network is evaluated once.
  /// `nil` for all.
  public var guidedSteps: ClosedRange<Int>?
  /// A weaker model of the same data, for autoguidance; `nil` for classifier-free guidance.
  public var guide: DiffusionModel<UNet>?
  public var seed: UInt64
  /// How many images are sampled at once.
  public var batchSize = 100

  public init(
    labels: [Int], steps: Int = 50, rule: Rule = .ddim(eta: 0), guidanceScale: Double = 3,
    guidedSteps: ClosedRange<Int>? = nil, seed: UInt64 = 0
  ) {
    (self.labels, self.steps, self.rule) = (labels, steps, rule)
    (self.guidanceScale, self.guidedSteps, self.seed) = (guidanceScale, guidedSteps, seed)
  }

  /// Samples the images, shape `[labels.count, 3, 32, 32]`.
  ///
  /// - Parameter progress: called with the number of image-steps done.
  public func images(
    from model: LatentDiffusionModel, progress: (Int) -> Void = { _ in }
  ) -> Tensor {
    model.decode(latents(from: model, progress: progress), batchSize: batchSize)
  }

  // snippet.latents
  /// Samples the scaled latents z_0 that the images are decoded from; a model of pixels decodes
  /// nothing.
  public func latents(
    from model: LatentDiffusionModel, progress: (Int) -> Void = { _ in }
  ) -> Tensor {
    Tensor.mapBatches(labels.count, of: batchSize) { range in
      var streams = RandomStreams(seed: seed, count: range.count, from: range.lowerBound)
      let zT = streams.normal(model.denoiser.shape(range.count))
      var z0 = zT
      for (index, state) in chain(model, zT, Array(labels[range]), streams).enumerated() {
        z0 = state.x
        progress(range.lowerBound * steps + (index + 1) * range.count)
      }
      return z0
    }
  }
  // snippet.end

  /// The states of the sampler from `zT` on, one per step.
  public func chain(
    _ model: LatentDiffusionModel, _ zT: Tensor, _ labels: [Int], _ streams: RandomStreams
  ) -> ReverseChain<FunctionDenoiser<Tensor>> {
    let guided = guidedDenoiser(model.denoiser, labels: labels)
    return sampler(model.schedule).chain(
      from: zT, denoiser: FunctionDenoiser { guided.noise($0, t: $1) }, using: streams)
  }

  /// Autoguidance if there is a guide, or else classifier-free guidance.
  private func guidedDenoiser(
    _ model: DiffusionModel<UNet>, labels: [Int]
  ) -> any Denoiser<Tensor> {
    let (scale, guided) = (guidanceScale, guidedSteps)
    let scaleAt: @Sendable (Int) -> Double = { t in guided?.contains(t) ?? true ? scale : 1 }
    if let guide {
      return AutoguidedDenoiser(model, by: guide, labels: labels, scale: scaleAt)
    }
    return GuidedDenoiser(model, labels: labels, scale: scaleAt)
  }

  /// The sampler on a schedule of T steps.
  // "Leading" starts a little before T, where an error of the noise estimate is magnified less.
  public func sampler(_ schedule: NoiseSchedule) -> Sampler {
    let timesteps = steps == schedule.steps ? nil : schedule.timesteps(steps, spacing: .leading)
    switch rule {
    case .ddpm: return Sampler(.ancestral(), schedule: schedule, timesteps: timesteps)
    case .ddim(let eta): return Sampler(.ddim(eta: eta), schedule: schedule, timesteps: timesteps)
    }
  }
}
