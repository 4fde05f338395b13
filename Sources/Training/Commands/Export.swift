import ArgumentParser
import Files
import Foundation
import Learning
import Models
import Networks

extension NumberFormat: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
  public static var allValueStrings: [String] { allCases.map { $0.rawValue.lowercased() } }
}

/// Writes a trained model with 16-bit numbers, to be passed on.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a run's averaged weights as 16-bit numbers, with their manifest and metrics.")

  @Option(
    help: ArgumentHelp(
      "A run of train-denoiser, train-autoencoder, train-classifier or train-pixels.",
      valueName: "run"))
  var weights: String

  @Option(
    help: ArgumentHelp(
      "The folder to write to; weights of other networks in it stay.", valueName: "folder"))
  var output: String

  @Option(help: "The number format.")
  var format: NumberFormat = .float16

  func run() throws {
    let parts = try saves()
    guard !parts.isEmpty else {
      throw Failure(
        weights, .unreadable, "holds no weights", remedy: "name the folder of a run with --weights")
    }
    try makeFolder(output, option: "--output")
    for part in parts { try part.save() }
    var manifest = try Manifest(in: output)
    manifest.take(try Manifest(in: weights))
    manifest.format = format.rawValue
    try manifest.write(in: output)
    try copyMetrics(manifest)
    let names = parts.map(\.name).joined(separator: " and ")
    print("\(names) as \(format.rawValue) in \(output)")
  }

  /// Reads the networks in the folder; returns how to write each.
  private func saves() throws -> [(name: String, save: () throws -> Void)] {
    var saves: [(name: String, save: () throws -> Void)] = []
    if holds(ModelFile.autoencoder) {
      let autoencoder = try Autoencoder(loading: weights)
      let path = "\(output)/\(ModelFile.autoencoder)"
      saves.append(("autoencoder", { try autoencoder.save(to: path, format: format) }))
    }
    if holds(ModelFile.denoiser) {
      let model = try LatentDiffusionModel(loadingDenoiser: weights, autoencoder: nil)
      let path = "\(output)/\(ModelFile.denoiser)"
      saves.append(("denoiser", { try model.save(to: path, format: format) }))
    }
    if holds(ModelFile.classifier) {
      let classifier = try ImageClassifier(loading: weights)
      let path = "\(output)/\(ModelFile.classifier)"
      saves.append(("classifier", { try classifier.save(to: path, format: format) }))
    }
    if holds(ModelFile.pixels) {
      let pixels = try LatentDiffusionModel(loadingPixels: weights)
      let path = "\(output)/\(ModelFile.pixels)"
      saves.append(("diffusion model of pixels", { try pixels.save(to: path, format: format) }))
    }
    return saves
  }

  /// Copies the table of the run's losses; a run that started from weights of others has its number
  /// among them in the file's name.
  private func copyMetrics(_ manifest: Manifest) throws {
    guard let folder = try? RunFolder(opening: weights),
      FileManager.default.fileExists(atPath: folder.metricsPath)
    else { return }
    let name = try folder.configuration(as: AnyRun.self).stage
    let runs = manifest[name]?.lineage.count ?? 1
    let file = "\(name)-metrics" + (runs > 1 ? "-\(runs)" : "") + ".csv"
    try AtomicFile.write(try AtomicFile.read(folder.metricsPath), to: "\(output)/\(file)")
  }

  private func holds(_ file: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(weights)/\(file)")
  }
}
