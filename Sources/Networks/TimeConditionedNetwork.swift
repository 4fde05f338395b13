import Autodiff
import Tensors

/// A network that is conditioned on the time t, and on a class label if it has an embedding of
/// labels.
public protocol TimeConditionedNetwork: Network {
  /// The number of rows of the label embedding, including the null label's; nil for a network
  /// without labels.
  var labelCount: Int? { get }

  /// Evaluates the network on a tape.
  ///
  /// - Parameters:
  ///   - x: The batch, `[batch, …]`.
  ///   - t: One time per entry, or one for all; not necessarily integers.
  ///   - labels: One label per entry if the network has an embedding of labels, otherwise nil.
  func callAsFunction(_ x: Variable, t: [Double], labels: [Int]?) -> Variable
}

extension TimeConditionedNetwork {
  /// Evaluates the network without labels.
  public func callAsFunction(_ x: Variable, t: [Double]) -> Variable {
    callAsFunction(x, t: t, labels: nil)
  }

  /// Evaluates the network at integer times.
  public func callAsFunction(_ x: Variable, t: [Int], labels: [Int]? = nil) -> Variable {
    callAsFunction(x, t: t.map(Double.init), labels: labels)
  }

  /// Evaluates the network for inference: nothing is recorded for a gradient.
  public func callAsFunction(_ x: Tensor, t: [Double], labels: [Int]? = nil) -> Tensor {
    callAsFunction(Tape(recording: false).constant(x), t: t, labels: labels).value
  }

  /// Evaluates the network for inference at integer times.
  public func callAsFunction(_ x: Tensor, t: [Int], labels: [Int]? = nil) -> Tensor {
    callAsFunction(x, t: t.map(Double.init), labels: labels)
  }
}
