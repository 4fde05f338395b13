import Diffusion
import Probability
import Tensors

extension DiffusionModel {
  /// The mean squared error of the predicted noise at each of `times`, over all coordinates of
  /// `x0`.
  ///
  /// - Parameters:
  ///   - x0: Samples that the model was not trained on.
  ///   - labels: One label per sample; the null label by default.
  ///   - times: Steps in 1…T.
  ///   - generator: The generator of the noise; equal generators give two models the same noise.
  public func noiseErrors(
    on x0: Value, labels: [Int]? = nil, at times: [Int], generator: RandomGenerator
  ) -> [Double] {
    let labels = labels ?? [Int](repeating: nullLabel, count: x0.entryCount)
    return times.map { t in
      var random = generator.split(t)
      let noise = Tensor.normal(x0.tensor.shape, using: &random)
      let xt = diffusion.addNoise(to: x0, t: t, noise: Value(noise))
      return noise.meanSquaredDifference(self.noise(xt, t: t, labels: labels).tensor)
    }
  }

  /// Samples without labels. Sample `i` depends only on the seed and on `i`.
  ///
  /// - Returns: A batch of `count`, of shape `shape(count)`.
  public func sample(
    _ count: Int, with sampler: Sampler, seed: UInt64, batchSize: Int = 64
  ) -> Value {
    sample(count, with: sampler, seed: seed, batchSize: batchSize) { _ in self }
  }

  /// Samples of the classes `labels` with classifier-free guidance.
  ///
  /// - Parameter scale: The guidance scale: 0 is the unconditional model, 1 the conditional one, and
  ///   larger values guide more strongly.
  public func sample(
    labels: [Int], scale: Double = 1, with sampler: Sampler, seed: UInt64, batchSize: Int = 64
  ) -> Value {
    sample(labels.count, with: sampler, seed: seed, batchSize: batchSize) { range in
      GuidedDenoiser(self, labels: Array(labels[range]), scale: scale)
    }
  }

  /// Samples with another denoiser of the same data, such as a guided one.
  ///
  /// - Parameter denoiser: Returns the denoiser of the samples in a range.
  public func sample<D: Denoiser>(
    _ count: Int, with sampler: Sampler, seed: UInt64, batchSize: Int = 64,
    denoiser: (Range<Int>) -> D
  ) -> Value where D.Value == Value {
    .joined(
      (0..<count).batches(of: batchSize).map { range in
        sampler.sample(
          like: Value(.zeros(shape(range.count))), denoiser: denoiser(range), seed: seed,
          from: range.lowerBound)
      })
  }
}
