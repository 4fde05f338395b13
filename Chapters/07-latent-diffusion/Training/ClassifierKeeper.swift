import Datasets
import Foundation
import Learning
import Tensors

/// What is written at every checkpoint of the classifier's training: its averaged weights, how often
/// it names test images right (looking at each and its mirror image, or only at each), and a manifest.
struct ClassifierKeeper {
  let folder: RunFolder
  let configuration: ClassifierRun
  let classifier: ImageClassifier
  let images: LabelledImages

  static let columns = [
    "images", "seconds", "test_images", "accuracy", "cross_entropy", "accuracy_one_view",
  ]

  func validationFile(upTo step: Int) throws -> MetricsFile {
    try MetricsFile(folder.validationPath, columns: Self.columns, upTo: step)
  }

  func save(
    _ step: TrainingStep, _ recent: RecentLosses, last: Bool, validation: MetricsFile
  ) throws {
    try classifier.save(to: "\(folder.path)/\(ImageClassifier.file)")
    let measured = measure(count: min(images.count, last ? .max : 2000))
    try validation.append(
      step: step.step,
      measured.merging(["images": Double(step.images), "seconds": step.seconds]) { $1 })
    var manifest = Manifest()
    manifest.classifier = Manifest.Stage(
      configuration.settings, parameters: classifier.network.parameterCount, step: step,
      losses: recent.means, validation: measured)
    try manifest.write(in: folder.path)
    print(
      String(
        format: "step %d: %.2f %% of %d test images named right", step.step,
        100 * (measured["accuracy"] ?? .nan), Int(measured["test_images"] ?? 0)))
  }

  private func measure(count: Int) -> [String: Double] {
    let labels = images.labels.prefix(count)
    func look(mirrors: Bool) -> (logits: Tensor, share: Double) {
      let logits = classifier.evaluate(
        count: count, images: { images.tensor(Array($0)) }, mirrors: mirrors
      ).logits
      let right = zip(logits.indicesOfMaximum(), labels).filter { $0 == $1 }.count
      return (logits, Double(right) / Double(count))
    }
    let (logits, accuracy) = look(mirrors: true)
    let logProbabilities = logSoftmax(logits)
    let classes = logits.shape[1]
    let surprise = labels.indices.reduce(0.0) {
      $0 - Double(logProbabilities[flat: $1 * classes + labels[$1]])
    }
    return [
      "test_images": Double(count), "accuracy": accuracy,
      "cross_entropy": surprise / Double(count),
      "accuracy_one_view": look(mirrors: false).share,
    ]
  }
}
