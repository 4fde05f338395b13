import Foundation
import Probability
import Tensors

/// How different images of one class are: the mean squared distance of the feature vectors of two of
/// them, averaged over the classes. Sharp images of few kinds score low.
///
/// For n vectors with mean m this is $\frac{2}{n-1}\sum_i \lVert f_i - m \rVert^2$, twice the trace of
/// their covariance.
///
/// - Parameters:
///   - features: `[count, width]`.
///   - labels: The class of each; classes with fewer than two are left out.
/// - Returns: NaN where no class has two images.
public func withinClassDiversity(_ features: Tensor, labels: [Int]) -> Estimate {
  guard features.rank == 2, features.shape[0] == labels.count else {
    fatalError("\(labels.count) labels for features of shape \(features.shape)")
  }
  let classes = Dictionary(grouping: labels.indices, by: { labels[$0] })
    .sorted { $0.key < $1.key }.map(\.value).filter { $0.count > 1 }
  var values: [Double] = []
  var variance = 0.0
  for members in classes {
    let squares = squaredDeviations(Matrix(features.rows(members)))
    let n = Double(squares.count)
    let moments = Moments(squares)
    values.append(2 * n / (n - 1) * moments.mean)
    variance += 4 * moments.variance / n
  }
  let count = Double(values.count)
  return Estimate(
    mean: values.reduce(0, +) / count, standardError: variance.squareRoot() / count,
    samples: classes.reduce(0) { $0 + $1.count })
}

/// The squared distance of each row from the mean of the rows.
private func squaredDeviations(_ rows: Matrix) -> [Double] {
  let mean = rows.meanAndCovariance().mean
  return (0..<rows.rows).map { row in
    zip(rows.row(row), mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }
}
