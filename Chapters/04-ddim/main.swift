//: # Chapter 4. DDIM
//:
//: A model that was trained with 1000 noise steps need not be sampled with 1000 steps, and sampling
//: need not add noise. The same network, without any further training, can sample in 50 steps.
//: Sampling can also be deterministic: one noise in, one image out, always the same. This is DDIM,
//: the *denoising diffusion implicit model*. This chapter shows why it is allowed, what it costs,
//: and which of the usual statements about it are true.
//:
//: At the end of this chapter you can
//:
//: - name all the reverse processes that one trained network serves, and the parameter $\eta$ that
//:   chooses among them,
//: - skip steps and add the right amount of noise in between,
//: - read deterministic DDIM as Euler's method for an ordinary differential equation (ODE), measure
//:   its order, and use a better solver for the same number of network evaluations,
//: - map data to noise and back (*DDIM inversion*), and interpolate between two data points,
//: - say what noise during sampling is good for, and what it is not needed for,
//: - find ten mistakes in print, because this page runs them.

import Datasets  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Learning  // weave:hide
import KnownMistakes  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide
import Tensors  // weave:hide

let (notebook, options) = Chapter.open(  // weave:hide
  "Samples with few steps and without noise, and checks why that is allowed.",  // weave:hide
  adding: MistakeOptions.self)  // weave:hide
let knownMistakes = options.selection(for: notebook)  // weave:hide

// weave:hide-begin
// With `--bug`, the chosen mistake takes the places of these types.
// swift-format-ignore: AlwaysUseLowerCamelCase
let Sampler = knownMistakes.sampler
// weave:hide-end

//: ## DDPM and DDIM from the same noise
//:
//: The forward process of chapter 0 turns data into noise, and the states $x_t$ of all data points
//: together have the density $p_t$. Below, the data distribution is the course's mixture of three
//: Gaussians on the line. So $p_t$ is a formula, and so is the best denoiser
//: $\epsilon^*(x_t) = E[\epsilon \mid x_t]$, the *posterior mean* of the noise. Both samplers use
//: it and start from the same nine points. The left one adds noise in every step; the right one
//: adds none.

let schedule = NoiseSchedule.linear()
let mixture = GaussianMixture.three
let best = ExactDenoiser(mixture, schedule)
let root = RandomGenerator(seed: notebook.seed)

/// The streams of random numbers of one experiment.
func streams(_ experiment: Int, _ count: Int) -> RandomStreams {
  RandomStreams(of: root.split(experiment), count: count)
}

/// The points that cut N(0, 1) into `count` equally likely parts, each at the middle of its own.
func spread(_ count: Int) -> PointSet {
  PointSet((0..<count).map { StandardNormal.quantile((Double($0) + 0.5) / Double(count)) })
}

//: @fold How the figure is plotted

let beginnings = spread(9)
let marginals = (0...1000).map { mixture.noisyMarginal(schedule, to: $0).marginal }
let densities = Field(x: 0...1000, y: -2.6...2.6, columns: 250, rows: 130) { t, x in
  marginals[Int(t)].density(x)
}

func paths(_ rule: some ReverseStep, _ title: String) -> Plot {
  let sampler = Sampler(rule, schedule: schedule)
  let chain = sampler.chain(from: beginnings, denoiser: best, using: streams(1, 9))
  var states = [(t: 1000, x: beginnings.values)]
  for state in chain where state.t.isMultiple(of: 4) { states.append((state.t, state.x.values)) }
  let plot = Plot(
    title: title, x: Axis("step $t$", range: 0...1000, isReversed: true),
    y: Axis("$x_t$", range: -2.6...2.6)
  ).heatMap(densities, limits: 0...1.1, showsBar: false, smooth: true)
  return (0..<9).reduce(plot) { plot, i in
    plot.line(
      states.map { Double($0.t) }, states.map { $0.x[i] }, color: .vermilion, width: 1.2)
  }
}

notebook.figure(
  "two-ways-back",
  Figure(
    columns: 2, [paths(.ancestral(), "with noise (DDPM)"), paths(.ddim(), "without (DDIM)")],
    panelSize: Size(370, 270), sharing: .y),
  formats: [.png],
  caption:
    "Nine states on their way from noise (left edge of each panel) to data (right edge), over the "
    + "density $p_t$ (the lighter, the denser). Without noise the paths are smooth, never cross, "
    + "and keep their order; with noise they are random and cross. Most end in one of the modes.",
  alternative: "Two panels with the density of the noisy data over the step t, which splits from "
    + "one band into three. On the left nine jagged paths that cross, on the right nine smooth "
    + "ones.")

//: It is not obvious that the right panel is allowed. Training taught the network to reverse a
//: process with noise in every step. Why should its predictions be of use for another process?
//:
//: (Start this program with `--bug NAME`, and the code below has a mistake that was once published:
//: the failed checks show what it breaks. `--bug list` lists the mistakes.)
//:
//: ## Part I. What training leaves open
//:
//: ### The family of reverse processes
//:
//: The loss of chapter 2 samples $x_t$ from $q(x_t \mid x_0) = \mathcal N(\sqrt{\bar\alpha_t}\,x_0,
//: (1 - \bar\alpha_t) I)$, one $t$ at a time. The joint distribution of $x_t$ and $x_{t-1}$ given
//: $x_0$ never enters. So a network that is trained for DDPM is trained for *every* process with
//: these marginals. Song, Meng and Ermon ("Denoising diffusion implicit models", 2021) wrote down a
//: family of such processes, in reverse time. Sample $x_T$ from $q(x_T \mid x_0)$, and then
//: $$ x_{t-1} = \sqrt{\bar\alpha_{t-1}}\,x_0 + \sqrt{1 - \bar\alpha_{t-1} - \sigma_t^2}\;
//: \frac{x_t - \sqrt{\bar\alpha_t}\,x_0}{\sqrt{1 - \bar\alpha_t}} + \sigma_t z , \qquad
//: z \sim \mathcal N(0, I) , $$
//: with any $0 \le \sigma_t^2 \le 1 - \bar\alpha_{t-1}$. The fraction is the noise $\epsilon$ in
//: $x_t$. Some of it is kept, some is replaced by fresh noise, and the squares of the two
//: coefficients add up to $1 - \bar\alpha_{t-1}$.
//:
//: **Claim 4.1.** Whatever the $\sigma_t$, the state $x_t$ has mean $\sqrt{\bar\alpha_t}\,x_0$ and
//: variance $1 - \bar\alpha_t$ at every step of the chain. We compute the distribution of the chain
//: exactly: a `GaussianVariable` is a mean plus a linear combination of independent standard
//: Gaussians, one for each noise that is added. The fifth of the choices keeps nothing of the old
//: noise, and the sixth takes the negative root.

let picture = GaussianVariable(mean: 1.3)  // x(0), which is known here

func familyStep(
  _ xt: GaussianVariable, _ step: Transition, sigma: Double, sign: Double = 1, z: GaussianVariable
) -> GaussianVariable {
  let noise = GaussianVariable.sum(
    (1 / step.noiseVariance.squareRoot(), xt),
    (-(step.alphaBar / step.noiseVariance).squareRoot(), picture))
  let kept = sign * max(0, step.previousNoiseVariance - sigma * sigma).squareRoot()
  return .sum((step.previousAlphaBar.squareRoot(), picture), (kept, noise), (sigma, z))
}

let choices: [(name: String, sign: Double, sigma: @Sendable (Transition) -> Double)] = [
  ("sigma = 0", 1, { _ in 0 }),
  ("0.3 of DDPM's", 1, { 0.3 * $0.posteriorVariance.squareRoot() }),
  ("0.7 of DDPM's", 1, { 0.7 * $0.posteriorVariance.squareRoot() }),
  ("DDPM's", 1, { $0.posteriorVariance.squareRoot() }),
  ("the largest", 1, { $0.previousNoiseVariance.squareRoot() }),
  ("0.7 of DDPM's, negative root", -1, { 0.7 * $0.posteriorVariance.squareRoot() }),
]
for choice in choices {
  var draws = streams(2, 1)
  var x = GaussianVariable.sum(
    (schedule.signalScale(1000), picture),
    (schedule.noiseScale(1000), GaussianVariable(standardDeviation: 1, source: 0)))
  var (means, variances) = ([Double](), [Double]())
  for t in stride(from: 1000, through: 2, by: -1) {
    let step = schedule.transition(from: t, to: t - 1)
    let sigma = choice.sigma(step)
    let z = sigma == 0 ? x : x.normalSamples(using: &draws)
    x = familyStep(x, step, sigma: sigma, sign: choice.sign, z: z)
    means.append(x.mean)
    variances.append(x.variance)
  }
  let reached = Array(stride(from: 999, through: 1, by: -1))
  notebook.check(
    "\(choice.name): means at t = 999 … 1", means,
    equals: reached.map { 1.3 * schedule.signalScale($0) }, tolerance: 1e-12)
  notebook.check(
    "\(choice.name): variances", variances,
    equals: reached.map { schedule.noiseVariance($0) }, tolerance: 1e-12)
}

//: Rounding errors add up over a thousand steps; this sets the tolerance.
//:
//: ### The forward process of the family
//:
//: The family was defined in reverse and given $x_0$. What is its forward step? Given $x_0$ all
//: states are jointly Gaussian, so conditioning $x_t$ on $x_{t-1}$ is a linear regression: the
//: slope is the covariance over the variance. The covariance of $x_{t-1}$ and $x_t$ is $\sqrt{1 -
//: \bar\alpha_{t-1} - \sigma_t^2}\,\sqrt{1 - \bar\alpha_t}$, by the formula above.
//:
//: **Claim 4.2.** Hence
//: $$ q_\sigma(x_t \mid x_{t-1}, x_0) = \mathcal N\Bigl( \sqrt{\bar\alpha_t}\,x_0 +
//: \kappa_t\,(x_{t-1}
//: - \sqrt{\bar\alpha_{t-1}}\,x_0),\ \tfrac{1 - \bar\alpha_t}{1 - \bar\alpha_{t-1}}\,\sigma_t^2
//: \Bigr) , \qquad \kappa_t = \frac{\sqrt{(1 - \bar\alpha_t)(1 - \bar\alpha_{t-1} -
//: \sigma_t^2)}}{1 - \bar\alpha_{t-1}} . $$
//: It preserves the marginals, $\kappa_t^2 (1 - \bar\alpha_{t-1}) + \frac{1 - \bar\alpha_t}{1 -
//: \bar\alpha_{t-1}} \sigma_t^2 = 1 - \bar\alpha_t$, and for $\sigma_t^2 = \tilde\beta_t$ it is
//: DDPM's own forward step: $\kappa_t = \sqrt{\alpha_t}$, variance $\beta_t$.

func forwardKernel(_ step: Transition, _ sigma: Double) -> (slope: Double, variance: Double) {
  let before = step.previousNoiseVariance
  return (
    (step.noiseVariance * max(0, before - sigma * sigma)).squareRoot() / before,
    step.noiseVariance * sigma * sigma / before
  )
}

func regression(_ y: GaussianVariable, on x: GaussianVariable) -> (slope: Double, rest: Double) {
  let slope = y.covariance(with: x) / x.variance
  let rest = GaussianVariable.sum((1, y), (-slope, x))
  return (slope, rest.variance)
}

