import Autodiff
import Foundation
import Parallelism
import Tensors

/// An exponential moving average of a network's weights, for sampling.
///
/// Update number $n$ of the average is $\bar w \leftarrow \bar w + (1 - d_n)(w - \bar w)$ with
/// the decay $d_n = \min(d, (1 + n)/(10 + n))$ with warm-up, so that early averages do not
/// depend on the initial weights for long, and $d_n = d$ without.
public struct ExponentialMovingAverage: Sendable {
  public let parameters: [Parameter]
  public var decay: Double
  public var warmsUp: Bool
  /// The number of updates made.
  public internal(set) var updates = 0
  /// The averages, in the order of `parameters`.
  public internal(set) var averages: [Tensor]

  /// Starts from the current weights.
  public init(_ parameters: [Parameter], decay: Double = 0.9999, warmsUp: Bool = true) {
    self.parameters = parameters
    self.decay = decay
    self.warmsUp = warmsUp
    averages = parameters.map(\.value)
  }

  /// The decay of update number `n`, counted from 1.
  public func decay(ofUpdate n: Int) -> Double {
    warmsUp ? min(decay, Double(1 + n) / Double(10 + n)) : decay
  }

  /// Updates the averages with the current weights.
  public mutating func update() {
    updates += 1
    let gain = Float(1 - decay(ofUpdate: updates))
    for (index, parameter) in parameters.enumerated() {
      Self.move(&averages[index], towards: parameter.value, gain)
    }
  }

  private static func move(_ average: inout Tensor, towards weight: Tensor, _ gain: Float) {
    let count = weight.count
    unsafe average.withMutableElements { a in
      unsafe weight.withElements { w in
        Parallel.forRanges(count, grain: 1 << 16) { range in
          for i in range { unsafe a[i] += gain * (w[i] - a[i]) }
        }
      }
    }
  }

  /// Calls `body` while the parameters hold the averages, and restores the weights afterwards.
  public func withAverages<Result, E: Error>(
    _ body: () throws(E) -> Result
  ) throws(E) -> Result {
    let weights = parameters.map(\.value)
    defer { for (parameter, weight) in zip(parameters, weights) { parameter.value = weight } }
    for (parameter, average) in zip(parameters, averages) { parameter.value = average }
    return try body()
  }
}
