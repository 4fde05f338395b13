import Foundation
import Tensors

/// Something that diffusion can act on: a number, a set of points, a batch of images, or a random
/// variable whose law is followed exactly.
///
/// The forward process and every sampler need nothing but linear combinations, whose coefficients
/// are double-precision, and normal draws of the same form. So each is written once, and the code
/// that makes pictures is the code that is checked on numbers.
public protocol Diffusable: Sendable {
  /// The weighted sum of `terms`, in which all values have the same form.
  static func sum(_ terms: (Double, Self)...) -> Self

  /// The value with `offset` added to every coordinate.
  func shifted(by offset: Double) -> Self

  /// The value with every coordinate moved to the nearest place in `range`.
  func clipped(to range: ClosedRange<Double>) -> Self

  /// The number of entries that a sampler treats independently, each with a random stream of its
  /// own: points of a set, images of a batch.
  var entryCount: Int { get }

  /// Standard normal draws in this value's form: entry `i` from stream `i`.
  func normalDraws(using streams: inout Streams) -> Self
}

/// A `Diffusable` of several entries, which can be put side by side and taken apart.
public protocol DiffusableBatch: Diffusable {
  /// The entries of this value followed by those of `other`.
  func appending(_ other: Self) -> Self

  /// Some of the entries.
  func entries(_ range: Range<Int>) -> Self
}
