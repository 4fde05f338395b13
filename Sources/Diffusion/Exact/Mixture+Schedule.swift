import Probability

extension GaussianMixture {
  /// The marginal of $x_t$ under a schedule when $x_0$ follows this mixture.
  public func noisyMarginal(_ schedule: NoiseSchedule, to t: Int) -> NoisyMarginal {
    NoisyMarginal(
      data: self, alphaBar: schedule.alphaBar(t), noiseVariance: schedule.noiseVariance(t))
  }
}

extension MultivariateMixture {
  /// The marginal of $x_t$ under a schedule when $x_0$ follows this mixture.
  public func noisyMarginal(_ schedule: NoiseSchedule, to t: Int) -> MultivariateMixture {
    noisyMarginal(alphaBar: schedule.alphaBar(t), noiseVariance: schedule.noiseVariance(t))
  }
}
