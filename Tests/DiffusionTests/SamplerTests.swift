import Diffusion
import Foundation
import Parallelism
import Probability
import Tensors
import TestSupport
import Testing

@Suite struct SamplerTests {
  let linear = NoiseSchedule.linear()
  let noise = GaussianVariable(standardDeviation: 1, source: 0)

  /// The exact distribution of a sampler's samples for data N(mean, variance).
  func distribution(
    _ rule: some ReverseStep, _ schedule: NoiseSchedule, timesteps: [Int]? = nil,
    mean: Double = 1, variance: Double = 0.25
  ) -> GaussianVariable {
    Sampler(rule, schedule: schedule, timesteps: timesteps).sample(
      from: noise, denoiser: GaussianDenoiser(mean: mean, variance: variance, schedule),
      using: RandomStreams(seed: 0, count: 1))
  }

  func optimal(_ schedule: NoiseSchedule, variance: Double) -> AncestralStep {
    let denoiser = GaussianDenoiser<Double>(variance: variance, schedule)
    return .ancestral(variance: .optimal { denoiser.x0Variance($0) }, addsFinalNoise: true)
  }

  @Test func ancestralSamplingOfGaussianDataHasTheTabulatedVariances() {
    expect(distribution(.ancestral(), linear).variance, equals: 0.246125, within: 5e-7)
    expect(
      distribution(.ancestral(variance: .beta), linear).variance, equals: 0.250752, within: 5e-7)
    expect(
      distribution(optimal(linear, variance: 0.25), linear).variance, equals: 0.25, within: 2e-9)
    let posterior = distribution(.ancestral(), linear, mean: 0, variance: 1)
    expect(posterior.variance, equals: 0.991067, within: 5e-7)
    let beta = distribution(.ancestral(variance: .beta), linear, mean: 0, variance: 1)
    expect(beta.variance, equals: 0.9999, within: 5e-7)
  }

  @Test func meanAndVarianceFollowTheirRecursion() {
    let (m, v) = (1.0, 0.25)
    var (mean, variance) = (0.0, 1.0)
    for t in stride(from: 1000, through: 1, by: -1) {
      let total = linear.alphaBar(t) * v + linear.noiseVariance(t)
      let gain = (1 - linear.beta(t) / total) / linear.alpha(t).squareRoot()
      let shift = linear.beta(t) / total * linear.signalScale(t) * m / linear.alpha(t).squareRoot()
      mean = gain * mean + shift
      variance = gain * gain * variance + (t > 1 ? linear.posteriorVariance(t) : 0)
    }
    let found = distribution(.ancestral(), linear, mean: m, variance: v)
    expect(found.mean, equals: mean, within: 1e-10)
    expect(found.variance, equals: variance, within: 1e-10)
  }

  @Test func variancesOfShortChainsHaveTheTabulatedValues() {
    let ten = NoiseSchedule.linearScaledToLength(steps: 10)
    for (steps, value) in [
      (10, 0.0912), (20, 0.1476), (50, 0.1966), (100, 0.2192), (200, 0.2330), (1000, 0.2461),
    ] {
      let schedule = NoiseSchedule.linearScaledToLength(steps: steps)
      expect(
        distribution(.ancestral(), schedule).variance, equals: value, within: 6e-5, "T = \(steps)")
    }
    expect(distribution(.ancestral(variance: .beta), ten).variance, equals: 0.38003, within: 6e-6)
    expect(distribution(.ancestral(), ten).variance, equals: 0.09115, within: 6e-6)
    expect(distribution(optimal(ten, variance: 0.25), ten).variance, equals: 0.25, within: 1e-5)
  }

  @Test func deterministicGainHasTheTabulatedValues() {
    for (steps, gain) in [(10, 0.374128), (50, 0.472439), (100, 0.485981), (1000, 0.498495)] {
      let x0 = distribution(
        .ddim(), linear, timesteps: linear.timesteps(steps, spacing: .leading), mean: 0)
      expect(x0.loadings[0], equals: gain, within: 1e-6, "\(steps) steps")
      #expect(x0.loadings.count == 1)
    }
  }

