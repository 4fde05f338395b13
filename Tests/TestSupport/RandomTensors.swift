import Probability
import Tensors

/// Returns standard normal samples, the same for the same seed.
public func normal(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .normal(shape, using: &generator)
}

/// Returns uniform samples in `range`, the same for the same seed.
public func uniform(_ shape: Shape, in range: ClosedRange<Double>, seed: UInt64 = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .uniform(shape, in: range, using: &generator)
}
