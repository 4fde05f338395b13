extension Kernel {
  /// Normalises groups of channels of `[batch, …, channels]`, scales, shifts and activates, as
  /// `Naive.groupNorm`.
  ///
  /// - Returns: the output, and each group's mean and 1/deviation, `[batch, groups, 2]`.
  public static func groupNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, groups: Int, epsilon: Float, activation: Activation
  ) -> (output: Tensor, statistics: Tensor) {
    Naive.groupNorm(
      x, scale: scale, shift: shift, groups: groups, epsilon: epsilon, activation: activation)
  }

  /// Carries the gradient of `groupNorm` to its input, scale and shift.
  public static func groupNormGradient(
    _ dy: Tensor, x: Tensor, statistics: Tensor, scale: Tensor, shift: Tensor, groups: Int,
    activation: Activation
  ) -> (x: Tensor, scale: Tensor, shift: Tensor) {
    Naive.groupNormGradient(
      dy, x: x, statistics: statistics, scale: scale, shift: shift, groups: groups,
      activation: activation)
  }
}
