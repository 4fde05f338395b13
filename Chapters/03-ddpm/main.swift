//: # Chapter 3. From noise to images (DDPM)
//:
//: Everything is in place. Chapter 0 destroys data step by step, chapter 1 derives the reverse step
//: for a known $x_0$, chapter 2 trains a network to predict the unknown. Now we run the process
//: backwards: start with pure noise, take a thousand small steps, and arrive at an image that did
//: not exist before. The algorithm is five lines long, the one of Ho, Jain and Abbeel's "Denoising
//: diffusion probabilistic models" (2020), DDPM for short. And for five lines there is a lot to get
//: wrong: this chapter runs four printed versions that do.
//:
//: At the end you can
//:
//: - write the sampler, and prove what it samples, without a single random number,
//: - explain what the noise in each step is for, how much of it is right, and what short chains
//:   cost,
//: - recognize the usual mistakes by what they do to mean and variance,
//: - build the network, a U-Net, knowing what each of its parts does, and check it part by part,
//: - train a model of small images in a few minutes, and evaluate its samples.

import ArgumentParser  // weave:hide
import Autodiff  // weave:hide
import Datasets  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Learning  // weave:hide
import Models  // weave:hide
import KnownMistakes  // weave:hide
import Networks  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide
import Tensors  // weave:hide

struct Options: ParsableArguments {  // weave:hide-begin
  @Option(
    help: ArgumentHelp(
      "What the image model learns: synthetic, cifar10, or a folder with CIFAR-10's binary files.",
      valueName: "source"))
  var data = "synthetic"

  @OptionGroup var bugs: MistakeOptions
}  // weave:hide-end

let (notebook, options) = Chapter.open(  // weave:hide
  "Samples with DDPM: first exactly, for known distributions, then from a network.",  // weave:hide
  adding: Options.self)  // weave:hide

let knownMistakes = options.bugs.selection(for: notebook)  // weave:hide

// weave:hide-begin
// With `--bug`, the chosen mistake takes the places of these types.
// swift-format-ignore: AlwaysUseLowerCamelCase
let Sampler = knownMistakes.sampler
// weave:hide-end

//: Claims are numbered and checked as in chapter 0: exact ones to rounding, those by Monte Carlo
//: within four standard errors, and where a tolerance is neither, the reason is given beside it.
//:
//: ## Part I. The sampler
//:
//: ### Ancestral sampling
//:
//: A network $\epsilon_\theta(x_t, t)$ is given a noisy $x_t$ and predicts the noise in it: not
//: that of the last step, but all of it since $x_0$. The mean of the reverse step, from chapter 1,
//: is $\tilde\mu_t$ with that prediction in the place of the true noise. So one step of the sampler
//: is
//: $$ x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \Big( x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,
//: \epsilon_\theta(x_t, t) \Big) + \sigma_t z , \qquad z \sim \mathcal N(0, I) , $$
//: for $t = T, T - 1, \dots, 1$, starting from $x_T \sim \mathcal N(0, I)$, and with $z = 0$ in the
//: last step. This is *ancestral sampling*. For $\sigma_t^2$ two values are usual: $\beta_t$, and
//: $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t$. In the library:
//:
//: @code Sources/Diffusion/Sampler/ReverseStep.swift ancestral-step
//:
//: Does it sample the data distribution? With a trained network one could never know: every flaw
//: might be the network's. So we first take data for which the best possible prediction is a
//: formula, $\mathcal N(m, s^2)$. There, $x_t \sim \mathcal N(\sqrt{\bar\alpha_t}\,m, V_t)$ with
//: $V_t = \bar\alpha_t s^2 + 1 - \bar\alpha_t$, and
//: $$ \epsilon^*(x_t, t) = E[\epsilon \mid x_t]
//: = \sqrt{1 - \bar\alpha_t}\; \frac{x_t - \sqrt{\bar\alpha_t}\,m}{V_t} . $$
//:
//: This is a linear function of $x_t$. So a step maps Gaussian variables to Gaussian variables, and
//: the whole chain is a recursion for two numbers, a mean and a variance. Put $\epsilon^*$ into the
//: step:
//: $$ x_{t-1} = a_t x_t + b_t + \sigma_t z , \qquad
//: a_t = \frac{1}{\sqrt{\alpha_t}} \Big( 1 - \frac{\beta_t}{V_t} \Big) , \qquad
//: b_t = \frac{1}{\sqrt{\alpha_t}}\, \frac{\beta_t}{V_t}\, \sqrt{\bar\alpha_t}\, m . $$

/// The mean and the variance of a Gaussian.
struct MeanAndVariance {
  var mean = 0.0
  var variance = 1.0
}

/// Gaussian data, and a noise schedule.
struct NormalData {
  var mean = 1.0
  var variance = 0.25
  var schedule = NoiseSchedule.linear()

  /// V(t), the variance of x(t).
  func variance(at t: Int) -> Double {
    schedule.alphaBar(t) * variance + schedule.noiseVariance(t)
  }

  /// The distribution after one reverse step.
  func stepped(_ law: MeanAndVariance, from t: Int, addedVariance: Double) -> MeanAndVariance {
    let scale = 1 / schedule.alpha(t).squareRoot()
    let share = schedule.beta(t) / variance(at: t)
    let (a, b) = (scale * (1 - share), scale * share * schedule.signalScale(t) * mean)
    return MeanAndVariance(mean: a * law.mean + b, variance: a * a * law.variance + addedVariance)
  }

  /// The distribution after the chain from N(0, 1), given the variance that each step adds.
  func sampled(addedVariance: (Int) -> Double) -> MeanAndVariance {
    stride(from: schedule.steps, through: 1, by: -1).reduce(MeanAndVariance()) { law, t in
      stepped(law, from: t, addedVariance: t == 1 ? 0 : addedVariance(t))
    }
  }
}

let data = NormalData()
let schedule = data.schedule
let diffusion = GaussianDiffusion(schedule)

//: The library's sampler can be run on a random variable in place of a number (the
//: `GaussianVariable` of chapter 0), and then returns the distribution that it samples. That is a
//: second route to the same two numbers, through the very code that will generate images.

let root = RandomGenerator(seed: notebook.seed)

/// The distribution of the samples of the library's sampler from N(0, 1), for Gaussian data.
func law(of rule: some ReverseStep, for data: NormalData) -> GaussianVariable {
  let denoiser = GaussianDenoiser<GaussianVariable>(
    mean: data.mean, variance: data.variance, data.schedule)
  return Sampler(rule, schedule: data.schedule).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: denoiser,
    using: RandomStreams(of: root, count: 1))
}

//: (Start this program with `--bug NAME`, and the sampler has a mistake that was once published;
//: the checks below show which claims it breaks. `--bug list` lists the mistakes.)

//: **Claim 3.1.** For data $\mathcal N(1, \frac14)$ and the linear schedule with $T = 1000$, the
//: samples have mean 0.99999 and variance 0.24613 if $\sigma_t^2 = \tilde\beta_t$, and 0.25075 if
//: $\sigma_t^2 = \beta_t$: both nearly right, neither exactly. And for data that are not Gaussian,
//: the course's mixture of three Gaussians, 40,000 samples are as near to the true distribution as
//: 40,000 independent samples from it.

let withPosterior = data.sampled(addedVariance: schedule.posteriorVariance)
let withBeta = data.sampled(addedVariance: schedule.beta)
let lawWithPosterior = law(of: .ancestral(), for: data)
let lawWithBeta = law(of: .ancestral(variance: .beta), for: data)
notebook.check("mean", withPosterior.mean, equals: lawWithPosterior.mean, tolerance: 1e-12)
notebook.check(
  "variance with posterior variance", withPosterior.variance, equals: lawWithPosterior.variance,
  tolerance: 1e-12)
notebook.check(
  "variance with beta", withBeta.variance, equals: lawWithBeta.variance, tolerance: 1e-12)
notebook.check(
  "mean and the two variances, to five digits",
  [withPosterior.mean, withPosterior.variance, withBeta.variance],
  equals: [0.99999, 0.24613, 0.25075], tolerance: 5e-6)

//: For the mixture there is no recursion, but there is the exact $\epsilon^*$ and the exact
//: quantile function, and so the *Wasserstein distance* $W_1$ between samples and distribution: how
//: far, on average, the samples must be moved to have exactly that distribution. It is never 0 for
//: a finite sample. The reference is the distance of independent samples from the distribution
//: itself; we take 16 sets of them.

let mixture = GaussianMixture.three
let count = notebook.count(40_000, quick: 4_000)
let denoiser = ExactDenoiser(mixture, schedule)

/// Samples of the mixture with the exact denoiser, and the states on the way at some steps.
func chainOfMixture(keeping kept: [Int]) -> (
  end: [Double], states: [Int: PointSet], x0: [Int: PointSet]
) {
  var streams = RandomStreams(of: root.split(1), count: count)
  let xT = PointSet(zeros: count).normalSamples(using: &streams)
  var states = [schedule.steps: xT]
  var estimates: [Int: PointSet] = [:]
  let chain = Sampler(.ancestral(), schedule: schedule).chain(
    from: xT, denoiser: denoiser, using: streams)
  for state in chain {
    if kept.contains(state.t) { states[state.t] = state.x }
    if kept.contains(state.t + 1) { estimates[state.t + 1] = state.x0Estimate }
  }
  return (states[0]!.values, states, estimates)
}

let watched = [1000, 700, 500, 350, 250, 150, 100, 50, 20, 1, 0]
let mixtureChain = chainOfMixture(keeping: watched)
let quantiles = (0..<count).map { mixture.quantile((Double($0) + 0.5) / Double(count)) }

/// The distance of a sample of `count` numbers from the mixture.
func distance(_ sample: [Double]) -> Double { Distance.wasserstein1(sample, quantiles) }

let floors = Moments(
  (0..<16).map { set in
    var streams = RandomStreams(of: root.split(2).split(set), count: count)
    return distance(mixture.samples(using: &streams).points.values)
  })
notebook.show("distance of independent samples: mean of 16", floors.mean)
notebook.show("and their standard deviation", floors.standardDeviation)
notebook.check(
  "distance of the sampler's samples: at most the mean + 4 standard deviations",
  distance(mixtureChain.end),
  isAtMost: floors.mean + 4 * floors.standardDeviation)

//: @fold How the figure is plotted

let pathCount = 14
let pathSteps = Array(stride(from: 1000, through: 0, by: -5))
let paths = { () -> [[Double]] in
  var streams = RandomStreams(of: root.split(3), count: pathCount)
  let xT = PointSet(zeros: pathCount).normalSamples(using: &streams)
  let chain = Sampler(.ancestral(), schedule: schedule).chain(
    from: xT, denoiser: denoiser, using: streams)
  let states = [xT.values] + chain.filter { $0.t.isMultiple(of: 5) }.map(\.x.values)
  return (0..<pathCount).map { path in states.map { $0[path] } }
}()
let pathPlot = paths.reduce(
  Plot(
    x: Axis("step $t$", range: 0...1000), y: Axis("$x_t$", range: -3...3), size: Size(470, 260)
  )
  .heatMap(
    Field(x: 0...1000, y: -3...3, columns: 250, rows: 150) { t, x in
      min(1.2, mixture.noisyMarginal(schedule, to: Int(t.rounded())).marginal.density(x))
    }, .density, label: "density of $x_t$")
) { plot, path in
  plot.line(
    pathSteps.map { Double($0) }, path, color: .vermilion, width: 0.7)
}
notebook.figure(
  "paths", pathPlot, formats: [.png],
  caption:
    "Fourteen chains, from right to left: noise at $t = 1000$, samples of the mixture at $t = 0$. "
    + "The shade is the exact density of $x_t$. For a long time nothing seems to happen; then, "
    + "between $t = 400$ and $t = 100$, each chain ends up in one of the three modes.",
  alternative: "Jagged lines over a map of density that splits from one band into three.")

//: **Erratum E-B10.** S. Chatterjee's "Foundations of Generative Models" prints the sampler twice,
//: as Algorithm 2 and inside Algorithm 16, with $\sqrt{1 - \alpha_t}$ below the noise in the place
//: of $\sqrt{1 - \bar\alpha_t}$. One bar less: the step then takes away $\sqrt{\beta_t}\,\epsilon$,
//: as if all of the noise had come in the last step. Run on the Gaussian data, the mean is right to
//: the last digit and the variance is 0.029: the samples crowd around the mean.

struct WithoutTheBar: ReverseStep {
  func advance<D: Denoiser>(_ move: StepContext<D>, using streams: inout RandomStreams) -> D.Value {
    let step = move.transition
    let scale = 1 / step.alpha.squareRoot()
    let shift = scale * step.beta / step.beta.squareRoot()
    if step.s == 0 { return .sum((scale, move.xt), (-shift, move.noise)) }
    let z = move.xt.normalSamples(using: &streams)
    return .sum(
      (scale, move.xt), (-shift, move.noise), (step.posteriorVariance.squareRoot(), z))
  }
}

notebook.erratum(
  "E-B10", source: "Foundations of Generative Models, Algorithms 2 and 16",
  "variance of the samples", printed: law(of: WithoutTheBar(), for: data).variance,
  right: withPosterior.variance, secondRoute: lawWithPosterior.variance, tolerance: 1e-12,
  apart: 0.2)

