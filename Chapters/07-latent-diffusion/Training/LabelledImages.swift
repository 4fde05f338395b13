import Foundation
import Learning

/// Images to train on and images to test with.
struct LabelledImages: Sendable {
  let training: ImageSet
  let test: ImageSet
  let description: DataDescription
  /// One line for the reader: what is used.
  let announcement: String

  static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  init(source: String?, note: String?, limit: Int?) throws {
    let folder = source ?? ProcessInfo.processInfo.environment["CIFAR10_DIR"] ?? "data"
    var bytes: [UInt8] = [], labels: [Int] = []
    for file in 1...5 {
      try Self.read("\(folder)/data_batch_\(file).bin", &bytes, &labels)
    }
    var testBytes: [UInt8] = [], testLabels: [Int] = []
    try Self.read("\(folder)/test_batch.bin", &testBytes, &testLabels)
    let count = min(limit ?? labels.count, labels.count)
    training = ImageSet(bytes: Array(bytes.prefix(count * 3072)), labels: Array(labels.prefix(count)))
    test = ImageSet(bytes: testBytes, labels: testLabels)
    description = DataDescription(
      source: folder, note: note ?? "CIFAR-10", images: count, digest: training.digest)
    announcement = "\(count) images of CIFAR-10 in \(folder)"
  }

  private static func read(_ path: String, _ bytes: inout [UInt8], _ labels: inout [Int]) throws {
    let data = [UInt8](try AtomicFile.read(path))
    for start in stride(from: 0, to: data.count, by: 3073) {
      labels.append(Int(data[start]))
      bytes += data[start + 1..<start + 3073]
    }
  }
}
