import Autodiff
import Foundation
import Parallelism
import Tensors

/// A running average of a network's weights, from which one samples instead of from the last ones.
///
/// After update number $n$ the average takes $\bar w \leftarrow \bar w + (1 - d_n)(w - \bar w)$ with
/// the decay $d_n = \min(d, (1 + n)/(10 + n))$ under warm-up, so that early averages do not dwell
/// on the random start, and $d_n = d$ without.
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

  /// The decay that update number `n` (counted from 1) uses.
  public func decay(ofUpdate n: Int) -> Double {
    warmsUp ? min(decay, Double(1 + n) / Double(10 + n)) : decay
  }

  /// Takes in the current weights.
  public mutating func update() {
    updates += 1
    let gain = Float(1 - decay(ofUpdate: updates))
    for (index, parameter) in parameters.enumerated() {
      Self.move(&averages[index], towards: parameter.value, gain)
    }
  }

  private static func move(_ average: inout Tensor, towards weight: Tensor, _ gain: Float) {
    let count = weight.count
    average.withMutableElements { a in
      weight.withElements { w in
        Parallel.forRanges(count, grain: 1 << 16) { range in
          for i in range { a[i] += gain * (w[i] - a[i]) }
        }
      }
    }
  }

  /// Calls `body` while the parameters hold the averages; then they hold the weights again.
  public func withAverages<Result, E: Error>(
    _ body: () throws(E) -> Result
  ) throws(E) -> Result {
    let weights = parameters.map(\.value)
    defer { for (parameter, weight) in zip(parameters, weights) { parameter.value = weight } }
    for (parameter, average) in zip(parameters, averages) { parameter.value = average }
    return try body()
  }
}
