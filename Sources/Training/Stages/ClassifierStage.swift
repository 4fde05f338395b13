import ArgumentParser
import Autodiff
import Datasets
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Probability
import Tensors

/// config.json of a run of `train-classifier`.
struct ClassifierConfiguration: StageConfiguration {
  var stage = StageName.classifier
  var settings: RunSettings
  var model: ImageClassifier.Configuration
  /// The share of a label that is spread over all classes.
  var labelSmoothing: Double
  /// How many pixels images are shifted by at most.
  var shift: Int
}

/// The options of the classifier, on whose features sets of images are compared.
struct ClassifierOptions: StageOptions {
  static let defaults = StageDefaults(
    name: .classifier,
    abstract: "Train the classifier whose features samples and reconstructions are compared on.",
    noun: "classifier", next: "evaluate --classifier", batchSize: 128, learningRate: 2e-3,
    averageDecay: 0.998, weightDecay: 0.05)

  @Option(help: "Channels at the image's own resolution (32).")
  var stem: Int?

  @Option(help: "Channels of the levels below, each half as wide as the one before (64,128,256).")
  var channels: IntegerList?

  @Option(help: "Residual blocks of the levels (1,2,1).")
  var blocks: IntegerList?

  @Option(help: "Length of the feature vector (128).")
  var features: Int?

  @Option(help: "Groups of the group norms (8).")
  var groups: Int?

  @Option(help: "Label smoothing: the share of a label that is spread over all classes (0.1).")
  var labelSmoothing: Double?

  @Option(help: "Pixels by which images are shifted at most, up or down and left or right (4).")
  var shift: Int?

  func validate() throws {
    let levels = network(classes: 10)
    try checkSizes("--channels", levels.channels, groups: levels.groups, option: "--groups")
    try checkSizes("--stem", [levels.stem], groups: levels.groups, option: "--groups")
    try checkPositive("--features", features)
    for value in levels.blocks { try checkPositive("--blocks", value) }
    guard levels.channels.count == levels.blocks.count, levels.channels.count <= 4 else {
      throw Failure(
        "--channels has \(levels.channels.count) levels and --blocks \(levels.blocks.count)",
        remedy: "give as many of the one as of the other, one to four")
    }
    if let labelSmoothing, !(0..<1).contains(labelSmoothing) {
      throw Failure("--label-smoothing is \(labelSmoothing)", remedy: "give a number in 0..<1")
    }
    if let shift, !(0...16).contains(shift) {
      throw Failure("--shift is \(shift)", remedy: "give 0 to 16")
    }
  }

  private func network(classes: Int) -> ResNet.Configuration {
    ResNet.Configuration(
      stem: stem ?? 32, channels: channels?.values ?? [64, 128, 256],
      blocks: blocks?.values ?? [1, 2, 1], features: features ?? 128, classes: classes,
      groups: groups ?? 8)
  }

  func origin(at path: String) throws -> ResNet {
    let network = try ImageClassifier(loading: path).network
    try agree(with: network.configuration, path)
    return network
  }

  private func agree(with network: ResNet.Configuration, _ path: String) throws {
    try checkAgreement("--stem", stem, network.stem, path)
    try checkAgreement("--channels", channels?.values, network.channels, path)
    try checkAgreement("--blocks", blocks?.values, network.blocks, path)
    try checkAgreement("--features", features, network.features, path)
    try checkAgreement("--groups", groups, network.groups, path)
  }

  func agree(with run: ClassifierConfiguration, folder: String) throws {
    try agree(with: run.model.network, folder)
    try checkAgreement("--label-smoothing", labelSmoothing, run.labelSmoothing, folder)
    try checkAgreement("--shift", shift, run.shift, folder)
  }

  func configuration(
    _ settings: RunSettings, _ images: TrainingData, origin: ResNet?, inputs: Void
  ) -> ClassifierConfiguration {
    let classes = images.training.classNames
    return ClassifierConfiguration(
      settings: settings,
      model: ImageClassifier.Configuration(
        network: origin?.configuration ?? network(classes: classes.count), classes: classes),
      labelSmoothing: labelSmoothing ?? 0.1, shift: shift ?? 4)
  }

  func stage(
    _ run: inout ClassifierConfiguration, in folder: RunFolder, _ images: TrainingData,
    origin: ResNet?, inputs: Void
  ) -> ClassifierStage {
    let network =
      origin
      ?? ResNet(
        run.model.network, generator: RandomGenerator(seed: run.settings.plan.seed, stream: 2))
    return ClassifierStage(
      classifier: ImageClassifier(network: network, classes: run.model.classes), images: images,
      labelSmoothing: run.labelSmoothing, shift: run.shift)
  }
}

/// A classifier in training.
struct ClassifierStage: TrainingStage {
  let classifier: ImageClassifier
  let images: TrainingData
  let labelSmoothing: Double
  /// How many pixels images are shifted by at most.
  let shift: Int

  var parameters: [Parameter] { classifier.network.parameters }
  var lossParts: [String] { ImageClassifier.partNames }

  // Half of the images are mirrored, and all are shifted.
  func loss(of examples: [Int], tape: Tape, generator: RandomGenerator) -> BatchLoss {
    var random = generator
    let mirrored = examples.map { _ in random.uniform() < 0.5 }
    let shifts = examples.map { _ in
      (
        rows: random.index(below: 2 * shift + 1) - shift,
        columns: random.index(below: 2 * shift + 1) - shift
      )
    }
    return classifier.loss(
      images.training.tensor(examples, mirrored: mirrored, shifts: shifts),
      labels: examples.map { images.training.labels[$0] }, smoothing: labelSmoothing, tape: tape)
  }

  func save(in folder: String) throws {
    try classifier.save(to: "\(folder)/\(ModelFile.classifier)")
  }

  var columns: [String] { ["test_images", "accuracy", "cross_entropy", "accuracy_one_view"] }

  func measure(isLast: Bool) -> [String: Double] {
    let count = min(images.test.count, isLast ? .max : 2000)
    let labels = Array(images.test.labels.prefix(count))
    func logits(mirrors: Bool) -> Tensor {
      classifier.evaluate(
        count: count, images: { images.test.tensor(Array($0)) }, mirrors: mirrors
      ).logits
    }
    func accuracy(_ logits: Tensor) -> Double {
      ClassAccuracy(logits: logits, labels: labels).overall.value
    }
    let both = logits(mirrors: true)
    let (logProbabilities, classes) = (logSoftmax(both), both.shape[1])
    let crossEntropy = labels.indices.reduce(0.0) {
      $0 - Double(logProbabilities[flat: $1 * classes + labels[$1]])
    }
    return [
      "test_images": Double(count), "accuracy": accuracy(both),
      "cross_entropy": crossEntropy / Double(count),
      "accuracy_one_view": accuracy(logits(mirrors: false)),
    ]
  }

  func summary(_ measured: [String: Double]) -> String {
    String(
      format: "%.2f %% of %d test images classified correctly",
      100 * (measured["accuracy"] ?? .nan), Int(measured["test_images"] ?? 0))
  }
}
