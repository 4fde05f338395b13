import Parallelism
import SIMDMath

/// Group normalization (Wu and He, ECCV 2018) with the activation that follows it, channels last.
///
/// Statistics of a group come from two passes over the image, mean first, which loses no precision;
/// an image of the networks' sizes stays in the cache between them.
enum NormKernels {
  /// The sizes of one call: `batch` images of `positions` pixels with `channels` channels.
  struct Sizes {
    let batch: Int, positions: Int, channels: Int, groups: Int
    var groupSize: Int { channels / groups }
  }

  /// Normalizes; writes mean and 1/std of every group to `statistics`, `[batch, groups, 2]`.
  static func forward(
    _ x: UnsafePointer<Float>, _ sizes: Sizes, scale: UnsafePointer<Float>,
    shift: UnsafePointer<Float>, epsilon: Float, activation: Activation,
    into y: UnsafeMutablePointer<Float>, statistics: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    Parallel.forRanges(sizes.batch, grain: 1) { range in
      let work = Storage(count: 4 * channels)
      defer { withExtendedLifetime(work) {} }
      let sums = unsafe work.pointer, means = unsafe work.pointer + channels
      let factors = unsafe work.pointer + 2 * channels, offsets = unsafe work.pointer + 3 * channels
      for image in range {
        let source = unsafe x + image * sizes.positions * channels
        let target = unsafe y + image * sizes.positions * channels
        let numbers = unsafe statistics + image * sizes.groups * 2
        unsafe LinearKernels.sumRows(source, rows: sizes.positions, channels: channels, into: sums)
        unsafe groupMeans(sums, sizes) { group, mean in
          unsafe numbers[2 * group] = mean
          for c in group * sizes.groupSize..<(group + 1) * sizes.groupSize {
            unsafe means[c] = mean
          }
        }
        unsafe channelSquares(source, sizes, means, into: sums)
        unsafe groupMeans(sums, sizes) { group, variance in
          let factor = 1 / (variance + epsilon).squareRoot()
          unsafe numbers[2 * group + 1] = factor
          for c in group * sizes.groupSize..<(group + 1) * sizes.groupSize {
            unsafe factors[c] = unsafe factor * scale[c]
            unsafe offsets[c] = unsafe shift[c] - means[c] * factors[c]
          }
        }
        unsafe apply(source, sizes, factors, offsets, activation, into: target)
      }
    }
  }

  // Calls `body` with the mean over each group of per-channel sums.
  @inline(__always)
  private static func groupMeans(
    _ sums: UnsafePointer<Float>, _ sizes: Sizes, _ body: (Int, Float) -> Void
  ) {
    let size = sizes.groupSize
    for group in 0..<sizes.groups {
      var total = 0.0
      for c in group * size..<(group + 1) * size { unsafe total += Double(sums[c]) }
      body(group, Float(total / Double(size * sizes.positions)))
    }
  }

  // Sums of every channel's squared differences from `means`, as `LinearKernels.sumRows` adds.
  private static func channelSquares(
    _ x: UnsafePointer<Float>, _ sizes: Sizes, _ means: UnsafePointer<Float>,
    into sums: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    unsafe sums.update(repeating: 0, count: channels)
    for start in stride(from: 0, to: sizes.positions, by: 64) {
      let end = min(sizes.positions, start + 64)
      var c = 0
      while c + 4 * laneCount <= channels {
        let m0 = unsafe means.vector(c), m1 = unsafe means.vector(c + laneCount)
        let m2 = unsafe means.vector(c + 2 * laneCount), m3 = unsafe means.vector(c + 3 * laneCount)
        var s0 = FloatVector.zero, s1 = FloatVector.zero, s2 = FloatVector.zero,
          s3 = FloatVector.zero
        for position in start..<end {
          let row = unsafe x + position * channels + c
          let d0 = unsafe row.vector(0) - m0, d1 = unsafe row.vector(laneCount) - m1
          let d2 = unsafe row.vector(2 * laneCount) - m2, d3 = unsafe row.vector(3 * laneCount) - m3
          s0.addProduct(d0, d0)
          s1.addProduct(d1, d1)
          s2.addProduct(d2, d2)
          s3.addProduct(d3, d3)
        }
        unsafe sums.add(s0, c)
        unsafe sums.add(s1, c + laneCount)
        unsafe sums.add(s2, c + 2 * laneCount)
        unsafe sums.add(s3, c + 3 * laneCount)
        c += 4 * laneCount
      }
      while c + laneCount <= channels {
        let mean = unsafe means.vector(c)
        var sum = FloatVector.zero
        for position in start..<end {
          let difference = unsafe x.vector(position * channels + c) - mean
          sum.addProduct(difference, difference)
        }
        unsafe sums.add(sum, c)
        c += laneCount
      }
      while c < channels {
        for position in start..<end {
          let difference = unsafe x[position * channels + c] - means[c]
          unsafe sums[c] += difference * difference
        }
        c += 1
      }
    }
  }

