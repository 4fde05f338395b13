import Foundation
import Parallelism
import SIMDMath

/// Scaled dot-product attention softmax(q kᵀ / √d) v, one (image, head) at a time, so that the
/// square matrix of weights lives in a core's cache and nowhere else. The backward pass computes it
/// again from the stored log-sum-exp of its rows (Dao et al., "FlashAttention", NeurIPS 2022).
struct AttentionKernels {
  let batch: Int, queries: Int, keys: Int, channels: Int, heads: Int
  var width: Int { channels / heads }
  var scale: Float { 1 / Float(width).squareRoot() }

  /// - Parameters:
  ///   - q: `[batch, queries, channels]`; k and v: `[batch, keys, channels]`.
  ///   - logSumExp: `[batch, heads, queries]`.
  func forward(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, logSumExp: UnsafeMutablePointer<Float>
  ) {
    Parallel.forRanges(batch * heads, grain: grain) { pieces in
      let weights = Storage(count: queries * keys), panels = panelStorage()
      defer { withExtendedLifetime((weights, panels)) {} }
      for piece in pieces {
        unsafe forward(
          piece, q, k, v, weights.pointer, panels.pointer, into: output,
          logSumExp: logSumExp + piece * queries)
      }
    }
  }

  /// The (image, head) pairs that a thread takes at a time, with the same memory.
  private var grain: Int { max(1, min(16, batch * heads / 16)) }

  /// Memory for the right factor of any of the products.
  private func panelStorage() -> Storage {
    let largest = max(queries, keys)
    return Storage(
      count: max(
        Gemm.panelElements(depth: width, columns: largest),
        Gemm.panelElements(depth: largest, columns: width)))
  }

  /// Where the queries and the keys of an (image, head) pair begin.
  private func bases(_ piece: Int) -> (query: Int, key: Int) {
    let image = piece / heads, head = piece % heads
    return (
      image * queries * channels + head * width, image * keys * channels + head * width
    )
  }

  private func forward(
    _ piece: Int, _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, _ weights: UnsafeMutablePointer<Float>,
    _ panels: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>,
    logSumExp: UnsafeMutablePointer<Float>
  ) {
    let (queryBase, keyBase) = bases(piece)
    unsafe scores(q + queryBase, k + keyBase, panels, into: weights)
    for row in 0..<queries {
      unsafe logSumExp[row] = unsafe Self.softmax(weights + row * keys, keys, scale)
    }
    unsafe Gemm.pack(
      depth: keys, columns: width, v + keyBase, rowStride: channels, columnStride: 1,
      into: panels)
    unsafe Gemm.multiply(
      rows: queries, columns: width, depth: keys, weights, aRow: keys, aDepth: 1,
      panels: panels, into: output + queryBase, cRow: channels, accumulate: false)
  }

  private func scores(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ panels: UnsafeMutablePointer<Float>,
    into weights: UnsafeMutablePointer<Float>
  ) {
    unsafe Gemm.pack(
      depth: width, columns: keys, k, rowStride: 1, columnStride: channels, into: panels)
    unsafe Gemm.multiply(
      rows: queries, columns: keys, depth: width, q, aRow: channels, aDepth: 1, panels: panels,
      into: weights, cRow: keys, accumulate: false)
  }

  // Replaces a row of scores by softmax(scale · scores) and returns the row's log-sum-exp.
  @inline(__always)
  private static func softmax(
    _ row: UnsafeMutablePointer<Float>, _ count: Int, _ scale: Float
  ) -> Float {
    var most = -Float.infinity
    var i = 0
    if count >= laneCount {
      var lanes = unsafe row.vector(0)
      while i + laneCount <= count {
        let next = unsafe row.vector(i)
        lanes.replace(with: next, where: next .> lanes)
        i += laneCount
      }
      most = lanes.greatest
    }
    while i < count {
      most = unsafe Swift.max(most, row[i])
      i += 1
    }
    let shift = -most * scale
    var sum: Float = 0
    i = 0
    var lanes = FloatVector.zero
    while i + laneCount <= count {
      let e = unsafe FloatVector.exp(
        FloatVector(repeating: shift).addingProduct(row.vector(i), FloatVector(repeating: scale)))
      unsafe row.store(e, i)
      lanes += e
      i += laneCount
    }
    sum = lanes.total
    while i < count {
      let e = unsafe FloatVector.exp(FloatVector(repeating: row[i] * scale + shift))[0]
      unsafe row[i] = e
      sum += e
      i += 1
    }
    let inverse = 1 / sum
    i = 0
    while i + laneCount <= count {
      unsafe row.store(row.vector(i) * inverse, i)
      i += laneCount
    }
    while i < count {
      unsafe row[i] *= inverse
      i += 1
    }
    return most * scale + Foundation.log(sum)
  }

