import Files
import Foundation
import Learning

/// The stages of training, by the names that their commands and files have.
public enum StageName: String, Codable, CaseIterable, Sendable {
  case autoencoder, denoiser, classifier, pixels
}

/// What config.json of every run holds besides what belongs to its stage.
struct RunSettings: Codable, Equatable {
  /// The command that started the run.
  var command: String
  var batchSize: Int
  var plan: TrainingPlan
  var data: DataDescription
  /// One entry per resumption, and one for the start; nil for a run that was not resumed and has no
  /// feature loss.
  var parts: [RunPart]?
  /// The runs behind the weights that this one started from, oldest first; nil if those were random.
  var earlier: [Manifest.Stage]?

  /// The order of the training examples of `images` in a run of this stage.
  func order(_ defaults: StageDefaults, _ images: TrainingData) -> BatchSampler {
    BatchSampler(
      count: defaults.examplesPerImage * images.training.count, batchSize: batchSize,
      seed: plan.seed)
  }

  /// Records the run behind the weights that this one starts from.
  mutating func follow(_ stage: Manifest.Stage?) {
    guard var stage else { return }
    let before = stage.earlier ?? []
    stage.earlier = nil
    earlier = before + [stage]
  }

  /// Adds the part that starts now, after what `folder` holds.
  mutating func begin(in folder: RunFolder, features: FeatureSettings?) {
    let step = folder.checkpointSteps.last ?? 0
    guard step > 0 || features != nil else { return }
    let first = RunPart(command: command, afterStep: 0, afterImages: 0, features: nil)
    let now = RunPart(
      command: commandLine, afterStep: step, afterImages: step * batchSize, features: features)
    parts = (parts ?? [first]).filter { $0.afterStep < step } + [now]
  }
}

/// A part of a run, from its start or from where it was resumed.
public struct RunPart: Codable, Equatable, Sendable {
  /// The command that started it.
  public var command: String
  /// The number of updates made before.
  public var afterStep: Int
  /// The number of images used before.
  public var afterImages: Int
  /// The feature loss of an autoencoder, if there is one.
  public var features: FeatureSettings?
}

/// The feature loss of an autoencoder's run.
public struct FeatureSettings: Codable, Equatable, Sendable {
  /// The weight of the feature loss.
  public var weight: Double
  /// Where the classifier came from; the run holds a copy.
  public var classifier: String
  /// How it was trained, where that is known.
  public var trained: Manifest.Stage?

  /// The name of the copy.
  static let file = "feature-classifier.safetensors"
}

/// What a stage writes into config.json.
protocol StageConfiguration: Codable {
  var stage: StageName { get }
  var settings: RunSettings { get set }
}

/// What config.json of any run holds.
struct AnyRun: Codable { var stage: StageName }

extension RunFolder {
  /// Opens the folder of a run of one stage.
  init(opening path: String, stage: StageName) throws {
    try self.init(opening: path)
    let found = try configuration(as: AnyRun.self).stage
    guard found == stage else {
      throw Failure(
        path, .otherConfiguration, "holds a run of train-\(found)",
        remedy: "resume it with train-\(found), or name the folder of a run of train-\(stage)")
    }
  }
}
