import Autodiff
import Tensors

/// An affine map of the last axis, $y = xW^\top + b$.
public struct Linear: Module {
  /// $W$, `[outputs, inputs]`.
  public let weight: Parameter
  /// $b$, `[outputs]`.
  public let bias: Parameter

  /// - Parameter startsAtZero: Whether weights and biases are initially zero.
  public init(_ inputs: Int, _ outputs: Int, startsAtZero: Bool = false, in scope: ParameterScope) {
    if startsAtZero {
      weight = scope.constant("weight", [outputs, inputs], 0)
      bias = scope.constant("bias", [outputs], 0)
    } else {
      weight = scope.uniform("weight", [outputs, inputs], inputs: inputs)
      bias = scope.uniform("bias", [outputs], inputs: inputs)
    }
  }

  public var parameters: [Parameter] { [weight, bias] }

  /// Maps `[…, inputs]` to `[…, outputs]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    linear(x, x.tape.variable(weight), x.tape.variable(bias))
  }
}