for t in [2, 100, 500, 1000] {
  let step = schedule.transition(from: t, to: t - 1)
  let xt = GaussianVariable.sum(
    (schedule.signalScale(t), picture),
    (schedule.noiseScale(t), GaussianVariable(standardDeviation: 1, source: 0)))
  let sigmas = [0, 0.3, 0.7, 1].map { $0 * step.posteriorVariance.squareRoot() }
  let found = sigmas.map { sigma in
    regression(
      xt,
      on: familyStep(xt, step, sigma: sigma, z: GaussianVariable(standardDeviation: 1, source: 1)))
  }
  let stated = sigmas.map { forwardKernel(step, $0) }
  notebook.check(
    "slope by regression at t = \(t), four sigmas", found.map(\.slope), equals: stated.map(\.slope),
    tolerance: 1e-12)
  notebook.check(
    "variance by regression", found.map(\.rest), equals: stated.map(\.variance), tolerance: 1e-14)
  notebook.check(
    "variance of x(t)",
    stated.map { $0.slope * $0.slope * step.previousNoiseVariance + $0.variance },
    equals: sigmas.map { _ in step.noiseVariance }, tolerance: 1e-14)
}
let ownKernels = (2...1000).map { t -> (slope: Double, variance: Double) in
  let step = schedule.transition(from: t, to: t - 1)
  return forwardKernel(step, step.posteriorVariance.squareRoot())
}
notebook.check(
  "with DDPM's sigma: slopes for t = 2 … 1000", ownKernels.map(\.slope),
  equals: (2...1000).map { schedule.alpha($0).squareRoot() }, tolerance: 1e-12)
notebook.check(
  "variances", ownKernels.map(\.variance), equals: (2...1000).map(schedule.beta), tolerance: 1e-15)

//: **Erratum E-B25.** S. Chatterjee's "Foundations of Generative Models" constructs another forward
//: step in (8.12) to (8.21). It adds $c\,\epsilon_{t-1} + \sigma_t \epsilon$ to
//: $\sqrt{\alpha_t}\,x_{t-1}$ and requires $c^2 + \sigma_t^2 = 1 - \alpha_t$, as if the added noise
//: were independent of $x_{t-1}$. But $\epsilon_{t-1}$ is the noise *in* $x_{t-1}$. So the variance
//: in (8.17) is too large. On the way to (8.19) a square root is lost, a sign is flipped, and $x_0$
//: and $x_{t-1}$ change places, so that mean and variance are both wrong. Here are both at
//: $t = 500$ without fresh noise.

let middle = schedule.transition(from: 500, to: 499)
let beforeMiddle = GaussianVariable.sum(
  (schedule.signalScale(499), picture),
  (schedule.noiseScale(499), GaussianVariable(standardDeviation: 1, source: 0)))
let keptNoise = GaussianVariable(standardDeviation: 1, source: 0)
let rightState = GaussianVariable.sum(
  (schedule.signalScale(500), picture), (forwardKernel(middle, 0).slope, beforeMiddle),
  (-forwardKernel(middle, 0).slope * schedule.signalScale(499), picture))
let state817 = GaussianVariable.sum(
  (middle.alpha.squareRoot(), beforeMiddle), (middle.beta.squareRoot(), keptNoise))
let pull = middle.beta / schedule.noiseScale(499)
let state819 = GaussianVariable.sum(
  (middle.alpha.squareRoot(), beforeMiddle), (pull, picture),
  (-pull * schedule.signalScale(499), beforeMiddle))
notebook.erratum(
  "E-B25", source: "Foundations of Generative Models, (8.17)", "variance of x(500)",
  printed: state817.variance, right: rightState.variance,
  secondRoute: 1 - schedule.alphaBar(500), tolerance: 1e-13, apart: 0.1)
notebook.erratum(
  "E-B25", source: "Foundations of Generative Models, (8.19)", "weight of x(0) in x(500)",
  printed: state819.mean / 1.3, right: rightState.mean / 1.3,
  secondRoute: schedule.alphaBar(500).squareRoot(), tolerance: 1e-13, apart: 0.009)
notebook.erratum(
  "E-B25", source: "Foundations of Generative Models, (8.19)", "variance of x(500)",
  printed: state819.variance, right: rightState.variance,
  secondRoute: 1 - schedule.alphaBar(500), tolerance: 1e-13, apart: 0.01)

//: ### DDPM is the case η = 1
//:
//: To sample, $x_0$ is not known. Its place is taken by $\hat x_0$, the posterior mean of $x_0$
//: that follows from the network's prediction at $x_t$; the fraction is then the predicted noise
//: $\hat\epsilon$. (Why a mean may stand for $x_0$ is the subject of Part IV.) This is all the code
//: there is:
//:
//: @code Sources/Diffusion/Sampler/ReverseStep.swift ddim-step
//:
//: **Claim 4.3.** With $\sigma_t^2 = \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}
//: \beta_t$ the family's step is DDPM's: the weights of $x_0$ and $x_t$ are those of the posterior
//: mean of chapter 1, because $\sqrt{1 - \bar\alpha_{t-1} - \tilde\beta_t} = \sqrt{\alpha_t}\,(1 -
//: \bar\alpha_{t-1}) / \sqrt{1 - \bar\alpha_t}$. From the same random numbers both implementations
//: produce the same points, on all steps or on few.

let familyWeights = (1...1000).map { t -> (x0: Double, xt: Double) in
  let step = schedule.transition(from: t, to: t - 1)
  let kept = max(0, step.previousNoiseVariance - step.posteriorVariance).squareRoot()
  let noise = step.noiseVariance.squareRoot()
  return (
    step.previousAlphaBar.squareRoot() - kept * step.alphaBar.squareRoot() / noise, kept / noise
  )
}
notebook.check(
  "weights of x(0), t = 1 … 1000", familyWeights.map(\.x0),
  equals: (1...1000).map { schedule.posteriorWeights($0).x0 }, tolerance: 1e-12)
notebook.check(
  "weights of x(t)", familyWeights.map(\.xt),
  equals: (1...1000).map { schedule.posteriorWeights($0).xt }, tolerance: 1e-12)
for count in [1000, 50] {
  func points(_ rule: some ReverseStep) -> [Double] {
    Sampler(rule, schedule: schedule, timesteps: schedule.timesteps(count))
      .sample(from: spread(100), denoiser: best, using: streams(3, 100)).values
  }
  notebook.check(
    "100 points in \(count) steps, by either implementation", points(.ddim(eta: 1)),
    equals: points(.ancestral()), tolerance: 1e-9)
}

//: **Erratum E-B51.** The book states both that $\sigma_t^2 = \tilde\beta_t$ gives DDPM (section
//: 8.3.3, of the reverse step) and that $\sigma_t^2 = \beta_t$ does (after (8.21), of the forward
//: step), with one letter for two variances. By Claim 4.2 they differ by the factor
//: $(1 - \bar\alpha_t)/(1 - \bar\alpha_{t-1})$, which is 2.2 at $t = 2$. The book also calls that
//: construction unique; Claim 4.1 shows that $\sigma_t$ and a sign can be chosen freely.

let firstNoised = GaussianVariable(standardDeviation: schedule.noiseScale(1), source: 0)
let secondNoised = GaussianVariable.sum(
  (schedule.alpha(2).squareRoot(), firstNoised),
  (schedule.beta(2).squareRoot(), GaussianVariable(standardDeviation: 1, source: 1)))
notebook.erratum(
  "E-B51", source: "Foundations of Generative Models, after (8.21)",
  "variance of DDPM's reverse step from t = 2", printed: schedule.beta(2),
  right: schedule.posteriorVariance(2),
  secondRoute: regression(firstNoised, on: secondNoised).rest, tolerance: 1e-16, apart: 5e-5)

//: ## Part II. Deterministic sampling
//:
//: ### DDIM as a function from noise to data
//:
//: With $\sigma_t = 0$ no noise is added after $x_T$. How accurate is the result? For Gaussian data
//: $\mathcal N(m, v)$ the answer is exact. The best denoiser is $\epsilon^*(x) = \sqrt{1 -
//: \bar\alpha_t}\,(x - \sqrt{\bar\alpha_t}\,m) / V_t$ with
//: $V_t = \bar\alpha_t v + 1 - \bar\alpha_t$, the variance of $x_t$. Insert it into the step from
//: $t$ to any $s < t$: the distance from the mean is multiplied by
//: $$ g = \frac{\sqrt{\bar\alpha_s \bar\alpha_t}\,v + \sqrt{(1 - \bar\alpha_s)(1 - \bar\alpha_t)}}
//: {V_t} . $$
//: It should be $\sqrt{V_s / V_t}$, which maps the one Gaussian to the other. The numerator is the
//: scalar product of the vectors $(\sqrt{\bar\alpha v}, \sqrt{1 - \bar\alpha})$ of the two steps,
//: whose lengths are $\sqrt{V_s}$ and $\sqrt{V_t}$. So $g$ is the right factor times the cosine of
//: the angle between them. Every step is a little too short!
//:
//: **Claim 4.4.** The same $x_T$ gives the same $x_0$, to the last bit, whatever the random
//: streams. The last step lands on $\hat x_0$ itself, since $\bar\alpha_0 = 1$. For data
//: $\mathcal N(1, \frac14)$ the variance of the samples is
//: $$ \frac{v}{V_T} \prod_{\text{steps}} \cos^2(\theta_t - \theta_s) , \qquad \tan\theta_t =
//: \sqrt{\frac{1 - \bar\alpha_t}{\bar\alpha_t v}} . $$
//: Guess how many steps it takes to reach 90 percent of the variance.

let (m, v) = (1.0, 0.25)  // mean and variance of the Gaussian data

/// The exact distribution of a sampler's output for Gaussian data, started from N(0, 1).
func law(_ rule: some ReverseStep, _ timesteps: [Int]? = nil) -> GaussianVariable {
  let ideal = GaussianDenoiser<GaussianVariable>(mean: m, variance: v, schedule)
  return Sampler(rule, schedule: schedule, timesteps: timesteps).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: ideal,
    using: streams(4, 1))
}

func angle(_ alphaBar: Double) -> Double {
  atan2((1 - alphaBar).squareRoot(), (alphaBar * v).squareRoot())
}

/// The product of cosines.
func varianceByAngles(_ timesteps: [Int]) -> Double {
  let alphaBars = [1] + timesteps.map { schedule.alphaBar($0) }
  let start = alphaBars.last!
  return zip(alphaBars, alphaBars.dropFirst()).reduce(v / (start * v + 1 - start)) {
    let c = cos(angle($1.1) - angle($1.0))
    return $0 * c * c
  }
}

let twice = [5, 6].map { experiment in
  Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(50))
    .sample(from: spread(1000), denoiser: best, using: streams(experiment, 1000)).values
}
notebook.check(
  "1000 points with other random streams, largest difference",
  zip(twice[0], twice[1]).map { abs($0 - $1) }.max()!, equals: 0, tolerance: 0)
