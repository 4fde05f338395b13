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
import Evaluation  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Learning  // weave:hide
import KnownMistakes  // weave:hide
import Models  // weave:hide
import Networks  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide
import SyntheticData  // weave:hide
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

/// The mean and the variance of a Gaussian distribution.
typealias MeanAndVariance = (mean: Double, variance: Double)

/// Gaussian data, and a noise schedule.
struct GaussianData {
  var mean = 1.0
  var variance = 0.25
  var schedule = NoiseSchedule.linear()

  /// V(t), the variance of x(t).
  func variance(at t: Int) -> Double {
    schedule.alphaBar(t) * variance + schedule.noiseVariance(t)
  }

  /// The distribution after one reverse step.
  func stepped(_ x: MeanAndVariance, from t: Int, addedVariance: Double) -> MeanAndVariance {
    let ratio = schedule.beta(t) / variance(at: t)
    let scale = 1 / schedule.alpha(t).squareRoot()
    let (a, b) = (scale * (1 - ratio), scale * ratio * schedule.signalScale(t) * mean)
    return (a * x.mean + b, a * a * x.variance + addedVariance)
  }
}

//: A chain is a list of steps, from $t = T$ down to 1 by default. The last one adds no noise.

extension GaussianData {
  /// The distributions along a chain from N(0, 1), given the variance that each step adds.
  func chain(_ steps: [Int]? = nil, addedVariance: (Int) -> Double) -> [MeanAndVariance] {
    (steps ?? (1...schedule.steps).reversed()).reduce(into: [(0, 1)]) { states, t in
      let added = t == 1 ? 0 : addedVariance(t)
      states.append(stepped(states.last!, from: t, addedVariance: added))
    }
  }

  /// The distribution at the end of the whole chain.
  func sampled(addedVariance: (Int) -> Double) -> MeanAndVariance {
    chain(addedVariance: addedVariance).last!
  }
}

let data = GaussianData()
let schedule = data.schedule
let diffusion = GaussianDiffusion(schedule)

extension Double {
  var squared: Double { self * self }
}

//: The library's sampler can be run on a random variable in place of a number (the
//: `GaussianVariable` of chapter 0), and then returns the distribution that it samples. That is a
//: second route to the same two numbers, through the very code that will generate images.

/// The distribution of the samples of the library's sampler from N(0, 1), for Gaussian data.
func distribution(of rule: some ReverseStep, for data: GaussianData) -> GaussianVariable {
  Sampler(rule, schedule: data.schedule).distribution(
    ofGaussianData: data.mean, variance: data.variance, schedule: data.schedule)
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
let samplerWithPosterior = distribution(of: .ancestral(), for: data)
let samplerWithBeta = distribution(of: .ancestral(variance: .beta), for: data)
notebook.check(
  "mean and the two variances, by the recursion and by the sampler",
  [withPosterior.mean, withPosterior.variance, withBeta.variance],
  equals: [samplerWithPosterior.mean, samplerWithPosterior.variance, samplerWithBeta.variance],
  tolerance: 1e-12)
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

/// Samples the mixture with its exact denoiser: the start, and the states at the steps to keep.
func mixtureChains(
  _ count: Int, stream: Int, keeping: (Int) -> Bool
) -> (start: PointSet, states: [ReverseState<PointSet>]) {
  var streams = notebook.streams(count, stream: stream)
  let xT = PointSet(zeros: count).normalSamples(using: &streams)
  let chain = Sampler(.ancestral(), schedule: schedule).chain(
    from: xT, denoiser: denoiser, using: streams)
  return (xT, chain.filter { keeping($0.t) })
}

//: We keep the states at eleven steps, and the steps after them, whose records contain the
//: predictions of $x_0$ made from these states.

let watched = [1000, 700, 500, 350, 250, 150, 100, 50, 20, 1, 0]
let (start, states) = mixtureChains(count, stream: 1) {
  watched.contains($0) || watched.contains($0 + 1)
}
func x(_ t: Int) -> [Double] { (t == 1000 ? start : states.first { $0.t == t }!.x).values }

let quantiles = (0..<count).map { mixture.quantile((Double($0) + 0.5) / Double(count)) }
let independent = Moments(
  (0..<16).map { set in
    var streams = RandomStreams(of: notebook.random(2).split(set), count: count)
    return Distance.wasserstein1(mixture.samples(using: &streams).points.values, quantiles)
  })
notebook.show("distance of independent samples: mean of 16", independent.mean)
notebook.show("and their standard deviation", independent.standardDeviation)
notebook.check(
  "distance of the sampler's samples: at most the mean + 4 standard deviations",
  Distance.wasserstein1(x(0), quantiles),
  isAtMost: independent.mean + 4 * independent.standardDeviation)

//: @fold How the figure is plotted

let pathSteps = stride(from: 1000.0, through: 0, by: -5)
let paths = mixtureChains(14, stream: 3) { $0.isMultiple(of: 5) }
let pathPlot = Plot(
  x: Axis("step $t$", range: 0...1000), y: Axis("$x_t$", range: -3...3), size: Size(470, 260)
)
.heatMap(
  Field(x: 0...1000, y: -3...3, columns: 250, rows: 150) { t, x in
    min(1.2, mixture.noisyMarginal(schedule, to: Int(t.rounded())).marginal.density(x))
  }, .density, label: "density of $x_t$"
)
.adding(0..<14) { plot, path in
  plot.line(
    Array(pathSteps), ([paths.start] + paths.states.map(\.x)).map { $0.values[path] },
    color: .vermilion, width: 0.7)
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
  func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    let step = context.transition
    let scale = 1 / step.alpha.squareRoot()
    let mean = D.Value.sum((scale, context.xt), (-scale * step.beta.squareRoot(), context.noise))
    if step.s == 0 { return mean }
    let z = context.xt.normalSamples(using: &streams)
    return .sum((1, mean), (step.posteriorVariance.squareRoot(), z))
  }
}
notebook.erratum(
  "E-B10", source: "Foundations of Generative Models, Algorithms 2 and 16",
  "variance of the samples", printed: distribution(of: WithoutTheBar(), for: data).variance,
  right: withPosterior.variance, secondRoute: samplerWithPosterior.variance, tolerance: 1e-12,
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
let startPoints = PointSet((0..<500).map { mixture.quantile((Double($0) + 0.5) / 500) })
func chainEnds(_ rule: some ReverseStep) -> [Double] {
  Sampler(rule, schedule: schedule).sample(
    from: startPoints, denoiser: denoiser, using: notebook.streams(500, stream: 4)
  ).values
}
notebook.check(
  "500 samples from one stream of noise", chainEnds(.ancestral()),
  equals: chainEnds(.ddim(eta: 1)), tolerance: 1e-9)

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
  "a point: true variance, at all t", everyStep.map { reverseVariance($0, x0Variance: 0) },
  equals: everyStep.map(schedule.posteriorVariance), tolerance: 0)
//:
//: For the mixture:

