import Foundation

/// How the step size of an optimizer changes in the course of a training run.
///
/// It rises in a straight line over the first `warmUpSteps` updates to `peak`, and then stays or
/// follows half a wave of the cosine down to `floor` at update `decaySteps`
/// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
///
/// ```
/// let rate = LearningRate.cosine(peak: 2e-4, warmUpSteps: 500, decaySteps: 20_000)
/// optimizer.update(gradients, learningRate: rate(step))
/// ```
public struct LearningRate: Sendable, Equatable, Codable {
  public var peak: Double
  public var warmUpSteps: Int
  /// The update from which on the rate is `floor`; nil where it stays at `peak`.
  public var decaySteps: Int?
  public var floor: Double

  /// The same rate at every step, after a warm-up if asked for.
  public static func constant(_ rate: Double, warmUpSteps: Int = 0) -> LearningRate {
    LearningRate(peak: rate, warmUpSteps: warmUpSteps, decaySteps: nil, floor: rate)
  }

  /// Warm-up, then half a cosine from `peak` to `floor`.
  public static func cosine(
    peak: Double, warmUpSteps: Int = 0, decaySteps: Int, floor: Double = 0
  ) -> LearningRate {
    LearningRate(peak: peak, warmUpSteps: warmUpSteps, decaySteps: decaySteps, floor: floor)
  }

  /// The rate of the update that follows `step` others: the first has `step` 0.
  ///
  /// The first update of a warm-up takes `peak / warmUpSteps`, so that it is not wasted; the last
  /// one takes `peak`.
  public func callAsFunction(_ step: Int) -> Double {
    if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps) }
    guard let decaySteps else { return peak }
    if step >= decaySteps { return floor }
    let progress = Double(step - warmUpSteps) / Double(decaySteps - warmUpSteps)
    return floor + (peak - floor) * (1 + cos(.pi * progress)) / 2
  }
}
