import Foundation

/// A learning rate schedule.
///
/// The rate increases linearly over the first `warmUpSteps` updates to `peak`, and then is constant or
/// decreases by a half cosine to `floor` at update `decaySteps`
/// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
///
/// ```
/// let rate = LearningRate.cosine(peak: 2e-4, warmUpSteps: 500, decaySteps: 20_000)
/// optimizer.update(gradients, learningRate: rate(step))
/// ```
public struct LearningRate: Sendable, Equatable, Codable {
  public var peak: Double
  public var warmUpSteps: Int
  /// The update at which the rate reaches `floor`; nil for a constant rate after warm-up.
  public var decaySteps: Int?
  public var floor: Double

  /// A constant rate, after an optional warm-up.
  public static func constant(_ rate: Double, warmUpSteps: Int = 0) -> LearningRate {
    LearningRate(peak: rate, warmUpSteps: warmUpSteps, decaySteps: nil, floor: rate)
  }

  /// Warm-up, then a half cosine from `peak` to `floor`.
  public static func cosine(
    peak: Double, warmUpSteps: Int = 0, decaySteps: Int, floor: Double = 0
  ) -> LearningRate {
    LearningRate(peak: peak, warmUpSteps: warmUpSteps, decaySteps: decaySteps, floor: floor)
  }

  /// The rate of the update after `step` updates; `step` is 0 for the first.
  ///
  /// The first update of a warm-up uses `peak / warmUpSteps`, and the last one uses `peak`.
  public func callAsFunction(_ step: Int) -> Double {
    if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps) }
    guard let decaySteps else { return peak }
    if step >= decaySteps { return floor }
    let progress = Double(step - warmUpSteps) / Double(decaySteps - warmUpSteps)
    return floor + (peak - floor) * (1 + cos(.pi * progress)) / 2
  }
}
