import Autodiff
import Foundation
import Tensors

/// Embeds times as cosines and sines of geometrically spaced frequencies, $e(t) = (\cos\omega_k t,
/// \sin\omega_k t)$ with $\omega_k = 10000^{-k/(d/2)}$ for $k = 0 … d/2 - 1$ (Vaswani et al. 2017,
/// section 3.5, with all cosines first, as in diffusers' U-Nets).
///
/// - Parameters:
///   - t: One time per image; not necessarily integers.
///   - channels: $d$; if it is odd, the last channel is 0.
/// - Returns: `[t.count, channels]`.
public func sinusoidalEmbedding(_ t: [Double], channels: Int) -> Tensor {
  let half = channels / 2
  // Angles are rounded to single precision after every operation, as in PyTorch, so that weights
  // trained there agree: at t = 1000 they differ from the exact angles in the fifth digit.
  let frequencies = (0..<half).map { exp(Float(-log(10_000.0)) * Float($0) / Float(half)) }
  var embedding = Tensor.zeros([t.count, channels])
  unsafe embedding.withMutableElements { elements in
    for (row, time) in t.enumerated() {
      for (k, frequency) in frequencies.enumerated() {
        let angle = Float(time) * frequency
        unsafe elements[row * channels + k] = cos(angle)
        unsafe elements[row * channels + half + k] = sin(angle)
      }
    }
  }
  return embedding
}

/// Sinusoidal features of the time, then two linear maps with a SiLU between them.
public struct TimeEmbedding: Module {
  public let first: Linear
  public let second: Linear
  let features: Int

  /// - Parameters:
  ///   - features: The number of cosines and sines.
  ///   - channels: The width of the embedding.
  public init(features: Int, channels: Int, in scope: ParameterScope) {
    self.features = features
    first = Linear(features, channels, in: scope["linear_1"])
    second = Linear(channels, channels, in: scope["linear_2"])
  }

  public var parameters: [Parameter] { first.parameters + second.parameters }

  /// Embeds one time per image.
  ///
  /// - Returns: `[t.count, channels]`.
  public func callAsFunction(_ t: [Double], on tape: Tape) -> Variable {
    let waves = tape.constant(sinusoidalEmbedding(t, channels: features))
    return second(silu(first(waves)))
  }
}

/// A learned embedding of class labels, one row per class.
public struct ClassEmbedding: Module {
  /// The rows, `[classes, channels]`.
  public let weight: Parameter

  public init(classes: Int, channels: Int, in scope: ParameterScope) {
    weight = scope.normal("weight", [classes, channels])
  }

  public var parameters: [Parameter] { [weight] }

  /// The rows of `labels`.
  ///
  /// - Returns: `[labels.count, channels]`.
  public func callAsFunction(_ labels: [Int], on tape: Tape) -> Variable {
    let classes = weight.value.shape[0]
    if let label = labels.first(where: { !(0..<classes).contains($0) }) {
      fatalError("the label \(label) is outside 0..<\(classes)")
    }
    return rows(of: tape.variable(weight), indices: labels)
  }
}

/// The SiLU of the sum of the embeddings of time and class, which all blocks of a network share.
///
/// - Parameters:
///   - t: One time per entry of the batch, or one for all.
///   - labels: One class per entry if there is an embedding of classes; otherwise nil.
/// - Returns: `[batch, channels]`.
func sharedEmbedding(
  _ time: TimeEmbedding, _ table: ClassEmbedding?, t: [Double], labels: [Int]?, batch: Int,
  on tape: Tape
) -> Variable {
  let times = t.count == 1 ? Array(repeating: t[0], count: batch) : t
  guard times.count == batch else { fatalError("\(t.count) times for a batch of \(batch)") }
  guard (labels == nil) == (table == nil) else {
    fatalError("a network needs labels if and only if it has classes")
  }
  let embedding = time(times, on: tape)
  guard let labels, let table else { return silu(embedding) }
  guard labels.count == batch else {
    fatalError("\(labels.count) labels for a batch of \(batch)")
  }
  return silu(embedding + table(labels, on: tape))
}
