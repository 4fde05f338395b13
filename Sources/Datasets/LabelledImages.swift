import Foundation
import Parallelism
import Tensors

/// Small pictures in bytes, each with a class.
///
/// Pixels are laid out as in CIFAR-10's files: picture after picture, in each the red, the green
/// and the blue plane, row by row.
public struct LabelledImages: Sendable {
  /// What the pictures are and where they come from, for captions and records.
  public let name: String
  /// The names of the classes, in the order of their labels.
  public let classNames: [String]
  /// Colour planes of a picture.
  public let channels: Int
  /// Rows of a picture.
  public let height: Int
  /// Columns of a picture.
  public let width: Int
  /// All pixels, `[count, channels, height, width]`.
  public let pixels: [UInt8]
  /// The class of every picture.
  public let labels: [Int]

  /// Creates a set of pictures.
  public init(
    name: String, classNames: [String], channels: Int = 3, height: Int = 32, width: Int = 32,
    pixels: [UInt8], labels: [Int]
  ) {
    guard pixels.count == labels.count * channels * height * width else {
      fatalError("\(pixels.count) bytes are not \(labels.count) pictures")
    }
    guard labels.allSatisfy({ $0 >= 0 && $0 < classNames.count }) else {
      fatalError("labels must lie in 0..<\(classNames.count)")
    }
    self.name = name
    self.classNames = classNames
    self.channels = channels
    self.height = height
    self.width = width
    self.pixels = pixels
    self.labels = labels
  }

  /// The number of pictures.
  public var count: Int { labels.count }

  /// The bytes of one picture, `channels * height * width`.
  public var pictureSize: Int { channels * height * width }

  /// The bytes of one picture, plane by plane.
  public func bytes(_ index: Int) -> [UInt8] {
    Array(pixels[index * pictureSize..<(index + 1) * pictureSize])
  }

  /// Some of the pictures, in the order of `indices`.
  public func subset(_ indices: some Sequence<Int>) -> LabelledImages {
    let chosen = Array(indices)
    var bytes = [UInt8]()
    bytes.reserveCapacity(chosen.count * pictureSize)
    for index in chosen { bytes += pixels[index * pictureSize..<(index + 1) * pictureSize] }
    return LabelledImages(
      name: name, classNames: classNames, channels: channels, height: height, width: width,
      pixels: bytes, labels: chosen.map { labels[$0] })
  }

  /// The pictures of one class.
  public func ofClass(_ label: Int) -> LabelledImages {
    subset(labels.indices.filter { labels[$0] == label })
  }

  /// Pictures as numbers in -1…1, `[indices.count, channels, height, width]`.
  ///
  /// - Parameters:
  ///   - indices: which pictures.
  ///   - mirrored: which of them are turned left to right; none if `nil`.
  ///   - shifts: by how many rows and columns each is moved afterwards, down and to the right where
  ///     positive; what comes in from outside is 0.
  public func tensor(
    _ indices: [Int], mirrored: [Bool]? = nil, shifts: [(rows: Int, columns: Int)]? = nil
  ) -> Tensor {
    let size = pictureSize
    return Tensor(uninitialized: [indices.count, channels, height, width]) { result in
      pixels.withUnsafeBufferPointer { pixels in
        Parallel.forEach(indices.count) { entry in
          let source = UnsafeBufferPointer(
            rebasing: pixels[indices[entry] * size..<(indices[entry] + 1) * size])
          copy(
            source, to: result + entry * size, mirrored: mirrored?[entry] ?? false,
            shift: shifts?[entry] ?? (0, 0))
        }
      }
    }
  }

  /// All pictures as numbers in -1…1.
  public var tensor: Tensor { tensor(Array(0..<count)) }

  private func copy(
    _ source: UnsafeBufferPointer<UInt8>, to result: UnsafeMutablePointer<Float>, mirrored: Bool,
    shift: (rows: Int, columns: Int)
  ) {
    let columns = max(0, shift.columns)..<max(0, shift.columns, min(width, width + shift.columns))
    for row in 0..<channels * height {
      let start = row * width
      let origin = row % height - shift.rows
      let isInside = (0..<height).contains(origin)
      if columns.count < width || !isInside {
        (result + start).update(repeating: 0, count: width)
      }
      guard isInside else { continue }
      let line = (row - shift.rows) * width
      for column in columns {
        let from = column - shift.columns
        let place = line + (mirrored ? width - 1 - from : from)
        result[start + column] = PixelScale.number(source[place])
      }
    }
  }
}

/// The change between bytes 0…255 and numbers -1…1.
public enum PixelScale {
  /// The number that a byte stands for: -1 for 0, 1 for 255.
  @inlinable
  public static func number(_ byte: UInt8) -> Float { Float(byte) / 127.5 - 1 }

  /// The byte nearest to a number; what lies outside -1…1, or is not a number, goes to an end.
  @inlinable
  public static func byte(_ number: Float) -> UInt8 {
    let scaled = ((number + 1) * 127.5).rounded()
    return scaled > 0 ? UInt8(min(scaled, 255)) : 0
  }

  /// The bytes nearest to the elements of a tensor.
  public static func bytes(_ tensor: Tensor) -> [UInt8] {
    tensor.withElements { elements in (0..<tensor.count).map { byte(elements[$0]) } }
  }
}