  private static func apply(
    _ x: UnsafePointer<Float>, _ sizes: Sizes, _ factors: UnsafePointer<Float>,
    _ offsets: UnsafePointer<Float>, _ activation: Activation,
    into y: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    let activates = activation == .silu
    for position in 0..<sizes.positions {
      let source = unsafe x + position * channels, target = unsafe y + position * channels
      var c = 0
      if activates {
        while c + laneCount <= channels {
          let u = unsafe offsets.vector(c).addingProduct(source.vector(c), factors.vector(c))
          unsafe target.store(u * FloatVector.sigmoid(u), c)
          c += laneCount
        }
      } else {
        while c + laneCount <= channels {
          unsafe target.store(
            offsets.vector(c).addingProduct(source.vector(c), factors.vector(c)), c)
          c += laneCount
        }
      }
      while c < channels {
        let u = unsafe source[c] * factors[c] + offsets[c]
        unsafe target[c] = activates ? u * FloatVector.sigmoid(FloatVector(repeating: u))[0] : u
        c += 1
      }
    }
  }

  /// The gradients of input, scale and shift; those of scale and shift are sums over images of
  /// `[batch, channels]` parts that are added in order.
  static func backward(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ sizes: Sizes,
    statistics: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
    activation: Activation, dx: UnsafeMutablePointer<Float>,
    dScale: UnsafeMutablePointer<Float>, dShift: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    let parts = Storage(count: 2 * sizes.batch * channels)
    defer { withExtendedLifetime(parts) {} }
    Parallel.forRanges(sizes.batch, grain: 1) { range in
      let work = Storage(count: 6 * channels)
      defer { withExtendedLifetime(work) {} }
      for image in range {
        unsafe imageBackward(
          dy + image * sizes.positions * channels, x + image * sizes.positions * channels, sizes,
          statistics + image * sizes.groups * 2, scale, shift, activation == .silu,
          dx + image * sizes.positions * channels, parts.pointer + 2 * image * channels,
          work.pointer)
      }
    }
    unsafe LinearKernels.rowSum(
      parts.pointer, rows: sizes.batch, channels: 2 * channels, into: parts.pointer)
    unsafe dScale.update(from: parts.pointer, count: channels)
    unsafe dShift.update(from: parts.pointer + channels, count: channels)
  }

  /// What a vector of channels does to the gradient of the output.
  private struct Slopes {
    let inverse: FloatVector, center: FloatVector, scale: FloatVector, shift: FloatVector

    @inline(__always)
    init(
      _ inverse: UnsafePointer<Float>, _ center: UnsafePointer<Float>,
      _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ c: Int
    ) {
      (self.inverse, self.center) = unsafe (inverse.vector(c), center.vector(c))
      (self.scale, self.shift) = unsafe (scale.vector(c), shift.vector(c))
    }

    /// The normalized input x̂, and ∂L/∂u at u = scale x̂ + shift.
    @_transparent
    func gradient(_ dy: FloatVector, _ x: FloatVector, _ activates: Bool) -> (
      normal: FloatVector, gradient: FloatVector
    ) {
      let normal = center.addingProduct(x, inverse)
      if !activates { return (normal, dy) }
      let u = shift.addingProduct(normal, scale)
      let sigmoid = FloatVector.sigmoid(u)
      return (normal, dy * sigmoid.addingProduct(u * sigmoid, FloatVector(repeating: 1) - sigmoid))
    }
  }