let ratios = [2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 400, 600, 800, 1000].map { t in
  let x0Variance = mixture.noisyMarginal(schedule, to: t).x0LossFloor
  return (
    t: t, point: schedule.posteriorVariance(t) / schedule.beta(t),
    mixture: reverseVariance(t, x0Variance: x0Variance) / schedule.beta(t)
  )
}
notebook.table(
  "Variance of the reverse step relative to $\\beta_t$",
  of: ratios.filter { [2, 5, 20, 80, 200, 400, 1000].contains($0.t) },
  columns: [
    "t": { $0.t }, Column("one point", digits: 6): { $0.point },
    Column("mixture", digits: 6): { $0.mixture }, "N(0, 1)": { _ in 1 },
  ])
notebook.check(
  "mixture: least distance above the posterior variance, over beta",
  ratios.map { $0.mixture - $0.point }.min()!, isAbove: 0)
notebook.check(
  "mixture: least distance below beta, over beta, t up to 400",
  ratios.filter { $0.t <= 400 }.map { 1 - $0.mixture }.min()!, isAbove: 0)

//: The second route:

let (tHere, xHere) = (300, 0.4)
let before = mixture.noisyMarginal(schedule, to: tHere - 1).marginal
func reverseDensity(_ x: Double) -> Double {
  let forward = xHere - schedule.alpha(tHere).squareRoot() * x
  return before.density(x) * exp(-forward.squared / (2 * schedule.beta(tHere)))
}
let reverseMoments = (0...2).map { power in
  Quadrature.integrate(from: -1, to: 2) { reverseDensity($0) * pow($0, Double(power)) }
}
let reverseMean = reverseMoments[1] / reverseMoments[0]
notebook.check(
  "mixture: variance of x(299) given x(300) = 0.4, by Bayes' rule",
  reverseMoments[2] / reverseMoments[0] - reverseMean.squared,
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
  printed: distribution(of: .ancestral(variance: rootTooShort), for: data).variance,
  right: withPosterior.variance, secondRoute: samplerWithPosterior.variance, tolerance: 1e-12,
  apart: 0.2)

//: **Claim 3.4.** For Gaussian data the variance of Claim 3.3 does not depend on $x_t$, and the
//: step with that variance *is* $q(x_{t-1} \mid x_t)$. So the chain is exact, for ten steps as for
//: a thousand: only the error of its start is left, $\mathcal N(0, 1)$ where $x_T$ should have the
//: variance $V_T$, times the square of the share of the start that the chain keeps,
//: $G = \sqrt{\bar\alpha_T}\,s^2 / V_T$. (Noise is added in the last step too: for a distribution,
//: unlike for an image, that is right.)

func exactDistribution(for data: GaussianData) -> GaussianVariable {
  let exact = GaussianDenoiser<Double>(mean: data.mean, variance: data.variance, data.schedule)
  let variance = ReverseVariance.optimal { @Sendable in exact.x0Variance($0) }
  return distribution(of: .ancestral(variance: variance, addsFinalNoise: true), for: data)
}
let lengths = [10, 20, 50, 100, 200, 500, 1000]
let byLength = lengths.map { steps in
  let data = GaussianData(schedule: .linearScaledToLength(steps: steps))
  return (
    data: data, posterior: distribution(of: .ancestral(), for: data).variance,
    beta: distribution(of: .ancestral(variance: .beta), for: data).variance,
    optimal: exactDistribution(for: data).variance
  )
}
notebook.table(
  "Variance of the samples where the data have 0.25, by the number of steps", of: byLength,
  columns: [
    "T": { $0.data.schedule.steps }, Column("posterior variance", digits: 4): { $0.posterior },
    Column("beta", digits: 4): { $0.beta }, Column("the right variance", digits: 6): { $0.optimal },
  ])