for eta in [0, 0.5, 1] {
  let states = Array(
    Sampler(.ddim(eta: eta), schedule: schedule, timesteps: schedule.timesteps(20))
      .chain(from: spread(50), denoiser: best, using: streams(7, 50)))
  notebook.check(
    "the last state, eta = \(eta)", states.last!.x.values, equals: states.last!.x0Estimate.values,
    tolerance: 1e-14)
}
let counts = [5, 10, 20, 50, 100, 250, 1000]
let lawsByCount = counts.map { law(.ddim(), schedule.timesteps($0, spacing: .trailing)) }
notebook.check(
  "variances for \(counts.map(String.init).joined(separator: ", ")) steps",
  lawsByCount.map(\.variance),
  equals: counts.map { varianceByAngles(schedule.timesteps($0, spacing: .trailing)) },
  tolerance: 1e-12)
notebook.table(
  "Gaussian data of variance 0.25, DDIM without noise, trailing steps",
  columns: ["steps", Column("variance", digits: 4), Column("share of the data's", digits: 4)],
  rows: zip(counts, lawsByCount).map { [$0, $1.variance, $1.variance / v] })

//: ### The parameter η
//:
//: Between deterministic DDIM and DDPM lies $\sigma = \eta \sqrt{\tilde\beta}$. If steps are
//: skipped, from $t$ to $s$, then $\beta_t$ is replaced by the variance that the forward process
//: adds between the two, $1 - \bar\alpha_t / \bar\alpha_s$:
//: $$ \sigma = \eta\,\sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t} \Bigl(1 -
//: \frac{\bar\alpha_t}{\bar\alpha_s}\Bigr)} . $$
//:
//: **Claim 4.5.** For every $\eta$ the sampler's mean and variance on Gaussian data are those of
//: the recursion written in $\bar\alpha$ alone, on 50 of the 1000 steps as on all. $\eta = 1$ on 50
//: steps is ancestral sampling of a process that has only these 50 steps. The cost does not depend
//: on $\eta$: one network evaluation per step.

/// Mean and variance of the family's samples, started from N(0, 1), by the recursion.
func moments(
  _ timesteps: [Int], _ sigmaSquared: (_ alphaBar: Double, _ before: Double) -> Double
) -> (mean: Double, variance: Double) {
  var (mean, variance) = (0.0, 1.0)
  let path = [0] + timesteps
  for (s, t) in zip(path, path.dropFirst()).reversed() {
    let (now, before) = (schedule.alphaBar(t), schedule.alphaBar(s))
    let fresh = sigmaSquared(now, before)
    let total = now * v + 1 - now
    let kept = (max(0, 1 - before - fresh) * (1 - now)).squareRoot()
    let gain = ((before * now).squareRoot() * v + kept) / total
    mean = before.squareRoot() * m + gain * (mean - now.squareRoot() * m)
    variance = gain * gain * variance + fresh
  }
  return (mean, variance)
}
func betaTilde(_ now: Double, _ before: Double) -> Double {
  (1 - before) / (1 - now) * (1 - now / before)
}

let fifty = schedule.timesteps(50)
for eta in [0, 0.25, 0.5, 0.75, 1] {
  for (name, steps) in [("50 steps", fifty), ("all steps", Array(1...1000))] {
    let found = law(.ddim(eta: eta), steps)
    let right = moments(steps) { eta * eta * betaTilde($0, $1) }
    notebook.check(
      "mean and variance, eta = \(eta), \(name)", [found.mean, found.variance],
      equals: [right.mean, right.variance], tolerance: 1e-11)
  }
}
let shortSchedule = NoiseSchedule(betas: Array(schedule.respaced(to: fifty).betas.dropFirst()))
let retrained = Sampler(.ancestral(), schedule: shortSchedule).sample(
  from: GaussianVariable(standardDeviation: 1, source: 0),
  denoiser: GaussianDenoiser(mean: m, variance: v, shortSchedule),
  using: streams(4, 1))
let skipping = law(.ddim(eta: 1), fifty)
notebook.check(
  "eta = 1 on 50 steps against a process of 50 steps", [skipping.mean, skipping.variance],
  equals: [retrained.mean, retrained.variance], tolerance: 1e-11)
func evaluations(_ eta: Double) -> Int {
  let counted = CountedDenoiser(best)
  _ = Sampler(.ddim(eta: eta), schedule: schedule, timesteps: fifty)
    .sample(from: spread(4), denoiser: counted, using: streams(8, 4))
  return counted.evaluations
}
notebook.check(
  "evaluations for eta = 0, 0.5, 1", [0, 0.5, 1].map(evaluations), isExactly: [50, 50, 50])

//: **Erratum E-B14.** In its Algorithm 4 and in (8.31) the book closes the square root too early:
//: $\sqrt{\frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}}\;\beta_t$. A variance of 0.02 becomes one
//: of 0.0004, and the samples of $\eta = 1$ have almost no variance at all.

let all = Array(1...1000)
let printedVariance = ReverseVariance.custom { @Sendable step in
  step.posteriorVariance * step.beta
}
notebook.erratum(
  "E-B14", source: "Foundations of Generative Models, (8.31)",
  "variance of DDPM's samples of Gaussian data",
  printed: law(.ancestral(variance: printedVariance)).variance,
  right: law(.ancestral()).variance, secondRoute: moments(all, betaTilde).variance,
  tolerance: 1e-11, apart: 0.2)

//: **Erratum E-S0c.** The note on conditional latent diffusion gives $\sigma_t$ with $\beta_t$,
//: states that $\eta$ interpolates between DDIM and DDPM, and leaves $\eta$ out of the formula. It
//: is a factor of $\sigma_t$. And $\beta_t$ is right for neighboring steps only: on 50 steps of
//: 1000 it is about twenty times too small. (Here the mistake even improves the variance, because
//: too little noise is closer to none. But it is not what $\eta = 1$ means: DDPM.)

let strideless = DDIMStep { @Sendable step in
  (step.previousNoiseVariance / step.noiseVariance * schedule.beta(step.timestep)).squareRoot()
}
notebook.erratum(
  "E-S0c", source: "Conditional Latent Diffusion (CIFAR-10), step 4",
  "variance with eta = 1 on 50 steps", printed: law(strideless, fifty).variance,
  right: law(.ddim(eta: 1), fifty).variance, secondRoute: moments(fifty, betaTilde).variance,
  tolerance: 1e-11, apart: 0.01)

//: **Erratum E-B27.** In section 8.3.7 the book calls $\eta = 0$ fastest and $\eta = 1$ slower. It
//: is the number of steps that costs time. DDPM is slow because it is used with 1000.

notebook.erratum(
  "E-B27", source: "Foundations of Generative Models, section 8.3.7",
  "evaluations for 50 steps with eta = 1", printed: 1000, right: 50,
  secondRoute: Double(evaluations(1)), tolerance: 0, apart: 100)

//: **Erratum E-B26.** Sections 8.3.5 and 8.3.6 of the book explain DDIM by using "the same
//: predicted noise" all along the way. That would be a single step in disguise: if $\hat\epsilon$
//: is never predicted anew, all the small steps compose to the one step from $T$ to 0. The
//: algorithm, in the book too, predicts the noise anew at every step.

let frozen = GaussianDenoiser<GaussianVariable>(mean: m, variance: v, schedule)
  .noise(GaussianVariable(standardDeviation: 1, source: 0), t: 1000)
let frozenLaw = Sampler(.ddim(), schedule: schedule, timesteps: fifty).sample(
  from: GaussianVariable(standardDeviation: 1, source: 0),
  denoiser: FunctionDenoiser { _, _ in frozen },
  using: streams(4, 1))
notebook.erratum(
  "E-B26", source: "Foundations of Generative Models, section 8.3.5",
  "variance in 50 steps without noise", printed: frozenLaw.variance,
  right: law(.ddim(), fifty).variance, secondRoute: varianceByAngles(fifty), tolerance: 1e-12,
  apart: 0.2)
notebook.show("variance in a single step", varianceByAngles([1000]))

//: ### Timestep spacing
//:
//: Any increasing list of steps will do. Evenly spaced steps (`linspace`) are usual; *quadratic*
//: spacing puts more of them at small $t$, *cosine* more at both ends. All three lists begin with 1
//: and end with $T$. (The first table of this part used another usual spacing, `trailing`, which
//: counts down from $T$ in equal strides.)
//:
//: **Claim 4.6.** On Gaussian data the distribution of the samples follows the recursion of the
//: moments along the list of steps, for each spacing. For the mixture, which has three modes, all
//: three spacings come closer to the data with every doubling of the number of steps. The error is
//: the *Wasserstein distance*: how far, on average, the points of one distribution must be moved to
//: become the other. Which of the lists is best with 10 steps?

let spacings: [(name: String, spacing: TimestepSpacing)] = [
  ("even", .linspace), ("quadratic", .quadratic), ("cosine", .cosine),
]
for (name, spacing) in spacings {
  for count in [10, 50] {
    let steps = schedule.timesteps(count, spacing: spacing)
    let (found, right) = (law(.ddim(eta: 0.5), steps), moments(steps) { 0.25 * betaTilde($0, $1) })
    notebook.check(
      "mean and variance, \(name), \(count) steps", [found.mean, found.variance],
      equals: [right.mean, right.variance], tolerance: 1e-11)
  }
  notebook.check(
    "first and last of 10 steps, \(name)",
    [schedule.timesteps(10, spacing: spacing)[0], schedule.timesteps(10, spacing: spacing)[9]],
    isExactly: [1, 1000])
}

let many = notebook.count(20_000, quick: 10_000)
let starts = spread(many)
let ideals = (0..<many).map { mixture.quantile((Double($0) + 0.5) / Double(many)) }

/// The Wasserstein distance of `many` points from the mixture.
func distance(_ points: PointSet) -> Double {
  zip(points.values.sorted(), ideals).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(many)
}

/// The end points of a sampler that starts from evenly spaced quantiles of the noise.
func ends(_ rule: some ReverseStep, _ timesteps: [Int], experiment: Int = 9) -> PointSet {
  Sampler(rule, schedule: schedule, timesteps: timesteps)
    .sample(from: starts, denoiser: best, using: streams(experiment, many))
}

func row(_ head: any TableCell, _ numbers: [Double]) -> [any TableCell] {
  [head] + numbers.map { $0 as any TableCell }
}

let doublings = [10, 20, 40, 80, 160]
let bySpacing = spacings.map { entry in
  doublings.map { distance(ends(.ddim(), schedule.timesteps($0, spacing: entry.spacing))) }
}
for (entry, distances) in zip(spacings, bySpacing) {
  notebook.check(
    "distance from the mixture for 10 … 160 steps, \(entry.name)", decreases: distances)
}
notebook.table(
  "Wasserstein distance from the mixture, no noise",
  columns: ["steps"] + spacings.map { Column($0.name, digits: 3) },
  rows: doublings.indices.map { i in row(doublings[i], bySpacing.map { $0[i] }) })

//: For Gaussian data the best list is known. The logarithm of the cosine is concave, so a product
//: of cosines of angles with a given sum is greatest if all the angles are equal: the steps should
//: be even in the angle $\theta$ of Claim 4.4, which is neither even in $t$ nor in $\sigma$. With
//: $S$ such steps the share of the variance is $\cos^{2S}(\theta_T / S)$, about $1 - \pi^2 / 4S$.

