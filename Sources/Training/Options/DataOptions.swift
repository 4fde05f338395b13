import ArgumentParser
import Files
import Learning

/// Where the images come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with CIFAR-10's binary files, or 'synthetic' for drawn shapes; by default "
        + "$CIFAR10_DIR, or else the download folder.", valueName: "folder|synthetic"))
  var data: String?

  @Option(help: "The images' provenance, for the manifest.")
  var dataNote: String?

  @Option(help: "The largest number of training images to use.")
  var limit: Int?

  func validate() throws { try checkPositive("--limit", limit) }

  /// Reads the images that the options name.
  func load() throws -> TrainingData {
    let images = try TrainingData(source: data, note: dataNote, limit: limit)
    print(images.announcement)
    return images
  }

  /// Reads the images of a resumed run; they must be the ones that it was started with.
  func load(as recorded: DataDescription, run: String) throws -> TrainingData {
    let images = try TrainingData(
      source: data ?? recorded.source, note: dataNote ?? recorded.note, limit: recorded.images)
    guard images.description.digest == recorded.digest else {
      throw Failure(
        run, .otherConfiguration,
        "was started with other images than those of \(images.description.source)",
        remedy: "name the same images with --data, or start another run with --out")
    }
    print(images.announcement)
    return images
  }
}
