import Parallelism

/// One random stream for every entry of a batch.
///
/// The generator of an entry depends only on the seed and the entry's index, so an image does not
/// depend on the batch in which it is sampled.
public struct RandomStreams: Sendable {
  @usableFromInline var generators: [RandomGenerator]

  /// The number of calls that sampled from the streams.
  public internal(set) var sampleCount = 0

  /// Creates the streams of entries `first ..< first + count`.
  public init(of generator: RandomGenerator, count: Int, from first: Int = 0) {
    generators = (0..<count).map { generator.split(first + $0) }
  }

  /// Creates the streams of entries `first ..< first + count` under a seed.
  public init(seed: UInt64, count: Int, from first: Int = 0) {
    self.init(of: RandomGenerator(seed: seed), count: count, from: first)
  }

  /// The number of streams.
  public var count: Int { generators.count }

  /// Standard Gaussian points, one per stream.
  public mutating func normalPoints(dimensions: Int = 1) -> PointSet {
    let values = unsafe [Double](unsafeUninitializedCapacity: count * dimensions) {
      buffer, filled in
      let elements = buffer.baseAddress
      filled = count * dimensions
      forEachStream(count) { entry, stream in
        for i in entry * dimensions..<(entry + 1) * dimensions {
          unsafe elements![i] = stream.normal()
        }
      }
    }
    return PointSet(values, dimensions: dimensions)
  }

  /// Points sampled by `body`, one per stream. `body` writes the coordinates of its point.
  public mutating func points(
    dimensions: Int = 1, _ body: (inout RandomGenerator, UnsafeMutablePointer<Double>) -> Void
  ) -> PointSet {
    let values = unsafe [Double](unsafeUninitializedCapacity: count * dimensions) {
      buffer, filled in
      let elements = buffer.baseAddress
      filled = count * dimensions
      forEachStream(count) { entry, stream in unsafe body(&stream, elements! + entry * dimensions) }
    }
    return PointSet(values, dimensions: dimensions)
  }

  /// Calls `body` with the index and the stream of each entry, on several threads.
  ///
  /// - Parameter entries: must be the number of streams.
  public mutating func forEachStream(
    _ entries: Int, _ body: (Int, inout RandomGenerator) -> Void
  ) {
    guard entries == generators.count else {
      fatalError("\(generators.count) random streams for a batch of \(entries)")
    }
    sampleCount += 1
    unsafe generators.withUnsafeMutableBufferPointer { buffer in
      guard let streams = buffer.baseAddress else { return }
      Parallel.forRanges(entries, grain: max(1, min(4096, entries / 8))) { range in
        for entry in range { unsafe body(entry, &streams[entry]) }
      }
    }
  }
}