func evenAngles(_ count: Int) -> NoiseSchedule {
  let whole = angle(schedule.alphaBar(1000))
  return NoiseSchedule(
    logSNRs: (1...count).map { i in
      let tangent = tan(whole * Double(i) / Double(count))
      return -log(v * tangent * tangent)
    })
}
for count in [10, 50] {
  let own = evenAngles(count)
  let found = Sampler(.ddim(), schedule: own).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: GaussianDenoiser(mean: m, variance: v, own), using: streams(4, 1))
  let share = pow(cos(angle(schedule.alphaBar(1000)) / Double(count)), 2 * Double(count))
  let start = schedule.alphaBar(1000)
  notebook.check(
    "variance for \(count) even angles", found.variance,
    equals: share * v / (start * v + 1 - start), tolerance: 1e-12)
  notebook.check(
    "more than with \(count) steps of any of the three spacings", found.variance,
    isAbove: spacings.map { varianceByAngles(schedule.timesteps(count, spacing: $0.spacing)) }
      .max()!)
}

//: ## Part III. How many steps?
//:
//: ### With a perfect denoiser
//:
//: The usual advice: 50 deterministic steps are comparable to 1000 steps with noise, and twenty
//: times faster. This can be measured, and since the denoiser is perfect here, only the error of
//: the sampler remains. We compare four rules on evenly spaced steps: no noise; half of DDPM's
//: noise; DDPM's $\tilde\beta$; and $\beta$, the other variance in common use. Predict the winner
//: before you read on.

let stepCounts = [10, 20, 50, 100, 250, 1000]
let rules: [(name: String, rule: any ReverseStep)] = [
  ("no noise", DDIMStep(eta: 0)), ("eta = 0.5", DDIMStep(eta: 0.5)),
  ("eta = 1", DDIMStep(eta: 1)), ("variance beta", AncestralStep(variance: .beta)),
]
let endPoints = rules.enumerated().map { k, entry in
  stepCounts.map { ends(entry.rule, schedule.timesteps($0), experiment: 10 + k) }
}
let distances = endPoints.map { $0.map(distance) }
notebook.table(
  "Wasserstein distance from the mixture, perfect denoiser",
  columns: ["steps"] + rules.map { Column($0.name, digits: 3) },
  rows: stepCounts.indices.map { i in row(stepCounts[i], distances.map { $0[i] }) })

//: To interpret such numbers we need two more. First, how far is a sample of the data themselves,
//: of the same size, from their distribution? Any random sample has a sampling error of about this
//: size. (Without noise nothing here is random, since the start points are evenly spaced quantiles.
//: With noise the even start still removes some of the sampling error.) Second, how far is the
//: noise that we began with?

let ofData = (0..<8).map { k -> Double in
  var draws = streams(120 + k, many)
  return distance(mixture.samples(using: &draws).points)
}
let sampleFloor = Estimate(of: ofData)
notebook.show("distance of as many data points", sampleFloor)
notebook.show("distance of the noise", distance(starts), digits: 3)

//: **Claim 4.7.** With a perfect denoiser, more steps without noise always help, and 1000 of them
//: bring the error below the sampling error of a data sample. 50 steps without noise beat 50 with
//: DDPM's $\tilde\beta$. They do not reach 1000 steps with noise; they are "comparable" if two or
//: three hundredths of the data's standard deviation do not matter. And DDPM as such is not bad at
//: few steps: the variance $\tilde\beta$ is, which is too small for data that are not a single
//: point (chapter 1). With $\beta$ the distance at 50 steps is less than 0.8 of that.

notebook.check("distance without noise, by steps", decreases: distances[0])
notebook.check("50 steps: no noise against eta = 1", distances[0][2], isBelow: distances[2][2])
notebook.check(
  "50 steps without noise against 1000 with eta = 1", distances[0][2], isAbove: distances[2][5])
notebook.check("the same in units of the data's standard deviation", distances[0][2], isBelow: 0.03)
notebook.check(
  "50 steps with noise: variance beta against 0.8 of eta = 1", distances[3][2],
  isBelow: 0.8 * distances[2][2])
notebook.check(
  "1000 steps without noise against a sample of the data", distances[0][5],
  isBelow: sampleFloor.mean / 2)

//: @fold How the figure is plotted

let logSteps = Axis("steps $S$", scale: .log, at: stepCounts.map { Double($0) })
let styles: [(Color, Dash, Marker)] = [
  (.blue, .solid, .circle), (.green, .dashed, .square), (.vermilion, .solid, .triangle),
  (.orange, .dashed, .diamond),
]
let stepsPlot = rules.indices.reduce(
  Plot(
    x: logSteps, y: Axis("Wasserstein distance", scale: .log), size: Size(560, 330))
) { plot, k in
  plot.line(
    stepCounts.map { Double($0) }, distances[k], label: rules[k].name, color: styles[k].0,
    dash: styles[k].1, marker: styles[k].2)
}
notebook.figure(
  "steps", stepsPlot.horizontal(at: sampleFloor.mean, label: "data points"),
  caption:
    "Distance of the samples from the data distribution against the number of steps, with a "
    + "perfect denoiser. Without noise the error is proportional to $1/S$ throughout. With noise "
    + "the sampling error remains. It is below that of independent data points (dashed), because "
    + "the start points are evenly spaced.",
  alternative: "Four falling curves on logarithmic axes and a dashed horizontal line.")

//: ### With a trained network
//:
//: A network makes errors of its own, and then more steps may not help. So we repeat the study with
//: networks, trained here on two half moons in the plane: three of them, which differ only in their
//: seeds. The error is again a Wasserstein distance, averaged over 64 directions (the *sliced*
//: Wasserstein distance), from twenty thousand fresh data points.

let moonGenerator = RandomGenerator(seed: notebook.seed &+ 4)
let moonTraining = TrainingPoints(PlaneSet.moons.sample(50_000, using: moonGenerator.split(0)))
let moonReference = PointSet(PlaneSet.moons.sample(20_000, using: moonGenerator.split(1)).points)
let moonRecipes = (0..<notebook.count(3, quick: 2)).map { k in
  PointDenoiser.Configuration {
    $0.seed = UInt64(k)
    $0.updates = notebook.count(3000, quick: 600)
  }
}
let (moonNetworks, moonSeconds) = notebook.time {
  PointDenoiser.trained(on: moonTraining, moonRecipes)
}
notebook.show("training took", seconds: moonSeconds)

let moonCount = 1000
func moonEnds(
  _ rule: some ReverseStep, _ steps: Int, _ k: Int, count: Int = moonCount
) -> PointSet {
  Sampler(rule, schedule: schedule, timesteps: schedule.timesteps(steps)).sample(
    like: PointSet(zeros: count, dimensions: 2), denoiser: moonNetworks[k],
    seed: notebook.seed &+ UInt64(100 + k))
}
func moonDistance(_ points: PointSet) -> Double {
  Distance.slicedWasserstein1(points, moonReference)
}

let moonFloor = Estimate(
  of: (0..<5).map { k in
    let sample = PlaneSet.moons.sample(moonCount, using: moonGenerator.split(2 + k))
    return moonDistance(PointSet(sample.points))
  })
notebook.show("distance of a thousand data points", moonFloor)
let moonSteps = [10, 20, 50] + (notebook.isQuick ? [100] : [250, 1000])
let moonStudy = [0.0, 1].map { eta in
  moonSteps.map { steps in
    Estimate(of: moonRecipes.indices.map { moonDistance(moonEnds(.ddim(eta: eta), steps, $0)) })
  }
}
notebook.table(
  "Sliced Wasserstein distance from the moons, mean and standard error over the networks",
  columns: [
    "steps", Column("no noise", volatile: true), Column("eta = 1", volatile: true),
  ],
  rows: moonSteps.indices.map { i in [moonSteps[i], moonStudy[0][i], moonStudy[1][i]] })

//: With three networks the study finds no difference between 50 steps without noise and the most
//: steps with noise. From 50 steps on, the distance is about that of a sample of the data
//: themselves: the error of the sampler is smaller than the errors of the networks, which differ
//: from seed to seed, and smaller than the sampling error. Below 50 steps the sampler's error
//: dominates, as with the perfect denoiser, and there sampling without noise is the better choice.

notebook.check(
  "networks, no noise: 10 steps against 50", moonStudy[0][0], isAbove: moonStudy[0][2],
  byStandardErrors: 2)
notebook.check(
  "networks: 50 steps without noise against the most with noise", moonStudy[0][2],
  equals: moonStudy[1].last!)
notebook.check(
  "networks, 10 steps: no noise against eta = 1", moonStudy[0][0], isBelow: moonStudy[1][0],
  byStandardErrors: 1)

//: ### The same noise, more steps
//:
//: What do more steps buy, for one given noise? Without noise on the way, a point $x_T$ has one
//: destination, and more steps only locate it more exactly: one can search for a good noise with 10
//: steps and then spend 200 on it. With noise on the way, $x_T$ is forgotten.
//:
//: @fold How the figure is plotted

let tintedCount = notebook.count(900, quick: 300)
var tintedStreams = streams(30, tintedCount)
let tintedStarts = PointSet(zeros: tintedCount, dimensions: 2)
  .normalSamples(using: &tintedStreams)
let tints: [Color] = [.blue, .vermilion, .green, .orange]

/// Points in the color of the quadrant of their starting noise.
func tinted(_ points: PointSet, _ title: String) -> Plot {
  let plot = Plot(
    title: title, x: Axis("", range: -2.4...2.4, at: [-2, 0, 2]),
    y: Axis("", range: -2.4...2.4, at: [-2, 0, 2]))
  return tints.indices.reduce(plot) { plot, k in
    let chosen = (0..<points.count).filter { i in
      let start = tintedStarts[i]
      return (start[0] > 0 ? 1 : 0) + (start[1] > 0 ? 2 : 0) == k
    }
    return plot.scatter(
      chosen.map { points[$0][0] }, chosen.map { points[$0][1] }, color: tints[k], radius: 1.3,
      opacity: 0.7)
  }
}

let tintedSteps = [5, 10, 50, 250]
let tintedPanels = [0.0, 1].flatMap { eta in
  [tinted(tintedStarts, eta == 0 ? "the noise" : "")]
    + tintedSteps.map { steps in
      let ends = Sampler(
        .ddim(eta: eta), schedule: schedule, timesteps: schedule.timesteps(steps)
      ).sample(from: tintedStarts, denoiser: moonNetworks[0], using: streams(31, tintedCount))
      return tinted(ends, eta == 0 ? "\(steps) steps" : "")
    }
}
notebook.figure(
  "same-noise",
  Figure(columns: 5, tintedPanels, panelSize: Size(160, 160)), formats: [.png],
  caption:
    "Nine hundred points of noise, colored by their quadrant, and the trained network's samples "
    + "from them. Above, $\\eta = 0$: every point has its destination from the first panel on, and "
    + "more steps locate it more exactly. Below, $\\eta = 1$: the colors are mixed from 5 steps "
    + "on, because the noise on the way decides, not the start. In the upper row there are stray "
    + "points between the moons.",
  alternative: "Two rows of five scatter plots. In the upper row two half moons appear in patches "
    + "of four colors; in the lower row the four colors are mixed along the moons.")

