import Autodiff
import Diffusion
import Files
import Foundation
import Networks
import Probability
import Tensors
import TestSupport
import Testing

@testable import Learning
import Models

private let small = Autoencoder.Configuration(channels: [8, 8, 8], groups: 4)

private func images(_ range: Range<Int>) -> Tensor {
  .normal([range.count, 3, 32, 32], streamsOf: RandomGenerator(seed: 5), from: range.lowerBound)
}

private func encoder() -> Autoencoder {
  Autoencoder(small, generator: RandomGenerator(seed: 1))
}

@Test func cachedLatentsAreFreshLatents() {
  let labels = [0, 1, 2, 3, 4]
  let cache = LatentCache(encoding: labels, with: encoder(), batchSize: 2, images: images)
  #expect(cache.count == 10 && cache.labels == labels + labels)
  let fresh = LatentCache.encode(images(0..<5), with: encoder())
  let twins = LatentCache.encode(images(0..<5).mirrored(), with: encoder())
  let largest =
    zip(cache.means.elements, fresh.mean.elements + twins.mean.elements)
    .map { abs($0 - $1) }.max() ?? 1
  #expect(largest < 1e-5)
  let spread =
    zip(
      cache.standardDeviations.elements,
      fresh.standardDeviation.elements + twins.standardDeviation.elements
    )
    .map { abs($0 - $1) }.max() ?? 1
  #expect(spread < 1e-5)
}

@Test func encodingLeavesTheAutoencoderAsItIs() {
  let autoencoder = encoder()
  let before = autoencoder.parameters.map(\.value.elements)
  _ = LatentCache(encoding: [0, 1], with: autoencoder, images: images)
  #expect(autoencoder.parameters.map(\.value.elements) == before)
}

@Test func mirroringTwiceIsNothing() {
  let x = images(0..<2)
  #expect(x.mirrored().mirrored().elements == x.elements)
  #expect(x.mirrored()[1, 2, 7, 0] == x[1, 2, 7, 31])
}

@Test func scaledLatentsHaveUnitVariance() {
  var draws = RandomGenerator(seed: 9)
  let means = 3 * Tensor.normal([2000, 4, 2, 2], using: &draws) + 0.5
  let standardDeviations = Tensor(repeating: 2, shape: means.shape)
  let cache = LatentCache(
    means: means, standardDeviations: standardDeviations, labels: [Int](repeating: 0, count: 2000))
  let statistics = cache.statistics
  #expect(abs(statistics.variance - 13) < 0.4)
  #expect(abs(statistics.mean - 0.5) < 0.1)
  let scaled = cache.latents(
    Array(0..<2000), scale: statistics.scale, generator: RandomGenerator(seed: 2)
  ).elements.map(Double.init)
  let mean = scaled.reduce(0, +) / Double(scaled.count)
  let square = scaled.reduce(0) { $0 + $1 * $1 } / Double(scaled.count)
  #expect(abs(square - mean * mean - 1) < 0.05)
  let channels: [LatentCache.Statistics] = cache.channelStatistics
  let squares: [Double] = channels.map { $0.variance + $0.mean * $0.mean }
  let pooled: Double = squares.reduce(0, +) / 4
  #expect(abs(pooled - statistics.mean * statistics.mean - statistics.variance) < 1e-9)
}

@Test func aCacheOfOtherImagesIsNotTaken() throws {
  try withTemporaryFolder { temporary in
    let path = "\(temporary)/latents.safetensors"
    #expect(try LatentCache(reading: path, source: "these") == nil)
    let cache = LatentCache(encoding: [7, 8], with: encoder(), images: images)
    try cache.write(to: path, source: "these")
    #expect(try LatentCache(reading: path, source: "others") == nil)
    let back = try #require(try LatentCache(reading: path, source: "these"))
    #expect(back.means.elements == cache.means.elements && back.labels == cache.labels)
  }
}

