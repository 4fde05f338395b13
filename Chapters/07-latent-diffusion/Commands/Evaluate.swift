import ArgumentParser
import Diffusion
import Evaluation
import Figures
import Files
import Foundation
import Learning
import Models
import Networks
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
    abstract: "Measure samples or reconstructions on the classifier's features.",
    discussion: """
      Every number stands beside what real test images score against the training images. What the \
      classifier sees in real images is kept in a file and read again.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "Images to draw, or to reconstruct; classes take turns.")
  var count: Int = 10_000

  @Option(help: "The sampler.")
  var sampler: SamplerChoice = .ddim

  @Option(help: "Steps of the sampler, 1…T.")
  var steps: Int = 50

  @Option(help: "s in ε = ε_u + s(ε_c - ε_u).")
  var guidance: Double = 3

  @OptionGroup var interval: GuidanceInterval

  @Option(help: "The number that the noise follows from.")
  var seed: UInt64 = 0

  @Flag(help: "Measure reconstructions of test images instead of samples.")
  var reconstructions = false

  @Flag(
    help:
      "Beside reconstructions, those of a principal component analysis with 256 and 512 numbers.")
  var linear = false

  @Option(help: "Measure for many values of one setting.")
  var sweep: SweepChoice?

  @Option(
    help: ArgumentHelp(
      "The values of --sweep guidance (0,1,1.5,2,3,5,8), or of --sweep interval (--guidance).",
      valueName: "numbers"))
  var scales: String?

  @Option(
    help: ArgumentHelp(
      "The values of --sweep interval, each with every one of --scales.", valueName: "intervals"))
  var intervals: StepIntervals = StepIntervals([1000, 800, 700, 600, 500, 400].map { 1...$0 })

  @Option(help: "The values of --sweep steps.")
  var stepCounts: WholeNumbers = WholeNumbers([10, 20, 50, 100])

  @Option(
    help: ArgumentHelp(
      "The models of --sweep weights: runs or folders of weights, with commas between.",
      valueName: "folders"))
  var models: String?

  @Option(help: ArgumentHelp("A .csv file for the measurements.", valueName: "file"))
  var record: String?

  @Option(
    help: ArgumentHelp(
      "A picture of ten samples with the training images nearest to each.", valueName: "file"))
  var nearest: String?

  @Option(
    help: ArgumentHelp(
      "A run of train-denoiser or train-pixels (or of train-autoencoder, with --reconstructions), "
        + "or a folder of weights; otherwise those in this repository.", valueName: "folder"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "A run of train-classifier, a folder of weights or a file; otherwise the one in this "
        + "repository.", valueName: "path"))
  var classifier: String?

  @Option(
    help: ArgumentHelp(
      "Where to keep what the classifier sees in real images.", valueName: "file"))
  var cache: String = "runs/real-features.safetensors"

  func validate() throws {
    try checkPositive("--count", count)
    guard count >= 20 else {
      throw Failure("--count is \(count)", remedy: "give 20 or more: distances need sets")
    }
    try checkPositive("--steps", steps)
    guard guidance.isFinite else {
      throw Failure("--guidance is \(guidance)", remedy: "give a number, as in 3")
    }
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
    _ = try scaleValues()
  }

  private func scaleValues() throws -> [Double] {
    guard let scales else { return sweep == .interval ? [guidance] : [0, 1, 1.5, 2, 3, 5, 8] }
    let parts = scales.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0) }
    guard !numbers.isEmpty, numbers.count == parts.count, numbers.allSatisfy(\.isFinite) else {
      throw Failure("--scales is '\(scales)'", remedy: "give numbers, as in 0,1,1.5,2")
    }
    return numbers
  }

  func run() throws {
    if let nearest { try checkWritable(nearest) }
    let judge = try ImageClassifier(loading: classifier ?? Weights.shipped)
    let images = try data.load()
    print(images.announcement)
    try makeCacheFolder()
    let yardstick = try Yardstick(judge, images, cache: cache)
    if reconstructions {
      try evaluateReconstructions(yardstick, images)
    } else if let sweep {
      try evaluateMany(sweep, yardstick)
    } else {
      try evaluateSamples(yardstick, images)
    }
  }

  private func makeCacheFolder() throws {
    let folder = URL(filePath: cache).deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw Failure(
        cache, .unwritable, "lies in a folder that cannot be made",
        remedy: "name another file with --cache")
    }
  }

  // MARK: Samples

  /// How images are drawn: one row of a record.
  private struct Setting {
    var weights: String
    var guidance: Double
    var guidedSteps: ClosedRange<Int>?
    var steps: Int
    var sampler: SamplerChoice

    var name: String {
      "\(sampler.rawValue), s = \(guidance)"
        + (guidedSteps.map { " at t = \($0.lowerBound)…\($0.upperBound)" } ?? "")
        + ", \(steps) steps"
    }
  }

  /// What the options say, before a sweep varies some of it.
  private var setting: Setting {
    Setting(
      weights: weights ?? Weights.shipped, guidance: guidance,
      guidedSteps: interval.guidedSteps?.steps, steps: steps, sampler: sampler)
  }

  private func request(_ model: any PictureModel, _ setting: Setting) throws -> SampleRequest {
    guard (1...model.schedule.steps).contains(setting.steps) else {
      throw Failure("\(setting.steps) steps", remedy: "give 1 to \(model.schedule.steps)")
    }
    return SampleRequest(
      labels: (0..<count).map { $0 % model.classes.count }, steps: setting.steps,
      rule: setting.sampler == .ddim ? .ddim(eta: 0) : .ddpm, guidanceScale: setting.guidance,
      guidedSteps: setting.guidedSteps, seed: seed)
  }

  /// Draws what `request` asks for, and judges it.
  private func sampled(
    _ request: SampleRequest, _ model: some PictureModel, _ judge: ImageClassifier,
    _ label: String
  ) -> (judged: JudgedImages, images: Tensor, seconds: Double) {
    let bar = ProgressBar(label, total: request.labels.count * request.steps)
    let started = ContinuousClock.now
    let images = request.images(from: model) { bar.move(to: $0) }
    bar.finish()
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let judged = Yardstick.judged(request.labels, by: judge, "judging samples") {
      images.slice($0)
    }
    return (judged, images, seconds)
  }

  private func evaluateSamples(_ yardstick: Yardstick, _ images: TrainingData) throws {
    let setting = setting
    let model = try Weights.pictureModel(setting.weights)
    let request = try request(model, setting)
    let drawn = sampled(request, model, yardstick.judge, "sampling")
    let measured = try yardstick.measure(drawn.judged)
    let floor = try yardstick.measure(yardstick.test.prefix(count))
    let table = EvaluationTable(sets: [("real test images", floor), ("samples", measured)])
    print(table.text)
    print(table.classText(model.classes))
    print(
      String(
        format: "%d samples in %.0f s (%@, seed %d)", count, drawn.seconds, setting.name,
        Int(seed)))
    func named(_ measured: ImageSetMeasurement) -> [String: Double] {
      Dictionary(
        uniqueKeysWithValues: zip(model.classes, measured.accuracy.byClass).map {
          ("right_\($0)", $1.value)
        })
    }
    var rows = newRecord(adding: model.classes.map { "right_\($0)" })
    rows.append(floor.values.merging(named(floor)) { $1 }, words: ["sampler": "test"])
    rows.append(
      values(measured, setting, seconds: drawn.seconds).merging(named(measured)) { $1 },
      words: ["sampler": sampler.rawValue])
    try write(rows)
    if let nearest {
      let first = min(10, count)
      let picture = nearestTrainingImages(
        to: drawn.images.slice(0..<first), drawn.judged.prefix(first), yardstick,
        images.training)
      try picture.write(to: URL(filePath: nearest))
      print(nearest)
    }
  }

  /// What training the model in `folder` took, for the record.
  private func training(_ folder: String) throws -> [String: Double] {
    let manifest = try Manifest(in: folder)
    guard let stage = manifest.denoiser ?? manifest.pixels else { return [:] }
    return [
      "parameters": Double(stage.parameters), "images_seen": Double(stage.totalImages),
      "minutes": stage.totalMinutes,
    ]
  }

  /// The rows of a sweep.
  private func settings(of sweep: SweepChoice) throws -> [Setting] {
    func varied(_ change: (inout Setting) -> Void) -> Setting {
      var varied = setting
      change(&varied)
      return varied
    }
    switch sweep {
    case .guidance: return try scaleValues().map { scale in varied { $0.guidance = scale } }
    case .interval:
      return try scaleValues().flatMap { scale in
        intervals.values.map { steps in varied { ($0.guidance, $0.guidedSteps) = (scale, steps) } }
      }
    case .steps:
      return SamplerChoice.allCases.flatMap { rule in
        stepCounts.values.map { count in varied { ($0.sampler, $0.steps) = (rule, count) } }
      }
    case .weights:
      return (models ?? "").split(separator: ",").map { folder in
        varied { $0.weights = String(folder) }
      }
    }
  }

  private func evaluateMany(_ sweep: SweepChoice, _ yardstick: Yardstick) throws {
    var rows = newRecord()
    let floor = try yardstick.measure(yardstick.test.prefix(count))
    rows.append(floor.values, words: ["sampler": "test"])
    var loaded: (folder: String, model: any PictureModel)?
    for setting in try settings(of: sweep) {
      let model: any PictureModel
      if let loaded, loaded.folder == setting.weights {
        model = loaded.model
      } else {
        model = try Weights.pictureModel(setting.weights)
        loaded = (setting.weights, model)
      }
      let request = try request(model, setting)
      let name = (sweep == .weights ? "\(setting.weights), " : "") + setting.name
      let drawn = sampled(request, model, yardstick.judge, name)
      let measured = try yardstick.measure(drawn.judged)
      rows.append(
        values(measured, setting, seconds: drawn.seconds)
          .merging(try training(setting.weights)) { $1 },
        words: ["sampler": setting.sampler.rawValue, "weights": setting.weights])
      try write(rows)
      print("\(name)\n\(EvaluationTable(sets: [("test", floor), ("samples", measured)]).text)\n")
    }
  }

  // MARK: Reconstructions

  private func evaluateReconstructions(_ yardstick: Yardstick, _ images: TrainingData) throws {
    let autoencoder = try LatentDiffusionModel.autoencoder(at: weights ?? Weights.shipped)
    let count = min(count, images.test.count)
    let labels = Array(images.test.labels.prefix(count))
    let judge = yardstick.judge
    let test = images.test
    let judged = Yardstick.judged(labels, by: judge, "judging reconstructions") {
      AutoencoderMeasurement.reconstructed(autoencoder, test.tensor(Array($0)), from: $0.lowerBound)
    }
    var sets = [
      ("real test images", try yardstick.measure(yardstick.test.prefix(count))),
      ("reconstructions", try yardstick.measure(judged)),
    ]
    let kept = AutoencoderMeasurement(autoencoder, test, count: count).values
    var rows = EvaluationRecord(
      notes: [commandLine, images.description.note],
      columns: ["set"] + ImageSetMeasurement.columns + AutoencoderMeasurement.names)
    rows.append(sets[0].1.values, words: ["set": "test"])
    rows.append(sets[1].1.values.merging(kept) { $1 }, words: ["set": "autoencoder"])
    if linear {
      print("analysing principal components")
      let analysis = try PrincipalComponents(images.training)
      for numbers in [256, 512] {
        var ratios: [Double] = []
        let shown = Yardstick.judged(labels, by: judge, "judging \(numbers) components") {
          let x = test.tensor(Array($0))
          let y = analysis.reconstructed(x, numbers: numbers)
          ratios += peakSignalToNoise(y, x)
          return y
        }
        sets.append(("PCA-\(numbers)", try yardstick.measure(shown)))
        rows.append(
          sets[sets.count - 1].1.values.merging([
            "psnr_mean": ratios.reduce(0, +) / Double(ratios.count)
          ]) { $1 }, words: ["set": "pca-\(numbers)"])
      }
    }
    print(EvaluationTable(sets: sets).text)
    for name in AutoencoderMeasurement.names {
      print("\(name) \(String(format: "%.4f", kept[name] ?? .nan))")
    }
    for (row, words) in zip(rows.rows, rows.words) where words["set"]?.hasPrefix("pca") ?? false {
      print("\(words["set"] ?? "") PSNR \(String(format: "%.2f dB", row["psnr_mean"] ?? .nan))")
    }
    try write(rows)
  }

  // MARK: Records

  private func newRecord(adding more: [String] = []) -> EvaluationRecord {
    EvaluationRecord(
      notes: [commandLine],
      columns: (sweep == .weights ? ["weights", "parameters", "images_seen", "minutes"] : [])
        + ["sampler", "guidance"]
        + (sweep == .interval || interval.guidedSteps != nil ? ["guided_from", "guided_to"] : [])
        + ["steps", "seconds"] + ImageSetMeasurement.columns + more)
  }

  private func values(
    _ measured: ImageSetMeasurement, _ setting: Setting, seconds: Double
  ) -> [String: Double] {
    var values = measured.values
    values["guidance"] = setting.guidance
    values["guided_from"] = setting.guidedSteps.map { Double($0.lowerBound) }
    values["guided_to"] = setting.guidedSteps.map { Double($0.upperBound) }
    values["steps"] = Double(setting.steps)
    values["seconds"] = seconds.rounded()
    return values
  }

  private func write(_ rows: EvaluationRecord) throws {
    guard let record else { return }
    try rows.write(to: record)
  }
}
