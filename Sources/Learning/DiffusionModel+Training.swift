import Diffusion
import Models
import Networks
import Probability
import Tensors

extension DiffusionModel {
  /// Trains the model on a data set, as a sequence of updates that change the network in place.
  ///
  /// - Parameters:
  ///   - data: `[count, …]` with samples of shape `sampleShape`, taken in random order.
  ///   - labels: One class per sample if the network takes labels; otherwise nil.
  ///   - plan: The settings of the run; its seed determines the order of the data, the steps and the
  ///     noise.
  public func training(
    on data: Tensor, labels: [Int]? = nil, plan: TrainingPlan, batchSize: Int = 32
  ) -> TrainingRun {
    guard data.shape == shape(data.shape[0]), classes == 0 || labels?.count == data.shape[0]
    else {
      fatalError(
        "data \(data.shape) with \(labels?.count ?? 0) labels for a model of "
          + "\(shape(data.shape[0])) and \(classes) classes")
    }
    var sampler = BatchSampler(count: data.shape[0], batchSize: batchSize, seed: plan.seed)
    return TrainingRun(network.parameters, plan: plan) { tape, step, generator in
      let batch = sampler.batch(step)
      return loss(
        data.rows(batch), labels: labels.map { all in batch.map { all[$0] } }, tape: tape,
        generator: generator)
    }
  }
}

extension NetworkClassifier {
  /// Trains the classifier, as a sequence of updates that change the network in place.
  ///
  /// - Parameter batch: Returns clean data and labels, given the number of previous updates and
  ///   the random generator of the update.
  public func training(
    plan: TrainingPlan,
    batch: @escaping (_ step: Int, _ generator: RandomGenerator) -> (data: Tensor, labels: [Int])
  ) -> TrainingRun {
    TrainingRun(network.parameters, plan: plan) { tape, step, generator in
      let (data, labels) = batch(step, generator.split(1))
      return loss(data, labels: labels, tape: tape, generator: generator.split(2))
    }
  }

  /// Trains the classifier on a data set in random order.
  public func training(
    on data: Tensor, labels: [Int], plan: TrainingPlan, batchSize: Int
  ) -> TrainingRun {
    guard data.entryCount == labels.count else {
      fatalError("\(labels.count) labels for \(data.entryCount) entries")
    }
    var sampler = BatchSampler(count: labels.count, batchSize: batchSize, seed: plan.seed)
    return training(plan: plan) { step, _ in
      let indices = sampler.batch(step)
      return (data.rows(indices), indices.map { labels[$0] })
    }
  }
}

extension TrainingPlan {
  /// The plan of the course's 16x16 images: cosine decay from 3e-3 after a short warm-up.
  public static func small(steps: Int, seed: UInt64 = 0) -> TrainingPlan {
    TrainingPlan(
      length: .steps(steps), learningRate: 3e-3, warmUpSteps: 50, weightDecay: 0, seed: seed)
  }
}
