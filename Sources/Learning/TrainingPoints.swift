import Diffusion
import Probability
import Tensors

/// A fixed set of points to train on.
public struct TrainingPoints: Sendable {
  /// `[count, dimensions]`.
  public let points: Tensor
  /// One class per point, counted from 0; zeros where there are no classes.
  public let labels: [Int]

  /// The number of points.
  public var count: Int { labels.count }
  /// The number of coordinates of a point.
  public var dimensions: Int { points.count / max(1, count) }
  /// The number of classes: one more than the largest label.
  public var classCount: Int { (labels.max() ?? 0) + 1 }

  /// Takes points and classes as `PlaneSet.sample` returns them.
  public init(_ samples: (points: Tensor, labels: [Int])) {
    guard samples.points.rank == 2, samples.points.shape[0] == samples.labels.count,
      !samples.labels.isEmpty, samples.labels.allSatisfy({ $0 >= 0 })
    else {
      fatalError("points \(samples.points.shape) need as many labels, not \(samples.labels.count)")
    }
    (points, labels) = samples
  }

  /// Takes points, with their classes if they have some.
  public init(_ points: PointSet, labels: [Int]? = nil) {
    self.init((points.tensor, labels ?? [Int](repeating: 0, count: points.count)))
  }

  /// Samples `count` points and their classes from a distribution, each from a stream of its own.
  public init(_ distribution: some ExactDistribution, count: Int = 1 << 16, seed: UInt64 = 0) {
    var streams = RandomStreams(seed: seed, count: count)
    let (points, labels) = distribution.samples(using: &streams)
    self.init(points, labels: labels)
  }
}
