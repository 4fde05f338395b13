import Parallelism
import SIMDMath

extension Kernel {
  /// Applies SiLU to every element: `x·σ(x)`.
  public static func silu(_ x: Tensor) -> Tensor {
    unsafe Tensor(uninitialized: x.shape) { y in
      let source = unsafe UnsafePointer(x.storage.pointer)
      Parallel.forRanges(x.count, grain: 1 << 15) { range in
        var i = range.lowerBound
        while i + laneCount <= range.upperBound {
          let u = unsafe source.vector(i)
          unsafe y.store(u * FloatVector.sigmoid(u), i)
          i += laneCount
        }
        while i < range.upperBound {
          unsafe y[i] = unsafe source[i] * FloatVector.sigmoid(FloatVector(repeating: source[i]))[0]
          i += 1
        }
      }
    }
  }

  /// Carries the gradient of `silu` to its input `x`.
  public static func siluGradient(_ dy: Tensor, x: Tensor) -> Tensor {
    unsafe Tensor(uninitialized: x.shape) { dx in
      let source = unsafe UnsafePointer(x.storage.pointer),
        gradient = unsafe UnsafePointer(dy.storage.pointer)
      Parallel.forRanges(x.count, grain: 1 << 15) { range in
        var i = range.lowerBound
        while i + laneCount <= range.upperBound {
          unsafe dx.store(gradient.vector(i) * slope(source.vector(i)), i)
          i += laneCount
        }
        while i < range.upperBound {
          unsafe dx[i] = unsafe gradient[i] * slope(FloatVector(repeating: source[i]))[0]
          i += 1
        }
      }
    }
  }

  // The derivative of u σ(u): σ + u σ (1 - σ).
  @_transparent
  private static func slope(_ u: FloatVector) -> FloatVector {
    let sigmoid = FloatVector.sigmoid(u)
    return sigmoid.addingProduct(u * sigmoid, FloatVector(repeating: 1) - sigmoid)
  }

  /// Doubles the extents of `[batch, height, width, channels]` by repeating every pixel.
  public static func upsampledNearest(_ x: Tensor) -> Tensor {
    let (batch, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return unsafe Tensor(uninitialized: [batch, 2 * height, 2 * width, channels]) { y in
      let source = unsafe x.storage.pointer
      Parallel.forRanges(batch * height, grain: 16) { rows in
        for row in rows {
          let target = unsafe y + row * 4 * width * channels
          for column in 0..<width {
            let pixel = unsafe source + (row * width + column) * channels
            unsafe (target + 2 * column * channels).update(from: pixel, count: channels)
            unsafe (target + (2 * column + 1) * channels).update(from: pixel, count: channels)
          }
          unsafe (target + 2 * width * channels).update(from: target, count: 2 * width * channels)
        }
      }
    }
  }

  /// Carries the gradient of `upsampledNearest` to its input: the sum over each square of four.
  public static func upsampledNearestGradient(_ dy: Tensor) -> Tensor {
    let (batch, height, width) = (dy.shape[0], dy.shape[1] / 2, dy.shape[2] / 2)
    let channels = dy.shape[3]
    return unsafe Tensor(uninitialized: [batch, height, width, channels]) { dx in
      let source = unsafe UnsafePointer(dy.storage.pointer)
      Parallel.forRanges(batch * height, grain: 16) { rows in
        for row in rows {
          for column in 0..<width {
            let corner = unsafe source + (row * 4 * width + 2 * column) * channels
            let below = unsafe corner + 2 * width * channels
            let target = unsafe dx + (row * width + column) * channels
            var c = 0
            while c + laneCount <= channels {
              unsafe target.store(
                corner.vector(c) + corner.vector(channels + c)
                  + (below.vector(c) + below.vector(channels + c)), c)
              c += laneCount
            }
            while c < channels {
              unsafe target[c] =
                unsafe corner[c] + corner[channels + c] + (below[c] + below[channels + c])
              c += 1
            }
          }
        }
      }
    }
  }
}
