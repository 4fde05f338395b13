import Autodiff
import Diffusion
import Foundation
import Networks
import Probability
import Tensors

/// The loss of a denoiser that learns to name the noise in a noisy latent, with and without the
/// class:
///
/// $$\lVert \epsilon - \epsilon_\theta(z_t, t, \tilde y) \rVert^2,
/// \qquad z_t = \sqrt{\bar\alpha_t}\, z_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$$
///
/// (or the same of another prediction, such as the velocity), averaged over all numbers of a batch, with t uniform in 1 … T and $\tilde y$ the class or, with
/// a small probability, the null label (Ho, Jain and Abbeel, 2020, equation 14; Ho and Salimans,
/// "Classifier-free diffusion guidance", 2022, algorithm 1).
public struct DenoisingLoss: Sendable {
  public let diffusion: GaussianDiffusion
  /// The label that stands for "no class".
  public let nullLabel: Int
  /// How often a class is replaced by it.
  public let dropProbability: Double
  /// What the network is to say.
  public let prediction: Prediction

  public init(
    _ diffusion: GaussianDiffusion, nullLabel: Int = 10, dropProbability: Double = 0.1,
    prediction: Prediction = .noise
  ) {
    self.diffusion = diffusion
    self.prediction = prediction
    self.nullLabel = nullLabel
    self.dropProbability = dropProbability
  }

  // snippet.denoising-loss
  /// The loss on scaled latents `z0`, shape `[batch, channels, height, width]`.
  public func callAsFunction(
    _ network: UNet, latents z0: Tensor, labels: [Int], tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    var draws = generator
    let times = labels.map { _ in 1 + draws.index(below: diffusion.schedule.steps) }
    let kept = labels.map { draws.uniform() < dropProbability ? nullLabel : $0 }
    let noise = Tensor.normal(z0.shape, using: &draws)
    let zt = diffusion.addNoise(to: z0, t: times, noise: noise)
    let predicted = network(tape.constant(zt), t: times, labels: kept)
    let target = diffusion.target(of: prediction, x0: z0, noise: noise, t: times)
    return BatchLoss(meanSquaredError(predicted, target), images: labels.count)
  }
  // snippet.end

  /// The mean squared error of the noise at each of `times`, over all `latents` and with every class kept: what
  /// a denoiser is judged by, on latents that it did not see.
  ///
  /// - Parameter generator: draws the noise, so that two networks can be given the same.
  public func profile(
    _ network: UNet, latents: Tensor, labels: [Int], times: [Int], generator: RandomGenerator
  ) -> [Double] {
    times.map { t in
      var draws = generator.split(t)
      let noise = Tensor.normal(latents.shape, using: &draws)
      let all = [Int](repeating: t, count: labels.count)
      let zt = diffusion.addNoise(to: latents, t: all, noise: noise)
      let predicted = network(zt, t: all, labels: labels)
      return noise.meanSquaredDifference(
        diffusion.convert(predicted, from: prediction, to: .noise, xt: zt, t: t))
    }
  }
}
