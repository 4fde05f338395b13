import Autodiff
import Files
import Learning
import Networks
import Probability
import Tensors
import Testing

private let seed = RandomGenerator(seed: 1)

@Test func uNetWithAttentionAndClassesAgreesWithDiffusers() throws {
  let network = UNet(
    .init(
      inputChannels: 3, outputChannels: 2, channels: [8, 16], layersPerLevel: 1,
      attention: [true, true], headWidth: 4, groups: 4, classes: 3), generator: seed)
  try compare(network, with: "unet-attention") { tape in
    let output = network(tape.constant(wave("input", [2, 3, 8, 6])), t: [3, 700], labels: [2, 0])
    let target = tape.constant(wave("target", [2, 2, 8, 6]))
    return (meanSquaredError(output, target), ["output": output])
  }
}

@Test func plainUNetAgreesWithDiffusers() throws {
  let network = UNet(
    .init(
      inputChannels: 3, outputChannels: 2, channels: [8, 12], layersPerLevel: 2,
      attention: [false, false], middleAttention: false, groups: 4), generator: seed)
  try compare(network, with: "unet-plain") { tape in
    let output = network(tape.constant(wave("input", [2, 3, 8, 6])), t: [3, 700])
    let target = tape.constant(wave("target", [2, 2, 8, 6]))
    return (meanSquaredError(output, target), ["output": output])
  }
}

@Test func autoencoderAgreesWithDiffusers() throws {
  let network = Autoencoder(.init(channels: [4, 8, 12], groups: 4), generator: seed)
  try compare(network, with: "autoencoder") { tape in
    let x = tape.constant(wave("input", [2, 3, 16, 12]))
    let (mean, logVariance) = network.encode(x)
    let noise = tape.constant(wave("noise", [2, 4, 4, 3]))
    let output = network.decode(mean + exp(logVariance * 0.5) * noise)
    let divergence = (square(mean) + exp(logVariance) - logVariance - 1).mean() * 0.5
    let loss = meanAbsoluteError(output, x) + divergence * 0.1
    return (loss, ["mean": mean, "log_variance": logVariance, "output": output])
  }
}

// MARK: - Names and shapes

/// Expects the parameters to be those that diffusers lists in `parameters-<file>.txt`.
private func expectParameters(_ network: some Module, _ file: String, count: Int) throws {
  let text = try AtomicFile.read("\(fixtures)/parameters-\(file).txt")
  let expected = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  let found = network.parameters.map { parameter in
    "\(parameter.name) \(parameter.value.shape.map(String.init).joined(separator: "x"))"
  }
  #expect(found.sorted() == expected.sorted())
  #expect(network.parameterCount == count)
}

@Test func smallLatentUNetHasTheParametersOfDiffusers() throws {
  try expectParameters(UNet(.init(classes: 11), generator: seed), "unet-small", count: 2_849_860)
}

@Test func baseLatentUNetHasTheParametersOfDiffusers() throws {
  let network = UNet(
    .init(channels: [128, 256], layersPerLevel: 2, classes: 11), generator: seed)
  try expectParameters(network, "unet-base", count: 16_270_340)
}

@Test func uNetOfPlainAndAttendingLevelsHasTheParametersOfDiffusers() throws {
  let network = UNet(
    .init(
      inputChannels: 3, outputChannels: 3, channels: [32, 64, 96], layersPerLevel: 2,
      attention: [false, true, false], headWidth: nil), generator: seed)
  try expectParameters(network, "unet-mixed", count: 2_504_003)
}

@Test func autoencoderHasTheParametersOfDiffusers() throws {
  try expectParameters(Autoencoder(.init(), generator: seed), "autoencoder", count: 2_702_087)
  let plain = Autoencoder(
    .init(channels: [16, 32], middleAttention: false, latentMaps: false), generator: seed)
  try expectParameters(plain, "autoencoder-plain", count: 159_291)
}