//: ## Part IV. The probability-flow ODE
//:
//: ### DDIM is Euler's method
//:
//: Divide the state by its signal's amplitude, $y = x / \sqrt{\bar\alpha}$, and measure the noise
//: by $\sigma = \sqrt{(1 - \bar\alpha) / \bar\alpha}$ (the *variance-exploding* (VE) form of
//: chapter 0). The deterministic step from $t$ to $s$ becomes
//: $$ y_s = \hat x_0 + \sigma_s\,\hat\epsilon = y_t + (\sigma_s - \sigma_t)\,\hat\epsilon , $$
//: because $y_t = \hat x_0 + \sigma_t\,\hat\epsilon$. This is Euler's step for the ordinary
//: differential equation
//: $$ \frac{dy}{d\sigma} = \epsilon^*(x, t) , $$
//: the *probability-flow ODE*. DDIM is Euler's method for it.
//:
//: Why does this ODE turn $p_T$ into $p_t$, although a posterior mean took the place of $x_0$? Hold
//: a pair $(x_0, \epsilon)$ fixed. Its point $y = x_0 + \sigma \epsilon$ moves with the velocity
//: $dy/d\sigma = \epsilon$, and the points of all pairs together have the density $p_t$ at each
//: $t$. How a density changes depends on the velocities only through their mean at each place (this
//: is the *continuity equation*), and the mean velocity is $E[\epsilon \mid x_t] = \epsilon^*$. So
//: the flow of the mean has the same marginals.
//:
//: **Claim 4.8.** The two formulas agree to rounding, for any states and pairs of steps (rounding
//: errors are magnified on the way through $y$, up to 157 times from $t = T$). And the error
//: behaves like Euler's method's: halve the step size, halve the error (order 1). The exact
//: solution is known here, by the next claim. The last step goes straight to $\hat x_0$; to leave
//: it out, errors are taken at $t = 1$.

var pairs = root.split(40)
let gaps = (0..<200).map { _ -> Double in
  let t = 2 + pairs.index(below: 999)
  let step = schedule.transition(from: t, to: pairs.index(below: t))
  let (x, noise) = (2 * pairs.normal(), pairs.normal())
  let chain = Sampler(
    .ddim(), schedule: schedule, timesteps: step.s == 0 ? [t] : [step.s, t]
  ).chain(from: x, denoiser: FunctionDenoiser { _, _ in noise }, using: streams(41, 1))
  let ddim = chain.first { $0.t == step.s }!.x
  let (before, after) = step.sigmasVE
  let y = x / step.alphaBar.squareRoot() + (after - before) * noise
  return ddim - step.previousAlphaBar.squareRoot() * y
}
notebook.check(
  "the step in both forms, 200 random ones", gaps, equals: gaps.map { _ in 0 },
  tolerance: 1e-12)

let flowStarts = PointSet(stride(from: -2.5, through: 2.5, by: 0.05).map { $0 })
let (firstLaw, lastLaw) = (marginals[1], marginals[1000])
let flowEnds = flowStarts.values.map { firstLaw.quantile(lastLaw.cdf($0)) }

/// Mean error at t = 1, and how many evaluations of the denoiser it took.
func flowError(_ rule: some ReverseStep, _ steps: Int) -> (error: Double, evaluations: Int) {
  let counted = CountedDenoiser(best)
  let timesteps = schedule.timesteps(steps)
  let chain = Sampler(rule, schedule: schedule, timesteps: timesteps)
    .chain(from: flowStarts, denoiser: counted, using: streams(42, flowStarts.count))
  let found = chain.first { $0.t == 1 }!.x.values
  let error = zip(found, flowEnds).reduce(0) { $0 + abs($1.0 - $1.1) }
  return (error / Double(found.count), counted.evaluations)
}

func order(_ coarse: Double, _ fine: Double) -> Double { log2(coarse / fine) }

let euler = [80, 160, 320].map { flowError(.ddim(), $0).error }
notebook.table(
  "Mean error of deterministic DDIM against the exact solution of the ODE",
  columns: ["steps", Column("error", digits: 3)],
  rows: zip([80, 160, 320], euler).map { [$0, $1] })
notebook.check("order from 80 to 160 steps", order(euler[0], euler[1]), equals: 1, tolerance: 0.1)
notebook.check("order from 160 to 320 steps", order(euler[1], euler[2]), equals: 1, tolerance: 0.1)

//: ### The flow on the line is the quantile map
//:
//: Solutions of such an equation never cross, as the first figure shows. On the line this
//: determines everything: the flow keeps the points in order, and it turns $p_T$ into $p_t$. Only
//: one map does both: the $u$-quantile of $p_T$ goes to the $u$-quantile of $p_t$, for every $u$.
//:
//: **Claim 4.9.** The solution is the quantile map $x_t = F_t^{-1}(F_T(x_T))$, where $F_t$ is the
//: cumulative distribution function of $p_t$. We compare two independent methods: thousands of
//: small steps with the denoiser, and bisection on a sum of three error functions.

let fineSteps = 4000
let fine = NoiseSchedule(steps: fineSteps) { u in
  schedule.logSNR(1) + u * (schedule.logSNR(1000) - schedule.logSNR(1))
}
let (fineFirst, fineLast) = (
  mixture.noisyMarginal(fine, to: 1), mixture.noisyMarginal(fine, to: fineSteps)
)
let fineChain = Sampler(.heun, schedule: fine).chain(
  from: flowStarts, denoiser: ExactDenoiser(mixture, fine),
  using: streams(43, flowStarts.count))
let fineEnds = fineChain.first { $0.t == 1 }!.x.values
let quantileMap = flowStarts.values.map {
  fineFirst.marginal.quantile(fineLast.marginal.cdf($0))
}
notebook.check(
  "solution and quantile map, mean distance over 101 points",
  zip(fineEnds, quantileMap).reduce(0) { $0 + abs($1.0 - $1.1) } / 101, equals: 0,
  tolerance: 1e-6)
notebook.check("the order of the 101 points", increases: fineEnds)

//: ### Solvers of higher order
//:
//: An ODE has better solvers than Euler's method. *Heun's method* takes Euler's step, evaluates the
//: noise there as well, and repeats the step with the mean of the two: two evaluations per step.
//: The *two-step Adams-Bashforth* method (the idea behind PLMS) reaches second order without a
//: second evaluation: it remembers the noise of the previous step and extrapolates. With
//: $r = \sigma_s - \sigma_t$ and $r'$ the same of the step before,
//: $$ y_s = y_t + r\,\bigl( \hat\epsilon_t + \tfrac{r}{2r'} (\hat\epsilon_t - \hat\epsilon')
//: \bigr) . $$
//: Here is the code of Heun's method.
//:
//: @code Sources/Diffusion/Sampler/ReverseStep.swift heun-step
//:
//: **Claim 4.10.** Averaging the two noises and taking one DDIM step with the mean is exactly
//: Heun's method in $(y, \sigma)$. Both methods have order 2: halve the step size, quarter the
//: error. What matters is the error for *equal evaluations*. Heun's method pays double: with ten
//: evaluations it is the worst by far, with twenty about as good as plain DDIM, from forty on
//: better. The two-step method is best throughout.

let heunGaps = (0..<100).map { _ -> Double in
  let t = 3 + pairs.index(below: 998)
  let s = 1 + pairs.index(below: t - 1)
  let x = 2 * pairs.normal()
  let slope = { (x: Double, t: Int) in
    best.noise(PointSet([x]), t: t).values[0]
  }
  let chain = Sampler(.heun, schedule: schedule, timesteps: [s, t])
    .chain(from: PointSet([x]), denoiser: best, using: streams(41, 1))
  let found = chain.first { $0.t == s }!.x.values[0]
  let (before, after) = schedule.transition(from: t, to: s).sigmasVE
  let y = x / schedule.signalScale(t)
  let first = slope(x, t)
  let second = slope(schedule.signalScale(s) * (y + (after - before) * first), s)
  return found - schedule.signalScale(s) * (y + (after - before) * (first + second) / 2)
}
notebook.check(
  "Heun's step in both forms, 100 random ones", heunGaps,
  equals: heunGaps.map { _ in 0 }, tolerance: 1e-11)
let heun = [80, 160, 320].map { flowError(.heun, $0).error }
let adams = [80, 160, 320].map { flowError(.adamsBashforth, $0).error }
for (name, errors) in [("Heun", heun), ("Adams-Bashforth", adams)] {
  notebook.check(
    "order of \(name)'s method, from 80 to 320 steps", order(errors[0], errors[2]) / 2,
    isAtLeast: 1.8)
}

let budgets = [10, 20, 40, 80, 160, 320]
let solvers: [(name: String, rule: any ReverseStep, cost: Int)] = [
  ("DDIM", DDIMStep(), 1), ("Heun", HeunStep(), 2), ("Adams-Bashforth", AdamsBashforthStep(), 1),
]
let byBudget = solvers.map { solver in
  budgets.map { flowError(solver.rule, $0 / solver.cost + 1) }
}
notebook.check(
  "evaluations", byBudget.flatMap { $0.map(\.evaluations) },
  isExactly: solvers.flatMap { _ in budgets })
notebook.table(
  "Mean error at equal evaluations of the denoiser",
  columns: ["evaluations"] + solvers.map { Column($0.name, digits: 3) },
  rows: budgets.indices.map { i in row(budgets[i], byBudget.map { $0[i].error }) })
notebook.check(
  "10 evaluations: Heun against twice DDIM", byBudget[1][0].error, isAbove: 2 * byBudget[0][0].error
)
notebook.check(
  "40 evaluations: Heun against DDIM", byBudget[1][2].error, isBelow: byBudget[0][2].error)
notebook.check(
  "greatest ratio of Adams-Bashforth's error to the smaller of the others",
  budgets.indices.map { i in
    byBudget[2][i].error / min(byBudget[0][i].error, byBudget[1][i].error)
  }.max()!, isBelow: 1)

//: @fold How the figure is plotted

let budgetNumbers = budgets.map { Double($0) }
let orderPlot = solvers.indices.reduce(
  Plot(
    x: Axis("evaluations of the denoiser", scale: .log, at: budgetNumbers),
    y: Axis("mean error", scale: .log), size: Size(560, 340))
) { plot, k in
  plot.line(
    budgetNumbers, byBudget[k].map(\.error), label: solvers[k].name, color: styles[k].0,
    marker: styles[k].2)
}
let slopes = [(1.0, byBudget[0][5].error), (2, byBudget[2][5].error)]
notebook.figure(
  "orders",
  slopes.reduce(orderPlot) { plot, slope in
    let reach = [40.0, 320]
    return plot.line(
      reach, reach.map { 0.6 * slope.1 * pow(320 / $0, slope.0) }, color: .axis, width: 1,
      dash: .dotted
    ).note(
      "order \(Int(slope.0))", at: (x: 150, y: 0.5 * slope.1 * pow(320 / 150, slope.0)),
      anchor: .topRight, color: .axis)
  },
  caption:
    "Error against evaluations for three ways to solve one equation. The dotted lines have slopes "
    + "of order 1 and 2. The methods of order 2 win in the end; how soon depends on what a step "
    + "costs.",
  alternative: "Three falling curves on logarithmic axes, one less steep than the two others, "
    + "which are parallel to a dotted line of order 2.")