//: ### The same step through the prediction of x_0
//:
//: The step hides what it does. Solve the closed form for $x_0$ with the predicted noise, $\hat
//: x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\,\epsilon_\theta) / \sqrt{\bar\alpha_t}$, and ask where
//: $x_{t-1}$ would lie if $\hat x_0$ and $\epsilon_\theta$ were true: at $\sqrt{\bar\alpha_{t-1}}\,
//: \hat x_0 + \sqrt{1 - \bar\alpha_{t-1}}\,\epsilon_\theta$. Replace a part of that old noise by
//: fresh noise of the same size, so that the variance of the noise stays $1 - \bar\alpha_{t-1}$:
//: $$ x_{t-1} = \sqrt{\bar\alpha_{t-1}}\,\hat x_0 + \sqrt{1 - \bar\alpha_{t-1} - \sigma_t^2}\;
//: \epsilon_\theta + \sigma_t z . $$
//: A reverse step is then: predict the image, go back to the noise level $t - 1$, keep most of the
//: noise, renew a little.
//:
//: **Claim 3.2.** With $\sigma_t^2 = \tilde\beta_t$ this *is* the step above. It follows from
//: $\sqrt{1 - \bar\alpha_{t-1} - \tilde\beta_t} = \sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1}) /
//: \sqrt{1 - \bar\alpha_t}$: put in $\tilde\beta_t$, and the left side squared is $(1 -
//: \bar\alpha_{t-1})(1 - \bar\alpha_t - \beta_t) / (1 - \bar\alpha_t)$, where $1 - \bar\alpha_t -
//: \beta_t = \alpha_t (1 - \bar\alpha_{t-1})$. So the same noise gives the same samples. (Chapter 4
//: is about other choices of $\sigma_t$.)

let everyStep = Array(1...1000)
notebook.check(
  "weight of the noise, at all t",
  everyStep.map { t in
    (schedule.noiseVariance(t - 1) - schedule.posteriorVariance(t)).squareRoot()
  },
  equals: everyStep.map { t in
    schedule.alpha(t).squareRoot() * schedule.noiseVariance(t - 1) / schedule.noiseScale(t)
  }, tolerance: 1e-14)
let someStreams = RandomStreams(of: root.split(4), count: 500)
let (ancestral500, renewed500) = (
  Sampler(.ancestral(), schedule: schedule), Sampler(.ddim(eta: 1), schedule: schedule)
)
let startPoints = PointSet((0..<500).map { mixture.quantile((Double($0) + 0.5) / 500) })
notebook.check(
  "500 samples from one stream of noise",
  ancestral500.sample(from: startPoints, denoiser: denoiser, using: someStreams).values,
  equals: renewed500.sample(from: startPoints, denoiser: denoiser, using: someStreams).values,
  tolerance: 1e-9)

//: The tolerance of the last check is rounding, a thousand steps long: at $t = T$ the way through
//: $\hat x_0$ multiplies it by $1/\sqrt{\bar\alpha_T} = 157$.
//:
//: ### The variance of the reverse step
//:
//: What should $\sigma_t^2$ be? Chapter 1 computed $\tilde\beta_t$ as the variance of $x_{t-1}$
//: given $x_t$ *and* $x_0$. But the sampler is not given $x_0$. It should imitate
//: $q(x_{t-1} \mid x_t)$, and by the law of total variance that has a larger variance:
//: $$ \mathrm{Var}(x_{t-1} \mid x_t) = \tilde\beta_t + w_0^2\; \mathrm{Var}(x_0 \mid x_t) , \qquad
//: w_0 = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t} . $$
//:
//: **Claim 3.3.** That is $\tilde\beta_t$ if the data are a single point, and $\beta_t$ if they are
//: $\mathcal N(0, 1)$ (both cases are in Ho et al.). For the mixture, which has variance 1, its
//: mean over $x_t$ lies between the two, at each of 16 steps (beyond $t = 400$ so near to
//: $\beta_t$ that rounding decides). (By a second route at $t = 300$: Bayes' rule, $q(x_{t-1} \mid
//: x_t) \propto q(x_{t-1})\,q(x_t \mid x_{t-1})$, and integration.)

func reverseVariance(_ t: Int, x0Variance: Double) -> Double {
  schedule.transition(from: t, to: t - 1).optimalVariance(ofX0GivenXt: x0Variance)
}
let unit = GaussianDenoiser<Double>(variance: 1, schedule)
notebook.check(
  "N(0, 1): true variance over beta, at all t",
  everyStep.map { reverseVariance($0, x0Variance: unit.x0Variance($0)) / schedule.beta($0) },
  equals: everyStep.map { _ in 1 }, tolerance: 1e-12)
notebook.check(
  "a point: true variance, at all t",
  everyStep.map { reverseVariance($0, x0Variance: 0) },
  equals: everyStep.map(schedule.posteriorVariance), tolerance: 0)
//:
let between = [2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 400, 600, 800, 1000]
let ofMixture = between.map {
  reverseVariance($0, x0Variance: mixture.noisyMarginal(schedule, to: $0).x0LossFloor)
}
notebook.table(
  "Variance of the reverse step, as a share of $\\beta_t$",
  columns: ["t", Column("one point", digits: 6), Column("mixture", digits: 6), "N(0, 1)"],
  rows: zip(between, ofMixture).filter { [2, 5, 20, 80, 200, 400, 1000].contains($0.0) }.map {
    [$0, schedule.posteriorVariance($0) / schedule.beta($0), $1 / schedule.beta($0), 1]
  })
notebook.check(
  "mixture: least distance above the posterior variance, over beta",
  zip(between, ofMixture).map { ($1 - schedule.posteriorVariance($0)) / schedule.beta($0) }.min()!,
  isAbove: 0)
notebook.check(
  "mixture: least distance below beta, over beta, t up to 400",
  zip(between, ofMixture).filter { $0.0 <= 400 }.map { 1 - $1 / schedule.beta($0) }.min()!,
  isAbove: 0)
let (tHere, xHere) = (300, 0.4)
let before = mixture.noisyMarginal(schedule, to: tHere - 1).marginal
func reverseDensity(_ x: Double) -> Double {
  let miss = xHere - schedule.alpha(tHere).squareRoot() * x
  return before.density(x) * exp(-miss * miss / (2 * schedule.beta(tHere)))
}
let reverseMoments = (0...2).map { power in
  Quadrature.integrate(from: -1, to: 2) { reverseDensity($0) * pow($0, Double(power)) }
}
let reverseMean = reverseMoments[1] / reverseMoments[0]
notebook.check(
  "mixture: variance of x(299) given x(300) = 0.4, by Bayes' rule",
  reverseMoments[2] / reverseMoments[0] - reverseMean * reverseMean,
  equals: reverseVariance(
    tHere, x0Variance: mixture.noisyMarginal(schedule, to: tHere).x0Variance(xHere)),
  tolerance: 1e-12)

//: At the last steps, where there is hardly any noise, the choice matters by a factor of two; over
//: most of the chain $\beta_t$ and $\tilde\beta_t$ differ by less than two percent. This is why the
//: paper could try both and see no difference. It had a thousand steps.
//:
//: **Erratum E-B14.** The book's Algorithm 4 (line 7, and again in equation 8.31 with a factor
//: $\eta$) has $\sigma_t = \sqrt{\frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}}\;\beta_t$: the root
//: ends too early. Its equation (8.3) has it right. A $\beta_t$ of 0.01 under the root is a
//: standard deviation of 0.1; outside it is 0.01, a hundredth of the variance.

let rootTooShort = ReverseVariance.custom { step in
  step.previousNoiseVariance / step.noiseVariance * step.beta * step.beta
}
notebook.erratum(
  "E-B14", source: "Foundations of Generative Models, Algorithm 4 and (8.31)",
  "variance of the samples",
  printed: law(of: .ancestral(variance: rootTooShort), for: data).variance,
  right: withPosterior.variance, secondRoute: lawWithPosterior.variance, tolerance: 1e-12,
  apart: 0.2)

//: **Claim 3.4.** For Gaussian data the variance of Claim 3.3 does not depend on $x_t$, and the
//: step with that variance *is* $q(x_{t-1} \mid x_t)$. So the chain is exact, for ten steps as for
//: a thousand: only the error of its start is left, $\mathcal N(0, 1)$ where $x_T$ should have the
//: variance $V_T$, times the square of the share of the start that the chain keeps,
//: $G = \sqrt{\bar\alpha_T}\,s^2 / V_T$. (Noise is added in the last step too: for a distribution,
//: unlike for an image, that is right.)

func exactLaw(for data: NormalData) -> GaussianVariable {
  let normal = GaussianDenoiser<Double>(
    mean: data.mean, variance: data.variance, data.schedule)
  return law(
    of: .ancestral(variance: .optimal { @Sendable in normal.x0Variance($0) }, addsFinalNoise: true),
    for: data)
}
let lengths = [10, 20, 50, 100, 200, 500, 1000]
let byLength = lengths.map { steps -> (steps: Int, posterior: Double, beta: Double, best: Double) in
  let data = NormalData(schedule: .linearScaledToLength(steps: steps))
  return (
    steps, law(of: .ancestral(), for: data).variance,
    law(of: .ancestral(variance: .beta), for: data).variance, exactLaw(for: data).variance
  )
}
notebook.table(
  "Variance of the samples where the data have 0.25, by the number of steps",
  columns: [
    "T", Column("posterior variance", digits: 4), Column("beta", digits: 4),
    Column("the right variance", digits: 6),
  ], rows: byLength.map { [$0.steps, $0.posterior, $0.beta, $0.best] })
notebook.check(
  "the right variance, for all lengths", byLength.map(\.best),
  equals: lengths.map { steps in
    let data = NormalData(schedule: .linearScaledToLength(steps: steps))
    let last = data.variance(at: steps)
    let kept = data.schedule.signalScale(steps) * data.variance / last
    return data.variance + kept * kept * (1 - last)
  }, tolerance: 1e-12)

//: (For a chain of $T$ steps all $\beta_t$ are multiplied by $1000 / T$, and capped at 0.999, so
//: that each chain ends with about the same $\bar\alpha_T$.) Read the table before you trust a
//: short chain: with ten steps, $\tilde\beta_t$ leaves a third of the variance and $\beta_t$ gives
//: half as much again. For data of small variance, as here, $\beta_t$ is still the better of the
//: two at every length.
//:
//: ### How many steps?
//:
//: **Claim 3.5.** With either of the two usual variances the error is of first order: twice the
//: steps, half the error. Between 500 and 1000 steps the error falls by $2^p$ with $p$ within 0.07
//: of 1 (what keeps it from 1 is the error of second order; that falls with $1/T$ too).

func order(_ value: (Int) -> Double) -> Double {
  log2(abs(value(500) - 0.25) / abs(value(1000) - 0.25))
}
func lengthResult(_ steps: Int) -> (posterior: Double, beta: Double) {
  let row = byLength.first { $0.steps == steps }!
  return (row.posterior, row.beta)
}
notebook.check(
  "order with the posterior variance", order { lengthResult($0).posterior },
  equals: 1, tolerance: 0.07)
notebook.check(
  "order with beta", order { lengthResult($0).beta }, equals: 1, tolerance: 0.07)

let lengthAxis = lengths.map { Double($0) }
notebook.figure(
  "lengths",
  Plot(
    x: Axis("number of steps $T$", scale: .log), y: Axis("error of the variance", scale: .log)
  )
  .line(
    lengthAxis, byLength.map { abs($0.posterior - 0.25) },
    label: "$\\sigma_t^2 = \\tilde\\beta_t$ (too little)"
  )
  .line(
    lengthAxis, byLength.map { abs($0.beta - 0.25) }, label: "$\\sigma_t^2 = \\beta_t$ (too much)"
  )
  .line(lengthAxis, lengthAxis.map { 1.5 / $0 }, label: "slope $-1$", color: .axis, dash: .dashed),
  caption: "The error of the sampled variance, exactly computed, for data $\\mathcal N(1, "
    + "\\frac14)$. Both usual choices are of first order in the number of steps. The right "
    + "variance (Claim 3.4) would not appear: its error is below one in a million at every length.",
  alternative: "Two falling lines in a double logarithmic plot, parallel to a dashed line.")

//: **Erratum E-B40.** The book writes in sections 8.2.1 to 8.2.4 that DDPM has the *correct amount*
//: of stochasticity and *provably* samples from the right distribution. Both hold in the limit of
//: infinitely many steps, for an exact $\epsilon_\theta$. Its own number of steps for fast
//: sampling, 50, with the variance that it recommends:

let fifty = NormalData(schedule: .linearScaledToLength(steps: 50))
notebook.erratum(
  "E-B40", source: "Foundations of Generative Models, sections 8.2.1 to 8.2.4",
  "variance of the samples, T = 50", printed: 0.25, right: lengthResult(50).posterior,
  secondRoute: fifty.sampled(addedVariance: fifty.schedule.posteriorVariance).variance,
  tolerance: 1e-12, apart: 0.05)

//: ### The error of the start
//:
//: The chain starts from $\mathcal N(0, 1)$, though $x_T$ has the mean $\sqrt{\bar\alpha_T}\,m$.
//: How much does it matter if $\bar\alpha_T$ is not near 0? Guess: is the error in the samples'
//: mean in proportion to $\sqrt{\bar\alpha_T}$?
//:
//: **Claim 3.6.** The start is wrong by $\sqrt{\bar\alpha_T}\,m$, and the chain keeps a share $G$
//: of it, which is itself in proportion to $\sqrt{\bar\alpha_T}$. So the error is
//: $m\,\bar\alpha_T s^2 / V_T$: of the order of $\bar\alpha_T$. This is an effect of the noise that
//: the steps add. The deterministic sampler of chapter 4 keeps $G = s/\sqrt{V_T}$, and so has an
//: error in proportion to $\sqrt{\bar\alpha_T}$.

let ends = [0.002, 0.005, 0.01, 0.02].map { NormalData(schedule: .linear(to: $0)) }
notebook.check(
  "ancestral: error of the mean, four schedules",
  ends.map { 1 - law(of: .ancestral(), for: $0).mean },
  equals: ends.map { end in
    end.schedule.alphaBar(1000) * end.variance / end.variance(at: 1000)
  }, tolerance: 1e-12)
