import Probability
import Tensors

/// The order of the training examples: each example once per epoch, in a new random order.
///
/// The examples of an update depend only on the seed and the number of the update, so a resumed run
/// continues with the same examples as an uninterrupted one. A batch may span two epochs, so no
/// example is left out.
public struct BatchSampler {
  public let count: Int
  public let batchSize: Int
  private let generator: RandomGenerator
  private var shuffled: [(epoch: Int, order: [Int])] = []

  /// Creates the order of the examples `0..<count` in batches of `batchSize`.
  public init(count: Int, batchSize: Int, generator: RandomGenerator) {
    guard count > 0, batchSize > 0 else {
      fatalError("\(count) examples cannot be put in batches of \(batchSize)")
    }
    self.count = count
    self.batchSize = batchSize
    self.generator = generator
  }

  /// Creates the order of a run with `seed`, which uses a separate random stream.
  public init(count: Int, batchSize: Int, seed: UInt64) {
    self.init(
      count: count, batchSize: batchSize, generator: RandomGenerator(seed: seed, stream: 3))
  }

  /// The number of updates in `epochs` epochs.
  public func steps(epochs: Double) -> Int {
    max(1, Int((epochs * Double(count) / Double(batchSize)).rounded(.up)))
  }

  /// The indices of the examples of the update after `step` updates.
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