//: ## Part V. DDIM inversion and interpolation
//:
//: ### DDIM inversion
//:
//: An ODE can be followed in both directions. From data to noise:
//: $y_t = y_s + (\sigma_t - \sigma_s)\,\hat\epsilon(x_s, s)$, Euler's step again, with the noise
//: evaluated where the step begins. This *encodes* data as noise (*DDIM inversion*); sampling
//: decodes it. The two steps are not exact inverses of one another, since the noise is evaluated at
//: different ends.
//:
//: **Claim 4.11.** Encode and decode, and the result is off by an error of order 1. The code in
//: between approaches Gaussian noise: its distance from $\mathcal N(0, 1)$ falls as well.

func encode(_ data: PointSet, _ path: [Int]) -> PointSet {
  zip(path, path.dropFirst()).reduce(data) { x, pair in
    let (s, t) = pair
    let rise = schedule.signalScale(t) * (schedule.sigmaVE(t) - schedule.sigmaVE(s))
    return .sum((schedule.signalScale(t) / schedule.signalScale(s), x), (rise, best.noise(x, t: s)))
  }
}

let pictures = PointSet((0..<400).map { firstLaw.quantile((Double($0) + 0.5) / 400) })
let roundTrips = [25, 50, 100, 200].map { steps -> (back: Double, noise: Double) in
  let path = schedule.timesteps(steps)
  let noise = encode(pictures, path)
  let chain = Sampler(.ddim(), schedule: schedule, timesteps: path)
    .chain(from: noise, denoiser: best, using: streams(50, 400))
  let back = chain.first { $0.t == 1 }!.x
  func gap(_ a: PointSet, _ b: [Double]) -> Double {
    zip(a.values, b).reduce(0) { $0 + abs($1.0 - $1.1) } / 400
  }
  return (gap(back, pictures.values), gap(noise, spread(400).values))
}
notebook.table(
  "DDIM inversion: encode and decode",
  columns: [
    "steps", Column("error of the data", digits: 3),
    Column("distance of the code from N(0, 1)", digits: 3),
  ],
  rows: zip([25, 50, 100, 200], roundTrips).map { [$0, $1.back, $1.noise] })
notebook.check(
  "order of the error, from 100 to 200 steps", order(roundTrips[2].back, roundTrips[3].back),
  equals: 1, tolerance: 0.15)
notebook.check("distance of the code from N(0, 1)", decreases: roundTrips.map(\.noise))

//: ### Linear and spherical interpolation (slerp)
//:
//: Two data points have two noises $a$ and $b$, and points between the noises decode to data in
//: between. But which points between? Those of the straight line, $(1 - \lambda)\,a + \lambda\,b$
//: (*lerp*), or those of the great circle, $\bigl(\sin((1 - \lambda)\Omega)\,a +
//: \sin(\lambda\Omega)\,b\bigr) / \sin\Omega$ with $\Omega$ the angle between $a$ and $b$
//: (spherical linear interpolation, *slerp*)?
//:
//: **Claim 4.12.** A sample of $d$ standard Gaussian entries has a length close to $\sqrt d$, and
//: two of them are nearly orthogonal. So the midpoint of the straight line has the variance
//: $\frac14 + \frac14 = \frac12$, which no noise had in training, while the great circle preserves
//: length and variance. Decoded, the midpoints of the straight line have too little variance: here
//: are 40 pairs of vectors of 256 independent entries, each entry from the mixture.

let dimensions = 256
let pairCount = 40
var pairStreams = streams(60, 2 * pairCount * dimensions)
let pairNoise = pairStreams.normalPoints().values
func noise(_ k: Int) -> [Double] { Array(pairNoise[k * dimensions..<(k + 1) * dimensions]) }
func squareMean(_ a: [Double]) -> Double { a.reduce(0) { $0 + $1 * $1 } / Double(a.count) }

func straight(_ a: [Double], _ b: [Double], _ share: Double) -> [Double] {
  zip(a, b).map { (1 - share) * $0 + share * $1 }
}

func circular(_ a: [Double], _ b: [Double], _ share: Double) -> [Double] {
  let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / Double(a.count)
  let angle = acos(product / (squareMean(a) * squareMean(b)).squareRoot())
  let (first, second) = (sin((1 - share) * angle) / sin(angle), sin(share * angle) / sin(angle))
  return zip(a, b).map { first * $0 + second * $1 }
}

func halfway(_ path: ([Double], [Double], Double) -> [Double]) -> [[Double]] {
  (0..<pairCount).map { path(noise(2 * $0), noise(2 * $0 + 1), 0.5) }
}
let (tame, whole) = (halfway(straight), halfway(circular))
notebook.check(
  "variance halfway on the straight line", Estimate(of: tame.map(squareMean)), equals: 0.5)
notebook.check(
  "variance halfway on the great circle", Estimate(of: whole.map(squareMean)), equals: 1)

/// The Wasserstein distance of decoded points from the mixture, and their variance.
func decoded(_ noises: [[Double]]) -> (distance: Double, variance: Double) {
  let points = PointSet(noises.flatMap { $0 })
  let data = Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(100))
    .sample(from: points, denoiser: best, using: streams(61, points.count))
  return (
    Distance.wasserstein1(data.values, quantile: mixture.quantile), squareMean(data.values)
  )
}
let (decodedTame, decodedWhole) = (decoded(tame), decoded(whole))
notebook.table(
  "Decoded midpoints",
  columns: [
    "path", Column("distance from the mixture", digits: 3),
    Column("variance", digits: 3),
  ],
  rows: [
    ["straight line (lerp)", decodedTame.distance, decodedTame.variance],
    ["great circle (slerp)", decodedWhole.distance, decodedWhole.variance],
  ])
notebook.check(
  "distance from the mixture, straight line", decodedTame.distance,
  isAbove: 3 * decodedWhole.distance)

//: @fold How the figure is plotted

let shares = (0...40).map { Double($0) / 40 }
func lengths(_ path: ([Double], [Double], Double) -> [Double]) -> [[Double]] {
  (0..<12).map { k in shares.map { squareMean(path(noise(2 * k), noise(2 * k + 1), $0)) } }
}
let walks = [
  (lengths(straight), Color.vermilion, "lerp"), (lengths(circular), .blue, "slerp"),
]
let interpolationPlot = walks.reduce(
  Plot(
    x: "$\\lambda$", y: Axis("mean square of the entries", range: 0...1.4), size: Size(480, 290))
) { plot, walk in
  walk.0.enumerated().reduce(plot) { plot, curve in
    plot.line(shares, curve.1, label: curve.0 == 0 ? walk.2 : nil, color: walk.1, width: 1)
  }
}
notebook.figure(
  "interpolation", interpolationPlot,
  caption:
    "Twelve interpolations from one noise to another in 256 dimensions. The linear ones lose half "
    + "of their mean square on the way; the spherical ones keep it.",
  alternative: "Twelve curves that sag to one half in the middle, and twelve that stay near one.")

//: ## Part VI. What noise during sampling is good for
//:
//: ### Not for diversity
//:
//: A common statement: sampling needs noise so that the samples differ, and without it they would
//: all look alike.
//:
//: **Claim 4.13.** With a perfect denoiser and many steps both samplers have the same distribution,
//: since both keep the same marginals: the three modes get the shares 0.3, 0.3 and 0.4, and the
//: variance is 1. The diversity comes from $x_T$. Noise on the way changes only what becomes of
//: *one* $x_T$: a whole distribution, or one point.

let diverse = [0.0, 1].map { eta in
  var noises = streams(70, many)
  let randomStarts = noises.normalPoints()
  return Sampler(.ddim(eta: eta), schedule: schedule)
    .sample(from: randomStarts, denoiser: best, using: noises)
}
for (name, points) in zip(["no noise", "eta = 1"], diverse) {
  let shares = points.values.map { mixture.labelProbabilities($0) }
  for k in 0..<3 {
    notebook.check(
      "share of mode \(k + 1), \(name)", Estimate(of: shares.map { $0[k] }),
      equals: mixture.labelWeights[k])
  }
}
notebook.check("variance, no noise", .variance(of: diverse[0].values), equals: 1)
notebook.check("variance, eta = 1", .variance(of: diverse[1].values), equals: 1)
let oneStart = PointSet([Double](repeating: 0.5, count: 2000))
let fromOne = [0.0, 1].map { eta in
  Sampler(.ddim(eta: eta), schedule: schedule, timesteps: schedule.timesteps(250))
    .sample(from: oneStart, denoiser: best, using: streams(71, 2000)).values
}
notebook.check(
  "range of 2000 samples from one start, no noise", fromOne[0].max()! - fromOne[0].min()!,
  equals: 0, tolerance: 0)
notebook.check(
  "variance of 2000 samples from one start, eta = 1", .variance(of: fromOne[1]),
  isAbove: Estimate(mean: 0.9, standardError: 0), byStandardErrors: 1)

//: **Erratum E-X13.** The Cornell notes state that without fresh noise "the generations would
//: follow similar trajectories". The book calls noise crucial for diversity (sections 8.2.2, 8.2.3)
//: and the diversity of DDIM medium where DDPM's is high (Table 8.1). If trajectories were alike
//: there would be no variance. It is that of the data. (The book may mean *one* start.)

notebook.erratum(
  "E-X13", source: "Cornell CS 4782 notes, sampling; Foundations of Generative Models, Table 8.1",
  "variance of samples without noise", printed: 0, right: mixture.variance,
  secondRoute: .variance(of: diverse[0].values), apart: 0.5)

//: ### For correcting errors
//:
//: Another common statement: noise corrects errors on the way. This one is true. Let the denoiser
//: be wrong on purpose, $\epsilon^*(x) + 0.1 \sin 3x$ at every step. The ODE follows it, and the
//: errors of all steps add up. Noise makes the chain forget where it was, errors included, and each
//: step pulls again towards where data should be.
//:
//: **Claim 4.14.** With 1000 steps of the wrong denoiser the distance from the data falls with
//: $\eta$ all the way, and noise reduces it to less than a quarter. With the networks of Part III,
//: whose errors come from training, fewer points end far from the data with noise than without.

let wrongCount = notebook.count(8_000, quick: 2_000)
let wrong = FunctionDenoiser<PointSet> { x, t in
  .sum((1, best.noise(x, t: t)), (0.1, x.map { sin(3 * $0) }))
}
let etas = [0, 0.25, 0.5, 0.75, 1]
func distanceWithErrors(_ eta: Double, _ steps: Int) -> Double {
  let points = Sampler(
    .ddim(eta: eta), schedule: schedule, timesteps: schedule.timesteps(steps)
  ).sample(from: spread(wrongCount), denoiser: wrong, using: streams(72, wrongCount))
  return Distance.wasserstein1(points.values, quantile: mixture.quantile)
}
let errorSteps = [20, 100, 1000]
let withErrors = errorSteps.map { steps in etas.map { distanceWithErrors($0, steps) } }
notebook.table(
  "Distance from the mixture with a wrong denoiser",
  columns: ["eta"] + errorSteps.map { Column("\($0) steps", digits: 3) },
  rows: etas.indices.map { i in row(etas[i], withErrors.map { $0[i] }) })
