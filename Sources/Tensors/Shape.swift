/// The extents of a tensor, outermost axis first: `[batch, channels, height, width]` for images.
public typealias Shape = [Int]

extension Shape {
  /// The number of elements: the product of the extents, 1 for a scalar.
  public var elementCount: Int { reduce(1, *) }
}
