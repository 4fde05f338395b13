import Diffusion
import Files
import Foundation
import Networks
import Tensors

/// A trained diffusion model that draws pictures of named classes, wherever it diffuses: in a latent
/// space or in pixels.
public protocol PictureModel: ConditionalDenoiser where Value == Tensor {
  /// The names of the classes; the null label comes after them.
  var classes: [String] { get }
  /// The forward process that the denoiser is trained for.
  var diffusion: GaussianDiffusion { get }
  /// The shape of what is diffused for one picture: `[channels, height, width]`.
  var diffusedShape: Shape { get }

  /// The pictures `[batch, 3, 32, 32]` that belong to what the sampler ends with, so many at a time.
  func decode(_ z: Tensor, batchSize: Int) -> Tensor
}

extension PictureModel {
  /// The schedule of the forward process.
  public var schedule: NoiseSchedule { diffusion.schedule }

  /// The pictures that belong to what the sampler ends with.
  public func decode(_ z: Tensor) -> Tensor { decode(z, batchSize: 100) }
}

extension LatentDiffusionModel: PictureModel {
  public var classes: [String] { settings.classes }
}

/// A trained diffusion model of color pictures that works on the pixels themselves.
///
/// On disk it is `pixels.safetensors`, which says in its metadata what network it belongs to.
public struct PixelDiffusionModel: PictureModel {
  /// What the file says beside the weights.
  public struct Settings: Codable, Sendable, Equatable {
    public var model: ImageDiffusionModel.Settings
    /// The names of the classes, in the order of the labels.
    public var classes: [String]

    public init(model: ImageDiffusionModel.Settings, classes: [String]) {
      self.model = model
      self.classes = classes
    }
  }

  public static let file = "pixels.safetensors"

  public let model: ImageDiffusionModel
  public let classes: [String]

  public init(model: ImageDiffusionModel, classes: [String]) {
    self.model = model
    self.classes = classes
  }

  /// Makes a model whose first weights follow from `seed`.
  public init(_ settings: Settings, seed: UInt64) {
    self.init(model: ImageDiffusionModel(settings.model, seed: seed), classes: settings.classes)
  }

  /// Reads a model from its file, or from the folder that holds it.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or of another kind.
  public init(loading path: String) throws(Failure) {
    let path = NetworkFile.path(path, file: Self.file)
    let file = try Safetensors(reading: path)
    self.init(try NetworkFile.note(Settings.self, in: file, path: path), seed: 0)
    try file.assign(to: model.network.parameters, path: path)
  }

  /// Writes the weights with what is needed to read them.
  public func save(to path: String, format: NumberFormat = .float32) throws(Failure) {
    let settings = Settings(model: model.settings, classes: classes)
    try model.network.saveWeights(to: path, format: format, metadata: NetworkFile.notes(settings))
  }

  public var nullLabel: Int { model.nullLabel }
  public var diffusion: GaussianDiffusion { model.diffusion }
  public var diffusedShape: Shape { Shape(model.shape(1).dropFirst()) }

  public func noise(_ xt: Tensor, t: Int, labels: [Int]) -> Tensor {
    model.noise(xt, t: t, labels: labels)
  }

  public func decode(_ z: Tensor, batchSize: Int) -> Tensor { z }
}