for end in ends {
  let kept = (end.variance / end.variance(at: 1000)).squareRoot()
  notebook.check(
    "deterministic: error of the mean, last beta \(end.schedule.beta(1000))",
    1 - law(of: .ddim(), for: end).mean, equals: end.schedule.signalScale(1000) * kept,
    relativeTolerance: 0.02)
}

//: (The last check has a tolerance of two percent because $G = s / \sqrt{V_T}$ holds for infinitely
//: small steps, and a thousand leave an error of some tenths of a percent.)
//:
//: ### The share of noise that a step removes
//:
//: **Claim 3.7.** The noise in $x_t$ is $\sqrt{1 - \bar\alpha_t}\,\epsilon$, and the step takes
//: away $\frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,\epsilon$. As a share, that is
//: $\beta_t / (1 - \bar\alpha_t)$: everything at $t = 1$, one percent at $t = 500$, two percent at
//: $t = 1000$. The second route runs the step on $x_0 = 0$, where all is noise, and undoes the
//: factor $1/\sqrt{\alpha_t}$.

func shareRemoved(_ t: Int) -> Double {
  let xt = diffusion.addNoise(to: 0.0, t: t, noise: 1)
  let mean = diffusion.posteriorMean(noise: 1.0, xt: xt, t: t)
  return 1 - mean * schedule.alpha(t).squareRoot() / xt
}
notebook.check(
  "share of the noise removed, at all t", everyStep.map(shareRemoved),
  equals: everyStep.map { schedule.beta($0) / schedule.noiseVariance($0) }, tolerance: 1e-12)
notebook.check(
  "at t = 1, 500, 1000", [1, 500, 1000].map(shareRemoved), equals: [1, 0.0109, 0.0200],
  tolerance: 5e-5)

//: **Erratum E-S1f.** A talk on DDPM, DDIM, U-Net and latent diffusion gives the fraction removed
//: as $\beta_t / \sqrt{\alpha_t (1 - \bar\alpha_t)}$. That is the coefficient of $\epsilon_\theta$,
//: an amount and not a share. At $t = 1$ it would be one percent of the noise, where all of it is
//: removed.

notebook.erratum(
  "E-S1f", source: "DDPM talk, slide Diffusion Sampling Process",
  "share of the noise removed, t = 1",
  printed: schedule.beta(1) / (schedule.alpha(1) * schedule.noiseVariance(1)).squareRoot(),
  right: schedule.beta(1) / schedule.noiseVariance(1), secondRoute: shareRemoved(1),
  tolerance: 1e-12, apart: 0.9)

//: ### The loop runs from T down to 1
//:
//: **Claim 3.8.** Run with $t$ from 1 up to $T$, the same steps return pure noise. Their first
//: steps are made for states with hardly any noise, take away hardly any, and leave
//: $\mathcal N(0, 1)$ as it is; the last ones, made for noise, keep noise as it is. For data
//: $\mathcal N(1, \frac14)$ the result has mean 0.06 and variance 0.9994.

let ascending = everyStep.reduce(MeanAndVariance()) { law, t in
  data.stepped(law, from: t, addedVariance: t <= 2 ? 0 : schedule.beta(t))
}
notebook.check(
  "mean and variance of the ascending loop", [ascending.mean, ascending.variance],
  equals: [0.0643, 0.9994], tolerance: 5e-5)

//: **Erratum E-S1g.** The sampling code of the same talk runs `for i in range(noise_steps)`,
//: upwards, adds noise only `if i > 1`, which spares two steps instead of one, never sets `t`, and
//: has no index on $\alpha$ and $\beta$. With `t = i + 1` filled in, on our data:

notebook.erratum(
  "E-S1g", source: "DDPM talk, sampling code", "variance of the samples",
  printed: ascending.variance, right: withBeta.variance, secondRoute: lawWithBeta.variance,
  tolerance: 1e-12, apart: 0.7)

//: ### The marginals along the chain
//:
//: A sampler that is right at its end might still have been lucky. Ours should be right on the way:
//: the states at step $t$ should follow $q(x_t)$.
//:
//: **Claim 3.9.** They do, as far as 40,000 chains can show: at each of eleven steps, the
//: Kolmogorov-Smirnov gap stays below the $1.95/\sqrt N$ that chance exceeds once in a thousand
//: times. The recursion is sharper than the test: with $\tilde\beta_t$ the variance on the way
//: falls short of $V_t$ by up to 1.6 percent for data $\mathcal N(1, \frac14)$.

for t in watched {
  let marginal = t == 0 ? mixture : mixture.noisyMarginal(schedule, to: t).marginal
  notebook.check(
    "gap at t = \(t)", Distance.kolmogorov(mixtureChain.states[t]!.values, cdf: marginal.cdf),
    isBelow: 1.95 / Double(count).squareRoot())
}
//:
/// The distribution of the states along the chain, from t = T down to 0.
func lawsAlongTheChain(addedVariance: (Int) -> Double) -> [MeanAndVariance] {
  stride(from: 1000, through: 1, by: -1).reduce(into: [MeanAndVariance()]) { laws, t in
    laws.append(data.stepped(laws.last!, from: t, addedVariance: t == 1 ? 0 : addedVariance(t)))
  }
}
let alongPosterior = lawsAlongTheChain(addedVariance: schedule.posteriorVariance)
let shortfalls = (0...1000).map { 1 - alongPosterior[1000 - $0].variance / data.variance(at: $0) }
notebook.show("largest shortfall of the variance", shortfalls.max()!)
notebook.show("at t", shortfalls.firstIndex(of: shortfalls.max()!)!)
notebook.check("largest shortfall", shortfalls.max()!, isAtMost: 0.016)

//: @fold How the figure is plotted

let shown = [1000, 500, 350, 250, 100, 0]
notebook.figure(
  "marginals",
  Figure(
    columns: 3,
    shown.map { t in
      Plot(
        title: "$t=\(t)$", x: Axis("$x_t$", range: -3...3, at: [-2, 0, 2]),
        y: Axis("density", range: 0...1.3)
      )
      .histogram(
        mixtureChain.states[t]!.values, bins: 80, range: -3...3, label: "chains"
      )
      .curve(over: -3...3, label: "exact $q(x_t)$", color: .ink) {
        (t == 0 ? mixture : mixture.noisyMarginal(schedule, to: t).marginal).density($0)
      }
    }, panelSize: Size(215, 165), sharing: [.axes, .legend]),
  caption:
    "The states of the chains at six steps, and the exact distribution of $x_t$. Sampling is the "
    + "forward process of chapter 0 run backwards, step by step.",
  alternative: "Six histograms that follow curves: a bell that splits into three modes.")

//: ### The prediction of x_0 along the chain
//:
//: At each step the sampler has a prediction of its end, $\hat x_0$. With the exact denoiser that
//: is the posterior mean $E[x_0 \mid x_t]$ of all possible ends.
//:
//: **Claim 3.10.** The average prediction does not change: $E[\hat x_0]$ is the mean of the data at
//: every $t$. Its variance does: by the law of total variance $\mathrm{Var}(\hat x_0) =
//: \mathrm{Var}(x_0) - E\,\mathrm{Var}(x_0 \mid x_t)$, which grows from 0 to the variance of the
//: data as $t$ falls. First by integration, then along the chains.

let stages = [1000, 700, 500, 350, 250, 150, 100, 50, 20, 1]
let opinions = stages.map { t -> (mean: Double, variance: Double, unexplained: Double) in
  let noised = mixture.noisyMarginal(schedule, to: t)
  let mean = noised.marginal.expectation(noised.x0Mean)
  let square = noised.marginal.expectation { noised.x0Mean($0) * noised.x0Mean($0) }
  return (mean, square - mean * mean, noised.x0LossFloor)
}
notebook.check(
  "average prediction of x0 at ten steps", opinions.map(\.mean),
  equals: stages.map { _ in mixture.mean }, tolerance: 1e-10)
notebook.check(
  "variance of the prediction + mean posterior variance",
  opinions.map {
    $0.variance + $0.unexplained
  }, equals: stages.map { _ in mixture.variance }, tolerance: 1e-10)
notebook.check("variance of the prediction as t falls", increases: opinions.map(\.variance))
for t in [700, 350, 150, 20] {
  notebook.check(
    "average prediction of the chains at t = \(t)", Estimate(of: mixtureChain.x0[t]!.values),
    equals: mixture.mean)
}

//: @fold How the figure is plotted

let opinionPaths = { () -> [[Double]] in
  var streams = RandomStreams(of: root.split(3), count: pathCount)
  let xT = PointSet(zeros: pathCount).normalSamples(using: &streams)
  let chain = Sampler(.ancestral(), schedule: schedule).chain(
    from: xT, denoiser: denoiser, using: streams)
  let states = chain.filter { $0.t.isMultiple(of: 5) }.map(\.x0Estimate.values)
  return (0..<pathCount).map { path in states.map { $0[path] } }
}()
notebook.figure(
  "opinions",
  opinionPaths.reduce(
    Plot(
      x: Axis("step $t$", range: 0...1000), y: Axis("$\\hat x_0$", range: -2.2...2.2),
      size: Size(470, 240))
  ) { plot, path in
    plot.line(
      pathSteps.dropFirst().map { Double($0) }, path,
      color: path.last! < -0.5
        ? .blue : path.last! < 0.7 ? .green : .vermilion, width: 0.9)
  },
  caption:
    "The prediction of $x_0$ of the fourteen chains of the first figure, by step, colored by "
    + "where they end. At the start all are the same: the mean of the data. The end of a chain "
    + "is decided late, and some predictions change from one mode to another.",
  alternative: "Lines that start together at zero on the right and fan out to three levels.")

//: With images this is why a sampler's $\hat x_0$ begins as a blur: the blur is the mean of all
//: images that are still possible.
//:
//: ### Re-noising the prediction of x_0
//:
//: Since $\hat x_0$ is a prediction of the data, a sampler suggests itself: predict, add fresh
//: noise of the next lower level to the prediction, predict again. It is often sketched that way,
//: with arrows.
//:
//: **Claim 3.11.** It loses at least half of the variance, however many steps it takes. Take data
//: of variance $s^2$ with noise of variance $\sigma^2$ added. The prediction is $\hat x_0 = m +
//: \frac{s^2}{s^2 + \sigma^2} (x - m)$. If the previous prediction had the variance $v$, the next
//: has $\big(\frac{s^2}{s^2 + \sigma^2}\big)^2 (v + \sigma^2)$; for small $\sigma$ this is
//: $v + \sigma^2 - 2 \sigma^2 v / s^2$, which stays the same only at $v = s^2/2$. The reason:
//: $\hat x_0$ is a *mean*, and a mean varies less than what it is the mean of. The DDPM step keeps
//: most of the noise that is already in $x_t$, and with it the information of $x_t$ about its
//: origin.

func renoised(steps: Int, dataVariance: Double) -> Double {
  let sigma = (0...steps).map { Double($0) / Double(steps) }
  var x = 1.0  // the variance of pure noise at level 1
  for t in stride(from: steps, through: 1, by: -1) {
    let gain = dataVariance / (dataVariance + sigma[t] * sigma[t])
    x = gain * gain * x + sigma[t - 1] * sigma[t - 1]
  }
  return x
}
let renoisings = [1, 10, 100, 1000, 10_000]
notebook.table(
  "Variance of the samples when the prediction is re-noised",
  columns: ["steps"] + [1.0, 0.25].map { Column("data of variance \($0)", digits: 5) },
  rows: renoisings.map { steps in
    [steps, renoised(steps: steps, dataVariance: 1), renoised(steps: steps, dataVariance: 0.25)]
  })
notebook.check(
  "10000 steps: share of the variance, data of variance 1",
  renoised(steps: 10_000, dataVariance: 1), equals: 0.5, tolerance: 0.001)
notebook.check(
  "10000 steps: share of the variance, data of variance 0.25",
  renoised(steps: 10_000, dataVariance: 0.25) / 0.25, equals: 0.5, tolerance: 0.002)
let noisedAnew = DDIMStep { @Sendable in $0.previousNoiseVariance.squareRoot() }
let halved = law(of: noisedAnew, for: data)
notebook.check(
  "the same with the schedule of this chapter, 1000 steps: share", halved.variance / data.variance,
  equals: 0.5, tolerance: 0.011)

//: (The tolerances are first-order errors again: the table shows them fall with the number of
//: steps.)
//:
//: **Erratum E-S4a.** The slides "Deep Learning, 21. Diffusion Models" of IIT Hyderabad print this
//: sampler as Algorithm 2, with the noise level called $\alpha_t$, after the derivation of the
//: right one. Here it is with the levels $t/T$, a thousand steps, on data of variance 1:

let unitData = NormalData(mean: 0, variance: 1)
notebook.erratum(
  "E-S4a", source: "IIT Hyderabad, Deep Learning 21, Algorithms 1 and 2", "variance of the samples",
  printed: renoised(steps: 1000, dataVariance: 1),
  right: unitData.sampled(addedVariance: schedule.beta).variance,
  secondRoute: law(of: .ancestral(variance: .beta), for: unitData).variance, tolerance: 1e-12,
  apart: 0.4)

//: Here they are side by side, the sampler and the printed mistakes, computed exactly from the
//: first step to the last.
//:
//: @fold How the figure is plotted

