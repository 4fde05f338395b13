import Tensors

/// The gradients of one loss with respect to the leaves of its computation. They are a separate value,
/// stored neither in the tape nor in the parameters.
public struct Gradients: Sendable {
  private var ofParameters: [Parameter: Tensor] = [:]
  private var ofInputs: [Int: Tensor] = [:]
  private let leaves: Set<Int>

  init(leaves: Set<Int>, values: Accumulator, parameters: [Parameter: Int]) {
    self.leaves = leaves
    var values = values
    for (parameter, node) in parameters { ofParameters[parameter] = values.take(node) }
    for node in leaves { ofInputs[node] = values.take(node) }
  }

  /// The gradient with respect to a parameter; nil if the loss does not depend on it.
  public subscript(_ parameter: Parameter) -> Tensor? { ofParameters[parameter] }

  /// The gradient with respect to an input; nil if the loss does not depend on it, or if it is a
  /// constant.
  public subscript(_ input: Variable) -> Tensor? {
    guard let node = input.node else { return nil }
    guard leaves.contains(node) else {
      fatalError("only inputs and parameters have gradients; this variable was computed")
    }
    return ofInputs[node]
  }

  /// The parameters that have a gradient, in no particular order.
  public var parameters: some Collection<Parameter> { ofParameters.keys }

  /// The Euclidean norm of the gradients of `parameters` taken together, as one vector.
  public func globalNorm(over parameters: [Parameter]) -> Double {
    parameters.reduce(0) { $0 + (self[$1]?.sumOfSquares() ?? 0) }.squareRoot()
  }

  /// The gradients times a number.
  public func scaled(by factor: Float) -> Gradients {
    var result = self
    for parameter in ofParameters.keys { result.ofParameters[parameter]! *= factor }
    for node in ofInputs.keys { result.ofInputs[node]! *= factor }
    return result
  }

  /// Adds the parameters' gradients of another loss, for batches that are computed in parts. Gradients
  /// of inputs belong to one tape and are not changed.
  public mutating func add(_ other: Gradients) {
    for (parameter, gradient) in other.ofParameters {
      if ofParameters[parameter] == nil {
        ofParameters[parameter] = gradient
      } else {
        ofParameters[parameter]! += gradient
      }
    }
  }
}
