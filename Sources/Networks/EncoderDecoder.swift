import Autodiff
import Tensors

extension Autoencoder.Configuration {
  func residual(_ inputs: Int, _ outputs: Int, in scope: ParameterScope) -> ResidualBlock {
    ResidualBlock(
      inputs, outputs, embeddingChannels: nil, groups: groups, epsilon: epsilon, in: scope)
  }

  func middle(in scope: ParameterScope) -> MiddleLevel {
    let bottom = channels[channels.count - 1]
    return MiddleLevel(
      residuals: (0..<2).map { residual(bottom, bottom, in: scope["resnets.\($0)"]) },
      attention: middleAttention
        ? SelfAttention(bottom, groups: groups, epsilon: epsilon, in: scope["attentions.0"]) : nil)
  }
}

/// Maps images to the means and log variances of their latents.
struct Encoder: Module {
  /// Residual blocks, then downsampling except at the last level.
  struct Level: Module {
    let residuals: [ResidualBlock]
    let downsample: Downsample?
    var parameters: [Parameter] { residuals.parameters + downsample.parameters }

    func callAsFunction(_ x: Variable) -> Variable {
      let x = residuals.reduce(x) { $1($0) }
      return downsample?(x) ?? x
    }
  }

  let first: Convolution
  let levels: [Level]
  let middle: MiddleLevel
  let lastNorm: GroupNorm
  let last: Convolution

  init(_ c: Autoencoder.Configuration, in scope: ParameterScope) {
    let channels = c.channels
    let bottom = channels[channels.count - 1]
    first = Convolution(c.imageChannels, channels[0], in: scope["conv_in"])
    levels = channels.indices.map { level in
      let scope = scope["down_blocks.\(level)"]
      let inputs = channels[max(level - 1, 0)]
      return Level(
        residuals: (0..<c.layersPerLevel).map { index in
          c.residual(
            index == 0 ? inputs : channels[level], channels[level], in: scope["resnets.\(index)"])
        },
        downsample: level == channels.count - 1
          ? nil : Downsample(channels[level], padding: .after, in: scope["downsamplers.0"]))
    }
    middle = c.middle(in: scope["mid_block"])
    lastNorm = GroupNorm(bottom, groups: c.groups, epsilon: c.epsilon, in: scope["conv_norm_out"])
    last = Convolution(bottom, 2 * c.latentChannels, in: scope["conv_out"])
  }

  var parameters: [Parameter] {
    first.parameters + levels.parameters + middle.parameters + lastNorm.parameters
      + last.parameters
  }

  func callAsFunction(_ x: Variable) -> Variable {
    let h = middle(levels.reduce(first(x)) { $1($0) })
    return last(lastNorm(h, activation: .silu))
  }
}

/// Maps latents to images.
struct Decoder: Module {
  /// Residual blocks, then upsampling except at the last level.
  struct Level: Module {
    let residuals: [ResidualBlock]
    let upsample: Upsample?
    var parameters: [Parameter] { residuals.parameters + upsample.parameters }

    func callAsFunction(_ x: Variable) -> Variable {
      let x = residuals.reduce(x) { $1($0) }
      return upsample?(x) ?? x
    }
  }

  let first: Convolution
  let middle: MiddleLevel
  let levels: [Level]
  let lastNorm: GroupNorm
  let last: Convolution

  init(_ c: Autoencoder.Configuration, in scope: ParameterScope) {
    let channels = Array(c.channels.reversed())
    let top = c.channels[0]
    first = Convolution(c.latentChannels, channels[0], in: scope["conv_in"])
    middle = c.middle(in: scope["mid_block"])
    levels = channels.indices.map { level in
      let scope = scope["up_blocks.\(level)"]
      let inputs = channels[max(level - 1, 0)]
      return Level(
        residuals: (0...c.layersPerLevel).map { index in
          c.residual(
            index == 0 ? inputs : channels[level], channels[level], in: scope["resnets.\(index)"])
        },
        upsample: level == channels.count - 1
          ? nil : Upsample(channels[level], in: scope["upsamplers.0"]))
    }
    lastNorm = GroupNorm(top, groups: c.groups, epsilon: c.epsilon, in: scope["conv_norm_out"])
    last = Convolution(top, c.imageChannels, in: scope["conv_out"])
  }

  var parameters: [Parameter] {
    first.parameters + middle.parameters + levels.parameters + lastNorm.parameters
      + last.parameters
  }

  func callAsFunction(_ z: Variable) -> Variable {
    let h = levels.reduce(middle(first(z))) { $1($0) }
    return last(lastNorm(h, activation: .silu))
  }
}
