import ArgumentParser
import Diffusion
import Foundation
import KnownMistakes
import Probability
import Tensors
import Testing

/// For every mistake a probe: how far an ingredient is from its formula, and how far it may be.
struct Probe {
  let tolerance: Double
  let miss: (MistakeSelection) -> Double
}

@Suite struct MistakeTests {
  static let linear = NoiseSchedule.linear()
  static let data = (mean: 1.0, variance: 0.25)

  /// Mean and variance of what the family of steps makes of N(0, 1) noise for Gaussian data, written
  /// out in $\bar\alpha$ alone.
  static func moments(
    _ timesteps: [Int], variance: Double = data.variance, sigmaSquared: (Double, Double) -> Double
  ) -> (mean: Double, variance: Double) {
    var result = (mean: 0.0, variance: 1.0)
    let path = [0] + timesteps
    for (s, t) in zip(path, path.dropFirst()).reversed() {
      let (kept, before) = (linear.alphaBar(t), linear.alphaBar(s))
      let total = kept * variance + 1 - kept
      let fresh = sigmaSquared(kept, before)
      let slope = (1 - kept).squareRoot() / total
      let direction = max(0, 1 - before - fresh).squareRoot()
      let gain =
        (before / kept).squareRoot() * (1 - (1 - kept).squareRoot() * slope) + direction * slope
      let origin = kept.squareRoot() * data.mean
      result.mean = gain * (result.mean - origin) + before.squareRoot() * data.mean
      result.variance = gain * gain * result.variance + fresh
    }
    return result
  }

  static func ancestralVariance(_ kept: Double, _ before: Double) -> Double {
    (1 - before) / (1 - kept) * (1 - kept / before)
  }

  /// How far the distribution of a sampler is from its moments.
  static func miss(
    _ mistakes: MistakeSelection, _ rule: some ReverseStep, _ timesteps: [Int],
    _ sigmaSquared: (Double, Double) -> Double
  ) -> Double {
    let x0 = mistakes.sampler(rule, schedule: linear, timesteps: timesteps).sample(
      from: GaussianVariable(standardDeviation: 1, source: 0),
      denoiser: GaussianDenoiser<GaussianVariable>(
        mean: data.mean, variance: data.variance, linear),
      using: RandomStreams(seed: 0, count: 1))
    let right = moments(timesteps, sigmaSquared: sigmaSquared)
    return max(abs(x0.mean - right.mean), abs(x0.variance - right.variance))
  }

  static func cosineMiss(_ mistakes: MistakeSelection, at t: Int) -> Double {
    func f(_ t: Double) -> Double { pow(cos((t / 1000 + 0.008) / 1.008 * .pi / 2), 2) }
    return abs(mistakes.cosine().alphaBar(t) - f(Double(t)) / f(0))
  }

  /// How far guided noise is from $s\, \epsilon_c + (1 - s)\, \epsilon_u$ at scale 3.
  static func guidanceMiss(_ mistakes: MistakeSelection) -> Double {
    let ring = MultivariateMixture.ring(3, standardDeviation: 0.3)
    let exact = ExactDenoiser(ring, linear)
    let points = PointSet([0.1, -0.4, 0.9, 0.2, -0.5, 0.7], dimensions: 2)
    let labels = [2, 0, 1]
    let guided = mistakes.guidedDenoiser(exact, labels: labels, scale: 3)
      .noise(points, t: 200)
    let c = exact.noise(points, t: 200, labels: labels)
    let u = exact.noise(points, t: 200)
    return zip(guided.values, zip(c.values, u.values)).map { abs($0 - (3 * $1.0 - 2 * $1.1)) }
      .max()!
  }

