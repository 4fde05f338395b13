import Tensors

/// A tensor in a differentiable computation: a value and its position on a tape.
public struct Variable: Sendable {
  /// The result of the computation.
  public let value: Tensor
  /// The tape on which operations with this variable are recorded.
  public let tape: Tape
  /// The position on the tape, or nil if the variable needs no gradient.
  let node: Int?

  /// The value's extents.
  public var shape: Shape { value.shape }

  /// The value of a variable that is a single number, such as a loss.
  public var scalar: Float { value.scalar }

  /// Whether the variable needs a gradient: it depends on an input or a parameter, and the tape
  /// records.
  public var needsGradient: Bool { node != nil }

  /// The same value as a constant, through which no gradient passes.
  public var detached: Variable { tape.constant(value) }

  /// A variable without its tape, as the tape stores it.
  struct Place {
    let node: Int
    let value: Tensor
  }

  /// Declares that this operand of an operation receives `pullback(dy)`; nil if it needs no gradient,
  /// so that the pullback is not retained.
  func receives(_ pullback: @escaping (_ dy: Tensor) -> Tensor) -> Receiver? {
    guard let node else { return nil }
    return Receiver(tape: tape) { dy, gradients in gradients.add(pullback(dy), to: node) }
  }

  /// Declares that this operand's gradient is changed in place, because only a part of it changes.
  func updates(
    _ pullback: @escaping (_ dy: Tensor, _ gradient: inout Tensor) -> Void
  ) -> Receiver? {
    guard let node else { return nil }
    let shape = shape
    return Receiver(tape: tape) { dy, gradients in
      gradients.update(node, shape: shape) { pullback(dy, &$0) }
    }
  }
}
