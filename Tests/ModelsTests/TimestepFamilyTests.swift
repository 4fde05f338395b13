import Diffusion
import Foundation
import Models
import Networks
import Probability
import TestSupport
import Testing

/// Distributions of the step t that are Gaussian in a function of it.
@Suite struct TimestepFamilyTests {
  private let linear = NoiseSchedule.linear()

  private func masses(_ distribution: TimestepDistribution, _ steps: Int) -> [Double] {
    (1...steps).map { distribution.probability(of: $0, steps: steps) }
  }

  @Test func logNormalStepsHaveTheMeanAndVarianceOfTheLogarithmOfSigma() {
    for (mean, standardDeviation) in [(-0.4, 1.0), (0.3, 0.7)] {
      let masses = masses(
        .logNormal(mean: mean, standardDeviation: standardDeviation, schedule: linear), 1000)
      expect(masses.reduce(0, +), equals: 1, within: 1e-12)
      #expect(masses.allSatisfy { $0 >= 0 })
      let logSigmas = (1...1000).map { log(linear.sigmaVE($0)) }
      let first = zip(masses, logSigmas).reduce(0) { $0 + $1.0 * $1.1 }
      let second = zip(masses, logSigmas).reduce(0) { $0 + $1.0 * ($1.1 - first) * ($1.1 - first) }
      // The tails beyond the first and the last step are at these, and steps are intervals.
      expect(first, equals: mean, within: 1e-3)
      expect(second.squareRoot(), equals: standardDeviation, within: 1e-3)
    }
  }

  @Test func logNormalStepsAreThoseNearestToGaussianSamples() {
    let schedule = NoiseSchedule.cosine(steps: 10)
    let masses = masses(.logNormal(mean: 0.2, standardDeviation: 1.5, schedule: schedule), 10)
    var random = RandomGenerator(seed: 3)
    var counts = [Double](repeating: 0, count: 10)
    let count = 20_000
    let logSigmas = (1...10).map { log(schedule.sigmaVE($0)) }
    for _ in 0..<count {
      let value = 0.2 + 1.5 * random.normal()
      let nearest = logSigmas.indices.min {
        abs(logSigmas[$0] - value) < abs(logSigmas[$1] - value)
      }
      counts[nearest ?? 0] += 1
    }
    for (mass, hits) in zip(masses, counts) {
      let error = (mass * (1 - mass) / Double(count)).squareRoot()
      expect(hits / Double(count), equals: mass, within: 4 * error + 1e-9)
    }
  }

  @Test func logitNormalStepsAreSymmetricAndConcentrateInTheMiddle() {
    let masses = masses(.logitNormal(mean: 0, standardDeviation: 1, steps: 1000), 1000)
    expect(masses.reduce(0, +), equals: 1, within: 1e-12)
    for t in 1...1000 { expect(masses[t - 1], equals: masses[1000 - t], within: 1e-14) }
    // The probability of u below 1/10 is that of a Gaussian variable below -log 9.
    expect(
      masses.prefix(100).reduce(0, +), equals: StandardNormal.cdf(-log(9.0)), within: 1e-12)
  }

  @Test func aDistributionIsReadFromItsText() throws {
    typealias Configuration = TimestepDistribution.Configuration
    for text in ["uniform", "log-normal:-0.4,1.0", "logit-normal:0.5,2.0"] {
      let value = try #require(Configuration(rawValue: text))
      #expect(value.description == text)
      let data = try JSONEncoder().encode([value])
      #expect(String(decoding: data, as: UTF8.self) == "[\"\(text)\"]")
      #expect(try JSONDecoder().decode([Configuration].self, from: data) == [value])
    }
    #expect(
      Configuration(rawValue: "logit-normal") == .logitNormal(mean: 0, standardDeviation: 1))
    for text in ["", "normal", "uniform:1", "log-normal:", "log-normal:1", "log-normal:0,0"] {
      #expect(Configuration(rawValue: text) == nil, "\(text)")
    }
  }

  @Test func aModelHasTheStepsAndWeightsOfItsConfiguration() throws {
    var settings = DiffusionModel<UNet>.Configuration.smallImages(classes: 2)
    settings.timesteps = .logNormal(mean: -0.4, standardDeviation: 1)
    settings.weighting = .minSNR(gamma: 5)
    let data = try JSONEncoder().encode(settings)
    let read = try JSONDecoder().decode(DiffusionModel<UNet>.Configuration.self, from: data)
    #expect(read == settings)
    let model = DiffusionModel<UNet>(read, seed: 1)
    #expect(
      model.timesteps
        == .logNormal(mean: -0.4, standardDeviation: 1, schedule: settings.schedule))
    #expect(model.lossWeights?.count == settings.steps)
  }

  @Test func filesOfOlderModelsHaveUniformStepsAndNoWeights() throws {
    let settings = DiffusionModel<UNet>.Configuration.smallImages(classes: 2)
    let data = try JSONEncoder().encode(settings)
    var text = String(decoding: data, as: UTF8.self)
    for part in ["\"timesteps\":\"uniform\"", "\"weighting\":\"none\""] {
      #expect(text.contains(part))
      text = text.replacing("\(part),", with: "").replacing(",\(part)", with: "")
      #expect(!text.contains(part))
    }
    let read = try JSONDecoder().decode(
      DiffusionModel<UNet>.Configuration.self, from: Data(text.utf8))
    #expect(read == settings)
    #expect(DiffusionModel<UNet>(read, seed: 1).lossWeights == nil)
  }
}
