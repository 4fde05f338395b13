import Probability

/// A random order of `0..<count`, always the same: what is measured in parts must not depend on how
/// the set was sorted.
func shuffledOrder(_ count: Int) -> [Int] {
  var generator = RandomGenerator(seed: 0x5e1ec7)
  return generator.permutation(count)
}