notebook.check("distance by eta, 1000 steps", decreases: withErrors[2])
notebook.check(
  "distance for eta = 1 against a quarter of that for eta = 0", withErrors[2][4],
  isBelow: withErrors[2][0] / 4)

//: @fold How the figure is plotted

notebook.figure(
  "noise-corrects",
  errorSteps.indices.reduce(
    Plot(x: "$\\eta$", y: Axis("Wasserstein distance"), size: Size(480, 300))
  ) { plot, k in
    plot.line(
      etas, withErrors[k], label: "\(errorSteps[k]) steps", color: styles[k].0, dash: styles[k].1,
      marker: styles[k].2)
  },
  caption:
    "Distance from the data against $\\eta$, with a denoiser that is wrong by $0.1 \\sin 3x$. "
    + "Noise helps if there are enough steps.",
  alternative: "Three curves against eta; the one for 1000 steps falls throughout.")

//: Now the networks. The sliced Wasserstein distance measures the whole distribution and hardly
//: changes. But there are stray points in the upper row of Figure 4.3, between the moons. Let a
//: point be *off* if it is further from both half circles than three standard deviations of the
//: data's own noise, as 2.7 in a thousand data points are.

/// How far a point is from the half circle around the origin.
func arcGap(_ x: Double, _ y: Double) -> Double {
  y >= 0 ? abs((x * x + y * y).squareRoot() - 1) : min(hypot(x - 1, y), hypot(x + 1, y))
}

/// The share of points off the moons, which are half circles of radius 1 with noise of standard
/// deviation 0.07, moved and scaled to variance 1.
func shareOff(_ points: PointSet) -> Double {
  let off = (0..<points.count).count { i in
    let (x, y) = (0.7099 * points.values[2 * i] + 0.5, 0.7099 * points.values[2 * i + 1] + 0.25)
    return min(arcGap(x, y), arcGap(1 - x, 0.5 - y)) > 0.21
  }
  return Double(off) / Double(points.count)
}
notebook.show("share of data points off the moons", shareOff(moonReference))
let moonEtas = [0, 0.5, 1]
let moonByEta = moonEtas.map { eta in
  moonRecipes.indices.map { moonEnds(.ddim(eta: eta), 100, $0, count: 3 * moonCount) }
}
let offByEta = moonByEta.map { Estimate(of: $0.map(shareOff)) }
notebook.table(
  "Networks, 100 steps, mean and standard error over the networks",
  columns: [
    "eta", Column("sliced Wasserstein", volatile: true),
    Column("share off the moons", volatile: true),
  ],
  rows: moonEtas.indices.map { i in
    [moonEtas[i], Estimate(of: moonByEta[i].map(moonDistance)), offByEta[i]]
  })
notebook.check(
  "networks: share off the moons, eta = 1 against eta = 0", offByEta[2], isBelow: offByEta[0],
  byStandardErrors: 1)

//: The claim holds, but the effect is smaller than with an artificial error. DDPM's noise removes a
//: good third of the stray points; half as much noise removes none that three networks could show;
//: and in the distance of the whole distribution no effect is visible. Most stray points remain:
//: they are the networks' own error.

//: ## Part VII. Edge cases
//:
//: ### Where formulas divide by zero
//:
//: At one end $\bar\alpha_t$ is near 0, and $\hat x_0 = (x_t - \sqrt{1 -
//: \bar\alpha_t}\,\hat\epsilon)/\sqrt{\bar\alpha_t}$ magnifies every error in $\hat\epsilon$; at
//: the other, the variance $\tilde\beta_1$ is 0 and has no logarithm. There are five edge cases in
//: one claim.
//:
//: **Claim 4.15.**
//:
//: - *Single precision* is enough. Rounding errors of $\hat\epsilon$ are magnified by
//:   $\sigma^{\mathrm{VE}}_T$ in the first estimate of $x_0$: 157 for the linear schedule and 20
//:   thousand for the cosine schedule. But that estimate enters the next state with a small weight,
//:   and the samples agree with those in double precision.
//: - *Zero terminal SNR*, $\bar\alpha_T = 0$ (Lin et al., 2024), breaks noise prediction: the
//:   result is infinite. *v-prediction* still gives $\hat x_0 = -v$ there.
//: - *The logarithm of the variance*, from which networks that learn their variance interpolate
//:   (Nichol and Dhariwal, 2021), takes $\tilde\beta_2$ for $\tilde\beta_1$.
//: - *Clipping* $\hat x_0$ to $-1 \dots 1$, right for images, ruins data with a larger range, such
//:   as latents.
//: - Latents that are *too small* lose most of their variance in few steps: those of standard
//:   deviation 0.18 lose four fifths of it in ten steps, but less than two fifths once they are
//:   scaled to 1.

var edgeStreams = streams(80, 1000)
let singleStarts = edgeStreams.normal([1000, 1])
for (name, each) in [("linear", schedule), ("cosine", NoiseSchedule.cosine())] {
  let sampler = Sampler(.ddim(), schedule: each, timesteps: each.timesteps(50))
  let single = Array(
    sampler.chain(
      from: singleStarts, denoiser: GaussianDenoiser<Tensor>(mean: m, variance: v, each),
      using: edgeStreams))
  let double = Array(
    sampler.chain(
      from: PointSet(singleStarts),
      denoiser: GaussianDenoiser<PointSet>(mean: m, variance: v, each),
      using: edgeStreams))
  func gap(_ a: Tensor, _ b: PointSet) -> Double {
    zip(a.elements, b.values).map { abs(Double($0) - $1) }.max()!
  }
  let magnified = each.sigmaVE(1000) * Double(Float.ulpOfOne)
  notebook.check(
    "\(name): error of the first estimate of x(0), in rounding units times sigma",
    gap(single[0].x0Estimate, double[0].x0Estimate) / magnified, isBelow: 8)
  notebook.check(
    "\(name): error of the samples", gap(single.last!.x, double.last!.x), isBelow: 1e-3)
}

let silent = schedule.withZeroTerminalSNR()
let silentEnd = Sampler(.ddim(), schedule: silent, timesteps: silent.timesteps(10)).sample(
  from: spread(9), denoiser: GaussianDenoiser(mean: m, variance: v, silent),
  using: streams(81, 9))
notebook.check(
  "finite samples out of 9 with zero terminal SNR",
  silentEnd.values.count { $0.isFinite }, isExactly: 0)
let silentProcess = GaussianDiffusion(silent)
// At T the best estimate of x(0) is the mean of the data, so the best v is its negative.
notebook.check(
  "x(0) from v-prediction there",
  silentProcess.convert(-m, from: .v, to: .x0, xt: 0.3, t: 1000), equals: m, tolerance: 1e-15
)

/// The logarithm of the posterior variance, with that of t = 2 in place of log 0 at t = 1.
func logPosteriorVariance(_ t: Int) -> Double {
  // weave:hide-begin
  if knownMistakes.isActive { return knownMistakes.logPosteriorVariance(t, of: schedule) }
  // weave:hide-end
  return log(schedule.posteriorVariance(max(t, 2)))
}

for share in [0, 0.5, 1] {
  let interpolated = exp(
    share * log(schedule.beta(1)) + (1 - share) * logPosteriorVariance(1))
  notebook.check(
    "interpolated variance at t = 1, share \(share)", interpolated,
    equals: pow(schedule.beta(1), share) * pow(schedule.posteriorVariance(2), 1 - share),
    relativeTolerance: 1e-12)
}

func distanceClipped(_ clip: Clip?) -> Double {
  let clip = clip ?? knownMistakes.latentClip  // weave:hide
  return distance(
    Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(100), clip: clip)
      .sample(from: starts, denoiser: best, using: streams(82, many)))
}
notebook.check(
  "distance from the mixture with this course's clipping of latents: none",
  distanceClipped(nil), isBelow: 0.03)
notebook.check("distance with clipping to -1 … 1", distanceClipped(.images), isAbove: 0.1)

/// The factor that brings latents of this standard deviation to 1.
func latentScale(_ deviation: Double) -> Double {
  // weave:hide-begin
  if knownMistakes.isActive { return knownMistakes.latentScale(1 / deviation) }
  // weave:hide-end
  return 1 / deviation
}

/// The share of the variance that ten steps reproduce for latents of this standard deviation.
func shareOfLatents(_ deviation: Double) -> Double {
  let denoiser = GaussianDenoiser<GaussianVariable>(variance: deviation * deviation, schedule)
  let found = Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(10))
    .sample(
      from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: denoiser,
      using: streams(84, 1))
  return found.variance / (deviation * deviation)
}
notebook.check(
  "share of the variance for latents of standard deviation 0.18, scaled as in this course",
  shareOfLatents(0.18 * latentScale(0.18)), isAbove: 0.6)
notebook.check("share if not scaled", shareOfLatents(0.18), isBelow: 0.25)

//: ### DDPM and DDIM in one table
//:
//: The DDPM talk summarizes DDIM in a table. Here it is, with one line corrected and another made
//: precise.
//:
//: | | DDPM | DDIM |
//: |:--|:--|:--|
//: | the forward process | Markov | given $x_0$ a chain; on its own not Markov |
//: | a forward step depends on | $x_{t-1}$ | $x_{t-1}$ and $x_0$: $q_\sigma(x_t \mid x_{t-1}, x_0)$ |
//: | a sampling step depends on | $x_t$ | $x_t$ |
//: | the noise variance of a sampling step | $\tilde\beta_t$ | $\eta^2 \tilde\beta_t$; none if $\eta = 0$ |
//: | steps in use | 1000 | 20 to 100 |
//: | trained with | the noise-prediction loss | the same loss, the same network |
//:
//: **Claim 4.17.** Given $x_{t-1}$, the forward state $x_t$ does not depend on $x_0$ in DDPM, and
//: in the rest of the family it does. In *sampling*, $x_{t-1}$ given $x_t$ depends on nothing
//: earlier, whatever $\eta$ is: the partial covariance of $x_{t-1}$ and $x_{t+1}$ given $x_t$ is 0.

/// The weight of x(0) in the mean of x(t) given x(t-1) and x(0), for a share of DDPM's sigma.
func memory(_ share: Double, _ t: Int) -> Double {
  let step = schedule.transition(from: t, to: t - 1)
  let slope = forwardKernel(step, share * step.posteriorVariance.squareRoot()).slope
  return step.alphaBar.squareRoot() - slope * step.previousAlphaBar.squareRoot()
}
for t in [2, 100, 500] {
  notebook.check(
    "weight of x(0) in the forward step, DDPM, t = \(t)", memory(1, t), equals: 0, tolerance: 1e-14)
}
notebook.check(
  "weight of x(0) in the forward step without noise, t = 2", memory(0, 2), isBelow: -0.4)
let sampled = Array(
  Sampler(.ddim(eta: 0.5), schedule: schedule).chain(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: GaussianDenoiser<GaussianVariable>(mean: m, variance: v, schedule),
    using: streams(83, 1)))
func state(_ t: Int) -> GaussianVariable { sampled.first { $0.t == t }!.x }
func partialCovariance(
  _ a: GaussianVariable, _ b: GaussianVariable, given c: GaussianVariable
) -> Double {
  a.covariance(with: b) - a.covariance(with: c) * b.covariance(with: c) / c.variance
}
let remembered = [2, 100, 500, 900].map {
  partialCovariance(state($0 - 1), state($0 + 1), given: state($0))
}
notebook.check(
  "partial covariances at four steps, eta = 0.5", remembered, equals: [0, 0, 0, 0], tolerance: 1e-13
)

