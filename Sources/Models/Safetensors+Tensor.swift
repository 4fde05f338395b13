import Files
import Tensors

extension Safetensors {
  /// Creates the content of a file from tensors by name.
  public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
    self.init(
      entries: tensors.mapValues { Entry(shape: $0.shape, values: $0.elements) },
      metadata: metadata)
  }

  /// The arrays as tensors, by name; each access converts them all.
  public var tensors: [String: Tensor] { entries.mapValues { Tensor($0.values, shape: $0.shape) } }

  /// The array called `name` as a tensor, or nil if there is none.
  public func tensor(_ name: String) -> Tensor? {
    entries[name].map { Tensor($0.values, shape: $0.shape) }
  }
}
