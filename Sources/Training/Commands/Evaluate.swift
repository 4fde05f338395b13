import ArgumentParser
import Evaluation
import Files
import Foundation
import Learning
import Models
import Notebook
import Tensors

/// What varies from row to row of a record.
enum SweepChoice: String, ExpressibleByArgument, CaseIterable, Sendable {
  case guidance, interval, steps, weights
}

/// Measures samples, or reconstructions, against real images.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure samples or reconstructions on a classifier's features.",
    discussion: """
      Every number stands beside the value that real test images have against the training images. \
      The classifier's outputs for real images are kept in a file and read again.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Images to sample, or to reconstruct; classes take turns.")
  var count: Int = 10_000

  @OptionGroup var sampling: SamplingOptions

  @Flag(help: "Measure reconstructions of test images instead of samples.")
  var reconstructions = false

  @Flag(help: "With --reconstructions, also those from 256 and from 512 principal components.")
  var linear = false

  @Option(help: "Measure for several values of one setting.")
  var sweep: SweepChoice?

  @Option(
    help: ArgumentHelp(
      "The values of --sweep guidance (0,1,1.5,2,3,5,8), or of --sweep interval (that of "
        + "--guidance-scale).", valueName: "numbers"))
  var scales: NumberList?

  @Option(
    help: ArgumentHelp(
      "The values of --sweep interval, each with every one of --scales.", valueName: "intervals"))
  var intervals = TimestepRanges([1000, 800, 700, 600, 500, 400].map { TimestepRange(1...$0) })

  @Option(help: "The values of --sweep steps.")
  var stepCounts = IntegerList([10, 20, 50, 100])

  @Option(
    help: ArgumentHelp(
      "The models of --sweep weights: runs or folders of weights, with commas between.",
      valueName: "folders"))
  var models: CommaList<String>?

  @OptionGroup var record: RecordOption

  @Option(
    help: ArgumentHelp(
      "An image of ten samples with the training images nearest to each.", valueName: "file"))
  var nearest: String?

  @OptionGroup var weights: WeightsOption
  @OptionGroup var reference: ReferenceOptions

  func validate() throws {
    guard count >= 20 else {
      throw Failure("--count is \(count)", remedy: "give 20 or more: distances need sets")
    }
    try checkFinite("--scales", scales?.values ?? [])
    if sweep != nil, reconstructions {
      throw Failure(
        "--sweep and --reconstructions exclude each other", remedy: "give one of them")
    }
    if linear, !reconstructions {
      throw Failure(
        "--linear belongs to --reconstructions", remedy: "give both, or leave --linear out")
    }
    guard (models != nil) == (sweep == .weights) else {
      throw Failure(
        "--models and --sweep weights belong together", remedy: "give both, or neither")
    }
  }

  func run() throws {
    if let nearest { try checkWritable(nearest) }
    let classifier = try ImageClassifier(loading: reference.classifier.path)
    let images = try data.load()
    let reference = try reference.features(of: images, by: classifier)
    if reconstructions {
      try evaluateReconstructions(reference, images)
    } else if let sweep {
      try evaluateSweep(sweep, reference)
    } else {
      try evaluateSamples(reference, images)
    }
  }

  /// Evaluates the classifier on a set of images with a progress bar.
  func outputs(
    _ labels: [Int], _ classifier: ImageClassifier, _ label: String,
    images: (Range<Int>) -> Tensor
  ) -> ClassifierOutputs {
    let bar = ProgressBar(label, total: labels.count)
    defer { bar.finish() }
    return ClassifierOutputs(
      of: labels, by: classifier, images: images, progress: { bar.move(to: $0) })
  }

  func write(_ rows: CSVTable) throws {
    if let record = record.record { try rows.write(to: record) }
  }
}
