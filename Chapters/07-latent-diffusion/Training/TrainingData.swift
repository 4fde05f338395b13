import Datasets
import Foundation
import Learning
import Tensors

/// Images to train on and images to test with, and where they come from.
struct TrainingData: Sendable {
  let training: LabelledImages
  let test: LabelledImages
  let description: DataDescription

  /// The name of the pictures that the program draws itself.
  static let synthetic = "synthetic"

  /// Reads CIFAR-10 from the folder `source` (else from where it is usually found), or draws the
  /// synthetic pictures.
  ///
  /// - Parameters:
  ///   - note: what to say of the images' provenance.
  ///   - limit: the most training images to use.
  init(source: String?, note: String?, limit: Int?) throws {
    if source == Self.synthetic {
      training = SyntheticImages.images(min(limit ?? 10_000, 50_000))
      test = SyntheticImages.images(min(limit ?? 2000, 2000), seed: 1)
    } else {
      let folder = try CIFAR10.folder(source)
      let all = try CIFAR10.load(.training, from: folder)
      training = limit.map { all.subset(0..<min($0, all.count)) } ?? all
      test = try CIFAR10.load(.test, from: folder)
    }
    let folder = source == Self.synthetic ? Self.synthetic : try CIFAR10.folder(source)
    let usual =
      source == Self.synthetic
      ? "synthetic pictures drawn by the program, not CIFAR-10" : "CIFAR-10 as found in \(folder)"
    description = DataDescription(
      source: folder, note: note ?? usual, images: training.count, digest: training.digest)
  }

  /// One line for the reader: what is used.
  var announcement: String {
    description.source == Self.synthetic
      ? "\(training.count) synthetic pictures drawn by this program: not CIFAR-10"
      : "\(training.count) images of CIFAR-10 in \(description.source)"
  }
}

extension LabelledImages {
  /// A short name for these very images and labels: an FNV-1a hash over both.
  var digest: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    pixels.withUnsafeBufferPointer { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    for label in labels { hash = (hash ^ UInt64(label)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