notebook.check(
  "the right variance, for all lengths", byLength.map(\.optimal),
  equals: byLength.map { data, _, _, _ in
    let last = data.variance(at: data.schedule.steps)
    let kept = data.schedule.signalScale(data.schedule.steps) * data.variance / last
    return data.variance + kept.squared * (1 - last)
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

let (of500, of1000) = (byLength[5], byLength[6])
notebook.check(
  "order with the posterior variance and with beta",
  [
    log2(abs(of500.posterior - 0.25) / abs(of1000.posterior - 0.25)),
    log2(abs(of500.beta - 0.25) / abs(of1000.beta - 0.25)),
  ], equals: [1, 1], tolerance: 0.07)

//: @fold How the figure is plotted

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

let fifty = byLength[2].data
notebook.erratum(
  "E-B40", source: "Foundations of Generative Models, sections 8.2.1 to 8.2.4",
  "variance of the samples, T = 50", printed: 0.25, right: byLength[2].posterior,
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

let ends = [0.002, 0.005, 0.01, 0.02].map { GaussianData(schedule: .linear(to: $0)) }
notebook.check(
  "ancestral: error of the mean, four schedules",
  ends.map { 1 - distribution(of: .ancestral(), for: $0).mean },
  equals: ends.map { $0.schedule.alphaBar(1000) * $0.variance / $0.variance(at: 1000) },
  tolerance: 1e-12)
notebook.check(
  "deterministic: error of the mean, four schedules",
  ends.map { 1 - distribution(of: .ddim(), for: $0).mean },
  equals: ends.map { end in
    end.schedule.signalScale(1000) * (end.variance / end.variance(at: 1000)).squareRoot()
  }, relativeTolerance: 0.02)

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

let ascendingStates = data.chain(everyStep) { $0 <= 2 ? 0 : schedule.beta($0) }
let ascending = ascendingStates.last!
notebook.check(
  "mean and variance of the ascending loop", [ascending.mean, ascending.variance],
  equals: [0.0643, 0.9994], tolerance: 5e-5)

//: **Erratum E-S1g.** The sampling code of the same talk runs `for i in range(noise_steps)`,
//: upwards, adds noise only `if i > 1`, which spares two steps instead of one, never sets `t`, and
//: has no index on $\alpha$ and $\beta$. With `t = i + 1` filled in, on our data:

notebook.erratum(
  "E-S1g", source: "DDPM talk, sampling code", "variance of the samples",
  printed: ascending.variance, right: withBeta.variance, secondRoute: samplerWithBeta.variance,
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
    "gap at t = \(t)", Distance.kolmogorov(x(t), cdf: marginal.cdf),
    isBelow: 1.95 / Double(count).squareRoot())
}
//:
//: The recursion:

let alongPosterior = data.chain(addedVariance: schedule.posteriorVariance)
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
      .histogram(x(t), bins: 80, range: -3...3, label: "chains")
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
let predictions = stages.map { t in
  let q = mixture.noisyMarginal(schedule, to: t)
  let mean = q.marginal.expectation(q.x0Mean)
  let meanSquare = q.marginal.expectation { q.x0Mean($0).squared }
  return (mean: mean, variance: meanSquare - mean.squared, posteriorVariance: q.x0LossFloor)
}
notebook.check(
  "average prediction of x0 at ten steps", predictions.map(\.mean),
  equals: stages.map { _ in mixture.mean }, tolerance: 1e-10)
notebook.check(
  "variance of the prediction + mean posterior variance",
  predictions.map { $0.variance + $0.posteriorVariance },
  equals: stages.map { _ in mixture.variance }, tolerance: 1e-10)
notebook.check("variance of the prediction as t falls", increases: predictions.map(\.variance))
for t in [700, 350, 150, 20] {
  notebook.check(
    "average prediction of the chains at t = \(t)",
    Estimate(of: states.first { $0.t == t - 1 }!.x0Estimate.values), equals: mixture.mean)
}

//: @fold How the figure is plotted

notebook.figure(
  "predictions",
  Plot(
    x: Axis("step $t$", range: 0...1000), y: Axis("$\\hat x_0$", range: -2.2...2.2),
    size: Size(470, 240)
  )
  .adding(0..<14) { plot, path in
    let line = paths.states.map { $0.x0Estimate.values[path] }
    let color: Color = line.last! < -0.5 ? .blue : line.last! < 0.7 ? .green : .vermilion
    return plot.line(Array(pathSteps.dropFirst()), line, color: color, width: 0.9)
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
  // From the variance of pure noise at level 1.
  return (1...steps).reversed().reduce(1) { variance, t in
    let gain = dataVariance / (dataVariance + sigma[t].squared)
    return gain.squared * variance + sigma[t - 1].squared
  }
}
notebook.table(
  "Variance of the samples when the prediction is re-noised", of: [1, 10, 100, 1000, 10_000],
  columns: [
    "steps": { $0 },
    Column("data of variance 1.0", digits: 5): { renoised(steps: $0, dataVariance: 1) },
    Column("data of variance 0.25", digits: 5): { renoised(steps: $0, dataVariance: 0.25) },
  ])
notebook.check(
  "10000 steps: variance over that of the data, for data of variance 1 and 0.25",
  [1, 0.25].map { renoised(steps: 10_000, dataVariance: $0) / $0 }, equals: [0.5, 0.5],
  tolerance: 0.002)
let renoisingStep = DDIMStep { @Sendable in $0.previousNoiseVariance.squareRoot() }
notebook.check(
  "the same with the schedule of this chapter, 1000 steps",
  distribution(of: renoisingStep, for: data).variance / data.variance, equals: 0.5,
  tolerance: 0.011)

//: (The tolerances are first-order errors again: the table shows them fall with the number of
//: steps.)
//:
//: **Erratum E-S4a.** The slides "Deep Learning, 21. Diffusion Models" of IIT Hyderabad print this
//: sampler as Algorithm 2, with the noise level called $\alpha_t$, after the derivation of the
//: right one. Here it is with the levels $t/T$, a thousand steps, on data of variance 1:

let unitData = GaussianData(mean: 0, variance: 1)
notebook.erratum(
  "E-S4a", source: "IIT Hyderabad, Deep Learning 21, Algorithms 1 and 2", "variance of the samples",
  printed: renoised(steps: 1000, dataVariance: 1),
  right: unitData.sampled(addedVariance: schedule.beta).variance,
  secondRoute: distribution(of: .ancestral(variance: .beta), for: unitData).variance,
  tolerance: 1e-12, apart: 0.4)

//: Here they are side by side, the sampler and the printed mistakes, computed exactly from the
//: first step to the last.
//:
//: @fold How the figure is plotted

/// Standard deviations along the library's chain, one per step.
func standardDeviations(_ rule: some ReverseStep) -> [Double] {
  let chain = Sampler(rule, schedule: schedule).chain(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: GaussianDenoiser<GaussianVariable>(mean: 1, variance: 0.25, schedule),
    using: notebook.streams(1, stream: 0))
  return [1] + chain.map(\.x.standardDeviation)
}
let curves = [
  ("right", standardDeviations(.ancestral())),
  ("upwards (E-S1g)", ascendingStates.map { $0.variance.squareRoot() }),
  ("re-noised (E-S4a)", standardDeviations(renoisingStep)),
  ("no bar (E-B10)", standardDeviations(WithoutTheBar())),
  ("short root (E-B14)", standardDeviations(.ancestral(variance: rootTooShort))),
]
let stepsTaken = (0...1000).map { Double($0) }
notebook.figure(
  "mistakes",
  Plot(
    x: "steps taken", y: Axis("standard deviation", range: 0...1.05), size: Size(520, 330)
  )
  .lines(curves, x: stepsTaken, label: \.0) { $0.1 }
  .line(
    stepsTaken, (0...1000).map { data.variance(at: 1000 - $0).squareRoot() },
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

  private func point(_ x: Double, _ level: Int, _ below: Double = 0) -> Point {
    Point(x, 62 + 76 * Double(level) + below)
  }

  private func box(_ x: Double, _ level: Int, _ color: Color, _ text: String, on canvas: Canvas) {
    let (center, height) = (point(x, level), 46.0 - 11 * Double(level))
    let place = Rectangle(x: x - 33, y: center.y - height / 2, width: 66, height: height)
    canvas.fill(.rectangle(place, radius: 4), color.mixed(with: .white, 0.72))
    canvas.stroke(.rectangle(place, radius: 4), color, width: 1)
    canvas.text(text, at: center, anchor: .center, size: 10)
  }

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    canvas.translated(to: Point(rectangle.x, rectangle.y)) { drawLevels(on: canvas) }
  }

  private func drawLevels(on canvas: Canvas) {
    for (level, x) in [[60.0, 140, 480, 560], [165, 235, 385, 455]].enumerated() {
      canvas.arrow(from: point(x[1] + 36, level), to: point(x[2] - 36, level), .orange, width: 1.6)
      canvas.text("skips", at: point(310, level, -8), anchor: .baseline, color: .orange, size: 10)
      canvas.arrow(from: point(x[0] + 35, level), to: point(x[1] - 35, level))
      canvas.arrow(from: point(x[2] + 35, level), to: point(x[3] - 35, level))
      let ends = level == 0 ? ("conv", "norm, conv") : ("blocks", "blocks")
      for (x, text) in zip(x, [ends.0, "blocks", "blocks", ends.1]) {
        box(x, level, x < 310 ? .blue : .green, text, on: canvas)
      }
    }
    box(310, 2, .purple, "middle", on: canvas)
    for (text, place) in [
      ("16×16, 32 channels", point(100, 0, -30)), ("8×8, 32 channels", point(265, 1, -30)),
      ("4×4, 64 channels", point(310, 2, 28)),
    ] {
      canvas.text(text, at: place, anchor: .baseline, color: .axis, size: 10)
    }
    for (start, end) in [
      (point(142, 0, 25), point(164, 1, -20)), (point(240, 1, 20), point(290, 2, -14)),
      (point(330, 2, -14), point(380, 1, 20)), (point(456, 1, -20), point(478, 0, 25)),
    ] {
      canvas.arrow(from: start, to: end, .vermilion)
    }
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
      groups: 4), generator: notebook.random(19))
  let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
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

//: Five sizes of network:

for (levels, blocks) in [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2)] {
  let (pushed, popped) = skips(levels: levels, blocks: blocks)
  notebook.check(
    "pushes, R = \(levels), N = \(blocks)", pushed.count, isExactly: levels * (blocks + 1))
  notebook.check(
    "channels popped, R = \(levels), N = \(blocks)", popped, isExactly: pushed.reversed())
}

//: And the shapes of the outputs:

let trial = UNet(
  .init(
    inputChannels: 3, outputChannels: 3, channels: [8, 16], attention: [false, true], headWidth: 8,
    groups: 4), generator: notebook.random(20))
let trialImages = [8, 16].map { side -> Tensor in
  var random = notebook.random(21)
  return .normal([2, 3, side, side + 4], using: &random)
}
notebook.check(
  "shapes of the output", trialImages.map { trial($0, t: [300, 7]).shape },
  isExactly: trialImages.map(\.shape))

//: A network is trained along its gradient, so a wrong gradient is the worst of bugs: training
//: still works, a little. The remedy is to compute a directional derivative twice. Weight the
//: outputs at random and add them up; move *all* weights of the network along one random direction;
//: and compare the derivative by automatic differentiation with differences of values. No error in
//: any part of the network can hide, except by a coincidence. The scale to compare with is the
//: length of the gradient, which is the size that such derivatives have; single precision leaves
//: about four digits.

/// The derivative of a weighted sum of the network's output along a random direction of weights,
/// by automatic differentiation and by differences of fourth order, over the gradient's length.
func derivatives(
  _ network: UNet, _ x: Tensor, stream: Int, steps: [Double]
) -> (tape: Double, differences: [Double]) {
  var random = notebook.random(stream)
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
  let differences = steps.map { derivative(at: 0, step: $0, value) / scale }
  _ = value(0)
  let along = zip(network.parameters, direction).reduce(0.0) { sum, pair in
    sum + (gradients[pair.0]?.dot(pair.1) ?? 0)
  }
  return (along / scale, differences)
}

//: Three directions, and six steps $h$ of the differences:

let differenceSteps = [4e-3, 2e-3, 1e-3, 5e-4, 2.5e-4, 1.2e-4]
let directions = (0..<3).map {
  derivatives(trial, trialImages[0], stream: 22 + $0, steps: differenceSteps)
}
notebook.table(
  "Derivative along three random directions: exact less differences, by the step $h$",
  columns: ["h"] + (1...3).map { Column("direction \($0)", digits: 2, volatile: true) },
  rows: differenceSteps.indices.map { i in
    row(differenceSteps[i], directions.map { $0.tape - $0.differences[i] })
  })
notebook.check(
  "derivatives along three directions of all weights, h = 0.0005", directions.map(\.tape),
  equals: directions.map { $0.differences[3] }, tolerance: 5e-4)

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

var blockRandom = notebook.random(26)
let features = Tensor.normal([2, 8, 8, 16], using: &blockRandom)
let timeBias = Tensor.normal([2, 16], using: &blockRandom)
let values = Tape(recording: false)
let convolution = Convolution(16, 16, in: ParameterScope(notebook.random(27)))
let withStep = convolution(values.constant(features), channelBias: values.constant(timeBias)).value
let withoutStep = convolution(values.constant(features)).value
notebook.check(
  "what the embedding adds, at all pixels", (withStep - withoutStep).elements,
  equals: timeBias.reshaped([2, 1, 1, 16]).broadcast(to: [2, 8, 8, 16]).elements,
  tolerance: 1e-5)
let newBlock = ResidualBlock(
  16, 16, embeddingChannels: 32, groups: 4, epsilon: 1e-5, startsAtZero: true,
  in: ParameterScope(notebook.random(28)))
let someEmbedding = Tensor.normal([2, 32], using: &blockRandom)
notebook.check(
  "a new block: output and input",
  newBlock(values.constant(features), values.constant(someEmbedding)).value.elements,
  equals: features.elements, tolerance: 0)

//: The same for the network that will be trained, at its start:

let fresh = DiffusionModel<UNet>(.smallImages(), seed: notebook.seed)
let noiseImages = Tensor.normal(fresh.shape(16), using: &blockRandom)
let freshTape = Tape()
let freshOutput = fresh.network(freshTape.constant(noiseImages), t: [500])
let freshLoss = meanSquaredError(freshOutput, noiseImages)
notebook.show("weights of the network", fresh.network.parameterCount)
notebook.check(
  "a new network: length of its output", freshOutput.value.norm(), equals: 0, tolerance: 0)
notebook.check(
  "its loss, against the mean square of the noise", Double(freshLoss.value.scalar),
  equals: noiseImages.sumOfSquares() / Double(noiseImages.count), relativeTolerance: 1e-6)
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

func integers(_ shape: Shape, stream: Int) -> Tensor {
  var random = notebook.random(stream)
  return Tensor.uniform(shape, in: -3.5...3.5, using: &random).map { $0.rounded() }
}
let large = integers([2, 16, 16, 4], stream: 30)
let small = integers([2, 8, 8, 6], stream: 31)
for (name, geometry) in [("halving, 3x3", halving), ("doubling, 4x4", doubling)] {
  let kernels = integers([6, 4, geometry.kernel, geometry.kernel], stream: 32)
  let down = Kernel.convolution(large, weight: kernels, bias: nil, geometry: geometry)
  let up = Kernel.convolutionInputGradient(
    small, weight: kernels, inputShape: large.shape, geometry: geometry)
  notebook.check(
    "\(name): <Cx, y> and <x, C'y>", down.dot(small), equals: large.dot(up), tolerance: 0)
}

//: Why four by four, when the way down has three by three? Count how often each pixel of the larger
//: image is covered. With four by four and stride 2 every pixel inside is covered four times. With
//: three by three it is once, twice or four times, in a checkerboard pattern, and the image shows
//: it (Odena et al., 2016).

for (kernel, counts) in [(4, [4.0]), (3, [1, 2, 4])] {
  let geometry = ConvolutionGeometry(kernel: kernel, stride: 2, padding: 1)
  let cover = Kernel.transposedConvolution(
    .ones([1, 8, 8, 1]), weight: .ones([1, 1, kernel, kernel]), bias: nil, geometry: geometry)
  let inside = cover.slice(2..<12, along: 1).slice(2..<12, along: 2)
  notebook.check(
    "how often pixels inside are covered, \(kernel)x\(kernel)", Set(inside.elements).sorted(),
    equals: counts, tolerance: 0)
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
func normalizedByHand(_ x: Tensor, key: (_ image: Int, _ channel: Int) -> Int) -> [Double] {
  let (size, channels) = (x.count / x.shape[0], x.shape[3])
  let keyed = x.elements.enumerated().map { (key($0 / size, $0 % channels), Double($1)) }
  let sets = Dictionary(grouping: keyed, by: \.0).mapValues { set -> (Double, Double) in
    let moments = Moments(set.map(\.1))
    return (moments.mean, moments.variance * Double(set.count - 1) / Double(set.count))
  }
  return keyed.map { key, value in
    let (mean, variance) = sets[key]!
    return (value - mean) / (variance + 1e-5).squareRoot()
  }
}

//: First one group's numbers, and the other image of the batch:

let shifted = features * 3 + 5
let grouped = normalized(shifted, groups: 4)
let firstGroup = Moments(
  grouped.slice(0..<1).slice(0..<4, along: 3).elements.map { Double($0) })
notebook.check("mean of a group", firstGroup.mean, equals: 0, tolerance: 1e-6)
notebook.check("variance of a group", firstGroup.variance, equals: 1, tolerance: 0.005)
let otherBatch = Tensor.concatenated([shifted.slice(0..<1), shifted.slice(1..<2) * 9], along: 0)
notebook.check(
  "an image's output when its neighbor changes",
  normalized(otherBatch, groups: 4).slice(0..<1).elements, equals: grouped.slice(0..<1).elements,
  tolerance: 0)
let batchNormed = [shifted, otherBatch].map { normalizedByHand($0) { _, channel in channel } }
notebook.check(
  "largest change with batch norm",
  zip(batchNormed[0], batchNormed[1]).prefix(1024).map { abs($0 - $1) }.max()!, isAbove: 0.5)

//: Then the numbers of groups:

for (name, groups) in [
  ("one group is layer norm", 1), ("4 groups", 4), ("16 is instance norm", 16),
] {
  notebook.check(
    name, normalized(shifted, groups: groups).elements,
    equals: normalizedByHand(shifted) { image, channel in 100 * image + channel / (16 / groups) },
    tolerance: 1e-4)
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
func swishDerivative(_ x: Double) -> Double { logistic(x) * (1 + x * (1 - logistic(x))) }
let places = Array(stride(from: -6.0, through: 6, by: 0.25))
let swishTape = Tape()
let swishInput = swishTape.input(Tensor(places.map { Float($0) }))
notebook.check(
  "derivative by automatic differentiation at 49 places",
  swishTape.gradients(of: silu(swishInput).sum())[swishInput]!.elements,
  equals: places.map(swishDerivative), tolerance: 1e-6)
notebook.check(
  "the formula, by differences", places.map { derivative(at: $0) { $0 * logistic($0) } },
  equals: places.map(swishDerivative), tolerance: 1e-9)
let least = -1.278465
notebook.check(
  "at x = -1.278465: the derivative, and the value against x + 1",
  [swishDerivative(least), least * logistic(least)], equals: [0, least + 1], tolerance: 5e-7)

//: (The tolerance is that of the six digits.)
//:
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
    query: values.constant(q), key: values.constant(k), value: values.constant(v), heads: heads
  ).value
}
var attentionRandom = notebook.random(33)
let inputs = (0..<3).map { _ in Tensor.normal([1, 16, 8], using: &attentionRandom) }
let (q, k, v) = (inputs[0], inputs[1], inputs[2])
notebook.check(
  "values of one come out as one", attend(q, k, .ones(v.shape)).elements,
  equals: v.elements.map { _ in 1 as Float }, tolerance: 1e-6)
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
  attend(q, k, v).slice(5..<6, along: 1).elements, equals: definition(5), tolerance: 1e-5)

//: Heads, and permutations of the pixels:
let halves = [0..<4, 4..<8].map { range in
  attend(q.slice(range, along: 2), k.slice(range, along: 2), v.slice(range, along: 2))
}
notebook.check(
  "two heads, against two attentions", attend(q, k, v, heads: 2).elements,
  equals: Tensor.concatenated(halves, along: 2).elements, tolerance: 1e-6)
let shuffle = attentionRandom.permutation(16)
func shuffled(_ x: Tensor) -> Tensor { x.reshaped([16, 8]).rows(shuffle).reshaped([1, 16, 8]) }
notebook.check(
  "permuted pixels, against permuted outputs",
  attend(shuffled(q), shuffled(k), shuffled(v)).elements,
  equals: shuffled(attend(q, k, v)).elements, tolerance: 1e-5)
let comparisons = gradientCheck(at: inputs, using: notebook.random(34)) {
  attention(query: $0[0], key: $0[1], value: $0[2], heads: 2)
}
notebook.check(
  "largest relative error of nine derivatives", comparisons.map(\.relativeError).max()!,
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
let plain = normalized(features, groups: 4)
let zero = Tensor.zeros([2, 16])
notebook.check(
  "FiLM with zeros, against the norm", film(features, gamma: zero, delta: zero).elements,
  equals: plain.elements, tolerance: 0)
let evenBias = Tensor((0..<16).map { Float([0.5, -1, 2, 0.1][$0 / 4]) }, shape: [1, 1, 1, 16])
notebook.check(
  "one number per group, added before the norm, against the norm",
  normalized(features + evenBias, groups: 4).elements, equals: plain.elements, tolerance: 1e-5)
let filmed = film(features, gamma: zero, delta: zero + evenBias.reshaped([1, 16]))
notebook.check(
  "the same numbers as FiLM's shift: change", Double(filmed.largestDifference(from: plain)),
  isAbove: 1.9)

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
  "Channels of the levels", of: factors.indices,
  columns: [
    "level": { $0 + 1 }, "factor": { factors[$0] }, "times the first width": { base[$0] },
    "times the level above": { cumulative[$0] },
  ])

//: The second list follows the talk's two loops: what they push, and what each block on the way up
//: reads.

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

let trainingSet = notebook.orStop {
  try SmallImages.load(notebook.count(4000, quick: 800), source: options.data)
}
let testSet = notebook.orStop {
  try SmallImages.load(notebook.count(512, quick: 128), source: options.data, part: .test)
}
let pixels = trainingSet.imageSize

/// The images of a tensor `[count, channels, 16, 16]`.
func pictures(_ x: Tensor) -> [Picture] {
  (0..<x.shape[0]).map {
    Picture(
      planar: x.slice($0..<$0 + 1).elements, width: SmallImages.size, height: SmallImages.size)
  }
}
notebook.figure(
  "data", ImageGrid(pictures(trainingSet.tensor(Array(0..<30))), columns: 10, cellWidth: 48),
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

let moments = Matrix(trainingSet.tensor.reshaped([trainingSet.count, pixels])).meanAndCovariance()
let axes = try moments.covariance.lapackSymmetricEigen()
let spectrum = axes.values.map { max($0, 0) }

func gaussianFloor(_ t: Int) -> Double {
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
let model = DiffusionModel<UNet>(.smallImages(channels: trainingSet.channels), seed: notebook.seed)
let run = model.training(on: trainingSet.tensor, plan: .small(steps: updates, seed: notebook.seed))
let bar = ProgressBar("training", total: updates)  // weave:hide
let losses = run.finish { _ in bar.advance() }
bar.finish()  // weave:hide
notebook.show("training took", seconds: run.seconds)

//: @fold How the figure is plotted

let window = max(1, updates / 40)
let smoothed = losses.indices.map { Moments(losses[max(0, $0 - window)...$0]).mean }
let updateAxis = losses.indices.map { Double($0 + 1) }
notebook.figure(
  "loss",
  Plot(x: "update", y: Axis("loss of one batch", scale: .log), size: Size(520, 250))
    .line(updateAxis, losses, label: "one batch", color: .skyBlue, width: 0.6)
    .line(updateAxis, smoothed, label: "running mean", color: .blue),
  caption:
    "The loss during training. Most of the gain comes in the first hundred updates; visible "
    + "shapes come in the long flat part.",
  alternative: "A noisy curve that falls steeply and then slowly.")

//: **Claim 3.20.** On images outside the training set, the network's error of the noise, averaged
//: over all steps, is below that of the network that outputs 0, and below the best that second
//: moments allow.

let errorSteps = [5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
let half = testSet.tensor(Array(0..<testSet.count / 2))
let errors = model.noiseErrors(on: half, at: errorSteps, generator: notebook.random(40))
notebook.table(
  "Mean squared error of the noise, on \(testSet.count / 2) images outside the training set",
  of: zip(errorSteps, errors),
  columns: [
    "t": { $0.0 }, Column("outputs 0", digits: 1): { _ in 1.0 },
    Column("network", digits: 4, volatile: true): { $0.1 },
    Column("Gaussian reference", digits: 4): { gaussianFloor($0.0) },
  ])
let evenSteps = Array(stride(from: 40, through: 1000, by: 40))
let evenErrors = model.noiseErrors(
  on: half.slice(0..<testSet.count / 4), at: evenSteps, generator: notebook.random(41))
let meanError = Moments(evenErrors).mean
let meanFloor = Moments(evenSteps.map(gaussianFloor)).mean
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
let sampleCount = notebook.count(256, quick: 40)
let samples = model.sample(sampleCount, with: sampler, seed: notebook.seed)
notebook.figure(
  "samples", ImageGrid(pictures(samples.slice(0..<40)), columns: 10, cellWidth: 48),
  formats: [.png],
  caption: "The first forty samples of the model, none left out.",
  alternative: "A grid of generated small images.")

//: @fold How the figure is plotted

let chainStates = { () -> [ReverseState<Tensor>] in
  var streams = notebook.streams(4, stream: 42)
  let xT = Tensor.zeros(model.shape(4)).normalSamples(using: &streams)
  let states = Array(sampler.chain(from: xT, denoiser: model, using: streams))
  return [0, 8, 16, 22, 27, 32, 37, 42, 46, 49].map { states[$0] }
}()
let chainPictures = chainStates.map { (x: pictures($0.x), x0: pictures($0.x0Estimate)) }
notebook.figure(
  "sampling-steps",
  ImageGrid(
    rows: (0..<4).flatMap { i in [chainPictures.map { $0.x[i] }, chainPictures.map { $0.x0[i] }] },
    rowLabels: (0..<4).flatMap { _ in ["$x_t$", "$\\hat x_0$"] }, cellWidth: 44), formats: [.png],
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
//: And beside that, samples of the Gaussian with the data's mean and covariance, the model behind
//: the reference loss. They are blurs without shapes. What is their distance?

let featureCount = 32
let strongest = spectrum.indices.sorted { spectrum[$0] > spectrum[$1] }.prefix(featureCount)
let projection = Matrix(
  rows: pixels, columns: featureCount,
  (0..<pixels).flatMap { row in strongest.map { axes.vectors[row, $0] } })
func frechet(_ first: Tensor, _ second: Tensor) throws -> Double {
  let features = [first, second].map { Matrix($0.reshaped([$0.shape[0], pixels])) * projection }
  return try frechetDistance(features[0].meanAndCovariance(), features[1].meanAndCovariance())
}

//: The sets: the other half of the images outside the training set, samples of the Gaussian, noise,
//: and samples with the other variance of the reverse step.

let otherHalf = testSet.tensor(Array(testSet.count / 2..<testSet.count))
let gaussianSamples = { () -> Tensor in
  var random = notebook.random(43)
  let scaled = axes.vectors * Matrix.diagonal(spectrum.map { $0.squareRoot() })
  let noise = Matrix(
    rows: sampleCount, columns: pixels,
    (0..<sampleCount * pixels).map { _ in random.normal() })
  let mean = Tensor(moments.mean.map { Float($0) }, shape: [1, pixels])
  return ((noise * scaled.transposed).tensor + mean).reshaped(model.shape(sampleCount))
}()
let pureNoise = { () -> Tensor in
  var random = notebook.random(44)
  return .normal(model.shape(sampleCount), using: &random)
}()
let withBetas = model.sample(
  sampleCount,
  with: Sampler(
    .ancestral(variance: .beta), schedule: schedule, timesteps: schedule.timesteps(50),
    clip: .images), seed: notebook.seed)

//: The second measure is the *two-sample nearest-neighbor test*. Mix samples and data, and find out
//: whether the nearest neighbor of an image (by squared difference of pixels) is of its own set. If
//: the two sets cannot be told apart, that happens half of the time, for both. (The two shares must
//: be considered separately. An image of noise is far from every other one, so its neighbor is
//: always from the data, and the mean of the two shares is one half for noise as well.)

/// How often the nearest neighbor is of the same set: of a sample a sample, of the data data.
func sameSet(_ samples: Tensor, _ data: Tensor) -> (samples: Estimate, data: Estimate) {
  let both = Tensor.concatenated([samples, data], along: 0)
  let (n, all) = (samples.shape[0], both.shape[0])
  let nearest = nearestNeighbors(to: both, in: both, count: 1, skippingSame: true)
  return (
    .proportion((0..<n).count { nearest[$0][0].index < n }, of: n),
    .proportion((n..<all).count { nearest[$0][0].index >= n }, of: all - n)
  )
}

let evaluated: [(name: String, images: Tensor)] = [
  ("the other half of the data", otherHalf), ("the model, posterior variance", samples),
  ("the model, variance beta", withBetas),
  ("the Gaussian with the data's moments", gaussianSamples), ("noise", pureNoise),
]
let scores = try evaluated.map {
  (name: $0.name, frechet: try frechet($0.images, half), neighbors: sameSet($0.images, half))
}
notebook.table(
  "Against one half of the images outside the training set (\(half.shape[0]))", of: scores,
  columns: [
    "set": { $0.name }, Column("Fréchet distance", decimals: 1, volatile: true): { $0.frechet },
    Column("samples next to samples", decimals: 2, volatile: true): { $0.neighbors.samples.mean },
    Column("data next to data", decimals: 2, volatile: true): { $0.neighbors.data.mean },
  ])

//: The Gaussian is the lesson. It has the right mean and the right covariance, and the Fréchet
//: distance depends on nothing else: it takes these samples for data, though no eye would. The
//: neighbors do better: next to samples of the Gaussian, the neighbors of data are data. A Fréchet
//: distance is worth as much as its features; a model should never be evaluated by a number that a
//: blur can satisfy.
//:
//: And the model? It is far from noise, and not yet at the data: by either measure it can be told
//: from them, as after a short training one would expect. The choice between the two variances of
//: the sampler makes no difference here: clipping to black and white takes the difference away.

expect("the model's Fréchet distance is below that of noise", scores[1].frechet < scores[4].frechet)
expect(
  "the Gaussian's Fréchet distance is below the model's", scores[3].frechet < scores[1].frechet)
let gaussianNeighbors = scores[3].neighbors.data
if !notebook.isQuick {
  expect(
    "by neighbors, the Gaussian is not data (4 standard errors)",
    gaussianNeighbors.mean - 0.5 > 4 * gaussianNeighbors.standardError)
}

//: Does the model copy? A model that had memorized its training images would do well by both
//: measures. So we find the nearest training image of each sample, and compare its distance with
//: that of the nearest training image of an image outside the training set.

let nearest = nearestNeighbors(to: samples, in: trainingSet.tensor, count: 1).map { $0[0] }
let nearestToTest = nearestNeighbors(to: half, in: trainingSet.tensor, count: 1).map { $0[0] }
func meanSquare(_ neighbors: [Neighbor]) -> Estimate {
  Estimate(of: neighbors.map { $0.distance.squared / Double(pixels) })
}
notebook.table(
  "Mean squared difference from the nearest training image",
  columns: ["of", Column("mean", digits: 3, volatile: true)],
  rows: [
    row("samples", [meanSquare(nearest).mean]),
    row("images outside the training set", [meanSquare(nearestToTest).mean]),
  ])
let farther = meanSquare(nearest) - meanSquare(nearestToTest)
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
      pictures(samples.slice(0..<12)),
      pictures(trainingSet.tensor(nearest.prefix(12).map(\.index))),
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
typealias RingScore = (inside: Double, covered: Int, energy: Double)
let ringUpdates = notebook.count(1000, quick: 40)
let ringData = PlaneSet.eightGaussians.sample(4000, using: notebook.random(50)).points.tensor
let freshRing = PlaneSet.eightGaussians.sample(1000, using: notebook.random(51)).points
let seeds = [1, 2, 3]
let ringSchedule = NoiseSchedule.linearScaledToLength(steps: 100)

func score(_ samples: PointSet) -> RingScore {
  var counts = [Int](repeating: 0, count: 8)
  for (x, y) in zip(samples.column(0), samples.column(1)) {
    let cluster = Int((atan2(y, x) / (.pi / 4)).rounded())
    let (radius, angle) = (PlaneSet.eightGaussiansRadius, .pi / 4 * Double(cluster))
    let distance = hypot(x - radius * cos(angle), y - radius * sin(angle))
    if distance < 4 * PlaneSet.eightGaussiansStandardDeviation { counts[(cluster + 8) % 8] += 1 }
  }
  return (
    Double(counts.reduce(0, +)) / Double(samples.count),
    counts.count { 32 * $0 > samples.count }, Distance.energy(samples, freshRing)
  )
}
func ringNetwork(_ inputs: Int, _ outputs: Int, stream: Int) -> MLP {
  MLP(
    .init(inputs: inputs, outputs: outputs, width: 64, layers: 2, timeFeatures: 32),
    generator: notebook.random(stream))
}
func ringBatch(_ random: inout RandomGenerator) -> Tensor {
  ringData.rows((0..<128).map { _ in random.index(below: 4000) })
}
//: The diffusion model has the sampler of Part I, on a hundred steps.
//:
//: @fold The diffusion model

/// The training of a small denoiser of points, for three seeds.
func recipes(
  _ schedule: NoiseSchedule, learningRate: Double = 2e-3
) -> [PointDenoiser.Configuration] {
  seeds.map { seed in
    PointDenoiser.Configuration {
      $0.schedule = schedule
      $0.updates = ringUpdates
      $0.batchSize = 128
      $0.layers = 2
      $0.learningRate = learningRate
      $0.seed = UInt64(seed)
    }
  }
}

func ringDiffusion() -> [PointSet] {
  let sampler = Sampler(.ancestral(), schedule: ringSchedule)
  return PointDenoiser.trained(on: TrainingPoints(PointSet(ringData)), recipes(ringSchedule)).map {
    sampler.sample(like: PointSet(zeros: 1000, dimensions: 2), denoiser: $0, seed: notebook.seed)
  }
}

//: The autoencoder maximizes the ELBO of chapter 1.
//:
//: @fold The autoencoder

func ringAutoencoder(_ seed: Int) -> Tensor {
  let encoder = ringNetwork(2, 4, stream: 70 + seed)
  let decoder = ringNetwork(2, 2, stream: 80 + seed)
  let dataVariance = Float(PlaneSet.eightGaussiansStandardDeviation.squared)
  let plan = TrainingPlan(
    length: .steps(ringUpdates), learningRate: 2e-3, weightDecay: 0, seed: UInt64(seed))
  let run = TrainingRun(encoder.parameters + decoder.parameters, plan: plan) { tape, _, generator in
    var random = generator
    let x = ringBatch(&random)
    let code = encoder(tape.constant(x), t: [0.0]).split([2, 2], along: 1)
    let z = code[0] + exp(0.5 * code[1]) * Tensor.normal([128, 2], using: &random)
    let rebuilt = decoder(z, t: [0.0])
    let divergence = 0.5 * (square(code[0]) + exp(code[1]) - code[1] - 1).mean()
    return BatchLoss((0.5 / dataVariance) * meanSquaredError(rebuilt, x) + divergence, images: 128)
  }
  run.finish()
  var random = notebook.random(90 + seed)
  let means = decoder(Tensor.normal([1000, 2], using: &random), t: [0.0])
  return means + dataVariance.squareRoot() * Tensor.normal([1000, 2], using: &random)
}

//: In the adversarial pair, each network follows its own loss in turn.
//:
//: @fold The adversarial pair

func ringAdversary(_ seed: Int) -> Tensor {
  let generator = ringNetwork(2, 2, stream: 100 + seed)
  let critic = ringNetwork(2, 1, stream: 110 + seed)
  let settings = AdamW.Settings(beta1: 0.5, weightDecay: 0)
  var generatorOptimizer = AdamW(generator.parameters, settings: settings)
  var criticOptimizer = AdamW(critic.parameters, settings: settings)
  var random = notebook.random(120 + seed)
  for _ in 0..<ringUpdates {
    let z = Tensor.normal([128, 2], using: &random)
    let tape = Tape()
    let onData = critic(tape.constant(ringBatch(&random)), t: [0.0])
    let onSamples = critic(tape.constant(generator(z, t: [0.0])), t: [0.0])
    let loss = softplus(0 - onData).mean() + softplus(onSamples).mean()
    criticOptimizer.update(tape.gradients(of: loss), learningRate: 5e-4)
    let second = Tape()
    let taken = softplus(0 - critic(generator(second.constant(z), t: [0.0]), t: [0.0])).mean()
    generatorOptimizer.update(second.gradients(of: taken), learningRate: 5e-4)
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
let ringResults = zip(ringModels, rings).map { (model: $0, scores: $1.map(score)) }
func meanAndDeviation(_ values: [Double]) -> String {
  let moments = Moments(values)
  return String(format: "%.3f ± %.3f", moments.mean, moments.standardDeviation)
}
notebook.table(
  "Eight clusters: mean and standard deviation over three seeds", of: ringResults,
  columns: [
    "model": { $0.model.name },
    Column("inside a cluster", volatile: true): { meanAndDeviation($0.scores.map(\.inside)) },
    Column("clusters covered", volatile: true): {
      $0.scores.map { "\($0.covered)" }.joined(separator: ", ")
    },
    Column("energy distance", volatile: true): { meanAndDeviation($0.scores.map(\.energy)) },
    "evaluations per sample": { $0.model.evaluations },
  ])

//: The statements of the claim:

if !notebook.isQuick {
  for (model, scores) in ringResults {
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

for steps in [1000, 20] {
  let data = GaussianData(schedule: .linearScaledToLength(steps: steps))
  let noisy = distribution(of: .ancestral(variance: .beta, addsFinalNoise: true), for: data)
  let clean = distribution(of: .ancestral(variance: .beta), for: data)
  notebook.check(
    "variance that noise in the last step adds, T = \(steps)", noisy.variance - clean.variance,
    equals: data.schedule.beta(1), tolerance: 1e-14)
}

//: **Claim 3.23.** *The wrong $t$.* A loop that counts from 0 conditions the network on $t - 1$
//: instead of $t$. With a thousand steps mean and variance are off by two tenths of a percent and
//: by one percent, which no one will notice by eye. With 20 steps the mean is off by 13 percent,
//: and the variance is half as much again as it should be.

let shifts = [1000, 20].map { steps in
  let data = GaussianData(schedule: .linearScaledToLength(steps: steps))
  let exact = GaussianDenoiser<GaussianVariable>(
    mean: data.mean, variance: data.variance, data.schedule)
  let wrong = Sampler(.ancestral(variance: .beta), schedule: data.schedule).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0),
    denoiser: FunctionDenoiser { @Sendable x, t in exact.noise(x, t: max(1, t - 1)) },
    using: notebook.streams(1, stream: 0))
  let right = distribution(of: .ancestral(variance: .beta), for: data)
  return (steps: steps, mean: wrong.mean, variance: wrong.variance, right: right.variance)
}
notebook.table(
  "The network conditioned on t - 1", of: shifts,
  columns: [
    "T": { $0.steps }, "mean": { $0.mean }, "variance": { $0.variance },
    "variance with the right t": { $0.right },
  ])
notebook.check(
  "T = 1000: mean, and variance over the right one",
  [shifts[0].mean, shifts[0].variance / shifts[0].right], equals: [1.0018, 1.012], tolerance: 5e-4)
notebook.check(
  "T = 20: mean, and variance over the right one",
  [shifts[1].mean, shifts[1].variance / shifts[1].right], equals: [1.13, 1.44], tolerance: 0.006)

//: **Claim 3.24.** *Skipping steps with the old $\beta_t$.* To visit only every twentieth step, one
//: must compute $\beta$ anew for the pairs of steps one visits, $1 - \bar\alpha_t / \bar\alpha_s$.
//: With the old $\beta_t$, a skipping sampler removes only a twentieth of the noise that it should,
//: and hardly moves: mean 0.14, variance 0.88.

let visited = schedule.timesteps(50)
let skipping = data.chain(visited.reversed(), addedVariance: schedule.beta).last!
let respaced = Sampler(.ancestral(variance: .beta), schedule: schedule, timesteps: visited)
  .distribution(ofGaussianData: data.mean, variance: data.variance, schedule: schedule)
notebook.table(
  "Fifty of the thousand steps", columns: ["", "mean", "variance"],
  rows: [
    row("beta of the full schedule", [skipping.mean, skipping.variance]),
    row("beta of the steps visited", [respaced.mean, respaced.variance]),
    row("data", [data.mean, data.variance]),
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
//: | EMA | `run.finish()` | sample with the exponential moving average of the weights |
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

func sampledVariance(_ kappa: Double, _ data: GaussianData) -> Double {
  data.sampled { kappa * data.schedule.posteriorVariance($0) }.variance
}
notebook.table(
  of: [0.0, 0.5, 1, 1.5, 2],
  columns: [
    "kappa": { $0 }, Column("variance of the samples", digits: 5): { sampledVariance($0, data) },
  ])
notebook.check(
  "variance at kappa = 2, from those at 0 and 1", sampledVariance(2, data),
  equals: 2 * sampledVariance(1, data) - sampledVariance(0, data), tolerance: 1e-12)
func rightKappa(_ data: GaussianData) -> Double {
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

let unclipped = Sampler(.ancestral(), schedule: schedule, timesteps: schedule.timesteps(50))
/// The end of a chain of 64 images, and how many estimates left the range at each step.
func outsideRange(_ sampler: Sampler) -> (end: Tensor, fractions: [(t: Int, value: Double)]) {
  var streams = notebook.streams(64, stream: 130)
  let xT = Tensor.zeros(model.shape(64)).normalSamples(using: &streams)
  let states = Array(sampler.chain(from: xT, denoiser: model, using: streams))
  return (
    states.last!.x,
    states.map { state in
      let outside = state.x0Estimate.elements.count { abs($0) > 1.02 }
      return (state.t, Double(outside) / Double(state.x0Estimate.count))
    }
  )
}
let (withClip, withoutClip) = (outsideRange(sampler), outsideRange(unclipped))
notebook.table(
  "Fraction of the numbers of $\\hat x_0$ outside $[-1.02, 1.02]$, without clipping",
  of: [2, 9, 19, 29, 39, 44, 47, 49].map { withoutClip.fractions[$0] },
  columns: ["t": { $0.t }, Column("fraction", decimals: 3, volatile: true): { $0.value }])
notebook.show(
  "largest number in an image, without clipping", Double(withoutClip.end.max()), digits: 3,
  volatile: true)

//: **Claim 3.26.** At $t = 939$ an error of 0.01 in the noise is an error of 0.87 in $\hat x_0$,
//: and an error of 0.01 in $v$ one of 0.01. So, without clipping, more estimates are outside the
//: range in the last step than in the first.

let (early, atEarly) = (939, 0.3)
func x0Error(_ prediction: Prediction) -> Double {
  let value = diffusion.convert(0.2, from: .x0, to: prediction, xt: atEarly, t: early)
  return abs(
    diffusion.convert(value + 0.01, from: prediction, to: .x0, xt: atEarly, t: early) - 0.2)
}
notebook.check(
  "error of x(0) for an error of 0.01 in the noise", x0Error(.noise),
  equals: 0.01 * schedule.sigmaVE(early), relativeTolerance: 1e-10)
notebook.check(
  "for an error of 0.01 in v", x0Error(.v),
  equals: 0.01 * schedule.noiseScale(early), relativeTolerance: 1e-10)
expect(
  "more outside in the last step than in the first",
  withoutClip.fractions.last!.value > withoutClip.fractions.first!.value)
expect("none outside with clipping", withClip.fractions.allSatisfy { $0.value == 0 })

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

let comparison = [NoiseSchedule.linearScaledToLength(steps: 100), .cosine(steps: 100)].map {
  schedule in
  let sampler = Sampler(.ancestral(), schedule: schedule, clip: Clip(-3...3))
  let data = TrainingPoints(mixture, count: 20_000)
  let distances = PointDenoiser.trained(on: data, recipes(schedule, learningRate: 3e-3)).map {
    Distance.wasserstein1(
      sampler.sample(like: PointSet(zeros: 2000), denoiser: $0, seed: notebook.seed).values,
      quantile: mixture.quantile)
  }
  return (name: schedule.name, distances: distances)
}
notebook.table(
  "Distance of 2000 samples from the mixture, three seeds", of: comparison,
  columns: [
    "schedule": { $0.name },
    Column("mean", digits: 3, volatile: true): { Moments($0.distances).mean },
    Column("standard deviation", digits: 2, volatile: true): {
      Moments($0.distances).standardDeviation
    },
  ])

//: The distance of the standard normal distribution, and the check:

let ofStart = Distance.wasserstein1(
  quantiles.indices.map { StandardNormal.quantile((Double($0) + 0.5) / Double(count)) }, quantiles)
notebook.show("distance of the standard normal distribution", ofStart)
if !notebook.isQuick {
  expect(
    "all six are below it", comparison.flatMap(\.distances).allSatisfy { $0 < ofStart })
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
