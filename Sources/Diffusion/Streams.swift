import Tensors

/// One random stream for every entry of a batch.
///
/// Entry `i` draws from a generator that depends on its own index alone, so a picture is the same
/// whatever batch it is made in.
public struct Streams: Sendable {
  @usableFromInline var generators: [RandomGenerator]

  /// How often the streams were asked for draws.
  public internal(set) var drawCount = 0

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

  /// Standard normal images.
  ///
  /// - Parameter shape: `[batch, …]`, one stream for every entry of the batch.
  public mutating func normal(_ shape: Shape) -> Tensor {
    let entries = shape.first ?? 1
    let each = shape.elementCount / max(1, entries)
    return Tensor(uninitialized: shape) { elements in
      forEachStream(entries) { entry, stream in
        for i in entry * each..<(entry + 1) * each { elements[i] = Float(stream.normal()) }
      }
    }
  }

  /// Standard normal points, one a stream.
  public mutating func normalPoints(dimensions: Int = 1) -> Points {
    let values = [Double](unsafeUninitializedCapacity: count * dimensions) { buffer, filled in
      let elements = buffer.baseAddress
      filled = count * dimensions
      forEachStream(count) { entry, stream in
        for i in entry * dimensions..<(entry + 1) * dimensions { elements![i] = stream.normal() }
      }
    }
    return Points(values, dimensions: dimensions)
  }

  /// Points that `body` makes, one from each stream.
  public mutating func points(
    dimensions: Int = 1, _ body: (inout RandomGenerator, UnsafeMutablePointer<Double>) -> Void
  ) -> Points {
    let values = [Double](unsafeUninitializedCapacity: count * dimensions) { buffer, filled in
      let elements = buffer.baseAddress
      filled = count * dimensions
      forEachStream(count) { entry, stream in body(&stream, elements! + entry * dimensions) }
    }
    return Points(values, dimensions: dimensions)
  }

  private mutating func forEachStream(
    _ entries: Int, _ body: (Int, inout RandomGenerator) -> Void
  ) {
    guard entries == generators.count else {
      fatalError("\(generators.count) random streams for a batch of \(entries)")
    }
    drawCount += 1
    generators.withUnsafeMutableBufferPointer { buffer in
      guard let streams = buffer.baseAddress else { return }
      Parallel.forRanges(entries, grain: max(1, min(4096, entries / 8))) { range in
        for entry in range { body(entry, &streams[entry]) }
      }
    }
  }
}
