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

/// The sampler with this rule, on some steps of the schedule or on all.
func sampler(_ rule: some ReverseStep, _ steps: [Int]? = nil) -> Sampler {
  Sampler(rule, schedule: schedule, timesteps: steps)
}

/// One sample from each of these starts.
func samples(
  _ rule: some ReverseStep, _ steps: [Int]? = nil, from start: PointSet,
  by denoiser: some Denoiser<PointSet> = best, stream: Int
) -> PointSet {
  sampler(rule, steps).sample(
    from: start, denoiser: denoiser, using: notebook.streams(start.count, stream: stream))
}

/// The quantiles that cut a distribution into `count` equally likely parts, each at the middle of
/// its part.
func quantiles(
  _ count: Int, of quantile: (Double) -> Double = StandardNormal.quantile
) -> PointSet {
  PointSet((0..<count).map { quantile((Double($0) + 0.5) / Double(count)) })
}

//: @fold How the figure is plotted

let marginals = (0...1000).map { mixture.noisyMarginal(schedule, to: $0).marginal }
let densities = Field(x: 0...1000, y: -2.6...2.6, columns: 250, rows: 130) { t, x in
  marginals[Int(t)].density(x)
}

func paths(_ rule: some ReverseStep, _ title: String) -> Plot {
  let start = quantiles(9)
  let chain = sampler(rule).chain(
    from: start, denoiser: best, using: notebook.streams(9, stream: 1))
  let states =
    [(t: 1000, x: start)]
    + chain.filter { $0.t.isMultiple(of: 4) }.map { (t: $0.t, x: $0.x) }
  return Plot(
    title: title, x: Axis("step $t$", range: 0...1000, isReversed: true),
    y: Axis("$x_t$", range: -2.6...2.6)
  )
  .heatMap(densities, limits: 0...1.1, showsBar: false, smooth: true)
  .adding(0..<9) { plot, i in
    plot.line(
      states.map { Double($0.t) }, states.map { $0.x.values[i] }, color: .vermilion, width: 1.2)
  }
}

notebook.figure(
  "stochastic-and-deterministic-paths",
  Figure(
    columns: 2, [paths(.ancestral(), "with noise (DDPM)"), paths(.ddim(), "without (DDIM)")],
    panelSize: Size(370, 270), sharing: .y),
  formats: [.png],
  caption:
    "Nine states on their way from noise (left edge of each panel) to data (right edge), over the "
    + "density $p_t$ (the lighter, the denser). Without noise the paths are smooth, never cross, "
    + "and keep their order; with noise they are random and cross. Most end in one of the modes.",
  alternative: "Nine paths over a density, jagged and crossing on the left, smooth on the right.")

//: It is not obvious that the right panel is allowed. The network was trained to reverse a process
//: with noise in every step. Why should its predictions be of use for another process?
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

let x0 = GaussianVariable(mean: 1.3)  // known here
let epsilon = GaussianVariable(standardDeviation: 1, source: 0)
let freshNoise = GaussianVariable(standardDeviation: 1, source: 1)

/// $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$.
func noisy(_ t: Int) -> GaussianVariable {
  .sum((schedule.signalScale(t), x0), (schedule.noiseScale(t), epsilon))
}

/// The family's step from $x_t$ to $x_{t-1}$.
func familyStep(
  _ xt: GaussianVariable, _ step: Transition, sigma: Double, sign: Double = 1,
  z: GaussianVariable = freshNoise
) -> GaussianVariable {
  let noise = GaussianVariable.sum(
    (1 / step.noiseVariance.squareRoot(), xt),
    (-(step.alphaBar / step.noiseVariance).squareRoot(), x0))
  let kept = sign * max(0, step.previousNoiseVariance - sigma * sigma).squareRoot()
  return .sum((step.previousAlphaBar.squareRoot(), x0), (kept, noise), (sigma, z))
}

//: The chain starts with $x_{1000}$, and each of its steps adds noise of its own.

