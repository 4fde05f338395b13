import Probability
import Tensors

/// A batch of training data.
public struct ImageBatch: Sendable {
  /// Numbers in -1…1, `[batch, channels, height, width]`.
  public let images: Tensor
  /// One class an image.
  public let labels: [Int]
  /// Where the images stand in their set.
  public let indices: [Int]
}

/// One pass over a set of images in random order, batch by batch.
///
/// The order and the mirroring depend on the generator and the number of the epoch alone: an epoch
/// can be repeated, or entered in its middle, without going through those before.
public struct Batches: Sequence, Sendable {
  private let images: LabelledImages
  private let batchSize: Int
  private let mirrors: Bool
  private let keepsRemainder: Bool
  private let generator: RandomGenerator

  /// Describes an epoch.
  ///
  /// - Parameters:
  ///   - images: the set.
  ///   - batchSize: images a batch.
  ///   - epoch: the number of the pass, which names its order.
  ///   - generator: the run's generator; it is not advanced.
  ///   - mirrors: whether each image is turned left to right with probability 1/2.
  ///   - keepsRemainder: whether a last batch with fewer images is kept.
  public init(
    _ images: LabelledImages, batchSize: Int, epoch: Int, using generator: RandomGenerator,
    mirrors: Bool = true, keepsRemainder: Bool = false
  ) {
    guard batchSize > 0 else { fatalError("a batch needs at least one image") }
    self.images = images
    self.batchSize = batchSize
    self.mirrors = mirrors
    self.keepsRemainder = keepsRemainder
    self.generator = generator.split(epoch)
  }

  /// The number of batches.
  public var count: Int {
    keepsRemainder
      ? (images.count + batchSize - 1) / batchSize : images.count / batchSize
  }

  /// Iterates over the batches.
  public func makeIterator() -> some IteratorProtocol<ImageBatch> { batches().makeIterator() }

  /// The batches from one on, to go on with an epoch that was broken off.
  public func from(_ first: Int) -> some Sequence<ImageBatch> { batches(from: first) }

  private func batches(from first: Int = 0) -> some Sequence<ImageBatch> {
    var order = generator.split(0)
    let permutation = order.permutation(images.count)
    return (Swift.min(first, count)..<count).lazy.map { batch in
      let range = batch * batchSize..<Swift.min(images.count, (batch + 1) * batchSize)
      let indices = Array(permutation[range])
      return ImageBatch(
        images: images.tensor(indices, mirrored: indices.map(isMirrored)),
        labels: indices.map { images.labels[$0] }, indices: indices)
    }
  }

  private func isMirrored(_ index: Int) -> Bool {
    guard mirrors else { return false }
    var stream = generator.split(1 + index)
    return stream.nextWord() & 1 == 1
  }
}
