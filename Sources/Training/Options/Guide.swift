import Diffusion
import Files
import Foundation
import Learning
import Models
import Networks
import Probability

extension SamplingOptions {
  /// The weaker model that guides `model`, if there is one.
  ///
  /// - Throws: `Failure` if it is no denoiser of the same data, classes and schedule.
  func guide(of model: LatentDiffusionModel) throws -> DiffusionModel<UNet>? {
    guard let guide else { return nil }
    let weaker = try Self.model(at: guide, isLatent: model.isLatent)
    func check<Value: Equatable>(_ name: String, _ found: Value, _ expected: Value) throws {
      if found == expected { return }
      throw Failure(
        guide, .otherConfiguration, "has \(name) \(found), the model that it guides \(expected)",
        remedy: "let --guide name a model of the same data")
    }
    let (found, expected) = (weaker.configuration.denoiser, model.configuration.denoiser)
    try check("samples of shape", weaker.denoiser.sampleShape, model.denoiser.sampleShape)
    try check("the classes", weaker.classes, model.classes)
    try check("a T of", found.steps, expected.steps)
    try check("a first β of", found.firstBeta, expected.firstBeta)
    try check("a last β of", found.lastBeta, expected.lastBeta)
    return weaker.denoiser
  }

  /// Reads the model at `path`: a run, a folder of weights, a file of weights, or a checkpoint in the
  /// folder of its run.
  private static func model(at path: String, isLatent: Bool) throws -> LatentDiffusionModel {
    if let metadata = try? Safetensors.metadata(at: path), metadata["run"] != nil {
      return try model(ofCheckpoint: path)
    }
    return isLatent
      ? try LatentDiffusionModel(loadingDenoiser: path, autoencoder: nil)
      : try LatentDiffusionModel(loadingPixels: path)
  }

  /// The model with the averaged weights of a checkpoint.
  private static func model(ofCheckpoint path: String) throws -> LatentDiffusionModel {
    let checkpoints = URL(filePath: path).deletingLastPathComponent()
    let folder = try RunFolder(opening: checkpoints.deletingLastPathComponent().path)
    let configuration =
      switch try folder.configuration(as: AnyRun.self).stage {
      case .denoiser: try folder.configuration(as: DenoiserConfiguration.self).model
      case .pixels: try folder.configuration(as: PixelConfiguration.self).model
      case .autoencoder, .classifier:
        throw Failure(
          path, .otherConfiguration, "is a checkpoint of another network than a denoiser",
          remedy: "name one of a run of train-denoiser or train-pixels")
      }
    let network = UNet(configuration.denoiser.network, generator: RandomGenerator(seed: 0))
    let averages = try Checkpoint.averages(of: network.parameters, at: path)
    for (parameter, value) in zip(network.parameters, averages) { parameter.value = value }
    return LatentDiffusionModel(
      autoencoder: nil, network: network, configuration: configuration)
  }
}
