import Probability
import Tensors

/// Standard Gaussian samples, determined by the seed.
public func normal(_ shape: Shape, _ seed: UInt64 = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .normal(shape, using: &generator)
}

/// Uniform samples in `range`, determined by the seed.
public func uniform(_ shape: Shape, in range: ClosedRange<Double>, _ seed: UInt64 = 1) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return .uniform(shape, in: range, using: &generator)
}
