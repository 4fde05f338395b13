import ArgumentParser
import Learning

/// Trains one stage, in a new run or in one that is resumed.
struct TrainingCommand<Options: StageOptions>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "train-\(Options.defaults.name)", abstract: Options.defaults.abstract)
  }

  @OptionGroup var data: DataOptions
  @OptionGroup var options: RunOptions
  @OptionGroup var stage: Options

  private var defaults: StageDefaults { Options.defaults }

  func run() throws {
    Interruption.watch()
    if let path = options.resume { try resume(path) } else { try start() }
  }

  private func start() throws {
    let path = options.out ?? "runs/\(defaults.name)"
    try RunFolder.checkFree(path)
    let origin = try options.startFrom.map { try stage.origin(at: $0) }
    let inputs = try stage.inputs(resuming: nil)
    let images = try data.load()
    let settings = try options.settings(defaults, images)
    let configuration = try stage.configuration(settings, images, origin: origin, inputs: inputs)
    let folder = try RunFolder.prepare(path)
    try train(configuration, in: folder, images, origin: origin, inputs: inputs)
  }

  private func resume(_ path: String) throws {
    let folder = try RunFolder(opening: path, stage: defaults.name)
    let configuration = try folder.configuration(as: Options.Configuration.self)
    try options.agree(with: configuration.settings, folder: path)
    try stage.agree(with: configuration, folder: path)
    let inputs = try stage.inputs(resuming: configuration)
    let images = try data.load(as: configuration.settings.data, run: path)
    try train(configuration, in: folder, images, origin: nil, inputs: inputs, isResumed: true)
  }

  private func train(
    _ start: Options.Configuration, in folder: RunFolder, _ images: TrainingData,
    origin: Options.Origin?, inputs: Options.Inputs, isResumed: Bool = false
  ) throws {
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    var configuration = start
    configuration.settings.begin(in: folder, features: try stage.features(of: configuration))
    let trained = try stage.stage(
      &configuration, in: folder, images, origin: origin, inputs: inputs)
    let order = configuration.settings.order(defaults, images)
    let run = trained.run(configuration.settings.plan, order: order)
    if isResumed {
      try options.restore(run, from: folder, order: order)
      configuration.settings.plan = run.plan
    }
    try folder.write(configuration: configuration)
    print("\(defaults.noun) of \(trained.parameterCount) weights; run in \(folder.path)")
    let report = try CheckpointReport(
      trained, defaults.name, configuration.settings, in: folder, upTo: run.step)
    let isComplete = try TrainingLoop(
      run: run, folder: folder, parts: trained.lossParts, logEvery: options.logEvery,
      checkpointSeconds: 60 * options.checkpointMinutes,
      report: { try report.write($0, losses: $1, isLast: $2) })()
    try announceEnd(isComplete, folder.path)
  }

  /// Prints what can be done next; an interrupted training ends the program with the exit status of
  /// an interrupted program.
  private func announceEnd(_ isComplete: Bool, _ folder: String) throws {
    let program = "swift run \(TrainingChapter.current.program)"
    guard isComplete else {
      print("interrupted; all is saved: \(program) train-\(defaults.name) --resume \(folder)")
      throw ExitCode(130)
    }
    print("weights in \(folder); next: \(program) \(defaults.next) \(folder)")
  }
}

typealias TrainAutoencoder = TrainingCommand<AutoencoderOptions>
typealias TrainDenoiser = TrainingCommand<DenoiserOptions>
typealias TrainClassifier = TrainingCommand<ClassifierOptions>
typealias TrainPixels = TrainingCommand<PixelOptions>
