import Tensors

/// A named tensor that training changes: a weight of a network.
///
/// An object, because what it is does not change with its value: the tape, the gradients, the
/// optimizer and a checkpoint all mean the same parameter. Two are equal only if they are one.
public final class Parameter: @unchecked Sendable {
  /// The name under which a checkpoint stores the value, such as `conv_in.weight`.
  public let name: String
  /// The current value. Not to be written while another thread reads it.
  public var value: Tensor

  /// Creates a parameter with its first value.
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

  /// Feeds the object's identity to `hasher`.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
