import Diffusion
import Networks
import Probability
import Tensors

/// Points to train on: a fixed set, drawn once.
public struct TrainingPoints: Sendable {
  /// `[count, dimensions]`.
  public let points: Tensor
  /// One class a point, counted from 0; zeros where there are no classes.
  public let labels: [Int]

  /// The number of points.
  public var count: Int { labels.count }
  /// The number of coordinates of a point.
  public var dimensions: Int { points.count / max(1, count) }
  /// The number of classes: one more than the largest label.
  public var classCount: Int { (labels.max() ?? 0) + 1 }

  /// Takes points and classes as `PlaneSet.sample` draws them.
  public init(_ drawn: (points: Tensor, labels: [Int])) {
    guard drawn.points.rank == 2, drawn.points.shape[0] == drawn.labels.count,
      !drawn.labels.isEmpty, drawn.labels.allSatisfy({ $0 >= 0 })
    else {
      fatalError("points \(drawn.points.shape) need as many labels, not \(drawn.labels.count)")
    }
    (points, labels) = drawn
  }

  /// Takes points, with their classes if they have some.
  public init(_ points: PointSet, labels: [Int]? = nil) {
    self.init((points.tensor, labels ?? [Int](repeating: 0, count: points.count)))
  }

  /// Draws `count` points and their classes from a law, each from a stream of its own.
  public init(_ law: some ExactDistribution, count: Int = 1 << 16, seed: UInt64 = 0) {
    var streams = RandomStreams(seed: seed, count: count)
    let (points, labels) = law.samples(using: &streams)
    self.init(points, labels: labels)
  }

  /// The chosen points, `[rows.count, dimensions]`.
  func batch(_ rows: [Int]) -> Tensor {
    let d = dimensions
    return points.withElements { source in
      Tensor(uninitialized: [rows.count, d]) { place in
        for (i, row) in rows.enumerated() {
          for axis in 0..<d { place[i * d + axis] = source[row * d + axis] }
        }
      }
    }
  }
}

/// How a denoiser of points is made and trained; the defaults do for sets in the plane, in a few
/// seconds.
public struct PointRecipe: Sendable {
  /// The noise schedule.
  public var schedule = NoiseSchedule.linear()
  /// What the network is trained to say.
  public var prediction = Prediction.noise
  /// The number of updates.
  public var updates = 3000
  /// Points an update.
  public var batchSize = 256
  /// Channels inside the network.
  public var width = 64
  /// Waves of each coordinate that the network sees beside it: the sine and cosine of x, 2x, 4x, …
  /// With four of them it learns sharp edges and narrow gaps that take bare coordinates very long
  /// (Tancik et al., "Fourier features let networks learn high frequency functions in low
  /// dimensional domains", 2020).
  public var waves = 0
  /// Residual blocks of the network.
  public var layers = 3
  /// The highest learning rate; a cosine leads down to a hundredth of it.
  public var learningRate = 3e-3
  /// How often the class of a point is withheld, so that the network learns to do without; nil for
  /// a network that is never told a class.
  public var dropProbability: Double?
  /// What the squared error at step t counts, as a multiple; 1 at every step as a rule.
  public var lossWeight: (@Sendable (_ t: Int) -> Double)?
  /// Draws the step of one example, in 1…T; uniformly if nil.
  public var drawStep: (@Sendable (inout RandomGenerator) -> Int)?
  /// The largest decay of the moving average of the weights, which the trained denoiser gets.
  public var averageDecay = 0.995
  /// The network's start and every draw of its training follow from this.
  public var seed: UInt64 = 0

  /// The default recipe.
  public init() {}

  /// The default recipe, changed by `edit`.
  ///
  /// ```
  /// let recipe = PointRecipe { $0.prediction = .velocity; $0.seed = 3 }
  /// ```
  public init(_ edit: (inout PointRecipe) -> Void) { edit(&self) }

  /// This recipe, changed by `edit`.
  public func with(_ edit: (inout PointRecipe) -> Void) -> PointRecipe {
    var copy = self
    edit(&copy)
    return copy
  }

  var plan: TrainingPlan {
    TrainingPlan(
      length: .steps(updates), learningRate: learningRate, warmUpSteps: 100, weightDecay: 0,
      averageDecay: averageDecay, seed: seed)
  }
}
