import Probability

/// How the variances of the cosine schedule are clipped where they approach 1.
public enum CosineClip: Sendable, Equatable {
  /// Not clipped: $\beta_T = 1$, and sampling divides by zero.
  case none
  /// An upper bound; 0.999 in the paper that introduced the schedule.
  case cap(Double)
  /// A lower and an upper bound.
  case range(ClosedRange<Double>)

  func callAsFunction(_ beta: Double) -> Double {
    switch self {
    case .none: return beta
    case .cap(let most): return min(beta, most)
    case .range(let range): return min(max(beta, range.lowerBound), range.upperBound)
    }
  }
}

extension NoiseSchedule {
  /// The schedule of DDPM: $\beta_t$ rises linearly from `first` to `last` (Ho et al. 2020,
  /// section 4).
  public static func linear(
    steps: Int = 1000, from first: Double = 1e-4, to last: Double = 0.02
  ) -> NoiseSchedule {
    NoiseSchedule(name: "linear", betas: ramp(steps, first, last))
  }

  /// The schedule of latent diffusion: $\sqrt{\beta_t}$ rises linearly (Rombach et al.,
  /// "High-resolution image synthesis with latent diffusion models", 2022).
  public static func scaledLinear(
    steps: Int = 1000, from first: Double = 0.00085, to last: Double = 0.012
  ) -> NoiseSchedule {
    NoiseSchedule(
      name: "scaled linear",
      betas: ramp(steps, first.squareRoot(), last.squareRoot()).map { $0 * $0 })
  }

  /// The linear schedule with its end points scaled by 1000 / steps, so that $\bar\alpha_T$ is about
  /// that of DDPM for any number of steps (Nichol and Dhariwal 2021, section 3.2).
  public static func linearScaledToLength(steps: Int) -> NoiseSchedule {
    let scale = 1000 / Double(steps)
    return NoiseSchedule(
      name: "linear", betas: ramp(steps, 1e-4 * scale, 0.02 * scale).map { min($0, 0.999) })
  }

  /// The same variance in every step.
  public static func constant(steps: Int, beta: Double) -> NoiseSchedule {
    NoiseSchedule(name: "constant", betas: Array(repeating: beta, count: steps))
  }

  /// The cosine schedule, $\bar\alpha_t = f(t) / f(0)$ with
  /// $f(t) = \cos^2(\frac{t/T + s}{1 + s} \frac\pi2)$ (Nichol and Dhariwal 2021, equation 17).
  ///
  /// The variances are $1 - f(t) / f(t-1)$, clipped, and $\bar\alpha$ is computed from the clipped
  /// variances. Three choices have been published: `.cap(0.999)` with s = 0.008 (the paper), `.range` with
  /// 1e-4…0.02, and `.none` with s = 0.
  ///
  /// - Parameters:
  ///   - steps: $T$.
  ///   - offset: $s$, which keeps the first variances from vanishing.
  ///   - clip: how variances near 1 are clipped.
  public static func cosine(
    steps: Int = 1000, offset: Double = 0.008, clip: CosineClip = .cap(0.999)
  ) -> NoiseSchedule {
    func angle(_ t: Int) -> Double {
      (Double(t) / Double(steps) + offset) / (1 + offset) * Double.pi / 2
    }
    let betas = (1...steps).map { t -> Double in
      let (a, b) = (angle(t), angle(t - 1))
      let ratio = cos(a) / cos(b)
      // cos²b - cos²a = sin(a+b) sin(a-b), which does not cancel at small t; at t = T the other
      // form is exact.
      if ratio < 0.5 { return clip(1 - ratio * ratio) }
      return clip(sin(a + b) * sin(a - b) / (cos(b) * cos(b)))
    }
    return NoiseSchedule(name: "cosine", betas: betas)
  }

  private static func ramp(_ steps: Int, _ first: Double, _ last: Double) -> [Double] {
    (0..<steps).map { i in
      steps == 1 ? first : first + (last - first) * Double(i) / Double(steps - 1)
    }
  }
}

/// How a sampler chooses fewer steps than the schedule has.
public enum TimestepSpacing: String, Sendable, CaseIterable {
  /// 1, 1 + k, 1 + 2k, … with k = T / S rounded down: starts from T + 1 - k rather than from T.
  case leading
  /// S steps evenly spread over 1…T, both ends included.
  case linspace
  /// T, T - T/S, T - 2T/S, …: starts from T.
  case trailing
  /// Dense at small t: $1 + (T - 1) u^2$ for u evenly spread over 0…1.
  case quadratic
  /// Dense at both ends: $1 + (T - 1) (1 - \cos \pi u) / 2$.
  case cosine
}

extension NoiseSchedule {
  /// Chooses `count` steps out of 1…T, in increasing order and all different.
  ///
  /// "Leading" and "trailing" are named as in Lin et al. (2024, table 2), where steps count from 0.
  ///
  /// - Parameter count: in 1…T.
  public func timesteps(_ count: Int, spacing: TimestepSpacing = .linspace) -> [Int] {
    guard count >= 1, count <= steps else {
      fatalError("cannot choose \(count) steps out of \(steps)")
    }
    let span = Double(steps - 1)
    let chosen = (0..<count).map { i -> Double in
      // A single step starts from pure noise, so it must be the last.
      let u = count == 1 ? 1 : Double(i) / Double(count - 1)
      switch spacing {
      case .leading: return Double(1 + i * (steps / count))
      case .linspace: return 1 + span * u
      case .trailing: return Double(steps) * Double(i + 1) / Double(count)
      case .quadratic: return 1 + span * u * u
      case .cosine: return 1 + span * (1 - cos(.pi * u)) / 2
      }
    }
    return distinct(chosen.map { Int($0.rounded(.toNearestOrEven)) })
  }

  /// Makes the steps distinct: moves repeated ones up to the next free step, then down from T where
  /// they exceed it.
  private func distinct(_ chosen: [Int]) -> [Int] {
    var result = chosen
    for i in result.indices.dropFirst() { result[i] = max(result[i], result[i - 1] + 1) }
    var most = steps
    for i in result.indices.reversed() {
      result[i] = min(result[i], most)
      most = result[i] - 1
    }
    return result
  }
}
