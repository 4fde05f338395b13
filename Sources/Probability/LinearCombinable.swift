/// A value to which diffusion applies: a number, a set of points, a batch of images, or a Gaussian
/// random variable, whose distribution is computed exactly.
///
/// The forward process and the samplers need only linear combinations, with double-precision
/// coefficients, and standard Gaussian samples of the same shape. So each is written once, and the
/// code that samples images is the code that is tested on numbers.
public protocol LinearCombinable: Sendable {
  /// The weighted sum of `terms`, in which all values have the same shape.
  static func sum(_ terms: (Double, Self)...) -> Self

  /// The value with `offset` added to every coordinate.
  func shifted(by offset: Double) -> Self

  /// The value with every coordinate clipped to `range`.
  func clipped(to range: ClosedRange<Double>) -> Self

  /// The number of entries that a sampler treats independently, each with its own random stream:
  /// points of a set, images of a batch.
  var entryCount: Int { get }

  /// Standard Gaussian samples in this value's shape, entry `i` from stream `i`.
  func normalSamples(using streams: inout RandomStreams) -> Self
}

/// A `LinearCombinable` of several entries, which can be concatenated and sliced.
public protocol LinearCombinableBatch: LinearCombinable {
  /// Adds two values with one weight per entry for each.
  static func sum(_ first: ([Double], Self), _ second: ([Double], Self)) -> Self

  /// The entries of all `parts`, of which there is at least one, in order.
  static func joined(_ parts: [Self]) -> Self

  /// Some of the entries.
  func entries(_ range: Range<Int>) -> Self
}

extension LinearCombinableBatch {
  /// The entries of this value followed by those of `other`.
  public func appending(_ other: Self) -> Self { .joined([self, other]) }
}

// MARK: - Numbers

extension Double: LinearCombinable {
  public static func sum(_ terms: (Double, Double)...) -> Double {
    terms.reduce(0) { $0 + $1.0 * $1.1 }
  }

  public func shifted(by offset: Double) -> Double { self + offset }

  public func clipped(to range: ClosedRange<Double>) -> Double {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }

  public var entryCount: Int { 1 }

  public func normalSamples(using streams: inout RandomStreams) -> Double {
    streams.normalPoints().values[0]
  }
}

/// A batch whose entries consist of channels: the coordinates of points, the planes of images.
public protocol ChanneledBatch: LinearCombinableBatch {
  /// This value with the last channel of every entry taken from `other`.
  func replacingLastChannel(from other: Self) -> Self
}
