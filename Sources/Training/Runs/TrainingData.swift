import Datasets
import Files
import Learning
import SyntheticData

/// Images to train on and images to test with, and where they come from.
struct TrainingData: Sendable {
  let training: LabeledImages
  let test: LabeledImages
  let description: DataDescription

  /// The name of the shapes that the program draws itself.
  static let synthetic = "synthetic"

  /// Reads CIFAR-10 from the folder `source` (else from where it is usually found), or makes the
  /// synthetic images.
  ///
  /// - Parameters:
  ///   - note: the images' provenance.
  ///   - limit: the largest number of training images to use.
  init(source: String?, note: String?, limit: Int?) throws {
    let folder: String
    let provenance: String
    if source == Self.synthetic {
      training = SyntheticImages.images(min(limit ?? 10_000, 50_000))
      test = SyntheticImages.images(min(limit ?? 2000, 2000), seed: 1)
      folder = Self.synthetic
      provenance = "synthetic images drawn by the program, not CIFAR-10"
    } else {
      folder = try CIFAR10.folder(source)
      let all = try CIFAR10.load(.training, from: folder)
      training = limit.map { all.subset(0..<min($0, all.count)) } ?? all
      test = try CIFAR10.load(.test, from: folder)
      provenance = "CIFAR-10 as found in \(folder)"
    }
    description = DataDescription(
      source: folder, note: note ?? provenance, images: training.count, digest: training.digest)
  }

  /// What is used, in one line.
  var announcement: String {
    description.source == Self.synthetic
      ? "\(training.count) synthetic images drawn by this program: not CIFAR-10"
      : "\(training.count) images of CIFAR-10 in \(description.source)"
  }
}

/// The images that a run trains on.
struct DataDescription: Codable, Equatable {
  /// A folder, or `synthetic`.
  var source: String
  /// Where the images come from and what was done to them.
  var note: String
  /// The number of training images, and a digest of them and of their labels.
  var images: Int
  var digest: String
}

extension LabeledImages {
  /// A digest of all pixels and labels.
  var digest: String {
    var digest = Digest()
    digest.add(bytes: pixels)
    for label in labels { digest.add(word: UInt64(label)) }
    return String(digest.value, radix: 16)
  }
}
