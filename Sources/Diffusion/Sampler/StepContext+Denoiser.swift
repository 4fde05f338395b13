extension StepContext {
  /// The same step with the predictions of another denoiser.
  public func with<Other: Denoiser>(_ other: Other) -> StepContext<Other>
  where Other.Value == D.Value {
    StepContext<Other>(
      xt: xt, transition: transition, denoiser: other, clip: clip, earlier: earlier,
      nextTimestep: nextTimestep)
  }
}