  static func probe(_ mistake: Mistake) -> Probe {
    let (all, few) = (Array(1...1000), linear.timesteps(50))
    switch mistake {
    case .cosineShifted: return Probe(tolerance: 1e-12) { cosineMiss($0, at: 1) }
    case .cosineUnsquared: return Probe(tolerance: 1e-12) { cosineMiss($0, at: 500) }
    case .cosineUncapped:
      return Probe(tolerance: 0) { max(0, $0.cosine().beta(1000) - 0.999) }
    case .respacedBeta:
      return Probe(tolerance: 1e-12) { mistakes in
        max(
          miss(mistakes, .ancestral(), few, ancestralVariance),
          miss(mistakes, .ddim(eta: 1), few, ancestralVariance))
      }
    case .logOfZeroVariance:
      return Probe(tolerance: 1e-18) { mistakes in
        abs(exp(mistakes.logPosteriorVariance(1, of: linear)) - linear.posteriorVariance(2))
      }
    case .noiseInLastStep:
      return Probe(tolerance: 1e-10) { miss($0, .ancestral(), all, ancestralVariance) }
    case .endsAtFirstStep, .previousStepByDivision:
      return Probe(tolerance: 1e-12) { miss($0, .ddim(), few) { _, _ in 0 } }
    case .etaWithoutRatio, .etaOutsideRoot:
      return Probe(tolerance: 1e-12) { mistakes in
        miss(mistakes, .ddim(eta: 0.7), few) { 0.49 * ancestralVariance($0, $1) }
      }
    case .alphaForAlphaBar:
      return Probe(tolerance: 1e-10) { miss($0, .ancestral(), all, ancestralVariance) }
    case .timeOffByOne:
      return Probe(tolerance: 1e-12) { miss($0, .ddim(), few) { _, _ in 0 } }
    case .clippedLatents:
      return Probe(tolerance: 1e-12) { mistakes in
        let wide = GaussianDenoiser<Double>(variance: 4, linear)
        let x0 = Sampler(.ddim(), schedule: linear, timesteps: few, clip: mistakes.latentClip)
          .sample(from: 1.5, denoiser: wide, using: RandomStreams(seed: 0, count: 1))
        let gain = moments(few, variance: 4) { _, _ in 0 }.variance.squareRoot()
        return abs(x0 - 1.5 * gain)
      }
    case .guidanceSign, .guidanceSkipsChannel:
      return Probe(tolerance: 1e-12, miss: guidanceMiss)
    case .untrainedNullLabel:
      return Probe(tolerance: 1e-12) { abs($0.labelDropout(0.1) - 0.1) }
    case .unscaledLatents:
      return Probe(tolerance: 1e-12) { abs($0.latentScale(1 / 5.5) * 5.5 - 1) }
    }
  }

  @Test(arguments: Mistake.allCases)
  func theRightIngredientPassesAndTheMistakenOneIsCaught(mistake: Mistake) {
    let probe = Self.probe(mistake)
    let right = probe.miss(MistakeSelection())
    #expect(right <= probe.tolerance, "right: off by \(right)")
    let wrong = probe.miss(MistakeSelection(mistake))
    // A mistake may end in an infinity or in no number at all; both are caught.
    #expect(!(wrong <= 1000 * probe.tolerance), "\(mistake.rawValue): off by only \(wrong)")
    #expect(wrong != 0)
  }

