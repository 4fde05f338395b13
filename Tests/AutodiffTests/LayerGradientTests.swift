import Autodiff
import Tensors
import TestSupport
import Testing

@Suite struct LayerGradientTests {
  @Test(
    arguments: [
      ([3, 4], [4, 2]), ([1, 1], [1, 1]), ([2, 3, 4], [2, 4, 5]), ([2, 3, 4], [4, 5]),
      ([3, 4], [2, 4, 5]), ([2, 1, 3, 4], [2, 1, 4, 1]),
    ] as [(Shape, Shape)])
  func matrixProducts(_ shapeA: Shape, _ shapeB: Shape) {
    let (a, b) = (normal(shapeA, 1), normal(shapeB, 2))
    expectGradients([a, b]) { matmul($0[0], $0[1]) }
    expectGradients([a.transposed(), b]) { matmul($0[0], $0[1], transposingA: true) }
    expectGradients([a, b.transposed()]) { matmul($0[0], $0[1], transposingB: true) }
    expectGradients([a.transposed(), b.transposed()]) {
      matmul($0[0], $0[1], transposingA: true, transposingB: true)
    }
  }

  @Test func aMatrixTimesItself() {
    expectGradients([normal([3, 3])]) { matmul($0[0], $0[0]) }
    expectGradients([normal([3, 4])]) { matmul($0[0], $0[0], transposingB: true) }
  }

  @Test(arguments: [[1, 3], [5, 3], [2, 1, 3], [2, 3, 2, 3]] as [Shape])
  func linearMaps(_ shape: Shape) {
    let (x, weight, bias) = (normal(shape, 1), normal([4, 3], 2), normal([4], 3))
    expectGradients([x, weight, bias]) { linear($0[0], $0[1], $0[2]) }
    expectGradients([x, weight]) { linear($0[0], $0[1]) }
    let residual = normal(shape.dropLast() + [4], 4)
    expectGradients([x, weight, bias, residual]) { linear($0[0], $0[1], $0[2], residual: $0[3]) }
  }

  @Test(
    arguments: [
      ([1, 1, 1, 1], ConvolutionGeometry(kernel: 3, padding: 1)),
      ([2, 3, 5, 3], ConvolutionGeometry(kernel: 3, padding: 1)),
      ([2, 4, 3, 2], ConvolutionGeometry(kernel: 1)),
      ([3, 5, 4, 2], ConvolutionGeometry(kernel: 3, stride: 2, padding: 1)),
      (
        [1, 4, 6, 3],
        ConvolutionGeometry(kernel: 3, stride: 2, top: 0, left: 0, bottom: 1, right: 1)
      ),
      ([1, 6, 4, 2], ConvolutionGeometry(kernel: 4, stride: 2, padding: 1)),
      ([2, 12, 12, 16], ConvolutionGeometry(kernel: 3, padding: 1)),
    ] as [(Shape, ConvolutionGeometry)])
  func convolutions(_ shape: Shape, _ geometry: ConvolutionGeometry) {
    let outputs = shape[3] == 16 ? 16 : 4
    let (x, bias) = (normal(shape, 1), normal([outputs], 3))
    let weight = normal([outputs, shape[3], geometry.kernel, geometry.kernel], 2)
    let channelBias = normal([shape[0], outputs], 4)
    let residual = normal(geometry.outputShape(shape, outputs: outputs), 5)
    expectGradients([x, weight]) { convolution($0[0], $0[1], nil, geometry) }
    expectGradients([x, weight, bias, channelBias, residual]) {
      convolution($0[0], $0[1], $0[2], geometry, channelBias: $0[3], residual: $0[4])
    }
    expectGradients([weight, bias]) { convolution($0[0].tape.constant(x), $0[0], $0[1], geometry) }
    expectGradients([x]) { convolution($0[0], $0[0].tape.constant(weight), nil, geometry) }
  }

  /// A block's own input as its residual: two gradients for one node.
  @Test func aConvolutionWithItsInputAsResidual() {
    let (x, weight) = (normal([2, 3, 3, 2], 1), normal([2, 2, 3, 3], 2))
    expectGradients([x, weight]) {
      convolution($0[0], $0[1], nil, .init(kernel: 3, padding: 1), residual: $0[0])
    }
  }

  @Test(
    arguments: [
      ([2, 3, 5, 6], 3), ([1, 2, 2, 4], 1), ([3, 7, 4], 2), ([2, 6], 2), ([2, 2, 3, 32], 4),
    ] as [(Shape, Int)], [Activation.none, .silu])
  func groupNorms(_ test: (Shape, Int), _ activation: Activation) {
    let (shape, groups) = test
    let x = normal(shape, 1) + 1
    let (scale, shift) = (normal([shape.last!], 2), normal([shape.last!], 3))
    expectGradients([x, scale, shift], step: 0.01) {
      groupNorm($0[0], $0[1], $0[2], groups: groups, epsilon: 0.01, activation: activation)
    }
  }

  @Test func aNormFollowedByAnActivationIsTheFusedOne() {
    let tape = Tape()
    let (x, scale, shift) = (
      tape.input(normal([2, 3, 3, 8], 1)), tape.input(normal([8], 2)), tape.input(normal([8], 3))
    )
    let fused = groupNorm(x, scale, shift, groups: 2, activation: .silu)
    let apart = silu(groupNorm(x, scale, shift, groups: 2))
    #expect(fused.value.relativeDistance(from: apart.value) < 1e-6)
    let seed = normal(fused.shape, 4)
    let first = tape.gradients(of: fused, seed: seed, keepingRecord: true)
    let second = tape.gradients(of: apart, seed: seed)
    for variable in [x, scale, shift] {
      #expect(first[variable]!.relativeDistance(from: second[variable]!) < 1e-5)
    }
  }

  @Test(arguments: [(1, 1, 1, 2, 1), (2, 3, 3, 4, 2), (1, 5, 2, 6, 3), (2, 1, 4, 3, 1)])
  func attentions(_ batch: Int, _ queries: Int, _ keys: Int, _ channels: Int, _ heads: Int) {
    let query = normal([batch, queries, channels], 1)
    let (key, value) = (normal([batch, keys, channels], 2), normal([batch, keys, channels], 3))
    expectGradients([query, key, value], within: 1e-3) {
      attention(query: $0[0], key: $0[1], value: $0[2], heads: heads)
    }
  }

  @Test func selfAttentionUsesOneNodeThreeTimes() {
    expectGradients([normal([2, 4, 6])]) {
      attention(query: $0[0], key: $0[0], value: $0[0], heads: 2)
    }
  }

  @Test func upsampling() {
    expectGradients([normal([2, 3, 1, 5])]) { square(upsampledNearest($0[0])) }
  }
}
