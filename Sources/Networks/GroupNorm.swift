import Autodiff
import Tensors

/// Group normalization (Wu and He, "Group normalization", ECCV 2018): in each image, every group
/// of adjacent channels is normalized to mean 0 and variance 1; then each channel is multiplied by a
/// learned scale and a learned shift is added.
public struct GroupNorm: Module {
  /// The scales and shifts, `[channels]`, initially 1 and 0.
  public let weight: Parameter
  public let bias: Parameter
  public let groups: Int
  /// The number that is added to the variance for numerical stability.
  public let epsilon: Float

  public init(_ channels: Int, groups: Int, epsilon: Float = 1e-5, in scope: ParameterScope) {
    guard groups > 0, channels % groups == 0 else {
      fatalError("\(channels) channels do not divide into \(groups) groups")
    }
    weight = scope.constant("weight", [channels], 1)
    bias = scope.constant("bias", [channels], 0)
    self.groups = groups
    self.epsilon = epsilon
  }

  public var parameters: [Parameter] { [weight, bias] }

  /// Normalizes `[batch, …, channels]`, and then applies `activation` in the same pass.
  public func callAsFunction(_ x: Variable, activation: Activation = .none) -> Variable {
    groupNorm(
      x, x.tape.variable(weight), x.tape.variable(bias), groups: groups, epsilon: epsilon,
      activation: activation)
  }
}
