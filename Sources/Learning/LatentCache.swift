import Autodiff
import Files
import Foundation
import Models
import Networks
import Probability
import Tensors

/// Mean and standard deviation of the latent of every image of a data set and of its mirror image,
/// from which latents are sampled without encoding again.
///
/// Entry `i` belongs to image `i`, entry `imageCount + i` to its mirror image. The autoencoder is
/// frozen once latents are cached (Rombach et al., "High-resolution image synthesis with
/// latent diffusion models", 2022, section 3).
public struct LatentCache: Sendable {
  /// μ and σ of every entry, shape `[2 · images, channels, height, width]`.
  public let means: Tensor
  public let standardDeviations: Tensor
  /// The class of every entry.
  public let labels: [Int]

  /// The number of entries: twice the number of images.
  public var count: Int { labels.count }

  /// Encodes images and their mirror images.
  ///
  /// - Parameters:
  ///   - labels: the class of every image.
  ///   - images: the images of a range, shape `[range.count, 3, 32, 32]`, values in -1…1.
  ///   - progress: called with the number of entries that are done.
  public init(
    encoding labels: [Int], with autoencoder: Autoencoder, batchSize: Int = 256,
    images: (Range<Int>) -> Tensor, progress: (Int) -> Void = { _ in }
  ) {
    var parts: [(mean: Tensor, standardDeviation: Tensor)] = []
    for mirrored in [false, true] {
      for range in labels.indices.batches(of: batchSize) {
        let batch = mirrored ? images(range).mirrored() : images(range)
        parts.append(Self.encode(batch, with: autoencoder))
        progress((mirrored ? labels.count : 0) + range.upperBound)
      }
    }
    means = .concatenated(parts.map(\.mean), along: 0)
    standardDeviations = .concatenated(parts.map(\.standardDeviation), along: 0)
    self.labels = labels + labels
  }

  init(means: Tensor, standardDeviations: Tensor, labels: [Int]) {
    self.means = means
    self.standardDeviations = standardDeviations
    self.labels = labels
  }

  /// μ and σ of a batch of images.
  public static func encode(
    _ images: Tensor, with autoencoder: Autoencoder
  ) -> (mean: Tensor, standardDeviation: Tensor) {
    let posterior: (mean: Tensor, logVariance: Tensor) = autoencoder.encode(images)
    let standardDeviation = exp(0.5 * Tape(recording: false).constant(posterior.logVariance))
    return (posterior.mean, standardDeviation.value)
  }

  // MARK: Statistics

  /// Mean and variance of one channel's latents over all entries and places, or of all channels'.
  public struct Statistics: Sendable, Codable, Equatable {
    public let mean: Double
    public let variance: Double
    /// The number that brings latents to unit variance.
    public var scale: Double { 1 / variance.squareRoot() }
  }

  /// The statistics of drawn latents $z = \mu + \sigma\epsilon$ by channel: the variance of μ plus
  /// the mean of σ².
  public var channelStatistics: [Statistics] {
    let channels = means.shape[1]
    let places = means.shape[2] * means.shape[3]
    return (0..<channels).map { channel in
      var sum = 0.0
      var squares = 0.0
      unsafe means.withElements { m in
        unsafe standardDeviations.withElements { s in
          for entry in 0..<count {
            let start = (entry * channels + channel) * places
            for i in start..<start + places {
              unsafe sum += Double(m[i])
              unsafe squares += Double(m[i] * m[i] + s[i] * s[i])
            }
          }
        }
      }
      let n = Double(count * places)
      return Statistics(mean: sum / n, variance: squares / n - (sum / n) * (sum / n))
    }
  }

  /// The statistics over all channels.
  public var statistics: Statistics {
    let each = channelStatistics
    let n = Double(each.count)
    let mean = each.reduce(0) { $0 + $1.mean } / n
    let square = each.reduce(0) { $0 + $1.variance + $1.mean * $1.mean } / n
    return Statistics(mean: mean, variance: square - mean * mean)
  }

  // MARK: Drawing

  /// Draws a latent for each of `entries`, $z = s(\mu + \sigma\epsilon)$ with the factor `scale` as s.
  public func latents(_ entries: [Int], scale: Double, generator: RandomGenerator) -> Tensor {
    let each = means.count / max(1, count)
    let factor = Float(scale)
    var draws = generator
    return unsafe Tensor(uninitialized: [entries.count] + means.shape.dropFirst()) { z in
      unsafe means.withElements { m in
        unsafe standardDeviations.withElements { s in
          for (row, entry) in entries.enumerated() {
            for i in 0..<each {
              let noise = Float(draws.normal())
              unsafe z[row * each + i] =
                unsafe factor * (m[entry * each + i] + s[entry * each + i] * noise)
            }
          }
        }
      }
    }
  }

  // MARK: Files

  /// Writes the cache to `path`.
  ///
  /// - Parameter source: names the autoencoder and the images it was made of.
  public func write(to path: String, source: String) throws(Failure) {
    let classes = Tensor(labels.map(Float.init))
    let spread = standardDeviations
    try Safetensors(
      tensors: ["means": means, "deviations": spread, "labels": classes],  // vocabulary:quoted
      metadata: ["source": source]
    ).write(to: path)
  }

  /// Reads the cache at `path` if there is one that was made of `source`.
  public init?(reading path: String, source: String) throws(Failure) {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try Safetensors(reading: path)
    guard file.metadata["source"] == source, let means = file.tensor("means"),
      let standardDeviations = file.tensor("deviations"),  // vocabulary:quoted
      let labels = file.tensor("labels")
    else { return nil }
    self.init(
      means: means, standardDeviations: standardDeviations, labels: labels.elements.map { Int($0) })
  }
}
