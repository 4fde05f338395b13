import Autodiff
import Tensors

/// Group normalization (Wu and He, "Group normalization", ECCV 2018): in each image, the values of a
/// group of neighbouring channels are shifted and scaled to mean 0 and variance 1; then every channel
/// gets a scale and a shift of its own.
public struct GroupNorm: Module {
  /// The scales and shifts, `[channels]`; they start at 1 and 0.
  public let weight: Parameter
  public let bias: Parameter
  public let groups: Int
  /// What is added to the variance before its root is taken.
  public let epsilon: Float

  public init(_ channels: Int, groups: Int, epsilon: Float = 1e-5, in scope: ParameterScope) {
    guard groups > 0, channels % groups == 0 else {
      fatalError("\(channels) channels do not fall into \(groups) groups")
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
