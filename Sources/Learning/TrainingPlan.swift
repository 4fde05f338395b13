import Foundation

/// The length of a training run.
public enum TrainingLength: Codable, Sendable, Equatable {
  /// A number of updates.
  case steps(Int)
  /// A time in seconds, without interruptions.
  case seconds(Double)

  /// The fraction of the run that is completed, 0 to 1.
  public func progress(step: Int, seconds: Double) -> Double {
    switch self {
    case .steps(let all): all > 0 ? min(1, Double(step) / Double(all)) : 1
    case .seconds(let all): all > 0 ? min(1, seconds / all) : 1
    }
  }
}

/// The settings of a training run that do not depend on the model.
public struct TrainingPlan: Codable, Sendable, Equatable {
  public var length: TrainingLength
  /// The highest learning rate, reached after `warmUpSteps` updates or a twentieth of the run,
  /// whichever is earlier.
  public var learningRate: Double
  public var warmUpSteps: Int
  /// The learning rate at the end of the cosine decay, as a fraction of the highest.
  public var finalLearningRateRatio: Double
  public var weightDecay: Double
  /// The norm to which larger gradients are clipped.
  public var clipNorm: Double
  /// The largest decay of the moving average of the weights.
  public var averageDecay: Double
  /// The seed of all random numbers of the run.
  public var seed: UInt64

  // The names in the configuration of a run, which older runs have too.
  private enum CodingKeys: String, CodingKey {
    case length, learningRate, warmUpSteps
    case finalLearningRateRatio = "finalShare"  // vocabulary:quoted
    case weightDecay, clipNorm, averageDecay, seed
  }

  public init(
    length: TrainingLength, learningRate: Double, warmUpSteps: Int = 200,
    finalLearningRateRatio: Double = 0.01, weightDecay: Double = 0.01, clipNorm: Double = 1,
    averageDecay: Double = 0.999, seed: UInt64 = 0
  ) {
    self.length = length
    self.learningRate = learningRate
    self.warmUpSteps = warmUpSteps
    self.finalLearningRateRatio = finalLearningRateRatio
    self.weightDecay = weightDecay
    self.clipNorm = clipNorm
    self.averageDecay = averageDecay
    self.seed = seed
  }

  /// The learning rate of the update after `step` updates and `seconds` of the run.
  ///
  /// If the length is a time, the cosine is a function of time, because the number of updates is
  /// unknown until the end.
  public func learningRate(step: Int, seconds: Double) -> Double {
    let floor = learningRate * finalLearningRateRatio
    switch length {
    case .steps(let all):
      let rate = LearningRate.cosine(
        peak: learningRate, warmUpSteps: min(warmUpSteps, all / 20), decaySteps: all, floor: floor)
      return rate(step)
    case .seconds:
      let grain = 1_000_000
      let progress = length.progress(step: step, seconds: seconds)
      let rate = LearningRate.cosine(peak: learningRate, decaySteps: grain, floor: floor)
      let warmth = max(Double(step + 1) / Double(max(1, warmUpSteps)), 20 * progress)
      return rate(Int(progress * Double(grain))) * min(1, warmth)
    }
  }
}
