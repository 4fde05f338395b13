import Foundation

/// How long a run trains.
public enum TrainingLength: Codable, Sendable, Equatable {
  /// Until this many updates have been made.
  case steps(Int)
  /// Until the run, interruptions left out, has taken this long.
  case seconds(Double)

  /// The share of the run that lies behind, 0 to 1.
  public func progress(step: Int, seconds: Double) -> Double {
    switch self {
    case .steps(let all): all > 0 ? min(1, Double(step) / Double(all)) : 1
    case .seconds(let all): all > 0 ? min(1, seconds / all) : 1
    }
  }
}

/// The settings of a training run that do not depend on what is trained.
public struct TrainingPlan: Codable, Sendable, Equatable {
  public var length: TrainingLength
  /// The highest learning rate, reached after `warmUpSteps` updates, or after a twentieth of the
  /// run if that is earlier.
  public var learningRate: Double
  public var warmUpSteps: Int
  /// The learning rate at the end, as a share of the highest; a cosine leads there.
  public var finalShare: Double
  public var weightDecay: Double
  /// The largest norm that a gradient keeps; longer ones are shortened to it.
  public var clipNorm: Double
  /// The largest decay of the moving average of the weights.
  public var averageDecay: Double
  /// Every random number of the run follows from this.
  public var seed: UInt64

  public init(
    length: TrainingLength, learningRate: Double, warmUpSteps: Int = 200, finalShare: Double = 0.01,
    weightDecay: Double = 0.01, clipNorm: Double = 1, averageDecay: Double = 0.999, seed: UInt64 = 0
  ) {
    self.length = length
    self.learningRate = learningRate
    self.warmUpSteps = warmUpSteps
    self.finalShare = finalShare
    self.weightDecay = weightDecay
    self.clipNorm = clipNorm
    self.averageDecay = averageDecay
    self.seed = seed
  }

  /// The learning rate of the update that follows `step` others, `seconds` into the run.
  ///
  /// A run that is limited by time follows its cosine in time: how many updates it will make is
  /// not known before its end.
  public func learningRate(step: Int, seconds: Double) -> Double {
    let floor = learningRate * finalShare
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