/// Standard deviations along the library's chain, one per step.
func deviations(_ rule: some ReverseStep) -> [Double] {
  let exact = GaussianDenoiser<GaussianVariable>(mean: 1, variance: 0.25, schedule)
  let chain = Sampler(rule, schedule: schedule).chain(
    from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: exact,
    using: RandomStreams(of: root, count: 1))
  return [1] + chain.map(\.x.standardDeviation)
}
let ascendingDeviations = everyStep.reduce(into: [MeanAndVariance()]) { laws, t in
  laws.append(
    data.stepped(laws.last!, from: t, addedVariance: t <= 2 ? 0 : schedule.beta(t)))
}.map { $0.variance.squareRoot() }
let progressAxis = (0...1000).map { Double($0) }
notebook.figure(
  "mistakes",
  Plot(
    x: "steps taken", y: Axis("standard deviation", range: 0...1.05), size: Size(520, 330)
  )
  .line(progressAxis, deviations(.ancestral()), label: "right")
  .line(progressAxis, ascendingDeviations, label: "upwards (E-S1g)")
  .line(
    progressAxis, deviations(noisedAnew), label: "re-noised (E-S4a)"
  )
  .line(progressAxis, deviations(WithoutTheBar()), label: "no bar (E-B10)")
  .line(
    progressAxis, deviations(.ancestral(variance: rootTooShort)), label: "short root (E-B14)"
  )
  .line(
    progressAxis, (0...1000).map { data.variance(at: 1000 - $0).squareRoot() },
    label: "exact $\\sqrt{V_t}$", color: .ink, dash: .dashed
  )
  .legend(.below),
  caption:
    "The standard deviation along the chain for data $\\mathcal N(1, \\frac14)$: it should end at "
    + "one half. Four printed mistakes end at 1, at 0.35, at 0.17 and at 0.03.",
  alternative: "Six curves from 1 at the left; two end at one half, the others elsewhere.")

//: ## Part II. The network: a U-Net
//:
//: So far the noise was predicted by a formula. For images there is none, and the prediction comes
//: from a network. Its input is an image, with one or more numbers per pixel, the *channels*, and
//: the step $t$, which is the noise level; its output is an image of the same size. The classic
//: architecture is the *U-Net* (Ronneberger, Fischer and Brox, 2015); many newer models use
//: transformers instead. On the way down the image gets smaller and has more channels, so that each
//: pixel depends on a larger part of the whole. On the way up it grows back, and on each level it
//: is joined with the image of the same size from the way down, by a *skip connection*. So no
//: detail needs to pass through the narrow bottom.
//:
//: @fold How the figure is plotted

/// A box with a text, one step of the network.
struct NetworkDiagram: Drawable {
  let size = Size(620, 270)
  private let levels = ["16×16", "8×8", "4×4"]
  private let widths = ["32", "32", "64"]

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    canvas.translated(to: Point(rectangle.x, rectangle.y)) { drawLevels(on: canvas) }
  }

  private func box(_ x: Double, _ level: Int, _ color: Color, _ text: String, on canvas: Canvas) {
    let height = 46.0 - 11 * Double(level)
    let y = 62.0 + 76 * Double(level) - height / 2
    let place = Rectangle(x: x - 33, y: y, width: 66, height: height)
    canvas.fill(.rectangle(place, radius: 4), color.mixed(with: .white, 0.72))
    canvas.stroke(.rectangle(place, radius: 4), color, width: 1)
    canvas.text(text, at: Point(x, y + height / 2), anchor: .center, size: 10)
  }

  private func drawLevels(on canvas: Canvas) {
    let y = { (level: Int) in 62.0 + 76 * Double(level) }
    let left = [[60.0, 140], [165, 235], [300, 300]]
    let right = [[560.0, 480], [455, 385], [320, 320]]
    for level in 0..<2 {
      canvas.arrow(
        from: Point(left[level][1] + 36, y(level)), to: Point(right[level][1] - 36, y(level)),
        .orange, width: 1.6)
      canvas.text(
        "skips", at: Point(310, y(level) - 8), anchor: .baseline, color: .orange, size: 10)
      canvas.arrow(
        from: Point(left[level][0] + 35, y(level)), to: Point(left[level][1] - 35, y(level)))
      canvas.arrow(
        from: Point(right[level][1] + 35, y(level)), to: Point(right[level][0] - 35, y(level)))
      box(left[level][0], level, .blue, level == 0 ? "conv" : "blocks", on: canvas)
      box(left[level][1], level, .blue, "blocks", on: canvas)
      box(right[level][1], level, .green, "blocks", on: canvas)
      box(right[level][0], level, .green, level == 0 ? "norm, conv" : "blocks", on: canvas)
      canvas.text(
        "\(levels[level]), \(widths[level]) channels",
        at: Point(level == 0 ? 100 : 265, y(level) - 30),
        anchor: .baseline, color: .axis, size: 10)
    }
    box(310, 2, .purple, "middle", on: canvas)
    canvas.text(
      "\(levels[2]), \(widths[2]) channels", at: Point(310, y(2) + 28), anchor: .baseline,
      color: .axis, size: 10)
    canvas.arrow(from: Point(142, y(0) + 25), to: Point(164, y(1) - 20), .vermilion)
    canvas.arrow(from: Point(240, y(1) + 20), to: Point(290, y(2) - 14), .vermilion)
    canvas.arrow(from: Point(330, y(2) - 14), to: Point(380, y(1) + 20), .vermilion)
    canvas.arrow(from: Point(456, y(1) - 20), to: Point(478, y(0) + 25), .vermilion)
    canvas.text("$t$ to every block", at: Point(310, 16), anchor: .baseline, size: 10)
  }
}
notebook.figure(
  "unet", NetworkDiagram(),
  caption:
    "The U-Net of this chapter. Down on the left, up on the right; red arrows are downsampling "
    + "and upsampling. On each level the way up receives the output of the way down: the skip "
    + "connections.",
  alternative: "Boxes in the shape of a U, with arrows across from the left arm to the right one.")

//: ### Skip connections are a stack
//:
//: In code the skip connections are a stack. The first convolution and every block and every
//: downsampling on the way down push their output; every block on the way up pops one and takes it
//: as input beside its own.
//:
//: @code Sources/Networks/UNet.swift forward
//:
//: **Claim 3.12.** The pops match the pushes. With $R$ resolutions and $N$ blocks on each, the way
//: down pushes $1 + RN + (R - 1)$ times, and the way up, with one block more on each level, pops
//: $R(N + 1)$ times, which is the same number. And the shapes fit: the channels that each block on
//: the way up has reserved for its skip connection are those of the image on top of the stack (read
//: off the shapes of the weights). The output has the shape of the input.

/// The channels of what a U-Net pushes on its stack, in order, and of what its blocks pop.
func skips(levels: Int, blocks: Int) -> (pushed: [Int], popped: [Int]) {
  let network = UNet(
    .init(
      inputChannels: 3, outputChannels: 3, channels: (0..<levels).map { 8 * (1 + $0) },
      layersPerLevel: blocks, attention: (0..<levels).map { _ in false }, middleAttention: false,
      groups: 4), generator: root)
  let shapes = Dictionary(
    network.parameters.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
  func outputs(_ name: String) -> Int { shapes[name + ".weight"]![0] }
  var pushed = [outputs("conv_in")]
  for level in 0..<levels {
    pushed += (0..<blocks).map { outputs("down_blocks.\(level).resnets.\($0).conv2") }
    if level < levels - 1 { pushed.append(outputs("down_blocks.\(level).downsamplers.0.conv")) }
  }
  var arriving = outputs("mid_block.resnets.1.conv2")
  var popped: [Int] = []
  for level in 0..<levels {
    for block in 0...blocks {
      let name = "up_blocks.\(level).resnets.\(block)"
      popped.append(outputs(name + ".norm1") - arriving)
      arriving = outputs(name + ".conv2")
    }
  }
  return (pushed, popped)
}

for (levels, blocks) in [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2)] {
  let (pushed, popped) = skips(levels: levels, blocks: blocks)
  notebook.check(
    "pushes, R = \(levels), N = \(blocks)", pushed.count, isExactly: levels * (blocks + 1))
  notebook.check(
    "channels popped, R = \(levels), N = \(blocks)", popped, isExactly: pushed.reversed())
}
//:
let trial = UNet(
  .init(
    inputChannels: 3, outputChannels: 3, channels: [8, 16], attention: [false, true], headWidth: 8,
    groups: 4), generator: root.split(20))
let trialPictures = [8, 16].map { side -> Tensor in
  var random = root.split(21)
  return .normal([2, 3, side, side + 4], using: &random)
}
for pictures in trialPictures {
  notebook.check(
    "shape of the output", trial(pictures, t: [300, 7]).shape, isExactly: pictures.shape)
}

//: A network is trained along its gradient, so a wrong gradient is the worst of bugs: training
//: still works, a little. The remedy is to compute a directional derivative twice. Weight the
//: outputs at random and add them up; move *all* weights of the network along one random direction;
//: and compare the derivative by automatic differentiation with differences of values. No error in
//: any part of the network can hide, except by a coincidence. The scale to compare with is the
//: length of the gradient, which is the size that such derivatives have; single precision leaves
//: about four digits.

/// The derivative of a weighted sum of the network's output along a random direction of weights,
/// by automatic differentiation and by differences of fourth order, over the gradient's length.
func slopes(
  _ network: UNet, _ x: Tensor, stream: Int, steps: [Double]
) -> (tape: Double, differences: [Double]) {
  var random = root.split(stream)
  let tape = Tape()
  let output = network(tape.constant(x), t: [300.0])
  let weights = Tensor.normal(output.shape, using: &random)
  let gradients = tape.gradients(of: output, seed: weights)
  let start = network.parameters.map(\.value)
  let direction = start.map { Tensor.normal($0.shape, using: &random) }
  func value(_ distance: Double) -> Double {
    for (index, parameter) in network.parameters.enumerated() {
      parameter.value = start[index] + Float(distance) * direction[index]
    }
    return network(x, t: [300.0]).dot(weights)
  }
  let scale = gradients.globalNorm(over: network.parameters)
  let differences = steps.map { h -> Double in
    let (near, far) = (value(h) - value(-h), value(2 * h) - value(-2 * h))
    return (8 * near - far) / (12 * h) / scale
  }
  _ = value(0)
  let along = zip(network.parameters, direction).reduce(0.0) { sum, pair in
    sum + (gradients[pair.0]?.dot(pair.1) ?? 0)
  }
  return (along / scale, differences)
}

let differenceSteps = [4e-3, 2e-3, 1e-3, 5e-4, 2.5e-4, 1.2e-4]
let slopeRows = (0..<3).map {
  slopes(trial, trialPictures[0], stream: 22 + $0, steps: differenceSteps)
}
notebook.table(
  "Derivative along three random directions: exact less differences, by the step $h$",
  columns: ["h"] + (1...3).map { Column("direction \($0)", digits: 2, volatile: true) },
  rows: differenceSteps.indices.map { i in
    [differenceSteps[i]] + slopeRows.map { $0.tape - $0.differences[i] }
  })
for (index, row) in slopeRows.enumerated() {
  notebook.check(
    "derivative along direction \(index + 1) of all weights, h = 0.0005", row.tape,
    equals: row.differences[3], tolerance: 5e-4)
}

//: (With too large a step the differences include the curvature of the function, with too small a
//: one the rounding of single precision. In between, the table's errors are near $10^{-4}$; the
//: tolerance is five times that.)
//:
//: ### The residual block
//:
//: On each level there are *residual blocks*: two convolutions beside a shortcut, so that a block
//: needs to learn only what to change. A *convolution* computes each output pixel from a small
//: window of the input, with the same weights everywhere. In between, the block is conditioned on
//: the step: $t$ becomes the *timestep embedding* of chapter 2, a small network transforms it, and
//: each block turns that into one number per channel, added at every pixel.
//:
//: @code Sources/Networks/ResidualBlock.swift forward
//:
//: **Claim 3.13.** The step enters as one number per channel: its effect after the first
//: convolution is the same at every pixel. And if the last convolution of each block starts at
//: zero, a block starts as the identity, and the whole network as the function 0. Then its loss is
//: exactly the mean square of the noise, about 1. But is a network of zeros not stuck? Only its
//: last layer has a nonzero gradient at the first step; that moves it off zero, and then the others
//: have one too.

var blockRandom = root.split(26)
let features = Tensor.normal([2, 8, 8, 16], using: &blockRandom)
let timeBias = Tensor.normal([2, 16], using: &blockRandom)
let quiet = Tape(recording: false)
let firstConvolution = Convolution(16, 16, in: ParameterScope(root.split(27)))
let told = firstConvolution(quiet.constant(features), channelBias: quiet.constant(timeBias)).value
let untold = firstConvolution(quiet.constant(features)).value
notebook.check(
  "what the embedding adds, at all pixels",
  Double(
    (told - untold).largestDifference(
      from: timeBias.reshaped([2, 1, 1, 16]).broadcast(to: [2, 8, 8, 16]))), equals: 0,
  tolerance: 1e-5)
let newBlock = ResidualBlock(
  16, 16, embeddingChannels: 32, groups: 4, epsilon: 1e-5, startsAtZero: true,
  in: ParameterScope(root.split(28)))
let someEmbedding = Tensor.normal([2, 32], using: &blockRandom)
notebook.check(
  "a new block: largest difference of output and input",
  Double(
    newBlock(quiet.constant(features), quiet.constant(someEmbedding)).value.largestDifference(
      from: features)), equals: 0, tolerance: 0)
//:
let fresh = DiffusionModel<UNet>(.smallImages(), seed: notebook.seed)
let noisePictures = Tensor.normal(fresh.shape(16), using: &blockRandom)
let freshTape = Tape()
let freshOutput = fresh.network(freshTape.constant(noisePictures), t: [500])
let freshLoss = meanSquaredError(freshOutput, noisePictures)
notebook.show("weights of the network", fresh.network.parameterCount)
notebook.check(
  "a new network: length of its output", freshOutput.value.norm(), equals: 0, tolerance: 0)
