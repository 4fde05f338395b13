import Diffusion
import Foundation

/// Where chapters get the ingredients that people get wrong.
///
/// Each member gives what the core gives, unless the museum shows the mistake that concerns it.
/// The wrong ingredients are built here from the core's public parts; the core has no switches.
public struct Museum: Sendable {
  /// The mistake on show; nil if all is right.
  public let mistake: Mistake?

  /// Opens a museum that shows one mistake, or none.
  public init(showing mistake: Mistake? = nil) { self.mistake = mistake }

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

  // MARK: - What samplers are given

  /// The denoiser itself.
  public func denoiser<D: Denoiser>(_ right: D) -> FunctionDenoiser<D.Value> {
    guard mistake == .timeOffByOne else { return FunctionDenoiser { right.noise($0, t: $1) } }
    // Steps count from 1 here, so the first stays where it is.
    return FunctionDenoiser { right.noise($0, t: max($1 - 1, 1)) }
  }

  /// What is done to estimates of latents: nothing, as nobody knows their range.
  public var latentClip: Clip? { mistake == .clippedLatents ? .images : nil }

  /// The factor that brings latents to variance 1, given that factor.
  public func latentScale(_ right: Double) -> Double { mistake == .unscaledLatents ? 1 : right }
}
