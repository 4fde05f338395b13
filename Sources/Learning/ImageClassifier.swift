import Autodiff
import Files
import Networks
import Probability
import Tensors

/// A trained classifier with the names of its classes.
///
/// On disk it is `classifier.safetensors`, which says in its metadata what network it belongs to.
public struct ImageClassifier: Sendable {
  /// What the file says beside the weights.
  public struct Settings: Codable, Sendable, Equatable {
    public var network: Classifier.Configuration
    /// The names of the classes, in the order of the labels.
    public var classes: [String]

    public init(network: Classifier.Configuration, classes: [String]) {
      self.network = network
      self.classes = classes
    }
  }

  public static let file = "classifier.safetensors"

  public let network: Classifier
  public let classes: [String]

  public init(network: Classifier, classes: [String]) {
    self.network = network
    self.classes = classes
  }

  /// Reads a classifier from its file, or from the folder that holds it.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or of another kind.
  public init(loading path: String) throws(Failure) {
    let path = NetworkFile.path(path, file: Self.file)
    let file = try Safetensors(reading: path)
    let settings = try NetworkFile.note(Settings.self, in: file, path: path)
    network = Classifier(settings.network, generator: RandomGenerator(seed: 0))
    classes = settings.classes
    try file.assign(to: network.parameters, path: path)
  }

  /// Writes the weights with what is needed to read them.
  public func save(to path: String, format: NumberFormat = .float32) throws(Failure) {
    let settings = Settings(network: network.configuration, classes: classes)
    try network.saveWeights(to: path, format: format, metadata: NetworkFile.notes(settings))
  }

  /// What the network makes of images, batch by batch: the average of what it says of each image and
  /// of its mirror image, which are of one class.
  ///
  /// - Parameters:
  ///   - count: The number of images.
  ///   - images: The images of a range, `[range.count, channels, height, width]` with values in
  ///     -1…1.
  ///   - mirrors: Whether mirror images are looked at too.
  ///   - progress: Called with the number of images that are done.
  /// - Returns: Feature vectors `[count, features]` and logits `[count, classes]`.
  public func evaluate(
    count: Int, batchSize: Int = 250, images: (Range<Int>) -> Tensor, mirrors: Bool = true,
    progress: (Int) -> Void = { _ in }
  ) -> (features: Tensor, logits: Tensor) {
    var parts: [(features: Tensor, logits: Tensor)] = []
    for start in stride(from: 0, to: count, by: batchSize) {
      let range = start..<min(start + batchSize, count)
      let x = images(range)
      let seen: (features: Tensor, logits: Tensor) = network(x)
      if mirrors {
        let turned: (features: Tensor, logits: Tensor) = network(x.mirrored())
        parts.append(
          (
            .sum((0.5, seen.features), (0.5, turned.features)),
            .sum((0.5, seen.logits), (0.5, turned.logits))
          ))
      } else {
        parts.append(seen)
      }
      progress(range.upperBound)
    }
    return (
      .concatenated(parts.map(\.features), along: 0), .concatenated(parts.map(\.logits), along: 0)
    )
  }
}

/// The loss of a classifier: the cross-entropy of labels that are believed only in part.
public struct ClassificationLoss: Sendable {
  /// The share of each label that is spread over all classes.
  public let smoothing: Double

  /// The names of the parts: the cross-entropy with the labels as they are, in nats, and the share
  /// of images that are named right.
  public static let partNames = ["cross_entropy", "accuracy"]

  public init(smoothing: Double) { self.smoothing = smoothing }

  /// The loss on `images`, `[batch, channels, height, width]` with values in -1…1.
  public func callAsFunction(
    _ network: Classifier, images: Tensor, labels: [Int], tape: Tape
  ) -> BatchLoss {
    let output: Classifier.Output = network(tape.constant(images))
    let logits = output.logits
    let right = zip(logits.value.indicesOfMaximum(), labels).filter { $0 == $1 }.count
    let plain = crossEntropy(Tape(recording: false).constant(logits.value), labels: labels)
    return BatchLoss(
      crossEntropy(logits, labels: labels, smoothing: Float(smoothing)),
      parts: [
        "cross_entropy": Double(plain.scalar),
        "accuracy": Double(right) / Double(labels.count),
      ], images: labels.count)
  }
}
