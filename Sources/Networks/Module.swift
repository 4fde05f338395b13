import Autodiff
import Probability
import Tensors

/// A piece of a network: something with parameters.
///
/// Layers and networks are structs that are called like functions; copies of a module share its
/// parameters.
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

/// A whole network: a module that is built from a configuration of its sizes.
public protocol Network: Module {
  /// The sizes of the network; files of weights store it as JSON.
  associatedtype Configuration: Codable, Equatable, Sendable

  var configuration: Configuration { get }

  /// Builds the network with initial weights that follow from `generator`.
  init(_ configuration: Configuration, generator: RandomGenerator)
}
