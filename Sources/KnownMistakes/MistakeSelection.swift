import Diffusion
import Foundation

/// Hands out the ingredients that people get wrong: those of `Diffusion`, or with one mistake.
///
/// A chapter puts them, in hidden lines at its top, in the places of the types they are named after,
/// so that its visible code says `Sampler(…)` or `GuidedDenoiser(…)`. The wrong ones are built from
/// the public parts of `Diffusion`, which has no switches.
public struct MistakeSelection: Sendable {
  /// The chosen mistake; nil if all is right.
  public let mistake: Mistake?

  /// Chooses a mistake, or none.
  public init(_ mistake: Mistake? = nil) { self.mistake = mistake }

  /// Whether a mistake is chosen, for a hidden line in a function of a chapter, such as
  /// `if knownMistakes.isActive { return knownMistakes.latentScale(scale) }`.
  public var isActive: Bool { mistake != nil }

  // MARK: - Schedules

  /// The cosine schedule, as `NoiseSchedule.cosine`.
  public func cosine(
    steps: Int = 1000, offset: Double = 0.008, clip: CosineClip = .cap(0.999)
  ) -> NoiseSchedule {
    let right = NoiseSchedule.cosine(steps: steps, offset: offset, clip: clip)
    switch mistake {
    case .cosineShifted:
      return NoiseSchedule(name: right.name, alphaBars: Array(right.alphaBars.dropLast()))
    case .cosineUnsquared:
      let roots = right.alphaBars.dropFirst().map { $0.squareRoot() }
      return NoiseSchedule(name: right.name, alphaBars: roots)
    case .cosineUncapped: return .cosine(steps: steps, offset: offset, clip: .none)
    default: return right
    }
  }

  /// $\log \tilde\beta_t$ for t in 1…T, with $\tilde\beta_2$ in place of $\tilde\beta_1 = 0$
  /// (Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021, section 3.1).
  public func logPosteriorVariance(_ t: Int, of schedule: NoiseSchedule) -> Double {
    log(schedule.posteriorVariance(mistake == .logOfZeroVariance ? t : max(t, 2)))
  }

  // MARK: - Latents and labels

  /// How estimates of latents are clipped: not at all, since their range is unknown.
  public var latentClip: Clip? { mistake == .clippedLatents ? .images : nil }

  /// The factor that brings latents to variance 1, given that factor.
  public func latentScale(_ right: Double) -> Double { mistake == .unscaledLatents ? 1 : right }

  /// The share of the training examples that lose their label to the null label, given that share.
  public func labelDropout(_ right: Double) -> Double { mistake == .untrainedNullLabel ? 0 : right }
}
