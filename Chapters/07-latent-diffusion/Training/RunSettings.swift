import Files
import Foundation
import Learning
import Networks

/// What both trainings write of themselves into config.json.
struct RunSettings: Codable, Equatable {
  /// The words that started the run.
  var command: String
  var batchSize: Int
  var plan: TrainingPlan
  var data: DataDescription
  /// The stretches of the run, where it was resumed or began with more than pixels; nil otherwise.
  var parts: [RunPart]?
  /// The runs that made the weights that this one started from, oldest first; nil for one that
  /// started from random weights.
  var earlier: [Manifest.Stage]?

  /// Takes over what is known of the weights that the run starts from.
  mutating func follow(_ stage: Manifest.Stage?) {
    guard var stage else { return }
    let before = stage.earlier ?? []
    stage.earlier = nil
    earlier = before + [stage]
  }

  /// Adds the stretch that starts now, after what `folder` holds.
  mutating func begin(in folder: RunFolder, features: FeatureSettings? = nil) {
    let step = folder.checkpointSteps.last ?? 0
    guard step > 0 || features != nil else { return }
    let first = RunPart(command: command, afterStep: 0, afterImages: 0, features: nil)
    let now = RunPart(
      command: commandLine, afterStep: step, afterImages: step * batchSize, features: features)
    parts = (parts ?? [first]).filter { $0.afterStep < step } + [now]
  }
}

/// The images that a run trains on.
struct DataDescription: Codable, Equatable {
  /// A folder, or `synthetic`.
  var source: String
  /// Where the images come from and what was done to them.
  var note: String
  /// The number of images to train on, and a digest of them and of their labels.
  var images: Int
  var digest: String
}

/// config.json of a run of `train-autoencoder`.
struct AutoencoderRun: Codable, Equatable {
  var stage = "autoencoder"
  var settings: RunSettings
  var network: Autoencoder.Configuration
  /// The weight of the divergence; both terms are sums over an image.
  var beta: Double

  /// What the run does now besides minimising errors and divergence.
  var features: FeatureSettings? { settings.parts?.last?.features }
}

/// A stretch of a run, from its start or from where it was resumed.
struct RunPart: Codable, Equatable {
  /// The words that started it.
  var command: String
  /// The number of updates made before.
  var afterStep: Int
  /// The images seen before.
  var afterImages: Int
  var features: FeatureSettings?
}

/// How much the classifier's eyes count in an autoencoder's loss.
struct FeatureSettings: Codable, Equatable {
  /// The weight of the feature loss.
  var weight: Double
  /// Where the classifier came from; the run holds a copy.
  var classifier: String
  /// How it was trained, where that is known.
  var trained: Manifest.Stage?

  /// The name of the copy.
  static let file = "feature-classifier.safetensors"
}

/// config.json of a run of `train-denoiser`.
struct DenoiserRun: Codable, Equatable {
  var stage = "denoiser"
  var settings: RunSettings
  var model: LatentDiffusionModel.Settings
  /// How often a class is replaced by the null label.
  var dropProbability: Double
  /// Where the autoencoder came from; the run holds a copy.
  var autoencoder: String
}

/// config.json of a run of `train-pixels`.
struct PixelRun: Codable, Equatable {
  var stage = "pixels"
  var settings: RunSettings
  var model: PixelDiffusionModel.Settings
}

/// config.json of a run of `train-classifier`.
struct ClassifierRun: Codable, Equatable {
  var stage = "classifier"
  var settings: RunSettings
  var model: ImageClassifier.Settings
  /// The share of a label that is spread over all classes.
  var labelSmoothing: Double
  /// How many pixels images are shifted by at most.
  var shift: Int
}

/// What config.json of any run says first.
struct AnyRun: Codable { var stage: String }

extension RunFolder {
  /// Opens the folder of a run of one stage.
  init(opening path: String, stage: String) throws {
    try self.init(opening: path)
    let found = try configuration(as: AnyRun.self).stage
    guard found == stage else {
      throw Failure(
        path, .otherConfiguration, "holds a run of train-\(found)",
        remedy: "resume it with train-\(found), or name the folder of a run of train-\(stage)")
    }
  }
}

/// The words of the program's command line.
var commandLine: String {
  let words = CommandLine.arguments.dropFirst().map { word in
    word.contains(" ") ? "'\(word)'" : word
  }
  return (["swift run chapter-07-latent-diffusion"] + words).joined(separator: " ")
}
