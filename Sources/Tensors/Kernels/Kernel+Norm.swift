extension Kernel {
  /// Normalizes groups of channels of `[batch, …, channels]`, scales, shifts and activates, as
  /// `Naive.groupNorm`.
  ///
  /// - Returns: the output, and the mean and `1/√(variance + epsilon)` of each group,
  ///   `[batch, groups, 2]`.
  public static func groupNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, groups: Int, epsilon: Float, activation: Activation
  ) -> (output: Tensor, statistics: Tensor) {
    let sizes = normSizes(x, scale: scale, shift: shift, groups: groups)
    let statistics = Tensor(allocating: [sizes.batch, groups, 2])
    let output = unsafe Tensor(uninitialized: x.shape) { y in
      unsafe NormKernels.forward(
        x.storage.pointer, sizes, scale: scale.storage.pointer, shift: shift.storage.pointer,
        epsilon: epsilon, activation: activation, into: y, statistics: statistics.storage.pointer)
    }
    return (output, statistics)
  }

  /// Carries the gradient of `groupNorm` to its input, scale and shift.
  public static func groupNormGradient(
    _ dy: Tensor, x: Tensor, statistics: Tensor, scale: Tensor, shift: Tensor, groups: Int,
    activation: Activation
  ) -> (x: Tensor, scale: Tensor, shift: Tensor) {
    let sizes = normSizes(x, scale: scale, shift: shift, groups: groups)
    guard dy.shape == x.shape else {
      fatalError("groupNormGradient: gradient \(dy.shape) for an output of \(x.shape)")
    }
    let dScale = Tensor(allocating: scale.shape), dShift = Tensor(allocating: shift.shape)
    let dx = unsafe Tensor(uninitialized: x.shape) { dx in
      unsafe NormKernels.backward(
        dy.storage.pointer, x.storage.pointer, sizes, statistics: statistics.storage.pointer,
        scale: scale.storage.pointer, shift: shift.storage.pointer, activation: activation,
        dx: dx, dScale: dScale.storage.pointer, dShift: dShift.storage.pointer)
    }
    return (dx, dScale, dShift)
  }

  private static func normSizes(
    _ x: Tensor, scale: Tensor, shift: Tensor, groups: Int
  ) -> NormKernels.Sizes {
    guard x.rank >= 2, let channels = x.shape.last, groups > 0, channels % groups == 0,
      scale.shape == [channels], shift.shape == [channels]
    else {
      fatalError(
        "groupNorm: \(groups) groups, scale \(scale.shape) and shift \(shift.shape) "
          + "do not fit \(x.shape)")
    }
    return NormKernels.Sizes(
      batch: x.shape[0], positions: x.shape[1..<(x.rank - 1)].reduce(1, *), channels: channels,
      groups: groups)
  }
}
