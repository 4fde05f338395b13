import Autodiff
import Datasets
import Evaluation
import Files
import Foundation
import Learning
import Models
import Notebook
import Tensors

/// Images as the classifier sees them, with the classes that they are meant to be of.
struct JudgedImages: Sendable {
  let features: Tensor
  let logits: Tensor
  let labels: [Int]

  var count: Int { labels.count }

  /// The first `count` of them.
  func prefix(_ count: Int) -> JudgedImages {
    let range = 0..<min(count, self.count)
    return JudgedImages(
      features: features.slice(range), logits: logits.slice(range), labels: Array(labels[range]))
  }
}

/// The classifier, and what it sees in the real images that others are compared with.
struct Yardstick {
  let judge: ImageClassifier
  let training: JudgedImages
  let test: JudgedImages
  /// The distance from the training images, ready to be asked.
  let frechet: FrechetDistance

  /// Judges the images of `data`, or reads at `cache` what was found before.
  init(_ judge: ImageClassifier, _ data: TrainingData, cache: String) throws {
    self.judge = judge
    let weights = weightsDigest(judge.network.parameters)
    let source = "\(data.description.digest) \(weights) both views"
    if let (training, test) = try Self.read(cache, source: source, data) {
      (self.training, self.test) = (training, test)
    } else {
      training = Self.judged(data.training, by: judge, "judging training images")
      test = Self.judged(data.test, by: judge, "judging test images")
      try Self.write(training, test, to: cache, source: source)
    }
    frechet = FrechetDistance(from: training.features)
  }

  /// What the classifier sees in images that are given batch by batch.
  static func judged(
    _ labels: [Int], by judge: ImageClassifier, _ label: String,
    images: (Range<Int>) -> Tensor
  ) -> JudgedImages {
    let bar = ProgressBar(label, total: labels.count)
    let (features, logits) = judge.evaluate(count: labels.count, images: images) {
      bar.move(to: $0)
    }
    bar.finish()
    return JudgedImages(features: features, logits: logits, labels: labels)
  }

  private static func judged(
    _ images: LabelledImages, by judge: ImageClassifier, _ label: String
  ) -> JudgedImages {
    judged(images.labels, by: judge, label) { images.tensor(Array($0)) }
  }

  // MARK: Files

  private static func read(
    _ path: String, source: String, _ data: TrainingData
  ) throws -> (JudgedImages, JudgedImages)? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try Safetensors(reading: path)
    func part(_ name: String, _ labels: [Int]) -> JudgedImages? {
      guard let features = file.tensor("\(name) features"),
        let logits = file.tensor("\(name) logits"), features.shape[0] == labels.count
      else { return nil }
      return JudgedImages(features: features, logits: logits, labels: labels)
    }
    guard file.metadata["source"] == source,
      let training = part("training", data.training.labels),
      let test = part("test", data.test.labels)
    else { return nil }
    return (training, test)
  }

  private static func write(
    _ training: JudgedImages, _ test: JudgedImages, to path: String, source: String
  ) throws {
    let tensors = [
      "training features": training.features, "training logits": training.logits,
      "test features": test.features, "test logits": test.logits,
    ]
    try Safetensors(tensors: tensors, metadata: ["source": source]).write(to: path)
  }

  // MARK: Measuring

  /// All that is measured of a set of images.
  func measure(_ images: JudgedImages) throws -> ImageSetMeasurement {
    let neighbours = min(images.count, training.count, 10_000)
    let logits = images.logits
    return ImageSetMeasurement(
      count: images.count,
      accuracy: ClassAccuracy(logits: logits, labels: images.labels),
      frechet: try frechet(to: images.features),
      kernel: kernelDistance(training.features, images.features),
      regions: PrecisionAndRecall(
        real: training.prefix(neighbours).features, samples: images.prefix(neighbours).features),
      score: classifierScore(logits: logits),
      diversity: withinClassDiversity(images.features, labels: images.labels))
  }
}

/// What is measured of a set of images on the classifier's features, against the training images.
struct ImageSetMeasurement: Sendable {
  let count: Int
  let accuracy: ClassAccuracy
  let frechet: MeasuredValue
  let kernel: MeasuredValue
  let regions: PrecisionAndRecall
  let score: MeasuredValue
  let diversity: MeasuredValue

  /// The columns of a record of such measurements.
  static let columns = [
    "images", "accuracy", "accuracy_low", "accuracy_high", "frechet", "frechet_error", "kernel",
    "kernel_error", "precision", "recall", "score", "score_error", "diversity", "diversity_error",
  ]

  /// The numbers of these columns.
  var values: [String: Double] {
    [
      "images": Double(count), "accuracy": accuracy.overall.value,
      "accuracy_low": accuracy.overall.interval.lowerBound,
      "accuracy_high": accuracy.overall.interval.upperBound,
      "frechet": frechet.value, "frechet_error": frechet.standardError,
      "kernel": kernel.value, "kernel_error": kernel.standardError,
      "precision": regions.precision.value, "recall": regions.recall.value,
      "score": score.value, "score_error": score.standardError,
      "diversity": diversity.value, "diversity_error": diversity.standardError,
    ]
  }
}

/// A short name for these very weights.
func weightsDigest(_ parameters: [Parameter]) -> String {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for parameter in parameters {
    parameter.value.withElements { elements in
      for i in 0..<parameter.value.count {
        hash = (hash ^ UInt64(elements[i].bitPattern)) &* 0x100_0000_01b3
      }
    }
  }
  return String(hash, radix: 16)
}
