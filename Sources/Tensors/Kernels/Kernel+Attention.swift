extension Kernel {
  /// Scaled dot-product attention of queries `[batch, N, C]` to keys and values `[batch, M, C]`, in each
  /// head, as `Naive.attention`.
  ///
  /// - Returns: the output, `[batch, N, C]`, and each row's `log Σ exp(score)`,
  ///   `[batch, heads, N]`.
  public static func attention(
    query: Tensor, key: Tensor, value: Tensor, heads: Int
  ) -> (output: Tensor, logSumExp: Tensor) {
    let sizes = attentionSizes(query, key, value, heads: heads)
    OperationCount.add(2 * sizes.batch * sizes.queries * sizes.keys * sizes.channels)
    let logSumExp = Tensor(allocating: [sizes.batch, heads, sizes.queries])
    let output = unsafe Tensor(uninitialized: query.shape) { output in
      unsafe sizes.forward(
        query.storage.pointer, key.storage.pointer, value.storage.pointer, into: output,
        logSumExp: logSumExp.storage.pointer)
    }
    return (output, logSumExp)
  }

  private static func attentionSizes(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, heads: Int
  ) -> AttentionKernels {
    guard query.rank == 3, key.rank == 3, key.shape == value.shape,
      query.shape[0] == key.shape[0], query.shape[2] == key.shape[2], heads > 0,
      query.shape[2] % heads == 0
    else {
      fatalError(
        "attention: queries \(query.shape), keys \(key.shape), values \(value.shape) and "
          + "\(heads) heads do not fit")
    }
    return AttentionKernels(
      batch: query.shape[0], queries: query.shape[1], keys: key.shape[1],
      channels: query.shape[2], heads: heads)
  }

  /// Carries the gradient of `attention` to queries, keys and values.
  public static func attentionGradient(
    _ dy: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logSumExp: Tensor,
    heads: Int
  ) -> (query: Tensor, key: Tensor, value: Tensor) {
    let sizes = attentionSizes(query, key, value, heads: heads)
    OperationCount.add(4 * sizes.batch * sizes.queries * sizes.keys * sizes.channels)
    let dq = Tensor(allocating: query.shape)
    let dk = Tensor(allocating: key.shape), dv = Tensor(allocating: value.shape)
    unsafe sizes.backward(
      dy.storage.pointer, query.storage.pointer, key.storage.pointer, value.storage.pointer,
      output: output.storage.pointer, logSumExp: logSumExp.storage.pointer,
      dq: dq.storage.pointer, dk: dk.storage.pointer, dv: dv.storage.pointer)
    return (dq, dk, dv)
  }
}
