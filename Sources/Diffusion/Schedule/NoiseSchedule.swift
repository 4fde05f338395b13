import Probability

/// The variances of the noise that the steps of the forward process add.
///
/// A schedule of $T$ steps has T + 1 values of each kind in double precision, indexed by $t$: $t = 0$
/// is data, so `beta(0) == 0` and `alphaBar(0) == 1`; $t = T$ is the end of the forward process. One
/// step is
/// $q(x_t \mid x_{t-1}) = N(\sqrt{1 - \beta_t}\, x_{t-1}, \beta_t I)$
/// (Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020, equation 2).
///
/// A schedule may also consist of some of the steps of another one (`respaced(to:)`); then
/// `timestep(i)` is the step of the original that corresponds to its step `i`.
public struct NoiseSchedule: Sendable, Equatable {
  /// The name of the schedule in tables and legends.
  public let name: String

  /// $\beta_t$ for t = 0 … T: the variance that step t adds.
  public let betas: [Double]

  /// $\bar\alpha_t = \prod_{s \le t} \alpha_s$ for t = 0 … T: the share of the signal's variance
  /// that is kept.
  public let alphaBars: [Double]

  /// $1 - \bar\alpha_t$ for t = 0 … T, computed without cancellation.
  public let noiseVariances: [Double]

  /// The corresponding steps of the original schedule; 0 … T unless respaced.
  public let timesteps: [Int]

  /// The number of steps, $T$.
  public var steps: Int { betas.count - 1 }

  /// Creates a schedule from its variances $\beta_1 … \beta_T$, each in 0…1.
  public init(name: String = "own", betas: [Double]) {
    guard !betas.isEmpty, betas.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      fatalError("a schedule needs at least one step, and every beta in 0...1")
    }
    var alphaBars = [1.0]
    var noiseVariances = [0.0]
    for beta in betas {
      alphaBars.append(alphaBars.last! * (1 - beta))
      noiseVariances.append(noiseVariances.last! * (1 - beta) + beta)
    }
    self.init(
      name: name, betas: [0] + betas, alphaBars: alphaBars, noiseVariances: noiseVariances,
      timesteps: Array(0...betas.count))
  }

  /// Creates a schedule from $\bar\alpha_1 … \bar\alpha_T$, which must not increase, nor exceed 1.
  public init(name: String = "own", alphaBars: [Double]) {
    self.init(name: name, alphaBars: alphaBars, noiseVariances: alphaBars.map { 1 - $0 })
  }

  /// Creates a schedule from the log signal-to-noise ratios
  /// $\lambda_t = \log(\bar\alpha_t / (1 - \bar\alpha_t))$, t = 1 … T, which must not increase.
  public init(name: String = "own", logSNRs: [Double]) {
    self.init(
      name: name, alphaBars: logSNRs.map { 1 / (1 + exp(-$0)) },
      noiseVariances: logSNRs.map { 1 / (1 + exp($0)) })
  }

  /// Creates a schedule of `steps` steps from the log signal-to-noise ratio as a function of
  /// $u = t / T$ in (0, 1].
  public init(name: String = "own", steps: Int, logSNR: (Double) -> Double) {
    self.init(name: name, logSNRs: (1...steps).map { logSNR(Double($0) / Double(steps)) })
  }

  private init(name: String, alphaBars: [Double], noiseVariances: [Double]) {
    let kept = [1] + alphaBars
    let noise = [0] + noiseVariances
    guard kept.count > 1, zip(kept, kept.dropFirst()).allSatisfy({ $0 > 0 && $0 >= $1 && $1 >= 0 })
    else {
      fatalError("alphaBar must fall from 1, and be above 0 before the last step")
    }
    let betas = kept.indices.map { t -> Double in
      t == 0 ? 0 : Self.variance(kept[t - 1], kept[t], noise[t - 1], noise[t])
    }
    self.init(
      name: name, betas: betas, alphaBars: kept, noiseVariances: noise,
      timesteps: Array(0..<kept.count))
  }

  /// $1 - \bar\alpha_t / \bar\alpha_s$, computed from the noise variances or from $\bar\alpha$,
  /// whichever cancels less.
  private static func variance(
    _ keptBefore: Double, _ kept: Double, _ noiseBefore: Double, _ noise: Double
  ) -> Double {
    noise < 0.5 ? (noise - noiseBefore) / keptBefore : 1 - kept / keptBefore
  }

  private init(
    name: String, betas: [Double], alphaBars: [Double], noiseVariances: [Double], timesteps: [Int]
  ) {
    self.name = name
    self.betas = betas
    self.alphaBars = alphaBars
    self.noiseVariances = noiseVariances
    self.timesteps = timesteps
  }
}

// MARK: - Values at one step

extension NoiseSchedule {
  /// $\beta_t$: the variance that step t adds; 0 at t = 0.
  public func beta(_ t: Int) -> Double { betas[checked(t)] }

  /// $\alpha_t = 1 - \beta_t$: the share of the signal's variance that step t keeps.
  public func alpha(_ t: Int) -> Double { 1 - betas[checked(t)] }

