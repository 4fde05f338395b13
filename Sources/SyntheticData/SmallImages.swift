import Datasets
import Files

/// The small images of the chapters that train a model on the spot: 16x16 pixels, ten classes.
///
/// By default they are the shapes of `SyntheticImages` in white on black, one plane: simple enough
/// for a model to learn in a minute.
public enum SmallImages {
  /// Rows and columns of an image.
  public static let size = 16

  /// Draws or reads images and halves their extents.
  ///
  /// - Parameters:
  ///   - count: how many; the first ones of what there is.
  ///   - source: "synthetic" for drawn shapes, "cifar10" for CIFAR-10 (three planes) wherever
  ///     `CIFAR10.folder()` finds it, or the folder of its files.
  ///   - part: training images, or others that are not trained on.
  ///   - seed: which collection of drawn shapes.
  /// - Throws: `Failure` if the files are missing or damaged.
  public static func load(
    _ count: Int, source: String = "synthetic", part: CIFAR10.Part = .training, seed: UInt64 = 0
  ) throws(Failure) -> LabeledImages {
    if source == "synthetic" { return synthetic(count, part: part, seed: seed) }
    let folder = try CIFAR10.folder(source == "cifar10" ? nil : source)
    let images = try CIFAR10.load(part, from: folder, files: (count + 9999) / 10_000)
    return images.subset(0..<min(count, images.count)).reduced(by: 2)
  }

  /// Draws small shapes; the label of image `i` is `i % 10`.
  ///
  /// - Parameters:
  ///   - part: training images, or another collection.
  ///   - seed: which collection.
  ///   - style: white on black makes one plane, colored shapes have three.
  public static func synthetic(
    _ count: Int, part: CIFAR10.Part = .training, seed: UInt64 = 0,
    style: SyntheticImages.Style = .stencil
  ) -> LabeledImages {
    let collection = 2 &* seed &+ (part == .training ? 0 : 1)
    let images = SyntheticImages.images(count, seed: collection, style: style).reduced(by: 2)
    return style == .stencil ? images.gray() : images
  }
}
