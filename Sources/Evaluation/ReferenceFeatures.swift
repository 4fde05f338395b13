import Autodiff
import Datasets
import Files
import Foundation
import Learning
import Models
import Tensors

/// A classifier's outputs for a set of images, with the classes that the images are meant to be of.
public struct ClassifierOutputs: Sendable {
  /// Feature vectors, `[count, width]`.
  public let features: Tensor
  /// Logits, `[count, classes]`.
  public let logits: Tensor
  /// The intended class of each image.
  public let labels: [Int]

  public init(features: Tensor, logits: Tensor, labels: [Int]) {
    (self.features, self.logits, self.labels) = (features, logits, labels)
  }

  /// Evaluates `classifier` on images and on their mirror images.
  ///
  /// - Parameters:
  ///   - images: the images of a range, `[range.count, channels, height, width]`.
  ///   - progress: called with the number of images done.
  public init(
    of labels: [Int], by classifier: ImageClassifier, images: (Range<Int>) -> Tensor,
    progress: (Int) -> Void = { _ in }
  ) {
    let outputs = classifier.evaluate(count: labels.count, images: images, progress: progress)
    self.init(features: outputs.features, logits: outputs.logits, labels: labels)
  }

  /// The number of images.
  public var count: Int { labels.count }

  /// The outputs for the first `count` images.
  public func prefix(_ count: Int) -> ClassifierOutputs {
    let range = 0..<min(count, self.count)
    return ClassifierOutputs(
      features: features.slice(range), logits: logits.slice(range), labels: Array(labels[range]))
  }
}

/// A classifier and its outputs for the real images that other sets are compared with.
public struct ReferenceFeatures: Sendable {
  public let classifier: ImageClassifier
  public let training: ClassifierOutputs
  public let test: ClassifierOutputs
  private let frechet: FrechetDistance

  /// Evaluates `classifier` on real images, or reads at `path` the outputs computed before.
  ///
  /// - Parameters:
  ///   - digest: a name of these very images: a file made of others is written anew.
  ///   - progress: called with the number of images done, and with that of all.
  /// - Throws: `Failure` if the file is damaged or cannot be written.
  public init(
    _ classifier: ImageClassifier, training: LabeledImages, test: LabeledImages,
    digest: String, cache path: String, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    self.classifier = classifier
    let source = "\(digest) \(weightsDigest(classifier.network.parameters)) both views"
    let known = try Self.read(path, source: source, training, test)
    let count = training.count + test.count
    func outputs(_ images: LabeledImages, after done: Int) -> ClassifierOutputs {
      ClassifierOutputs(
        of: images.labels, by: classifier, images: { images.tensor(Array($0)) },
        progress: { progress(done + $0, count) })
    }
    self.training = known?.training ?? outputs(training, after: 0)
    self.test = known?.test ?? outputs(test, after: training.count)
    frechet = FrechetDistance(from: self.training.features)
    if known == nil { try write(to: path, source: source) }
  }

  private static func read(
    _ path: String, source: String, _ training: LabeledImages, _ test: LabeledImages
  ) throws -> (training: ClassifierOutputs, test: ClassifierOutputs)? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try Safetensors(reading: path)
    func part(_ name: String, _ labels: [Int]) -> ClassifierOutputs? {
      guard let features = file.tensor("\(name) features"),
        let logits = file.tensor("\(name) logits"), features.shape[0] == labels.count
      else { return nil }
      return ClassifierOutputs(features: features, logits: logits, labels: labels)
    }
    guard file.metadata["source"] == source, let training = part("training", training.labels),
      let test = part("test", test.labels)
    else { return nil }
    return (training, test)
  }

  private func write(to path: String, source: String) throws {
    let tensors = [
      "training features": training.features, "training logits": training.logits,
      "test features": test.features, "test logits": test.logits,
    ]
    try Safetensors(tensors: tensors, metadata: ["source": source]).write(to: path)
  }

  /// Compares a set of images with the training images, by all measures.
  ///
  /// - Throws: `LinearAlgebraError` if an eigenvalue problem has no solution, as with a NaN.
  public func measure(_ images: ClassifierOutputs) throws -> ImageSetMeasurement {
    let most = min(images.count, training.count, 10_000)
    return ImageSetMeasurement(
      count: images.count, accuracy: ClassAccuracy(logits: images.logits, labels: images.labels),
      frechet: try frechet(to: images.features),
      kernel: kernelDistance(training.features, images.features),
      regions: PrecisionAndRecall(
        real: training.prefix(most).features, samples: images.prefix(most).features),
      score: classifierScore(logits: images.logits),
      diversity: withinClassDiversity(images.features, labels: images.labels))
  }
}

/// A digest of the weights of a network, to recognize files that were made with it.
public func weightsDigest(_ parameters: [Parameter]) -> String {
  var digest = Digest()
  for parameter in parameters {
    unsafe parameter.value.withElements { elements in
      for i in 0..<parameter.value.count { unsafe digest.add(word: UInt64(elements[i].bitPattern)) }
    }
  }
  return String(digest.value, radix: 16)
}
