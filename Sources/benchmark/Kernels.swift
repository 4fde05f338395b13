import COpenBLAS
import Foundation
import Probability
import Tensors

// The kernels by themselves, on the shapes of the three networks.

nonisolated(unsafe) private var generator = RandomGenerator(seed: 1)

func random(_ shape: Shape) -> Tensor { unsafe Tensor.normal(shape, using: &generator) }

/// A large matrix product by OpenBLAS, its rows split over the threads: what the machine can do.
func matrixProductPeak(seconds: Double) -> Row {
  let n = 1536
  let a = random([n, n])
  let b = random([n, n])
  let timing = Timing.of({ _ = matmul(a, b) }, seconds: seconds)
  return Row(name: "matrix product \(n)³ (OpenBLAS)", timing: timing, multiplyAdds: n * n * n)
}

func measureProducts(seconds: Double) -> [Row] {
  [(8192, 256, 256), (8192, 128, 128), (1024, 256, 256), (64, 256, 256), (128, 512, 512)].flatMap {
    (rows, inputs, outputs) -> [Row] in
    let x = random([rows, inputs])
    let w = random([outputs, inputs])
    let bias = random([outputs])
    let dy = random([rows, outputs])
    let wt = random([inputs, outputs])
    let count = rows * inputs * outputs
    let name = "\(rows)x\(inputs)x\(outputs)"
    return [
      Row(
        name: "linear \(name)",
        timing: .of({ _ = Kernel.linear(x, weight: w, bias: bias) }, seconds: seconds),
        multiplyAdds: count),
      Row(
        name: "linear, weight gradient \(name)",
        timing: .of({ _ = Kernel.linearWeightGradient(x, dy) }, seconds: seconds),
        multiplyAdds: count),
      Row(
        name: "OpenBLAS \(name)", timing: .of({ _ = matmul(x, wt) }, seconds: seconds),
        multiplyAdds: count),
    ]
  }
}

func measureConvolutions(seconds: Double) -> [Row] {
  let shapes = [
    (128, 8, 64, 64, 1), (128, 8, 128, 128, 1), (128, 8, 256, 256, 1), (128, 8, 512, 256, 1),
    (128, 4, 256, 256, 1), (16, 8, 256, 256, 1), (1, 8, 256, 256, 1), (64, 32, 32, 32, 1),
    (64, 32, 64, 32, 1), (64, 16, 64, 64, 1), (64, 8, 128, 128, 1), (64, 32, 3, 32, 1),
    (64, 32, 32, 3, 1), (128, 8, 256, 256, 2),
  ]
  return shapes.flatMap { (batch, extent, inputs, outputs, stride) -> [Row] in
    let geometry = ConvolutionGeometry(kernel: 3, stride: stride, padding: 1)
    let x = random([batch, extent, extent, inputs])
    let w = random([outputs, inputs, 3, 3])
    let bias = random([outputs])
    let dy = random(geometry.outputShape(x.shape, outputs: outputs))
    let count = dy.count * inputs * 9
    let name =
      "\(batch) of \(extent)x\(extent), \(inputs) to \(outputs)"
      + (stride == 1 ? "" : ", stride \(stride)")
    return [
      Row(
        name: "forward, \(name)",
        timing: .of(
          { _ = Kernel.convolution(x, weight: w, bias: bias, geometry: geometry) },
          seconds: seconds), multiplyAdds: count),
      Row(
        name: "gradients, \(name)",
        timing: .of(
          { _ = Kernel.convolutionGradients(x, dy, weight: w, geometry: geometry) },
          seconds: seconds), multiplyAdds: 2 * count),
    ]
  }
}

func measureNorms(seconds: Double) -> [Row] {
  [(128, 64, 256, 32), (128, 64, 128, 32), (64, 1024, 32, 8)].flatMap {
    (batch, positions, channels, groups) -> [Row] in
    let x = random([batch, positions, channels])
    let dy = random([batch, positions, channels])
    let scale = random([channels])
    let shift = random([channels])
    func normalize() -> (output: Tensor, statistics: Tensor) {
      Kernel.groupNorm(
        x, scale: scale, shift: shift, groups: groups, epsilon: 1e-5, activation: .silu)
    }
    let statistics = normalize().statistics
    let name = "\(batch)x\(positions)x\(channels)"
    return [
      Row(name: "norm and SiLU \(name)", timing: .of({ _ = normalize() }, seconds: seconds)),
      Row(
        name: "gradients \(name)",
        timing: .of(
          {
            _ = Kernel.groupNormGradient(
              dy, x: x, statistics: statistics, scale: scale, shift: shift, groups: groups,
              activation: .silu)
          }, seconds: seconds)),
    ]
  }
}

func measureAttention(seconds: Double) -> [Row] {
  [(128, 64, 256, 4), (128, 16, 256, 4), (64, 64, 128, 1)].flatMap {
    (batch, positions, channels, heads) -> [Row] in
    let shape = [batch, positions, channels]
    let q = random(shape)
    let k = random(shape)
    let v = random(shape)
    let dy = random(shape)
    let (output, logSumExp) = Kernel.attention(query: q, key: k, value: v, heads: heads)
    let count = batch * positions * positions * channels
    let name = "\(batch)x\(positions)x\(channels), \(heads) heads"
    return [
      Row(
        name: "attention \(name)",
        timing: .of(
          { _ = Kernel.attention(query: q, key: k, value: v, heads: heads) }, seconds: seconds),
        multiplyAdds: 2 * count),
      Row(
        name: "gradients \(name)",
        timing: .of(
          {
            _ = Kernel.attentionGradient(
              dy, query: q, key: k, value: v, output: output, logSumExp: logSumExp, heads: heads)
          }, seconds: seconds), multiplyAdds: 4 * count),
    ]
  }
}
