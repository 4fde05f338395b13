import Diffusion
import Models
import Networks
import Tensors

/// Sampling 100 latents in 50 steps of DDIM with guidance, as the last chapter does, with the
/// U-Nets of the comparison: one pass over 200 images a step.
func measureSampler(seconds: Double) -> [Row] {
  [Subject.unetSmall, .unetBase, .unetCourse].map { subject in
    measureSampler(subject, GuidedSampling(makeUNet(subject)), seconds: seconds)
  }
}

/// Guided sampling with one U-Net.
func measureSampler(_ subject: Subject, _ work: GuidedSampling, seconds: Double) -> Row {
  let count = OperationCount.multiplyAdds(in: work.run)
  return Row(
    name: "\(subject.rawValue), \(work.images) images, \(work.steps) steps, guided",
    timing: work.timing(seconds: seconds), multiplyAdds: count, images: work.images)
}

/// Sampling latents with classifier-free guidance and DDIM.
struct GuidedSampling {
  let network: UNet
  var images = 100
  var steps = 50
  /// The guidance scale.
  let scale = 3.0

  init(_ network: UNet, images: Int = 100, steps: Int = 50) {
    self.network = network
    self.images = images
    self.steps = steps
  }

  /// Samples once.
  func run() {
    let schedule = NoiseSchedule.linear()
    let sampler = Sampler(
      .ddim(), schedule: schedule, timesteps: schedule.timesteps(steps, spacing: .linspace))
    let denoiser = GuidedDenoiser(
      DiffusionModel(network, schedule, sampleShape: [4, 8, 8]),
      labels: (0..<images).map { $0 % 10 }, scale: scale)
    _ = sampler.sample(like: Tensor.zeros([images, 4, 8, 8]), denoiser: denoiser, seed: 1)
  }

  /// The times of as many runs as fit, and of at least one. A run is 50 passes, so the first needs no
  /// other one before it to warm up.
  func timing(seconds: Double) -> Timing {
    let first = Timing.once(run)
    let more = (0..<Int(seconds / max(first, 0.1))).map { _ in Timing.once(run) }
    return Timing(times: ([first] + more).sorted())
  }
}
