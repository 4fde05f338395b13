import Tensors

/// Normalizes each group of channels of each image to mean 0 and variance 1, then scales and
/// shifts every channel, then activates, all in one pass
/// (Wu and He, "Group normalization", ECCV 2018).
///
/// - Parameters:
///   - x: `[batch, …, channels]`, channels last.
///   - scale: `[channels]`.
///   - shift: `[channels]`.
///   - groups: a divisor of the number of channels; 1 normalizes whole images.
///   - epsilon: added to the variance.
///   - activation: applied last.
public func groupNorm(
  _ x: Variable, _ scale: Variable, _ shift: Variable, groups: Int, epsilon: Float = 1e-5,
  activation: Activation = .none
) -> Variable {
  guard let channels = x.shape.last, x.shape.count >= 2, groups > 0, channels % groups == 0,
    scale.shape == [channels], shift.shape == [channels]
  else {
    fatalError("\(groups) groups with scales \(scale.shape) do not fit shape \(x.shape)")
  }
  let (input, a, b) = (x.value, scale.value, shift.value)
  let (output, statistics) = Kernel.groupNorm(
    input, scale: a, shift: b, groups: groups, epsilon: epsilon, activation: activation)
  return x.tape.record(output, from: [x, scale, shift]) { dy in
    let gradient = Kernel.groupNormGradient(
      dy, x: input, statistics: statistics, scale: a, shift: b, groups: groups,
      activation: activation)
    return [gradient.x, gradient.scale, gradient.shift]
  }
}