  @Test func deterministicSamplingHasTheTabulatedVariances() {
    for (steps, variance) in [
      (5, 0.0689), (10, 0.1369), (20, 0.1861), (50, 0.2222), (100, 0.2357), (250, 0.2441),
      (1000, 0.2485),
    ] {
      let x0 = distribution(.ddim(), linear, timesteps: linear.timesteps(steps, spacing: .trailing))
      expect(x0.variance, equals: variance, within: 6e-5, "\(steps) steps")
    }
  }

  @Test func independentNoiseInEveryStepHalvesTheVariance() {
    // sigma² = 1 - alphaBar_s: the estimate of x0 plus noise that is independent of x_t.
    let rule = DDIMStep(sigma: { $0.previousNoiseVariance.squareRoot() })
    expect(distribution(rule, linear, mean: 0, variance: 1).variance, equals: 0.5, within: 0.01)
  }

  @Test func ddimWithEtaOneIsAncestralSampling() {
    for timesteps in [nil, linear.timesteps(37), linear.timesteps(50, spacing: .quadratic)] {
      let ancestral = distribution(.ancestral(), linear, timesteps: timesteps)
      let ddim = distribution(.ddim(eta: 1), linear, timesteps: timesteps)
      expect(ddim.mean, equals: ancestral.mean, within: 1e-12)
      #expect(ddim.loadings.count == ancestral.loadings.count)
      for (a, b) in zip(ddim.loadings, ancestral.loadings) {
        expect(a, equals: b, within: 1e-12)
      }
    }
    for t in 1...1000 {
      let step = linear.transition(from: t, to: t - 1)
      let left = (step.previousNoiseVariance - step.posteriorVariance).squareRoot()
      let right =
        linear.alpha(t).squareRoot() * linear.noiseVariance(t - 1) / linear.noiseScale(t)
      if t > 1 { expect(left, equals: right, within: 3e-15) }
    }
  }

  @Test func ancestralSamplingAndDDIMWithEtaOneGiveTheSamePoints() {
    let denoiser = ExactDenoiser(GaussianMixture.three, linear)
    let steps = linear.timesteps(25)
    func points(_ rule: some ReverseStep) -> [Double] {
      Sampler(rule, schedule: linear, timesteps: steps).sample(
        like: PointSet(zeros: 200), denoiser: denoiser, seed: 4
      ).values
    }
    for (a, b) in zip(points(.ancestral()), points(.ddim(eta: 1))) {
      expect(a, equals: b, within: 1e-9)
    }
  }

  @Test func everyMemberOfTheDDIMFamilyPreservesTheMarginals() {
    for share in [0, 0.3, 0.7, 1.0] {
      for t in [2, 10, 500, 1000] {
        let step = linear.transition(from: t, to: t - 1)
        for sigma in [
          share * step.posteriorVariance.squareRoot(),
          share * step.previousNoiseVariance.squareRoot(),
        ] {
          // q(x_t | x_0) with x_0 = 1.3 known, and the true noise instead of an estimate.
          let epsilon = GaussianVariable(standardDeviation: 1, source: 1)
          let xt = GaussianDiffusion(linear).addNoise(
            to: GaussianVariable(mean: 1.3), t: t, noise: epsilon)
          let sampler = Sampler(
            DDIMStep(sigma: { _ in sigma }), schedule: linear, timesteps: Array(1...t))
          var chain = sampler.chain(
            from: xt, denoiser: FunctionDenoiser { _, _ in epsilon },
            using: RandomStreams(seed: 0, count: 1))
          let xs = chain.next()!.x
          expect(xs.mean, equals: 1.3 * linear.signalScale(t - 1), within: 1e-13)
          expect(xs.variance, equals: linear.noiseVariance(t - 1), within: 1e-13)
        }
      }
    }
  }