  /// $\bar\alpha_t$: the share of the signal's variance kept since t = 0; 1 at t = 0.
  public func alphaBar(_ t: Int) -> Double { alphaBars[checked(t)] }

  /// $1 - \bar\alpha_t$: the variance of the noise in $x_t$.
  public func noiseVariance(_ t: Int) -> Double { noiseVariances[checked(t)] }

  /// $\sqrt{\bar\alpha_t}$: what multiplies $x_0$ in $x_t$.
  public func signalScale(_ t: Int) -> Double { alphaBar(t).squareRoot() }

  /// $\sqrt{1 - \bar\alpha_t}$: what multiplies the noise in $x_t$.
  public func noiseScale(_ t: Int) -> Double { noiseVariance(t).squareRoot() }

  /// $\bar\alpha_t / (1 - \bar\alpha_t)$: the signal-to-noise ratio, infinite at t = 0.
  public func snr(_ t: Int) -> Double { alphaBar(t) / noiseVariance(t) }

  /// $\log(\bar\alpha_t / (1 - \bar\alpha_t))$, in nats; infinite at t = 0.
  public func logSNR(_ t: Int) -> Double { log(snr(t)) }

  /// $\sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$: the noise level of the same step in the
  /// variance-exploding (VE) parametrization $x_0 + \sigma \epsilon$; 0 at t = 0.
  public func sigmaVE(_ t: Int) -> Double { (noiseVariance(t) / alphaBar(t)).squareRoot() }

  /// $\tilde\beta_t$, the variance of $q(x_{t-1} \mid x_t, x_0)$, for t in 1…T; 0 at t = 1
  /// (Ho et al. 2020, equation 7).
  public func posteriorVariance(_ t: Int) -> Double {
    transition(from: t, to: t - 1).posteriorVariance
  }

  /// The weights of $x_0$ and of $x_t$ in the mean of $q(x_{t-1} \mid x_t, x_0)$, for t in 1…T
  /// (Ho et al. 2020, equation 7). Their sum is not 1 in general.
  public func posteriorWeights(_ t: Int) -> (x0: Double, xt: Double) {
    transition(from: t, to: t - 1).posteriorWeights
  }

  /// The step of the original schedule that corresponds to step `i`; `i` unless respaced.
  public func timestep(_ i: Int) -> Int { timesteps[checked(i)] }

  /// The transition between two steps `s < t` of this schedule, not necessarily adjacent.
  public func transition(from t: Int, to s: Int) -> Transition {
    guard checked(s) < checked(t) else { fatalError("a transition goes from t to an s < t") }
    let beta =
      s == t - 1
      ? betas[t]
      : Self.variance(alphaBars[s], alphaBars[t], noiseVariances[s], noiseVariances[t])
    return Transition(
      t: t, s: s, timestep: timesteps[t], beta: beta,
      alphaBar: alphaBars[t], previousAlphaBar: alphaBars[s],
      noiseVariance: noiseVariances[t], previousNoiseVariance: noiseVariances[s])
  }

  private func checked(_ t: Int) -> Int {
    if t < 0 || t >= betas.count { fatalError("step \(t) is outside 0...\(steps)") }
    return t
  }
}

// MARK: - Derived schedules

extension NoiseSchedule {
  /// The schedule restricted to some of its steps: step `i` of the result is step `timesteps[i - 1]`
  /// of this one, with the same $\bar\alpha$ and with
  /// $\beta = 1 - \bar\alpha_t / \bar\alpha_s$ (Nichol and Dhariwal, "Improved denoising diffusion
  /// probabilistic models", 2021, equation 19).
  ///
  /// - Parameter timesteps: increasing, in 1…T.
  public func respaced(to timesteps: [Int]) -> NoiseSchedule {
    let path = [0] + timesteps
    let pairs = zip(path, path.dropFirst())
    guard !timesteps.isEmpty, pairs.allSatisfy({ $0 < $1 }), path.last! <= steps else {
      fatalError("timesteps must increase strictly within 1...\(steps)")
    }
    return NoiseSchedule(
      name: name, betas: [0] + pairs.map { transition(from: $1, to: $0).beta },
      alphaBars: path.map { alphaBars[$0] }, noiseVariances: path.map { noiseVariances[$0] },
      timesteps: path.map { self.timesteps[$0] })
  }

  /// The schedule with zero terminal signal-to-noise ratio, $\bar\alpha_T = 0$: $\sqrt{\bar\alpha}$ is
  /// shifted and scaled so that its first value is unchanged (Lin et al., "Common diffusion noise
  /// schedules and sample steps are flawed", 2024, algorithm 1).
  ///
  /// Noise prediction cannot start at such a step: $x_T = \epsilon$ contains no information about
  /// $x_0$.
  public func withZeroTerminalSNR() -> NoiseSchedule {
    let scales = (1...steps).map { signalScale($0) }
    let stretch = scales[0] / (scales[0] - scales[steps - 1])
    let kept = scales.map { scale in
      let shifted = (scale - scales[steps - 1]) * stretch
      return shifted * shifted
    }
    return NoiseSchedule(name: name + ", zero terminal SNR", alphaBars: kept)
  }
}
