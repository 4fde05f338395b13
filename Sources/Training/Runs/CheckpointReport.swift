import Files
import Foundation
import Learning

/// What is written at every checkpoint of a training: the averaged weights, measurements on test
/// images, an image, and a manifest.
struct CheckpointReport<Stage: TrainingStage> {
  let stage: Stage
  let name: StageName
  let settings: RunSettings
  let folder: RunFolder
  private let validation: MetricsFile

  /// Opens the table of measurements, which keeps its rows up to update `step`.
  init(
    _ stage: Stage, _ name: StageName, _ settings: RunSettings, in folder: RunFolder,
    upTo step: Int
  ) throws {
    (self.stage, self.name, self.settings, self.folder) = (stage, name, settings, folder)
    try Self.renameColumns(in: folder.validationPath)
    validation = try MetricsFile(
      folder.validationPath, columns: ["images", "seconds"] + stage.columns, upTo: step)
  }

  /// Writes the report, while the parameters hold the averaged weights.
  ///
  /// - Parameter isLast: whether the run ends here.
  func write(_ step: TrainingStep, losses: [String: Double], isLast: Bool) throws {
    try stage.save(in: folder.path)
    let measured = stage.measure(isLast: isLast)
    let progress = ["images": Double(step.images), "seconds": step.seconds]
    try validation.append(step: step.step, measured.merging(progress) { $1 })
    var manifest = try Manifest(in: folder.path)
    manifest[name] = Manifest.Stage(
      settings, parameters: stage.parameterCount, step: step, losses: losses, validation: measured)
    try manifest.write(in: folder.path)
    if let (name, image) = stage.image() {
      try image.write(to: URL(filePath: folder.samplePath(step.step, name: name)))
    }
    print("step \(step.step): \(stage.summary(measured))")
  }

  /// Gives a column of a table of an older version its present name.
  private static func renameColumns(in path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let lines = String(decoding: try AtomicFile.read(path), as: UTF8.self)
      .split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let columns = (lines.first ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard columns.contains("named_right") else { return }
    let header = columns.map { $0 == "named_right" ? "accuracy" : $0 }.joined(separator: ",")
    let text = ([header] + lines.dropFirst().map(String.init)).joined(separator: "\n")
    try AtomicFile.write(Data(text.utf8), to: path)
  }
}