//: **Erratum E-S1i.** In the talk's table the forward step of DDIM depends on
//: $q(x_{t-1} \mid x_t, x_0)$. That is the reverse step. The forward one is
//: $q_\sigma(x_t \mid x_{t-1}, x_0)$; they give $x_0$ different weights, here without noise at
//: $t = 2$.

let second = schedule.transition(from: 2, to: 1)
let x2 = GaussianVariable.sum(
  (schedule.signalScale(2), picture),
  (schedule.noiseScale(2), GaussianVariable(standardDeviation: 1, source: 0)))
let x1 = familyStep(x2, second, sigma: 0, z: x2)
notebook.erratum(
  "E-S1i", source: "DDPM, DDIM and latent diffusion (talk), DDIM summary",
  "weight of x(0) in a forward step",
  printed: (x1.mean - regression(x1, on: x2).slope * x2.mean) / 1.3, right: memory(0, 2),
  secondRoute: (x2.mean - regression(x2, on: x1).slope * x1.mean) / 1.3,
  tolerance: 1e-12, apart: 0.5)

//: **Erratum E-B50.** According to the book (section 8.3.2), DDPM assumes that the reverse process
//: is Markov, and DDIM drops this assumption. But DDPM too conditions on $x_0$ in training, and
//: DDIM's sampling is as Markov as DDPM's. What is not Markov is the *forward* process. The two
//: numbers are the dependence on earlier states of a sampling step and of a forward step.

notebook.erratum(
  "E-B50", source: "Foundations of Generative Models, section 8.3.2",
  "dependence of a DDIM sampling step on earlier states", printed: memory(0, 2),
  right: 0, secondRoute: remembered[0], tolerance: 1e-13, apart: 0.4)

//: **Erratum E-S1h.** The talk's second slide on DDIM writes $\alpha_t$ where its first writes
//: $\bar\alpha_t$ (the DDIM paper uses this letter for it), and the first credits the "new general
//: form" to DDPM; it is DDIM's. A reader who takes the second slide with the talk's own
//: $\alpha_t = 1 - \beta_t$ gets this:

let literalGain = (1...1000).reduce(1.0) { gain, t in
  let slope = schedule.noiseScale(t) / (schedule.alphaBar(t) * v + schedule.noiseVariance(t))
  let (now, before) = (schedule.alpha(t), schedule.alpha(t - 1))
  let x0 = (1 - (1 - now).squareRoot() * slope) / now.squareRoot()
  return gain * (before.squareRoot() * x0 + (1 - before).squareRoot() * slope)
}
notebook.erratum(
  "E-S1h", source: "DDPM, DDIM and latent diffusion (talk), DDIM details",
  "variance without noise, 1000 steps", printed: literalGain * literalGain,
  right: law(.ddim(), all).variance, secondRoute: varianceByAngles(all), tolerance: 1e-11,
  apart: 0.01)

//: ## Summary
//:
//: | in the text | in code | what it is |
//: |:--|:--|:--|
//: | $\sigma_t = \eta \sqrt{\tilde\beta}$ | `step.sigma(eta:)` | standard deviation of the noise that a step adds; $\tilde\beta$ of the list of steps |
//: | $\tau_1 < \dots < \tau_S$ | `schedule.timesteps(50, spacing: .quadratic)` | the steps that are kept |
//: | $t \to s$ | `schedule.transition(from: t, to: s)` | a step, however long |
//: | $\hat x_0$ | `state.x0Estimate` | the estimate of the data at $x_t$ |
//: | $y, \sigma^{\mathrm{VE}}$ | `sigmasExploding` | state and noise level of the ODE |
//: | $\theta$ | – | the angle in which, for Gaussian data, steps should be even |
//:
//: Types used: `Sampler` (a rule and a list of steps), `DDIMStep`, `AncestralStep`, `HeunStep`,
//: `AdamsBashforthStep` (rules), `Transition` (a step's coefficients), `ReverseChain` (the states
//: on the way), `CountedDenoiser` (counts evaluations), `PointDenoiser` (a small network).
//:
//: ## Exercises
//:
//: The numbers in parentheses are those of "Foundations of Generative Models". Its exercises 8.9.1
//: to 8.9.5, 8.9.7 and 8.9.8 are what this page does: DDPM and DDIM from the same noise, the sweeps
//: over $\eta$, over steps and over spacings, stability, Heun's method, interpolation. Cost is
//: counted in evaluations, and the adaptive steps of 8.9.5 are left out.
//:
//: **Exercise 1.** Use the family's largest $\sigma$, which keeps nothing of the old noise. What is
//: the variance of the samples for Gaussian data and many steps?
//:
//: <details><summary>Answer</summary>
//:
//: Each step estimates $\hat x_0$ and adds entirely new noise. But $\hat x_0$ is a mean: its
//: variance is smaller than that of $x_0$, and the loss is never restored. With known $x_0$ the
//: choice was as good as any (Claim 4.1); with an estimate it is not.
//:
//: **Claim 4.18.** For $\mathcal N(0, 1)$ data $\hat x_0 = \sqrt{\bar\alpha_t}\,x_t$, so the
//: variances follow $V_s = \bar\alpha_s \bar\alpha_t V_t + 1 - \bar\alpha_s$. Where little noise
//: $n$ is left this is $V \approx (1 - 2n) V + n$, with the solution $V = \frac12$: half of the
//: variance is lost, however many the steps.

let renoised = Sampler(
  .ddim(sigma: { @Sendable step in step.previousNoiseVariance.squareRoot() }), schedule: schedule
).sample(
  from: GaussianVariable(standardDeviation: 1, source: 0),
  denoiser: GaussianDenoiser<GaussianVariable>(variance: 1, schedule),
  using: streams(90, 1))
notebook.check(
  "variance with entirely new noise in each of 1000 steps", renoised.variance, equals: 0.5,
  tolerance: 0.01)

//: </details>
//:
//: **Exercise 2.** Inversion made an error because the noise was evaluated at the wrong end. Find
//: the $x_t$ from which the sampler's step leads to a given $x_s$ *exactly*.
//:
//: <details><summary>Answer</summary>
//:
//: The step is $y_s = y_t + (\sigma_s - \sigma_t)\,\hat\epsilon(x_t, t)$, so $y_t$ solves
//: $y_t = y_s + (\sigma_t - \sigma_s)\,\hat\epsilon(x_t, t)$. Guess, insert, repeat (*fixed-point
//: inversion*): if the steps are small the right side hardly depends on the guess, and the guesses
//: converge.
//:
//: **Claim 4.19.** With 200 steps and thirty iterations each, encoding and decoding return the data
//: to rounding.

func encodeExactly(_ data: PointSet, _ path: [Int]) -> PointSet {
  zip(path, path.dropFirst()).reduce(data) { x, pair in
    let (s, t) = pair
    let rise = schedule.signalScale(t) * (schedule.sigmaVE(t) - schedule.sigmaVE(s))
    let scaled = PointSet.sum((schedule.signalScale(t) / schedule.signalScale(s), x))
    return (0..<30).reduce(scaled) { guess, _ in
      .sum((1, scaled), (rise, best.noise(guess, t: t)))
    }
  }
}
let exactPath = schedule.timesteps(200)
let exactCode = encodeExactly(pictures, exactPath)
let returned = Sampler(.ddim(), schedule: schedule, timesteps: exactPath)
  .chain(from: exactCode, denoiser: best, using: streams(91, 400)).first { $0.t == 1 }!.x
notebook.check("decoded data", returned.values, equals: pictures.values, tolerance: 1e-9)

//: </details>
//:
//: **Exercise 3** (8.9.9, the first half). A *student* network is to do in one step what two
//: deterministic steps of its teacher do. For Gaussian data the teacher's two steps are an affine
//: map. What noise must the student predict?
//:
//: <details><summary>Answer</summary>
//:
//: If the teacher leads from $x_t$ over some $x_r$ to $x_s$, the student's step must land there:
//: $y_s = y_t + (\sigma_s - \sigma_t)\,\hat\epsilon$, so
//: $\hat\epsilon = (y_s - y_t)/(\sigma_s - \sigma_t)$, the teacher's *mean* slope. For Gaussian
//: data the gain is the product of the cosines of the two angles, in place of the cosine of their
//: sum.
//:
//: **Claim 4.20.** The student with 25 such steps has the same output as the teacher with 50.

let teacher = GaussianDenoiser<GaussianVariable>(mean: m, variance: v, schedule)
func noiselessStep(_ xt: GaussianVariable, from t: Int, to s: Int) -> GaussianVariable {
  let rise = schedule.signalScale(s) * (schedule.sigmaVE(s) - schedule.sigmaVE(t))
  return .sum(
    (schedule.signalScale(s) / schedule.signalScale(t), xt), (rise, teacher.noise(xt, t: t)))
}
let teacherPath = [0] + fifty
let student = FunctionDenoiser<GaussianVariable> { xt, t in
  let place = teacherPath.firstIndex(of: t)!
  let (r, s) = (teacherPath[place - 1], teacherPath[place - 2])
  let xs = noiselessStep(noiselessStep(xt, from: t, to: r), from: r, to: s)
  let rise = schedule.sigmaVE(s) - schedule.sigmaVE(t)
  return .sum(
    (1 / (rise * schedule.signalScale(s)), xs), (-1 / (rise * schedule.signalScale(t)), xt))
}
let studentPath = stride(from: 2, through: 50, by: 2).map { teacherPath[$0] }
let learned = Sampler(.ddim(), schedule: schedule, timesteps: studentPath).sample(
  from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: student, using: streams(92, 1))
notebook.check(
  "mean and variance, 25 steps of the student", [learned.mean, learned.variance],
  equals: [law(.ddim(), fifty).mean, law(.ddim(), fifty).variance], tolerance: 1e-11)

//: A trained student comes close to this, and can be the next teacher (*progressive distillation*,
//: Salimans and Ho, 2022). The drawback: a student serves only one list of steps.
//:
//: </details>
//:
//: ## Sources
//:
//: Song, Meng and Ermon, "Denoising diffusion implicit models" (2021), for the family, the ODE,
//: encoding and interpolation; Liu et al., "Pseudo numerical methods for diffusion models on
//: manifolds" (2022), for multistep methods; Karras et al., "Elucidating the design space of
//: diffusion-based generative models" (2022), for Heun's method; Lin et al., "Common diffusion
//: noise schedules and sample steps are flawed" (2024), for zero terminal SNR; Nichol and Dhariwal,
//: "Improved denoising diffusion probabilistic models" (2021), for learned variances; S.
//: Chatterjee, "Foundations of Generative Models", chapter 8 with its exercises; the DDPM talk; the
//: Cornell CS 4782 notes; the note on conditional latent diffusion.
//:
//: ## Next
//:
//: We can sample well and fast. But the samples are arbitrary images, not images of a chosen class.
//: Chapter 5 uses a classifier to guide the samples towards a label.

notebook.finish()  // weave:hide
