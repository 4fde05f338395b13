import Tensors

/// How often a classifier names images as what they are meant to be.
public struct ClassAccuracy: Sendable, Equatable {
  /// How many images of each class (the row) were named as each class (the column).
  public let confusion: [[Int]]

  /// Compares the largest of each image's `logits`, `[count, classes]`, with its label.
  public init(logits: Tensor, labels: [Int]) {
    guard logits.rank == 2, logits.shape[0] == labels.count else {
      fatalError("\(labels.count) labels for logits of shape \(logits.shape)")
    }
    let classes = logits.shape[1]
    var table = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for (named, label) in zip(logits.indicesOfMaximum(), labels) { table[label][named] += 1 }
    confusion = table
  }

  /// The share of all images that were named right.
  public var overall: Share {
    Share(
      confusion.indices.reduce(0) { $0 + confusion[$1][$1] },
      of: confusion.reduce(0) { $0 + $1.reduce(0, +) })
  }

  /// The share of the images of each class that were named right.
  public var byClass: [Share] {
    confusion.indices.map { Share(confusion[$0][$0], of: confusion[$0].reduce(0, +)) }
  }

  /// For each class, the other class that its images are most often taken for, and how often; nil
  /// where none was taken for another.
  public var commonestMistakes: [(named: Int, share: Share)?] {
    confusion.indices.map { label in
      let others = confusion[label].indices.filter { $0 != label && confusion[label][$0] > 0 }
      guard let named = others.max(by: { confusion[label][$0] < confusion[label][$1] }) else {
        return nil
      }
      return (named, Share(confusion[label][named], of: confusion[label].reduce(0, +)))
    }
  }
}
