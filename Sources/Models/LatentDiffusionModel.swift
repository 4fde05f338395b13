import Diffusion
import Networks
import Tensors

/// A class-conditional diffusion model of images that diffuses the latents of an autoencoder
/// (Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022).
///
/// Without an autoencoder it diffuses the pixels, like LDM-1 in the paper (section 4.1).
public struct LatentDiffusionModel: Sendable {
  /// The configuration of a model without its autoencoder, as files store it.
  public struct Configuration: Codable, Sendable, Equatable {
    public var denoiser: DiffusionModel<UNet>.Configuration
    /// The factor that scales latents to unit variance; nil for a model of pixels.
    public var latentScale: Double?
    /// The names of the classes; the null label follows them.
    public var classes: [String]

    public init(
      denoiser: DiffusionModel<UNet>.Configuration, latentScale: Double? = nil, classes: [String]
    ) {
      self.denoiser = denoiser
      self.latentScale = latentScale
      self.classes = classes
    }

    private enum CodingKeys: String, CodingKey {
      case latentScale, classes
      case denoiser = "model"
    }

    /// Reads a configuration. Files of pixel models store the denoiser's configuration under `model`;
    /// in files of latent models its entries are at the top level.
    public init(from decoder: any Decoder) throws {
      let keys = try decoder.container(keyedBy: CodingKeys.self)
      denoiser =
        keys.contains(.denoiser)
        ? try keys.decode(DiffusionModel<UNet>.Configuration.self, forKey: .denoiser)
        : try DiffusionModel<UNet>.Configuration(from: decoder)
      latentScale = try keys.decodeIfPresent(Double.self, forKey: .latentScale)
      classes = try keys.decode([String].self, forKey: .classes)
    }

    public func encode(to encoder: any Encoder) throws {
      var keys = encoder.container(keyedBy: CodingKeys.self)
      if latentScale == nil {
        try keys.encode(denoiser, forKey: .denoiser)
      } else {
        try denoiser.encode(to: encoder)
      }
      try keys.encodeIfPresent(latentScale, forKey: .latentScale)
      try keys.encode(classes, forKey: .classes)
    }
  }

  /// The model of the scaled latents, or of the pixels.
  public let denoiser: DiffusionModel<UNet>
  public let configuration: Configuration
  private let trainedAutoencoder: Autoencoder?

  /// Creates a model of a trained autoencoder and a U-Net.
  ///
  /// - Parameter autoencoder: nil for a model of pixels, or if nothing is encoded or decoded.
  public init(autoencoder: Autoencoder?, network: UNet, configuration: Configuration) {
    trainedAutoencoder = autoencoder
    self.configuration = configuration
    denoiser = DiffusionModel(network, configuration.denoiser)
  }

  /// Whether the model diffuses latents, not pixels.
  public var isLatent: Bool { configuration.latentScale != nil }

  /// The trained autoencoder of a model of latents.
  public var autoencoder: Autoencoder {
    guard let trainedAutoencoder else { fatalError("the model has no autoencoder") }
    return trainedAutoencoder
  }

  /// The names of the classes, in the order of the labels.
  public var classes: [String] { configuration.classes }
  /// The label that means "no class".
  public var nullLabel: Int { denoiser.nullLabel }
  /// The schedule of the forward process.
  public var schedule: NoiseSchedule { denoiser.schedule }
  /// The factor that scales latents to unit variance; 1 for pixels.
  public var latentScale: Double { configuration.latentScale ?? 1 }

  /// Decodes scaled latents, in batches of `batchSize`; pixels are returned unchanged.
  ///
  /// - Parameter z: `[batch, channels, height, width]`, as a sampler returns them.
  /// - Returns: Images `[batch, 3, height, width]`.
  public func decode(_ z: Tensor, batchSize: Int = 100) -> Tensor {
    guard isLatent else { return z }
    return z.mapBatches(of: batchSize) { part in
      part.inStableBatch { autoencoder.decode(.sum((1 / latentScale, $0))) }
    }
  }
}
