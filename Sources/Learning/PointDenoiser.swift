import Autodiff
import Diffusion
import Foundation
import Networks
import Parallelism
import Probability
import Tensors

/// A denoiser of points that is a small network: an `MLP` that is told the step, and the class if
/// it was trained with classes.
///
/// ```
/// let data = TrainingPoints(PlaneSet.moons.sample(50_000, using: RandomGenerator(seed: 1)))
/// let denoiser = PointDenoiser.trained(on: data, PointRecipe { $0.dropProbability = 0.1 })
/// let noise = denoiser.noise(xt, t: 300, labels: labels)
/// ```
///
/// Whatever its network predicts, it answers with the noise, as samplers ask; `says` gives the
/// network's own words.
public struct PointDenoiser: Denoiser, ConditionalDenoiser {
  /// The network.
  public let network: MLP
  /// How it was made.
  public let recipe: PointRecipe
  /// The loss of every update of its training; empty before.
  public private(set) var losses: [Double] = []

  /// The forward process that it undoes.
  public var diffusion: GaussianDiffusion { GaussianDiffusion(recipe.schedule) }
  /// The label that stands for none: the number of classes, or 0 for a network without classes.
  public var nullLabel: Int { network.configuration.classes.map { $0 - 1 } ?? 0 }

  /// Makes an untrained denoiser of points like these.
  public init(_ recipe: PointRecipe, for data: TrainingPoints) {
    let classes = recipe.dropProbability.map { _ in data.classCount + 1 }
    let configuration = MLP.Configuration(
      inputs: data.dimensions * (1 + 2 * recipe.waves), outputs: data.dimensions,
      width: recipe.width, layers: recipe.layers, timeFeatures: 32, classes: classes)
    network = MLP(configuration, generator: RandomGenerator(seed: recipe.seed))
    self.recipe = recipe
  }

  // MARK: Answers

  public func noise(_ xt: PointSet, t: Int) -> PointSet {
    noise(xt, t: t, labels: [Int](repeating: nullLabel, count: xt.count))
  }

  public func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    diffusion.convert(
      says(xt, t: t, labels: labels), from: recipe.prediction, to: .noise, xt: xt, t: t)
  }

  /// What the network itself says of points at step `t`: a prediction of the kind
  /// `recipe.prediction`.
  ///
  /// - Parameter labels: one a point, or nil to leave the classes open.
  public func says(_ xt: PointSet, t: Int, labels: [Int]? = nil) -> PointSet {
    let labels = labels ?? [Int](repeating: nullLabel, count: xt.count)
    guard labels.count == xt.count, labels.allSatisfy({ (0...nullLabel).contains($0) }) else {
      fatalError("a batch of \(xt.count) needs as many labels, each in 0...\(nullLabel)")
    }
    let d = xt.dimensions
    var values = [Double](repeating: 0, count: xt.values.count)
    values.withUnsafeMutableBufferPointer { buffer in
      guard let place = buffer.baseAddress else { return }
      Parallel.forRanges(xt.count, grain: 1024) { range in
        let told = network.configuration.classes == nil ? nil : Array(labels[range])
        says(xt.entries(range).tensor, t: [Double(t)], labels: told).withElements { answer in
          for i in 0..<range.count * d { place[range.lowerBound * d + i] = Double(answer[i]) }
        }
      }
    }
    return PointSet(values, dimensions: d)
  }

  /// The same of points `[count, dimensions]` in single precision, with one time a point or one for
  /// all; labels exactly if the network was trained with them.
  public func says(_ xt: Tensor, t: [Double], labels: [Int]? = nil) -> Tensor {
    network(Self.withWaves(xt, recipe.waves), t: t, labels: labels)
  }

  /// Each coordinate, and beside it the sine and cosine of 1, 2, 4, … times the coordinate.
  private static func withWaves(_ x: Tensor, _ waves: Int) -> Tensor {
    let each = 1 + 2 * waves
    return x.withElements { source in
      Tensor(uninitialized: [x.shape[0], x.shape[1] * each]) { place in
        for i in 0..<x.count {
          place[i * each] = source[i]
          for k in 0..<waves {
            let angle = source[i] * Float(1 << k)
            place[i * each + 2 * k + 1] = sin(angle)
            place[i * each + 2 * k + 2] = cos(angle)
          }
        }
      }
    }
  }

  // MARK: Training

  // snippet.point-loss
  /// The loss of one update: the mean over a batch of
  /// $w_t \lVert y - y_\theta(x_t, t) \rVert^2$ a coordinate, where $y$ is what the network is to
  /// say of $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$.
  public func loss(
    of x0: Tensor, labels: [Int], tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    var draws = generator
    let last = recipe.schedule.steps
    let times = labels.map { _ in recipe.drawStep?(&draws) ?? 1 + draws.index(below: last) }
    let told = recipe.dropProbability.map { share in
      labels.map { draws.uniform() < share ? nullLabel : $0 }
    }
    let noise = Tensor.normal(x0.shape, using: &draws)
    let xt = diffusion.addNoise(to: x0, t: times, noise: noise)
    let target = diffusion.target(of: recipe.prediction, x0: x0, noise: noise, t: times)
    let seen = tape.constant(Self.withWaves(xt, recipe.waves))
    let answer = network(seen, t: times, labels: told)
    return BatchLoss(meanSquare(answer - tape.constant(target), times), images: labels.count)
  }
  // snippet.end

  private func meanSquare(_ error: Variable, _ times: [Int]) -> Variable {
    guard let weight = recipe.lossWeight else { return square(error).mean() }
    let weights = Tensor(times.map { Float(weight($0)) }, shape: [times.count, 1])
    return (square(error) * error.tape.constant(weights)).mean()
  }

  /// The training of this denoiser, as a sequence of updates that change its network in place.
  public func training(on data: TrainingPoints) -> TrainingRun {
    TrainingRun(network.parameters, plan: recipe.plan) { tape, _, generator in
      var draws = generator.split(0)
      let rows = (0..<recipe.batchSize).map { _ in draws.index(below: data.count) }
      return loss(
        of: data.batch(rows), labels: rows.map { data.labels[$0] }, tape: tape,
        generator: generator.split(1))
    }
  }

  /// Trains a denoiser on points; it gets the moving average of the weights.
  ///
  /// - Parameter onUpdate: called after each update, for progress bars.
  public static func trained(
    on data: TrainingPoints, _ recipe: PointRecipe = PointRecipe(),
    onUpdate: (TrainingStep) -> Void = { _ in }
  ) -> PointDenoiser {
    var denoiser = PointDenoiser(recipe, for: data)
    let run = denoiser.training(on: data)
    for step in run {
      denoiser.losses.append(step.loss)
      onUpdate(step)
    }
    for (parameter, average) in zip(run.parameters, run.average.averages) {
      parameter.value = average
    }
    return denoiser
  }

  /// Trains a denoiser by each of several recipes, at the same time where there are cores; the
  /// results are those of training them one by one.
  public static func trained(
    on data: TrainingPoints, _ recipes: [PointRecipe]
  ) -> [PointDenoiser] {
    var denoisers = [PointDenoiser?](repeating: nil, count: recipes.count)
    denoisers.withUnsafeMutableBufferPointer { buffer in
      guard let place = buffer.baseAddress else { return }
      Parallel.forEach(recipes.count) { place[$0] = trained(on: data, recipes[$0]) }
    }
    return denoisers.compactMap { $0 }
  }
}
