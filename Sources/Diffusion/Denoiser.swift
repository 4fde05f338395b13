import Probability

/// Something that tells the noise in $x_t$: a trained network or an exact formula.
///
/// Samplers see nothing else. A guided denoiser is a denoiser again, so no sampler knows of labels
/// or guidance.
public protocol Denoiser<Value>: Sendable {
  /// What is denoised: tensors for networks, points for exact formulas.
  associatedtype Value: LinearCombinable

  /// $\epsilon_\theta(x_t, t)$: an estimate of the noise in `xt`.
  ///
  /// - Parameters:
  ///   - xt: a batch at step `t`.
  ///   - t: in 1…T of the full schedule.
  func noise(_ xt: Value, t: Int) -> Value
}

/// A denoiser that can be told what every entry is to be.
public protocol ConditionalDenoiser<Value>: Sendable {
  /// What is denoised.
  associatedtype Value: LinearCombinableBatch

  /// The label that stands for no label; those of classes are 0 ..< nullLabel.
  var nullLabel: Int { get }

  /// $\epsilon_\theta(x_t, t, y)$: an estimate of the noise in `xt`, given one label an entry.
  func noise(_ xt: Value, t: Int, labels: [Int]) -> Value
}

/// A denoiser made of a function, for experiments and errors put in on purpose.
public struct FunctionDenoiser<Value: LinearCombinable>: Denoiser {
  private let body: @Sendable (Value, Int) -> Value

  /// Creates a denoiser that answers with `body(xt, t)`.
  public init(_ body: @escaping @Sendable (Value, Int) -> Value) { self.body = body }

  public func noise(_ xt: Value, t: Int) -> Value { body(xt, t) }
}

/// A denoiser made of a function that predicts something other than noise.
public struct ConvertedDenoiser<Value: LinearCombinable>: Denoiser {
  private let diffusion: GaussianDiffusion
  private let prediction: Prediction
  private let body: @Sendable (Value, Int) -> Value

  /// Creates a denoiser from `body(xt, t)`, whose answers are of the kind `prediction`.
  public init(
    _ prediction: Prediction, of diffusion: GaussianDiffusion,
    _ body: @escaping @Sendable (Value, Int) -> Value
  ) {
    self.diffusion = diffusion
    self.prediction = prediction
    self.body = body
  }

  public func noise(_ xt: Value, t: Int) -> Value {
    diffusion.convert(body(xt, t), from: prediction, to: .noise, xt: xt, t: t)
  }
}

/// A conditional denoiser with its labels filled in.
public struct LabelledDenoiser<Base: ConditionalDenoiser>: Denoiser {
  private let base: Base
  private let labels: [Int]

  /// Creates the denoiser for entries with these labels.
  public init(_ base: Base, labels: [Int]) {
    self.base = base
    self.labels = labels
  }

  public func noise(_ xt: Base.Value, t: Int) -> Base.Value {
    base.noise(xt, t: t, labels: labels)
  }
}