@Test func aModelIsReadBackWithItsNumbers() throws {
  try withTemporaryFolder { temporary in
    let network = UNet.Configuration(
      channels: [8, 16], headWidth: 8, groups: 4, classes: 4)
    let settings = LatentDiffusionModel.Configuration(
      denoiser: .init(network: network, size: 8, steps: 20), latentScale: 1.7,
      classes: ["a", "b", "c"])
    let model = LatentDiffusionModel(
      autoencoder: encoder(), network: UNet(network, generator: RandomGenerator(seed: 2)),
      configuration: settings)
    try model.autoencoder.save(to: "\(temporary)/autoencoder.safetensors")
    try model.save(to: "\(temporary)/denoiser.safetensors")
    let back = try LatentDiffusionModel(loading: temporary)
    #expect(back.configuration == settings && back.nullLabel == 3)
    let z = Tensor.normal([2, 4, 8, 8], streamsOf: RandomGenerator(seed: 3))
    #expect(
      back.denoiser.noise(z, t: 7, labels: [1, 3]) == model.denoiser.noise(z, t: 7, labels: [1, 3]))
    #expect(back.decode(z).elements == model.decode(z).elements)
    #expect(throws: Failure.self) {
      try Autoencoder(loading: "\(temporary)/denoiser.safetensors")
    }
  }
}

/// A network of zeros that is asked for the velocity says 0, which means the noise
/// sqrt(1 - alphaBar) z_t; the loss of the true velocity of unit latents is 1 at every t.
@Test func aDenoiserOfTheVelocityNamesTheNoise() {
  let network = UNet.Configuration(
    channels: [8, 16], headWidth: 8, groups: 4, classes: 4, startsAtZero: true)
  let model = LatentDiffusionModel(
    autoencoder: encoder(), network: UNet(network, generator: RandomGenerator(seed: 2)),
    configuration: LatentDiffusionModel.Configuration(
      denoiser: .init(
        network: network, size: 8, steps: 40, lastBeta: 0.2, prediction: .v),
      latentScale: 1, classes: ["a", "b", "c"]))
  let z = Tensor.normal([64, 4, 8, 8], streamsOf: RandomGenerator(seed: 3))
  let labels = (0..<64).map { $0 % 3 }
  let scale = Float(model.schedule.noiseScale(25))
  #expect(model.denoiser.noise(z, t: 25, labels: labels).largestDifference(from: scale * z) < 1e-5)
  let tape = Tape(recording: false)
  let loss = model.denoiser.loss(
    z, labels: labels, tape: tape, generator: RandomGenerator(seed: 4))
  // 16384 squares of standard normal numbers: 4 standard errors are 0.044.
  #expect(abs(Double(loss.total.scalar) - 1) < 0.044)
  let errors = model.denoiser.noiseErrors(
    on: z, labels: labels, at: [10, 30], generator: RandomGenerator(seed: 5))
  // The noise left over is sqrt(alphaBar) times the velocity.
  for (t, error) in zip([10, 30], errors) {
    #expect(abs(error / model.schedule.alphaBar(t) - 1) < 0.044)
  }
}

@Test func aModelOfPixelsIsReadBackWithItsNumbers() throws {
  try withTemporaryFolder { temporary in
    var settings = DiffusionModel<UNet>.Configuration.smallImages(channels: 3, classes: 2)
    settings.network.channels = [8, 16]
    settings.network.attention = [false, true]
    settings.network.headWidth = 8
    settings.network.startsAtZero = false
    let model = LatentDiffusionModel(
      autoencoder: nil, network: UNet(settings.network, generator: RandomGenerator(seed: 6)),
      configuration: .init(denoiser: settings, classes: ["a", "b"]))
    try model.save(to: "\(temporary)/\(ModelFile.pixels)")
    let back = try LatentDiffusionModel(loading: temporary)
    #expect(back.classes == ["a", "b"] && back.nullLabel == 2)
    #expect(back.denoiser.sampleShape == [3, 16, 16])
    let x = Tensor.normal([2, 3, 16, 16], streamsOf: RandomGenerator(seed: 3))
    let said = [model, back].map { $0.denoiser.noise(x, t: 7, labels: [1, 2]) }
    #expect(said[0] == said[1])
    #expect(back.decode(x).elements == x.elements)
    #expect(throws: Failure.self) { try LatentDiffusionModel(loading: "\(temporary)/none") }
  }
}