notebook.check(
  "its loss, against the mean square of the noise", Double(freshLoss.value.scalar),
  equals: noisePictures.sumOfSquares() / Double(noisePictures.count), relativeTolerance: 1e-6)
let freshGradients = freshTape.gradients(of: freshLoss)
notebook.check(
  "parameters with a gradient other than zero",
  fresh.network.parameters.filter { (freshGradients[$0]?.norm() ?? 0) > 0 }.map(\.name),
  isExactly: ["conv_out.weight", "conv_out.bias"])

//: ### Downsampling and upsampling
//:
//: Downsampling is a convolution evaluated at every second pixel (three by three, stride 2, one
//: pixel of padding). For upsampling there are two recipes: repeat every pixel and smooth with a
//: convolution, or use the *transpose* of a convolution, in which each pixel adds to a patch of
//: four by four on the larger image.
//:
//: **Claim 3.14.** Sizes go 32, 16, 8, 4 and back. A convolution is a linear map, and its transpose
//: is its adjoint: $\langle C x, y \rangle = \langle x, C^T y \rangle$ for all $x$ and $y$. (We
//: take whole numbers, so that single precision computes without any error, and ask for equality.)

let halving = ConvolutionGeometry(kernel: 3, stride: 2, padding: 1)
let doubling = ConvolutionGeometry(kernel: 4, stride: 2, padding: 1)
var sizes = [32]
for _ in 0..<3 { sizes.append(halving.outputExtents(height: sizes.last!, width: 32).height) }
for _ in 0..<3 {
  sizes.append(doubling.transposedOutputExtents(height: sizes.last!, width: 4).height)
}
notebook.check("sizes down and up", sizes, isExactly: [32, 16, 8, 4, 8, 16, 32])

func wholeNumbers(_ shape: Shape, stream: Int) -> Tensor {
  var random = root.split(stream)
  return Tensor.uniform(shape, in: -3.5...3.5, using: &random).map { $0.rounded() }
}
let large = wholeNumbers([2, 16, 16, 4], stream: 30)
let smaller = wholeNumbers([2, 8, 8, 6], stream: 31)
for (name, geometry) in [("halving, 3x3", halving), ("doubling, 4x4", doubling)] {
  let kernels = wholeNumbers([6, 4, geometry.kernel, geometry.kernel], stream: 32)
  let down = Kernel.convolution(large, weight: kernels, bias: nil, geometry: geometry)
  let up = Kernel.convolutionInputGradient(
    smaller, weight: kernels, inputShape: large.shape, geometry: geometry)
  notebook.check(
    "\(name): <Cx, y> and <x, C'y>", down.dot(smaller), equals: large.dot(up), tolerance: 0)
}

//: Why four by four, when the way down has three by three? Count how often each pixel of the larger
//: image is covered. With four by four and stride 2 every pixel inside is covered four times. With
//: three by three it is once, twice or four times, in a checkerboard pattern, and the image shows
//: it (Odena et al., 2016).

for (kernel, counts) in [(4, [4.0]), (3, [1, 2, 4])] {
  let geometry = ConvolutionGeometry(kernel: kernel, stride: 2, padding: 1)
  let painted = Kernel.transposedConvolution(
    .ones([1, 8, 8, 1]), weight: .ones([1, 1, kernel, kernel]), bias: nil, geometry: geometry)
  let inside = painted.slice(2..<12, along: 1).slice(2..<12, along: 2)
  notebook.check(
    "how often pixels inside are covered, \(kernel)x\(kernel)",
    Set(inside.elements.map { Double($0) }).sorted(), equals: counts, tolerance: 0)
}

//: ### Group normalization
//:
//: Between the convolutions there are *group normalizations* (Wu and He, 2018). In each image the
//: channels are put in groups, the numbers of a group are shifted and scaled to mean 0 and variance
//: 1, and then each channel gets a scale and a shift that are learned.
//:
//: **Claim 3.15.** A group's numbers have mean 0 and variance 1. The output for an image does not
//: depend on the other images in the batch, unlike with *batch norm*, which takes its means over
//: the batch. With one group it is layer norm over the whole image, with one group per channel it
//: is instance norm.

func normalized(_ x: Tensor, groups: Int) -> Tensor {
  let channels = x.shape[3]
  return Kernel.groupNorm(
    x, scale: .ones([channels]), shift: .zeros([channels]), groups: groups, epsilon: 1e-5,
    activation: .none
  ).output
}
/// The same by the definition, in double precision: one mean and standard deviation for each set
/// of numbers that share a key.
func normalizedByHand(_ x: Tensor, key: (_ picture: Int, _ channel: Int) -> Int) -> [Double] {
  let (each, channels) = (x.count / x.shape[0], x.shape[3])
  let keys = (0..<x.count).map { key($0 / each, $0 % channels) }
  var statistics: [Int: Moments] = [:]
  let values = x.elements.map { Double($0) }
  for (key, value) in zip(keys, values) { statistics[key, default: Moments()].add(value) }
  return zip(keys, values).map { key, value in
    let own = statistics[key]!
    let variance = own.variance * Double(own.count - 1) / Double(own.count)
    return (value - own.mean) / (variance + 1e-5).squareRoot()
  }
}
let shifted = features * 3 + 5
let grouped = normalized(shifted, groups: 4)
let firstGroup = Moments(
  grouped.slice(0..<1).slice(0..<4, along: 3).elements.map { Double($0) })
notebook.check("mean of a group", firstGroup.mean, equals: 0, tolerance: 1e-6)
notebook.check("variance of a group", firstGroup.variance, equals: 1, tolerance: 0.005)
let otherMate = Tensor.concatenated([shifted.slice(0..<1), shifted.slice(1..<2) * 9], along: 0)
notebook.check(
  "change of an image's output when its neighbor changes",
  Double(
    normalized(otherMate, groups: 4).slice(0..<1).largestDifference(from: grouped.slice(0..<1))),
  equals: 0, tolerance: 0)
let batchNormed = [shifted, otherMate].map { normalizedByHand($0) { _, channel in channel } }
notebook.check(
  "the same with batch norm",
  zip(batchNormed[0], batchNormed[1]).prefix(1024).map { abs($0 - $1) }.max()!, isAbove: 0.5)
for (name, groups) in [
  ("one group is layer norm", 1), ("4 groups", 4), ("16 is instance norm", 16),
] {
  notebook.check(
    name, normalized(shifted, groups: groups).elements.map { Double($0) },
    equals: normalizedByHand(shifted) { picture, channel in
      100 * picture + channel / (16 / groups)
    }, tolerance: 1e-4)
}

//: (The variance of 256 numbers as it is estimated, with a divisor of 255, is $1.0039$; the group
//: norm divides by 256. The talk claims that layer norm would do as well and that group norm is
//: cheaper; by this check they are the same computation with another number of groups.)
//:
//: The nonlinearity of the network is *swish*, also called SiLU, $x\,\sigma(x)$ with the logistic
//: $\sigma(x) = 1/(1 + e^{-x})$. It is smooth, almost $x$ for large $x$, almost 0 for very negative
//: ones, and dips below 0 in between.
//:
//: **Claim 3.16.** Its derivative is $\sigma(x)\,(1 + x\,(1 - \sigma(x)))$. That vanishes where
//: $x\,(1 - \sigma(x)) = -1$, so that the least value is $x\,\sigma(x) = x + 1$: it is $-0.278465$,
//: at $x = -1.278465$.

func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
let bends = stride(from: -6.0, through: 6, by: 0.25).map { $0 }
let swishTape = Tape()
let swishInput = swishTape.input(Tensor(bends.map { Float($0) }))
let swishSlopes = swishTape.gradients(of: silu(swishInput).sum())[swishInput]!
notebook.check(
  "derivative by automatic differentiation at 49 places", swishSlopes.elements.map { Double($0) },
  equals: bends.map { logistic($0) * (1 + $0 * (1 - logistic($0))) }, tolerance: 1e-6)
notebook.check(
  "the formula, by differences",
  bends.map { x in ((x + 1e-5) * logistic(x + 1e-5) - (x - 1e-5) * logistic(x - 1e-5)) / 2e-5 },
  equals: bends.map { logistic($0) * (1 + $0 * (1 - logistic($0))) }, tolerance: 1e-9)
var (lowEnd, highEnd) = (-2.0, 0.0)
for _ in 0..<60 {
  let middle = (lowEnd + highEnd) / 2
  if middle * (1 - logistic(middle)) < -1 { lowEnd = middle } else { highEnd = middle }
}
notebook.check(
  "place and value of the least", [lowEnd, lowEnd * logistic(lowEnd)],
  equals: [-1.278465, -0.278465], tolerance: 5e-7)
notebook.check(
  "value, against place + 1", lowEnd * logistic(lowEnd), equals: lowEnd + 1, tolerance: 1e-12)

//: ### Attention
//:
//: A convolution reaches three pixels across. *Attention* connects every pixel with all others:
//: each pixel has a query $q_i$, a key $k_i$ and a value $v_i$, and pixel $i$ receives
//: $\sum_j a_{ij} v_j$ with $a_{ij} = \mathrm{softmax}_j(q_i \cdot k_j / \sqrt d)$. The cost grows
//: with the square of the number of pixels, so it is used on the small levels. *Multi-head
//: attention* does this several times side by side, each head with its share of the channels.
//:
//: **Claim 3.17.** The weights of each pixel sum to 1. Two heads are two attentions side by side.
//: If the pixels are permuted, the outputs are permuted and otherwise unchanged: attention does not
//: use the position of a pixel. (The convolutions around it do: at the edges there is the padding.)
//: And its gradient agrees with differences.

func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int = 1) -> Tensor {
  attention(
    query: quiet.constant(q), key: quiet.constant(k), value: quiet.constant(v), heads: heads
  ).value
}
var attentionRandom = root.split(33)
let (q, k, v) = (
  Tensor.normal([1, 16, 8], using: &attentionRandom),
  Tensor.normal([1, 16, 8], using: &attentionRandom),
  Tensor.normal([1, 16, 8], using: &attentionRandom)
)
notebook.check(
  "values of one come out as one",
  Double(attend(q, k, .ones(v.shape)).largestDifference(from: .ones(v.shape))), equals: 0,
  tolerance: 1e-6)
func definition(_ query: Int) -> [Double] {
  let scores = (0..<16).map { j in
    (0..<8).reduce(0.0) { $0 + Double(q[0, query, $1]) * Double(k[0, j, $1]) } / 8.0.squareRoot()
  }
  let weights = scores.map { exp($0) }
  let total = weights.reduce(0, +)
  return (0..<8).map { c in
    (0..<16).reduce(0.0) { $0 + weights[$1] / total * Double(v[0, $1, c]) }
  }
}
notebook.check(
  "pixel 5, by the definition",
  attend(q, k, v).slice(5..<6, along: 1).elements.map { Double($0) }, equals: definition(5),
  tolerance: 1e-5)
let halves = [0..<4, 4..<8].map { range in
  attend(
    q.slice(range, along: 2), k.slice(range, along: 2), v.slice(range, along: 2))
}
notebook.check(
  "two heads, against two attentions",
  Double(attend(q, k, v, heads: 2).largestDifference(from: .concatenated(halves, along: 2))),
  equals: 0, tolerance: 1e-6)
let shuffle = attentionRandom.permutation(16)
func shuffled(_ x: Tensor) -> Tensor { x.reshaped([16, 8]).rows(shuffle).reshaped([1, 16, 8]) }
notebook.check(
  "permuted pixels, against permuted outputs",
  Double(
    attend(shuffled(q), shuffled(k), shuffled(v)).largestDifference(from: shuffled(attend(q, k, v)))
  ), equals: 0, tolerance: 1e-5)
let attentionSlopes = gradientCheck(at: [q, k, v], using: root.split(34)) {
  attention(query: $0[0], key: $0[1], value: $0[2], heads: 2)
}
notebook.check(
  "largest relative error of nine slopes", attentionSlopes.map(\.relativeError).max()!,
  isBelow: 2e-3)

//: ### Conditioning a block on the step: addition or FiLM
//:
//: Our blocks *add* the embedding to the channels. The other way is to compute from it the scale
//: and the shift of the norm that follows, $(1 + \gamma)\,\mathrm{GN}(h) + \delta$ with $\gamma$
//: and $\delta$ functions of the embedding. It is called FiLM, or adaptive group normalization.
//:
//: **Claim 3.18.** With $\gamma = \delta = 0$ it is the plain norm. And addition has a blind spot:
//: the norm that follows takes the mean of each group away again, so a number that is the same for
//: all channels of a group is lost. Only differences within a group remain. FiLM, after the norm,
//: has no such blind spot. (Which of the two trains better is for an experiment, not for algebra:
//: see chapter 6.)

func film(_ h: Tensor, gamma: Tensor, delta: Tensor) -> Tensor {
  normalized(h, groups: 4) * (1 + gamma.reshaped([2, 1, 1, 16])) + delta.reshaped([2, 1, 1, 16])
}
let nothing = Tensor.zeros([2, 16])
notebook.check(
  "FiLM with zeros, against the norm",
  Double(
    film(features, gamma: nothing, delta: nothing).largestDifference(
      from: normalized(features, groups: 4))), equals: 0, tolerance: 0)
let evenBias = Tensor((0..<16).map { Float([0.5, -1, 2, 0.1][$0 / 4]) }, shape: [1, 1, 1, 16])
notebook.check(
  "one number per group, added before the norm: change",
  Double(
    normalized(features + evenBias, groups: 4).largestDifference(
      from: normalized(features, groups: 4))), equals: 0, tolerance: 1e-5)