  @Test func ancestralSamplingWithFewerStepsUsesTheRespacedSchedule() {
    let steps = linear.timesteps(40, spacing: .trailing)
    let short = linear.respaced(to: steps)
    let direct = distribution(.ancestral(), linear, timesteps: steps)
    let retrained = Sampler(
      .ancestral(), schedule: NoiseSchedule(betas: Array(short.betas.dropFirst()))
    )
    .sample(
      from: noise,
      denoiser: GaussianDenoiser(
        mean: 1, variance: 0.25, NoiseSchedule(betas: Array(short.betas.dropFirst()))),
      using: RandomStreams(seed: 0, count: 1))
    expect(direct.mean, equals: retrained.mean, within: 1e-11)
    expect(direct.variance, equals: retrained.variance, within: 1e-11)
  }

  @Test func samplesOfImagesDoNotDependOnTheBatchSize() {
    let denoiser = GaussianDenoiser<Tensor>(mean: 0.1, variance: 0.3, linear)
    let sampler = Sampler(.ddim(eta: 0.7), schedule: linear, timesteps: linear.timesteps(8))
    func images(_ range: Range<Int>) -> Tensor {
      sampler.sample(
        like: .zeros([range.count, 3, 4, 4]), denoiser: denoiser, seed: 11, from: range.lowerBound)
    }
    let together = images(0..<6)
    #expect(images(0..<2) == together.entries(0..<2))
    #expect(images(2..<6) == together.entries(2..<6))
    #expect(images(5..<6) == together.entries(5..<6))
    #expect(together.entries(0..<1) != together.entries(1..<2))
  }

  @Test func samplesDoNotDependOnTheNumberOfThreads() {
    let denoiser = ExactDenoiser(GaussianMixture.three, linear)
    let sampler = Sampler(.ancestral(), schedule: linear, timesteps: linear.timesteps(5))
    func points() -> PointSet {
      sampler.sample(like: PointSet(zeros: 5000), denoiser: denoiser, seed: 1)
    }
    let parallel = points()
    let threads = Parallel.threadCount
    Parallel.threadCount = 1
    defer { Parallel.threadCount = threads }
    #expect(points() == parallel)
  }

  @Test func tensorsAndPointSetsHaveTheSameChains() {
    let steps = linear.timesteps(30)
    let sampler = Sampler(.ddim(), schedule: linear, timesteps: steps)
    var streams = RandomStreams(seed: 9, count: 10)
    let start = streams.normal([10, 1])
    let tensors = sampler.sample(
      from: start, denoiser: GaussianDenoiser(mean: 1, variance: 0.25, linear), using: streams)
    let points = sampler.sample(
      from: PointSet(start), denoiser: GaussianDenoiser(mean: 1, variance: 0.25, linear),
      using: streams)
    for (a, b) in zip(tensors.elements, points.values) {
      expect(Double(a), equals: b, within: 1e-5)
    }
  }

  @Test func clipLimitsTheEstimateAndRecomputesTheNoise() {
    let denoiser = ExactDenoiser(GaussianMixture.three, linear)
    let sampler = Sampler(
      .ancestral(), schedule: linear, timesteps: linear.timesteps(20), clip: Clip(-0.5...0.5))
    var streams = RandomStreams(seed: 2, count: 300)
    var xt = streams.normalPoints()
    var t = 1000
    for state in sampler.chain(from: xt, denoiser: denoiser, using: streams) {
      #expect(state.x0Estimate.values.allSatisfy { abs($0) <= 0.5 })
      let again = GaussianDiffusion(linear).addNoise(to: state.x0Estimate, t: t, noise: state.noise)
      for (a, b) in zip(again.values, xt.values) { expect(a, equals: b, within: 1e-10) }
      (xt, t) = (state.x, state.t)
    }
    #expect(t == 0)
    #expect(xt.values.allSatisfy { abs($0) <= 0.5 + 1e-12 })
  }

