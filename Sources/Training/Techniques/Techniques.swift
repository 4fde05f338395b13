import ArgumentParser
import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors

/// Measures which techniques of training and sampling help, all in the same time.
struct Techniques: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "techniques",
    abstract: "Train small denoisers with several techniques for the same time; compare samples.",
    discussion: """
      Every technique is trained from every seed, and sampled at every guidance scale. Rows that \
      are in the record are not measured again, and a training that was interrupted goes on. \
      Options of train-denoiser for all trainings follow at the end, after two hyphens, as in \
      techniques --minutes 10 -- --autoencoder runs/autoencoder --batch-size 64.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Minutes of training for each technique and seed.")
  var minutes: Double = 10

  @Option(help: .hidden)
  var updates: Int?

  @Option(help: "The seeds, of weights, training and samples.")
  var seeds = CommaList<UInt64>([0, 1, 2])

  @Option(
    help: ArgumentHelp(
      "The techniques, with commas between; by default "
        + Technique.all.map(\.name).joined(separator: ", ") + ".", valueName: "names"))
  var techniques: CommaList<String>?

  @Option(help: "Images to sample in each measurement; classes take turns.")
  var samples: Int = 1000

  @Option(help: "Steps of the sampler, which is ddim.")
  var steps: Int = 25

  @Option(help: "The guidance scales.")
  var scales = NumberList([1, 1.5, 2, 3])

  @Option(help: ArgumentHelp("The folder for the runs.", valueName: "folder"))
  var out: String = "runs/techniques"

  @OptionGroup var record: RecordOption
  @OptionGroup var reference: ReferenceOptions

  @Argument(
    parsing: .postTerminator,
    help: "Options of train-denoiser for all trainings.")
  var options: [String] = []

  func validate() throws {
    try checkPositive("--minutes", minutes)
    try checkPositive("--updates", updates)
    try checkPositive("--steps", steps)
    try checkFinite("--scales", scales.values)
    guard samples >= 20 else {
      throw Failure("--samples is \(samples)", remedy: "give 20 or more: distances need sets")
    }
    _ = try Technique.named(techniques?.values)
  }

  func run() throws {
    Interruption.watch()
    guard let inputs = try denoiserOptions().inputs(resuming: nil) else {
      fatalError("a new run has an autoencoder")
    }
    let classifier = try ImageClassifier(loading: reference.classifier.path)
    let images = try data.load()
    var results = try openRecord(images, inputs.autoencoder, classifier)
    try makeFolder(out, option: "--out")
    let training = TechniqueTraining(
      images: images, autoencoder: (model: inputs.autoencoder, path: inputs.path),
      latents: try LatentCache.readOrCompute(in: out, images, inputs.autoencoder),
      length: updates.map { .steps($0) } ?? .seconds(60 * minutes),
      options: Technique.common + options, folder: out)
    let features = try reference.features(of: images, by: classifier)
    if results.table.row("technique", Self.testSet).isEmpty {
      let test = try features.measure(features.test.prefix(samples))
      try results.append(Self.testSet, test.values)
    }
    let selected = try Technique.named(techniques?.values)
    for seed in seeds.values {
      for technique in selected {
        try measure(technique, seed: seed, after: training, against: features, in: &results)
      }
    }
    print(results.summary(selected.map(\.name), seeds: seeds.values, scales: scales.values))
  }

  /// Trains with a technique and measures at the scales that are not in the record.
  private func measure(
    _ technique: Technique, seed: UInt64, after training: TechniqueTraining,
    against features: ReferenceFeatures, in record: inout TechniqueRecord
  ) throws {
    let missing = scales.values.filter { record.row(technique.name, seed: seed, scale: $0) == nil }
    if missing.isEmpty { return }
    let outcome = try training(technique, seed: seed)
    for scale in missing {
      if Interruption.isRequested { throw ExitCode(130) }
      let values = try measured(technique, outcome, features, seed: seed, scale: scale)
      try record.append(technique.name, values)
    }
  }

  /// The name of the row of real images.
  private static let testSet = "test"

  /// The options for all trainings, which must be none that this command gives.
  private func denoiserOptions() throws -> DenoiserOptions {
    let command = try TrainDenoiser.parse(options)
    let (run, data) = (command.options, command.data)
    let isOwn = run.minutes == nil && run.epochs == nil && run.seed == nil
    let isNew = run.out == nil && run.resume == nil && run.startFrom == nil
    guard isOwn, isNew, data.data == nil, data.dataNote == nil, data.limit == nil else {
      throw Failure(
        "after -- stand options for the length, the seed, the data or the folder of a run",
        remedy: "give them before --, as techniques --help says")
    }
    return command.stage
  }

  /// Opens the record, whose notes say under what conditions all rows are measured.
  private func openRecord(
    _ images: TrainingData, _ autoencoder: Autoencoder, _ classifier: ImageClassifier
  ) throws -> TechniqueRecord {
    let digests = [
      "images \(images.description.digest)", "autoencoder \(weightsDigest(autoencoder.parameters))",
      "classifier \(weightsDigest(classifier.network.parameters))",
    ]
    return try TechniqueRecord(
      at: record.record ?? "\(out)/techniques.csv", command: commandLine,
      conditions: [
        "train-denoiser " + (Technique.common + options).joined(separator: " "),
        updates.map { "\($0) updates" } ?? "\(minutes) minutes of training",
        "\(samples) samples in \(steps) steps of ddim",
        images.description.note, digests.joined(separator: "; "), Manifest.Stage.processor,
      ])
  }

  /// The numbers of a row.
  private func measured(
    _ technique: Technique, _ outcome: TechniqueTraining.Outcome, _ features: ReferenceFeatures,
    seed: UInt64, scale: Double
  ) throws -> [String: Double] {
    var request = try SampleRequest(
      labels: (0..<samples).map { $0 % outcome.model.classes.count },
      steps: checkSteps(steps, of: outcome.model), guidanceScale: scale, seed: seed)
    if technique.isAutoguided {
      request.guide =
        try LatentDiffusionModel(loadingDenoiser: outcome.early, autoencoder: nil).denoiser
    }
    let name = "\(technique.name), seed \(seed), s = \(scale)"
    let (images, seconds) = sampled(request, from: outcome.model, name)
    let measured = try features.measure(
      ClassifierOutputs(of: request.labels, by: features.classifier) { images.slice($0) })
    print(
      "\(name): Fréchet distance \(measured.frechet.text(decimals: 2)), "
        + String(format: "accuracy %.3f", measured.accuracy.overall.value))
    return measured.values.merging([
      "seed": Double(seed), "minutes": outcome.seconds / 60, "updates": Double(outcome.updates),
      "images_seen": Double(outcome.imagesSeen), "loss": outcome.loss, "guidance": scale,
      "steps": Double(steps), "seconds": seconds.rounded(),
    ]) { $1 }
  }
}