  // With x̂ = (x - mean)/std, u = scale x̂ + shift and g = scale · ∂L/∂u, the gradient of x is
  // (g - mean(g) - x̂ mean(g x̂))/std, means over the group.
  private static func imageBackward(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ sizes: Sizes,
    _ statistics: UnsafePointer<Float>, _ scale: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ activates: Bool, _ dx: UnsafeMutablePointer<Float>,
    _ parts: UnsafeMutablePointer<Float>, _ work: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels, size = sizes.groupSize
    let inverse = unsafe work, center = unsafe work + channels
    let factor = unsafe work + 2 * channels, product = unsafe work + 3 * channels,
      constant = unsafe work + 4 * channels
    for c in 0..<channels {
      let group = c / size
      unsafe inverse[c] = unsafe statistics[2 * group + 1]
      unsafe center[c] = unsafe -statistics[2 * group] * statistics[2 * group + 1]
    }
    // First pass: ∂L/∂u into dx, and its sums with and without x̂.
    let dScale = unsafe parts, dShift = unsafe parts + channels
    var c = 0
    while c + 2 * laneCount <= channels {
      let first = unsafe Slopes(inverse, center, scale, shift, c)
      let second = unsafe Slopes(inverse, center, scale, shift, c + laneCount)
      var scaleSum0 = FloatVector.zero, shiftSum0 = FloatVector.zero
      var scaleSum1 = FloatVector.zero, shiftSum1 = FloatVector.zero
      for position in 0..<sizes.positions {
        let at = position * channels + c
        unsafe dy.prefetch(at + 8 * channels)
        unsafe x.prefetch(at + 8 * channels)
        let (normal0, gradient0) = unsafe first.gradient(dy.vector(at), x.vector(at), activates)
        let (normal1, gradient1) = unsafe second.gradient(
          dy.vector(at + laneCount), x.vector(at + laneCount), activates)
        unsafe dx.store(gradient0, at)
        unsafe dx.store(gradient1, at + laneCount)
        scaleSum0.addProduct(gradient0, normal0)
        shiftSum0 += gradient0
        scaleSum1.addProduct(gradient1, normal1)
        shiftSum1 += gradient1
      }
      unsafe dScale.store(scaleSum0, c)
      unsafe dShift.store(shiftSum0, c)
      unsafe dScale.store(scaleSum1, c + laneCount)
      unsafe dShift.store(shiftSum1, c + laneCount)
      c += 2 * laneCount
    }
    while c + laneCount <= channels {
      let slopes = unsafe Slopes(inverse, center, scale, shift, c)
      var scaleSum = FloatVector.zero, shiftSum = FloatVector.zero
      for position in 0..<sizes.positions {
        let at = position * channels + c
        let (normal, gradient) = unsafe slopes.gradient(dy.vector(at), x.vector(at), activates)
        unsafe dx.store(gradient, at)
        scaleSum.addProduct(gradient, normal)
        shiftSum += gradient
      }
      unsafe dScale.store(scaleSum, c)
      unsafe dShift.store(shiftSum, c)
      c += laneCount
    }
    while c < channels {
      var sumScale: Float = 0, sumShift: Float = 0
      for position in 0..<sizes.positions {
        let at = position * channels + c
        let normal = unsafe x[at] * inverse[c] + center[c]
        var gradient = unsafe dy[at]
        if activates {
          let u = unsafe normal * scale[c] + shift[c]
          let sigmoid = FloatVector.sigmoid(FloatVector(repeating: u))[0]
          gradient *= sigmoid + u * sigmoid * (1 - sigmoid)
        }
        unsafe dx[at] = gradient
        sumScale += gradient * normal
        sumShift += gradient
      }
      unsafe dScale[c] = sumScale
      unsafe dShift[c] = sumShift
      c += 1
    }
    // Second pass: dx = factor · ∂L/∂u + product · x + constant.
    let count = Double(size * sizes.positions)
    for group in 0..<sizes.groups {
      var meanGradient = 0.0, meanProduct = 0.0
      for c in group * size..<(group + 1) * size {
        unsafe meanGradient += Double(dShift[c] * scale[c])
        unsafe meanProduct += Double(dScale[c] * scale[c])
      }
      let g = Float(meanGradient / count), h = Float(meanProduct / count)
      for c in group * size..<(group + 1) * size {
        unsafe factor[c] = unsafe inverse[c] * scale[c]
        unsafe product[c] = unsafe -inverse[c] * h * inverse[c]
        unsafe constant[c] = unsafe -inverse[c] * (g + h * center[c])
      }
    }
    for position in 0..<sizes.positions {
      let row = position * channels
      var c = 0
      while c + laneCount <= channels {
        var value = unsafe constant.vector(c).addingProduct(dx.vector(row + c), factor.vector(c))
        unsafe value.addProduct(x.vector(row + c), product.vector(c))
        unsafe dx.store(value, row + c)
        c += laneCount
      }
      while c < channels {
        unsafe dx[row + c] = unsafe constant[c] + dx[row + c] * factor[c] + x[row + c] * product[c]
        c += 1
      }
    }
  }
}
