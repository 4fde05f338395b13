import Autodiff
import Foundation
import Parallelism
import Tensors
import SIMDMath

/// Adam with decoupled weight decay (Kingma and Ba, "Adam", ICLR 2015, algorithm 1; Loshchilov and
/// Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2).
///
/// Update number $k$, with gradient $g$ and learning rate $\gamma$, changes every parameter by
///
///     w ← (1 - γλ) w
///     m ← β₁ m + (1 - β₁) g          v ← β₂ v + (1 - β₂) g²
///     w ← w - γ · m/(1 - β₁ᵏ) / (√(v/(1 - β₂ᵏ)) + ε)
///
/// in one pass over memory. The defaults are those of PyTorch.
public struct AdamW: Sendable {
  /// The constants of the update rule.
  public struct Settings: Sendable, Equatable, Codable {
    /// β₁, the decay rate of the running mean of the gradients.
    public var beta1 = 0.9
    /// β₂, the decay rate of the running mean of their squares.
    public var beta2 = 0.999
    /// ε, added to the denominator for numerical stability.
    public var epsilon = 1e-8
    /// λ, the coefficient of the weight decay.
    public var weightDecay = 0.01

    // Configurations of shipped runs hold these keys.
    private enum CodingKeys: String, CodingKey {
      case beta1 = "firstMemory"  // vocabulary:quoted
      case beta2 = "secondMemory"  // vocabulary:quoted
      case epsilon, weightDecay
    }

    public init(
      beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
      weightDecay: Double = 0.01
    ) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  public let parameters: [Parameter]
  public var settings: Settings
  /// The number of updates made.
  public internal(set) var step = 0
  /// $m$ and $v$ of every parameter, in the order of `parameters`.
  public internal(set) var firstMoments: [Tensor]
  public internal(set) var secondMoments: [Tensor]

  public init(_ parameters: [Parameter], settings: Settings = Settings()) {
    self.parameters = parameters
    self.settings = settings
    firstMoments = parameters.map { .zeros(like: $0.value) }
    secondMoments = parameters.map { .zeros(like: $0.value) }
  }

  /// Updates every parameter that has a gradient; the others are neither changed nor decayed.
  ///
  /// - Parameter scale: A factor on all gradients, such as `Gradients.clippingFactor` returns.
  public mutating func update(
    _ gradients: Gradients, learningRate: Double, scale: Float = 1
  ) {
    step += 1
    let rule = Rule(settings, step: step, learningRate: learningRate, scale: scale)
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = gradients[parameter] else { continue }
      guard gradient.shape == parameter.value.shape else {
        fatalError(
          "\(parameter.name) has shape \(parameter.value.shape), its gradient \(gradient.shape)")
      }
      rule.apply(gradient, &parameter.value, &firstMoments[index], &secondMoments[index])
    }
  }

  /// The coefficients of one update, which are the same for all weights.
  private struct Rule {
    let scale, kept, first, second, epsilon, rate, secondCorrection: Float

    init(_ settings: Settings, step: Int, learningRate: Double, scale: Float) {
      self.scale = scale
      kept = Float(1 - learningRate * settings.weightDecay)
      first = Float(1 - settings.beta1)
      second = Float(1 - settings.beta2)
      epsilon = Float(settings.epsilon)
      rate = Float(learningRate / (1 - pow(settings.beta1, Double(step))))
      secondCorrection = Float(1 / (1 - pow(settings.beta2, Double(step))).squareRoot())
    }

    func apply(_ gradient: Tensor, _ weight: inout Tensor, _ m: inout Tensor, _ v: inout Tensor) {
      let count = weight.count
      unsafe weight.withMutableElements { w in
        unsafe m.withMutableElements { m in
          unsafe v.withMutableElements { v in
            unsafe gradient.withElements { g in
              Parallel.forRanges(count, grain: 1 << 15) { range in
                unsafe apply(range, g, w, m, v)
              }
            }
          }
        }
      }
    }

    private func apply(
      _ range: Range<Int>, _ g: UnsafePointer<Float>, _ w: UnsafeMutablePointer<Float>,
      _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>
    ) {
      var i = range.lowerBound
      while i + laneCount <= range.upperBound {
        let slope = unsafe g.vector(i) * scale
        let mean = unsafe m.vector(i) + first * (slope - m.vector(i))
        let square = unsafe v.vector(i) + second * (slope * slope - v.vector(i))
        let denominator = square.squareRoot() * secondCorrection + epsilon
        unsafe m.store(mean, i)
        unsafe v.store(square, i)
        unsafe w.store(w.vector(i) * kept - rate * mean / denominator, i)
        i += laneCount
      }
      while i < range.upperBound {
        let slope = unsafe g[i] * scale
        unsafe m[i] += first * (slope - m[i])
        unsafe v[i] += second * (slope * slope - v[i])
        unsafe w[i] =
          unsafe w[i] * kept - rate * m[i] / (v[i].squareRoot() * secondCorrection + epsilon)
        i += 1
      }
    }
  }
}
