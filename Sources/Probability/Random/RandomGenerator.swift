/// A counter-based generator of random numbers: Philox 4x32 with ten rounds (Salmon, Moraes, Dror
/// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// A seed and a stream number determine a sequence, and the position in it is a counter. If every
/// image or chain uses its own stream, `RandomGenerator(seed: 7, stream: image)`, its random numbers
/// depend neither on the batch size nor on the number of threads. A copy of a generator repeats the
/// numbers of the original.
public struct RandomGenerator: RandomNumberGenerator, Sendable {
  @usableFromInline let key: SIMD2<UInt32>
  @usableFromInline let stream: UInt64
  @usableFromInline var counter: UInt64 = 0
  @usableFromInline var block = SIMD4<UInt32>()
  @usableFromInline var unusedWords = 0
  @usableFromInline var spareNormal: Double?

  /// Creates the generator at the start of the sequence of `seed` and `stream`.
  @inlinable
  public init(seed: UInt64, stream: UInt64 = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.stream = stream
  }

  /// An independent generator, which depends on `index` and on this generator's seed and stream, but
  /// not on its position.
  ///
  /// Its seed is a Philox output of this generator's key and stream, so nested splits (run, epoch,
  /// image) do not collide.
  public func split(_ index: Int) -> RandomGenerator {
    let words = Self.philox(
      SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
      key: SIMD2(key.x ^ 0x5bd1_e995, key.y ^ 0x1b87_3593))
    return RandomGenerator(
      seed: UInt64(words.x) | UInt64(words.y) << 32, stream: UInt64(words.z) | UInt64(words.w) << 32
    )
  }

  /// The Philox 4x32-10 bijection of a 128-bit counter under a 64-bit key.
  @inlinable
  public static func philox(_ counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var x = counter
    var k = key
    for round in 0..<10 {
      if round > 0 { k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85) }
      let first = UInt64(x.x) &* 0xD251_1F53
      let second = UInt64(x.z) &* 0xCD9E_8D57
      x = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ x.y ^ k.x,
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ x.w ^ k.y,
        UInt32(truncatingIfNeeded: first))
    }
    return x
  }

  /// The next 32 random bits.
  @inlinable
  public mutating func nextWord() -> UInt32 {
    if unusedWords == 0 {
      block = Self.philox(
        SIMD4(
          UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
          UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
        key: key)
      counter &+= 1
      unusedWords = 4
    }
    defer { unusedWords -= 1 }
    return block[4 - unusedWords]
  }

  /// The next 64 random bits.
  @inlinable
  public mutating func next() -> UInt64 {
    let low = UInt64(nextWord())
    return low | UInt64(nextWord()) << 32
  }

  /// A uniform number in the open interval (0, 1), with 53 random bits.
  @inlinable
  public mutating func uniform() -> Double {
    (Double(next() >> 11) + 0.5) * 0x1p-53
  }

  /// A uniform number in `range`.
  @inlinable
  public mutating func uniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// A standard Gaussian sample, by the Box-Muller transform in double precision.
  @inlinable
  public mutating func normal() -> Double {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let radius = (-2 * Double.log(uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spareNormal = radius * Double.sin(angle)
    return radius * Double.cos(angle)
  }

  /// A uniform index in `0..<count`, without modulo bias.
  @inlinable
  public mutating func index(below count: Int) -> Int { Int.random(in: 0..<count, using: &self) }

  /// The integers `0..<count` in random order (Fisher and Yates).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    order.shuffle(using: &self)
    return order
  }
}
