import Probability
import Tensors

/// The distribution of the step t of each training example.
public enum TimestepDistribution: Sendable, Equatable {
  /// Every step of 1…T with the same probability (Ho et al. 2020, algorithm 1).
  case uniform
  /// A single step, for experiments.
  case fixed(Int)
  /// Step t with a probability proportional to `weights[t - 1]`: importance sampling (Nichol and
  /// Dhariwal, "Improved denoising diffusion probabilistic models", 2021, section 3.3). The mean
  /// loss stays that of the uniform distribution if the loss at t is weighted by
  /// `importanceWeight(of: t, steps: T)`.
  case weighted([Double])

  /// Samples a step in 1…T.
  public func sample(steps: Int, using generator: inout RandomGenerator) -> Int {
    switch self {
    case .uniform: return 1 + generator.index(below: steps)
    case .fixed(let t): return t
    case .weighted(let weights):
      var rest = generator.uniform() * weights.reduce(0, +)
      for (index, weight) in weights.enumerated() {
        rest -= weight
        if rest < 0 { return index + 1 }
      }
      return weights.lastIndex { $0 > 0 }.map { $0 + 1 } ?? steps
    }
  }

  /// The probability $p_t$ of step t.
  public func probability(of t: Int, steps: Int) -> Double {
    switch self {
    case .uniform: 1 / Double(steps)
    case .fixed(let only): t == only ? 1 : 0
    case .weighted(let weights): weights[t - 1] / weights.reduce(0, +)
    }
  }

  /// $1/(T p_t)$: the weight of the loss at step t with which its expectation is that of uniform
  /// steps.
  public func importanceWeight(of t: Int, steps: Int) -> Double {
    1 / (Double(steps) * probability(of: t, steps: steps))
  }
}
