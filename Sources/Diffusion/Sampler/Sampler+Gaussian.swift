import Probability

extension Sampler {
  /// Computes the exact distribution of the samples for Gaussian data, without sampling: runs the
  /// sampler on a `GaussianVariable` that starts as N(0, 1).
  ///
  /// - Parameters:
  ///   - mean: the mean of the data, the same in every coordinate.
  ///   - variance: the variance of the data.
  ///   - schedule: the full schedule of the denoiser, of which the sampler's is a part.
  public func distribution(
    ofGaussianData mean: Double = 0, variance: Double, schedule: NoiseSchedule
  ) -> GaussianVariable {
    sample(
      from: GaussianVariable(standardDeviation: 1, source: 0),
      denoiser: GaussianDenoiser<GaussianVariable>(mean: mean, variance: variance, schedule),
      using: RandomStreams(seed: 0, count: 1))
  }
}
