import ArgumentParser
import Diffusion
import Evaluation
import Files
import Foundation
import Learning
import Models
import Notebook

extension Prediction: ExpressibleByArgument {}
extension TimestepDistribution.Configuration: ExpressibleByArgument {}
extension LossWeighting: ExpressibleByArgument {}

/// The sizes that a stage's network has by default.
protocol LevelDefaults {
  static var channels: [Int] { get }
  static var layers: Int { get }
  static var groups: Int { get }
  /// How many levels the network may have.
  static var levels: ClosedRange<Int> { get }
}

/// The sizes of a network of levels, each at half the resolution of the one before.
struct LevelOptions<Defaults: LevelDefaults>: ParsableArguments {
  @Option(help: "Channels of the levels (\(IntegerList(Defaults.channels))).")
  var channels: IntegerList?

  @Option(help: "Residual blocks per level (\(Defaults.layers)).")
  var layers: Int?

  @Option(help: "Groups of the group norms (\(Defaults.groups)).")
  var groups: Int?

  func validate() throws {
    try checkSizes(
      "--channels", channels?.values ?? [], groups: groups ?? Defaults.groups, option: "--groups")
    try checkPositive("--layers", layers)
    guard let count = channels?.values.count, !Defaults.levels.contains(count) else { return }
    let (low, high) = (Defaults.levels.lowerBound, Defaults.levels.upperBound)
    throw Failure(
      "--channels has \(count) levels",
      remedy: low == high
        ? "give three, as in \(IntegerList(Defaults.channels))"
        : "give \(low) to \(high), as in \(IntegerList(Defaults.channels))")
  }

  /// Channels, layers and groups, as given or by default.
  var sizes: (channels: [Int], layers: Int, groups: Int) {
    (
      channels?.values ?? Defaults.channels, layers ?? Defaults.layers, groups ?? Defaults.groups
    )
  }

  /// Refuses sizes that differ from those of the network at `path`.
  func agree(channels: [Int], layers: Int, groups: Int, _ path: String) throws {
    try checkAgreement("--channels", self.channels?.values, channels, path)
    try checkAgreement("--layers", self.layers, layers, path)
    try checkAgreement("--groups", self.groups, groups, path)
  }
}

/// The samplers to choose from.
enum SamplerChoice: String, ExpressibleByArgument, CaseIterable, Sendable { case ddpm, ddim }

/// How images are sampled.
struct SamplingOptions: ParsableArguments {
  @Option(help: "The sampler.")
  var sampler: SamplerChoice = .ddim

  @Option(help: "Steps of the sampler, 1…T; 50 by default, or T where sample uses ddpm.")
  var steps: Int?

  @Option(
    name: [.customLong("guidance-scale"), .customLong("guidance")],
    help: "s in ε = ε_u + s(ε_c - ε_u): 0 ignores the class, 1 does not guide.")
  var guidanceScale: Double = 3

  @Option(
    help: ArgumentHelp(
      "The timesteps t at which to guide, as in 1-600; at the others s is 1. All by default.",
      valueName: "from-to"))
  var guidedSteps: TimestepRange?

  @Option(
    help: ArgumentHelp(
      "A weaker model that takes the place of the one without classes (autoguidance): a run, a "
        + "folder of weights, a file of weights or a checkpoint.", valueName: "path"))
  var guide: String?

  @Option(help: "The seed of the noise; each image has a random stream of its own.")
  var seed: UInt64 = 0

  func validate() throws { try checkFinite("--guidance-scale", [guidanceScale]) }
}

/// The weights to use.
struct WeightsOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run or a folder of weights; by default those in this repository.", valueName: "folder"))
  var weights: String?

  /// The folder named, or else the repository's.
  var folder: String { weights ?? TrainingChapter.current.weights }
}

/// The classifier to use.
struct ClassifierOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run of train-classifier, a folder of weights or a file; by default the classifier in this "
        + "repository.", valueName: "path"))
  var classifier: String?

  /// The path named, or else the repository's folder.
  var path: String { classifier ?? TrainingChapter.current.weights }
}

/// The classifier's outputs for real images, with which others are compared.
struct ReferenceOptions: ParsableArguments {
  @OptionGroup var classifier: ClassifierOption

  @Option(
    help: ArgumentHelp(
      "Where to keep the classifier's outputs for real images.", valueName: "file"))
  var cache: String = "runs/real-features.safetensors"

  /// Evaluates the classifier on real images, or reads what it was evaluated to before.
  func features(
    of images: TrainingData, by classifier: ImageClassifier
  ) throws -> ReferenceFeatures {
    try makeFolder(URL(filePath: cache).deletingLastPathComponent().path, option: "--cache")
    let bar = ProgressBar(
      "classifying real images", total: images.training.count + images.test.count)
    defer { bar.finish() }
    return try ReferenceFeatures(
      classifier, training: images.training, test: images.test, digest: images.description.digest,
      cache: cache, progress: { done, _ in bar.move(to: done) })
  }
}

/// Where measurements are kept.
struct RecordOption: ParsableArguments {
  @Option(help: ArgumentHelp("A .csv file for the measurements.", valueName: "file"))
  var record: String?
}

/// How samples are made at checkpoints.
struct SampleStepsOption: ParsableArguments {
  @Option(help: "Steps of the samples that are made at checkpoints; 0 for none.")
  var sampleSteps: Int = 25

  func validate() throws { try checkNotNegative("--sample-steps", sampleSteps) }
}
