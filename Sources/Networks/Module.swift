import Autodiff
import Tensors

/// A piece of a network: something with parameters.
///
/// Layers and networks are structs that are called like functions; their parameters are shared by
/// their copies.
public protocol Module: Sendable {
  /// The parameters, each once, in the order in which the parts are defined.
  var parameters: [Parameter] { get }
}

extension Module {
  /// The number of weights.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }
}

extension Array: Module where Element: Module {
  public var parameters: [Parameter] { flatMap(\.parameters) }
}

extension Optional: Module where Wrapped: Module {
  public var parameters: [Parameter] { map(\.parameters) ?? [] }
}
