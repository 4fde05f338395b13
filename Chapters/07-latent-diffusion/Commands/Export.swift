import ArgumentParser
import Files
import Foundation
import Learning

extension NumberFormat: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
  public static var allValueStrings: [String] { allCases.map { $0.rawValue.lowercased() } }
}

/// Writes a trained model small, to be passed on.
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

  @Option(help: "The numbers' format.")
  var format: NumberFormat = .float16

  func run() throws {
    let classifier =
      holds(ImageClassifier.file) ? try ImageClassifier(loading: weights) : nil
    let pixels =
      holds(PixelDiffusionModel.file) ? try PixelDiffusionModel(loading: weights) : nil
    let isAlone = classifier != nil || pixels != nil
    let autoencoder = isAlone ? nil : try LatentDiffusionModel.autoencoder(at: weights)
    let model =
      holds(LatentDiffusionModel.denoiserFile)
      ? try LatentDiffusionModel(loading: weights) : nil
    try makeFolder()
    var parts: [String] = []
    if let autoencoder {
      try LatentDiffusionModel.save(
        autoencoder, to: "\(output)/\(LatentDiffusionModel.autoencoderFile)", format: format)
      parts.append("autoencoder")
    }
    if let model {
      try LatentDiffusionModel.save(
        model.denoiser, settings: model.settings,
        to: "\(output)/\(LatentDiffusionModel.denoiserFile)", format: format)
      parts.append("denoiser")
    }
    if let classifier {
      try classifier.save(to: "\(output)/\(ImageClassifier.file)", format: format)
      parts.append("classifier")
    }
    if let pixels {
      try pixels.save(to: "\(output)/\(PixelDiffusionModel.file)", format: format)
      parts.append("model of pixels")
    }
    var manifest = try Manifest(in: output)
    manifest.take(try Manifest(in: weights))
    manifest.format = format.rawValue
    try manifest.write(in: output)
    try copyMetrics(manifest)
    print("\(parts.joined(separator: " and ")) as \(format.rawValue) in \(output)")
  }

  /// Copies the table of the run's losses; one that started from weights of another run takes its
  /// number among those.
  private func copyMetrics(_ manifest: Manifest) throws {
    guard let folder = try? RunFolder(opening: weights),
      FileManager.default.fileExists(atPath: folder.metricsPath)
    else { return }
    let name = try folder.configuration(as: AnyRun.self).stage
    let stage = manifest[name]
    let runs = stage?.lineage.count ?? 1
    let file = "\(name)-metrics" + (runs > 1 ? "-\(runs)" : "") + ".csv"
    try AtomicFile.write(try AtomicFile.read(folder.metricsPath), to: "\(output)/\(file)")
  }

  private func holds(_ file: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(weights)/\(file)")
  }

  private func makeFolder() throws {
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw Failure(
        output, .unwritable, "cannot make this folder",
        remedy: "name a folder you may write in with --output")
    }
  }
}
