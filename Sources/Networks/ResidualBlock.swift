import Autodiff
import Tensors

/// A residual block of two convolutions, conditioned on the time by a bias between them.
///
///     h = conv₁(silu(norm₁ x)) + project(embedding)      at every pixel
///     y = conv₂(silu(norm₂ h)) + shortcut(x)
///
/// The shortcut is the identity if the number of channels does not change, otherwise a linear map of
/// each pixel's channels (He et al. 2016; with time, Ho et al. 2020, appendix B).
public struct ResidualBlock: Module {
  public let firstNorm: GroupNorm
  public let firstConvolution: Convolution
  public let timeProjection: Linear?
  public let secondNorm: GroupNorm
  public let secondConvolution: Convolution
  public let shortcut: Convolution?

  /// - Parameters:
  ///   - embeddingChannels: The width of the embedding of time and class; nil for a block
  ///     without one.
  ///   - startsAtZero: Whether the last convolution is initially zero, so that the block is initially
  ///     its shortcut.
  public init(
    _ inputs: Int, _ outputs: Int, embeddingChannels: Int?, groups: Int, epsilon: Float,
    startsAtZero: Bool = false, in scope: ParameterScope
  ) {
    firstNorm = GroupNorm(inputs, groups: groups, epsilon: epsilon, in: scope["norm1"])
    firstConvolution = Convolution(inputs, outputs, in: scope["conv1"])
    timeProjection = embeddingChannels.map { Linear($0, outputs, in: scope["time_emb_proj"]) }
    secondNorm = GroupNorm(outputs, groups: groups, epsilon: epsilon, in: scope["norm2"])
    secondConvolution = Convolution(
      outputs, outputs, startsAtZero: startsAtZero, in: scope["conv2"])
    shortcut =
      inputs == outputs
      ? nil : Convolution(inputs, outputs, geometry: .pointwise, in: scope["conv_shortcut"])
  }

  public var parameters: [Parameter] {
    firstNorm.parameters + firstConvolution.parameters + timeProjection.parameters
      + secondNorm.parameters + secondConvolution.parameters + shortcut.parameters
  }

  /// Maps `[batch, height, width, inputs]` to `[batch, height, width, outputs]`.
  ///
  /// - Parameter embedding: `[batch, embeddingChannels]`, after its SiLU, which all blocks of a
  ///   network share.
  public func callAsFunction(_ x: Variable, _ embedding: Variable? = nil) -> Variable {
    guard (embedding == nil) == (timeProjection == nil) else {
      fatalError("a residual block needs an embedding if and only if it has embedding channels")
    }
    // snippet.forward
    let time = embedding.flatMap { timeProjection?($0) }
    let h = firstConvolution(firstNorm(x, activation: .silu), channelBias: time)
    return secondConvolution(secondNorm(h, activation: .silu), residual: shortcut?(x) ?? x)
    // snippet.end
  }
}