  /// A mistake on show must leave the ingredients of the others alone, or a chapter would show two.
  @Test func aMistakeTouchesNoOtherIngredient() {
    let independent: [Mistake] = [
      .cosineUncapped, .respacedBeta, .logOfZeroVariance, .timeOffByOne, .clippedLatents,
      .guidanceSign, .unscaledLatents,
    ]
    for shown in independent {
      for other in independent where other != shown {
        // The probe of respaced steps samples, as that of the time does.
        if (other, shown) == (.respacedBeta, .timeOffByOne) { continue }
        if (other, shown) == (.timeOffByOne, .respacedBeta) { continue }
        let probe = Self.probe(other)
        #expect(
          probe.miss(MistakeSelection(shown)) <= probe.tolerance,
          "\(shown.rawValue) changes \(other.rawValue)")
      }
    }
  }

  @Test func classifierGuidanceWithTheWrongSignLeadsAway() {
    let mixture = GaussianMixture.twoClasses
    let exact = ExactDenoiser(mixture, Self.linear)
    let points = PointSet([-0.7, 0.1, 1.2])
    func guided(_ mistakes: MistakeSelection) -> PointSet {
      mistakes.classifierGuidedDenoiser(
        exact, by: ExactClassifier(mixture, Self.linear), labels: [1, 1, 1], scale: 1, Self.linear
      ).noise(points, t: 300)
    }
    let conditional = exact.noise(points, t: 300, labels: [1, 1, 1])
    for (a, b) in zip(guided(MistakeSelection()).values, conditional.values) {
      #expect(abs(a - b) < 1e-12)
    }
    for (a, b) in zip(guided(MistakeSelection(.guidanceSign)).values, conditional.values) {
      #expect(a > b + 0.01)
    }
  }

  @Test func tensorsLoseTheGuidanceOfTheirLastChannelOnly() {
    let (a, b) = (Tensor.zeros([2, 4, 3, 3]), Tensor.zeros([2, 4, 3, 3]) + 1)
    let mixed = a.replacingLastChannel(from: b)
    for image in 0..<2 {
      for channel in 0..<4 {
        for place in 0..<9 {
          let value = mixed.elements[(image * 4 + channel) * 9 + place]
          #expect(value == (channel == 3 ? 1 : 0))
        }
      }
    }
  }

  /// The option `set_alpha_to_one=False` of the diffusers library, and the sum of sizes that its own
  /// test expects of it: the mistake on show is the one that was shipped.
  @Test func endingEarlyGivesTheNumbersOfTheLibraryThatDoesIt() {
    let first: Float = 0.01
    let schedule = NoiseSchedule(
      betas: (0..<1000).map { Double(first + (0.02 - first) * Float($0) / 999) })
    let start = PointSet((0..<768).map { Double($0) / 768 })
    let model = FunctionDenoiser<PointSet> { x, t in .sum((Double(t - 1) / Double(t), x)) }
    func sum(_ mistakes: MistakeSelection) -> Double {
      mistakes.sampler(
        .ddim(), schedule: schedule, timesteps: schedule.timesteps(10, spacing: .leading),
        clip: Clip(recomputesNoise: false)
      ).sample(from: start, denoiser: model, using: RandomStreams(seed: 0, count: 768)).values
        .reduce(0) { $0 + abs($1) }
    }
    #expect(abs(sum(MistakeSelection(.endsAtFirstStep)) - 149.0784) < 1e-2)
    #expect(abs(sum(MistakeSelection()) - 149.8295) < 1e-2)
  }
}

@Suite struct MistakeOptionTests {
  @Test func everyMistakeHasALineWithItsChapters() {
    let lines = Mistake.list.split(separator: "\n")
    #expect(lines.count == Mistake.allCases.count)
    for (line, mistake) in zip(lines, Mistake.allCases) {
      #expect(line.hasPrefix(mistake.rawValue + " "))
      #expect(line.contains(mistake.summary))
      #expect(!mistake.chapters.isEmpty && mistake.chapters.allSatisfy { (0...7).contains($0) })
      #expect(line.count <= 120)
    }
  }

  @Test func namesAreParsed() throws {
    #expect(try MistakeOptions.parse([]).bug == nil)
    for mistake in Mistake.allCases {
      #expect(try MistakeOptions.parse(["--bug", mistake.rawValue]).bug == mistake.rawValue)
    }
  }

  @Test func anUnknownNameIsAClearError() throws {
    let error = try #require(throws: (any Error).self) {
      try MistakeOptions.parse(["--bug", "nope"])
    }
    let message = MistakeOptions.message(for: error)
    #expect(message.contains("'nope'") && message.contains("--bug list"))
    #expect(!MistakeOptions.exitCode(for: error).isSuccess)
  }

  @Test func theListEndsWithSuccess() throws {
    let error = try #require(throws: (any Error).self) {
      try MistakeOptions.parse(["--bug", "list"])
    }
    #expect(MistakeOptions.exitCode(for: error).isSuccess)
    #expect(MistakeOptions.fullMessage(for: error) == Mistake.list)
  }
}
