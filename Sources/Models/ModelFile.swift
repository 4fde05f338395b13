import Files
import Foundation
import Networks
import Probability
import Tensors

/// Files of trained models: the weights in the safetensors format with the names of
/// diffusers, and the configuration of the model as JSON in the metadata.
public enum ModelFile {
  public static let autoencoder = "autoencoder.safetensors"
  public static let denoiser = "denoiser.safetensors"
  public static let pixels = "pixels.safetensors"
  public static let classifier = "classifier.safetensors"

  /// Writes the weights of a network and the configuration that is needed to read them.
  ///
  /// - Throws: `Failure` of kind `unwritable`.
  public static func save(
    _ network: some Module, configuration: some Encodable, to path: String,
    format: NumberFormat = .float32
  ) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(configuration) else {
      fatalError("a configuration is always encodable")
    }
    // Readers for PyTorch require `format: pt`.
    let notes = ["configuration": String(decoding: data, as: UTF8.self), "format": "pt"]
    try Safetensors(tensors: namedTensors(network.parameters), metadata: notes)
      .write(to: path, format: format)
  }

  /// Reads a model from its file.
  ///
  /// - Parameters:
  ///   - path: The file, or the folder that contains it under the name `name`.
  ///   - make: Creates the model of a configuration, and returns it with the network whose weights
  ///     the file contains.
  /// - Throws: `Failure` if the file is missing, damaged, or of another kind.
  static func load<Configuration: Decodable, Model>(
    _ name: String, at path: String,
    _ make: (Configuration) -> (model: Model, network: any Module)
  ) throws(Failure) -> Model {
    let path = isFolder(path) ? "\(path)/\(name)" : path
    let file = try Safetensors(reading: path)
    let (model, network) = make(try configuration(in: file, path: path))
    try file.assign(to: network.parameters, path: path)
    return model
  }

  private static func configuration<Configuration: Decodable>(
    in file: Safetensors, path: String
  ) throws(Failure) -> Configuration {
    guard let text = file.metadata["configuration"],
      let value = try? JSONDecoder().decode(Configuration.self, from: Data(text.utf8))
    else {
      throw Failure(
        path, .otherConfiguration, "does not say what network of this course its weights are for",
        remedy: "name a folder that train-autoencoder, train-denoiser, train-classifier or export "
          + "wrote")
    }
    return value
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue
  }
}

extension Autoencoder {
  /// Reads an autoencoder from its file, or from the folder that contains it.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or of another kind.
  public init(loading path: String) throws(Failure) {
    self = try ModelFile.load(ModelFile.autoencoder, at: path) { (c: Configuration) in
      let model = Autoencoder(c, generator: RandomGenerator(seed: 0))
      return (model, model)
    }
  }

  /// Writes the weights and the configuration.
  public func save(to path: String, format: NumberFormat = .float32) throws(Failure) {
    try ModelFile.save(self, configuration: configuration, to: path, format: format)
  }
}

extension ImageClassifier {
  /// Reads a classifier from its file, or from the folder that contains it.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or of another kind.
  public init(loading path: String) throws(Failure) {
    self = try ModelFile.load(ModelFile.classifier, at: path) { (c: Configuration) in
      let network = ResNet(c.network, generator: RandomGenerator(seed: 0))
      return (ImageClassifier(network: network, classes: c.classes), network)
    }
  }

  /// Writes the weights and the configuration.
  public func save(to path: String, format: NumberFormat = .float32) throws(Failure) {
    try ModelFile.save(network, configuration: configuration, to: path, format: format)
  }
}

extension LatentDiffusionModel {
  /// Reads a model from a folder: a model of latents, with the autoencoder and the denoiser, or a model
  /// of pixels if the folder contains no denoiser of latents.
  ///
  /// - Throws: `Failure` if a file is missing, damaged, or of another kind.
  public init(loading folder: String) throws(Failure) {
    func holds(_ file: String) -> Bool {
      FileManager.default.fileExists(atPath: "\(folder)/\(file)")
    }
    if holds(ModelFile.pixels), !holds(ModelFile.denoiser) {
      try self.init(loadingPixels: folder)
    } else {
      let autoencoder = try Autoencoder(loading: "\(folder)/\(ModelFile.autoencoder)")
      try self.init(loadingDenoiser: folder, autoencoder: autoencoder)
    }
  }

  /// Reads a model of pixels from its file, or from the folder that contains it.
  public init(loadingPixels path: String) throws(Failure) {
    self = try Self.load(ModelFile.pixels, at: path, autoencoder: nil)
  }

  /// Reads a denoiser of latents from its file, or from the folder that contains it.
  ///
  /// - Parameter autoencoder: The autoencoder of the latents; nil if nothing is decoded.
  public init(loadingDenoiser path: String, autoencoder: Autoencoder?) throws(Failure) {
    self = try Self.load(ModelFile.denoiser, at: path, autoencoder: autoencoder)
  }

  private static func load(
    _ name: String, at path: String, autoencoder: Autoencoder?
  ) throws(Failure) -> Self {
    try ModelFile.load(name, at: path) { (c: Configuration) in
      let network = UNet(c.denoiser.network, generator: RandomGenerator(seed: 0))
      return (
        LatentDiffusionModel(autoencoder: autoencoder, network: network, configuration: c), network
      )
    }
  }

  /// Writes the denoiser's weights and the configuration, not the autoencoder.
  public func save(to path: String, format: NumberFormat = .float32) throws(Failure) {
    try ModelFile.save(denoiser.network, configuration: configuration, to: path, format: format)
  }

  /// The name of the denoiser's file in a folder of weights.
  public var fileName: String {
    configuration.latentScale == nil ? ModelFile.pixels : ModelFile.denoiser
  }
}
