import ArgumentParser
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
    abstract: "Write a run's averaged weights as 16-bit numbers, with a manifest of their origin.")

  @Option(help: ArgumentHelp("A run of train-denoiser, or of train-autoencoder.", valueName: "run"))
  var weights: String

  @Option(help: ArgumentHelp("The folder to write to.", valueName: "folder"))
  var output: String

  @Option(help: "The numbers' format.")
  var format: NumberFormat = .float16

  func run() throws {
    let autoencoder = try LatentDiffusionModel.autoencoder(at: weights)
    var manifest = try Manifest(in: weights)
    manifest.format = format.rawValue
    let denoiserFile = "\(weights)/\(LatentDiffusionModel.denoiserFile)"
    let hasDenoiser = FileManager.default.fileExists(atPath: denoiserFile)
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw FileError(
        output, .unwritable, "cannot make this folder",
        remedy: "name a folder you may write in with --output")
    }
    if hasDenoiser {
      let model = try LatentDiffusionModel(loading: weights)
      try LatentDiffusionModel.save(
        model.denoiser, settings: model.settings,
        to: "\(output)/\(LatentDiffusionModel.denoiserFile)", format: format)
    }
    try LatentDiffusionModel.save(
      autoencoder, to: "\(output)/\(LatentDiffusionModel.autoencoderFile)", format: format)
    try manifest.write(in: output)
    let parts = hasDenoiser ? "autoencoder and denoiser" : "autoencoder"
    print("\(parts) as \(format.rawValue) in \(output)")
  }
}
