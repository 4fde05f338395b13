/// Small images in bytes, each with a class.
///
/// Pixels are laid out as in CIFAR-10's files: image after image, in each the red, the green and
/// the blue plane, row by row.
public struct LabeledImages: Sendable {
  /// The name of the set, for captions and records.
  public let name: String
  /// The names of the classes, in the order of their labels.
  public let classNames: [String]
  /// Color planes of an image.
  public let channels: Int
  /// Rows of an image.
  public let height: Int
  /// Columns of an image.
  public let width: Int
  /// All pixels, `[count, channels, height, width]`.
  public let pixels: [UInt8]
  /// The class of every image.
  public let labels: [Int]

  /// Creates a set of images; traps if the counts do not fit or a label is out of range.
  public init(
    name: String, classNames: [String], channels: Int = 3, height: Int = 32, width: Int = 32,
    pixels: [UInt8], labels: [Int]
  ) {
    guard pixels.count == labels.count * channels * height * width else {
      fatalError("\(pixels.count) bytes are not \(labels.count) images")
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

  /// The number of images.
  public var count: Int { labels.count }

  /// The bytes of one image, `channels * height * width`.
  public var imageSize: Int { channels * height * width }

  /// The bytes of one image, plane by plane.
  public func bytes(_ index: Int) -> [UInt8] {
    Array(pixels[index * imageSize..<(index + 1) * imageSize])
  }

  /// The number that stands for a byte: -1 for 0, 1 for 255.
  @inlinable
  public static func value<Number: BinaryFloatingPoint>(of byte: UInt8) -> Number {
    Number(byte) / 127.5 - 1
  }

  /// All images as numbers in -1…1, image after image.
  public var values: [Double] { pixels.map { Self.value(of: $0) } }

  /// Some of the images, in the order of `indices`.
  public func subset(_ indices: some Sequence<Int>) -> LabeledImages {
    let chosen = Array(indices)
    var bytes = [UInt8]()
    bytes.reserveCapacity(chosen.count * imageSize)
    for index in chosen { bytes += pixels[index * imageSize..<(index + 1) * imageSize] }
    return LabeledImages(
      name: name, classNames: classNames, channels: channels, height: height, width: width,
      pixels: bytes, labels: chosen.map { labels[$0] })
  }

  /// The images of one class.
  public func ofClass(_ label: Int) -> LabeledImages {
    subset(labels.indices.filter { labels[$0] == label })
  }
}
