import Files
import Foundation
import Learning
import Tensors

/// Where weights come from: manifest.json beside them.
struct Manifest: Codable {
  /// One stage of training.
  struct Stage: Codable, Equatable {
    var command: String
    var seed: UInt64
    var data: String
    var dataNote: String
    var parameters: Int
    var steps: Int
    var imagesSeen: Int
    var minutes: Double
    var processor: String
    var finished: String
    /// The commit of the code, as `SourceCode.commit` has it; nil where it is not known.
    var commit: String?
    /// The stretches of a run that was resumed, each with its command; nil for one in one piece.
    var parts: [RunPart]?
    /// Averages over the last hundred updates.
    var losses: [String: Double]
    /// Measured on images that were not trained on, with the averaged weights.
    var validation: [String: Double]
    /// The runs that made the weights that this one started from, oldest first; nil for one that
    /// started from random weights.
    var earlier: [Stage]?

    /// This run and those before it, oldest first.
    var lineage: [Stage] { (earlier ?? []) + [self] }
    /// All training that is in the weights.
    var totalImages: Int { lineage.reduce(0) { $0 + $1.imagesSeen } }
    var totalMinutes: Double { lineage.reduce(0) { $0 + $1.minutes } }
  }

  var autoencoder: Stage?
  var denoiser: Stage?
  var classifier: Stage?
  var pixels: Stage?
  /// How the numbers are kept.
  var format: String?

  static let fileName = "manifest.json"

  init() {}

  /// Reads the manifest in `folder`; empty if there is none.
  init(in folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      self = try JSONDecoder().decode(Manifest.self, from: AtomicFile.read(path))
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure(
        path, .malformed, "is not a manifest of weights", remedy: "write the weights again")
    }
  }

  /// Reads the manifest that belongs to weights at `path`, a folder or a file in it.
  init(beside path: String) throws {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    try self.init(
      in: isFolder.boolValue ? path : URL(filePath: path).deletingLastPathComponent().path)
  }

  /// The stage of this name: autoencoder, denoiser, classifier or pixels.
  subscript(name: String) -> Stage? {
    ["autoencoder": autoencoder, "denoiser": denoiser, "classifier": classifier, "pixels": pixels][
      name] ?? nil
  }

  /// Takes over what `other` says of its stages.
  mutating func take(_ other: Manifest) {
    autoencoder = other.autoencoder ?? autoencoder
    denoiser = other.denoiser ?? denoiser
    classifier = other.classifier ?? classifier
    pixels = other.pixels ?? pixels
  }

  /// Writes the manifest into `folder`.
  func write(in folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = try encoder.encode(self) + Data("\n".utf8)
    try AtomicFile.write(text, to: "\(folder)/\(Self.fileName)")
  }

  /// The processor's name and the number of its cores in use.
  static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let name = lines.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }?.trimmingCharacters(in: .whitespaces)
    return "\(Parallel.threadCount) threads of \(name ?? "an unnamed processor")"
  }

  static var today: String {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withFullDate]
    return formatter.string(from: Date())
  }
}

extension Manifest.Stage {
  /// Describes a run as it stands after `step`.
  init(
    _ settings: RunSettings, parameters: Int, step: TrainingStep, losses: [String: Double],
    validation: [String: Double]
  ) {
    self.init(
      command: settings.command, seed: settings.plan.seed, data: settings.data.source,
      dataNote: settings.data.note, parameters: parameters, steps: step.step,
      imagesSeen: step.images, minutes: step.seconds / 60, processor: Manifest.processor,
      finished: Manifest.today, commit: SourceCode.commit, parts: settings.parts, losses: losses,
      validation: validation,
      earlier: settings.earlier)
  }
}
