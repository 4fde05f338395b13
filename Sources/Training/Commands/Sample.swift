import ArgumentParser
import Diffusion
import Figures
import Files
import Foundation
import Learning
import Models
import Notebook
import Tensors

/// Which classes to sample.
enum ClassChoice: ExpressibleByArgument, Equatable, Sendable {
  case all
  case one(String)

  init?(argument: String) { self = argument == "all" ? .all : .one(argument) }

  /// The labels meant, among classes with these names.
  func labels(_ names: [String]) throws -> [Int] {
    switch self {
    case .all: return Array(names.indices)
    case .one(let text):
      if let label = names.firstIndex(of: text.lowercased()) ?? Int(text),
        names.indices.contains(label)
      {
        return [label]
      }
      throw Failure(
        "--class '\(text)' is no class of this model",
        remedy: "the classes are 0…\(names.count - 1) or \(names.joined(separator: ", ")), and all")
    }
  }
}

/// Samples images.
struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Sample images of one class, or of all.")

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("A class by name or number, or all.", valueName: "cat|3|all"))
  var choice: ClassChoice = .all

  @Option(help: "Images per class.")
  var count: Int = 10

  @OptionGroup var sampling: SamplingOptions

  @Option(help: "The share of fresh noise in ddim's steps, 0…1 (0).")
  var eta: Double?

  @Option(help: ArgumentHelp("The file to write: .png, .svg or .pdf.", valueName: "file"))
  var output: String = "samples.png"

  @OptionGroup var weights: WeightsOption

  func validate() throws {
    try checkPositive("--count", count)
    guard let eta else { return }
    guard sampling.sampler == .ddim else {
      throw Failure("--eta belongs to --sampler ddim", remedy: "leave it out with ddpm")
    }
    guard (0...1).contains(eta) else {
      throw Failure("--eta is \(eta)", remedy: "give 0 to 1")
    }
  }

  func run() throws {
    try checkWritable(output)
    let model = try LatentDiffusionModel(loading: weights.folder)
    let classes = try choice.labels(model.classes)
    let most = model.schedule.steps
    let steps = sampling.steps ?? (sampling.sampler == .ddim ? min(50, most) : most)
    var request = try SampleRequest(
      labels: classes.flatMap { [Int](repeating: $0, count: count) },
      steps: checkSteps(steps, of: model),
      rule: sampling.sampler == .ddim ? .ddim(eta: eta ?? 0) : .ddpm,
      guidanceScale: sampling.guidanceScale, guidedSteps: sampling.guidedSteps?.steps,
      seed: sampling.seed)
    request.guide = try sampling.guide(of: model)
    let (images, seconds) = sampled(request, from: model, "sampling")
    let rows = ImageGrid(Picture.images(of: images), columns: count).rows
    try ImageGrid(rows: rows, rowLabels: classes.map { model.classes[$0] })
      .write(to: URL(filePath: output))
    let manifest = try Manifest(in: weights.folder)
    if let note = (manifest.denoiser ?? manifest.pixels)?.dataNote {
      print("weights trained on: \(note)")
    }
    print(
      String(
        format: "%d images in %.1f s (%@, %d steps, guidance %g, seed %d): %@",
        request.labels.count, seconds, sampling.sampler.rawValue, steps, request.guidanceScale,
        Int(request.seed), output))
  }
}

/// Refuses a number of steps that `model` does not have.
func checkSteps(_ steps: Int, of model: LatentDiffusionModel) throws -> Int {
  guard (1...model.schedule.steps).contains(steps) else {
    throw Failure("--steps is \(steps)", remedy: "give 1 to \(model.schedule.steps)")
  }
  return steps
}

/// Samples with a progress bar; returns the images and the seconds that it took.
func sampled(
  _ request: SampleRequest, from model: LatentDiffusionModel, _ label: String
) -> (images: Tensor, seconds: Double) {
  let bar = ProgressBar(label, total: request.labels.count * request.steps)
  let started = ContinuousClock.now
  let images = request.images(from: model) { bar.move(to: $0) }
  bar.finish()
  return (images, (ContinuousClock.now - started) / .seconds(1))
}
