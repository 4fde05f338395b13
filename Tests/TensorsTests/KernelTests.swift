import Parallelism
import Tensors
import TestSupport
import Testing

/// The fast kernels against the reference, on odd shapes.
@Suite struct KernelTests {
  /// Winograd's algorithm adds and subtracts before it multiplies, which loses a digit.
  private let convolutionTolerance = 5e-6

  @Test(arguments: convolutionCases)
  func convolutionsAgree(_ test: ConvolutionCase) {
    let (x, weight, geometry) = (test.x, test.weight, test.geometry)
    let plain = Naive.convolution(x, weight: weight, bias: nil, geometry: geometry)
    let fast = Kernel.convolution(x, weight: weight, bias: nil, geometry: geometry)
    #expect(agree(fast, plain, within: convolutionTolerance))
    let (bias, channelBias) = (normal([test.outputs], 3), normal([test.batch, test.outputs], 4))
    let residual = normal(plain.shape, 5)
    for (withBias, withChannelBias, withResidual) in [
      (true, false, false), (false, true, false), (false, false, true), (true, true, true),
    ] {
      let expected = Naive.convolution(
        x, weight: weight, bias: withBias ? bias : nil, geometry: geometry,
        channelBias: withChannelBias ? channelBias : nil, residual: withResidual ? residual : nil)
      let found = Kernel.convolution(
        x, weight: weight, bias: withBias ? bias : nil, geometry: geometry,
        channelBias: withChannelBias ? channelBias : nil, residual: withResidual ? residual : nil)
      #expect(agree(found, expected, within: convolutionTolerance))
    }
  }

  @Test(arguments: convolutionCases)
  func convolutionGradientsAgree(_ test: ConvolutionCase) {
    let (x, weight, geometry) = (test.x, test.weight, test.geometry)
    let dy = normal(geometry.outputShape(x.shape, outputs: test.outputs), 6)
    let input = Naive.convolutionInputGradient(
      dy, weight: weight, inputShape: x.shape, geometry: geometry)
    let filters = Naive.convolutionWeightGradient(x, dy, geometry: geometry)
    let fastInput = Kernel.convolutionInputGradient(
      dy, weight: weight, inputShape: x.shape, geometry: geometry)
    let fastFilters = Kernel.convolutionWeightGradient(x, dy, geometry: geometry)
    let both = Kernel.convolutionGradients(x, dy, weight: weight, geometry: geometry)
    #expect(agree(fastInput, input, within: convolutionTolerance))
    #expect(agree(fastFilters, filters, within: convolutionTolerance))
    #expect(agree(both.input, input, within: convolutionTolerance))
    #expect(agree(both.weight, filters, within: convolutionTolerance))
  }

  /// The gradients of a batch that is computed in several blocks are those of its halves.
  @Test func gradientsOfALargeBatchAreThoseOfItsParts() {
    let geometry = ConvolutionGeometry(kernel: 3, padding: 1)
    let (x, dy) = (normal([640, 4, 4, 80], 1), normal([640, 4, 4, 96], 2))
    let weight = normal([96, 80, 3, 3], 3)
    let all = Kernel.convolutionGradients(x, dy, weight: weight, geometry: geometry)
    let parts = [0..<150, 150..<640].map { images in
      Kernel.convolutionGradients(
        x.slice(images), dy.slice(images), weight: weight, geometry: geometry)
    }
    #expect(all.input == .concatenated(parts.map(\.input), along: 0))
    #expect(agree(all.weight, parts[0].weight + parts[1].weight, within: convolutionTolerance))
  }

