import Probability

/// The squared error of a denoiser at one step, averaged over the coordinates of each point.
extension GaussianDiffusion {
  /// The squared errors of the predicted noise, one per point. Their mean estimates the loss
  /// $E \lVert \epsilon - \epsilon_\theta(x_t, t) \rVert^2 / d$ at step `t`.
  ///
  /// - Parameters:
  ///   - x0: points that the denoiser was not trained on.
  ///   - streams: one per point; equal streams give two denoisers the same noise.
  public func noiseErrors(
    of denoiser: some Denoiser<PointSet>, on x0: PointSet, t: Int, using streams: RandomStreams
  ) -> [Double] {
    var streams = streams
    let noise = x0.normalSamples(using: &streams)
    return noise.meanSquares(awayFrom: denoiser.noise(addNoise(to: x0, t: t, noise: noise), t: t))
  }

  /// The squared differences between the noise that two denoisers predict, one per point. If
  /// `exact` is the exact denoiser, their mean estimates the excess of the loss over its minimum,
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
  /// The squared differences from the points of `other`, averaged over the coordinates: one number
  /// per point.
  public func meanSquares(awayFrom other: PointSet) -> [Double] {
    guard count == other.count, dimensions == other.dimensions else {
      fatalError("\(count) points cannot be compared with \(other.count)")
    }
    return (0..<count).map { i in
      var total = 0.0
      for place in i * dimensions..<(i + 1) * dimensions {
        let difference = values[place] - other.values[place]
        total += difference * difference
      }
      return total / Double(dimensions)
    }
  }
}
