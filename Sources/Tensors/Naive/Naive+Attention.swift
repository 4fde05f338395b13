import Foundation

extension Naive {
  /// Calls `body` with each image and head: where the head's columns begin in `[batch, N, C]` for
  /// rows of the queries and of the keys, and where its rows begin in `[batch, heads, N]`.
  @inline(__always)
  private static func forEachHead(
    _ query: Shape, _ key: Shape, heads: Int,
    _ body: (_ queryStart: Int, _ keyStart: Int, _ rowStart: Int) -> Void
  ) {
    let (queries, keys, channels) = (query[1], key[1], query[2])
    guard channels % heads == 0 else {
      fatalError("\(channels) channels do not divide into \(heads) heads")
    }
    for image in 0..<query[0] {
      for head in 0..<heads {
        let column = head * (channels / heads)
        body(
          image * queries * channels + column, image * keys * channels + column,
          (image * heads + head) * queries)
      }
    }
  }

  /// The scores `s[m] = q·k[m]/√d` of one query against all keys.
  private static func scores(
    _ query: Tensor, _ start: Int, _ key: Tensor, _ keyStart: Int, width: Int
  ) -> [Double] {
    let channels = key.shape[2]
    return (0..<key.shape[1]).map { m in
      var sum = 0.0
      for c in 0..<width {
        sum += Double(query[flat: start + c]) * Double(key[flat: keyStart + m * channels + c])
      }
      return sum / Double(width).squareRoot()
    }
  }

  /// Scaled dot-product attention, `softmax(q·kᵀ/√d)·v`, separately in each head of `d = C/heads` channels
  /// (Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1).
  ///
  /// - Parameters:
  ///   - query: `[batch, N, C]`.
  ///   - key: `[batch, M, C]`; with self-attention `M = N`.
  ///   - value: `[batch, M, C]`.
  ///   - heads: a divisor of `C`.
  /// - Returns: the output, `[batch, N, C]`, and each row's `log Σ exp(score)`,
  ///   `[batch, heads, N]`, from which the gradient recovers the weights.
  public static func attention(
    query: Tensor, key: Tensor, value: Tensor, heads: Int
  ) -> (output: Tensor, logSumExp: Tensor) {
    let (queries, keys, channels) = (query.shape[1], key.shape[1], query.shape[2])
    let width = channels / heads
    var output = Tensor.zeros(like: query)
    var logSumExp = Tensor.zeros([query.shape[0], heads, queries])
    forEachHead(query.shape, key.shape, heads: heads) { queryStart, keyStart, rowStart in
      for n in 0..<queries {
        let start = queryStart + n * channels
        let s = scores(query, start, key, keyStart, width: width)
        let largest = s.max()!
        let total = largest + log(s.reduce(0) { $0 + exp($1 - largest) })
        for c in 0..<width {
          var sum = 0.0
          for m in 0..<keys {
            sum += exp(s[m] - total) * Double(value[flat: keyStart + m * channels + c])
          }
          output[flat: start + c] = Float(sum)
        }
        logSumExp[flat: rowStart + n] = Float(total)
      }
    }
    return (output, logSumExp)
  }

  /// Carries the gradient of `attention` to queries, keys and values.
  ///
  /// With the weights `p = exp(s - logSumExp)` of one row, the values get `p[m]·dy`; the weights get
  /// `dy·v[m]`, which through softmax gives the scores `ds[m] = p[m]·(dy·v[m] - dy·y)`, since
  /// `Σ_m p[m]·(dy·v[m]) = dy·y`; and the scores pass it to query and key.
  ///
  /// - Parameters:
  ///   - output: what `attention` returned.
  ///   - logSumExp: what `attention` returned.
  /// - Returns: gradients with the shapes of `query`, `key` and `value`.
  public static func attentionGradient(
    _ dy: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logSumExp: Tensor,
    heads: Int
  ) -> (query: Tensor, key: Tensor, value: Tensor) {
    let (queries, keys, channels) = (query.shape[1], key.shape[1], query.shape[2])
    let width = channels / heads
    let scale = 1 / Double(width).squareRoot()
    var dq = [Double](repeating: 0, count: query.count)
    var dk = [Double](repeating: 0, count: key.count)
    var dv = dk
    forEachHead(query.shape, key.shape, heads: heads) { queryStart, keyStart, rowStart in
      for n in 0..<queries {
        let start = queryStart + n * channels
        let s = scores(query, start, key, keyStart, width: width)
        let total = Double(logSumExp[flat: rowStart + n])
        var alongOutput = 0.0
        for c in start..<start + width {
          alongOutput += Double(dy[flat: c]) * Double(output[flat: c])
        }
        for m in 0..<keys {
          let weight = exp(s[m] - total)
          let row = keyStart + m * channels
          var alongValue = 0.0
          for c in 0..<width {
            alongValue += Double(dy[flat: start + c]) * Double(value[flat: row + c])
            dv[row + c] += weight * Double(dy[flat: start + c])
          }
          let ds = weight * (alongValue - alongOutput) * scale
          for c in 0..<width {
            dq[start + c] += ds * Double(key[flat: row + c])
            dk[row + c] += ds * Double(query[flat: start + c])
          }
        }
      }
    }
    return (
      Tensor(dq.map { Float($0) }, shape: query.shape),
      Tensor(dk.map { Float($0) }, shape: key.shape),
      Tensor(dv.map { Float($0) }, shape: value.shape)
    )
  }
}
