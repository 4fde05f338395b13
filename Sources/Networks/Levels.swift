import Autodiff
import Tensors

/// The settings that all levels of a U-Net share.
struct LevelStyle: Sendable {
  var layers: Int
  var embeddingChannels: Int
  var headWidth: Int?
  var groups: Int
  var epsilon: Float
  var startsAtZero: Bool

  func residual(_ inputs: Int, _ outputs: Int, in scope: ParameterScope) -> ResidualBlock {
    ResidualBlock(
      inputs, outputs, embeddingChannels: embeddingChannels, groups: groups, epsilon: epsilon,
      startsAtZero: startsAtZero, in: scope)
  }

  func attention(_ channels: Int, in scope: ParameterScope) -> SelfAttention {
    SelfAttention(
      channels, headWidth: headWidth, groups: groups, epsilon: epsilon,
      startsAtZero: startsAtZero, in: scope)
  }
}

/// A level of the downsampling path: residual blocks, each optionally followed by attention; then
/// downsampling, except at the last level.
struct DownLevel: Module {
  let residuals: [ResidualBlock]
  /// One per residual block, or none.
  let attentions: [SelfAttention]
  let downsample: Downsample?

  init(
    _ inputs: Int, _ outputs: Int, attention: Bool, last: Bool, style: LevelStyle,
    in scope: ParameterScope
  ) {
    residuals = (0..<style.layers).map {
      style.residual($0 == 0 ? inputs : outputs, outputs, in: scope["resnets.\($0)"])
    }
    attentions = (0..<(attention ? style.layers : 0)).map {
      style.attention(outputs, in: scope["attentions.\($0)"])
    }
    downsample = last ? nil : Downsample(outputs, padding: .around, in: scope["downsamplers.0"])
  }

  var parameters: [Parameter] {
    attentions.parameters + residuals.parameters + downsample.parameters
  }

  /// Evaluates the level, and appends the output of every layer to `skips`.
  func callAsFunction(_ x: Variable, _ embedding: Variable, skips: inout [Variable]) -> Variable {
    var x = x
    for (index, residual) in residuals.enumerated() {
      x = residual(x, embedding)
      if !attentions.isEmpty { x = attentions[index](x) }
      skips.append(x)
    }
    if let downsample {
      x = downsample(x)
      skips.append(x)
    }
    return x
  }
}

/// The middle of a U-Net: two residual blocks, optionally with attention between them.
struct MiddleLevel: Module {
  let residuals: [ResidualBlock]
  let attention: SelfAttention?

  init(residuals: [ResidualBlock], attention: SelfAttention?) {
    self.residuals = residuals
    self.attention = attention
  }

  var parameters: [Parameter] { attention.parameters + residuals.parameters }

  func callAsFunction(_ x: Variable, _ embedding: Variable? = nil) -> Variable {
    let x = residuals[0](x, embedding)
    return residuals[1](attention?(x) ?? x, embedding)
  }
}

/// A level of the upsampling path: residual blocks, one more than in the downsampling path, each with
/// a skip connection; then upsampling, except at the first level.
struct UpLevel: Module {
  let residuals: [ResidualBlock]
  let attentions: [SelfAttention]
  let upsample: Upsample?

  /// - Parameters:
  ///   - inputs: The channels of the input, from the level below.
  ///   - outputs: The channels of this level, in both paths.
  ///   - above: The channels of the level above, which are those of the last skip connection.
  init(
    _ inputs: Int, _ outputs: Int, above: Int, attention: Bool, last: Bool, style: LevelStyle,
    in scope: ParameterScope
  ) {
    residuals = (0...style.layers).map { index in
      let skipped = index == style.layers ? above : outputs
      let arriving = index == 0 ? inputs : outputs
      return style.residual(arriving + skipped, outputs, in: scope["resnets.\(index)"])
    }
    attentions = (0..<(attention ? style.layers + 1 : 0)).map {
      style.attention(outputs, in: scope["attentions.\($0)"])
    }
    upsample = last ? nil : Upsample(outputs, in: scope["upsamplers.0"])
  }

  var parameters: [Parameter] {
    attentions.parameters + residuals.parameters + upsample.parameters
  }

  /// Evaluates the level, and removes the last elements of `skips`.
  func callAsFunction(_ x: Variable, _ embedding: Variable, skips: inout [Variable]) -> Variable {
    var x = x
    for (index, residual) in residuals.enumerated() {
      x = residual(.concatenated([x, skips.removeLast()], along: 3), embedding)
      if !attentions.isEmpty { x = attentions[index](x) }
    }
    return upsample?(x) ?? x
  }
}
