import Autodiff
import Datasets
import Models
import Networks
import Probability
import Tensors

/// What an autoencoder preserves of images.
public struct AutoencoderMeasurement: Sendable {
  /// The measurements by name.
  public let values: [String: Double]

  /// The names of the measurements that need no classifier.
  public static let names = [
    "psnr_mean", "psnr_sampled", "ssim_mean", "ssim_sampled", "l1", "kl_per_number",
    "active_units",
  ]

  /// Measures an autoencoder on the first `count` of `images`.
  ///
  /// The peak signal-to-noise ratio in dB and the structural similarity of reconstructions from the
  /// mean and from a sampled latent, averaged over images; the absolute error summed over an image;
  /// the KL divergence in nats per dimension of the latent; the number of active dimensions of the
  /// latent; and, given a `classifier`, the accuracy of its predictions on reconstructions from
  /// sampled latents.
  public init(
    _ autoencoder: Autoencoder, _ images: LabeledImages, count: Int, classifier: ResNet? = nil
  ) {
    var sums: [String: Double] = [:]
    func add(_ name: String, _ values: [Double]) { sums[name, default: 0] += values.reduce(0, +) }
    var means: [Tensor] = []
    for start in stride(from: 0, to: count, by: 200) {
      let range = start..<min(start + 200, count)
      let x = images.tensor(Array(range))
      let (mean, logVariance) = autoencoder.encode(x)
      means.append(mean)
      let fromMean = autoencoder.decode(mean)
      let sampled = autoencoder.decode(Self.sample(mean, logVariance, from: start))
      add("psnr_mean", peakSignalToNoise(fromMean, x))
      add("psnr_sampled", peakSignalToNoise(sampled, x))
      add("ssim_mean", structuralSimilarity(fromMean, x))
      add("ssim_sampled", structuralSimilarity(sampled, x))
      add("l1", [sampled.absoluteDifference(x)])
      add("kl_per_number", [Self.divergence(mean, logVariance)])
      if let classifier {
        let predicted = classifier(sampled).logits.indicesOfMaximum()
        add("accuracy", zip(range, predicted).map { images.labels[$0] == $1 ? 1 : 0 })
      }
    }
    var values = sums.mapValues { $0 / Double(count) }
    values["active_units"] = Double(Self.activeUnits(.concatenated(means, along: 0)))
    self.values = values
  }

  /// Reconstructs images `x` from sampled latents; the first image is number `start` of its set and
  /// uses that random stream.
  public static func reconstructed(
    _ autoencoder: Autoencoder, _ x: Tensor, from start: Int
  ) -> Tensor {
    let (mean, logVariance) = autoencoder.encode(x)
    return autoencoder.decode(sample(mean, logVariance, from: start))
  }

  private static func sample(_ mean: Tensor, _ logVariance: Tensor, from start: Int) -> Tensor {
    let noise = Tensor.normal(mean.shape, streamsOf: RandomGenerator(seed: 1), from: start)
    let tape = Tape(recording: false)
    return VariationalLoss.sample(
      mean: tape.constant(mean), logVariance: tape.constant(logVariance),
      noise: tape.constant(noise)
    ).value
  }

  /// The KL divergence of a batch, in nats per dimension of a latent, summed over the images.
  private static func divergence(_ mean: Tensor, _ logVariance: Tensor) -> Double {
    let tape = Tape(recording: false)
    let all = VariationalLoss.klDivergence(
      mean: tape.constant(mean), logVariance: tape.constant(logVariance))
    return Double(all.value.scalar) * Double(mean.shape[0]) / Double(mean.count)
  }

  /// The number of dimensions of a latent whose mean varies over images, by more than 0.01 (Burda,
  /// Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, section 5.2).
  private static func activeUnits(_ means: Tensor) -> Int {
    means.variance(axes: [0]).elements.filter { $0 > 0.01 }.count
  }
}
