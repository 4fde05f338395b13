import Autodiff
import Tensors

extension Gradients {
  /// The factor that brings the gradients of `parameters`, taken as one long vector, to at most the
  /// Euclidean length `limit`: 1 where they are shorter (Pascanu, Mikolov and Bengio, "On the
  /// difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
  ///
  /// It is meant for `AdamW.update(_:learningRate:scale:)`, which applies it in passing.
  ///
  /// - Parameter norm: Their length, where it is known already.
  public func clippingFactor(
    toNorm limit: Double, of parameters: [Parameter], norm: Double? = nil
  ) -> Float {
    let norm = norm ?? globalNorm(over: parameters)
    return Float(min(1, limit / (norm + 1e-6)))
  }
}
