import Parallelism
import Probability

extension MultivariateMixture: ExactDistribution {
  public func labelProbabilities(
    _ xt: PointSet, alphaBar: Double, noiseVariance: Double
  ) -> PointSet {
    let marginal = noisyMarginal(alphaBar: alphaBar, noiseVariance: noiseVariance)
    return PointSet(
      (0..<xt.count).flatMap { marginal.labelProbabilities(xt[$0]) }, dimensions: labelCount)
  }

  public func samples(using streams: inout RandomStreams) -> (points: PointSet, labels: [Int]) {
    let bounds = components.reduce(into: [0.0]) { $0.append($0.last! + $1.weight) }
    let roots = components.map { $0.axes * .diagonal($0.variances.map { $0.squareRoot() }) }
    let d = dimensions
    let drawn = streams.points(dimensions: d + 1) { stream, place in
      let u = stream.uniform()
      let k = max(0, (bounds.firstIndex { u < $0 } ?? bounds.count - 1) - 1)
      let z = (0..<d).map { _ in stream.normal() }
      let shift = roots[k] * z
      for i in 0..<d { place[i] = components[k].mean[i] + shift[i] }
      place[d] = Double(components[k].label)
    }
    let points = (0..<drawn.count).flatMap { drawn.values[$0 * (d + 1)..<$0 * (d + 1) + d] }
    return (PointSet(points, dimensions: d), drawn.column(d).map { Int($0) })
  }

  public func expectedNoise(_ xt: PointSet, alphaBar: Double, noiseVariance: Double) -> PointSet {
    guard xt.dimensions == dimensions else {
      fatalError("points of \(xt.dimensions) dimensions for a law of \(dimensions)")
    }
    let table = NoiseTable(self, alphaBar: alphaBar, noiseVariance: noiseVariance)
    let values = [Double](unsafeUninitializedCapacity: xt.values.count) { buffer, filled in
      filled = xt.values.count
      guard let result = buffer.baseAddress else { return }
      xt.values.withUnsafeBufferPointer { x in
        Parallel.forRanges(xt.count, grain: 1024) { range in
          table.expectedNoise(range, x.baseAddress!, into: result)
        }
      }
    }
    return PointSet(values, dimensions: dimensions)
  }
}

/// What the noise at one noise level needs to know of every component, in flat arrays.
private struct NoiseTable {
  let dimensions: Int
  let count: Int
  let isAxisAligned: Bool
  let noiseScale: Double
  /// Log of weight over the root of the determinant, a number a component.
  let logs: [Double]
  /// Means and precisions of $x_t$, `dimensions` numbers a component, precisions along the axes.
  let means: [Double]
  let precisions: [Double]
  /// Axes as columns, `dimensions` squared numbers a component.
  let axes: [Double]

  init(_ mixture: MultivariateMixture, alphaBar: Double, noiseVariance: Double) {
    dimensions = mixture.dimensions
    count = mixture.components.count
    isAxisAligned = mixture.components.allSatisfy { $0.isAxisAligned }
    noiseScale = noiseVariance.squareRoot()
    let variances = mixture.components.map { part in
      part.variances.map { alphaBar * $0 + noiseVariance }
    }
    logs = zip(mixture.components, variances).map { part, variances in
      variances.reduce(log(part.weight)) { $0 - 0.5 * log($1) }
    }
    means = mixture.components.flatMap { $0.mean.map { alphaBar.squareRoot() * $0 } }
    precisions = variances.flatMap { $0.map { 1 / $0 } }
    axes = mixture.components.flatMap { $0.axes.elements }
  }

  func expectedNoise(
    _ range: Range<Int>, _ x: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    withUnsafeTemporaryAllocation(of: Double.self, capacity: count * (d + 1) + d) { scratch in
      let (shares, along) = (scratch.baseAddress!, scratch.baseAddress! + count)
      let shift = scratch.baseAddress! + count * (d + 1)
      for i in range {
        weigh(x + i * d, shares, along, shift)
        gather(shares, along, into: result + i * d)
      }
    }
  }

  /// Finds the share of each component in a point, up to a factor, and the point's place relative
  /// to it, along its axes.
  @inline(__always)
  private func weigh(
    _ x: UnsafePointer<Double>, _ shares: UnsafeMutablePointer<Double>,
    _ along: UnsafeMutablePointer<Double>, _ shift: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    var most = -Double.infinity
    for k in 0..<count {
      for axis in 0..<d { shift[axis] = x[axis] - means[k * d + axis] }
      var value = logs[k]
      for axis in 0..<d {
        var place = shift[axis]
        if !isAxisAligned {
          place = 0
          for j in 0..<d { place += axes[(k * d + j) * d + axis] * shift[j] }
        }
        along[k * d + axis] = place
        value -= 0.5 * precisions[k * d + axis] * place * place
      }
      shares[k] = value
      most = max(most, value)
    }
    for k in 0..<count { shares[k] = exp(shares[k] - most) }
  }

  /// Adds up what the components say of the noise.
  @inline(__always)
  private func gather(
    _ shares: UnsafeMutablePointer<Double>, _ along: UnsafeMutablePointer<Double>,
    into result: UnsafeMutablePointer<Double>
  ) {
    let d = dimensions
    var total = 0.0
    for axis in 0..<d { result[axis] = 0 }
    for k in 0..<count {
      total += shares[k]
      for axis in 0..<d {
        let pull = shares[k] * precisions[k * d + axis] * along[k * d + axis]
        if isAxisAligned {
          result[axis] += pull
        } else {
          for j in 0..<d { result[j] += axes[(k * d + j) * d + axis] * pull }
        }
      }
    }
    for axis in 0..<d { result[axis] *= noiseScale / total }
  }
}