  @Test func chainUsesTheChosenSteps() {
    let steps = [1, 40, 300, 999]
    let sampler = Sampler(.ddim(), schedule: linear, timesteps: steps)
    let denoiser = CountedDenoiser(GaussianDenoiser<Double>(variance: 1, linear))
    let reached = sampler.chain(
      from: 0.3, denoiser: denoiser, using: RandomStreams(seed: 0, count: 1)
    )
    .map(\.t)
    #expect(reached == [300, 40, 1, 0])
    #expect(denoiser.evaluations == 4)
    _ = Sampler(.heun, schedule: linear, timesteps: steps).sample(
      from: 0.3, denoiser: denoiser, using: RandomStreams(seed: 0, count: 1))
    #expect(denoiser.evaluations == 4 + 7)
  }
}

@Suite struct FlowTests {
  let linear = NoiseSchedule.linear()
  let data = GaussianMixture.three
  let start = PointSet(stride(from: -2.5, through: 2.5, by: 0.05).map { $0 })

  /// The mean distance of a solver's points at t = 1 from the quantile map of the exact flow.
  func error(_ rule: some ReverseStep, steps: Int) -> Double {
    let sampler = Sampler(rule, schedule: linear, timesteps: linear.timesteps(steps))
    let chain = sampler.chain(
      from: start, denoiser: ExactDenoiser(data, linear),
      using: RandomStreams(seed: 0, count: start.count))
    let end = chain.first { $0.t == 1 }!.x
    let (first, last) = (
      data.noisyMarginal(linear, to: 1).marginal, data.noisyMarginal(linear, to: 1000).marginal
    )
    let exact = start.values.map { first.quantile(last.cdf($0)) }
    return zip(end.values, exact).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(start.count)
  }

  func ratios(_ rule: some ReverseStep) -> [Double] {
    let errors = [80, 160, 320].map { error(rule, steps: $0) }
    return [errors[0] / errors[1], errors[1] / errors[2], errors[0]]
  }

  @Test func deterministicSamplingIsTheQuantileMapToFirstOrder() {
    let found = ratios(.ddim())
    #expect(found[0] > 1.8 && found[0] < 2.3 && found[1] > 1.8 && found[1] < 2.3, "\(found)")
  }

  @Test func heunAndAdamsBashforthAreSecondOrder() {
    for found in [ratios(.heun), ratios(.adamsBashforth)] {
      #expect(found[0] > 3.2 && found[1] > 3.2, "\(found)")
    }
    #expect(error(.heun, steps: 160) < error(.ddim(), steps: 320) / 8)
  }

  @Test func oneDimensionalFlowIsTheQuantileMap() {
    // A schedule with many small steps, equally spaced in log SNR.
    let fine = NoiseSchedule(steps: 4000) { u in
      linear.logSNR(1) + u * (linear.logSNR(1000) - linear.logSNR(1))
    }
    let end = Sampler(.heun, schedule: fine).sample(
      from: start, denoiser: ExactDenoiser(data, fine),
      using: RandomStreams(seed: 0, count: start.count))
    let last = data.noisyMarginal(fine, to: 4000).marginal
    let first = data.noisyMarginal(fine, to: 1)
    let errors = zip(start.values, end.values).map { x, y in
      // The last step gives the posterior mean, so it is compared with that.
      abs(y - first.x0Mean(first.marginal.quantile(last.cdf(x))))
    }
    #expect(errors.reduce(0, +) / Double(errors.count) < 1e-6, "\(errors)")
  }
}

@Suite struct GuidanceTests {
  let linear = NoiseSchedule.linear()
  let data = GaussianMixture.twoClasses
  let points = PointSet(stride(from: -3.0, through: 3, by: 0.1).map { $0 })

