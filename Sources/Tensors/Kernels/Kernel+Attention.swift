extension Kernel {
  /// Lets every query `[batch, N, C]` look at all keys `[batch, M, C]` and return their values'
  /// weighted mean, head by head, as `Naive.attention`.
  ///
  /// - Returns: the output, `[batch, N, C]`, and each row's `log Σ exp(score)`,
  ///   `[batch, heads, N]`.
  public static func attention(
    query: Tensor, key: Tensor, value: Tensor, heads: Int
  ) -> (output: Tensor, logSumExp: Tensor) {
    Naive.attention(query: query, key: key, value: value, heads: heads)
  }

  /// Carries the gradient of `attention` to queries, keys and values.
  public static func attentionGradient(
    _ dy: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logSumExp: Tensor,
    heads: Int
  ) -> (query: Tensor, key: Tensor, value: Tensor) {
    Naive.attentionGradient(
      dy, query: query, key: key, value: value, output: output, logSumExp: logSumExp, heads: heads)
  }
}
