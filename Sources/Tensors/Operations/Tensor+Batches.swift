extension Range where Bound == Int {
  /// The consecutive ranges of at most `size` elements that make up this one.
  public func batches(of size: Int) -> [Range<Int>] {
    guard size > 0 else { fatalError("batches of \(size) elements") }
    return stride(from: lowerBound, to: upperBound, by: size).map {
      $0..<Swift.min($0 + size, upperBound)
    }
  }
}

extension Tensor {
  /// Applies `body` to batches of at most `size` entries, one after another, and joins the results
  /// along the first axis.
  public func mapBatches(of size: Int, _ body: (Tensor) throws -> Tensor) rethrows -> Tensor {
    try Self.mapBatches(shape[0], of: size) { try body(slice($0)) }
  }

  /// Joins what `body` returns for consecutive ranges of at most `size` of `count` entries.
  public static func mapBatches(
    _ count: Int, of size: Int, _ body: (Range<Int>) throws -> Tensor
  ) rethrows -> Tensor {
    .concatenated(try (0..<count).batches(of: size).map(body), along: 0)
  }

  /// The number of images from which on convolutions of images of 4x4 pixels or more use the same
  /// algorithm whatever the batch size, so that an image's result is the same to the last bit in every
  /// larger batch.
  public static let leastBatch = ConvolutionCall.winogradPixels / 16

  /// Applies `body` to this batch, filled up with zeros to `leastBatch` entries, and returns the
  /// results of its own entries.
  public func inStableBatch(_ body: (Tensor) throws -> Tensor) rethrows -> Tensor {
    let count = shape[0]
    guard count < Self.leastBatch else { return try body(self) }
    let filling = Tensor.zeros([Self.leastBatch - count] + shape.dropFirst())
    return try body(.concatenated([self, filling], along: 0)).slice(0..<count)
  }

  /// Exchanges left and right: reverses the last axis.
  public func mirrored() -> Tensor {
    let width = shape.last ?? 1
    return unsafe Tensor(uninitialized: shape) { out in
      unsafe withElements { x in
        for row in stride(from: 0, to: count, by: width) {
          for column in 0..<width { unsafe out[row + column] = unsafe x[row + width - 1 - column] }
        }
      }
    }
  }
}