  @Test func notationsOfGuidanceAgree() {
    let denoiser = ExactDenoiser(data, linear)
    let labels = points.values.indices.map { $0 % 2 }
    for s in [0, 0.5, 1, 2, 7.5] {
      let guided = GuidedDenoiser(denoiser, labels: labels, scale: s).noise(points, t: 300)
      let classifier = ClassifierGuidedDenoiser(
        denoiser, by: ExactClassifier(data, linear), labels: labels, scale: s, linear
      ).noise(points, t: 300)
      let conditional = denoiser.noise(points, t: 300, labels: labels)
      let unconditional = denoiser.noise(points, t: 300)
      for i in points.values.indices {
        let w = s - 1
        let expected = (1 + w) * conditional.values[i] - w * unconditional.values[i]
        expect(guided.values[i], equals: expected, within: 1e-12)
        expect(classifier.values[i], equals: expected, within: 1e-12)
      }
    }
  }

  @Test func guidanceEvaluatesOneBatchOfTwiceTheSize() {
    let recording = RecordingDenoiser(base: ExactDenoiser(data, linear))
    let labels = points.values.map { $0 > 0 ? 1 : 0 }
    _ = GuidedDenoiser(recording, labels: labels, scale: 3).noise(points, t: 10)
    #expect(recording.sizes == [2 * points.count])
    _ = GuidedDenoiser(recording, labels: labels, scale: 1).noise(points, t: 10)
    _ = GuidedDenoiser(recording, labels: labels, scale: 0).noise(points, t: 10)
    #expect(recording.sizes.suffix(2) == [points.count, points.count])
  }

  @Test func negativeLabelsReplaceTheNullLabel() {
    let denoiser = ExactDenoiser(data, linear)
    let labels = points.values.map { _ in 1 }
    let zeros = points.values.map { _ in 0 }
    let guided = GuidedDenoiser(denoiser, labels: labels, scale: 2, awayFrom: zeros)
      .noise(points, t: 200)
    let c = denoiser.noise(points, t: 200, labels: labels)
    let n = denoiser.noise(points, t: 200, labels: zeros)
    for i in points.values.indices {
      expect(guided.values[i], equals: 2 * c.values[i] - n.values[i], within: 1e-13)
    }
  }

  @Test func guidedScaleMayDependOnTheStep() {
    let denoiser = ExactDenoiser(data, linear)
    let labels = points.values.map { _ in 1 }
    let guided = GuidedDenoiser(denoiser, labels: labels) { t in t > 500 ? 4 : 1.5 }
    #expect(
      guided.noise(points, t: 501)
        == GuidedDenoiser(denoiser, labels: labels, scale: 4).noise(points, t: 501))
    #expect(
      guided.noise(points, t: 500)
        == GuidedDenoiser(denoiser, labels: labels, scale: 1.5).noise(points, t: 500))
  }

  @Test func guidedSamplesHaveTheTabulatedMoments() {
    let count = 20_000
    let labels = [Int](repeating: 1, count: count)
    for (scale, mean, standardDeviation) in [(1.0, 1.0, 0.5), (2, 1.316, 0.356), (4, 1.674, 0.290)]
    {
      let guided = GuidedDenoiser(ExactDenoiser(data, linear), labels: labels, scale: scale)
      let sampler = Sampler(.ddim(), schedule: linear, timesteps: linear.timesteps(250))
      let statistics = Moments(
        sampler.sample(like: PointSet(zeros: count), denoiser: guided, seed: 6).values)
      expect(statistics.mean, equals: mean, within: 0.015)
      expect(statistics.standardDeviation, equals: standardDeviation, within: 0.012)
    }
  }

  private final class RecordingDenoiser: ConditionalDenoiser, @unchecked Sendable {
    let base: ExactDenoiser<GaussianMixture>
    var sizes: [Int] = []
    init(base: ExactDenoiser<GaussianMixture>) { self.base = base }
    var nullLabel: Int { base.nullLabel }
    func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
      sizes.append(xt.count)
      return base.noise(xt, t: t, labels: labels)
    }
  }
}
