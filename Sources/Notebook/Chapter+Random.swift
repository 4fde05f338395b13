import Probability

extension Chapter {
  /// The random generator of the chapter's experiment number `stream`, which depends on the seed of
  /// the run and on no other experiment.
  public func random(_ stream: Int) -> RandomGenerator {
    RandomGenerator(seed: seed).split(stream)
  }

  /// Random streams of experiment number `stream`, one per entry of a batch.
  public func streams(_ count: Int, stream: Int) -> RandomStreams {
    RandomStreams(of: random(stream), count: count)
  }

  /// Independent samples, all from the generator of experiment number `stream`.
  ///
  /// ```swift
  /// let waits = notebook.samples(1000, stream: 3) { -log($0.uniform()) }
  /// ```
  /// - Parameter sample: takes one sample from the generator.
  public func samples<Value>(
    _ count: Int, stream: Int, _ sample: (inout RandomGenerator) throws -> Value
  ) rethrows -> [Value] {
    var generator = random(stream)
    return try (0..<count).map { _ in try sample(&generator) }
  }
}
