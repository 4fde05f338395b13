import Autodiff
import Diffusion
import Files
import Foundation
import Networks
import Probability
import Tensors

/// A trained latent diffusion model: the decoder's autoencoder, the denoiser, and the numbers that
/// belong to them.
///
/// On disk it is a folder with `autoencoder.safetensors` and `denoiser.safetensors`, each of which
/// says in its metadata what network its weights belong to.
public struct LatentDiffusionModel: ConditionalDenoiser {
  /// What the denoiser's file says beside its weights.
  public struct Settings: Codable, Sendable, Equatable {
    public var network: UNet.Configuration
    /// The factor that brings latents to unit variance.
    public var latentScale: Double
    /// T, and the first and last β of the linear schedule.
    public var steps: Int
    public var firstBeta: Double
    public var lastBeta: Double
    /// The names of the classes; the null label comes after them.
    public var classes: [String]
    /// What the network was trained to say; the noise where the file does not tell.
    public var prediction: Prediction?

    public init(
      network: UNet.Configuration, latentScale: Double, steps: Int = 1000,
      firstBeta: Double = 1e-4, lastBeta: Double = 0.02, classes: [String],
      prediction: Prediction? = nil
    ) {
      self.prediction = prediction
      self.network = network
      self.latentScale = latentScale
      self.steps = steps
      self.firstBeta = firstBeta
      self.lastBeta = lastBeta
      self.classes = classes
    }

    /// The label that stands for "no class".
    public var nullLabel: Int { classes.count }

    /// The schedule of the forward process in latent space.
    public var schedule: NoiseSchedule { .linear(steps: steps, from: firstBeta, to: lastBeta) }
  }

  public let autoencoder: Autoencoder
  public let denoiser: UNet
  public let settings: Settings
  public var diffusion: GaussianDiffusion { GaussianDiffusion(settings.schedule) }

  public init(autoencoder: Autoencoder, denoiser: UNet, settings: Settings) {
    self.autoencoder = autoencoder
    self.denoiser = denoiser
    self.settings = settings
  }

  /// The extents of one latent: `[channels, height, width]`.
  public var diffusedShape: Shape { [settings.network.inputChannels, 8, 8] }

  /// What the network says of the noise in `zt`, given a label for each latent; the null label
  /// stands for none.
  public func noise(_ zt: Tensor, t: Int, labels: [Int]) -> Tensor {
    diffusion.convert(
      denoiser(zt, t: [t], labels: labels), from: settings.prediction ?? .noise, to: .noise, xt: zt,
      t: t)
  }

  /// The loss that the denoiser is trained with.
  public func loss(dropProbability: Double = 0.1) -> DenoisingLoss {
    DenoisingLoss(
      diffusion, nullLabel: nullLabel, dropProbability: dropProbability,
      prediction: settings.prediction ?? .noise)
  }

  public var nullLabel: Int { settings.nullLabel }

  /// The images of scaled latents, shape `[batch, 3, 32, 32]`: unscaled, then decoded, so many at a
  /// time.
  public func decode(_ z: Tensor, batchSize: Int) -> Tensor {
    let count = z.shape[0]
    let parts = stride(from: 0, to: count, by: batchSize).map { start -> Tensor in
      let some = z.entries(start..<min(start + batchSize, count))
      return autoencoder.decode(.sum((1 / settings.latentScale, some)))
    }
    return .concatenated(parts, along: 0)
  }

  // MARK: Files

  public static let autoencoderFile = "autoencoder.safetensors"
  public static let denoiserFile = "denoiser.safetensors"

  /// Reads a model from a folder.
  ///
  /// - Throws: `Failure` if a file is missing, damaged, or of another kind.
  public init(loading folder: String) throws(Failure) {
    autoencoder = try Self.autoencoder(at: "\(folder)/\(Self.autoencoderFile)")
    (denoiser, settings) = try Self.denoiser(at: folder)
  }

  /// Reads a denoiser and what belongs to it from its file, or from the folder that holds it.
  public static func denoiser(
    at path: String
  ) throws(Failure) -> (network: UNet, settings: Settings) {
    let path = NetworkFile.path(path, file: denoiserFile)
    let file = try Safetensors(reading: path)
    let settings = try NetworkFile.note(Settings.self, in: file, path: path)
    let network = UNet(settings.network, generator: RandomGenerator(seed: 0))
    try file.assign(to: network.parameters, path: path)
    return (network, settings)
  }

  /// Reads an autoencoder from its file, or from the folder that holds it.
  public static func autoencoder(at path: String) throws(Failure) -> Autoencoder {
    let path = NetworkFile.path(path, file: autoencoderFile)
    let file = try Safetensors(reading: path)
    let configuration = try NetworkFile.note(Autoencoder.Configuration.self, in: file, path: path)
    let autoencoder = Autoencoder(configuration, generator: RandomGenerator(seed: 0))
    try file.assign(to: autoencoder.parameters, path: path)
    return autoencoder
  }

  /// Writes an autoencoder's weights with what is needed to read them.
  public static func save(
    _ autoencoder: Autoencoder, to path: String, format: NumberFormat = .float32
  ) throws(Failure) {
    try autoencoder.saveWeights(
      to: path, format: format, metadata: NetworkFile.notes(autoencoder.configuration))
  }

  /// Writes a denoiser's weights with what is needed to read them.
  public static func save(
    _ denoiser: UNet, settings: Settings, to path: String, format: NumberFormat = .float32
  ) throws(Failure) {
    try denoiser.saveWeights(to: path, format: format, metadata: NetworkFile.notes(settings))
  }
}
