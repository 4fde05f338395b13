import Diffusion
import Foundation
import Probability

/// PyTorch's random numbers on a CPU: the Mersenne twister MT19937, and the transformation of its
/// output to Gaussian samples by `randn`. It reproduces published runs exactly.
final class TorchGenerator: @unchecked Sendable {
  private var state = [UInt32](repeating: 0, count: 624)
  private var position = 624

  init(seed: UInt32) {
    state[0] = seed
    for i in 1..<624 {
      state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
    }
  }

  func next() -> UInt32 {
    if position == 624 { refill() }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  private func refill() {
    for i in 0..<624 {
      let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7fff_ffff)
      state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
    }
    position = 0
  }

  func uniform() -> Float { Float(next() & 0xff_ffff) * 0x1p-24 }

  /// `torch.randn(count)` for a count that is a multiple of 16.
  func normal(_ count: Int) -> [Double] {
    precondition(count >= 16 && count % 16 == 0)
    var values = (0..<count).map { _ in uniform() }
    for start in stride(from: 0, to: count, by: 16) {
      for j in start..<start + 8 {
        let radius = (-2 * log(1 - values[j])).squareRoot()
        let angle = 2 * Float.pi * values[j + 8]
        values[j] = radius * cos(angle)
        values[j + 8] = radius * sin(angle)
      }
    }
    return values.map { Double($0) }
  }
}

/// Numbers whose Gaussian samples are those of PyTorch's generator, for use with the course's
/// samplers.
struct TorchSample: LinearCombinable {
  var points: PointSet
  let generator: TorchGenerator

  static func sum(_ terms: (Double, TorchSample)...) -> TorchSample {
    var total = PointSet(zeros: terms[0].1.points.count)
    for (weight, term) in terms { total = .sum((1, total), (weight, term.points)) }
    return TorchSample(points: total, generator: terms[0].1.generator)
  }

  func shifted(by offset: Double) -> TorchSample {
    TorchSample(points: points.shifted(by: offset), generator: generator)
  }

  func clipped(to range: ClosedRange<Double>) -> TorchSample {
    TorchSample(points: points.clipped(to: range), generator: generator)
  }

  var entryCount: Int { 1 }

  func normalSamples(using streams: inout RandomStreams) -> TorchSample {
    TorchSample(points: PointSet(generator.normal(points.count)), generator: generator)
  }
}