  @Test(arguments: transposedCases)
  func transposedConvolutionsAgree(_ test: ConvolutionCase) {
    let (x, geometry) = (test.x, test.geometry)
    let weight = normal([test.inputs, test.outputs, geometry.kernel, geometry.kernel], 2)
    let bias = normal([test.outputs], 3)
    for bias in [nil, bias] {
      #expect(
        agree(
          Kernel.transposedConvolution(x, weight: weight, bias: bias, geometry: geometry),
          Naive.transposedConvolution(x, weight: weight, bias: bias, geometry: geometry),
          within: convolutionTolerance))
    }
  }

  @Test(
    arguments: [
      ([1, 1], 1), ([5, 3], 4), ([2, 3, 17], 5), ([128, 64], 48), ([3, 2, 2, 32], 33), ([7, 1], 3),
      ([300, 129], 65), ([2049, 16], 16), ([1, 257], 31),
    ] as [(Shape, Int)])
  func linearMapsAgree(_ shape: Shape, _ outputs: Int) {
    let (x, weight) = (normal(shape, 1), normal([outputs, shape.last!], 2))
    let bias = normal([outputs], 3)
    for bias in [nil, bias] {
      #expect(
        agree(
          Kernel.linear(x, weight: weight, bias: bias), Naive.linear(x, weight: weight, bias: bias)
        ))
    }
    let dy = normal(shape.dropLast() + [outputs], 4)
    #expect(
      agree(
        Kernel.linear(x, weight: weight, bias: bias, residual: dy),
        Naive.linear(x, weight: weight, bias: bias) + dy))
    #expect(
      agree(
        Kernel.linearInputGradient(dy, weight: weight),
        Naive.linearInputGradient(dy, weight: weight)))
    #expect(agree(Kernel.linearWeightGradient(x, dy), Naive.linearWeightGradient(x, dy)))
    #expect(agree(Kernel.biasGradient(dy), Naive.biasGradient(dy)))
  }

  @Test(arguments: [[1, 1, 1, 1], [3, 5, 2, 17], [2, 9, 8, 100], [5, 16, 16, 32]] as [Shape])
  func gradientsOfABiasForEachImageAgree(_ shape: Shape) {
    let dy = normal(shape, 1)
    #expect(agree(Kernel.channelBiasGradient(dy), dy.sum(axes: [1, 2])))
  }

  /// Calls may be nested, and several threads may call at the same time.
  @Test func everyPieceOfWorkIsDoneOnce() async {
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    Parallel.threadCount = 4
    func counts(_ pieces: Int) -> Tensor {
      var result = Tensor.zeros([pieces, 10])
      result.withMutableElements { elements in
        Parallel.forEach(pieces) { piece in
          Parallel.forEach(10) { inner in elements[piece * 10 + inner] += 1 }
        }
      }
      return result
    }
    for pieces in [1, 2, 3, 7, 100, 1000] { #expect(counts(pieces) == .ones([pieces, 10])) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { counts(50) == .ones([50, 10]) } }
      for await isRight in group { #expect(isRight) }
    }
  }

  /// Kernels may keep prepared forms of a weight; a change in place must discard them.
  @Test func weightsThatChangeInPlaceArePreparedAgain() {
    let x = normal([1, 4, 4, 16], 1)
    var weight = normal([16, 16, 3, 3], 2)
    let geometry = ConvolutionGeometry(kernel: 3, padding: 1)
    for _ in 0..<3 {
      let reference = Naive.convolution(x, weight: weight, bias: nil, geometry: geometry)
      for _ in 0..<3 {
        let fast = Kernel.convolution(x, weight: weight, bias: nil, geometry: geometry)
        #expect(agree(fast, reference, within: convolutionTolerance))
      }
      weight += 1
      weight[0, 0, 0, 0] = 9
    }
    var matrix = normal([5, 16], 3)
    for _ in 0..<3 {
      let reference = Naive.linear(x, weight: matrix, bias: nil)
      for _ in 0..<3 {
        #expect(agree(Kernel.linear(x, weight: matrix, bias: nil), reference))
      }
      matrix.withMutableElements { $0[7] += 2 }
    }
  }

  @Test(
    arguments: [
      ([1, 1, 1, 1], 1), ([2, 3, 4], 2), ([1, 1, 1, 4], 1), ([3, 3, 5, 17], 17),
      ([5, 4, 4, 32], 8),
      ([2, 5, 3, 48], 16), ([4, 7, 64], 32), ([1, 6, 6, 64], 1), ([2, 16, 16, 32], 4),
      ([2, 3, 3, 96], 32),
    ] as [(Shape, Int)], [Activation.none, .silu])
  func groupNormsAgree(_ test: (Shape, Int), _ activation: Activation) {
    let (shape, groups) = test
    let x = 3 * normal(shape, 1) + 2
    let (scale, shift) = (normal([shape.last!], 2), normal([shape.last!], 3))
    let fast = Kernel.groupNorm(
      x, scale: scale, shift: shift, groups: groups, epsilon: 1e-3, activation: activation)
    let slow = Naive.groupNorm(
      x, scale: scale, shift: shift, groups: groups, epsilon: 1e-3, activation: activation)
    // In a group of one element the gradient is a rounding error, amplified by 1/√epsilon.
    let size = shape.dropFirst().reduce(1, *) / groups
    #expect(agree(fast.output, slow.output, within: size > 1 ? 3e-6 : 3e-5))
    #expect(agree(fast.statistics, slow.statistics, within: 3e-6))
    let dy = normal(shape, 4)
    let fastGradient = Kernel.groupNormGradient(
      dy, x: x, statistics: slow.statistics, scale: scale, shift: shift, groups: groups,
      activation: activation)
    let slowGradient = Naive.groupNormGradient(
      dy, x: x, statistics: slow.statistics, scale: scale, shift: shift, groups: groups,
      activation: activation)
    if size > 1 { #expect(agree(fastGradient.x, slowGradient.x, within: 1e-5)) }
    #expect((fastGradient.x - slowGradient.x).norm() < 1e-4 * dy.norm())
    #expect(
      (fastGradient.scale - slowGradient.scale).norm() < 1e-5 * (1 + slowGradient.scale.norm()))
    #expect(agree(fastGradient.shift, slowGradient.shift, within: 5e-6))
  }

  /// Here the difference of mean squares and squared mean cancels; differences from the mean do not.
  @Test func groupNormsOfImagesFarFromZeroAgree() {
    let x = normal([2, 8, 8, 32], 1) + 300
    let (scale, shift) = (Tensor.ones([32]), Tensor.zeros([32]))
    let fast = Kernel.groupNorm(
      x, scale: scale, shift: shift, groups: 4, epsilon: 1e-5, activation: .none)
    let slow = Naive.groupNorm(
      x, scale: scale, shift: shift, groups: 4, epsilon: 1e-5, activation: .none)
    #expect(agree(fast.output, slow.output, within: 1e-4))
  }

  @Test(arguments: [
    (1, 1, 1, 4, 1), (2, 5, 5, 8, 2), (1, 16, 16, 17, 1), (3, 7, 3, 12, 3), (2, 64, 64, 32, 1),
    (5, 33, 33, 48, 3), (1, 3, 65, 64, 8), (2, 1, 9, 6, 6), (1, 256, 256, 64, 2), (4, 20, 1, 32, 4),
  ])
  func attentionsAgree(_ batch: Int, _ queries: Int, _ keys: Int, _ channels: Int, _ heads: Int) {
    let query = normal([batch, queries, channels], 1)
    let (key, value) = (normal([batch, keys, channels], 2), normal([batch, keys, channels], 3))
    let fast = Kernel.attention(query: query, key: key, value: value, heads: heads)
    let slow = Naive.attention(query: query, key: key, value: value, heads: heads)
    #expect(agree(fast.output, slow.output, within: 5e-6))
    #expect(agree(fast.logSumExp, slow.logSumExp, within: 5e-6))
    let dy = normal(query.shape, 4)
    let fastGradient = Kernel.attentionGradient(
      dy, query: query, key: key, value: value, output: slow.output, logSumExp: slow.logSumExp,
      heads: heads)
    let slowGradient = Naive.attentionGradient(
      dy, query: query, key: key, value: value, output: slow.output, logSumExp: slow.logSumExp,
      heads: heads)
    #expect(agree(fastGradient.value, slowGradient.value, within: 5e-6))
    // The weight of a single key is always 1, so gradients of query and key are rounding errors.
    if keys > 1 {
      #expect(agree(fastGradient.query, slowGradient.query, within: 1e-5))
      #expect(agree(fastGradient.key, slowGradient.key, within: 1e-5))
    } else {
      #expect(fastGradient.query.norm() + fastGradient.key.norm() < 1e-4 * dy.norm())
    }
  }

  @Test func attentionToScoresOutOfRangeStaysFinite() {
    let (query, key) = (40 * normal([1, 9, 16], 1), 40 * normal([1, 9, 16], 2))
    let value = normal([1, 9, 16], 3)
    let fast = Kernel.attention(query: query, key: key, value: value, heads: 1)
    let slow = Naive.attention(query: query, key: key, value: value, heads: 1)
    #expect(agree(fast.output, slow.output, within: 1e-3))
  }

  @Test(arguments: [[1], [7], [16], [33], [3, 5, 7], [70_001]] as [Shape])
  func silusAgree(_ shape: Shape) {
    let (x, dy) = (3 * normal(shape, 1), normal(shape, 2))
    #expect(agree(Kernel.silu(x), Naive.silu(x)))
    #expect(agree(Kernel.siluGradient(dy, x: x), Naive.siluGradient(dy, x: x)))
    let far = Tensor([-1e30, -200, -90, -30, 0, 30, 90, 200, 1e30])
    #expect(Kernel.silu(far).largestDifference(from: Naive.silu(far)) < 1e-6)
    let slopes = Kernel.siluGradient(.ones(far.shape), x: far.clamped(to: -1e6...1e6))
    #expect(slopes.largestDifference(from: Tensor([0, 0, 0, 0, 0.5, 1, 1, 1, 1])) < 1e-6)
  }

  @Test(arguments: [[1, 1, 1, 1], [2, 3, 5, 4], [5, 4, 4, 32], [3, 7, 1, 17]] as [Shape])
  func upsamplingsAgree(_ shape: Shape) {
    let x = normal(shape, 1)
    #expect(Kernel.upsampledNearest(x) == Naive.upsampledNearest(x))
    let dy = normal([shape[0], 2 * shape[1], 2 * shape[2], shape[3]], 2)
    #expect(agree(Kernel.upsampledNearestGradient(dy), Naive.upsampledNearestGradient(dy)))
  }

  @Test func kernelsDoNotDependOnTheNumberOfThreads() {
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    let (x, weight) = (normal([3, 16, 16, 32], 1), normal([48, 32, 3, 3], 2))
    let geometry = ConvolutionGeometry(kernel: 3, padding: 1)
    func everything() -> [Tensor] {
      let y = Kernel.convolution(x, weight: weight, bias: nil, geometry: geometry)
      let both = Kernel.convolutionGradients(x, y, weight: weight, geometry: geometry)
      let norm = Kernel.groupNorm(
        x, scale: .ones([32]), shift: .zeros([32]), groups: 4, epsilon: 1e-5, activation: .silu)
      let tokens = x.reshaped([3, 256, 32])
      let mixed = Kernel.attention(query: tokens, key: tokens, value: tokens, heads: 2)
      let mixedGradient = Kernel.attentionGradient(
        tokens, query: tokens, key: tokens, value: tokens, output: mixed.output,
        logSumExp: mixed.logSumExp, heads: 2)
      let projection = weight.slice(0..<1, along: 2).slice(0..<1, along: 3).reshaped([48, 32])
      return [
        y, both.input, both.weight, norm.output, norm.statistics, mixed.output, mixedGradient.key,
        mixedGradient.query, Kernel.linear(x, weight: projection, bias: nil),
        Kernel.linearWeightGradient(x, y), Kernel.biasGradient(y),
      ]
    }
    Parallel.threadCount = 1
    let one = everything()
    Parallel.threadCount = 3
    #expect(everything() == one)
  }
}
