import Diffusion
import Probability
import TestSupport
import Testing

@Suite struct AutoguidanceTests {
  private let linear = NoiseSchedule.linear()
  private let points = PointSet(stride(from: -3.0, through: 3, by: 0.5).map { $0 })
  private var labels: [Int] { points.values.map { _ in 1 } }

  /// The class 1 with the given mean and variance, exactly denoised.
  private func denoiser(mean: Double, variance: Double) -> ExactDenoiser<GaussianMixture> {
    let mixture = GaussianMixture(
      weights: [0.5, 0.5], means: [-1, mean], standardDeviations: [0.5, variance.squareRoot()])
    return ExactDenoiser(mixture, linear)
  }

  /// The score of $p^s w^{1 - s}$ is $s \nabla \log p + (1 - s) \nabla \log w$.
  @Test func autoguidanceDividesTheDensityByThatOfTheWeakerModel() {
    let (mean, variance) = (1.0, 0.25)
    let (weakMean, weakVariance) = (0.8, 0.6)
    let guided = AutoguidedDenoiser(
      denoiser(mean: mean, variance: variance),
      by: denoiser(mean: weakMean, variance: weakVariance), labels: labels, scale: 2.5)
    for t in [10, 300, 900] {
      let (signal, kept) = (linear.signalScale(t), linear.alphaBar(t))
      let noise = guided.noise(points, t: t)
      for (x, epsilon) in zip(points.values, noise.values) {
        func score(_ mean: Double, _ variance: Double) -> Double {
          -(x - signal * mean) / (kept * variance + linear.noiseVariance(t))
        }
        let sharpened = 2.5 * score(mean, variance) - 1.5 * score(weakMean, weakVariance)
        expect(epsilon, equals: -linear.noiseScale(t) * sharpened, within: 1e-9)
      }
    }
  }

  @Test func aModelThatGuidesItselfIsUnguided() {
    let base = denoiser(mean: 1, variance: 0.25)
    let plain = base.noise(points, t: 200, labels: labels)
    let guided = AutoguidedDenoiser(base, by: base, labels: labels, scale: 4)
      .noise(points, t: 200)
    for (value, expected) in zip(guided.values, plain.values) {
      expect(value, equals: expected, within: 1e-12)
    }
  }

  @Test func atScaleOneAndZeroOnlyOneModelCounts() {
    let (base, weaker) = (denoiser(mean: 1, variance: 0.25), denoiser(mean: 2, variance: 1))
    let guided = AutoguidedDenoiser(base, by: weaker, labels: labels) { t in t > 500 ? 1 : 0 }
    #expect(guided.noise(points, t: 501) == base.noise(points, t: 501, labels: labels))
    #expect(guided.noise(points, t: 500) == weaker.noise(points, t: 500, labels: labels))
  }
}
