/// The function that a fused kernel applies to its result before it writes it.
public enum Activation: Sendable {
  /// The identity.
  case none
  /// SiLU, also called swish: `x·σ(x)` with the logistic function σ.
  case silu
}
