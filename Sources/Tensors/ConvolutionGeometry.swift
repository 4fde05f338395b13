/// The geometry of a convolution with a square kernel: its extent, stride and zero padding.
///
/// Output pixel `(y, x)` depends, through tap `(u, v)` of the kernel, on input pixel
/// `(y·stride + u - top, x·stride + v - left)`; pixels outside the image are zero.
public struct ConvolutionGeometry: Sendable, Hashable {
  /// The extent of the kernel along both axes.
  public var kernel: Int
  /// The distance between the input pixels of neighboring output pixels.
  public var stride: Int
  /// Rows of zeros above the image.
  public var top: Int
  /// Columns of zeros to the left of the image.
  public var left: Int
  /// Rows of zeros below the image.
  public var bottom: Int
  /// Columns of zeros to the right of the image.
  public var right: Int

  /// Creates a geometry with the same `padding` on all four sides.
  public init(kernel: Int, stride: Int = 1, padding: Int = 0) {
    self.init(
      kernel: kernel, stride: stride, top: padding, left: padding, bottom: padding, right: padding)
  }

  /// Creates a geometry whose padding may differ between the sides, as in the autoencoder's
  /// downsampling: kernel 3, stride 2, zeros below and to the right only.
  public init(kernel: Int, stride: Int, top: Int, left: Int, bottom: Int, right: Int) {
    guard kernel > 0, stride > 0, top >= 0, left >= 0, bottom >= 0, right >= 0 else {
      fatalError("a convolution of kernel \(kernel), stride \(stride) and negative padding")
    }
    self.kernel = kernel
    self.stride = stride
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  /// The extents of the output for an image of `height` by `width`.
  ///
  /// Rows and columns at the bottom and right that do not fill a whole stride are ignored.
  public func outputExtents(height: Int, width: Int) -> (height: Int, width: Int) {
    let rows = height + top + bottom - kernel
    let columns = width + left + right - kernel
    guard rows >= 0, columns >= 0 else {
      fatalError("an image of \(height) by \(width) is too small for a kernel of \(kernel)")
    }
    return (rows / stride + 1, columns / stride + 1)
  }

  /// The extents of the output of a transposed convolution of an image of `height` by `width`:
  /// the smallest image from which the convolution makes `height` by `width`.
  public func transposedOutputExtents(height: Int, width: Int) -> (height: Int, width: Int) {
    let rows = (height - 1) * stride + kernel - top - bottom
    let columns = (width - 1) * stride + kernel - left - right
    guard rows > 0, columns > 0 else {
      fatalError("padding leaves nothing of a transposed convolution of \(height) by \(width)")
    }
    return (rows, columns)
  }

  /// The shape of the output, `[batch, height, width, outputs]`, for an input
  /// `[batch, height, width, channels]`.
  public func outputShape(_ input: Shape, outputs: Int) -> Shape {
    let (height, width) = outputExtents(height: input[1], width: input[2])
    return [input[0], height, width, outputs]
  }

  /// The shape of the output of a transposed convolution, `[batch, height, width, outputs]`.
  public func transposedOutputShape(_ input: Shape, outputs: Int) -> Shape {
    let (height, width) = transposedOutputExtents(height: input[1], width: input[2])
    return [input[0], height, width, outputs]
  }
}
