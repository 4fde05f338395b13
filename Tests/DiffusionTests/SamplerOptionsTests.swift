import Diffusion
import Foundation
import Probability
import TestSupport
import Testing

/// Every combination of spacing, prediction, variance and clip, against one loop over plain numbers
/// that is written from the papers' formulas in $\bar\alpha$ and knows nothing of the samplers.
@Suite struct SamplerOptionsTests {
  enum Rule: CaseIterable {
    case ancestralPosterior, ancestralBeta, deterministic, halfway
  }

  enum Clipping: CaseIterable {
    case none, consistent, contradictory

    var clip: Clip? {
      switch self {
      case .none: nil
      case .consistent: Clip(-0.8...0.8)
      case .contradictory: Clip(-0.8...0.8, recomputesNoise: false)
      }
    }
  }

  let schedule = NoiseSchedule.scaledLinear()
  static let kinds: [Prediction] = [.noise, .x0, .v]

  /// What stands in for a network.
  @Sendable func answer(_ x: Double, _ t: Int) -> Double { sin(1.3 * x) + Double(t) / 1500 }

  /// The states of the chain along `path`, which begins with 0.
  func reference(
    _ start: Double, _ path: [Int], _ kind: Prediction, _ rule: Rule, _ clipping: Clipping
  ) -> [Double] {
    var draws = RandomStreams(seed: 5, count: 1)
    var x = start
    var states: [Double] = []
    for i in stride(from: path.count - 1, through: 1, by: -1) {
      let (a, b) = (schedule.alphaBars[path[i]], schedule.alphaBars[path[i - 1]])
      let said = answer(x, path[i])
      var x0: Double
      var noise: Double
      switch kind {
      case .x0: (x0, noise) = (said, (x - sqrt(a) * said) / sqrt(1 - a))
      case .v:
        (x0, noise) = (sqrt(a) * x - sqrt(1 - a) * said, sqrt(a) * said + sqrt(1 - a) * x)
      default: (x0, noise) = ((x - sqrt(1 - a) * said) / sqrt(a), said)
      }
      if clipping != .none { x0 = min(max(x0, -0.8), 0.8) }
      if clipping == .consistent { noise = (x - sqrt(a) * x0) / sqrt(1 - a) }
      let beta = 1 - a / b
      let posterior = (1 - b) / (1 - a) * beta
      switch rule {
      case .ancestralPosterior, .ancestralBeta:
        // The posterior's mean in x0 and x, or its usual form in the noise.
        x = (x - beta / sqrt(1 - a) * noise) / sqrt(1 - beta)
        if i > 1 {
          let variance = rule == .ancestralBeta ? beta : posterior
          x += sqrt(variance) * draws.normalPoints().values[0]
        }
      case .deterministic: x = sqrt(b) * x0 + sqrt(1 - b) * noise
      case .halfway:
        x = sqrt(b) * x0 + sqrt(max(0, 1 - b - posterior / 4)) * noise
        if i > 1 { x += sqrt(posterior / 4) * draws.normalPoints().values[0] }
      }
      states.append(x)
    }
    return states
  }

  func sampler(_ rule: Rule, _ timesteps: [Int], _ clip: Clip?) -> Sampler {
    switch rule {
    case .ancestralPosterior:
      Sampler(.ancestral(), schedule: schedule, timesteps: timesteps, clip: clip)
    case .ancestralBeta:
      Sampler(.ancestral(variance: .beta), schedule: schedule, timesteps: timesteps, clip: clip)
    case .deterministic: Sampler(.ddim(), schedule: schedule, timesteps: timesteps, clip: clip)
    case .halfway: Sampler(.ddim(eta: 0.5), schedule: schedule, timesteps: timesteps, clip: clip)
    }
  }

  @Test(arguments: TimestepSpacing.allCases, Rule.allCases)
  func everyOptionIsWhatTheFormulasSay(spacing: TimestepSpacing, rule: Rule) {
    let timesteps = schedule.timesteps(25, spacing: spacing)
    for kind in Self.kinds {
      for clipping in Clipping.allCases {
        let diffusion = GaussianDiffusion(schedule)
        let denoiser = FunctionDenoiser<Double> { x, t in
          diffusion.convert(answer(x, t), from: kind, to: .noise, xt: x, t: t)
        }
        for start in [-1.7, 0.2, 1.1] {
          let found = sampler(rule, timesteps, clipping.clip).chain(
            from: start, denoiser: denoiser, using: RandomStreams(seed: 5, count: 1)
          ).map(\.x)
          let right = reference(start, [0] + timesteps, kind, rule, clipping)
          #expect(found.count == right.count)
          for (x, y) in zip(found, right) {
            expect(
              x, equals: y, within: 1e-9 * max(1, abs(y)),
              "\(spacing), \(rule), \(kind), \(clipping)")
          }
        }
      }
    }
  }

  /// A comparison of equals shows nothing: the options must give different samples.
  @Test func optionsMatter() {
    let path = [0] + schedule.timesteps(25)
    var results: [Double] = []
    for kind in Self.kinds {
      for rule in Rule.allCases {
        for clipping in Clipping.allCases {
          results.append(reference(0.2, path, kind, rule, clipping)[12])
        }
      }
    }
    // An ancestral step sees the noise alone, so a clip that leaves it as it was does nothing there.
    #expect(results.count == 36)
    #expect(Set(results.map { ($0 * 1e6).rounded() }).count == 30)
  }
}