notebook.check(
  "the same numbers as FiLM's shift: change",
  Double(
    film(features, gamma: nothing, delta: nothing + evenBias.reshaped([1, 16])).largestDifference(
      from: normalized(features, groups: 4))), isAbove: 1.9)

//: ### The number of channels
//:
//: Lower levels have more channels. The DDPM paper gives for each level a multiple of the first
//: width. The code shown in the talk multiplies by the factor again on every level.
//:
//: **Claim 3.19.** Read in the two ways, the same list of factors gives very different networks.
//: For the width 64 and the factors 1, 2, 2, 4 the bottom has 256 channels or 1024, and a
//: convolution there has 0.6 or 9.4 million weights. In both, the channels of pushes and pops
//: match.

let factors = [1, 2, 2, 4]
let base = factors.map { 64 * $0 }
let cumulative = factors.reduce(into: [64]) { $0.append($0.last! * $1) }.dropFirst().map { $0 }
notebook.table(
  "Channels of the levels",
  columns: ["level", "factor", "times the first width", "times the level above"],
  rows: factors.indices.map { [$0 + 1, factors[$0], base[$0], cumulative[$0]] })
/// The bookkeeping of the talk's two loops: what is pushed, and what each block above reads.
func talkSkips(width: Int, blocks: Int) -> (pushed: [Int], popped: [Int]) {
  var pushed = [width]
  var channels = width
  for (level, factor) in factors.enumerated() {
    for _ in 0..<blocks { pushed.append(channels * factor) }
    channels *= factor
    if level < factors.count - 1 { pushed.append(channels) }
  }
  var popped: [Int] = []
  for factor in factors.reversed() {
    popped += (0..<blocks).map { _ in channels } + [channels / factor]
    channels /= factor
  }
  return (pushed, popped)
}
let ofTalk = talkSkips(width: 64, blocks: 2)
notebook.check(
  "channels of the bottom, in the two ways", [base[3], cumulative[3]], isExactly: [256, 1024])
notebook.check(
  "weights of a convolution there, in millions",
  [base[3], cumulative[3]].map { 9 * Double($0 * $0) / 1e6 }, equals: [0.59, 9.44],
  tolerance: 0.005)
notebook.check("the talk's pops", ofTalk.popped, isExactly: ofTalk.pushed.reversed())

//: ## Part III. A model of small images
//:
//: From here on the numbers come out of training. A thousand updates turn the last digits of single
//: precision into visible differences, and processors differ in those digits. So on another machine
//: the numbers in the tables below differ a little; the checked statements do not.

/// Checks a statement about trained networks; its numbers stand in the tables.
func expect(_ statement: String, _ holds: Bool, line: UInt = #line) {
  notebook.check(statement, holds ? "yes" : "no", isExactly: "yes", line: line)
}

//: ### The data
//:
//: Now put the two together. The data are small images, 16 by 16 pixels in gray: ten kinds of white
//: shapes on black, rendered by the course, so that nobody needs a download. (With CIFAR-10 at
//: hand, `--data cifar10` trains the same model on photographs in color. The short training is not
//: enough for these.)

let pictures = notebook.orStop {
  try SmallImages.load(notebook.count(4000, quick: 800), source: options.data)
}
let unseen = notebook.orStop {
  try SmallImages.load(notebook.count(512, quick: 128), source: options.data, part: .test)
}
let pixels = pictures.pictureSize

/// The images of a tensor `[count, channels, 16, 16]`.
func drawn(_ x: Tensor) -> [Picture] {
  (0..<x.shape[0]).map {
    Picture(
      planar: x.slice($0..<$0 + 1).elements, width: SmallImages.size, height: SmallImages.size)
  }
}
notebook.figure(
  "data", ImageGrid(drawn(pictures.tensor(Array(0..<30))), columns: 10, cellWidth: 48),
  formats: [.png],
  caption: "Thirty of the training images: ten kinds, with random place, size and slant.",
  alternative: "A grid of small images of discs, rings, squares, stars, stripes and the like.")

//: ### A reference loss: Gaussian data
//:
//: Training will lower a loss. What is low? A network that outputs 0 has the loss 1. A better
//: reference needs no training: replace the data by a Gaussian with the mean and the covariance of
//: the images, all 256 by 256 numbers of it. Then the best denoiser is a formula again. In the
//: directions of the covariance's eigenvectors the coordinates are independent, each with its
//: eigenvalue $\lambda_i$ as variance, and the least possible loss is
//: $$ \frac{1}{256} \sum_i
//: \frac{\bar\alpha_t \lambda_i}{\bar\alpha_t \lambda_i + 1 - \bar\alpha_t} . $$
//: Second moments alone allow no less. Where a network is below it, it has learned more than second
//: moments: shapes.

let moments = Matrix(pictures.tensor.reshaped([pictures.count, pixels])).meanAndCovariance()
let axes = try moments.covariance.lapackSymmetricEigen()
let spectrum = axes.values.map { max($0, 0) }

func normalFloor(_ t: Int) -> Double {
  spectrum.reduce(0) { sum, value in
    let signal = schedule.alphaBar(t) * value
    return sum + signal / (signal + schedule.noiseVariance(t))
  } / Double(pixels)
}

//: ### Training
//:
//: This is the training loop of chapter 2, with a U-Net in the place of the small network: sample
//: images, steps and noise, add the noise to the images, compare the prediction of the network with
//: the target, follow the gradient. The library provides it as a sequence of updates, so that
//: logging and plotting stay outside.
//:
//: @code Sources/Models/DiffusionModel.swift loss
//:
//: The target is the $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 - \bar\alpha_t}\,x_0$ of chapter
//: 2, from which $\epsilon$ follows. As a loss on $\epsilon$ that is a weight $1/\bar\alpha_t$,
//: which puts more weight on the noisy steps, where shapes are decided, and in a short training
//: that shows. Three customs go with it: the first updates are small (*warmup*), the learning rate
//: ends near zero, and the images are sampled with an *exponential moving average* (EMA) of the
//: weights in the place of the last ones.

let updates = notebook.count(1000, quick: 30)
let model = DiffusionModel<UNet>(.smallImages(channels: pictures.channels), seed: notebook.seed)
let run = model.training(
  on: pictures.tensor, plan: .small(steps: updates, seed: notebook.seed))
let bar = ProgressBar("training", total: updates)  // weave:hide
var losses: [Double] = []
for step in run {
  losses.append(step.loss)
  bar.advance()  // weave:hide
}
bar.finish()  // weave:hide
run.adoptAverages()
notebook.show("training took", seconds: run.seconds)

//: @fold How the figure is plotted

let window = max(1, updates / 40)
let smoothed = losses.indices.map { i in
  let part = losses[max(0, i - window)...i]
  return part.reduce(0, +) / Double(part.count)
}
notebook.figure(
  "loss",
  Plot(x: "update", y: Axis("loss of one batch", scale: .log), size: Size(520, 250))
    .line(
      losses.indices.map { Double($0 + 1) }, losses, label: "one batch", color: .skyBlue, width: 0.6
    )
    .line(losses.indices.map { Double($0 + 1) }, smoothed, label: "running mean", color: .blue),
  caption:
    "The loss during training. Most of the gain comes in the first hundred updates; visible "
    + "shapes come in the long flat part.",
  alternative: "A noisy curve that falls steeply and then slowly.")

//: **Claim 3.20.** On images outside the training set, the network's error of the noise, averaged
//: over all steps, is below that of the network that outputs 0, and below the best that second
//: moments allow.

