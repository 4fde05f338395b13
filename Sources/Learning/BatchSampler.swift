import Probability
import Tensors

/// The order in which a run sees its examples: each once an epoch, every epoch shuffled anew.
///
/// The examples of an update follow from the seed and the update's number alone, so a run that was
/// interrupted goes on with just the examples that it would have seen. Batches run over the ends of
/// epochs: no example is left out.
public struct BatchSampler {
  public let count: Int
  public let batchSize: Int
  private let generator: RandomGenerator
  private var shuffled: [(epoch: Int, order: [Int])] = []

  /// Orders `0..<count` into batches of `batchSize`.
  public init(count: Int, batchSize: Int, generator: RandomGenerator) {
    guard count > 0, batchSize > 0 else {
      fatalError("\(count) examples cannot be put in batches of \(batchSize)")
    }
    self.count = count
    self.batchSize = batchSize
    self.generator = generator
  }

  /// Orders the examples of a run with `seed`, by a stream of random numbers of their own.
  public init(count: Int, batchSize: Int, seed: UInt64) {
    self.init(
      count: count, batchSize: batchSize, generator: RandomGenerator(seed: seed, stream: 3))
  }

  /// The number of updates in which `epochs` epochs are seen.
  public func steps(epochs: Double) -> Int {
    max(1, Int((epochs * Double(count) / Double(batchSize)).rounded(.up)))
  }

  /// The examples of the update that follows `step` others.
  public mutating func batch(_ step: Int) -> [Int] {
    (step * batchSize..<(step + 1) * batchSize).map { position in
      order(of: position / count)[position % count]
    }
  }

  private mutating func order(of epoch: Int) -> [Int] {
    if let known = shuffled.first(where: { $0.epoch == epoch }) { return known.order }
    var own = generator.split(epoch)
    let order = own.permutation(count)
    shuffled = shuffled.suffix(1) + [(epoch, order)]
    return order
  }
}
