import Parallelism
import Probability

extension Mixture: ExactDistribution {
  public func labelProbabilities(
    _ xt: PointSet, alphaBar: Double, noiseVariance: Double
  ) -> PointSet {
    let marginal = noisy(alphaBar: alphaBar, noiseVariance: noiseVariance)
    return PointSet(
      (0..<xt.count).flatMap { marginal.labelProbabilities(Part.point($0, of: xt)) },
      dimensions: labelCount)
  }

  public func expectedNoise(_ xt: PointSet, alphaBar: Double, noiseVariance: Double) -> PointSet {
    guard xt.dimensions == dimensions else {
      fatalError("points of \(xt.dimensions) dimensions for a distribution of \(dimensions)")
    }
    let table = NoiseTable(self, alphaBar: alphaBar, noiseVariance: noiseVariance)
    let values = unsafe [Double](unsafeUninitializedCapacity: xt.values.count) { buffer, filled in
      filled = xt.values.count
      guard let result = buffer.baseAddress else { return }
      unsafe xt.values.withUnsafeBufferPointer { x in
        Parallel.forRanges(xt.count, grain: 1024) { range in
          unsafe table.expectedNoise(range, x.baseAddress!, into: result)
        }
      }
    }
    return PointSet(values, dimensions: dimensions)
  }
}

extension Mixture where Part == GaussianComponent {
  /// The marginal of $x_t$ under a schedule when $x_0$ follows this mixture.
  public func noisyMarginal(_ schedule: NoiseSchedule, to t: Int) -> NoisyMarginal {
    NoisyMarginal(
      data: self, alphaBar: schedule.alphaBar(t), noiseVariance: schedule.noiseVariance(t))
  }
}

extension Mixture where Part == MultivariateComponent {
  /// The marginal of $x_t$ under a schedule when $x_0$ follows this mixture.
  public func noisyMarginal(_ schedule: NoiseSchedule, to t: Int) -> MultivariateMixture {
    noisy(alphaBar: schedule.alphaBar(t), noiseVariance: schedule.noiseVariance(t))
  }
}

/// The numbers of all components at one noise level, in flat arrays.
private struct NoiseTable {
  let dimensions: Int
  let count: Int
  let isAxisAligned: Bool
  let noiseScale: Double
  /// Log of weight over the root of the determinant, one number per component.
  let logs: [Double]
  /// Means and precisions of $x_t$, `dimensions` numbers per component, precisions along the axes.
  let means: [Double]
  let precisions: [Double]
  /// Axes as columns, `dimensions` squared numbers per component; empty if axis-aligned.
  let axes: [Double]

  init(_ mixture: Mixture<some MixtureComponent>, alphaBar: Double, noiseVariance: Double) {
    dimensions = mixture.dimensions
    count = mixture.components.count
    noiseScale = noiseVariance.squareRoot()
    let parts = mixture.components.map { $0.principalAxes }
    isAxisAligned = parts.allSatisfy { $0.axes == nil }
    let variances = parts.map { $0.variances.map { alphaBar * $0 + noiseVariance } }
    logs = zip(mixture.components, variances).map { part, variances in
      variances.reduce(log(part.weight)) { $0 - 0.5 * log($1) }
    }
    means = parts.flatMap { $0.mean.map { alphaBar.squareRoot() * $0 } }
    precisions = variances.flatMap { $0.map { 1 / $0 } }
    let identity = Matrix.identity(mixture.dimensions)
    axes = isAxisAligned ? [] : parts.flatMap { ($0.axes ?? identity).elements }
  }

  func expectedNoise(
    _ range: Range<Int>, _ x: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: count * (d + 1) + d) {
      scratch in
      let (shares, along) = unsafe (scratch.baseAddress!, scratch.baseAddress! + count)
      let shift = unsafe scratch.baseAddress! + count * (d + 1)
      for i in range {
        unsafe weigh(x + i * d, shares, along, shift)
        unsafe gather(shares, along, into: result + i * d)
      }
    }
  }

  /// Computes the responsibility of each component for a point, up to a factor, and the point
  /// relative to the component's mean, along its axes.
  @inline(__always)
  private func weigh(
    _ x: UnsafePointer<Double>, _ shares: UnsafeMutablePointer<Double>,
    _ along: UnsafeMutablePointer<Double>, _ shift: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    var most = -Double.infinity
    for k in 0..<count {
      for axis in 0..<d { unsafe shift[axis] = unsafe x[axis] - means[k * d + axis] }
      var value = logs[k]
      for axis in 0..<d {
        var place = unsafe shift[axis]
        if !isAxisAligned {
          place = 0
          for j in 0..<d { unsafe place += axes[(k * d + j) * d + axis] * shift[j] }
        }
        unsafe along[k * d + axis] = place
        value -= 0.5 * precisions[k * d + axis] * place * place
      }
      unsafe shares[k] = value
      most = max(most, value)
    }
    for k in 0..<count { unsafe shares[k] = unsafe exp(shares[k] - most) }
  }

  /// Averages the expected noise of the components.
  @inline(__always)
  private func gather(
    _ shares: UnsafeMutablePointer<Double>, _ along: UnsafeMutablePointer<Double>,
    into result: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    var total = 0.0
    for axis in 0..<d { unsafe result[axis] = 0 }
    for k in 0..<count {
      unsafe total += shares[k]
      for axis in 0..<d {
        let pull = unsafe shares[k] * precisions[k * d + axis] * along[k * d + axis]
        if isAxisAligned {
          unsafe result[axis] += pull
        } else {
          for j in 0..<d { unsafe result[j] += axes[(k * d + j) * d + axis] * pull }
        }
      }
    }
    for axis in 0..<d { unsafe result[axis] *= noiseScale / total }
  }
}