let watchedSteps = [5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
let errors = model.noiseErrors(
  on: unseen.tensor(Array(0..<unseen.count / 2)), at: watchedSteps, generator: root.split(40))
notebook.table(
  "Mean squared error of the noise, on \(unseen.count / 2) images outside the training set",
  columns: [
    "t", Column("outputs 0", digits: 1), Column("network", digits: 4, volatile: true),
    Column("Gaussian reference", digits: 4),
  ],
  rows: zip(watchedSteps, errors).map { [$0, 1.0, $1, normalFloor($0)] })
let evenSteps = Array(stride(from: 40, through: 1000, by: 40))
let evenErrors = model.noiseErrors(
  on: unseen.tensor(Array(0..<unseen.count / 4)), at: evenSteps, generator: root.split(41))
let meanError = evenErrors.reduce(0, +) / Double(evenSteps.count)
let meanFloor = evenSteps.map(normalFloor).reduce(0, +) / Double(evenSteps.count)
notebook.show("mean over the steps, network", meanError, volatile: true)
notebook.show("mean over the steps, Gaussian reference", meanFloor)
expect("below a network that outputs 0", meanError < 1)
if !notebook.isQuick {  // a quick run trains too little for this
  expect("below the Gaussian reference", meanError < meanFloor)
}

//: Read the table from below. For $t \ge 600$ there is hardly anything but noise in an image, and
//: the Gaussian reference is as good as perfect; the network matches it to a few percent. The gain
//: is at small and middle $t$: where the edges of shapes are visible, second moments are no match.
//:
//: ### Samples
//:
//: The sampler is the one of Part I, on fifty of the thousand steps. Two things are new. Since the
//: images lie in $[-1, 1]$, so must each $\hat x_0$, and the library clips it and recomputes the
//: noise. And image number $i$ has a random stream of its own, so that it is the same in whatever
//: batch it is sampled.

let sampler = Sampler(
  .ancestral(), schedule: schedule, timesteps: schedule.timesteps(50), clip: .images)
let drawnCount = notebook.count(256, quick: 40)
let samples = model.sample(drawnCount, with: sampler, seed: notebook.seed)
notebook.figure(
  "samples", ImageGrid(drawn(samples.slice(0..<40)), columns: 10, cellWidth: 48), formats: [.png],
  caption: "The first forty samples of the model, none left out.",
  alternative: "A grid of generated small images.")

//: @fold How the figure is plotted

let filmCount = 4
let film = { () -> [[Picture]] in
  var streams = RandomStreams(of: root.split(42), count: filmCount)
  let xT = Tensor.zeros(model.shape(filmCount)).normalSamples(using: &streams)
  var rows = (0..<2 * filmCount).map { _ in [Picture]() }
  func keep(_ x: Tensor, in offset: Int) {
    for (i, picture) in drawn(x).enumerated() { rows[2 * i + offset].append(picture) }
  }
  let kept = Set([0, 8, 16, 22, 27, 32, 37, 42, 46, 49])
  for (index, state) in sampler.chain(from: xT, denoiser: model, using: streams).enumerated()
  where kept.contains(index) {
    keep(state.x, in: 0)
    keep(state.x0Estimate, in: 1)
  }
  return rows
}()
notebook.figure(
  "film",
  ImageGrid(
    rows: film,
    rowLabels: (0..<2 * filmCount).map { $0.isMultiple(of: 2) ? "$x_t$" : "$\\hat x_0$" },
    cellWidth: 44), formats: [.png],
  caption:
    "Four images during sampling, from left to right: the state, and below it the network's "
    + "prediction of $x_0$. As in Claim 3.10, predictions start as the mean of everything and "
    + "become definite late.",
  alternative:
    "Rows of images that go from noise to shapes; the rows of predictions go from blur to shapes.")

//: ### Fréchet distance and nearest neighbors
//:
//: Inspection is not measurement. The usual measure compares two sets of images by the mean and
//: covariance of features: their *Fréchet distance* is $\|m_1 - m_2\|^2 + \mathrm{tr}(C_1 + C_2 -
//: 2\,(C_1 C_2)^{1/2})$, the squared 2-Wasserstein distance of Gaussians with these moments. Our
//: features are plain: the coordinates of an image along the first 32 eigenvectors of the data's
//: covariance. (The published FID uses a network's features; its numbers cannot be compared with
//: these.) For finite sets it is never 0. So beside each value stands the distance between two
//: halves of the data.
//:
//: And beside that, a provocation: samples of the Gaussian with the data's mean and covariance, the
//: model behind the reference loss. They resemble fog. What is their distance?

let featureCount = 32
let strongest = spectrum.indices.sorted { spectrum[$0] > spectrum[$1] }.prefix(featureCount)
let projection = Matrix(
  rows: pixels, columns: featureCount,
  (0..<pixels).flatMap { row in strongest.map { axes.vectors[row, $0] } })
func featuresOf(_ x: Tensor) -> Matrix { Matrix(x.reshaped([x.shape[0], pixels])) * projection }
func frechet(_ first: Tensor, _ second: Tensor) throws -> Double {
  try frechetDistance(
    featuresOf(first).meanAndCovariance(), featuresOf(second).meanAndCovariance())
}

let half = unseen.tensor(Array(0..<unseen.count / 2))
let otherHalf = unseen.tensor(Array(unseen.count / 2..<unseen.count))
let fog = { () -> Tensor in
  var random = root.split(43)
  let scaled = Matrix(
    rows: pixels, columns: pixels,
    (0..<pixels).flatMap { row in
      (0..<pixels).map { axes.vectors[row, $0] * spectrum[$0].squareRoot() }
    })
  let draws = Matrix(
    rows: drawnCount, columns: pixels,
    (0..<drawnCount * pixels).map { _ in random.normal() })
  let mean = Tensor(moments.mean.map { Float($0) }, shape: [1, pixels])
  return ((draws * scaled.transposed).tensor + mean).reshaped(model.shape(drawnCount))
}()
let pureNoise = { () -> Tensor in
  var random = root.split(44)
  return .normal(model.shape(drawnCount), using: &random)
}()
let withBetas = model.sample(
  drawnCount,
  with: Sampler(
    .ancestral(variance: .beta), schedule: schedule, timesteps: schedule.timesteps(50),
    clip: .images), seed: notebook.seed)

//: The second measure is the *two-sample nearest-neighbor test*. Mix samples and data, and find out
//: whether the nearest neighbor of an image (by squared difference of pixels) is of its own set. If
//: the two sets cannot be told apart, that happens half of the time, for both. (The two shares must
//: be considered separately. An image of noise is far from every other one, so its neighbor is
//: always from the data, and the mean of the two shares is one half for noise as well.)

func squaredDistances(_ first: Tensor, _ second: Tensor) -> Tensor {
  let (a, b) = (
    first.reshaped([first.shape[0], pixels]), second.reshaped([second.shape[0], pixels])
  )
  let squares = square(a).sum(axes: [1], keepingAxes: true)
  return squares + square(b).sum(axes: [1]).reshaped([1, b.shape[0]])
    - 2 * matmul(a, b, transposingB: true)
}
/// How often the nearest neighbor is of the same set: of a sample a sample, of the data data.
func ownKind(_ samples: Tensor, _ data: Tensor) -> (samples: Estimate, data: Estimate) {
  let both = Tensor.concatenated([samples, data], along: 0)
  let (n, all) = (samples.shape[0], both.shape[0])
  var distances = squaredDistances(both, both)
  for i in 0..<all { distances[i, i] = .infinity }
  let nearest = (0 - distances).indicesOfMaximum()
  return (
    .proportion((0..<n).count { nearest[$0] < n }, of: n),
    .proportion((n..<all).count { nearest[$0] >= n }, of: all - n)
  )
}

let judged: [(name: String, pictures: Tensor)] = [
  ("the other half of the data", otherHalf), ("the model, posterior variance", samples),
  ("the model, variance beta", withBetas), ("fog: Gaussian with the data's moments", fog),
  ("noise", pureNoise),
]
let scores = try judged.map {
  (name: $0.name, frechet: try frechet($0.pictures, half), kind: ownKind($0.pictures, half))
}
notebook.table(
  "Against one half of the images outside the training set (\(half.shape[0]))",
  columns: [
    "set", Column("Fréchet distance", decimals: 1, volatile: true),
    Column("samples next to samples", decimals: 2, volatile: true),
    Column("data next to data", decimals: 2, volatile: true),
  ], rows: scores.map { [$0.name, $0.frechet, $0.kind.samples.mean, $0.kind.data.mean] })

//: The fog is the lesson. It has the right mean and the right covariance, and the Fréchet distance
//: depends on nothing else: it takes fog for data, though no eye would. The neighbors do better:
//: next to fog, the neighbors of data are data. A Fréchet distance is worth as much as its
//: features; a model should never be evaluated by a number that a blur can satisfy.
//:
//: And the model? It is far from noise, and not yet at the data: by either measure it can be told
//: from them, as after a short training one would expect. The choice between the two variances of
//: the sampler makes no difference here: clipping to black and white takes the difference away.

expect("the model's Fréchet distance is below that of noise", scores[1].frechet < scores[4].frechet)
expect("the fog's Fréchet distance is below the model's", scores[3].frechet < scores[1].frechet)
let fogKind = scores[3].kind.data
if !notebook.isQuick {
  expect(
    "by neighbors, fog is not data (4 standard errors)",
    fogKind.mean - 0.5 > 4 * fogKind.standardError)
}

//: Does the model copy? A model that had memorized its training images would do well by both
//: measures. So we find the nearest training image of each sample, and compare its distance with
//: that of the nearest training image of an image outside the training set.

let trainingPictures = pictures.tensor
func nearest(_ x: Tensor) -> [(index: Int, distance: Double)] {
  let distances = squaredDistances(x, trainingPictures)
  return zip((0 - distances).indicesOfMaximum(), 0..<x.shape[0]).map { index, row in
    (index, Double(distances[row, index]) / Double(pixels))
  }
}
let (toSamples, toUnseen) = (nearest(samples), nearest(half))
notebook.table(
  "Mean squared difference from the nearest training image",
  columns: ["of", Column("mean", digits: 3, volatile: true)],
  rows: [
    ["samples", Estimate(of: toSamples.map(\.distance)).mean],
    ["images outside the training set", Estimate(of: toUnseen.map(\.distance)).mean],
  ])
let farther =
  Estimate(of: toSamples.map(\.distance)) - Estimate(of: toUnseen.map(\.distance))
expect(
  "samples are not nearer to training images than other images",
  farther.mean > -4 * farther.standardError)

//: It does not copy; its fault is the opposite one. Its samples lie further from the training
//: images than new ones do. Most fades and stripes are nearly right, though some stripes fork; many
//: of the shapes are a mixture of two kinds. (In chapter 6 the network is conditioned on the kind.)

notebook.figure(
  "nearest",
  ImageGrid(
    rows: [
      drawn(samples.slice(0..<12)), drawn(trainingPictures.rows(toSamples.prefix(12).map(\.index))),
    ], rowLabels: ["sample", "nearest"], cellWidth: 44), formats: [.png],
  caption:
    "Twelve of the samples, and for each the nearest among all training images. For most shapes "
    + "the neighbor has a similar place; for textures pixel distance means little.",
  alternative: "Two rows of small images, the lower similar to the upper.")

//: ### Three generative models compared
//:
//: Diffusion is not the only way to turn noise into data. A *variational autoencoder* (VAE) decodes
//: a random code; in a *generative adversarial network* (GAN) a generator is trained against a
//: critic that is trained to separate its samples from data. The "generative learning trilemma"
//: (Xiao et al., 2022) is that each has two of three virtues: good samples, all of the modes,
//: speed. Here is the smallest experiment that can show it: eight small clusters on a circle, three
//: models of the same kind of network, equally many updates, three seeds each.
//:
//: @fold The three models

/// Measures of samples of the ring: the share within four standard deviations of a cluster, the
/// clusters with at least a quarter of their share, and the energy distance from fresh data.
struct RingScore {
  var inside = 0.0
  var covered = 0.0
  var energy = 0.0
}
let ringUpdates = notebook.count(1000, quick: 40)
let ringData = PlaneSet.eightGaussians.sample(4000, using: root.split(50)).points
let freshRing = PointSet(PlaneSet.eightGaussians.sample(1000, using: root.split(51)).points)
let seeds = [1, 2, 3]
let ringSchedule = NoiseSchedule.linearScaledToLength(steps: 100)

func score(_ samples: PointSet) -> RingScore {
  var counts = [Int](repeating: 0, count: 8)
  var inside = 0
  for (x, y) in zip(samples.column(0), samples.column(1)) {
    let turn = atan2(y, x) / (.pi / 4)
    let cloud = (Int(turn.rounded()) + 8) % 8
    let angle = .pi / 4 * Double(cloud)
    let radius = PlaneSet.eightGaussiansRadius
    let miss = hypot(x - radius * cos(angle), y - radius * sin(angle))
    if miss < 4 * PlaneSet.eightGaussiansDeviation {
      inside += 1
      counts[cloud] += 1
    }
  }
  let total = Double(samples.count)
  return RingScore(
    inside: Double(inside) / total,
    covered: Double(counts.count { Double($0) > total / 32 }),
    energy: Distance.energy(samples, freshRing))
}
func ringNetwork(_ inputs: Int, _ outputs: Int, seed: RandomGenerator) -> MLP {
  MLP(
    .init(inputs: inputs, outputs: outputs, width: 64, layers: 2, timeFeatures: 32), generator: seed
  )
}
func ringBatch(_ random: inout RandomGenerator) -> Tensor {
  ringData.rows((0..<128).map { _ in random.index(below: 4000) })
}
func ringPlan(_ seed: Int) -> TrainingPlan {
  TrainingPlan(length: .steps(ringUpdates), learningRate: 2e-3, weightDecay: 0, seed: UInt64(seed))
}

func ringDiffusion() -> [PointSet] {
  let recipes = seeds.map { seed in
    PointDenoiser.Configuration {
      $0.schedule = ringSchedule
      $0.updates = ringUpdates
      $0.batchSize = 128
      $0.layers = 2
      $0.learningRate = 2e-3
      $0.seed = UInt64(seed)
    }
  }
  let sampler = Sampler(.ancestral(), schedule: ringSchedule)
  return PointDenoiser.trained(on: TrainingPoints(PointSet(ringData)), recipes).map {
    sampler.sample(
      like: PointSet(zeros: 1000, dimensions: 2), denoiser: $0, seed: notebook.seed)
  }
}

func ringAutoencoder(_ seed: Int) -> Tensor {
  let (encoder, decoder) = (
    ringNetwork(2, 4, seed: root.split(70 + seed)), ringNetwork(2, 2, seed: root.split(80 + seed))
  )
  let dataVariance = Float(PlaneSet.eightGaussiansDeviation * PlaneSet.eightGaussiansDeviation)
  let run = TrainingRun(
    encoder.parameters + decoder.parameters, plan: ringPlan(seed)
  ) { tape, _, generator in
    var random = generator
    let x = ringBatch(&random)
    let code = encoder(tape.constant(x), t: [0.0]).split([2, 2], along: 1)
    let z = code[0] + exp(0.5 * code[1]) * Tensor.normal([128, 2], using: &random)
    let rebuilt = decoder(z, t: [0.0])
    let divergence = 0.5 * (square(code[0]) + exp(code[1]) - code[1] - 1).mean()
    return BatchLoss(
      (0.5 / dataVariance) * meanSquaredError(rebuilt, x) + divergence, images: 128)
  }
  for _ in run {}
  run.adoptAverages()
  var random = root.split(90 + seed)
  let means = decoder(Tensor.normal([1000, 2], using: &random), t: [0.0])
  return means + dataVariance.squareRoot() * Tensor.normal([1000, 2], using: &random)
}

func ringAdversary(_ seed: Int) -> Tensor {
  let (generator, critic) = (
    ringNetwork(2, 2, seed: root.split(100 + seed)), ringNetwork(2, 1, seed: root.split(110 + seed))
  )
  let settings = AdamW.Settings(firstMemory: 0.5, weightDecay: 0)
  var generatorRule = AdamW(generator.parameters, settings: settings)
  var criticRule = AdamW(critic.parameters, settings: settings)
  var random = root.split(120 + seed)
  for _ in 0..<ringUpdates {
    let z = Tensor.normal([128, 2], using: &random)
    let tape = Tape()
    let onData = critic(tape.constant(ringBatch(&random)), t: [0.0])
    let onFakes = critic(tape.constant(generator(z, t: [0.0])), t: [0.0])
    let loss = softplus(0 - onData).mean() + softplus(onFakes).mean()
    criticRule.update(tape.gradients(of: loss), learningRate: 5e-4)
    let second = Tape()
    let fooled = softplus(0 - critic(generator(second.constant(z), t: [0.0]), t: [0.0])).mean()
    generatorRule.update(second.gradients(of: fooled), learningRate: 5e-4)
  }
  return generator(Tensor.normal([1000, 2], using: &random), t: [0.0])
}

//: **Claim 3.21.** All three reach all eight clusters with every seed. A sample costs the diffusion
//: model a hundred evaluations of its network where the others need one.

let ringModels: [(name: String, evaluations: Int, samples: () -> [PointSet])] = [
  ("diffusion", ringSchedule.steps, ringDiffusion),
  ("autoencoder", 1, { seeds.map { PointSet(ringAutoencoder($0)) } }),
  ("adversarial", 1, { seeds.map { PointSet(ringAdversary($0)) } }),
]
let rings = ringModels.map { $0.samples() }
let ringScores = rings.map { $0.map(score) }
func spreadText(_ values: [Double]) -> String {
  let statistics = Moments(values)
  return String(format: "%.3f ± %.3f", statistics.mean, statistics.standardDeviation)
}
notebook.table(
  "Eight clusters: mean and standard deviation over three seeds",
  columns: [
    "model", Column("inside a cluster", volatile: true), Column("clusters covered", volatile: true),
    Column("energy distance", volatile: true), "evaluations per sample",
  ],
  rows: ringModels.indices.map { i in
    [
      ringModels[i].name, spreadText(ringScores[i].map(\.inside)),
      ringScores[i].map { String(Int($0.covered)) }.joined(separator: ", "),
      spreadText(ringScores[i].map(\.energy)), ringModels[i].evaluations,
    ]
  })
if !notebook.isQuick {
  for (model, scores) in zip(ringModels, ringScores) {
    expect("\(model.name): all eight", scores.allSatisfy { $0.covered == 8 })
  }
}
let counted = CountedDenoiser(FunctionDenoiser<Tensor> { @Sendable x, _ in x })
_ = Sampler(.ancestral(), schedule: ringSchedule).sample(
  like: .zeros([1, 2]), denoiser: counted, seed: 1)
notebook.check("evaluations for a sample", counted.evaluations, isExactly: 100)

//: @fold How the figure is plotted

notebook.figure(
  "ring",
  Figure(
    columns: 4,
    ([("data", freshRing)] + ringModels.indices.map { (ringModels[$0].name, rings[$0][0]) }).map {
      name, points in
      Plot(
        title: name, x: Axis("", range: -2.2...2.2), y: Axis("", range: -2.2...2.2)
      )
      .scatter(
        points.column(0), points.column(1), color: .blue, radius: 0.9, opacity: 0.4)
    }, panelSize: Size(165, 165)), formats: [.png],
  caption: "A thousand points of the data and of each model (first seed).",
  alternative: "Four scatter plots of eight clusters on a circle.")

//: Inspect the figure before the table: a thousand updates are few, and none of the three has
//: separated the clusters. Two of them sample the whole ring, on which the clusters lie, and the
//: autoencoder fills its inside as well. So the trilemma does not show here: no model has lost a
//: mode, and none samples well yet. The GAN comes near the diffusion model for a hundredth of the
//: cost. More training would show more about quality; only the last column does not depend on it.
//:
//: ## What goes wrong
//:
//: These mistakes are made again and again. We run them on Gaussian data, where the effect of each
//: can be computed exactly. Guess for each whether mean, variance or both will be off.
//:
//: **Claim 3.22.** *Noise in the last step.* With $\sigma_1^2 = \beta_1$ it adds $\beta_1$ to the
//: variance, $10^{-4}$: nothing visible with a thousand steps. On a chain of 20 steps the last one
//: adds 0.005, which on images is visible grain. (With $\tilde\beta_1 = 0$ one is safe by
//: accident.)

func withNoisyEnd(_ data: NormalData) -> (noisy: Double, clean: Double) {
  (
    law(of: .ancestral(variance: .beta, addsFinalNoise: true), for: data).variance,
    law(of: .ancestral(variance: .beta), for: data).variance
  )
}
for steps in [1000, 20] {
  let data = NormalData(schedule: .linearScaledToLength(steps: steps))
  let (noisy, clean) = withNoisyEnd(data)
  notebook.check(
    "variance that noise in the last step adds, T = \(steps)", noisy - clean,
    equals: data.schedule.beta(1),
    tolerance: 1e-14)
}

//: **Claim 3.23.** *The wrong $t$.* A loop that counts from 0 conditions the network on $t - 1$
//: instead of $t$. With a thousand steps mean and variance are off by two tenths of a percent and
//: by one percent, which no one will notice by eye. With 20 steps the mean is off by 13 percent,
//: and the variance is half as much again as it should be.

func lawWithTimeShifted(_ data: NormalData) -> GaussianVariable {
  let exact = GaussianDenoiser<GaussianVariable>(
    mean: data.mean, variance: data.variance, data.schedule)
  return Sampler(.ancestral(variance: .beta), schedule: data.schedule).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: FunctionDenoiser { @Sendable x, t in exact.noise(x, t: max(1, t - 1)) },
    using: RandomStreams(of: root, count: 1))
}
let shiftedLaws = [1000, 20].map { steps in
  let data = NormalData(schedule: .linearScaledToLength(steps: steps))
  return (
    steps: steps, wrong: lawWithTimeShifted(data),
    right: law(of: .ancestral(variance: .beta), for: data)
  )
}
notebook.table(
  "The network conditioned on t - 1",
  columns: ["T", "mean", "variance", "variance with the right t"],
  rows: shiftedLaws.map { [$0.steps, $0.wrong.mean, $0.wrong.variance, $0.right.variance] })

