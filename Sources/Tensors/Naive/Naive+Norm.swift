extension Naive {
  /// Calls `body` with each (image, group) and the indices of its elements in `[batch, …, C]`.
  @inline(__always)
  private static func forEachGroup(
    _ shape: Shape, groups: Int, _ body: (_ slot: Int, _ indices: [Int]) -> Void
  ) {
    let channels = shape.last!
    guard channels % groups == 0 else {
      fatalError("\(channels) channels do not divide into \(groups) groups")
    }
    let (pixels, size) = (shape.dropFirst().dropLast().reduce(1, *), channels / groups)
    for slot in 0..<shape[0] * groups {
      let (image, group) = (slot / groups, slot % groups)
      body(
        slot,
        (0..<pixels * size).map { element in
          (image * pixels + element / size) * channels + group * size + element % size
        })
    }
  }

  /// Normalizes each group of channels of each image to mean 0 and variance 1, then scales and
  /// shifts every channel, then activates (Wu and He, "Group normalization", ECCV 2018):
  /// `y = activation(scale·(x - mean)/√(variance + epsilon) + shift)`.
  ///
  /// - Parameters:
  ///   - x: `[batch, …, channels]`.
  ///   - scale: `[channels]`.
  ///   - shift: `[channels]`.
  ///   - groups: a divisor of the number of channels.
  /// - Returns: the output, and `[batch, groups, 2]`: each group's mean and
  ///   `1/√(variance + epsilon)`, for the gradient.
  public static func groupNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, groups: Int, epsilon: Float, activation: Activation
  ) -> (output: Tensor, statistics: Tensor) {
    let channels = x.shape.last!
    var output = Tensor.zeros(like: x)
    var statistics = Tensor.zeros([x.shape[0], groups, 2])
    forEachGroup(x.shape, groups: groups) { slot, indices in
      let count = Double(indices.count)
      let mean = indices.reduce(0.0) { $0 + Double(x[flat: $1]) } / count
      let variance =
        indices.reduce(0.0) { sum, i in
          let difference = Double(x[flat: i]) - mean
          return sum + difference * difference
        } / count
      let inverse = 1 / (variance + Double(epsilon)).squareRoot()
      for i in indices {
        let normalized = (Double(x[flat: i]) - mean) * inverse
        let c = i % channels
        let value = Double(scale[flat: c]) * normalized + Double(shift[flat: c])
        output[flat: i] = Float(activation == .silu ? value * logistic(value) : value)
      }
      statistics[flat: 2 * slot] = Float(mean)
      statistics[flat: 2 * slot + 1] = Float(inverse)
    }
    return (output, statistics)
  }

  /// Carries the gradient of `groupNorm` to its three inputs.
  ///
  /// With `x̂ = (x - mean)·inverse` and `g = dy·activation'(scale·x̂ + shift)`: the shift's gradient
  /// is `Σ g`, the scale's `Σ g·x̂`, and, with `h = g·scale` and means over the group, the input's
  /// `inverse·(h - mean(h) - x̂·mean(h·x̂))`: the projection of `h` orthogonal to the two directions that
  /// normalization removes.
  ///
  /// - Parameter statistics: `[batch, groups, 2]`, as `groupNorm` returned it.
  /// - Returns: gradients of `x`, of `scale` and of `shift`.
  public static func groupNormGradient(
    _ dy: Tensor, x: Tensor, statistics: Tensor, scale: Tensor, shift: Tensor, groups: Int,
    activation: Activation
  ) -> (x: Tensor, scale: Tensor, shift: Tensor) {
    let channels = x.shape.last!
    var dx = Tensor.zeros(like: x)
    var scaleSums = [Double](repeating: 0, count: channels)
    var shiftSums = scaleSums
    forEachGroup(x.shape, groups: groups) { slot, indices in
      let mean = Double(statistics[flat: 2 * slot])
      let inverse = Double(statistics[flat: 2 * slot + 1])
      let normalized = indices.map { (Double(x[flat: $0]) - mean) * inverse }
      var h = indices.map { Double(dy[flat: $0]) }
      for (k, i) in indices.enumerated() {
        let c = i % channels
        if activation == .silu {
          h[k] *= siluSlope(Double(scale[flat: c]) * normalized[k] + Double(shift[flat: c]))
        }
        shiftSums[c] += h[k]
        scaleSums[c] += h[k] * normalized[k]
        h[k] *= Double(scale[flat: c])
      }
      let count = Double(indices.count)
      let meanH = h.reduce(0, +) / count
      let meanHX = zip(h, normalized).reduce(0) { $0 + $1.0 * $1.1 } / count
      for (k, i) in indices.enumerated() {
        dx[flat: i] = Float(inverse * (h[k] - meanH - normalized[k] * meanHX))
      }
    }
    return (dx, Tensor(scaleSums.map { Float($0) }), Tensor(shiftSums.map { Float($0) }))
  }
}
