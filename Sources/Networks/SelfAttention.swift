import Autodiff
import Tensors

/// Multi-head self-attention over the pixels of an image, added to its input (Vaswani et al., "Attention is all you need", 2017, section 3.2; in a U-Net, Ho et al. 2020).
///
/// The normalized pixels are mapped to queries, keys and values. Each head uses a part of their
/// channels and averages the values with weights $\mathrm{softmax}(q k^\top/\sqrt{d})$, where $d$ is
/// the number of channels of a head; the concatenated outputs of the heads are mapped once more.
public struct SelfAttention: Module {
  public let norm: GroupNorm
  public let query: Linear
  public let key: Linear
  public let value: Linear
  public let output: Linear
  public let heads: Int

  /// - Parameters:
  ///   - headWidth: The number of channels of a head; all of them if nil.
  ///   - startsAtZero: Whether the last map is initially zero, so that the block is initially the
  ///     identity.
  public init(
    _ channels: Int, headWidth: Int? = nil, groups: Int, epsilon: Float = 1e-5,
    startsAtZero: Bool = false, in scope: ParameterScope
  ) {
    let width = headWidth ?? channels
    guard width > 0, channels % width == 0 else {
      fatalError("\(channels) channels do not divide into heads of \(width)")
    }
    heads = channels / width
    norm = GroupNorm(channels, groups: groups, epsilon: epsilon, in: scope["group_norm"])
    query = Linear(channels, channels, in: scope["to_q"])
    key = Linear(channels, channels, in: scope["to_k"])
    value = Linear(channels, channels, in: scope["to_v"])
    output = Linear(channels, channels, startsAtZero: startsAtZero, in: scope["to_out.0"])
  }

  public var parameters: [Parameter] {
    norm.parameters + query.parameters + key.parameters + value.parameters + output.parameters
  }

  /// Maps `[batch, height, width, channels]` to the same shape.
  public func callAsFunction(_ x: Variable) -> Variable {
    let pixels = norm(x).reshaped([x.shape[0], x.shape[1] * x.shape[2], x.shape[3]])
    let mixed = attention(
      query: query(pixels), key: key(pixels), value: value(pixels), heads: heads)
    return x + output(mixed).reshaped(x.shape)
  }
}
