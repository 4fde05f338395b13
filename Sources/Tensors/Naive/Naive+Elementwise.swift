extension Naive {
  /// Applies SiLU to every element: `x·σ(x)` with the logistic function σ
  /// (Ramachandran, Zoph and Le, "Searching for activation functions", 2017).
  public static func silu(_ x: Tensor) -> Tensor {
    var y = x
    for i in 0..<x.count {
      let value = Double(x[flat: i])
      y[flat: i] = Float(value * logistic(value))
    }
    return y
  }

  /// Carries the gradient of `silu` to its input: `dy·σ(x)·(1 + x·(1 - σ(x)))`.
  ///
  /// - Parameter x: the input of `silu`, not its output.
  public static func siluGradient(_ dy: Tensor, x: Tensor) -> Tensor {
    var dx = dy
    for i in 0..<x.count {
      dx[flat: i] = Float(Double(dy[flat: i]) * siluSlope(Double(x[flat: i])))
    }
    return dx
  }

  /// Doubles an image's extents by repeating every pixel in a square of two by two.
  ///
  /// - Parameter x: `[batch, height, width, channels]`.
  /// - Returns: `[batch, 2·height, 2·width, channels]`.
  public static func upsampledNearest(_ x: Tensor) -> Tensor {
    let (batch, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    var result = Tensor.zeros([batch, 2 * height, 2 * width, channels])
    for b in 0..<batch {
      for row in 0..<2 * height {
        for column in 0..<2 * width {
          for c in 0..<channels {
            result[b, row, column, c] = x[b, row / 2, column / 2, c]
          }
        }
      }
    }
    return result
  }

  /// Carries the gradient of `upsampledNearest` to its input: the sum over each square of four.
  ///
  /// - Parameter dy: `[batch, 2·height, 2·width, channels]`.
  /// - Returns: `[batch, height, width, channels]`.
  public static func upsampledNearestGradient(_ dy: Tensor) -> Tensor {
    let (height, width, channels) = (dy.shape[1], dy.shape[2], dy.shape[3])
    return unsafe accumulated([dy.shape[0], height / 2, width / 2, channels]) { sums in
      for index in 0..<dy.count {
        let (pixel, c) = (index / channels, index % channels)
        let (row, column) = (pixel / width, pixel % width)
        unsafe sums[(row / 2 * (width / 2) + column / 2) * channels + c] += Double(dy[flat: index])
      }
    }
  }
}
