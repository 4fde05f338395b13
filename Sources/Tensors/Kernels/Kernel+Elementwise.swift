extension Kernel {
  /// Applies SiLU to every element: `x·σ(x)`.
  public static func silu(_ x: Tensor) -> Tensor { Naive.silu(x) }

  /// Carries the gradient of `silu` to its input `x`.
  public static func siluGradient(_ dy: Tensor, x: Tensor) -> Tensor {
    Naive.siluGradient(dy, x: x)
  }

  /// Doubles the extents of `[batch, height, width, channels]` by repeating every pixel.
  public static func upsampledNearest(_ x: Tensor) -> Tensor { Naive.upsampledNearest(x) }

  /// Carries the gradient of `upsampledNearest` to its input: the sum over each square of four.
  public static func upsampledNearestGradient(_ dy: Tensor) -> Tensor {
    Naive.upsampledNearestGradient(dy)
  }
}
