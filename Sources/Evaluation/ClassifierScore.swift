import Foundation
import Probability
import Tensors

/// The score $\exp\,\mathbb E\, D_{KL}(p(y \mid x) \,\Vert\, p(y))$ of images under a classifier
/// (Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 4, with their
/// Inception network): high where each image is clearly of one class, and all classes occur.
///
/// It lies between 1, where the classifier predicts the same for every image, and the number of
/// classes, where each prediction is certain and all classes are predicted equally often.
///
/// - Parameters:
///   - logits: `[count, classes]`, in any order.
///   - splits: Into how many parts the images are divided for the standard error: the spread of the
///     parts' scores, over the root of their number.
public func classifierScore(logits: Tensor, splits: Int = 10) -> Estimate {
  let count = logits.shape[0]
  let parts = max(1, min(splits, count / 2))
  let shuffled = logits.rows(shuffledOrder(count))
  let scores = (0..<parts).map { part -> Double in
    score(Matrix(shuffled.slice(part * count / parts..<(part + 1) * count / parts)))
  }
  return Estimate(
    mean: score(Matrix(logits)), standardError: Estimate(of: scores).standardError,
    samples: count)
}

private func score(_ logits: Matrix) -> Double {
  let rows = (0..<logits.rows).map { logProbabilities(logits.row($0)) }
  let shares = (0..<logits.columns).map { column in
    rows.reduce(0) { $0 + exp($1[column]) } / Double(rows.count)
  }
  let divergence = rows.reduce(0.0) { sum, row in
    sum + zip(row, shares).reduce(0) { $1.0 > -700 ? $0 + exp($1.0) * ($1.0 - log($1.1)) : $0 }
  }
  return exp(divergence / Double(rows.count))
}

private func logProbabilities(_ logits: [Double]) -> [Double] {
  let largest = logits.max() ?? 0
  let sum = logits.reduce(0) { $0 + exp($1 - largest) }
  return logits.map { $0 - largest - log(sum) }
}
