import Probability

extension Tensor {
  /// Creates a tensor of independent standard Gaussian samples.
  public static func normal(_ shape: Shape, using generator: inout RandomGenerator) -> Tensor {
    unsafe Tensor(uninitialized: shape) { elements in
      for i in 0..<shape.elementCount { unsafe elements[i] = Float(generator.normal()) }
    }
  }

  /// Creates a tensor of independent samples, uniform in `range`.
  public static func uniform(
    _ shape: Shape, in range: ClosedRange<Double> = 0...1, using generator: inout RandomGenerator
  ) -> Tensor {
    unsafe Tensor(uninitialized: shape) { elements in
      for i in 0..<shape.elementCount { unsafe elements[i] = Float(generator.uniform(in: range)) }
    }
  }

  /// Creates a batch of standard Gaussian samples in which entry `i` uses its own random stream,
  /// `generator.split(first + i)`, so that it does not depend on the batch size.
  ///
  /// - Parameter shape: `[batch, …]`.
  public static func normal(
    _ shape: Shape, streamsOf generator: RandomGenerator, from first: Int = 0
  ) -> Tensor {
    let each = shape.dropFirst().reduce(1, *)
    return unsafe Tensor(uninitialized: shape) { elements in
      for entry in 0..<shape[0] {
        var stream = generator.split(first + entry)
        for i in 0..<each { unsafe elements[entry * each + i] = Float(stream.normal()) }
      }
    }
  }
}

extension RandomStreams {
  /// Creates a tensor of independent standard Gaussian samples, entry `i` from stream `i`.
  ///
  /// - Parameter shape: `[batch, …]` with one stream per entry of the batch.
  public mutating func normal(_ shape: Shape) -> Tensor {
    let entries = shape.first ?? 1
    let each = shape.elementCount / max(1, entries)
    return unsafe Tensor(uninitialized: shape) { elements in
      forEachStream(entries) { entry, stream in
        for i in entry * each..<(entry + 1) * each { unsafe elements[i] = Float(stream.normal()) }
      }
    }
  }
}