let offByOne = shiftedLaws.map { [$0.wrong.mean, $0.wrong.variance / $0.right.variance] }
notebook.check(
  "T = 1000: mean, and variance over the right one", offByOne[0], equals: [1.0018, 1.012],
  tolerance: 5e-4)
notebook.check(
  "T = 20: mean, and variance over the right one", offByOne[1], equals: [1.13, 1.44],
  tolerance: 0.006)

//: **Claim 3.24.** *Skipping steps with the old $\beta_t$.* To visit only every twentieth step, one
//: must compute $\beta$ anew for the pairs of steps one visits, $1 - \bar\alpha_t / \bar\alpha_s$.
//: With the old $\beta_t$, a skipping sampler removes only a twentieth of the noise that it should,
//: and hardly moves: mean 0.14, variance 0.88.

let visited = schedule.timesteps(50)
let skipping = visited.reversed().reduce(MeanAndVariance()) { law, t in
  data.stepped(law, from: t, addedVariance: t == 1 ? 0 : schedule.beta(t))
}
let respaced = Sampler(.ancestral(variance: .beta), schedule: schedule, timesteps: visited)
  .sample(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: GaussianDenoiser<GaussianVariable>(mean: 1, variance: 0.25, schedule),
    using: RandomStreams(of: root, count: 1))
notebook.table(
  "Fifty of the thousand steps",
  columns: ["", "mean", "variance"],
  rows: [
    ["beta of the full schedule", skipping.mean, skipping.variance],
    ["beta of the steps visited", respaced.mean, respaced.variance], ["data", 1.0, 0.25],
  ])
notebook.check(
  "mean and variance with the old beta", [skipping.mean, skipping.variance],
  equals: [0.138, 0.877], tolerance: 0.002)
notebook.check("error of the mean with the new beta", abs(respaced.mean - 1), isBelow: 1e-4)

//: ## Summary
//:
//: | in the text | in code | what it is |
//: |:--|:--|:--|
//: | $\sigma_t^2$ | `ReverseVariance`: `.posterior`, `.beta`, `.optimal` | variance of the noise that a step adds |
//: | one step | `.ancestral(variance:)`, a `ReverseStep` | Ho et al. (2020), Algorithm 2 |
//: | the chain | `Sampler(…).chain(from:denoiser:using:)` | a sequence of states; `.sample` for its end |
//: | $\hat x_0$ | `state.x0Estimate` | the prediction of $x_0$ at a step |
//: | fewer steps | `schedule.timesteps(50)` | which of the steps to visit; $\beta$ follows |
//: | $\epsilon_\theta$ | `UNet`, `DiffusionModel` | the network, and with it the schedule and the training |
//: | EMA | `run.adoptAverages()` | sample with the exponential moving average of the weights |
//:
//: To remember: the sampler is exact in the limit of many steps, with an error of first order in
//: their number; which of the two usual variances is better depends on the data, and the right one
//: lies between them on average; most mistakes in the sampler show in the variance, fewer in the
//: mean; and the network is a stack of parts each of which can be checked alone.
//:
//: ## Exercises
//:
//: The numbers in brackets are those of "Foundations of Generative Models". Its exercise to train a
//: model of small images (4.15.3c) is Part III.
//:
//: **Exercise 1** (4.15.5). Sample with $\sigma_t^2 = \kappa\,\tilde\beta_t$ for several $\kappa$,
//: on data of known distribution. What does too much or too little noise do? For which $\kappa$ is
//: the variance right?
//:
//: <details><summary>Answer</summary>
//:
//: **Claim 3.25.** The final variance is linear in $\kappa$, because each step's noise enters the
//: final variance with a fixed factor. At $\kappa = 0$ next to nothing is left, since every step
//: pulls towards the mean and nothing pushes back. With two values of $\kappa$ the right one
//: follows: 1.016 for a thousand steps, more for fewer.

func sampledVariance(_ kappa: Double, _ data: NormalData) -> Double {
  data.sampled { kappa * data.schedule.posteriorVariance($0) }.variance
}
let kappas = [0.0, 0.5, 1, 1.5, 2]
let byKappa = kappas.map { sampledVariance($0, data) }
notebook.table(
  columns: ["kappa", Column("variance of the samples", digits: 5)],
  rows: zip(kappas, byKappa).map { [$0, $1] })
notebook.check(
  "variance at kappa = 2, from those at 0 and 1", byKappa[4], equals: 2 * byKappa[2] - byKappa[0],
  tolerance: 1e-12)
func rightKappa(_ data: NormalData) -> Double {
  let (none, all) = (sampledVariance(0, data), sampledVariance(1, data))
  return (data.variance - none) / (all - none)
}
let kappaOf1000 = rightKappa(data)
notebook.show("the right kappa, T = 1000", kappaOf1000)
notebook.show("the right kappa, T = 50", rightKappa(fifty))
notebook.check(
  "variance with the right kappa, T = 1000", sampledVariance(kappaOf1000, data), equals: 0.25,
  tolerance: 1e-12)
notebook.check("the right kappa, T = 1000", kappaOf1000, equals: 1.016, tolerance: 5e-4)

//: </details>
//:
//: **Exercise 2** (7.11.8). Sample the image model with and without clipping $\hat x_0$ to
//: $[-1, 1]$. What changes, and at which steps?
//:
//: <details><summary>Answer</summary>
//:
//: If a network predicts the noise, an error of it at large $t$ is multiplied by
//: $\sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$ in $\hat x_0$, and the estimates of the first steps
//: are far off. Ours predicts $v$, $\hat x_0 = \sqrt{\bar\alpha_t}\,x_t - \sqrt{1 -
//: \bar\alpha_t}\,v$, and its errors do not grow. Clipping matters only at the end: white is
//: exactly 1, and it is easy to overshoot.

let unclipped = Sampler(
  .ancestral(), schedule: schedule, timesteps: schedule.timesteps(50))
let (withClip, withoutClip) = (drawnEstimates(sampler), drawnEstimates(unclipped))
notebook.table(
  "Share of numbers of $\\hat x_0$ outside $[-1.02, 1.02]$, without clipping",
  columns: ["t", Column("share", decimals: 3, volatile: true)],
  rows: withoutClip.shares.filter { [47, 40, 30, 20, 10, 5, 2, 0].contains($0.left) }.map {
    [$0.t, $0.share]
  })

/// The end of a chain of 64 images, and how many estimates left the range at each step.
func drawnEstimates(_ sampler: Sampler) -> (
  end: Tensor, shares: [(left: Int, t: Int, share: Double)]
) {
  var streams = RandomStreams(of: root.split(130), count: 64)
  let xT = Tensor.zeros(model.shape(64)).normalSamples(using: &streams)
  var shares: [(left: Int, t: Int, share: Double)] = []
  var end = xT
  for state in sampler.chain(from: xT, denoiser: model, using: streams) {
    let outside = state.x0Estimate.elements.count { abs($0) > 1.02 }
    shares.append(
      (49 - shares.count, state.t, Double(outside) / Double(state.x0Estimate.count)))
    end = state.x
  }
  return (end, shares)
}
notebook.show(
  "largest number in an image, without clipping", Double(withoutClip.end.max()), digits: 3,
  volatile: true)

//: **Claim 3.26.** At $t = 939$ an error of 0.01 in the noise is an error of 0.87 in $\hat x_0$,
//: and an error of 0.01 in $v$ one of 0.01. So, without clipping, more estimates are outside the
//: range in the last step than in the first.

let (early, atEarly) = (939, 0.3)
func x0Error(_ prediction: Prediction) -> Double {
  let said = diffusion.convert(0.2, from: .x0, to: prediction, xt: atEarly, t: early)
  return abs(
    diffusion.convert(said + 0.01, from: prediction, to: .x0, xt: atEarly, t: early) - 0.2)
}
notebook.check(
  "error of x(0) for an error of 0.01 in the noise", x0Error(.noise),
  equals: 0.01 * schedule.sigmaVE(early), relativeTolerance: 1e-10)
notebook.check(
  "for an error of 0.01 in v", x0Error(.v),
  equals: 0.01 * schedule.noiseScale(early), relativeTolerance: 1e-10)
expect(
  "more outside in the last step than in the first",
  withoutClip.shares.last!.share > withoutClip.shares.first!.share)
expect(
  "none outside with clipping", withClip.shares.allSatisfy { $0.share == 0 })

//: </details>
//:
//: **Exercise 3** (4.15.4b). Does the schedule matter for training? Train one small network on the
//: mixture with the linear and with the cosine schedule, and compare the samples by their distance
//: from the exact distribution.
//:
//: <details><summary>Answer</summary>
//:
//: **Claim 3.27.** Three seeds each, everything else alike, a hundred steps. The check requires
//: only that every model has learned something: its distance is below that of the standard normal
//: distribution, from which the sampler starts. The comparison is in the table.

let contest = [NoiseSchedule.linearScaledToLength(steps: 100), .cosine(steps: 100)].map {
  schedule in
  let recipes = seeds.map { seed in
    PointDenoiser.Configuration {
      $0.schedule = schedule
      $0.updates = ringUpdates
      $0.batchSize = 128
      $0.layers = 2
      $0.seed = UInt64(seed)
    }
  }
  let sampler = Sampler(.ancestral(), schedule: schedule, clip: Clip(-3...3))
  let distances = PointDenoiser.trained(on: TrainingPoints(mixture, count: 20_000), recipes).map {
    Distance.wasserstein1(
      sampler.sample(like: PointSet(zeros: 2000), denoiser: $0, seed: notebook.seed).values,
      quantile: mixture.quantile)
  }
  return (name: schedule.name, distances: distances)
}
notebook.table(
  "Distance of 2000 samples from the mixture, three seeds",
  columns: [
    "schedule", Column("mean", digits: 3, volatile: true),
    Column("standard deviation", digits: 2, volatile: true),
  ],
  rows: contest.map {
    let statistics = Moments($0.distances)
    return [$0.name, statistics.mean, statistics.standardDeviation]
  })
let ofStart = Distance.wasserstein1(
  quantiles.indices.map { StandardNormal.quantile((Double($0) + 0.5) / Double(count)) }, quantiles)
notebook.show("distance of the standard normal distribution", ofStart)
if !notebook.isQuick {
  expect(
    "all six are below it", contest.flatMap(\.distances).allSatisfy { $0 < ofStart })
}

//: The comparison holds for this data, this length of chain and this much training.
//:
//: </details>
//:
//: ## Sources
//:
//: The sampler and its two variances: Ho, Jain and Abbeel (2020). The right variance: Bao, Li, Zhu
//: and Zhang, "Analytic-DPM" (2022). The U-Net: Ronneberger, Fischer and Brox (2015); its parts as
//: in the program of the DDPM paper; group normalization, Wu and He (2018). Checkerboard patterns:
//: Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts" (2016). The trilemma: Xiao,
//: Kreis and Vahdat, "Tackling the generative learning trilemma with denoising diffusion GANs"
//: (2022). Errata are from S. Chatterjee, "Foundations of Generative Models"; a talk on DDPM, DDIM,
//: U-Net and latent diffusion; and the slides "Deep Learning, 21. Diffusion Models" of IIT
//: Hyderabad.
//:
//: ## Next
//:
//: A thousand steps are many, and noise in each step is not the only way to sample. Chapter 4 keeps
//: the network as it is and takes the noise out of the sampler.

notebook.finish()  // weave:hide
