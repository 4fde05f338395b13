import Autodiff
import Tensors

/// Two convolutions beside a shortcut, told the time by a bias between them.
///
///     h = conv₁(silu(norm₁ x)) + project(embedding)      at every pixel
///     y = conv₂(silu(norm₂ h)) + shortcut(x)
///
/// The shortcut is the identity where the number of channels stays, a linear map of each pixel's
/// channels where it changes (He et al. 2016; with time, Ho et al. 2020, appendix B).
public struct ResidualBlock: Module {
  public let firstNorm: GroupNorm
  public let firstConvolution: Convolution
  public let timeProjection: Linear?
  public let secondNorm: GroupNorm
  public let secondConvolution: Convolution
  public let shortcut: Convolution?

  /// - Parameters:
  ///   - embeddingChannels: The width of the embedding of time and class; nil for a block that
  ///     takes none.
  ///   - startsAtZero: Makes a block that starts as its shortcut.
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
  /// - Parameter embedding: `[batch, embeddingChannels]`, with its SiLU already applied, since all
  ///   blocks of a network share it.
  public func callAsFunction(_ x: Variable, _ embedding: Variable? = nil) -> Variable {
    guard (embedding == nil) == (timeProjection == nil) else {
      fatalError("a residual block takes an embedding exactly if it was made for one")
    }
    // snippet.forward
    let time = embedding.flatMap { timeProjection?($0) }
    let h = firstConvolution(firstNorm(x, activation: .silu), channelBias: time)
    return secondConvolution(secondNorm(h, activation: .silu), residual: shortcut?(x) ?? x)
    // snippet.end
  }
}
