import Autodiff
import Networks
import Tensors

/// A classifier of clean images with the names of its classes, for evaluation: its accuracy and its
/// feature vectors measure generated images.
public struct ImageClassifier: Sendable {
  /// The configuration of a classifier, as files store it.
  public struct Configuration: Codable, Sendable, Equatable {
    public var network: ResNet.Configuration
    /// The names of the classes, in the order of the labels.
    public var classes: [String]

    public init(network: ResNet.Configuration, classes: [String]) {
      self.network = network
      self.classes = classes
    }
  }

  public let network: ResNet
  /// The names of the classes, in the order of the labels.
  public let classes: [String]

  public init(network: ResNet, classes: [String]) {
    self.network = network
    self.classes = classes
  }

  public var configuration: Configuration {
    Configuration(network: network.configuration, classes: classes)
  }

  /// Computes features and logits of images, each averaged over the image and its mirror image.
  ///
  /// - Parameters:
  ///   - count: The number of images.
  ///   - batchSize: The number of images in a batch.
  ///   - images: Returns the images of a range, `[range.count, channels, height, width]` with
  ///     values in -1…1.
  ///   - mirrors: Whether mirror images are evaluated too.
  ///   - progress: Called with the number of images evaluated so far.
  /// - Returns: Feature vectors `[count, features]` and logits `[count, classes]`.
  public func evaluate(
    count: Int, batchSize: Int = 250, images: (Range<Int>) -> Tensor, mirrors: Bool = true,
    progress: (Int) -> Void = { _ in }
  ) -> (features: Tensor, logits: Tensor) {
    let parts = (0..<count).batches(of: batchSize).map { range in
      let part = evaluate(images(range), mirrors: mirrors)
      progress(range.upperBound)
      return part
    }
    return (
      .concatenated(parts.map(\.features), along: 0), .concatenated(parts.map(\.logits), along: 0)
    )
  }

  private func evaluate(_ x: Tensor, mirrors: Bool) -> (features: Tensor, logits: Tensor) {
    let output: (features: Tensor, logits: Tensor) = network(x)
    guard mirrors else { return output }
    let mirrored: (features: Tensor, logits: Tensor) = network(x.mirrored())
    return (
      .sum((0.5, output.features), (0.5, mirrored.features)),
      .sum((0.5, output.logits), (0.5, mirrored.logits))
    )
  }

  // MARK: Training

  /// The names of the parts of the loss: the cross-entropy without smoothing, in nats, and the
  /// accuracy on the batch.
  public static let partNames = ["cross_entropy", "accuracy"]

  /// The cross-entropy of a batch with smoothed labels (label smoothing, Szegedy et al. 2016).
  ///
  /// - Parameters:
  ///   - images: `[batch, channels, height, width]` with values in -1…1.
  ///   - labels: One class per image.
  ///   - smoothing: The share of each label that is spread over all classes.
  public func loss(
    _ images: Tensor, labels: [Int], smoothing: Double = 0, tape: Tape
  ) -> BatchLoss {
    let output: ResNet.Output = network(tape.constant(images))
    let logits = output.logits
    let correct = zip(logits.value.indicesOfMaximum(), labels).count { $0 == $1 }
    let plain = crossEntropy(Tape(recording: false).constant(logits.value), labels: labels)
    return BatchLoss(
      crossEntropy(logits, labels: labels, smoothing: Float(smoothing)),
      parts: [
        "cross_entropy": Double(plain.scalar),
        "accuracy": Double(correct) / Double(labels.count),
      ], images: labels.count)
  }
}
