extension ReverseMove {
  /// The same step with the estimates of another denoiser.
  public func with<Other: Denoiser>(_ other: Other) -> ReverseMove<Other>
  where Other.Value == D.Value {
    ReverseMove<Other>(
      xt: xt, transition: transition, denoiser: other, clip: clip, earlier: earlier,
      nextTimestep: nextTimestep)
  }
}
