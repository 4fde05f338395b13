import Foundation
import Tensors
import TestSupport
import Testing

/// The reference kernels against sums that a person can do, and against the identity that makes a
/// gradient a gradient: `⟨A·x, y⟩ = ⟨x, Aᵀ·y⟩`.
@Suite struct NaiveTests {
  @Test func aConvolutionByHand() {
    let x = Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 3, 3, 1])
    let weight = Tensor([1, 10, 100, 1000], shape: [1, 1, 2, 2])
    let plain = Naive.convolution(x, weight: weight, bias: nil, geometry: .init(kernel: 2))
    #expect(plain.shape == [1, 2, 2, 1])
    #expect(plain.elements == [5421, 6532, 8754, 9865])
    let geometry = ConvolutionGeometry(kernel: 2, stride: 2, top: 0, left: 0, bottom: 1, right: 1)
    let padded = Naive.convolution(x, weight: weight, bias: Tensor([0.5]), geometry: geometry)
    #expect(padded.elements == [5421.5, 603.5, 87.5, 9.5])
  }

  @Test func channelsAreMixedByTheWeightAndBiasedByImage() {
    let x = Tensor([1, 2, 3, 4], shape: [2, 1, 1, 2])
    let weight = Tensor([1, 10, 100, 1000, -1, 0], shape: [3, 2, 1, 1])
    let y = Naive.convolution(
      x, weight: weight, bias: Tensor([0.25, 0, 0]), geometry: .init(kernel: 1),
      channelBias: Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]),
      residual: Tensor([0, 0, 0, 0, 0, 7000], shape: [2, 1, 1, 3]))
    #expect(y.elements == [22.25, 2102, 2, 47.25, 4305, 7003])
  }

  @Test func aTransposedConvolutionPaintsKernels() {
    let x = Tensor([1, 2], shape: [1, 1, 2, 1])
    let weight = Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 1, 3, 3])
    let y = Naive.transposedConvolution(
      x, weight: weight, bias: Tensor([100]), geometry: .init(kernel: 3, stride: 2))
    #expect(y.shape == [1, 3, 5, 1])
    #expect(y.elements.map { $0 - 100 } == [1, 2, 5, 4, 6, 4, 5, 14, 10, 12, 7, 8, 23, 16, 18])
  }

  @Test func geometriesOfTheCourse() {
    let same = ConvolutionGeometry(kernel: 3, padding: 1).outputExtents(height: 32, width: 7)
    #expect(same == (32, 7))
    let down = ConvolutionGeometry(kernel: 3, stride: 2, top: 0, left: 0, bottom: 1, right: 1)
    #expect(down.outputExtents(height: 32, width: 7) == (16, 3))
    let transposed = ConvolutionGeometry(kernel: 4, stride: 2, padding: 1)
    #expect(transposed.transposedOutputExtents(height: 8, width: 5) == (16, 10))
    #expect(transposed.outputExtents(height: 16, width: 10) == (8, 5))
  }

  @Test(arguments: convolutionCases)
  func convolutionGradientsAreAdjoint(_ test: ConvolutionCase) {
    let (x, weight) = (test.x, test.weight)
    let y = Naive.convolution(x, weight: weight, bias: nil, geometry: test.geometry)
    let dy = normal(y.shape, 3)
    let dx = Naive.convolutionInputGradient(
      dy, weight: weight, inputShape: x.shape, geometry: test.geometry)
    let dw = Naive.convolutionWeightGradient(x, dy, geometry: test.geometry)
    let inner = y.dot(dy)
    let scale = y.norm() * dy.norm()
    #expect(abs(inner - x.dot(dx)) < 1e-6 * scale)
    #expect(abs(inner - weight.dot(dw)) < 1e-6 * scale)
  }

  @Test func linearGradientsAreAdjoint() {
    let (x, weight) = (normal([2, 3, 5], 1), normal([4, 5], 2))
    let y = Naive.linear(x, weight: weight, bias: nil)
    let dy = normal([2, 3, 4], 3)
    #expect(abs(y.dot(dy) - x.dot(Naive.linearInputGradient(dy, weight: weight))) < 1e-4)
    #expect(abs(y.dot(dy) - weight.dot(Naive.linearWeightGradient(x, dy))) < 1e-4)
    let bias = normal([4], 4)
    let biased = Naive.linear(x, weight: weight, bias: bias)
    #expect(agree(biased - y, bias.broadcast(to: y.shape)))
    #expect(abs((biased - y).dot(dy) - bias.dot(Naive.biasGradient(dy))) < 1e-4)
  }

  @Test func aLinearMapByHand() {
    let weight = Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
    let y = Naive.linear(Tensor([10, 1]), weight: weight, bias: Tensor([0, 0.5, 0]))
    #expect(y.elements == [12, 34.5, 56])
  }

  @Test func groupsAreNormalized() {
    let x = Tensor([1, 10, 100, 3, 30, 300], shape: [1, 2, 3])
    let (y, statistics) = Naive.groupNorm(
      x, scale: Tensor([1, 2, 1]), shift: Tensor([0, 0, 5]), groups: 3, epsilon: 0,
      activation: .none)
    #expect(y.elements == [-1, -2, 4, 1, 2, 6])
    #expect(statistics.elements == [2, 1, 20, 0.1, 200, 0.01])
    let (whole, _) = Naive.groupNorm(
      normal([3, 4, 5, 6], 5), scale: .ones([6]), shift: .zeros([6]), groups: 2, epsilon: 1e-5,
      activation: .none)
    // Two groups of three channels.
    let groups = whole.reshaped([3, 20, 2, 3])
    #expect(groups.mean(axes: [1, 3]).norm() < 1e-6)
    #expect((groups.variance(axes: [1, 3]) - 1).norm() < 1e-4)
  }

  @Test func attentionToOneKeyReturnsItsValue() {
    let value = normal([2, 1, 6], 1)
    let (output, logSumExp) = Naive.attention(
      query: normal([2, 4, 6], 2), key: normal([2, 1, 6], 3), value: value, heads: 3)
    #expect(agree(output, value.broadcast(to: [2, 4, 6])))
    #expect(logSumExp.shape == [2, 3, 4])
  }

  @Test func attentionIsSoftmaxOfProducts() {
    let (q, k, v) = (normal([2, 5, 4], 1), normal([2, 3, 4], 2), normal([2, 3, 4], 3))
    let weights = softmax(matmul(q, k, transposingB: true) / 2)
    let (output, logSumExp) = Naive.attention(query: q, key: k, value: v, heads: 1)
    #expect(agree(output, matmul(weights, v)))
    let scores = matmul(q, k, transposingB: true) / 2
    #expect(agree(logSumExp.reshaped([2, 5]), Tensors.logSumExp(scores)))
    // Heads do not see each other.
    let (twoHeads, _) = Naive.attention(query: q, key: k, value: v, heads: 2)
    let (first, _) = Naive.attention(
      query: q.slice(0..<2, along: 2), key: k.slice(0..<2, along: 2),
      value: v.slice(0..<2, along: 2), heads: 1)
    #expect(agree(twoHeads.slice(0..<2, along: 2), first))
  }

  @Test func upsamplingRepeatsAndItsGradientSums() {
    let x = Tensor([1, 2, 3, 4], shape: [1, 1, 2, 2])
    let y = Naive.upsampledNearest(x)
    #expect(y.shape == [1, 2, 4, 2])
    #expect(y.elements == [1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4])
    let (z, dy) = (normal([2, 3, 5, 4], 1), normal([2, 6, 10, 4], 2))
    let forward = Naive.upsampledNearest(z).dot(dy)
    #expect(abs(forward - z.dot(Naive.upsampledNearestGradient(dy))) < 1e-4)
  }

  @Test func siluAtKnownPoints() {
    let y = Naive.silu(Tensor([0, 100, -100, 1]))
    #expect(y[flat: 0] == 0)
    #expect(y[flat: 1] == 100)
    #expect(abs(y[flat: 2]) < 1e-37)
    #expect(abs(Double(y[flat: 3]) - 1 / (1 + exp(-1.0))) < 1e-7)
    let slope = Naive.siluGradient(Tensor([2, 2]), x: Tensor([0, 100]))
    #expect(slope.elements == [1, 2])
  }
}
