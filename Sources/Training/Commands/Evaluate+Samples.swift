import Evaluation
import Files
import Foundation
import Learning
import Models
import Tensors

/// How images are sampled: one row of a record.
private struct SampleSetting {
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

  /// The numbers of this row.
  func values(_ measured: ImageSetMeasurement, seconds: Double) -> [String: Double] {
    var values = measured.values
    values["guidance"] = guidance
    values["guided_from"] = guidedSteps.map { Double($0.lowerBound) }
    values["guided_to"] = guidedSteps.map { Double($0.upperBound) }
    values["steps"] = Double(steps)
    values["seconds"] = seconds.rounded()
    return values
  }
}

extension Evaluate {
  /// What the options ask for, before a sweep varies some of it.
  private var setting: SampleSetting {
    SampleSetting(
      weights: weights.folder, guidance: sampling.guidanceScale,
      guidedSteps: sampling.guidedSteps?.steps, steps: sampling.steps ?? 50,
      sampler: sampling.sampler)
  }

  /// A set of samples and what is measured of it.
  private struct SampleSet {
    let images: Tensor
    let outputs: ClassifierOutputs
    let measured: ImageSetMeasurement
    let seconds: Double
  }

  private func sampleSet(
    _ setting: SampleSetting, _ model: LatentDiffusionModel, _ reference: ReferenceFeatures,
    _ label: String
  ) throws -> SampleSet {
    var request = try SampleRequest(
      labels: (0..<count).map { $0 % model.classes.count },
      steps: checkSteps(setting.steps, of: model),
      rule: setting.sampler == .ddim ? .ddim(eta: 0) : .ddpm, guidanceScale: setting.guidance,
      guidedSteps: setting.guidedSteps, seed: sampling.seed)
    request.guide = try sampling.guide(of: model)
    let (images, seconds) = sampled(request, from: model, label)
    let outputs = outputs(request.labels, reference.classifier, "classifying samples") {
      images.slice($0)
    }
    return SampleSet(
      images: images, outputs: outputs, measured: try reference.measure(outputs),
      seconds: seconds)
  }

  private func newRecord(adding more: [String] = []) -> CSVTable {
    CSVTable(
      notes: [commandLine],
      columns: (sweep == .weights ? ["weights", "parameters", "images_seen", "minutes"] : [])
        + ["sampler", "guidance"]
        + (sweep == .interval || sampling.guidedSteps != nil ? ["guided_from", "guided_to"] : [])
        + ["steps", "seconds"] + ImageSetMeasurement.columns + more)
  }

  // MARK: One set

  func evaluateSamples(_ reference: ReferenceFeatures, _ images: TrainingData) throws {
    let setting = setting
    let model = try LatentDiffusionModel(loading: setting.weights)
    let samples = try sampleSet(setting, model, reference, "sampling")
    let measured = samples.measured
    let test = try reference.measure(reference.test.prefix(count))
    print(ImageSetMeasurement.table([("real test images", test), ("samples", measured)]))
    print(measured.classTable(model.classes))
    print(
      String(
        format: "%d samples in %.0f s (%@, seed %d)", count, samples.seconds, setting.name,
        Int(sampling.seed)))
    var rows = newRecord(adding: model.classes.map { "accuracy_\($0)" })
    rows.append(
      test.values.merging(test.accuracyByClass(model.classes)) { $1 }, words: ["sampler": "test"])
    rows.append(
      setting.values(measured, seconds: samples.seconds)
        .merging(measured.accuracyByClass(model.classes)) { $1 },
      words: ["sampler": setting.sampler.rawValue])
    try write(rows)
    guard let nearest else { return }
    let first = min(10, count)
    try nearestGrid(
      samples.images.slice(0..<first), samples.outputs.prefix(first), reference, images.training
    ).write(to: URL(filePath: nearest))
    print(nearest)
  }

  // MARK: Many sets

  func evaluateSweep(_ sweep: SweepChoice, _ reference: ReferenceFeatures) throws {
    var rows = newRecord()
    let test = try reference.measure(reference.test.prefix(count))
    rows.append(test.values, words: ["sampler": "test"])
    var loaded: (folder: String, model: LatentDiffusionModel)?
    for setting in settings(of: sweep) {
      if loaded?.folder != setting.weights {
        loaded = (setting.weights, try LatentDiffusionModel(loading: setting.weights))
      }
      guard let model = loaded?.model else { continue }
      let name = (sweep == .weights ? "\(setting.weights), " : "") + setting.name
      let samples = try sampleSet(setting, model, reference, name)
      rows.append(
        setting.values(samples.measured, seconds: samples.seconds)
          .merging(try training(setting.weights)) { $1 },
        words: ["sampler": setting.sampler.rawValue, "weights": setting.weights])
      try write(rows)
      print(name)
      print(ImageSetMeasurement.table([("test", test), ("samples", samples.measured)]) + "\n")
    }
  }

  /// The rows of a sweep.
  private func settings(of sweep: SweepChoice) -> [SampleSetting] {
    func varied(_ change: (inout SampleSetting) -> Void) -> SampleSetting {
      var varied = setting
      change(&varied)
      return varied
    }
    switch sweep {
    case .guidance:
      let scales = scales?.values ?? [0, 1, 1.5, 2, 3, 5, 8]
      return scales.map { scale in varied { $0.guidance = scale } }
    case .interval:
      return (scales?.values ?? [sampling.guidanceScale]).flatMap { scale in
        intervals.values.map { range in
          varied { ($0.guidance, $0.guidedSteps) = (scale, range.steps) }
        }
      }
    case .steps:
      return SamplerChoice.allCases.flatMap { sampler in
        stepCounts.values.map { count in varied { ($0.sampler, $0.steps) = (sampler, count) } }
      }
    case .weights:
      return (models?.values ?? []).map { folder in varied { $0.weights = folder } }
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
}
