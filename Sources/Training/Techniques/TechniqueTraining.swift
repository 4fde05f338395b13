import ArgumentParser
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors

/// Trains denoisers of the same latents, each for the same time.
struct TechniqueTraining {
  let images: TrainingData
  let autoencoder: (model: Autoencoder, path: String)
  let latents: LatentCache
  /// How long each training is.
  let length: TrainingLength
  /// The options of `train-denoiser` that all trainings have.
  let options: [String]
  /// The folder of the runs.
  let folder: String

  /// A training that is complete.
  struct Outcome {
    /// The model with the averaged weights.
    let model: LatentDiffusionModel
    /// The folder of the averaged weights after the first part of the training.
    let early: String
    let updates: Int
    let imagesSeen: Int
    /// The time of the updates.
    let seconds: Double
    /// The mean squared error of the noise on test images, without weights.
    let loss: Double
  }

  /// The fraction of a training after which the weights for autoguidance are kept.
  static let earlyPart = 0.125

  /// Trains with a technique, or goes on where an earlier call stopped.
  ///
  /// - Throws: `Failure` if the run's folder holds a run with other settings; `ExitCode` if the
  ///   training was interrupted, with everything saved.
  func callAsFunction(_ technique: Technique, seed: UInt64) throws -> Outcome {
    let command = try TrainDenoiser.parse(options + technique.options + ["--seed", "\(seed)"])
    var settings = try command.options.settings(DenoiserOptions.defaults, images)
    settings.plan.length = length
    var configuration = command.stage.configuration(
      settings, images, origin: nil, inputs: inputs)
    let stage = command.stage.stage(
      &configuration, autoencoder.model, latents, test: images.test)
    let run = stage.run(settings.plan, order: settings.order(DenoiserOptions.defaults, images))
    let place = "\(folder)/\(technique.training)-\(seed)"
    let runFolder = try open(place, &configuration, command.stage)
    let lock = try runFolder.lock()
    defer { withExtendedLifetime(lock) {} }
    try runFolder.restore(run)
    if run.progress < 1 {
      print("training \(technique.training), seed \(seed)")
      try train(run, stage, in: runFolder, settings, logEvery: command.options.logEvery)
      try runFolder.restore(run)  // The time is that of the file, now and later.
    }
    run.adoptAverages()
    try stage.save(in: place)
    return Outcome(
      model: stage.model, early: earlyFolder(place), updates: run.step, imagesSeen: run.images,
      seconds: run.seconds, loss: stage.measure(isLast: true)["loss"] ?? .nan)
  }

  private var inputs: DenoiserOptions.Inputs {
    (autoencoder: autoencoder.model, path: autoencoder.path)
  }

  private func earlyFolder(_ run: String) -> String { "\(run)/early" }

  /// Opens the folder of a run, which must have these settings, or makes it.
  private func open(
    _ path: String, _ configuration: inout DenoiserConfiguration, _ options: DenoiserOptions
  ) throws -> RunFolder {
    guard FileManager.default.fileExists(atPath: "\(path)/config.json") else {
      let made = try RunFolder.prepare(path)
      try options.copy(autoencoder.model, from: autoencoder.path, to: path, &configuration)
      try made.write(configuration: configuration)
      return made
    }
    let found = try RunFolder(opening: path, stage: .denoiser)
    let begun = try found.configuration(as: DenoiserConfiguration.self)
    guard begun.settings.plan == configuration.settings.plan,
      begun.settings.batchSize == configuration.settings.batchSize,
      begun.settings.data.digest == configuration.settings.data.digest,
      begun.model == configuration.model
    else {
      throw Failure(
        path, .otherConfiguration, "holds a run with other settings",
        remedy: "give the options that it was started with, or another folder with --out")
    }
    return found
  }

  // Nothing is measured during the training: its time is that of the updates.
  private func train(
    _ run: TrainingRun, _ stage: DenoiserStage, in runFolder: RunFolder, _ settings: RunSettings,
    logEvery: Int
  ) throws {
    let early = earlyFolder(runFolder.path)
    let isComplete = try TrainingLoop(
      run: run, folder: runFolder, parts: stage.lossParts, logEvery: logEvery,
      checkpointSeconds: checkpointSeconds,
      report: { step, losses, _ in
        if run.progress >= Self.earlyPart, !FileManager.default.fileExists(atPath: early) {
          try makeFolder(early, option: "--out")
          try stage.save(in: early)
        }
        var manifest = try Manifest(in: runFolder.path)
        manifest[.denoiser] = Manifest.Stage(
          settings, parameters: stage.parameterCount, step: step, losses: losses, validation: [:])
        try manifest.write(in: runFolder.path)
      })()
    guard isComplete else {
      print("interrupted; all is saved: the same command goes on")
      throw ExitCode(130)
    }
    for step in runFolder.checkpointSteps.dropLast() {
      try FileManager.default.removeItem(atPath: runFolder.checkpointPath(step))
    }
  }

  /// A run that is limited by updates is short, and has a checkpoint after each.
  private var checkpointSeconds: Double {
    switch length {
    case .seconds(let seconds): Self.earlyPart * seconds
    case .steps: 0
    }
  }
}
