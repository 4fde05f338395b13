import Tensors

/// A named tensor that training changes: a weight of a network.
///
/// It is an object, because its identity does not change with its value: the tape, the gradients, the
/// optimizer and a checkpoint refer to the same parameter. Two are equal only if they are identical.
public final class Parameter: @unchecked Sendable {
  /// The name under which a checkpoint stores the value, such as `conv_in.weight`.
  public let name: String
  /// The current value. It must not be written while another thread reads it.
  public var value: Tensor

  /// Creates a parameter with an initial value.
  public init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value
  }

  /// The value's extents.
  public var shape: Shape { value.shape }
}

extension Parameter: Hashable {
  /// Whether both are the same object.
  public static func == (a: Parameter, b: Parameter) -> Bool { a === b }

  /// Hashes the object's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
