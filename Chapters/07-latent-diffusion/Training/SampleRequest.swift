import Diffusion
import Learning
import Tensors

/// Images to be drawn: which classes, by which sampler, from which noise.
///
/// Image `i` starts from random stream `i` of the seed, so it is the same picture whatever else is
/// drawn with it.
struct SampleRequest: Sendable {
  /// The class of every image; the null label draws any.
  var labels: [Int]
  /// The number of steps, in 1…T.
  var steps = 50
  /// Whether all noise comes from the start, or some from the steps.
  var rule = SamplerRule.ddim(eta: 0)
  var guidanceScale = 3.0
  /// The steps t at which the scale holds; at others it is 1, and the network is asked once. `nil`
  /// for all steps.
  var guidedSteps: ClosedRange<Int>?
  var seed: UInt64 = 0
  /// How many images are drawn at once.
  var batchSize = 100

  /// The images, shape `[labels.count, 3, 32, 32]`.
  ///
  /// - Parameter progress: called with the number of image-steps done.
  func images(from model: some PictureModel, progress: (Int) -> Void = { _ in }) -> Tensor {
    model.decode(latents(from: model, progress: progress), batchSize: batchSize)
  }

  // snippet.latents
  /// The scaled latents z_0 that the images are decoded from; a model of pixels decodes nothing.
  func latents(from model: some PictureModel, progress: (Int) -> Void = { _ in }) -> Tensor {
    var parts: [Tensor] = []
    for start in stride(from: 0, to: labels.count, by: batchSize) {
      let range = start..<min(start + batchSize, labels.count)
      var streams = Streams(seed: seed, count: range.count, from: start)
      let zT = streams.normal([range.count] + model.diffusedShape)
      var z0 = zT
      for (index, state) in chain(model, zT, Array(labels[range]), streams).enumerated() {
        z0 = state.x
        progress(start * steps + (index + 1) * range.count)
      }
      parts.append(z0)
    }
    return .concatenated(parts, along: 0)
  }
  // snippet.end

  /// The states of the sampler from `zT` on, one a step.
  func chain<Model: PictureModel>(
    _ model: Model, _ zT: Tensor, _ labels: [Int], _ streams: Streams
  ) -> ReverseChain<GuidedDenoiser<Model>> {
    let (scale, guided) = (guidanceScale, guidedSteps)
    let denoiser = GuidedDenoiser(model, labels: labels) { t in
      guided?.contains(t) ?? true ? scale : 1
    }
    return sampler(model.schedule).chain(from: zT, denoiser: denoiser, using: streams)
  }

  // "Leading" starts a little before T, where an error of the noise estimate is magnified less.
  func sampler(_ schedule: NoiseSchedule) -> Sampler {
    let timesteps = steps == schedule.steps ? nil : schedule.timesteps(steps, spacing: .leading)
    switch rule {
    case .ddpm: return Sampler(.ancestral(), schedule: schedule, timesteps: timesteps)
    case .ddim(let eta): return Sampler(.ddim(eta: eta), schedule: schedule, timesteps: timesteps)
    }
  }
}

/// The samplers to choose from.
enum SamplerRule: Sendable, Equatable {
  case ddpm
  case ddim(eta: Double)
}
