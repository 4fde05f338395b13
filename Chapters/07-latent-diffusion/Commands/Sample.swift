import ArgumentParser
import Diffusion
import Figures
import Files
import Foundation
import Learning
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

enum SamplerChoice: String, ExpressibleByArgument, CaseIterable, Sendable { case ddpm, ddim }

/// Draws images.
struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Draw images of a class, or of all.")

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("A class by name or number, or all.", valueName: "cat|3|all"))
  var choice: ClassChoice = .all

  @Option(help: "Images of each class.")
  var count: Int = 10

  @Option(help: "The sampler.")
  var sampler: SamplerChoice = .ddim

  @Option(help: "Steps of the sampler, 1…T (50 for ddim, T for ddpm).")
  var steps: Int?

  @Option(help: "The share of fresh noise in ddim's steps, 0…1 (0).")
  var eta: Double?

  @Option(help: "s in ε = ε_u + s(ε_c - ε_u): 0 ignores the class, 1 does not guide.")
  var guidanceScale: Double = 3

  @OptionGroup var interval: GuidanceInterval

  @Option(help: "The number that the noise follows from; each image has a stream of its own.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("The file to write: .png, .svg or .pdf.", valueName: "file"))
  var output: String = "samples.png"

  @Option(
    help: ArgumentHelp(
      "A run of train-denoiser or train-pixels, or a folder of weights; otherwise those in this "
        + "repository.",
      valueName: "folder"))
  var weights: String?

  func validate() throws {
    try checkPositive("--count", count)
    guard guidanceScale.isFinite else {
      throw Failure("--guidance-scale is \(guidanceScale)", remedy: "give a number, as in 3")
    }
    if let eta {
      guard sampler == .ddim else {
        throw Failure("--eta belongs to --sampler ddim", remedy: "leave it out with ddpm")
      }
      guard (0...1).contains(eta) else {
        throw Failure("--eta is \(eta)", remedy: "give 0 to 1")
      }
    }
  }

  func run() throws {
    try checkWritable(output)
    let folder = weights ?? Weights.shipped
    let model = try Weights.pictureModel(folder)
    let classes = try choice.labels(model.classes)
    let most = model.schedule.steps
    let steps = steps ?? (sampler == .ddim ? min(50, most) : most)
    guard (1...most).contains(steps) else {
      throw Failure("--steps is \(steps)", remedy: "give 1 to \(most)")
    }
    let request = SampleRequest(
      labels: classes.flatMap { [Int](repeating: $0, count: count) },
      steps: steps, rule: sampler == .ddim ? .ddim(eta: eta ?? 0) : .ddpm,
      guidanceScale: guidanceScale, guidedSteps: interval.guidedSteps?.steps, seed: seed)
    let progress = ProgressBar("sampling", total: request.labels.count * steps)
    let started = ContinuousClock.now
    let images = request.images(from: model) { progress.move(to: $0) }
    progress.finish()
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let pictures = PictureGrid.pictures(images)
    let rows = classes.indices.map { Array(pictures[$0 * count..<($0 + 1) * count]) }
    try labelledGrid(rows, names: classes.map { model.classes[$0] })
      .write(to: URL(filePath: output))
    let manifest = try Manifest(in: folder)
    if let note = (manifest.denoiser ?? manifest.pixels)?.dataNote {
      print("weights trained on: \(note)")
    }
    print(
      String(
        format: "%d images in %.1f s (%@, %d steps, guidance %g, seed %d): %@",
        request.labels.count, seconds, sampler.rawValue, steps, guidanceScale, Int(seed), output))
  }
}

/// Refuses a file that cannot be written before time is spent on its content.
func checkWritable(_ path: String) throws {
  let folder = URL(filePath: path).deletingLastPathComponent().path
  let manager = FileManager.default
  var isFolder: ObjCBool = false
  guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
    throw Failure(
      path, .unwritable, "lies in a folder that does not exist",
      remedy: "make the folder \(folder), or name another file with --output")
  }
  if manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    throw Failure(
      path, .unwritable, "is a folder",
      remedy: "name a file with --output, as in \(path)/samples.png")
  }
  guard ["png", "svg", "pdf"].contains(URL(filePath: path).pathExtension.lowercased()) else {
    throw Failure(
      path, .unwritable, "does not say what kind of file to write",
      remedy: "let --output end in .png, .svg or .pdf")
  }
  guard manager.isWritableFile(atPath: folder) else {
    throw Failure(
      path, .unwritable, "lies in a folder that may not be written in",
      remedy: "name another file with --output")
  }
}
