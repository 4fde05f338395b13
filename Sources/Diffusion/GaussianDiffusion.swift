import Foundation
import Tensors

/// The forward process of a schedule, its posterior, and the changes of variable between what a
/// network may predict.
///
/// Everything here acts on any `Diffusable`: on a `Double` to see the formula, on `Points` and
/// tensors to use it, on a `GaussianVariable` to prove it.
public struct GaussianDiffusion: Sendable {
  /// The schedule of $\beta_t$.
  public let schedule: NoiseSchedule

  /// Creates the diffusion that a schedule defines.
  public init(_ schedule: NoiseSchedule) { self.schedule = schedule }

  // MARK: The forward process

  // snippet.forward-step
  /// One forward step, a draw from $q(x_t \mid x_{t-1})$ made of standard normal `noise`:
  /// $x_t = \sqrt{1 - \beta_t}\, x_{t-1} + \sqrt{\beta_t}\, \epsilon$ (Ho et al. 2020, equation 2).
  public func forwardStep<X: Diffusable>(_ x: X, to t: Int, noise: X) -> X {
    .sum((schedule.alpha(t).squareRoot(), x), (schedule.beta(t).squareRoot(), noise))
  }
  // snippet.end

  // snippet.jump
  /// The jump from data to step t, a draw from $q(x_t \mid x_0)$ made of standard normal `noise`:
  /// $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$ (Ho et al. 2020,
  /// equation 4).
  public func jump<X: Diffusable>(_ x0: X, to t: Int, noise: X) -> X {
    .sum((schedule.signalScale(t), x0), (schedule.noiseScale(t), noise))
  }
  // snippet.end

  /// The jump from step s to step t > s, a draw from $q(x_t \mid x_s)$ made of standard normal
  /// `noise`.
  public func jump<X: Diffusable>(_ xs: X, from s: Int, to t: Int, noise: X) -> X {
    let transition = schedule.transition(from: t, to: s)
    return .sum((transition.alpha.squareRoot(), xs), (transition.beta.squareRoot(), noise))
  }

  /// The jump of every image of a batch to a step of its own, as in training.
  ///
  /// - Parameters:
  ///   - x0: `[batch, …]`.
  ///   - t: one step an image.
  ///   - noise: standard normal, of the shape of `x0`.
  public func jump(_ x0: Tensor, to t: [Int], noise: Tensor) -> Tensor {
    combined(x0, noise, t) { (schedule.signalScale($0), schedule.noiseScale($0)) }
  }

  /// $a_t x_0 + b_t \epsilon$ for every entry of a batch, with weights that depend on its step.
  func combined(
    _ x0: Tensor, _ noise: Tensor, _ t: [Int], weights: (Int) -> (x0: Double, noise: Double)
  ) -> Tensor {
    guard x0.shape == noise.shape, t.count == x0.entryCount else {
      fatalError("images \(x0.shape), noise \(noise.shape) and \(t.count) steps do not match")
    }
    let each = x0.count / max(1, t.count)
    return x0.withElements { image in
      noise.withElements { epsilon in
        Tensor(uninitialized: x0.shape) { result in
          for (entry, t) in t.enumerated() {
            let exact = weights(t)
            let (a, b) = (Float(exact.x0), Float(exact.noise))
            for i in entry * each..<(entry + 1) * each { result[i] = a * image[i] + b * epsilon[i] }
          }
        }
      }
    }
  }

  /// The whole chain $x_1, …, x_T$ from `x0`, one forward step after another.
  public func chain<X: Diffusable>(from x0: X, using streams: Streams) -> ForwardChain<X> {
    ForwardChain(diffusion: self, x: x0, streams: streams)
  }

  /// $x_t / \sqrt{\bar\alpha_t} = x_0 + \sigma \epsilon$: the same state in the
  /// variance-exploding form, with $\sigma$ = `schedule.sigmaExploding(t)` (Karras et al.,
  /// "Elucidating the design space of diffusion-based generative models", 2022).
  public func exploding<X: Diffusable>(_ xt: X, t: Int) -> X {
    .sum((1 / schedule.signalScale(t), xt))
  }

  // MARK: The posterior

  // snippet.posterior-mean
  /// The mean of $q(x_{t-1} \mid x_t, x_0)$ (Ho et al. 2020, equation 7):
  /// $\tilde\mu_t = \frac{\sqrt{\bar\alpha_{t-1}} \beta_t}{1 - \bar\alpha_t} x_0
  /// + \frac{\sqrt{\alpha_t} (1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t} x_t$.
  public func posteriorMean<X: Diffusable>(x0: X, xt: X, t: Int) -> X {
    let weights = schedule.posteriorWeights(t)
    return .sum((weights.x0, x0), (weights.xt, xt))
  }
  // snippet.end

  // snippet.posterior-mean-from-noise
  /// The same mean in terms of the noise (Ho et al. 2020, equation 11):
  /// $\frac{1}{\sqrt{\alpha_t}} (x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}} \epsilon)$.
  public func posteriorMean<X: Diffusable>(noise: X, xt: X, t: Int) -> X {
    let scale = 1 / schedule.alpha(t).squareRoot()
    return .sum((scale, xt), (-scale * schedule.beta(t) / schedule.noiseScale(t), noise))
  }
  // snippet.end

  /// $\tilde\beta_t$, the variance of $q(x_{t-1} \mid x_t, x_0)$.
  public func posteriorVariance(_ t: Int) -> Double { schedule.posteriorVariance(t) }
}

/// The states of a forward chain, one step after another, each with its step.
public struct ForwardChain<X: Diffusable>: Sequence, IteratorProtocol {
  let diffusion: GaussianDiffusion
  var x: X
  var t = 0
  var streams: Streams

  init(diffusion: GaussianDiffusion, x: X, streams: Streams) {
    self.diffusion = diffusion
    self.x = x
    self.streams = streams
  }

  public mutating func next() -> (t: Int, x: X)? {
    guard t < diffusion.schedule.steps else { return nil }
    t += 1
    let noise = x.normalDraws(using: &streams)
    x = diffusion.forwardStep(x, to: t, noise: noise)
    return (t, x)
  }
}
