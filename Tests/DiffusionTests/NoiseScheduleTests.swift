import Diffusion
import Foundation
import TestSupport
import Testing

@Suite struct NoiseScheduleTests {
  let linear = NoiseSchedule.linear()
  let cosine = NoiseSchedule.cosine()

  @Test func stepZeroIsData() {
    for schedule in [linear, cosine, .scaledLinear()] {
      #expect(schedule.steps == 1000)
      #expect(schedule.alphaBars.count == 1001)
      #expect(schedule.alphaBar(0) == 1)
      #expect(schedule.beta(0) == 0)
      #expect(schedule.noiseVariance(0) == 0)
      #expect(schedule.posteriorVariance(1) == 0)
    }
  }

  @Test func alphaBarIsTheProductOfTheAlphas() {
    for schedule in [linear, cosine, .scaledLinear(), .cosine(clip: .range(1e-4...0.02))] {
      var product = 1.0
      for t in 1...schedule.steps {
        product *= schedule.alpha(t)
        expect(schedule.alphaBar(t), equals: product, relatively: 1e-13)
        expect(schedule.noiseVariance(t) + product, equals: 1, within: 1e-14)
      }
    }
  }

  @Test func linearScheduleHasThePublishedValues() {
    expect(linear.alphaBar(1), equals: 0.9999, within: 1e-15)
    expect(linear.alphaBar(1000), equals: 4.035829765e-05, relatively: 1e-9)
    expect(linear.signalScale(1000), equals: 0.0063528181, within: 1e-10)
    expect(linear.noiseScale(1000), equals: 0.9999798206, within: 1e-10)
    for (t, value) in [(100, 0.897018), (250, 0.524085), (500, 0.078587)] {
      expect(linear.alphaBar(t), equals: value, within: 1e-6)
    }
    expect(linear.alphaBar(750), equals: 0.0033506, within: 1e-7)
    expect(linear.alphaBar(900), equals: 0.00027521, within: 1e-8)
    let crossings = [0.5, 0.1, 0.01].map { level in
      linear.alphaBars.firstIndex { $0 < level }!
    }
    #expect(crossings == [260, 476, 674])
    #expect(abs(exp(-linear.betas.reduce(0, +)) - 4.318575e-5) < 1e-11)
  }

  @Test func linearPosteriorVariancesHaveThePublishedValues() {
    for (t, value) in [(2, 5.453187661e-05), (3, 8.548911523e-05)] {
      expect(linear.posteriorVariance(t), equals: value, relatively: 1e-9)
    }
    expect(linear.posteriorVariance(500), equals: 0.01003135541, within: 1e-11)
    expect(linear.posteriorVariance(1000), equals: 0.01999998353, within: 1e-11)
    for (t, ratio) in [(2, 0.454736), (10, 0.852845), (100, 0.981914)] {
      expect(linear.posteriorVariance(t) / linear.beta(t), equals: ratio, within: 1e-6)
    }
    expect(linear.posteriorVariance(1000) / linear.beta(1000), equals: 0.99999918, within: 1e-8)
  }

