import Foundation
import Learning
import Tensors

/// Labelled 32x32 color images in memory, as bytes in CIFAR's layout: three planes an image.
struct ImageSet: Sendable {
  let bytes: [UInt8]
  let labels: [Int]
  var count: Int { labels.count }
  static let imageBytes = 3072

  /// The images at `indices`, shape `[indices.count, 3, 32, 32]`, values in -1…1.
  ///
  /// - Parameter mirrored: which of them to mirror; none where nil.
  func images(_ indices: some Collection<Int>, mirrored: [Bool]? = nil) -> Tensor {
    Tensor(uninitialized: [indices.count, 3, 32, 32]) { out in
      bytes.withUnsafeBufferPointer { source in
        for (row, index) in indices.enumerated() {
          let image = source.baseAddress! + index * Self.imageBytes
          let target = out + row * Self.imageBytes
          if mirrored?[row] == true {
            for line in stride(from: 0, to: Self.imageBytes, by: 32) {
              for x in 0..<32 { target[line + x] = Float(image[line + 31 - x]) / 127.5 - 1 }
            }
          } else {
            for i in 0..<Self.imageBytes { target[i] = Float(image[i]) / 127.5 - 1 }
          }
        }
      }
    }
  }

  /// A short name for these very images and labels: an FNV-1a hash over both.
  var digest: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    bytes.withUnsafeBufferPointer { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    for label in labels { hash = (hash ^ UInt64(label)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
