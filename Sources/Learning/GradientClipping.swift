import Autodiff
import Tensors

extension Gradients {
  /// The factor that clips the gradients of `parameters`, taken as one vector, to the Euclidean norm
  /// `limit`; 1 if their norm is smaller (Pascanu, Mikolov and Bengio, "On the
  /// difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
  ///
  /// Pass it to `AdamW.update(_:learningRate:scale:)`, which applies it without another pass over
  /// memory.
  ///
  /// - Parameter norm: The norm of the gradients, if it is already known.
  public func clippingFactor(
    toNorm limit: Double, of parameters: [Parameter], norm: Double? = nil
  ) -> Float {
    let norm = norm ?? globalNorm(over: parameters)
    return Float(min(1, limit / (norm + 1e-6)))
  }
}
