import Vectors

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
      let sums = work.pointer, means = work.pointer + channels
      let factors = work.pointer + 2 * channels, offsets = work.pointer + 3 * channels
      for image in range {
        let source = x + image * sizes.positions * channels
        let target = y + image * sizes.positions * channels
        let numbers = statistics + image * sizes.groups * 2
        channelSums(source, sizes, into: sums)
        groupMeans(sums, sizes) { group, mean in
          numbers[2 * group] = mean
          for c in group * sizes.groupSize..<(group + 1) * sizes.groupSize { means[c] = mean }
        }
        channelSquares(source, sizes, means, into: sums)
        groupMeans(sums, sizes) { group, variance in
          let factor = 1 / (variance + epsilon).squareRoot()
          numbers[2 * group + 1] = factor
          for c in group * sizes.groupSize..<(group + 1) * sizes.groupSize {
            factors[c] = factor * scale[c]
            offsets[c] = shift[c] - means[c] * factors[c]
          }
        }
        apply(source, sizes, factors, offsets, activation, into: target)
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
      for c in group * size..<(group + 1) * size { total += Double(sums[c]) }
      body(group, Float(total / Double(size * sizes.positions)))
    }
  }

  private static func channelSums(
    _ x: UnsafePointer<Float>, _ sizes: Sizes, into sums: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    var c = 0
    while c + laneCount <= channels {
      var total = Lanes.zero
      var start = 0
      while start < sizes.positions {
        let end = min(sizes.positions, start + 64)
        var even = Lanes.zero, odd = Lanes.zero
        var position = start
        while position + 1 < end {
          even += x.lanes(position * channels + c)
          odd += x.lanes((position + 1) * channels + c)
          position += 2
        }
        if position < end { even += x.lanes(position * channels + c) }
        total += even + odd
        start = end
      }
      sums.store(total, c)
      c += laneCount
    }
    while c < channels {
      var total = 0.0
      for position in 0..<sizes.positions { total += Double(x[position * channels + c]) }
      sums[c] = Float(total)
      c += 1
    }
  }

  private static func channelSquares(
    _ x: UnsafePointer<Float>, _ sizes: Sizes, _ means: UnsafePointer<Float>,
    into sums: UnsafeMutablePointer<Float>
  ) {
    let channels = sizes.channels
    var c = 0
    while c + laneCount <= channels {
      let mean = means.lanes(c)
      var total = Lanes.zero
      var start = 0
      while start < sizes.positions {
        let end = min(sizes.positions, start + 64)
        var even = Lanes.zero, odd = Lanes.zero
        var position = start
        while position + 1 < end {
          let first = x.lanes(position * channels + c) - mean
          let second = x.lanes((position + 1) * channels + c) - mean
          even.addProduct(first, first)
          odd.addProduct(second, second)
          position += 2
        }
        if position < end {
          let last = x.lanes(position * channels + c) - mean
          even.addProduct(last, last)
        }
        total += even + odd
        start = end
      }
      sums.store(total, c)
      c += laneCount
    }
    while c < channels {
      var total = 0.0
      for position in 0..<sizes.positions {
        let difference = Double(x[position * channels + c] - means[c])
        total += difference * difference
      }
      sums[c] = Float(total)
      c += 1
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
      let source = x + position * channels, target = y + position * channels
      var c = 0
      while c + laneCount <= channels {
        let u = offsets.lanes(c).addingProduct(source.lanes(c), factors.lanes(c))
        target.store(activates ? u * Lanes.sigmoid(u) : u, c)
        c += laneCount
      }
      while c < channels {
        let u = source[c] * factors[c] + offsets[c]
        target[c] = activates ? u * Lanes.sigmoid(Lanes(repeating: u))[0] : u
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
    Parallel.forRanges(sizes.batch, grain: 1) { range in
      let work = Storage(count: 6 * channels)
      for image in range {
        imageBackward(
          dy + image * sizes.positions * channels, x + image * sizes.positions * channels, sizes,
          statistics + image * sizes.groups * 2, scale, shift, activation == .silu,
          dx + image * sizes.positions * channels, parts.pointer + 2 * image * channels,
          work.pointer)
      }
    }
    LinearKernels.rowSum(
      parts.pointer, rows: sizes.batch, channels: 2 * channels, into: parts.pointer)
    dScale.update(from: parts.pointer, count: channels)
    dShift.update(from: parts.pointer + channels, count: channels)
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
    let inverse = work, centre = work + channels
    let factor = work + 2 * channels, product = work + 3 * channels, constant = work + 4 * channels
    for c in 0..<channels {
      let group = c / size
      inverse[c] = statistics[2 * group + 1]
      centre[c] = -statistics[2 * group] * statistics[2 * group + 1]
    }
    // First pass: ∂L/∂u into dx, and its sums with and without x̂.
    let dScale = parts, dShift = parts + channels
    var c = 0
    while c + laneCount <= channels {
      let i = inverse.lanes(c), m = centre.lanes(c), s = scale.lanes(c), b = shift.lanes(c)
      var sumScale = Lanes.zero, sumShift = Lanes.zero
      for position in 0..<sizes.positions {
        let at = position * channels + c
        let normal = m.addingProduct(x.lanes(at), i)
        var gradient = dy.lanes(at)
        if activates {
          let u = b.addingProduct(normal, s)
          let sigmoid = Lanes.sigmoid(u)
          let slope = sigmoid.addingProduct(u * sigmoid, Lanes(repeating: 1) - sigmoid)
          gradient *= slope
        }
        dx.store(gradient, at)
        sumScale.addProduct(gradient, normal)
        sumShift += gradient
      }
      dScale.store(sumScale, c)
      dShift.store(sumShift, c)
      c += laneCount
    }
    while c < channels {
      var sumScale: Float = 0, sumShift: Float = 0
      for position in 0..<sizes.positions {
        let at = position * channels + c
        let normal = x[at] * inverse[c] + centre[c]
        var gradient = dy[at]
        if activates {
          let u = normal * scale[c] + shift[c]
          let sigmoid = Lanes.sigmoid(Lanes(repeating: u))[0]
          gradient *= sigmoid + u * sigmoid * (1 - sigmoid)
        }
        dx[at] = gradient
        sumScale += gradient * normal
        sumShift += gradient
      }
      dScale[c] = sumScale
      dShift[c] = sumShift
      c += 1
    }
    // Second pass: dx = factor · ∂L/∂u + product · x + constant.
    let count = Double(size * sizes.positions)
    for group in 0..<sizes.groups {
      var meanGradient = 0.0, meanProduct = 0.0
      for c in group * size..<(group + 1) * size {
        meanGradient += Double(dShift[c] * scale[c])
        meanProduct += Double(dScale[c] * scale[c])
      }
      let g = Float(meanGradient / count), h = Float(meanProduct / count)
      for c in group * size..<(group + 1) * size {
        factor[c] = inverse[c] * scale[c]
        product[c] = -inverse[c] * h * inverse[c]
        constant[c] = -inverse[c] * (g + h * centre[c])
      }
    }
    for position in 0..<sizes.positions {
      let row = position * channels
      var c = 0
      while c + laneCount <= channels {
        var value = constant.lanes(c).addingProduct(dx.lanes(row + c), factor.lanes(c))
        value.addProduct(x.lanes(row + c), product.lanes(c))
        dx.store(value, row + c)
        c += laneCount
      }
      while c < channels {
        dx[row + c] = constant[c] + dx[row + c] * factor[c] + x[row + c] * product[c]
        c += 1
      }
    }
  }
}