  /// With P the weights and dP = dO vᵀ: dV = Pᵀ dO; dS = P ⊙ (dP - D), D the row sums of dO ⊙ O;
  /// dQ = dS k / √d; dK = dSᵀ q / √d.
  func backward(
    _ dOutput: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, output: UnsafePointer<Float>, logSumExp: UnsafePointer<Float>,
    dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>,
    dv: UnsafeMutablePointer<Float>
  ) {
    Parallel.forRanges(batch * heads, grain: grain) { pieces in
      let weights = Storage(count: queries * keys), slopes = Storage(count: queries * keys)
      defer { withExtendedLifetime((weights, slopes)) {} }
      let panels = panelStorage()
      defer { withExtendedLifetime(panels) {} }
      for piece in pieces {
        let (queryBase, keyBase) = bases(piece)
        unsafe scores(q + queryBase, k + keyBase, panels.pointer, into: weights.pointer)
        let sums = unsafe logSumExp + piece * queries
        for row in 0..<queries {
          unsafe Self.weightsFromScores(weights.pointer + row * keys, keys, scale, sums[row])
        }
        // dV = Pᵀ dO, then dP = dO vᵀ and dS in its place.
        unsafe keyGradient(weights.pointer, dOutput + queryBase, panels.pointer, into: dv + keyBase)
        unsafe Gemm.pack(
          depth: width, columns: keys, v + keyBase, rowStride: 1, columnStride: channels,
          into: panels.pointer)
        unsafe Gemm.multiply(
          rows: queries, columns: keys, depth: width, dOutput + queryBase, aRow: channels,
          aDepth: 1, panels: panels.pointer, into: slopes.pointer, cRow: keys, accumulate: false)
        for row in 0..<queries {
          let at = queryBase + row * channels
          let inner = unsafe Self.dot(dOutput + at, output + at, width)
          unsafe Self.scoreGradient(
            slopes.pointer + row * keys, weights.pointer + row * keys, keys, inner, scale)
        }
        unsafe Gemm.pack(
          depth: keys, columns: width, k + keyBase, rowStride: channels, columnStride: 1,
          into: panels.pointer)
        unsafe Gemm.multiply(
          rows: queries, columns: width, depth: keys, slopes.pointer, aRow: keys, aDepth: 1,
          panels: panels.pointer, into: dq + queryBase, cRow: channels, accumulate: false)
        unsafe keyGradient(slopes.pointer, q + queryBase, panels.pointer, into: dk + keyBase)
      }
    }
  }

  // Writes aᵀ b for a [queries, keys] and b [queries, width].
  private func keyGradient(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ panels: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    unsafe Gemm.pack(
      depth: queries, columns: width, b, rowStride: channels, columnStride: 1, into: panels)
    unsafe Gemm.multiply(
      rows: keys, columns: width, depth: queries, a, aRow: 1, aDepth: keys, panels: panels,
      into: gradient, cRow: channels, accumulate: false)
  }

  @inline(__always)
  private static func weightsFromScores(
    _ row: UnsafeMutablePointer<Float>, _ count: Int, _ scale: Float, _ logSumExp: Float
  ) {
    var i = 0
    let shift = FloatVector(repeating: -logSumExp)
    while i + laneCount <= count {
      unsafe row.store(
        FloatVector.exp(shift.addingProduct(row.vector(i), FloatVector(repeating: scale))), i)
      i += laneCount
    }
    while i < count {
      unsafe row[i] = unsafe FloatVector.exp(FloatVector(repeating: row[i] * scale - logSumExp))[0]
      i += 1
    }
  }

  @inline(__always)
  private static func scoreGradient(
    _ slopes: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, _ count: Int,
    _ inner: Float, _ scale: Float
  ) {
    var i = 0
    while i + laneCount <= count {
      unsafe slopes.store(weights.vector(i) * (slopes.vector(i) - inner) * scale, i)
      i += laneCount
    }
    while i < count {
      unsafe slopes[i] = unsafe weights[i] * (slopes[i] - inner) * scale
      i += 1
    }
  }

  @inline(__always)
  private static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
  ) -> Float {
    var lanes = FloatVector.zero
    var i = 0
    while i + laneCount <= count {
      unsafe lanes.addProduct(a.vector(i), b.vector(i))
      i += laneCount
    }
    var sum = lanes.total
    while i < count {
      unsafe sum += a[i] * b[i]
      i += 1
    }
    return sum
  }
}
