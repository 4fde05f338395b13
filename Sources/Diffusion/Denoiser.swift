import Probability

/// A predictor of the noise in $x_t$: a trained network or an exact formula.
///
/// Samplers depend on a model only through this protocol. A guided denoiser is itself a denoiser, so
/// samplers need no code for labels or guidance.
public protocol Denoiser<Value>: Sendable {
  /// The type that is denoised: tensors for networks, points for exact formulas.
  associatedtype Value: LinearCombinable

  /// $\epsilon_\theta(x_t, t)$: an estimate of the noise in `xt`.
  ///
  /// - Parameters:
  ///   - xt: a batch at step `t`.
  ///   - t: the step, in 1…T of the full schedule.
  func noise(_ xt: Value, t: Int) -> Value
}

/// A denoiser that is conditioned on one label per entry.
public protocol ConditionalDenoiser<Value>: Sendable {
  /// The type that is denoised.
  associatedtype Value: LinearCombinableBatch

  /// The label that means "unconditional"; class labels are 0 ..< nullLabel.
  var nullLabel: Int { get }

  /// $\epsilon_\theta(x_t, t, y)$: an estimate of the noise in `xt`, given one label per entry.
  func noise(_ xt: Value, t: Int, labels: [Int]) -> Value
}

/// A denoiser defined by a function, for experiments and deliberate errors.
public struct FunctionDenoiser<Value: LinearCombinable>: Denoiser {
  private let body: @Sendable (Value, Int) -> Value

  /// Creates a denoiser whose prediction is `body(xt, t)`.
  public init(_ body: @escaping @Sendable (Value, Int) -> Value) { self.body = body }

  public func noise(_ xt: Value, t: Int) -> Value { body(xt, t) }
}
