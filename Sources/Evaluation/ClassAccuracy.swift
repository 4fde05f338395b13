import Probability

import Tensors

/// How often a classifier predicts the intended class of images.
public struct ClassAccuracy: Sendable, Equatable {
  /// How many images of each class (the row) were classified as each class (the column).
  public let confusion: [[Int]]

  /// Compares the largest of each image's `logits`, `[count, classes]`, with its label.
  public init(logits: Tensor, labels: [Int]) {
    guard logits.rank == 2, logits.shape[0] == labels.count else {
      fatalError("\(labels.count) labels for logits of shape \(logits.shape)")
    }
    let classes = logits.shape[1]
    var table = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for (predicted, label) in zip(logits.indicesOfMaximum(), labels) {
      table[label][predicted] += 1
    }
    confusion = table
  }

  /// The share of all images that were classified correctly.
  public var overall: Proportion {
    Proportion(
      confusion.indices.reduce(0) { $0 + confusion[$1][$1] },
      of: confusion.reduce(0) { $0 + $1.reduce(0, +) })
  }

  /// The share of the images of each class that were classified correctly.
  public var byClass: [Proportion] {
    confusion.indices.map { Proportion(confusion[$0][$0], of: confusion[$0].reduce(0, +)) }
  }

  /// For each class, the other class that its images are most often taken for, and how often; nil
  /// where none was taken for another.
  public var commonestMistakes: [(predicted: Int, share: Proportion)?] {
    confusion.indices.map { label in
      let others = confusion[label].indices.filter { $0 != label && confusion[label][$0] > 0 }
      guard let predicted = others.max(by: { confusion[label][$0] < confusion[label][$1] }) else {
        return nil
      }
      return (predicted, Proportion(confusion[label][predicted], of: confusion[label].reduce(0, +)))
    }
  }
}
