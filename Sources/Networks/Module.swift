import Autodiff
import Probability
import Tensors

/// A layer or a network: a function with parameters.
///
/// Modules are structs that are called like functions. Copies of a module share its parameters.
public protocol Module: Sendable {
  /// The parameters, each once, in the order of the parts.
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

/// A network: a module that is created from a configuration of its sizes.
public protocol Network: Module {
  /// The sizes of the network; files of weights store it as JSON.
  associatedtype Configuration: Codable, Equatable, Sendable

  var configuration: Configuration { get }

  /// Creates the network with initial weights from `generator`.
  init(_ configuration: Configuration, generator: RandomGenerator)
}