let choices: [(name: String, sign: Double, sigma: (Transition) -> Double)] = [
  ("sigma = 0", 1, { _ in 0 }),
  ("0.3 of DDPM's", 1, { $0.sigma(eta: 0.3) }),
  ("0.7 of DDPM's", 1, { $0.sigma(eta: 0.7) }),
  ("DDPM's", 1, { $0.sigma(eta: 1) }),
  ("the largest", 1, { $0.previousNoiseVariance.squareRoot() }),
  ("0.7 of DDPM's, negative root", -1, { $0.sigma(eta: 0.7) }),
]
let everyStep = (1...1000).map { schedule.transition(from: $0, to: $0 - 1) }
for choice in choices {
  var streams = notebook.streams(1, stream: 2)
  var x = noisy(1000)
  let chain = everyStep.dropFirst().reversed().map { step in
    let z = x.normalSamples(using: &streams)
    x = familyStep(x, step, sigma: choice.sigma(step), sign: choice.sign, z: z)
    return x
  }
  let times = (1...999).reversed()
  notebook.check(
    "\(choice.name): means and variances at t = 999 … 1",
    chain.map(\.mean) + chain.map(\.variance),
    equals: times.map { 1.3 * schedule.signalScale($0) } + times.map(schedule.noiseVariance),
    tolerance: 1e-12)
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

/// $\kappa_t$ and the variance for $\sigma_t = \eta \sqrt{\tilde\beta_t}$.
func forwardKernel(_ step: Transition, eta: Double) -> (slope: Double, variance: Double) {
  let previous = step.previousNoiseVariance
  let variance = eta * eta * step.posteriorVariance
  return (
    (step.noiseVariance * max(0, previous - variance)).squareRoot() / previous,
    step.noiseVariance * variance / previous
  )
}

func regression(
  _ y: GaussianVariable, on x: GaussianVariable
) -> (slope: Double, variance: Double) {
  let slope = y.covariance(with: x) / x.variance
  return (slope, GaussianVariable.sum((1, y), (-slope, x)).variance)
}

let cases: [(step: Transition, eta: Double)] = [2, 100, 500, 1000].flatMap { t in
  [0, 0.3, 0.7, 1].map { (everyStep[t - 1], $0) }
}
let kernels = cases.map { forwardKernel($0.step, eta: $0.eta) }
let regressions = cases.map { step, eta in
  regression(noisy(step.t), on: familyStep(noisy(step.t), step, sigma: step.sigma(eta: eta)))
}

//: Four values of $\eta$ at each of four steps are compared, and then DDPM's own at all steps.

notebook.check(
  "slopes by regression, t = 2, 100, 500, 1000", regressions.map(\.slope),
  equals: kernels.map(\.slope), tolerance: 1e-12)
notebook.check(
  "variances by regression", regressions.map(\.variance), equals: kernels.map(\.variance),
  tolerance: 1e-14)
let marginalVariances = zip(cases, kernels).map { pair, kernel in
  kernel.slope * kernel.slope * pair.step.previousNoiseVariance + kernel.variance
}
notebook.check(
  "variances of x(t)", marginalVariances,
  equals: cases.map(\.step.noiseVariance), tolerance: 1e-14)

let ownKernels = everyStep.dropFirst().map { forwardKernel($0, eta: 1) }
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

let book = "Foundations of Generative Models"
let middle = everyStep[499]
let slope = forwardKernel(middle, eta: 0).slope
let correct = GaussianVariable.sum(
  (schedule.signalScale(500), x0), (slope, noisy(499)),
  (-slope * schedule.signalScale(499), x0))
let printed817 = GaussianVariable.sum(
  (middle.alpha.squareRoot(), noisy(499)), (middle.beta.squareRoot(), epsilon))
let factor = middle.beta / schedule.noiseScale(499)
let printed819 = GaussianVariable.sum(
  (middle.alpha.squareRoot(), noisy(499)), (factor, x0),
  (-factor * schedule.signalScale(499), noisy(499)))
notebook.erratum(
  "E-B25", source: "\(book), (8.17)", "variance of x(500)", printed: printed817.variance,
  right: correct.variance, secondRoute: 1 - schedule.alphaBar(500), tolerance: 1e-13, apart: 0.1)
notebook.erratum(
  "E-B25", source: "\(book), (8.19)", "weight of x(0) in x(500)", printed: printed819.mean / 1.3,
  right: correct.mean / 1.3, secondRoute: schedule.signalScale(500), tolerance: 1e-13, apart: 0.009)
notebook.erratum(
  "E-B25", source: "\(book), (8.19)", "variance of x(500)", printed: printed819.variance,
  right: correct.variance, secondRoute: 1 - schedule.alphaBar(500), tolerance: 1e-13, apart: 0.01)

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

let xtWeights = everyStep.map { step in
  (max(0, step.previousNoiseVariance - step.posteriorVariance) / step.noiseVariance).squareRoot()
}
let x0Weights = zip(everyStep, xtWeights).map { step, xtWeight in
  step.previousAlphaBar.squareRoot() - xtWeight * step.alphaBar.squareRoot()
}
notebook.check(
  "weights of x(0) and of x(t), t = 1 … 1000", x0Weights + xtWeights,
  equals: everyStep.map(\.posteriorWeights.x0) + everyStep.map(\.posteriorWeights.xt),
  tolerance: 1e-12)
for count in [1000, 50] {
  func points(_ rule: some ReverseStep) -> [Double] {
    samples(rule, schedule.timesteps(count), from: quantiles(100), stream: 3).values
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

let x1 = GaussianVariable(standardDeviation: schedule.noiseScale(1), source: 0)
let x2 = GaussianVariable.sum(
  (schedule.alpha(2).squareRoot(), x1), (schedule.beta(2).squareRoot(), freshNoise))
notebook.erratum(
  "E-B51", source: "\(book), after (8.21)", "variance of DDPM's reverse step from t = 2",
  printed: schedule.beta(2), right: schedule.posteriorVariance(2),
  secondRoute: regression(x1, on: x2).variance, tolerance: 1e-16, apart: 5e-5)

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

/// The exact distribution of a sampler's output for the Gaussian data, started from N(0, 1).
func output(_ rule: some ReverseStep, _ steps: [Int]? = nil) -> GaussianVariable {
  sampler(rule, steps).distribution(ofGaussianData: m, variance: v, schedule: schedule)
}

func theta(_ alphaBar: Double) -> Double {
  atan2((1 - alphaBar).squareRoot(), (alphaBar * v).squareRoot())
}

/// The variance of the samples as a product of squared cosines.
func varianceByAngles(_ steps: [Int]) -> Double {
  let alphaBars = ([0] + steps).map(schedule.alphaBar)
  let cosines = zip(alphaBars, alphaBars.dropFirst()).map { cos(theta($1) - theta($0)) }
  let last = alphaBars.last!
  return cosines.reduce(v / (last * v + 1 - last)) { $0 * $1 * $1 }
}

//: First the two general statements, for the mixture, and then the variance for the Gaussian data.

let fifty = schedule.timesteps(50)
let twice = [5, 6].map { samples(.ddim(), fifty, from: quantiles(1000), stream: $0).values }
notebook.check(
  "1000 points, with two sets of random streams", twice[0], equals: twice[1], tolerance: 0)
for eta in [0, 0.5, 1] {
  let chain = sampler(.ddim(eta: eta), schedule.timesteps(20)).chain(
    from: quantiles(50), denoiser: best, using: notebook.streams(50, stream: 7))
  let last = Array(chain).last!
  notebook.check(
    "the last state, eta = \(eta)", last.x.values, equals: last.x0Estimate.values,
    tolerance: 1e-14)
}

let counts = [5, 10, 20, 50, 100, 250, 1000]
let trailing = counts.map { schedule.timesteps($0, spacing: .trailing) }
let variances = trailing.map { output(.ddim(), $0).variance }
notebook.check(
  "variances for \(counts.map(String.init).joined(separator: ", ")) steps", variances,
  equals: trailing.map(varianceByAngles), tolerance: 1e-12)
notebook.table(
  "Gaussian data of variance 0.25, DDIM without noise, trailing steps",
  of: zip(counts, variances),
  columns: [
    "steps": { $0.0 }, Column("variance", digits: 4): { $0.1 },
    Column("share of the data's", digits: 4): { $0.1 / v },
  ])

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
func recursion(_ steps: [Int], eta: Double) -> [Double] {
  var (mean, variance) = (0.0, 1.0)
  let path = ([0] + steps).map(schedule.alphaBar)
  for (previous, now) in zip(path, path.dropFirst()).reversed() {
    let fresh = eta * eta * (1 - previous) / (1 - now) * (1 - now / previous)
    let kept = (max(0, 1 - previous - fresh) * (1 - now)).squareRoot()
    let gain = ((previous * now).squareRoot() * v + kept) / (now * v + 1 - now)
    mean = previous.squareRoot() * m + gain * (mean - now.squareRoot() * m)
    variance = gain * gain * variance + fresh
  }
  return [mean, variance]
}

func moments(_ x: GaussianVariable) -> [Double] { [x.mean, x.variance] }

let all = Array(1...1000)
let etas = [0, 0.25, 0.5, 0.75, 1]
for (name, steps) in [("50 steps", fifty), ("all steps", all)] {
  notebook.check(
    "means and variances for eta = 0, 0.25, 0.5, 0.75, 1, \(name)",
    etas.flatMap { moments(output(.ddim(eta: $0), steps)) },
    equals: etas.flatMap { recursion(steps, eta: $0) }, tolerance: 1e-11)
}

//: Now $\eta = 1$ on 50 steps against ancestral sampling of a process of 50 steps, and the cost.

let shortSchedule = NoiseSchedule(betas: Array(schedule.respaced(to: fifty).betas.dropFirst()))
let ancestral = Sampler(.ancestral(), schedule: shortSchedule).distribution(
  ofGaussianData: m, variance: v, schedule: shortSchedule)
notebook.check(
  "eta = 1 on 50 steps against a process of 50 steps", moments(output(.ddim(eta: 1), fifty)),
  equals: moments(ancestral), tolerance: 1e-11)
func evaluations(_ eta: Double) -> Int {
  let counted = CountedDenoiser(best)
  _ = samples(.ddim(eta: eta), fifty, from: quantiles(4), by: counted, stream: 8)
  return counted.evaluations
}
notebook.check(
  "evaluations for eta = 0, 0.5, 1", [0, 0.5, 1].map(evaluations), isExactly: [50, 50, 50])

//: **Erratum E-B14.** In its Algorithm 4 and in (8.31) the book closes the square root too early:
//: $\sqrt{\frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}}\;\beta_t$. A variance of 0.02 becomes one
//: of 0.0004, and the samples of $\eta = 1$ have almost no variance at all.

let printedVariance = ReverseVariance.custom { @Sendable step in
  step.posteriorVariance * step.beta
}
notebook.erratum(
  "E-B14", source: "\(book), (8.31)", "variance of DDPM's samples of Gaussian data",
  printed: output(.ancestral(variance: printedVariance)).variance,
  right: output(.ancestral()).variance, secondRoute: recursion(all, eta: 1)[1],
  tolerance: 1e-11, apart: 0.2)

//: **Erratum E-S0c.** The note on conditional latent diffusion gives $\sigma_t$ with $\beta_t$,
//: states that $\eta$ interpolates between DDIM and DDPM, and leaves $\eta$ out of the formula. It
//: is a factor of $\sigma_t$. And $\beta_t$ is right for neighboring steps only: on 50 steps of
//: 1000 it is about twenty times too small. (Here the mistake even improves the variance, because
//: too little noise is closer to none. But it is not what $\eta = 1$ means: DDPM.)

let fullScheduleBeta = DDIMStep { @Sendable step in
  (step.previousNoiseVariance / step.noiseVariance * schedule.beta(step.timestep)).squareRoot()
}
notebook.erratum(
  "E-S0c", source: "Conditional Latent Diffusion (CIFAR-10), step 4",
  "variance with eta = 1 on 50 steps", printed: output(fullScheduleBeta, fifty).variance,
  right: output(.ddim(eta: 1), fifty).variance, secondRoute: recursion(fifty, eta: 1)[1],
  tolerance: 1e-11, apart: 0.01)

//: **Erratum E-B27.** In section 8.3.7 the book calls $\eta = 0$ fastest and $\eta = 1$ slower. It
//: is the number of steps that costs time. DDPM is slow because it is used with 1000.

notebook.erratum(
  "E-B27", source: "\(book), section 8.3.7", "evaluations for 50 steps with eta = 1",
  printed: 1000, right: 50, secondRoute: Double(evaluations(1)), tolerance: 0, apart: 100)

//: **Erratum E-B26.** Sections 8.3.5 and 8.3.6 of the book explain DDIM by using "the same
//: predicted noise" all along the way. That would be a single step in disguise: if $\hat\epsilon$
//: is never predicted anew, all the small steps compose to the one step from $T$ to 0. The
//: algorithm, in the book too, predicts the noise anew at every step.

let firstNoise = GaussianDenoiser<GaussianVariable>(mean: m, variance: v, schedule)
  .noise(epsilon, t: 1000)
let withFirstNoise = sampler(.ddim(), fifty).sample(
  from: epsilon, denoiser: FunctionDenoiser { _, _ in firstNoise },
  using: notebook.streams(1, stream: 4))
notebook.erratum(
  "E-B26", source: "\(book), section 8.3.5", "variance in 50 steps without noise",
  printed: withFirstNoise.variance, right: output(.ddim(), fifty).variance,
  secondRoute: varianceByAngles(fifty), tolerance: 1e-12, apart: 0.2)
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
  let lists = [10, 50].map { schedule.timesteps($0, spacing: spacing) }
  notebook.check(
    "means and variances for 10 and 50 steps, \(name)",
    lists.flatMap { moments(output(.ddim(eta: 0.5), $0)) },
    equals: lists.flatMap { recursion($0, eta: 0.5) }, tolerance: 1e-11)
  notebook.check(
    "first and last of 10 steps, \(name)", [lists[0][0], lists[0][9]], isExactly: [1, 1000])
}

//: For the mixture the samplers start from evenly spaced quantiles of the noise, and the samples
//: are compared with as many quantiles of the mixture.

let many = notebook.count(20_000, quick: 10_000)
let starts = quantiles(many)
let mixtureQuantiles = quantiles(many, of: mixture.quantile).values

/// The Wasserstein distance of `many` points from the mixture.
func distance(_ points: PointSet) -> Double {
  Distance.wasserstein1(points.values, mixtureQuantiles)
}

let doublings = [10, 20, 40, 80, 160]
let bySpacing = spacings.map { _, spacing in
  doublings.map { count in
    let steps = schedule.timesteps(count, spacing: spacing)
    return distance(samples(.ddim(), steps, from: starts, stream: 9))
  }
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

let lastAlphaBar = schedule.alphaBar(1000)
for count in [10, 50] {
  let step = theta(lastAlphaBar) / Double(count)
  let even = NoiseSchedule(
    logSNRs: (1...count).map { -log(v * pow(tan(step * Double($0)), 2)) })
  let variance = Sampler(.ddim(), schedule: even)
    .distribution(ofGaussianData: m, variance: v, schedule: even).variance
  notebook.check(
    "variance for \(count) even angles", variance,
    equals: pow(cos(step), 2 * Double(count)) * v / (lastAlphaBar * v + 1 - lastAlphaBar),
    tolerance: 1e-12)
  notebook.check(
    "more than with \(count) steps of any of the three spacings", variance,
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
let distances = rules.enumerated().map { k, entry in
  stepCounts.map { count in
    distance(samples(entry.rule, schedule.timesteps(count), from: starts, stream: 10 + k))
  }
}
notebook.table(
  "Wasserstein distance from the mixture, perfect denoiser",
  columns: ["steps"] + rules.map { Column($0.name, digits: 3) },
  rows: stepCounts.indices.map { i in row(stepCounts[i], distances.map { $0[i] }) })

//: To interpret such numbers we need two more. First, how far is a sample of the data themselves,
//: of the same size, from their distribution? Any random sample has a sampling error of about this
//: size. (Without noise nothing here is random, since the start points are evenly spaced quantiles.
//: With noise the even start still removes some of the sampling error.) Second, how far is the
//: noise that we began with?

let samplingError = Estimate(
  of: (0..<8).map { k in
    var streams = notebook.streams(many, stream: 120 + k)
    return distance(mixture.samples(using: &streams).points)
  })
notebook.show("distance of as many data points", samplingError)
notebook.show("distance of the noise", distance(starts), digits: 3)

//: **Claim 4.7.** With a perfect denoiser, more steps without noise always help, and 1000 of them
//: bring the error below the sampling error of a data sample. 50 steps without noise beat 50 with
//: DDPM's $\tilde\beta$. They do not reach 1000 steps with noise; they are "comparable" if two or
//: three hundredths of the data's standard deviation do not matter. And DDPM as such is not bad at
//: few steps: the variance $\tilde\beta$ is, which is too small for data that are not a single
//: point (chapter 1). With $\beta$ the distance at 50 steps is less than 0.8 of that.

let (noNoise, ddpm, betaVariance) = (distances[0], distances[2], distances[3])
notebook.check("distance without noise, by steps", decreases: noNoise)
notebook.check("50 steps: no noise against eta = 1", noNoise[2], isBelow: ddpm[2])
notebook.check("50 steps without noise against 1000 with eta = 1", noNoise[2], isAbove: ddpm[5])
notebook.check("the same in units of the data's standard deviation", noNoise[2], isBelow: 0.03)
notebook.check(
  "50 steps with noise: variance beta against 0.8 of eta = 1", betaVariance[2],
  isBelow: 0.8 * ddpm[2])
notebook.check(
  "1000 steps without noise against a sample of the data", noNoise[5],
  isBelow: samplingError.mean / 2)

//: @fold How the figure is plotted

let markers: [Marker] = [.circle, .square, .triangle, .diamond]
let logSteps = Axis("steps $S$", scale: .log, at: stepCounts.map { Double($0) })
notebook.figure(
  "steps",
  Plot(x: logSteps, y: Axis("Wasserstein distance", scale: .log), size: Size(560, 330))
    .adding(rules.indices) { plot, k in
      plot.line(
        stepCounts.map { Double($0) }, distances[k], label: rules[k].name, marker: markers[k])
    }
    .horizontal(at: samplingError.mean, label: "data points"),
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
let moonReference = PlaneSet.moons.sample(20_000, using: moonGenerator.split(1)).points
let moonNetworks = PointDenoiser.trained(
  on: moonTraining,
  (0..<notebook.count(3, quick: 2)).map { k in
    PointDenoiser.Configuration {
      $0.seed = UInt64(k)
      $0.updates = notebook.count(3000, quick: 600)
    }
  })

/// Samples of each of the networks.
func moonSamples(_ rule: some ReverseStep, _ steps: Int, count: Int = 1000) -> [PointSet] {
  moonNetworks.enumerated().map { k, network in
    sampler(rule, schedule.timesteps(steps)).sample(
      like: PointSet(zeros: count, dimensions: 2), denoiser: network,
      seed: notebook.seed &+ UInt64(100 + k))
  }
}

//: The distance of a thousand data points from the reference shows the sampling error again.

func moonDistance(_ points: PointSet) -> Double {
  Distance.slicedWasserstein1(points, moonReference)
}

let moonSamplingError = Estimate(
  of: (0..<5).map { k in
    moonDistance(PlaneSet.moons.sample(1000, using: moonGenerator.split(2 + k)).points)
  })
notebook.show("distance of a thousand data points", moonSamplingError)
let moonSteps = [10, 20, 50] + (notebook.isQuick ? [100] : [250, 1000])
let moonDistances = [0.0, 1].map { eta in
  moonSteps.map { Estimate(of: moonSamples(.ddim(eta: eta), $0).map(moonDistance)) }
}
notebook.table(
  "Sliced Wasserstein distance from the moons, mean and standard error over the networks",
  of: moonSteps.indices,
  columns: [
    "steps": { moonSteps[$0] }, Column("no noise", volatile: true): { moonDistances[0][$0] },
    Column("eta = 1", volatile: true): { moonDistances[1][$0] },
  ])

//: With three networks the study finds no difference between 50 steps without noise and the most
//: steps with noise. From 50 steps on, the distance is about that of a sample of the data
//: themselves: the error of the sampler is smaller than the errors of the networks, which differ
//: from seed to seed, and smaller than the sampling error. Below 50 steps the sampler's error
//: dominates, as with the perfect denoiser, and there sampling without noise is the better choice.

let (moonNoNoise, moonDDPM) = (moonDistances[0], moonDistances[1])
notebook.check(
  "networks, no noise: 10 steps against 50", moonNoNoise[0], isAbove: moonNoNoise[2],
  byStandardErrors: 2)
notebook.check(
  "networks: 50 steps without noise against the most with noise", moonNoNoise[2],
  equals: moonDDPM.last!)
notebook.check(
  "networks, 10 steps: no noise against eta = 1", moonNoNoise[0], isBelow: moonDDPM[0],
  byStandardErrors: 1)

//: ### The same noise, more steps
//:
//: What do more steps buy, for one given noise? Without noise on the way, a point $x_T$ has one
//: destination, and more steps only locate it more exactly: one can search for a good noise with 10
//: steps and then spend 200 on it. With noise on the way, the result hardly depends on $x_T$.
//:
//: @fold How the figure is plotted

let noiseCount = notebook.count(900, quick: 300)
var noiseStreams = notebook.streams(noiseCount, stream: 30)
let noisePoints = noiseStreams.normalPoints(dimensions: 2)
let quadrants = zip(noisePoints.column(0), noisePoints.column(1)).map { x, y in
  (x > 0 ? 1 : 0) + (y > 0 ? 2 : 0)
}

func byQuadrant(_ points: PointSet, _ title: String) -> Plot {
  let axis = Axis("", range: -2.4...2.4, at: [-2, 0, 2])
  return Plot(title: title, x: axis, y: axis).scatter(
    points.column(0), points.column(1), classes: quadrants, radius: 1.3, opacity: 0.7)
}

let quadrantPanels = [0.0, 1].flatMap { eta in
  [byQuadrant(noisePoints, eta == 0 ? "the noise" : "")]
    + [5, 10, 50, 250].map { steps in
      let points = samples(
        .ddim(eta: eta), schedule.timesteps(steps), from: noisePoints, by: moonNetworks[0],
        stream: 31)
      return byQuadrant(points, eta == 0 ? "\(steps) steps" : "")
    }
}
notebook.figure(
  "same-noise", Figure(columns: 5, quadrantPanels, panelSize: Size(160, 160)), formats: [.png],
  caption:
    "Nine hundred points of noise, colored by their quadrant, and the trained network's samples "
    + "from them. Above, $\\eta = 0$: every point has its destination from the first panel on, and "
    + "more steps locate it more exactly. Below, $\\eta = 1$: the colors are mixed from 5 steps "
    + "on, because the noise on the way decides, not the start. In the upper row there are stray "
    + "points between the moons.",
  alternative: "Two half moons of points, in patches of four colors above, mixed colors below.")

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

/// Euler's step from t to s, in either direction, with a given noise.
func eulerStep<X: LinearCombinable>(_ x: X, noise: X, from t: Int, to s: Int) -> X {
  .sum(
    (schedule.signalScale(s) / schedule.signalScale(t), x),
    (schedule.signalScale(s) * (schedule.sigmaVE(s) - schedule.sigmaVE(t)), noise))
}

/// The state $x_t$ of a deterministic sampler's chain.
func state<D: Denoiser>(
  _ t: Int, of sampler: Sampler, from start: D.Value, denoiser: D
) -> D.Value {
  let streams = notebook.streams(start.entryCount, stream: 42)
  return sampler.chain(from: start, denoiser: denoiser, using: streams).first { $0.t == t }!.x
}

var pairs = notebook.random(40)
let bothForms = (0..<200).map { _ -> (ddim: Double, euler: Double) in
  let t = 2 + pairs.index(below: 999)
  let s = pairs.index(below: t)
  let (x, noise) = (2 * pairs.normal(), pairs.normal())
  let ddim = state(
    s, of: sampler(.ddim(), s == 0 ? [t] : [s, t]), from: x,
    denoiser: FunctionDenoiser { _, _ in noise })
  return (ddim, eulerStep(x, noise: noise, from: t, to: s))
}
notebook.check(
  "the step in both forms, 200 random ones", bothForms.map(\.ddim), equals: bothForms.map(\.euler),
  tolerance: 1e-12)

//: The order follows from the mean error over 100 starting points.

let flowStarts = PointSet(stride(from: -2.5, through: 2.5, by: 0.05).map { $0 })
let flowEnds = flowStarts.values.map { marginals[1].quantile(marginals[1000].cdf($0)) }

func meanGap(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(a.count)
}

/// Mean error at t = 1, and how many evaluations of the denoiser it took.
func flowError(_ rule: some ReverseStep, _ steps: Int) -> (error: Double, evaluations: Int) {
  let counted = CountedDenoiser(best)
  let path = sampler(rule, schedule.timesteps(steps))
  let ends = state(1, of: path, from: flowStarts, denoiser: counted).values
  return (meanGap(ends, flowEnds), counted.evaluations)
}

func order(_ coarse: Double, _ fine: Double) -> Double { log2(coarse / fine) }

let euler = [80, 160, 320].map { flowError(.ddim(), $0).error }
notebook.table(
  "Mean error of deterministic DDIM against the exact solution of the ODE",
  of: zip([80, 160, 320], euler),
  columns: ["steps": { $0.0 }, Column("error", digits: 3): { $0.1 }])
notebook.check(
  "order from 80 to 160 and from 160 to 320 steps",
  [order(euler[0], euler[1]), order(euler[1], euler[2])], equals: [1, 1], tolerance: 0.1)

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
let fineEnds = state(
  1, of: Sampler(.heun, schedule: fine), from: flowStarts, denoiser: ExactDenoiser(mixture, fine)
).values
let (fineFirst, fineLast) = (
  mixture.noisyMarginal(fine, to: 1).marginal, mixture.noisyMarginal(fine, to: fineSteps).marginal
)
notebook.check(
  "solution and quantile map, mean distance over 100 points",
  meanGap(fineEnds, flowStarts.values.map { fineFirst.quantile(fineLast.cdf($0)) }), equals: 0,
  tolerance: 1e-6)
notebook.check("the order of the 100 points", increases: fineEnds)

//: ### Solvers of higher order
//:
//: An ODE has better solvers than Euler's method. *Heun's method* takes Euler's step, evaluates the
//: noise there as well, and repeats the step with the mean of the two: two evaluations per step.
//: The *two-step Adams-Bashforth* method (the idea behind PLMS) reaches second order without a
//: second evaluation: it keeps the noise of the previous step and extrapolates. With
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

let bothHeun = (0..<100).map { _ -> (heun: Double, formula: Double) in
  let t = 3 + pairs.index(below: 998)
  let s = 1 + pairs.index(below: t - 1)
  let x = PointSet([2 * pairs.normal()])
  let first = best.noise(x, t: t)
  let second = best.noise(eulerStep(x, noise: first, from: t, to: s), t: s)
  let mean = PointSet.sum((0.5, first), (0.5, second))
  return (
    state(s, of: sampler(.heun, [s, t]), from: x, denoiser: best).values[0],
    eulerStep(x, noise: mean, from: t, to: s).values[0]
  )
}
notebook.check(
  "Heun's step in both forms, 100 random ones", bothHeun.map(\.heun),
  equals: bothHeun.map(\.formula), tolerance: 1e-11)
let errorsOfOrder2 = [80, 320].map { [flowError(.heun, $0), flowError(.adamsBashforth, $0)] }
for (k, name) in ["Heun", "Adams-Bashforth"].enumerated() {
  notebook.check(
    "order of \(name)'s method, from 80 to 320 steps",
    order(errorsOfOrder2[0][k].error, errorsOfOrder2[1][k].error) / 2, isAtLeast: 1.8)
}

//: Now the comparison for equal evaluations. Heun's last step, to $t = 0$, is not counted here.

let budgets = [10, 20, 40, 80, 160, 320]
let solvers: [(name: String, rule: any ReverseStep, cost: Int)] = [
  ("DDIM", DDIMStep(), 1), ("Heun", HeunStep(), 2), ("Adams-Bashforth", AdamsBashforthStep(), 1),
]
let flowErrors = solvers.map { solver in
  budgets.map { flowError(solver.rule, $0 / solver.cost + 1) }
}
notebook.check(
  "evaluations", flowErrors.flatMap { $0.map(\.evaluations) },
  isExactly: solvers.flatMap { _ in budgets })
let solverErrors = flowErrors.map { $0.map(\.error) }
notebook.table(
  "Mean error at equal evaluations of the denoiser",
  columns: ["evaluations"] + solvers.map { Column($0.name, digits: 3) },
  rows: budgets.indices.map { i in row(budgets[i], solverErrors.map { $0[i] }) })

let (ddim, heun, adams) = (solverErrors[0], solverErrors[1], solverErrors[2])
notebook.check("10 evaluations: Heun against twice DDIM", heun[0], isAbove: 2 * ddim[0])
notebook.check("40 evaluations: Heun against DDIM", heun[2], isBelow: ddim[2])
notebook.check(
  "greatest ratio of Adams-Bashforth's error to the smaller of the others",
  budgets.indices.map { adams[$0] / min(ddim[$0], heun[$0]) }.max()!, isBelow: 1)

//: @fold How the figure is plotted

let budgetNumbers = budgets.map { Double($0) }
notebook.figure(
  "orders",
  Plot(
    x: Axis("evaluations of the denoiser", scale: .log, at: budgetNumbers),
    y: Axis("mean error", scale: .log), size: Size(560, 340)
  )
  .adding(solvers.indices) { plot, k in
    plot.line(budgetNumbers, solverErrors[k], label: solvers[k].name, marker: markers[k])
  }
  .adding([(1.0, ddim[5]), (2, adams[5])]) { plot, slope in
    let (order, last) = slope
    return plot.line(
      [40, 320], [40.0, 320].map { 0.6 * last * pow(320 / $0, order) }, color: .axis, width: 1,
      dash: .dotted
    ).note(
      "order \(Int(order))", at: (x: 150, y: 0.5 * last * pow(320 / 150, order)),
      anchor: .topRight, color: .axis)
  },
  caption:
    "Error against evaluations for three ways to solve one equation. The dotted lines have slopes "
    + "of order 1 and 2. The methods of order 2 win in the end; how soon depends on what a step "
    + "costs.",
  alternative: "Three falling curves on logarithmic axes, one less steep than the two others.")

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
  zip(path, path.dropFirst()).reduce(data) { x, step in
    eulerStep(x, noise: best.noise(x, t: step.0), from: step.0, to: step.1)
  }
}

let data = quantiles(400, of: marginals[1].quantile)
let roundTrips = [25, 50, 100, 200].map { steps -> (steps: Int, data: Double, code: Double) in
  let path = schedule.timesteps(steps)
  let code = encode(data, path)
  let decoded = state(1, of: sampler(.ddim(), path), from: code, denoiser: best)
  return (
    steps, meanGap(decoded.values, data.values), meanGap(code.values, quantiles(400).values)
  )
}
notebook.table(
  "DDIM inversion: encode and decode", of: roundTrips,
  columns: [
    "steps": { $0.steps }, Column("error of the data", digits: 3): { $0.data },
    Column("distance of the code from N(0, 1)", digits: 3): { $0.code },
  ])
notebook.check(
  "order of the error, from 100 to 200 steps", order(roundTrips[2].data, roundTrips[3].data),
  equals: 1, tolerance: 0.15)
notebook.check("distance of the code from N(0, 1)", decreases: roundTrips.map(\.code))

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
var pairStreams = notebook.streams(2 * pairCount * dimensions, stream: 60)
let pairNoise = pairStreams.normalPoints()
let noisePairs = (0..<pairCount).map { k in
  let (first, second) = (2 * k * dimensions, (2 * k + 1) * dimensions)
  return (
    pairNoise.entries(first..<second), pairNoise.entries(second..<second + dimensions)
  )
}

func linear(_ a: PointSet, _ b: PointSet, _ lambda: Double) -> PointSet {
  .sum((1 - lambda, a), (lambda, b))
}

func spherical(_ a: PointSet, _ b: PointSet, _ lambda: Double) -> PointSet {
  slerp(a, b, lambda, angle: angle(between: a.values, b.values))
}

func meanSquare(_ x: PointSet) -> Double {
  x.values.reduce(0) { $0 + $1 * $1 } / Double(x.count)
}

//: The midpoints of both paths, and what they decode to in 100 steps:

let midpoints = [linear, spherical].map { path in noisePairs.map { path($0, $1, 0.5) } }
notebook.check(
  "variance halfway on the straight line", Estimate(of: midpoints[0].map(meanSquare)),
  equals: 0.5)
notebook.check(
  "variance halfway on the great circle", Estimate(of: midpoints[1].map(meanSquare)), equals: 1)

let decoded = midpoints.map {
  samples(.ddim(), schedule.timesteps(100), from: .joined($0), stream: 61)
}
let decodedErrors = decoded.map { Distance.wasserstein1($0.values, quantile: mixture.quantile) }
notebook.table(
  "Decoded midpoints", of: 0..<2,
  columns: [
    "path": { ["straight line (lerp)", "great circle (slerp)"][$0] },
    Column("distance from the mixture", digits: 3): { decodedErrors[$0] },
    Column("variance", digits: 3): { meanSquare(decoded[$0]) },
  ])
notebook.check(
  "distance from the mixture, straight line", decodedErrors[0], isAbove: 3 * decodedErrors[1])

//: @fold How the figure is plotted

let lambdas = (0...40).map { Double($0) / 40 }
notebook.figure(
  "interpolation",
  Plot(
    x: "$\\lambda$", y: Axis("mean square of the entries", range: 0...1.4), size: Size(480, 290)
  )
  .adding([(linear, Color.vermilion, "lerp"), (spherical, .blue, "slerp")]) { plot, each in
    let (path, color, name) = each
    return plot.adding(0..<12) { plot, k in
      let (a, b) = noisePairs[k]
      return plot.line(
        lambdas, lambdas.map { meanSquare(path(a, b, $0)) }, label: k == 0 ? name : nil,
        color: color, width: 1)
    }
  },
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
  var streams = notebook.streams(many, stream: 70)
  let randomStarts = streams.normalPoints()
  return sampler(.ddim(eta: eta)).sample(from: randomStarts, denoiser: best, using: streams)
}
for (name, points) in zip(["no noise", "eta = 1"], diverse) {
  let shares = points.values.map { mixture.labelProbabilities($0) }
  for k in 0..<3 {
    notebook.check(
      "share of mode \(k + 1), \(name)", Estimate(of: shares.map { $0[k] }),
      equals: mixture.labelWeights[k])
  }
  notebook.check("variance, \(name)", .variance(of: points.values), equals: 1)
}

let oneStart = PointSet([Double](repeating: 0.5, count: 2000))
let fromOne = [0.0, 1].map { eta in
  samples(.ddim(eta: eta), schedule.timesteps(250), from: oneStart, stream: 71).values
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
//: errors of all steps add up. Noise removes the chain's dependence on its past, errors included,
//: and each step moves it again toward where data should be.
//:
//: **Claim 4.14.** With 1000 steps of the wrong denoiser the distance from the data falls with
//: $\eta$ all the way, and noise reduces it to less than a quarter. With the networks of Part III,
//: whose errors come from training, fewer points end far from the data with noise than without.

let wrongCount = notebook.count(8_000, quick: 2_000)
let wrong = FunctionDenoiser<PointSet> { x, t in
  .sum((1, best.noise(x, t: t)), (0.1, x.map { sin(3 * $0) }))
}
let errorSteps = [20, 100, 1000]
let withErrors = errorSteps.map { steps in
  etas.map { eta in
    let points = samples(
      .ddim(eta: eta), schedule.timesteps(steps), from: quantiles(wrongCount), by: wrong,
      stream: 72)
    return Distance.wasserstein1(points.values, quantile: mixture.quantile)
  }
}
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
  Plot(x: "$\\eta$", y: Axis("Wasserstein distance"), size: Size(480, 300))
    .adding(errorSteps.indices) { plot, k in
      plot.line(etas, withErrors[k], label: "\(errorSteps[k]) steps", marker: markers[k])
    },
  caption:
    "Distance from the data against $\\eta$, with a denoiser that is wrong by $0.1 \\sin 3x$. "
    + "Noise helps if there are enough steps.",
  alternative: "Three curves against eta; the one for 1000 steps falls throughout.")

//: Now the networks. The sliced Wasserstein distance measures the whole distribution and hardly
//: changes. But there are stray points in the upper row of Figure 4.3, between the moons. Let a
//: point be *off* if it is further from both half circles than three standard deviations of the
//: data's own noise, as 2.7 in a thousand data points are.

/// The distance of a point from the half circle around the origin.
func distanceFromArc(_ x: Double, _ y: Double) -> Double {
  y >= 0 ? abs((x * x + y * y).squareRoot() - 1) : min(hypot(x - 1, y), hypot(x + 1, y))
}

/// The share of points off the moons: half circles of radius 1 with noise of standard deviation
/// 0.07, moved and scaled to variance 1.
func shareOff(_ points: PointSet) -> Double {
  let off = zip(points.column(0), points.column(1)).count { x, y in
    let (x, y) = (0.7099 * x + 0.5, 0.7099 * y + 0.25)
    return min(distanceFromArc(x, y), distanceFromArc(1 - x, 0.5 - y)) > 0.21
  }
  return Double(off) / Double(points.count)
}
notebook.show("share of data points off the moons", shareOff(moonReference))
let moonsByEta = [0, 0.5, 1].map { eta in
  let samples = moonSamples(.ddim(eta: eta), 100, count: 3000)
  return (
    eta: eta, distance: Estimate(of: samples.map(moonDistance)),
    off: Estimate(of: samples.map(shareOff))
  )
}
notebook.table(
  "Networks, 100 steps, mean and standard error over the networks", of: moonsByEta,
  columns: [
    "eta": { $0.eta }, Column("sliced Wasserstein", volatile: true): { $0.distance },
    Column("share off the moons", volatile: true): { $0.off },
  ])
notebook.check(
  "networks: share off the moons, eta = 1 against eta = 0", moonsByEta[2].off,
  isBelow: moonsByEta[0].off, byStandardErrors: 1)

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
//: - Latents that are *too small* lose most of their variance in few steps: with a standard deviation
//:   of 0.18 they lose four fifths of it in ten steps, but less than two fifths once they are
//:   scaled to 1.

var edgeStreams = notebook.streams(1000, stream: 80)
let singleStarts = edgeStreams.normal([1000, 1])
for (name, each) in [("linear", schedule), ("cosine", NoiseSchedule.cosine())] {
  let sampler = Sampler(.ddim(), schedule: each, timesteps: each.timesteps(50))
  func states<X: LinearCombinable>(_ start: X) -> [ReverseState<X>] {
    let denoiser = GaussianDenoiser<X>(mean: m, variance: v, each)
    return Array(sampler.chain(from: start, denoiser: denoiser, using: edgeStreams))
  }
  func gap(_ a: Tensor, _ b: PointSet) -> Double {
    zip(a.elements, b.values).map { abs(Double($0) - $1) }.max()!
  }
  let (single, double) = (states(singleStarts), states(PointSet(singleStarts)))
  let magnified = each.sigmaVE(1000) * Double(Float.ulpOfOne)
  notebook.check(
    "\(name): error of the first estimate of x(0), in rounding units times sigma",
    gap(single[0].x0Estimate, double[0].x0Estimate) / magnified, isBelow: 8)
  notebook.check(
    "\(name): error of the samples", gap(single.last!.x, double.last!.x), isBelow: 1e-3)
}

//: With zero terminal SNR no sample is finite. In v-prediction the best $\hat x_0$ at $T$ is the
//: mean of the data, so the best $v$ is its negative.

let zeroSNR = schedule.withZeroTerminalSNR()
let zeroSNRSamples = Sampler(.ddim(), schedule: zeroSNR, timesteps: zeroSNR.timesteps(10)).sample(
  from: quantiles(9), denoiser: GaussianDenoiser(mean: m, variance: v, zeroSNR),
  using: notebook.streams(9, stream: 81))
notebook.check(
  "finite samples out of 9 with zero terminal SNR", zeroSNRSamples.values.count { $0.isFinite },
  isExactly: 0)
notebook.check(
  "x(0) from v-prediction there",
  GaussianDiffusion(zeroSNR).convert(-m, from: .v, to: .x0, xt: 0.3, t: 1000), equals: m,
  tolerance: 1e-15)

//: A learned variance is $\exp(u \log \beta_t + (1 - u) \log \tilde\beta_t)$ with $u$ predicted by
//: the network.

/// The logarithm of the posterior variance, with that of t = 2 in place of log 0 at t = 1.
func logPosteriorVariance(_ t: Int) -> Double {
  // weave:hide-begin
  if knownMistakes.isActive { return knownMistakes.logPosteriorVariance(t, of: schedule) }
  // weave:hide-end
  return log(schedule.posteriorVariance(max(t, 2)))
}

let (largest, smallest) = (schedule.beta(1), schedule.posteriorVariance(2))
notebook.check(
  "interpolated variances at t = 1, u = 0, 0.5, 1",
  [0, 0.5, 1].map { u in exp(u * log(largest) + (1 - u) * logPosteriorVariance(1)) },
  equals: [0, 0.5, 1].map { u in pow(largest, u) * pow(smallest, 1 - u) },
  relativeTolerance: 1e-12)

//: The mixture has a larger range than $-1 \dots 1$, as latents have. This course does not clip
//: latents, and scales them to variance 1.

func distanceClipped(_ clip: Clip?) -> Double {
  let clip = clip ?? knownMistakes.latentClip  // weave:hide
  return distance(
    Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(100), clip: clip)
      .sample(from: starts, denoiser: best, using: notebook.streams(many, stream: 82)))
}
notebook.check(
  "distance from the mixture with this course's clipping of latents: none",
  distanceClipped(nil), isBelow: 0.03)
notebook.check("distance with clipping to -1 … 1", distanceClipped(.images), isAbove: 0.1)

/// The factor that scales latents of this standard deviation to 1.
func latentScale(_ standardDeviation: Double) -> Double {
  // weave:hide-begin
  if knownMistakes.isActive { return knownMistakes.latentScale(1 / standardDeviation) }
  // weave:hide-end
  return 1 / standardDeviation
}

/// The share of the variance that ten steps reproduce for latents of this standard deviation.
func varianceShare(_ standardDeviation: Double) -> Double {
  let variance = standardDeviation * standardDeviation
  return sampler(.ddim(), schedule.timesteps(10))
    .distribution(ofGaussianData: 0, variance: variance, schedule: schedule).variance / variance
}
notebook.check(
  "share of the variance for latents of standard deviation 0.18, scaled as in this course",
  varianceShare(0.18 * latentScale(0.18)), isAbove: 0.6)
notebook.check("share if not scaled", varianceShare(0.18), isBelow: 0.25)

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

/// The weight of x(0) in the mean of x(t) given x(t-1) and x(0), for $\sigma_t = \eta
/// \sqrt{\tilde\beta_t}$.
func forwardWeight(eta: Double, _ t: Int) -> Double {
  let step = everyStep[t - 1]
  return step.alphaBar.squareRoot()
    - forwardKernel(step, eta: eta).slope * step.previousAlphaBar.squareRoot()
}
notebook.check(
  "weight of x(0) in the forward step, DDPM, t = 2, 100, 500",
  [2, 100, 500].map { forwardWeight(eta: 1, $0) }, equals: [0, 0, 0], tolerance: 1e-14)
notebook.check(
  "weight of x(0) in the forward step without noise, t = 2", forwardWeight(eta: 0, 2),
  isBelow: -0.4)

let chain = Array(
  sampler(.ddim(eta: 0.5)).chain(
    from: epsilon, denoiser: GaussianDenoiser(mean: m, variance: v, schedule),
    using: notebook.streams(1, stream: 83)))
let partialCovariances = [2, 100, 500, 900].map { t in
  let (before, now, after) = (chain[998 - t].x, chain[999 - t].x, chain[1000 - t].x)
  return before.covariance(with: after)
    - before.covariance(with: now) * after.covariance(with: now) / now.variance
}
notebook.check(
  "partial covariances at four steps, eta = 0.5", partialCovariances, equals: [0, 0, 0, 0],
  tolerance: 1e-13)

//: **Erratum E-S1i.** In the talk's table the forward step of DDIM depends on
//: $q(x_{t-1} \mid x_t, x_0)$. That is the reverse step. The forward one is
//: $q_\sigma(x_t \mid x_{t-1}, x_0)$; they give $x_0$ different weights, here without noise at
//: $t = 2$.

let previous = familyStep(noisy(2), everyStep[1], sigma: 0)
notebook.erratum(
  "E-S1i", source: "DDPM, DDIM and latent diffusion (talk), DDIM summary",
  "weight of x(0) in a forward step",
  printed: (previous.mean - regression(previous, on: noisy(2)).slope * noisy(2).mean) / 1.3,
  right: forwardWeight(eta: 0, 2),
  secondRoute: (noisy(2).mean - regression(noisy(2), on: previous).slope * previous.mean) / 1.3,
  tolerance: 1e-12, apart: 0.5)

//: **Erratum E-B50.** According to the book (section 8.3.2), DDPM assumes that the reverse process
//: is Markov, and DDIM drops this assumption. But DDPM too conditions on $x_0$ in training, and
//: DDIM's sampling is as Markov as DDPM's. What is not Markov is the *forward* process. The two
//: numbers are the dependence on earlier states of a sampling step and of a forward step.

notebook.erratum(
  "E-B50", source: "\(book), section 8.3.2",
  "dependence of a DDIM sampling step on earlier states", printed: forwardWeight(eta: 0, 2),
  right: 0, secondRoute: partialCovariances[0], tolerance: 1e-13, apart: 0.4)

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
  right: output(.ddim(), all).variance, secondRoute: varianceByAngles(all), tolerance: 1e-11,
  apart: 0.01)

//: ## Summary
//:
//: | in the text | in code | what it is |
//: |:--|:--|:--|
//: | $\sigma_t = \eta \sqrt{\tilde\beta}$ | `step.sigma(eta:)` | standard deviation of the noise that a step adds; $\tilde\beta$ of the list of steps |
//: | $\tau_1 < \dots < \tau_S$ | `schedule.timesteps(50, spacing: .quadratic)` | the steps that are kept |
//: | $t \to s$ | `schedule.transition(from: t, to: s)` | a step, however long |
//: | $\hat x_0$ | `state.x0Estimate` | the estimate of the data at $x_t$ |
//: | $y, \sigma^{\mathrm{VE}}$ | `schedule.sigmaVE(t)` | state and noise level of the ODE |
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

let newNoise = DDIMStep { @Sendable step in step.previousNoiseVariance.squareRoot() }
notebook.check(
  "variance with entirely new noise in each of 1000 steps",
  sampler(newNoise).distribution(ofGaussianData: 0, variance: 1, schedule: schedule).variance,
  equals: 0.5, tolerance: 0.01)

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
  zip(path, path.dropFirst()).reduce(data) { x, step in
    let (s, t) = step
    return (0..<30).reduce(x) { guess, _ in
      eulerStep(x, noise: best.noise(guess, t: t), from: s, to: t)
    }
  }
}
let exactPath = schedule.timesteps(200)
let exactCode = encodeExactly(data, exactPath)
let returned = state(1, of: sampler(.ddim(), exactPath), from: exactCode, denoiser: best)
notebook.check("decoded data", returned.values, equals: data.values, tolerance: 1e-9)

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
let teacherPath = [0] + fifty
let student = FunctionDenoiser<GaussianVariable> { xt, t in
  let place = teacherPath.firstIndex(of: t)!
  let (r, s) = (teacherPath[place - 1], teacherPath[place - 2])
  let xr = eulerStep(xt, noise: teacher.noise(xt, t: t), from: t, to: r)
  let xs = eulerStep(xr, noise: teacher.noise(xr, t: r), from: r, to: s)
  let rise = schedule.sigmaVE(s) - schedule.sigmaVE(t)
  return .sum(
    (1 / (rise * schedule.signalScale(s)), xs), (-1 / (rise * schedule.signalScale(t)), xt))
}
let studentPath = stride(from: 2, through: 50, by: 2).map { teacherPath[$0] }
let studentOutput = sampler(.ddim(), studentPath).sample(
  from: epsilon, denoiser: student, using: notebook.streams(1, stream: 92))
notebook.check(
  "mean and variance, 25 steps of the student", moments(studentOutput),
  equals: moments(output(.ddim(), fifty)), tolerance: 1e-11)

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
//: Chapter 5 uses a classifier to guide the samples toward a label.

notebook.finish()  // weave:hide
