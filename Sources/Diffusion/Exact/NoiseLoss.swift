import Probability

/// What a denoiser is judged by: its squared error at one step, an average over the coordinates of
/// each point.
extension GaussianDiffusion {
  /// The squared errors of a denoiser's noise, one number a point: their mean estimates the loss
  /// $E \lVert \epsilon - \epsilon_\theta(x_t, t) \rVert^2 / d$ at step `t`.
  ///
  /// - Parameters:
  ///   - x0: points that the denoiser was not trained on.
  ///   - streams: one a point; equal streams give two denoisers the same noise.
  public func noiseErrors(
    of denoiser: some Denoiser<PointSet>, on x0: PointSet, t: Int, using streams: RandomStreams
  ) -> [Double] {
    var streams = streams
    let noise = x0.normalSamples(using: &streams)
    return noise.meanSquares(awayFrom: denoiser.noise(addNoise(to: x0, t: t, noise: noise), t: t))
  }

  /// The squared distances of a denoiser's noise from that of another, as a rule the exact one,
  /// one number a point. With the exact one their mean is what the loss exceeds its floor by,
  /// $E \lVert \epsilon^* - \epsilon_\theta \rVert^2 / d$.
  public func noiseErrors(
    of denoiser: some Denoiser<PointSet>, from exact: some Denoiser<PointSet>, on x0: PointSet,
    t: Int,
    using streams: RandomStreams
  ) -> [Double] {
    var streams = streams
    let xt = addNoise(to: x0, t: t, noise: x0.normalSamples(using: &streams))
    return exact.noise(xt, t: t).meanSquares(awayFrom: denoiser.noise(xt, t: t))
  }
}

extension PointSet {
  /// The mean over the coordinates of the squared differences, one number a point.
  public func meanSquares(awayFrom other: PointSet) -> [Double] {
    guard count == other.count, dimensions == other.dimensions else {
      fatalError("\(count) points cannot be compared with \(other.count)")
    }
    return (0..<count).map { i in
      var total = 0.0
      for place in i * dimensions..<(i + 1) * dimensions {
        let gap = values[place] - other.values[place]
        total += gap * gap
      }
      return total / Double(dimensions)
    }
  }
}
