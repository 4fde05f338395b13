import Tensors

/// Scaled dot-product attention, `softmax(q·kᵀ/√d)·v`, separately in each head of `d = C/heads` channels
/// (Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1).
///
/// - Parameters:
///   - query: `[batch, N, C]`.
///   - key: `[batch, M, C]`; with self-attention `M = N`.
///   - value: `[batch, M, C]`.
///   - heads: a divisor of `C`.
/// - Returns: `[batch, N, C]`.
public func attention(
  query: Variable, key: Variable, value: Variable, heads: Int
) -> Variable {
  guard query.shape.count == 3, key.shape == value.shape, key.shape.count == 3,
    query.shape[0] == key.shape[0], query.shape[2] == key.shape[2], heads > 0,
    query.shape[2] % heads == 0
  else {
    fatalError(
      "\(heads) heads of attention of shapes \(query.shape), \(key.shape), \(value.shape)")
  }
  let (q, k, v) = (query.value, key.value, value.value)
  let (output, logSumExp) = Kernel.attention(query: q, key: k, value: v, heads: heads)
  return query.tape.record(output, from: [query, key, value]) { dy in
    let gradient = Kernel.attentionGradient(
      dy, query: q, key: k, value: v, output: output, logSumExp: logSumExp, heads: heads)
    return [gradient.query, gradient.key, gradient.value]
  }
}
