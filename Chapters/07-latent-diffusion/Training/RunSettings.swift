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

/// What config.json of any run says first.
struct AnyRun: Codable { var stage: String }

extension RunFolder {
  /// Opens the folder of a run of one stage.
  init(opening path: String, stage: String) throws {
    try self.init(opening: path)
    let found = try configuration(as: AnyRun.self).stage
    guard found == stage else {
      throw FileError(
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
