import ArgumentParser
import Datasets
import Files
import Foundation
import Learning

/// Where the images come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with CIFAR-10's binary files, or 'synthetic' for drawn shapes; otherwise "
        + "$CIFAR10_DIR, otherwise the download folder.", valueName: "folder|synthetic"))
  var data: String?

  @Option(help: "What the manifest shall say of the images' provenance.")
  var dataNote: String?

  @Option(help: "Use only so many of the training images.")
  var limit: Int?

  func validate() throws {
    try checkPositive("--limit", limit)
  }

  /// Reads the images that the options name.
  func load() throws -> TrainingData {
    try TrainingData(source: data, note: dataNote, limit: limit)
  }

  /// Reads the images of a run that goes on; they must be the ones that it was started with.
  func load(as recorded: DataDescription, run: String) throws -> TrainingData {
    let images = try TrainingData(
      source: data ?? recorded.source, note: dataNote ?? recorded.note, limit: recorded.images)
    guard images.description.digest == recorded.digest else {
      throw Failure(
        run, .otherConfiguration,
        "was started with other images than those of \(images.description.source)",
        remedy: "name the same images with --data, or start another run with --out")
    }
    return images
  }
}
