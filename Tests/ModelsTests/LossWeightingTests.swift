import Diffusion
import Models
import Probability
import TestSupport
import Testing

@Suite struct LossWeightingTests {
  private let schedule = NoiseSchedule.linear()

  @Test func minSNRWeightsAreThoseOfThePaper() throws {
    let weighting = LossWeighting.minSNR(gamma: 5)
    func weights(_ prediction: Prediction) throws -> [Double] {
      try #require(weighting.weights(of: prediction, on: schedule))
    }
    let (noise, v, x0) = (try weights(.noise), try weights(.v), try weights(.x0))
    for t in [1, 30, 150, 400, 1000] {
      let snr = schedule.snr(t)
      expect(x0[t - 1], equals: min(snr, 5), relatively: 1e-12)
      expect(noise[t - 1], equals: min(snr, 5) / snr, relatively: 1e-12)
      expect(v[t - 1], equals: min(snr, 5) / (snr + 1), relatively: 1e-12)
    }
  }

  /// Whatever a network predicts, its weighted loss is the weighted error of $x_0$.
  @Test func weightedLossDoesNotDependOnThePrediction() throws {
    let diffusion = GaussianDiffusion(schedule)
    let (x0, noise, error) = (0.7, -1.3, 0.2)
    for t in [2, 150, 900] {
      let xt = diffusion.addNoise(to: x0, t: t, noise: noise)
      for prediction in Prediction.allCases {
        let weight = try #require(
          LossWeighting.minSNR(gamma: 3).weights(of: prediction, on: schedule))[t - 1]
        let target = diffusion.target(of: prediction, x0: x0, noise: noise, t: t)
        let estimate = diffusion.convert(target + error, from: prediction, to: .x0, xt: xt, t: t)
        let expected = min(schedule.snr(t), 3) * (estimate - x0) * (estimate - x0)
        expect(weight * error * error, equals: expected, relatively: 1e-6, "\(prediction), \(t)")
      }
    }
  }

  @Test func aWeightingIsReadFromItsText() {
    #expect(LossWeighting(rawValue: "none") == .unweighted)
    #expect(LossWeighting(rawValue: "min-snr") == .minSNR(gamma: 5))
    #expect(LossWeighting(rawValue: "min-snr:2.5")?.description == "min-snr:2.5")
    for text in ["", "snr", "none:1", "min-snr:", "min-snr:0", "min-snr:x"] {
      #expect(LossWeighting(rawValue: text) == nil, "\(text)")
    }
    #expect(LossWeighting.unweighted.weights(of: .noise, on: schedule) == nil)
  }
}