  @Test func posteriorWeightOfDataFallsWithNoise() {
    let expected: [(Int, Double, Double)] = [
      (1, 1, 0), (2, 0.5453, 0.4547), (10, 0.1473, 0.8527), (100, 0.01908, 0.98090),
      (1000, 0.000128, 0.98995),
    ]
    for (t, x0, xt) in expected {
      let weights = linear.posteriorWeights(t)
      expect(weights.x0, equals: x0, within: 5e-5)
      expect(weights.xt, equals: xt, within: 5e-5)
    }
    #expect(
      (2...1000).allSatisfy {
        linear.posteriorWeights($0).x0 < linear.posteriorWeights($0 - 1).x0
      })
  }

  @Test func cosineScheduleHasThePublishedValues() {
    expect(cosine.beta(1), equals: 4.1284225e-05, relatively: 1e-7)
    expect(cosine.beta(999), equals: 0.74999939, within: 1e-8)
    #expect(cosine.beta(1000) == 0.999)
    #expect(cosine.betas.filter { $0 >= 0.999 }.count == 1)
    expect(cosine.alphaBar(1), equals: 0.9999587158, within: 1e-10)
    expect(cosine.alphaBar(500), equals: 0.49384359, within: 1e-8)
    expect(cosine.alphaBar(1000), equals: 2.4287669e-09, relatively: 1e-7)
    for (t, value) in [(100, 0.972093), (250, 0.847012), (750, 0.144272)] {
      expect(cosine.alphaBar(t), equals: value, within: 1e-6)
    }
    expect(cosine.alphaBar(900), equals: 0.0240917, within: 1e-7)
    let crossings = [0.5, 0.1, 0.01].map { level in
      cosine.alphaBars.firstIndex { $0 < level }!
    }
    #expect(crossings == [497, 794, 936])
  }

  @Test func cosineAlphaBarIsSquaredCosineWhereNothingIsClipped() {
    let unclipped = NoiseSchedule.cosine(steps: 400, clip: .none)
    func f(_ t: Int) -> Double {
      pow(cos((Double(t) / 400 + 0.008) / 1.008 * .pi / 2), 2)
    }
    for t in 1..<400 {
      expect(unclipped.alphaBar(t), equals: f(t) / f(0), relatively: 1e-11)
    }
  }

  @Test func theThreePrintedClipsOfTheCosineDiffer() {
    let free = NoiseSchedule.cosine(clip: .none)
    let clipped = NoiseSchedule.cosine(clip: .range(1e-4...0.02))
    let touchedAbove = (1...1000).filter { free.beta($0) > 0.02 }
    #expect(touchedAbove.count == 98 && touchedAbove.first == 903)
    #expect((1...1000).filter { free.beta($0) < 1e-4 }.count == 13)
    expect(clipped.alphaBar(1000), equals: 3.195e-3, within: 1e-6)
    expect(clipped.signalScale(1000), equals: 0.0565, within: 5e-5)
    let bare = NoiseSchedule.cosine(offset: 0, clip: .none)
    #expect(bare.beta(1000) > 1 - 1e-12)
    #expect(bare.alphaBar(1000) < 1e-30)
    expect(bare.beta(1), equals: 2.467e-6, within: 1e-9)
    #expect((1...1000).first { cosine.beta($0) > linear.beta($0) } == 891)
    #expect((900...1000).first { cosine.alphaBar($0) < linear.alphaBar($0) } == 996)
  }

  @Test func scaledLinearScheduleIsStableDiffusions() {
    let schedule = NoiseSchedule.scaledLinear()
    expect(schedule.alphaBar(1), equals: 0.99915, within: 1e-12)
    expect(schedule.alphaBar(1000), equals: 0.0046600985, within: 1e-10)
    let roots = (1...1000).map { schedule.beta($0).squareRoot() }
    for i in 2..<1000 {
      expect(roots[i] - roots[i - 1], equals: roots[1] - roots[0], within: 1e-12)
    }
  }

  @Test func scheduleFromLogSNRComesBack() {
    let curve = NoiseSchedule(steps: 700) { u in 9 - 20 * u }
    for t in 1...700 {
      expect(curve.logSNR(t), equals: 9 - 20 * Double(t) / 700, within: 1e-12)
      #expect(curve.beta(t) > 0 && curve.beta(t) < 1)
    }
    let rebuilt = NoiseSchedule(betas: Array(curve.betas.dropFirst()))
    for t in 1...700 {
      expect(rebuilt.logSNR(t), equals: curve.logSNR(t), within: 1e-11)
    }
    let copy = NoiseSchedule(logSNRs: (1...1000).map { linear.logSNR($0) })
    for t in 1...1000 { expect(copy.beta(t), equals: linear.beta(t), relatively: 1e-10) }
  }

  @Test func snrFallsStrictly() {
    for schedule in [linear, cosine, .scaledLinear()] {
      #expect(schedule.snr(0) == .infinity)
      #expect((1...1000).allSatisfy { schedule.snr($0) < schedule.snr($0 - 1) })
    }
  }

  @Test func respacedScheduleHasItsOwnBetas() {
    let steps = linear.timesteps(50, spacing: .trailing)
    let short = linear.respaced(to: steps)
    #expect(short.steps == 50)
    for i in 1...50 {
      let (t, s) = (short.timestep(i), short.timestep(i - 1))
      #expect(short.alphaBar(i) == linear.alphaBar(t))
      expect(
        short.beta(i), equals: 1 - linear.alphaBar(t) / linear.alphaBar(s), within: 1e-12)
      let product = (s + 1...t).reduce(1) { $0 * linear.alpha($1) }
      expect(short.alpha(i), equals: product, relatively: 1e-12)
      #expect(short.beta(i) > linear.beta(t))
    }
    let whole = linear.respaced(to: Array(1...1000))
    #expect(whole == linear)
    let again = short.respaced(to: [10, 30, 50])
    #expect(again.timesteps == [0, steps[9], steps[29], steps[49]])
  }

  @Test func varianceAcrossAGapIsThatOfTheLibraryInCommonUse() {
    // Its steps count from 0, so (420, 400) is t = 421, s = 401 here.
    for (t, s, value) in [(421, 401, 0.14771), (981, 961, 0.32460), (488, 487, 0.00979)] {
      let variance = linear.transition(from: t, to: s).posteriorVariance
      expect(variance, equals: value, within: 1e-5)
    }
    expect(linear.transition(from: 1000, to: 999).posteriorVariance, equals: 0.02, within: 1e-5)
  }

  @Test func weightsOfTheNoiseLossHaveTheTabulatedValues() {
    for (t, weight) in [
      (1, 0.5), (2, 0.272692), (10, 0.073717), (100, 0.0100813), (1000, 0.0102045),
    ] {
      let step = linear.transition(from: t, to: t - 1)
      expect(step.noiseLossWeight(variance: step.beta), equals: weight, relatively: 2e-4)
      if t > 1 {
        // The same term in x0 (Kingma et al., "Variational diffusion models", 2021, equation 13): half
        // the decrease of the signal-to-noise ratio.
        expect(
          step.noiseLossWeight(variance: step.posteriorVariance) * linear.snr(t),
          equals: 0.5 * (linear.snr(t - 1) - linear.snr(t)), relatively: 1e-9)
      }
    }
  }

  @Test func zeroTerminalSNRKeepsTheStartAndLosesTheEnd() {
    let schedule = linear.withZeroTerminalSNR()
    #expect(schedule.alphaBar(1000) == 0)
    expect(schedule.alphaBar(1), equals: linear.alphaBar(1), relatively: 1e-14)
    #expect(schedule.beta(1000) == 1)
  }
}

@Suite struct TimestepTests {
  let schedule = NoiseSchedule.linear()

  @Test func spacingsAreThoseOfTheirDefinitions() {
    #expect(
      schedule.timesteps(10, spacing: .leading) == [1, 101, 201, 301, 401, 501, 601, 701, 801, 901])
    #expect(
      schedule.timesteps(10, spacing: .trailing)
        == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    #expect(
      schedule.timesteps(10, spacing: .linspace) == [
        1, 112, 223, 334, 445, 556, 667, 778, 889, 1000,
      ]
    )
    #expect(schedule.timesteps(5, spacing: .quadratic) == [1, 63, 251, 563, 1000])
    #expect(schedule.timesteps(1) == [1000])
  }

  @Test func everySpacingGivesDistinctStepsWithinTheSchedule() {
    for spacing in TimestepSpacing.allCases {
      for count in [1, 2, 3, 7, 10, 50, 250, 333, 600, 999, 1000] {
        let steps = schedule.timesteps(count, spacing: spacing)
        #expect(steps.count == count)
        #expect(steps.first! >= 1 && steps.last! <= 1000)
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
      }
      #expect(schedule.timesteps(1000, spacing: spacing) == Array(1...1000))
    }
  }
}
