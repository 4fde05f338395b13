//: # Chapter 5. Classifier guidance
//:
//: A diffusion model has learned the distribution of all its training data, and chance decides the
//: kind of each sample. Suppose you want a sample of one *class*: a star, not just any shape. The
//: model is unconditional: it was trained without labels. But a classifier of noisy images has a
//: gradient, and this gradient points toward images that are more probably stars. *Classifier
//: guidance* adds the gradient to every step of the sampler.
//:
//: This chapter derives the method from Bayes' rule, in a plane where the best possible classifier
//: is a formula, so that every usual statement about guidance can be measured. At the end you can
//:
//: - turn any unconditional sampler into a conditional one, and name the scale for which it is
//:   exact,
//: - train a classifier that can guide, and measure how far it is from the best one,
//: - predict the effect of a classifier that was never trained on noise (not what you will read),
//: - say what a larger scale buys, what it costs, and why the samples do *not* follow the
//:   distribution that is usually written down for it,
//: - guide a model of small images, and distinguish an image of a star from an *adversarial* image
//:   that a classifier takes for a star.

import Autodiff  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Learning  // weave:hide
import Models  // weave:hide
import KnownMistakes  // weave:hide
import Networks  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide
import SyntheticData  // weave:hide
import Tensors  // weave:hide

let (notebook, options) = Chapter.open(  // weave:hide
  "Guides an unconditional model by the gradient of a classifier.",  // weave:hide
  adding: MistakeOptions.self)  // weave:hide
let knownMistakes = options.selection(for: notebook)  // weave:hide

// weave:hide-begin
// With `--bug`, the chosen mistake takes the places of these types.
// swift-format-ignore: AlwaysUseLowerCamelCase
let ClassifierGuidedDenoiser = knownMistakes.classifierGuidedDenoiser
// weave:hide-end

//: ## The testbed: three classes in the plane
//:
//: The data distribution is a mixture of six Gaussians in the plane, two for each of three
//: *classes*, and some components (*modes*) of different classes overlap. In particular, class 0
//: (blue) has one mode far from all others and one right beside a mode of class 1: these two matter
//: below. Since every component is Gaussian, the distribution of the noisy points is known at each
//: step (chapter 0), and so is the best denoiser (chapter 2): no network is needed yet.

let schedule = NoiseSchedule.linear()
let diffusion = GaussianDiffusion(schedule)
let slanted = Matrix([[0.2242, 0.0699], [0.0699, 0.0582]])
let plane = MultivariateMixture([
  .init(weight: 0.18, mean: [-1.35, 0.55], standardDeviation: 0.28, label: 0),
  .init(weight: 0.15, mean: [0.35, 0.25], standardDeviation: 0.30, label: 0),
  .init(weight: 0.20, mean: [0.95, -0.15], standardDeviation: 0.32, label: 1),
  .init(weight: 0.13, mean: [1.15, 1.25], standardDeviation: 0.25, label: 1),
  .init(weight: 0.21, mean: [-0.45, -1.15], covariance: slanted, label: 2),
  .init(weight: 0.13, mean: [-0.35, 1.35], standardDeviation: 0.28, label: 2),
])
let denoiser = ExactDenoiser(plane, schedule)
let bayes = ExactClassifier(plane, schedule)

//: The sampler is deterministic DDIM (chapter 4), with 100 steps unless stated otherwise. Its input
//: is a denoiser; it has no notion of classes. Every experiment has a random stream of its own;
//: equal streams give equal noise, so that two guidance methods can be compared from the same
//: start.

let fullCount = notebook.count(4000, quick: 1000)

func ddim(_ steps: Int) -> Sampler {
  Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(steps))
}

func labels(_ label: Int, count: Int) -> [Int] { [Int](repeating: label, count: count) }

/// The states on the way from noise to samples of a mixture, each guided to its label.
func guidedStates(
  of mixture: MultivariateMixture = plane, to labels: [Int],
  by classifier: some NoisyClassifier<PointSet>, scale: Double = 1, stream: Int, steps: Int = 100
) -> [PointSet] {
  let guided = ClassifierGuidedDenoiser(
    ExactDenoiser(mixture, schedule), by: classifier, labels: labels, scale: scale, schedule)
  var streams = notebook.streams(labels.count, stream: stream)
  let noise = streams.normalPoints(dimensions: mixture.dimensions)
  return [noise] + ddim(steps).chain(from: noise, denoiser: guided, using: streams).map(\.x)
}

/// Samples in the plane, guided to one class.
func guidedSamples(
  to label: Int, by classifier: some NoisyClassifier<PointSet>, scale: Double = 1, stream: Int,
  count: Int = fullCount
) -> PointSet {
  guidedStates(
    to: labels(label, count: count), by: classifier, scale: scale, stream: stream
  ).last!
}

/// Data of one class.
func classData(_ label: Int, stream: Int, count: Int = fullCount) -> PointSet {
  var streams = notebook.streams(count, stream: stream)
  return plane.restricted(to: label).samples(using: &streams).points
}

//: First the result, then the method. Below, the same noise goes through the same model four times,
//: unguided and guided to each class.
//:
//: @fold How the figure is plotted

let window = -2.6...2.6
let density = Field(x: window, y: window) { plane.density([$0, $1]) }

func planePlot(_ title: String) -> Plot {
  Plot(title: title, x: Axis("$x_1$", range: window), y: Axis("$x_2$", range: window))
    .equalAspect()
}

func contourPlot(_ title: String) -> Plot {
  planePlot(title)
    .contours(density, levels: [0.02, 0.08, 0.16], color: Color(gray: 0.6), width: 0.8)
}

func scatterPlot(_ title: String, _ points: PointSet, _ color: Color = .ink) -> Plot {
  contourPlot(title)
    .scatter(points.column(0), points.column(1), color: color, radius: 1.1, opacity: 0.35)
}

let unguided = scatterPlot(
  "unguided", guidedSamples(to: 0, by: bayes, scale: 0, stream: 1, count: 1200))
let guidedToClasses = (0..<3).map { label in
  scatterPlot(
    "to class \(label)", guidedSamples(to: label, by: bayes, stream: 1, count: 1200),
    .series(label))
}
notebook.figure(
  "guided-classes",
  Figure(
    columns: 4, [unguided] + guidedToClasses, panelSize: Size(230, 250), sharing: .axes),
  formats: [.png],
  caption: "One model and one set of 1200 starting points, unguided and guided to each class. The "
    + "gray lines are contours of the data density. Guided samples cover both modes of their "
    + "class, also where these overlap with modes of other classes.",
  alternative: "Four panels of points: all six modes, and three times the two modes of a class.")

//: ## Part I. Bayes' rule, step by step
//:
//: ### Scores add
//:
//: Write $p_t(x)$ for the distribution of the noisy points $x_t$ and $p_t(x \mid y)$ for that of
//: the noisy points of class $y$. Bayes' rule at step $t$ reads
//: $p_t(x \mid y) = p_t(x)\, p_t(y \mid x) / p(y)$. Here $p_t(y \mid x)$ is the output of the best
//: classifier: the *posterior* probability that a noisy point at $x$ *came from* class $y$. Take
//: logarithms and then gradients in $x$, and the unknown factor $p(y)$ is gone:
//: $$ \boxed{\; \nabla \log p_t(x \mid y) = \nabla \log p_t(x) + \nabla \log p_t(y \mid x) \;} $$
//: The first term on the right is what an unconditional model has learned. The second is a
//: classifier's gradient. Together they make a conditional model.
//:
//: **Claim 5.1.** The scores add up. First on the line, where two Gaussians at $-1$ and $1$ with
//: standard deviation $\frac12$ are the classes 0 and 1. Both have the same width, so the log odds
//: of class 1 are linear, $k_t x$ with $k_t = 2\sqrt{\bar\alpha_t} / (\bar\alpha_t/4 + 1 -
//: \bar\alpha_t)$, and $p_t(1 \mid x) = 1 / (1 + e^{-k_t x})$: a logistic function, derived without
//: any score. We test two thousand random places and steps:

let line = GaussianMixture.twoClasses

/// $\log p(y \mid x)$ for log odds $k x$ of class 1.
func logProbability(_ x: Double, slope k: Double, label: Int = 1) -> Double {
  -log1p(exp((label == 1 ? -1 : 1) * k * x))
}

/// A classifier on the line, given by the gradient of its log probability.
struct LineClassifier: NoisyClassifier {
  let gradient: @Sendable (_ x: Double, _ t: Int, _ label: Int) -> Double

  func labelScore(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    PointSet(zip(xt.values, labels).map { gradient($0, t, $1) })
  }

  /// The classifier with log odds $k_t x$ of class 1.
  static func logistic(slope: @escaping @Sendable (_ t: Int) -> Double) -> LineClassifier {
    LineClassifier { x, t, label in
      let k = label == 1 ? slope(t) : -slope(t)
      return k / (1 + exp(k * x))
    }
  }
}

@Sendable func exactSlope(_ t: Int) -> Double {
  2 * schedule.signalScale(t) / (schedule.alphaBar(t) / 4 + schedule.noiseVariance(t))
}
let logistic = LineClassifier.logistic(slope: exactSlope)

//: The two sides of the boxed formula at these places:

let places = notebook.samples(2000, stream: 2) { random in
  (x: 2 * random.normal(), t: 1 + random.index(below: 1000))
}
notebook.check(
  "on the line: score given class 1, and the sum",
  places.map { x, t in
    line.noisyMarginal(schedule, to: t).score(x) + logistic.gradient(x, t, 1)
  },
  equals: places.map { x, t in line.restricted(to: 1).noisyMarginal(schedule, to: t).score(x) },
  tolerance: 1e-12)

//: In the plane the second term is a finite difference of the classifier's log probability, of
//: fourth order with step size $10^{-3}$. It is accurate to about nine digits; this sets the
//: tolerance.

/// Noisy data points at step t, and their classes.
func noisyPoints(_ count: Int, t: Int, stream: Int) -> (points: PointSet, labels: [Int]) {
  var streams = notebook.streams(count, stream: stream)
  let (points, labels) = plane.samples(using: &streams)
  let noise = points.normalSamples(using: &streams)
  return (diffusion.addNoise(to: points, t: t, noise: noise), labels)
}

let scoreErrors = [100, 300, 700].flatMap { t in
  let (points, labels) = noisyPoints(100, t: t, stream: 3)
  let marginal = plane.noisyMarginal(schedule, to: t)
  return labels.enumerated().flatMap { i, label in
    let x = points[i]
    let classGradient = gradient(at: x) { log(marginal.labelProbabilities($0)[label]) }
    let (conditional, score) = (marginal.restricted(to: label).score(x), marginal.score(x))
    return (0..<2).map { conditional[$0] - score[$0] - classGradient[$0] }
  }
}
notebook.check(
  "in the plane, t = 100, 300, 700: largest error of the sum, 100 points each",
  scoreErrors.map { abs($0) }.max()!, isAtMost: 1e-8)

//: ### Guided noise
//:
//: Samplers use noise predictions, not scores. The two are the same up to a factor (chapter 2):
//: $\nabla \log p_t(x) = -\epsilon^*(x, t) / \sqrt{1 - \bar\alpha_t}$. Multiply the sum of scores
//: by $-\sqrt{1 - \bar\alpha_t}$ and multiply the classifier's term by a factor, the *guidance
//: scale* $s$:
//: $$ \boxed{\; \tilde\epsilon(x, t) = \epsilon_\theta(x, t)
//: - s \sqrt{1 - \bar\alpha_t}\; \nabla \log p_\phi(y \mid x, t) \;} $$
//: (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021, algorithm 2.) The
//: result is a noise prediction again, so it can replace any denoiser. In the library, a guided
//: denoiser *is* a denoiser, and this is all of it:
//:
//: @code Sources/Diffusion/Guidance/Guidance.swift classifier-guided-noise
//:
//: **Claim 5.2.** With the best classifier, $s = 1$ gives the prediction of the best
//: *conditional* model, $s = 0$ that of the unconditional one, and the guided noise is linear
//: in $s$, in between and beyond. On the line the classifier is the logistic formula, so that
//: the two sides share no code.

let onLine = ExactDenoiser(line, schedule)

/// The denoiser on the line, guided to class 1.
func guidedOnLine(
  by classifier: LineClassifier = logistic, count: Int,
  scale: @escaping @Sendable (_ t: Int) -> Double
) -> some Denoiser<PointSet> {
  ClassifierGuidedDenoiser(
    onLine, by: classifier, labels: labels(1, count: count), schedule, scale: scale)
}

func guidedNoise(_ points: PointSet, scale: Double, t: Int) -> PointSet {
  guidedOnLine(count: points.count) { _ in scale }.noise(points, t: t)
}

//: The grid covers the line from $-3$ to 3.

let grid = PointSet(stride(from: -3.0, through: 3, by: 0.01).map { $0 })
let labelsOnGrid = labels(1, count: grid.count)
notebook.check(
  "scale 1 and the conditional noise, t = 1, 300, 1000, 601 places",
  [1, 300, 1000].flatMap { guidedNoise(grid, scale: 1, t: $0).values },
  equals: [1, 300, 1000].flatMap { onLine.noise(grid, t: $0, labels: labelsOnGrid).values },
  tolerance: 1e-12)
let noiseByScale = [0, 1, 3].map { guidedNoise(grid, scale: $0, t: 300).values }
notebook.check(
  "scale 0 and the unconditional noise", noiseByScale[0],
  equals: onLine.noise(grid, t: 300).values, tolerance: 0)
notebook.check(
  "scale 3 is on the line through scales 0 and 1", noiseByScale[2],
  equals: zip(noiseByScale[0], noiseByScale[1]).map { $0 + 3 * ($1 - $0) }, tolerance: 1e-12)

//: ### The older form: shift the mean
//:
//: Lecture slides often print the method as it was first written, for the stochastic steps of
//: chapter 3: the model gives the mean $\mu$ and the variance $\Sigma$ of $x_{t-1}$, and $x_{t-1}$
//: is sampled from $\mathcal N(\mu + s \Sigma\, \nabla \log p_\phi(y \mid x_t),\ \Sigma)$
//: instead (algorithm 1 of the same paper; slides of IIT Hyderabad, lecture 21). Is that the same?
//: Insert the guided noise into the mean of chapter 3, $\frac{1}{\sqrt{\alpha_t}} \left(x_t -
//: \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \tilde\epsilon\right)$: the root cancels, and the mean
//: is shifted by $s \frac{\beta_t}{\sqrt{\alpha_t}} \nabla \log p$.
//:
//: **Claim 5.3.** Not quite. The shift of algorithm 1 is $\sqrt{\alpha_t}$ times this with
//: $\Sigma = \beta_t$, and $\sqrt{\alpha_t}\,\tilde\beta_t / \beta_t$ times with
//: $\Sigma = \tilde\beta_t$. At $t = 500$ of a thousand steps both factors are within a percent
//: of 1.

let middle = schedule.transition(from: 500, to: 499)
let xs = PointSet(stride(from: -2.0, through: 2, by: 0.05).map { $0 })
let means = [0.0, 1].map { scale in
  diffusion.posteriorMean(noise: guidedNoise(xs, scale: scale, t: 500), xt: xs, t: 500).values
}
for (name, variance, factor) in [
  ("beta", middle.beta, middle.alpha.squareRoot()),
  (
    "the posterior's", middle.posteriorVariance,
    middle.alpha.squareRoot() * middle.posteriorVariance / middle.beta
  ),
] {
  notebook.show("factor with \(name) variance, t = 500", factor, digits: 5)
  notebook.check(
    "shift of the mean over shift by guided noise, 81 places, variance \(name)",
    xs.values.indices.map { i in
      variance * logistic.gradient(xs.values[i], 500, 1) / (means[1][i] - means[0][i])
    }, equals: xs.values.map { _ in factor }, tolerance: 1e-11)
}

//: Which of the two is right? This can be computed. The exact mean of $x_{t-1}$ given $x_t$ and the
//: class is an integral over all $x_{t-1}$, weighted by their density and by the forward step,
//: $$ E[x_r \mid x_t, y] = \frac{\int x\; p_r(x \mid y)\; q(x_t \mid x_r = x)\, dx}
//: {\int p_r(x \mid y)\; q(x_t \mid x_r = x)\, dx} , $$
//: for any $r < t$. For an interesting integral, let class 1 have two modes: the course's mixture
//: of three Gaussians with the outer two as class 1. The guided noise gives the exact mean at once,
//: however long the step is: it *is* the noise prediction of the conditional distribution, and the
//: mean of $x_r$ is linear in it. The shifted mean is a first-order approximation. So is its more
//: careful version, which takes the gradient at the shifted place $\mu$, one step later, as its
//: derivation does.

/// The mean of f(x) under the density proportional to `weight`.
func mean(under weight: (Double) -> Double, _ f: (Double) -> Double) -> Double {
  let rule = GaussLegendre.standard
  return rule.integrate(from: -7, to: 7, panels: 200) { f($0) * weight($0) }
    / rule.integrate(from: -7, to: 7, panels: 200, weight)
}

//: The mixture with two outer modes of class 1, and its exact mean:

let outer = GaussianMixture(
  weights: [0.3, 0.3, 0.4], means: [-2, 0.5, 2], standardDeviations: [0.3, 0.2, 0.4],
  labels: [1, 0, 1]
).standardized()
let outerDenoiser = ExactDenoiser(outer, schedule)
let outerClassifier = ExactClassifier(outer, schedule)
let outerGuided = ClassifierGuidedDenoiser(
  outerDenoiser, by: outerClassifier, labels: [1], scale: 1, schedule)

/// The mean of $x_r$ given $x_t$ and class 1, by integration.
func meanByIntegration(_ xt: Double, _ step: Transition) -> Double {
  let prior = outer.restricted(to: 1).noisyMarginal(schedule, to: step.s).marginal
  let forward = GaussianMixture.gaussian(variance: step.beta)
  let signal = step.alpha.squareRoot()
  return mean(under: { prior.density($0) * forward.density(xt - signal * $0) }) { $0 }
}

//: The same mean by guided noise, and by three shifts of the unguided mean:

func meansByGuidance(_ xt: Double, _ step: Transition) -> [Double] {
  let x = PointSet([xt])
  func mean(_ noise: PointSet) -> Double {
    (xt - step.beta / step.noiseVariance.squareRoot() * noise.values[0]) / step.alpha.squareRoot()
  }
  let mu = mean(outerDenoiser.noise(x, t: step.t))
  let here = outerClassifier.labelScore(x, t: step.t, labels: [1]).values[0]
  let later = outerClassifier.labelScore(PointSet([mu]), t: step.s, labels: [1]).values[0]
  return [
    mean(outerGuided.noise(x, t: step.t)), mu + step.beta * here,
    mu + step.posteriorVariance * here, mu + step.posteriorVariance * later,
  ]
}

//: The largest errors over 13 places, for four steps:

let targets = [499, 490, 450, 400]
let meanErrors = targets.map { r -> [Double] in
  let step = schedule.transition(from: 500, to: r)
  let errors = stride(from: -1.5, through: 1.5, by: 0.25).map { xt in
    let exact = meanByIntegration(xt, step)
    return meansByGuidance(xt, step).map { abs($0 - exact) }
  }
  return (0..<4).map { k in errors.map { $0[k] }.max()! }
}
notebook.table(
  "Largest error of the mean of $x_r$ given $x_t$ and the class, 13 places",
  columns: [
    "step", "guided noise", "shift, beta", "shift, posterior's", "shift, posterior's, later",
  ],
  rows: zip(targets, meanErrors).map { row("500 to \($0)", $1) })
notebook.check(
  "guided noise: largest error over all four steps",
  meanErrors.map { $0[0] }.max()!, isAtMost: 1e-9)
notebook.check(
  "shift with the posterior's variance: error grows with the step",
  increases: meanErrors.map { $0[2] })
notebook.check(
  "shift with the posterior's variance, 500 to 400: error", meanErrors[3][2], isAbove: 0.02)

//: With a thousand short steps the two forms are interchangeable; with the ten or fifty steps of a
//: fast sampler they are not. We use guided noise from here on.
//:
//: ### With scale 1 the samples follow the conditional distribution
//:
//: **Claim 5.4.** With $s = 1$, the best denoiser and the best classifier, the samples of
//: deterministic DDIM follow the conditional distribution, up to the error of the step size. On the
//: line this can be tested without randomness: a deterministic sampler in one dimension keeps the
//: order of the points, so the point that starts as the $u$-quantile of the noise ends as the
//: $u$-quantile of the samples. We send 2001 quantiles through the sampler and compare with those
//: of class 1, $\mathcal N(1, \frac14)$: the mean distance of the two is the Wasserstein distance
//: $W_1$.

func gaussianQuantiles(_ count: Int) -> [Double] {
  (0..<count).map { StandardNormal.quantile((Double($0) + 0.5) / Double(count)) }
}

func classQuantiles(_ count: Int) -> [Double] { gaussianQuantiles(count).map { 1 + 0.5 * $0 } }

/// The quantiles of the samples on the line, guided to class 1.
func sampleQuantiles(
  by classifier: LineClassifier = logistic, steps: Int = 100, count: Int = 2001,
  from start: [Double]? = nil, scale: @escaping @Sendable (_ t: Int) -> Double = { _ in 1 }
) -> [Double] {
  ddim(steps).sample(
    from: PointSet(start ?? gaussianQuantiles(count)),
    denoiser: guidedOnLine(by: classifier, count: count, scale: scale),
    using: notebook.streams(count, stream: 0)
  ).values
}

/// The Wasserstein distance of these quantiles from class 1.
func distance(_ samples: [Double]) -> Double {
  zip(samples, classQuantiles(samples.count)).reduce(0) { $0 + abs($1.0 - $1.1) }
    / Double(samples.count)
}

func positiveShare(_ samples: [Double]) -> Double {
  Double(samples.count { $0 > 0 }) / Double(samples.count)
}

//: The sampler starts from pure noise, and once more from the noisy points of class 1 at $t = T$.

let noisyClass = line.restricted(to: 1).noisyMarginal(schedule, to: 1000).marginal
let noisyStart = (0..<2001).map { noisyClass.quantile((Double($0) + 0.5) / 2001) }
let byStepCount = [10, 20, 50, 100, 250, 1000].map { steps in
  (
    steps: steps, fromNoise: sampleQuantiles(steps: steps),
    fromNoisyClass: sampleQuantiles(steps: steps, from: noisyStart)
  )
}
notebook.table(
  "Guided to class 1 on the line, distance from the distribution of the class", of: byStepCount,
  columns: [
    "steps": { $0.steps }, "share at x > 0": { positiveShare($0.fromNoise) },
    "standard deviation": { Moments($0.fromNoise).standardDeviation },
    "distance": { distance($0.fromNoise) },
    "distance, started from the noisy class": { distance($0.fromNoisyClass) },
  ])

//: The distance from the class, by the number of steps:

let stepErrors = byStepCount.map { distance($0.fromNoisyClass) }
notebook.check("distance as steps are added, started from the noisy class", decreases: stepErrors)
notebook.check(
  "distance with 250 steps over distance with 1000: first order gives 4",
  stepErrors[4] / stepErrors[5], equals: 4, tolerance: 0.4)
notebook.check(
  "share at x > 0 with 1000 steps, against that of the class",
  positiveShare(byStepCount[5].fromNoise), equals: StandardNormal.cdf(2), tolerance: 1.0 / 2001)

//: The last column starts where the forward process ends, and its error is that of the steps alone.
//: The column before it starts from pure noise, as usual, and keeps an error of 0.003 however small
//: the steps: pure noise does not depend on the class, while at $t = T$ a trace of 0.6 % of it is
//: left.
//:
//: "All samples of the right class" is not the aim, by the way. A share of $1 - \Phi(2) = 2.3\,\%$
//: of class 1 lies at $x < 0$, where class 0 is more likely, and a faithful sampler puts it there.
//:
//: Now the same in the plane, with random samples. The distance is the *sliced* Wasserstein
//: distance, the mean of $W_1$ over 64 one-dimensional projections. Two independent samples of the
//: data have a distance above 0 as well. So the threshold comes from such pairs: one and a half
//: times the largest distance of ten of them.

func accuracy(_ points: PointSet, _ label: Int) -> Estimate {
  let correct = (0..<points.count).count { i in
    let probabilities = plane.labelProbabilities(points[i])
    return probabilities[label] == probabilities.max()
  }
  return .proportion(correct, of: points.count)
}

for label in 0..<3 {
  let samples = guidedSamples(to: label, by: bayes, stream: 4 + label)
  let samplingErrors = (0..<10).map { k in
    Distance.slicedWasserstein1(
      classData(label, stream: 100 + 2 * k), classData(label, stream: 101 + 2 * k))
  }
  notebook.check(
    "class \(label): accuracy under the Bayes classifier, guided samples and data",
    accuracy(samples, label), equals: accuracy(classData(label, stream: 7 + label), label))
  notebook.check(
    "class \(label): distance of guided samples from data, against the threshold",
    Distance.slicedWasserstein1(samples, classData(label, stream: 10 + label)),
    isAtMost: 1.5 * samplingErrors.max()!)
}

//: ## Part II. The guided field
//:
//: What does the classifier add, and where? At $t = 150$, late in sampling, the noisy modes
//: overlap. Left: the unconditional score, which points to where data are. Middle: the classifier's
//: gradient for class 0; it vanishes where the class is certain, and is large where other classes
//: are likely. Right: their sum, which points to the noisy modes of class 0.
//:
//: @fold How the figure is plotted

let fieldTime = 150
let noisyPlane = plane.noisyMarginal(schedule, to: fieldTime)

func arrows(
  _ title: String, over height: ([Double]) -> Double, scores: (PointSet) -> PointSet
) -> Plot {
  planePlot(title)
    .heatMap(
      Field(x: window, y: window) { height([$0, $1]) }, .density, showsBar: false, smooth: true
    )
    .vectorField(x: window, y: window, columns: 15, rows: 15, color: .ink) { a, b in
      let score = scores(PointSet([[a, b]])).values
      return (score[0], score[1])
    }
}

let toScore = -1 / schedule.noiseScale(fieldTime)
notebook.figure(
  "field",
  Figure(
    columns: 3,
    [
      arrows("$\\nabla\\log p_t(x)$", over: noisyPlane.density) {
        .sum((toScore, denoiser.noise($0, t: fieldTime)))
      },
      arrows(
        "$\\nabla\\log p_t(y=0\\,|\\,x)$", over: { noisyPlane.labelProbabilities($0)[0] }
      ) { bayes.labelScore($0, t: fieldTime, labels: [0]) },
      arrows("their sum", over: noisyPlane.restricted(to: 0).density) {
        .sum((toScore, denoiser.noise($0, t: fieldTime, labels: [0])))
      },
    ], panelSize: Size(270, 290), sharing: .axes), formats: [.png],
  caption: "Scores at $t = 150$ over the density whose logarithm they are the gradient of (middle: "
    + "over the probability of class 0). Where the class is certain, left and above, the "
    + "classifier's gradient vanishes and the model's score remains.",
  alternative: "Three arrow fields: toward the middle of all points, away from other classes, and "
    + "toward class 0.")

//: And here is its effect on the paths. Forty points start from the same noise three times, and
//: guidance moves them to the modes of each class.
//:
//: @fold How the figure is plotted

let pathPlots = (0..<3).map { label in
  let states = guidedStates(to: labels(label, count: 40), by: bayes, stream: 13)
  let (start, end) = (states[0], states[100])
  return contourPlot("to class \(label)")
    .adding(0..<40) { plot, i in
      plot.line(
        states.map { $0[i][0] }, states.map { $0[i][1] }, color: .series(label), width: 0.8)
    }
    .scatter(start.column(0), start.column(1), color: Color(gray: 0.45), radius: 1.4)
    .scatter(end.column(0), end.column(1), color: .series(label), radius: 2.2)
}
notebook.figure(
  "paths",
  Figure(columns: 3, pathPlots, panelSize: Size(270, 290), sharing: .axes), formats: [.png],
  caption:
    "Paths of the deterministic sampler, guided with $s = 1$, from one set of starting "
    + "points (gray). The same starting point ends in a different mode for each class.",
  alternative: "Three panels of curved paths that end in the two modes of each class.")

//: ## Part III. A trained classifier
//:
//: ### The classifier is conditioned on the step
//:
//: In practice $p_t(y \mid x)$ is not given. We train a network for it, and its training set is
//: made like that of a diffusion model: take a data point and its label, a random step $t$ and
//: noise, and add the noise of step $t$ in closed form. The inputs of the network are the noisy
//: point and the step; its outputs are the *logits*, one per class. A softmax turns them into
//: probabilities $p_\phi(y \mid x_t, t)$. The loss is the *cross-entropy*
//: $-\log p_\phi(y \mid x_t, t)$ at the true label, averaged over everything.
//:
//: @code Sources/Models/NetworkClassifier.swift classification-loss
//:
//: Guidance uses the gradient with respect to the network's *input*, not its weights. The same tape
//: gives both; here the weights are constants, so that no work is spent on their gradients.
//:
//: @code Sources/Models/NetworkClassifier.swift label-score
//:
//: Mind the sign and the size. A loss is a mean over the batch, so its gradient is that of
//: $-\log p$ divided by the batch size. Without multiplying it back, the strength of guidance
//: depends on how many samples share a batch.
//:
//: We train two networks of the same architecture: one on all steps, the other on clean points
//: only, like any ready-made classifier. Each batch is sampled afresh from the data distribution.

typealias PlaneClassifier = NetworkClassifier<MLP>

func trainedInPlane(
  on times: ClosedRange<Int>, stream: Int
) -> (classifier: PlaneClassifier, finalLoss: Double) {
  let network = MLP(
    .init(outputs: 3, width: 64, layers: 2, timeFeatures: 32), generator: notebook.random(stream))
  let classifier = PlaneClassifier(network, diffusion, times: times)
  let plan = TrainingPlan.small(steps: notebook.count(1500, quick: 400), seed: notebook.seed)
  let run = classifier.training(plan: plan) { _, generator in
    var streams = RandomStreams(of: generator, count: 512)
    let (points, labels) = plane.samples(using: &streams)
    return (points.tensor, labels)
  }
  return (classifier, Moments(run.map(\.loss).suffix(100)).mean)
}

let (allSteps, allStepsLoss) = trainedInPlane(on: 0...schedule.steps, stream: 20)
let (cleanOnly, cleanOnlyLoss) = trainedInPlane(on: 0...0, stream: 21)
notebook.show("weights of each network", allSteps.network.parameterCount)
notebook.show("loss of the last 100 batches, all steps", allStepsLoss, "nats")
notebook.show("the same, clean points only", cleanOnlyLoss, "nats")

//: ### How good is it?
//:
//: This is the advantage of an exact testbed. No classifier can have a smaller cross-entropy at
//: step $t$ than the best one, whose cross-entropy is the mean entropy of $p_t(y \mid x)$, and the
//: excess is a *Kullback-Leibler (KL) divergence*. Both are integrals over the plane, which we
//: compute without any random sample, as sums over a square grid of spacing 0.1: for functions as
//: smooth as Gaussian densities such a sum (the trapezoidal rule) converges exponentially.
//:
//: **Claim 5.5.** At each step the cross-entropy of the network trained on all steps exceeds the
//: minimum by less than a hundredth of a nat. Its gradient, as the tape computes it, agrees with
//: finite differences of its own log probabilities. Compared with the exact gradient it adds an
//: error of at most a tenth to the guided noise, whose own size is about 1.

/// The noisy distribution at step t on a grid. Index 3i + y stands for class y at point i.
struct NoisyGrid {
  let t: Int
  let points: PointSet
  let probabilities: [Double]
  let weights: [Double]

  init(t: Int) {
    let noisy = plane.noisyMarginal(schedule, to: t)
    let places = stride(from: -6.0, through: 6, by: 0.1).map { $0 }
    let points = PointSet(places.flatMap { a in places.map { b in [a, b] } })
    let probabilities = bayes.labelProbabilities(points, t: t).values
    let densities = (0..<points.count).map { noisy.density(points[$0]) }
    weights = probabilities.indices.map { 0.01 * densities[$0 / 3] * probabilities[$0] }
    (self.t, self.points, self.probabilities) = (t, points, probabilities)
  }

  /// The mean of f over the points and their labels.
  func mean(_ f: (_ index: Int) -> Double) -> Double {
    weights.indices.reduce(0) { weights[$1] > 0 ? $0 + weights[$1] * f($1) : $0 }
  }

  /// The root mean square of a gradient, which is given for each class at all points.
  func rootMeanSquare(_ gradients: [PointSet]) -> Double {
    mean { gradients[$0 % 3][$0 / 3].reduce(0) { $0 + $1 * $1 } }.squareRoot()
  }
}

//: Cross-entropies and root mean square gradients are such means.

struct Measurement {
  let t: Int
  let minimum, crossEntropy, exactGradient, gradient, gradientError: Double
}

func measurement(of classifier: PlaneClassifier, on grid: NoisyGrid) -> Measurement {
  let (points, t) = (grid.points, grid.t)
  let logs = classifier.logProbabilities(points, t: t).elements
  let classes = (0..<3).map { labels($0, count: points.count) }
  let exact = classes.map { bayes.labelScore(points, t: t, labels: $0) }
  let found = classes.map { classifier.labelScore(points, t: t, labels: $0) }
  let errors = zip(found, exact).map { PointSet.sum((1, $0), (-1, $1)) }
  return Measurement(
    t: t, minimum: grid.mean { -log(grid.probabilities[$0]) },
    crossEntropy: grid.mean { -Double(logs[$0]) }, exactGradient: grid.rootMeanSquare(exact),
    gradient: grid.rootMeanSquare(found), gradientError: grid.rootMeanSquare(errors))
}

//: The error of the gradient times $\sqrt{1 - \bar\alpha_t}$ is that of the guided noise.

let grids = [1, 50, 100, 200, 300, 400, 600, 800, 1000].map { NoisyGrid(t: $0) }
let allStepsMeasured = grids.map { measurement(of: allSteps, on: $0) }
let cleanOnlyMeasured = grids.map { measurement(of: cleanOnly, on: $0) }
let noiseErrors = allStepsMeasured.map { schedule.noiseScale($0.t) * $0.gradientError }
notebook.table(
  "Cross-entropy at step t in nats, and the root mean square of the gradient",
  columns: [
    "t", "minimum", "all steps", "clean only", "gradient: exact", "all steps", "clean only",
    "error of the noise",
  ],
  rows: zip(zip(allStepsMeasured, cleanOnlyMeasured), noiseErrors).map {
    let ((a, c), noiseError) = $0
    return [
      a.t, a.minimum, a.crossEntropy, c.crossEntropy, a.exactGradient, a.gradient, c.gradient,
      noiseError,
    ]
  })

//: The last check compares the derivative of the tape with differences along random directions.

let excess = allStepsMeasured.map { $0.crossEntropy - $0.minimum }
notebook.check(
  "greatest excess over the minimum cross-entropy", excess.max()!,
  isAtMost: notebook.isQuick ? 0.03 : 0.01)
notebook.check(
  "smallest excess, which cannot be negative", excess.min()!, isAtLeast: -1e-6)
notebook.check(
  "greatest error of the guided noise, scale 1, root mean square", noiseErrors.max()!,
  isAtMost: notebook.isQuick ? 0.3 : 0.12)
let probe = noisyPoints(16, t: 300, stream: 22).points.tensor
let comparisons = gradientCheck(at: [probe]) { logSoftmax(allSteps.network($0[0], t: [300.0])) }
notebook.check(
  "the tape's gradient and differences, largest gap over its norm, single precision",
  comparisons.map { abs($0.analytic - $0.numeric) / $0.scale }.max()!, isAtMost: 2e-3)

//: Gradients are harder than probabilities: a small fluctuation of $\log p_\phi$ hardly changes the
//: loss but changes the slope a lot, and the loss contains no slopes. At $t = 1000$, where the
//: noisy point carries almost no information about the class, the trained gradient consists of such
//: fluctuations, five times the true one.
//:
//: **Erratum E-B52.** The step belongs in the classifier. "Foundations of Generative Models" has it
//: in Algorithm 9, which trains $p_\phi(y \mid x_t, t)$, and drops it where the classifier is used,
//: $p_\phi(y \mid x_t)$ in (9.12), (9.13), line 9 of Algorithm 8 and (9.28). A function of $x$
//: alone cannot be right at two steps. The best possible one is the Bayes classifier of a point of
//: *unknown* step, and on the line that is a mixture again: the components of all steps together.
//: At $x = 0.5$ and $t = 700$ its gradient is several times too large.

let everyStep = Array(stride(from: 10, through: 990, by: 20))
let anyStep = GaussianMixture(
  everyStep.flatMap { line.noisyMarginal(schedule, to: $0).marginal.components })
let anyStepByClass = [0, 1].map { anyStep.restricted(to: $0) }
/// The best classifier that is not conditioned on the step.
let unconditioned = LineClassifier { x, _, label in
  anyStepByClass[label].score(x) - anyStep.score(x)
}
notebook.erratum(
  "E-B52", source: "Foundations of Generative Models, (9.13), Algorithm 8 and (9.28)",
  "gradient of log p(1 | x) at x = 0.5, t = 700", printed: unconditioned.gradient(0.5, 700, 1),
  right: line.noisyMarginal(schedule, to: 700).labelScore(0.5, label: 1),
  secondRoute: derivative(at: 0.5) { logProbability($0, slope: exactSlope(700)) },
  tolerance: 1e-9, apart: 0.1)

//: The cross-entropies of the two best classifiers, and samples that they guide:

let unconditionedEntropy = anyStep.expectation { x in
  anyStep.labelProbabilities(x).reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
}
let conditionedEntropy = Moments(
  everyStep.map { line.noisyMarginal(schedule, to: $0).labelLossFloor }
).mean
let stepDistances = [logistic, unconditioned].map {
  distance(sampleQuantiles(by: $0, steps: 50, count: 401))
}
notebook.table(
  columns: ["the best classifier", "cross-entropy, all steps", "distance of guided samples"],
  rows: [
    ["conditioned on the step", conditionedEntropy, stepDistances[0]],
    ["not conditioned", unconditionedEntropy, stepDistances[1]],
  ])
notebook.check(
  "increase of the cross-entropy without the step, nats",
  unconditionedEntropy - conditionedEntropy, isAbove: 0.05)
notebook.check(
  "distance from the class, not conditioned over conditioned",
  stepDistances[1] / stepDistances[0], isAbove: 10)

//: ### A classifier that was never trained on noise
//:
//: The books call a classifier of clean images *useless* on noisy ones. What does that mean? We
//: predict the effect for the two Gaussians on the line. The best clean-data classifier is the
//: logistic function of $k_0 x = 8x$. For a noisy input it is as confident as for a clean one, and
//: often wrong.
//:
//: **Claim 5.6.** First, the predictions. By integration, its cross-entropy on noisy points is
//: above $\log 2 = 0.693$ at $t = 400$ and $700$, and $\log 2$ is the cross-entropy of a uniform
//: guess. Its gradient keeps its size of 4 at each step, where that of the best classifier,
//: $k_t/2$, fades. (The size: the mean of $|\nabla \log p(y \mid x)|$ over points and both labels.)

let cleanLogistic = LineClassifier.logistic { _ in 8 }

/// The cross-entropy at step t for log odds $k x$.
func crossEntropyOnLine(slope k: Double, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).marginal.expectation { x in
    [0, 1].reduce(0) { sum, y in
      let probability = exp(logProbability(x, slope: exactSlope(t), label: y))
      return sum - probability * logProbability(x, slope: k, label: y)
    }
  }
}

func gradientSize(_ classifier: LineClassifier, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).marginal.expectation { x in
    (abs(classifier.gradient(x, t, 0)) + abs(classifier.gradient(x, t, 1))) / 2
  }
}

let noisySteps = [200, 400, 700]
let bestEntropies = noisySteps.map { crossEntropyOnLine(slope: exactSlope($0), t: $0) }
let cleanEntropies = noisySteps.map { crossEntropyOnLine(slope: 8, t: $0) }
let bestGradients = noisySteps.map { gradientSize(logistic, t: $0) }
let cleanGradients = noisySteps.map { gradientSize(cleanLogistic, t: $0) }
notebook.table(
  of: noisySteps.indices,
  columns: [
    "t": { noisySteps[$0] }, "cross-entropy, best": { bestEntropies[$0] },
    "clean only": { cleanEntropies[$0] }, "gradient, best": { bestGradients[$0] },
    "clean only": { cleanGradients[$0] },
  ])

//: The checks compare with the entropy of the label and with half the slopes.

notebook.check(
  "cross-entropy of the best at t = 200, 400, 700, against its entropy", bestEntropies,
  equals: noisySteps.map { line.noisyMarginal(schedule, to: $0).labelLossFloor },
  tolerance: 1e-10)
notebook.check(
  "clean only at t = 400 and 700: least of the two, against log 2", cleanEntropies[1...].min()!,
  isAbove: log(2))
notebook.check(
  "size of its gradient at t = 200, 400, 700", cleanGradients, equals: [4, 4, 4], tolerance: 1e-9)
notebook.check(
  "size of the best one's gradient, against half its slope", bestGradients,
  equals: noisySteps.map { exactSlope($0) / 2 }, tolerance: 1e-9)

//: So at high noise its predictions are worse than a uniform guess. Is it useless for guidance?
//: Guess the result first: samples of the wrong class? noise? Here they are.

func lineSummary(_ samples: [Double]) -> [Double] {
  let moments = Moments(samples)
  return [positiveShare(samples), moments.mean, moments.standardDeviation, distance(samples)]
}

let cleanScales = [0.25, 0.5, 1, 2]
let byClean = cleanScales.map { scale in sampleQuantiles(by: cleanLogistic) { _ in scale } }
let byBest = sampleQuantiles()
notebook.table(
  "Samples on the line, guided to class 1 with 100 steps",
  columns: ["classifier", "scale", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: [row("best", [1] + lineSummary(byBest))]
    + zip(cleanScales, byClean).map { row("clean only", [$0] + lineSummary($1)) })
notebook.check(
  "guided by the clean-data classifier, scale 1: share at x > 0", positiveShare(byClean[2]),
  isAtLeast: 0.999)
notebook.check(
  "standard deviation of these samples, where that of the class is 0.5",
  Moments(byClean[2]).standardDeviation, isBelow: 0.25)
notebook.check(
  "least distance over the four scales, over that of the best classifier",
  byClean.map(distance).min()! / distance(byBest), isAbove: 10)

//: Not useless, and not harmless. *Every* sample is of the wanted class, more of them than in the
//: data, because the gradient has the right direction and is much too large where it should fade.
//: It destroys the diversity: half the standard deviation of the class is lost, and a smaller scale
//: does not restore it, since the error is not one of size but of its dependence on $t$. Measured
//: by labels alone, this classifier is the better one.
//:
//: The trained classifiers in the plane show the same. In the table of Claim 5.5 the clean-data
//: classifier exceeds $\log 3 = 1.099$, the cross-entropy of a uniform guess, from $t = 200$ or so
//: on.

let planeCount = notebook.count(2000, quick: 500)
func guidedTo0(by classifier: some NoisyClassifier<PointSet>) -> PointSet {
  guidedSamples(to: 0, by: classifier, stream: 24, count: planeCount)
}
let planeSamples = [
  ("data", classData(0, stream: 23, count: planeCount)), ("best", guidedTo0(by: bayes)),
  ("trained, all steps", guidedTo0(by: allSteps)),
  ("trained, clean only", guidedTo0(by: cleanOnly)),
]
let reference = classData(0, stream: 25, count: planeCount)

//: We measure accuracy, standard deviation (the root of the sum of both variances), the share of
//: the far mode and the distance from other data of the class.

struct ClassMeasurement {
  let accuracy, standardDeviation, farShare, distance: Double
}

func classMeasurement(_ points: PointSet) -> ClassMeasurement {
  let modes = plane.restricted(to: 0)
  let far = (0..<points.count).count { modes.responsibilities(points[$0])[0] > 0.5 }
  let variances = (0..<2).map { Moments(points.column($0)).variance }
  return ClassMeasurement(
    accuracy: accuracy(points, 0).mean,
    standardDeviation: (variances[0] + variances[1]).squareRoot(),
    farShare: Double(far) / Double(points.count),
    distance: Distance.slicedWasserstein1(points, reference.entries(0..<points.count)))
}

let planeMeasured = planeSamples.map { classMeasurement($1) }
notebook.table(
  "Class 0 in the plane, guided with scale 1",
  columns: ["classifier", "accuracy", "standard deviation", "share of the far mode", "distance"],
  rows: zip(planeSamples, planeMeasured).map { samples, m in
    row(samples.0, [m.accuracy, m.standardDeviation, m.farShare, m.distance])
  })
notebook.check(
  "in the plane: distance guided by the clean-data classifier over that by all steps",
  planeMeasured[3].distance / planeMeasured[2].distance, isAbove: 2)
notebook.check(
  "cross-entropy of the clean-data classifier at t = 400, above a uniform guess",
  cleanOnlyMeasured[5].crossEntropy, isAbove: log(3))

//: @fold How the figure is plotted

notebook.figure(
  "clean-data-classifier",
  Figure(
    columns: 4,
    planeSamples.map { name, points in
      scatterPlot(
        name, points.entries(0..<min(1200, planeCount)), name == "data" ? .ink : .series(0))
    }, panelSize: Size(230, 250), sharing: .axes), formats: [.png],
  caption:
    "Class 0: the data, and samples guided by three classifiers at $s = 1$. Those of the "
    + "classifier that was trained on clean points only concentrate on thin curves.",
  alternative: "Four panels of two modes each; in the last, parts of the modes are thin curves.")

//: ## Part IV. The guidance scale
//:
//: ### Accuracy against diversity
//:
//: In practice the scale is set above 1. Bayes' rule does not ask for it; users do, because samples
//: then look more like their class. What does it buy and what does it cost? We measure class 0,
//: with its isolated mode and its mode next to class 1. Predict first what becomes of the second.
//:
//: **Claim 5.7.** As $s$ grows from 0.5 to 8, the *classification accuracy* (the share of
//: samples that the best classifier assigns to the wanted class) rises to one, and the diversity
//: falls: the standard deviation, and the balance between the two modes, measured by the entropy of
//: their shares. The distance from the class is smallest at $s = 1$. At $s = 4$ more than
//: nine samples in ten are in the far mode, which has 55 % of the class.

let scales = [0, 0.5, 1, 1.5, 2, 3, 4, 8]
let sweepCount = notebook.count(1500, quick: 300)

func sweep(by classifier: some NoisyClassifier<PointSet>) -> [ClassMeasurement] {
  scales.map {
    classMeasurement(
      guidedSamples(to: 0, by: classifier, scale: $0, stream: 26, count: sweepCount))
  }
}

/// The entropy of the shares of the two modes.
func entropy(_ m: ClassMeasurement) -> Double {
  [m.farShare, 1 - m.farShare].reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
}

let (bestSweep, trainedSweep) = (sweep(by: bayes), sweep(by: allSteps))
notebook.table(
  "Guided to class 0 by the best classifier (and by the trained one)",
  columns: [
    "scale", "accuracy", "(trained)", "standard deviation", "(trained)", "far mode", "(trained)",
    "entropy of modes", "distance", "(trained)",
  ],
  rows: scales.indices.map { i in
    let (a, b) = (bestSweep[i], trainedSweep[i])
    return row(
      scales[i],
      [
        a.accuracy, b.accuracy, a.standardDeviation, b.standardDeviation, a.farShare, b.farShare,
        entropy(a), a.distance, b.distance,
      ])
  })

//: The statements of the claim, at some of these scales:

func values(at chosen: [Double], _ value: (ClassMeasurement) -> Double) -> [Double] {
  chosen.map { value(bestSweep[scales.firstIndex(of: $0)!]) }
}
notebook.check(
  "accuracy at scales 0, 0.5, 1, 1.5", increases: values(at: [0, 0.5, 1, 1.5], \.accuracy))
notebook.check(
  "standard deviation at scales 0.5, 1, 2, 4, 8",
  decreases: values(at: [0.5, 1, 2, 4, 8], \.standardDeviation))
notebook.check(
  "entropy of the modes at scales 1, 2, 4, 8", decreases: values(at: [1, 2, 4, 8], entropy))
notebook.check(
  "scale of the smallest distance, best classifier and trained",
  [bestSweep, trainedSweep].map { sweep in
    zip(scales, sweep).min { $0.1.distance < $1.1.distance }!.0
  }, equals: [1, 1], tolerance: 0)
notebook.check("share of the far mode at scale 4", values(at: [4], \.farShare)[0], isAbove: 0.9)

//: @fold How the figure is plotted

let ofData = classMeasurement(classData(0, stream: 27, count: sweepCount))

func sweepPlot(
  _ title: String, showsData: Bool = true, _ value: (ClassMeasurement) -> Double
) -> Plot {
  let plot = Plot(title: title, x: "$s$")
    .line(scales, bestSweep.map(value), label: "best classifier", marker: .circle)
    .line(scales, trainedSweep.map(value), label: "trained", dash: .dashed, marker: .square)
  return showsData ? plot.horizontal(at: value(ofData), label: "data") : plot
}

notebook.figure(
  "scale",
  Figure(
    columns: 4,
    [
      sweepPlot("accuracy", \.accuracy),
      sweepPlot("standard deviation", \.standardDeviation),
      sweepPlot("share of the far mode", \.farShare),
      sweepPlot("distance from the class", showsData: false, \.distance),
    ], panelSize: Size(230, 230), sharing: [.x, .legend]),
  caption: "Class 0 against the guidance scale. Beyond 2 the accuracy no longer rises; "
    + "standard deviation, balance of the modes and distance get worse all the way.",
  alternative:
    "Four curves over the scale: accuracy rising to one, standard deviation falling, the far "
    + "mode's share rising to one, distance with a minimum at scale one.")

//: ### A scale above 1 does not sample the tilted distribution
//:
//: The usual explanation: raise the classifier to a power, and you sample from
//: $\tilde p(x) \propto p_0(x)\, p_0(y \mid x)^s$, a distribution that is *tilted* toward
//: points that certainly belong to the class. At each *single* step the guided score is indeed that
//: of a tilted distribution,
//: $$ \nabla \log \left[ p_t(x)\, p_t(y \mid x)^s \right] = \nabla \log p_t(x) + s\,
//: \nabla \log p_t(y \mid x) . $$
//: But these distributions do not fit together. A sampler that is to arrive at $\tilde p$ needs, at
//: step $t$, the score of $\tilde p$ *with the noise of step $t$ added*. Adding noise and tilting
//: do not commute.
//:
//: **Claim 5.8.** For $s = 1$ tilting and adding noise commute. For $s = 4$ they do not:
//: at $t = 300$ and $x = 0.3$ the two scores are visibly different. So the samples do not follow
//: the tilted distribution, and those of the deterministic sampler and of the stochastic one do not
//: even follow the same distribution.

/// The tilted density of class 1 on the line, up to a factor.
func tilted(_ x: Double, scale: Double) -> Double {
  line.density(x) * exp(scale * logProbability(x, slope: exactSlope(0)))
}

/// The score of the tilted distribution with the noise of step t added, by integration.
func noisyTiltedScore(_ x: Double, scale: Double, t: Int) -> Double {
  let (signal, variance) = (schedule.signalScale(t), schedule.noiseVariance(t))
  func weight(_ x0: Double) -> Double {
    tilted(x0, scale: scale) * exp(-0.5 * pow(x - signal * x0, 2) / variance)
  }
  return mean(under: weight) { (signal * $0 - x) / variance }
}

func guidedScore(_ x: Double, scale: Double, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).score(x) + scale * logistic.gradient(x, t, 1)
}

let scorePlaces = stride(from: -2.0, through: 2, by: 0.1).map { $0 }
notebook.check(
  "scale 1: score of the noisy class, and the guided score, 41 places",
  scorePlaces.map { noisyTiltedScore($0, scale: 1, t: 300) },
  equals: scorePlaces.map { guidedScore($0, scale: 1, t: 300) }, tolerance: 1e-9)
let tiltedScore = noisyTiltedScore(0.3, scale: 4, t: 300)
notebook.show("score of the noisy tilted distribution, scale 4", tiltedScore)
notebook.show("guided score, scale 4", guidedScore(0.3, scale: 4, t: 300))
notebook.check(
  "scale 4: their difference at x = 0.3", guidedScore(0.3, scale: 4, t: 300) - tiltedScore,
  isAbove: 0.5)

//: Now the moments of the tilted distribution, by integration, and those of the samples of both
//: samplers with all 1000 steps.

let stochasticCount = notebook.count(10_000, quick: 2000)
func stochasticSamples(scale: Double) -> [Double] {
  var streams = notebook.streams(stochasticCount, stream: 30)
  let noise = streams.normalPoints()
  let guided = guidedOnLine(count: stochasticCount) { _ in scale }
  return Sampler(.ancestral(), schedule: schedule)
    .sample(from: noise, denoiser: guided, using: streams).values
}

//: One row for each scale:

let samplersByScale = [1.0, 2, 4, 8].map { scale in
  let tiltedMean = mean(under: { tilted($0, scale: scale) }) { $0 }
  let tiltedVariance = mean(under: { tilted($0, scale: scale) }) { pow($0 - tiltedMean, 2) }
  return (
    scale: scale, tilted: (mean: tiltedMean, standardDeviation: tiltedVariance.squareRoot()),
    deterministic: Moments(sampleQuantiles(steps: 1000) { _ in scale }),
    stochastic: Moments(stochasticSamples(scale: scale))
  )
}
notebook.table(
  "Mean and standard deviation of class 1 on the line", of: samplersByScale,
  columns: [
    "scale": { $0.scale }, "tilted: mean": { $0.tilted.mean },
    "std": { $0.tilted.standardDeviation }, "deterministic: mean": { $0.deterministic.mean },
    "std": { $0.deterministic.standardDeviation }, "stochastic: mean": { $0.stochastic.mean },
    "std": { $0.stochastic.standardDeviation },
  ])

//: The means of the stochastic samples lie between the two others.

notebook.check(
  "scale 1: mean of the stochastic sampler, and that of the class",
  samplersByScale[0].stochastic.estimate, equals: 1)
for each in samplersByScale.dropFirst() {
  notebook.check(
    "scale \(Int(each.scale)): mean of the stochastic sampler, above the tilted one",
    each.stochastic.estimate, isAbove: Estimate(mean: each.tilted.mean, standardError: 0))
  notebook.check(
    "scale \(Int(each.scale)): and below the deterministic sampler's", each.stochastic.estimate,
    isBelow: Estimate(mean: each.deterministic.mean, standardError: 0))
}

//: The tilted distribution at $s = 8$ would still be a narrow density around 1.09. Guided
//: samples go past 2, where the class has almost no data: they are pushed *out of the data*, away
//: from the other class, because the classifier's gradient at high noise never vanishes. Chapter 6
//: finds the same for classifier-free guidance.
//:
//: **Erratum E-S4c.** The slides of IIT Hyderabad set $\nabla \log p(x_t \mid y)$ equal to the
//: combination with the scale, $\nabla \log p(x_t) + \gamma\, [\nabla \log p(x_t \mid y) - \nabla
//: \log p(x_t)]$, for any $\gamma$. The left side has no $\gamma$; equality holds at $\gamma = 1$
//: only. The right side is the score of another distribution, $p_t(x)\, p_t(y \mid x)^\gamma$ up to
//: a constant; the second route is its slope, by finite differences.

notebook.erratum(
  "E-S4c", source: "IIT Hyderabad, slides 21, classifier-free guidance",
  "guided score for gamma = 4 at x = 0.3, t = 300",
  printed: line.restricted(to: 1).noisyMarginal(schedule, to: 300).score(0.3),
  right: guidedScore(0.3, scale: 4, t: 300),
  secondRoute: derivative(at: 0.3) { x in
    line.noisyMarginal(schedule, to: 300).marginal.logDensity(x)
      + 4 * logProbability(x, slope: exactSlope(300))
  }, tolerance: 1e-9, apart: 1)

//: ### Guidance schedules: when to guide
//:
//: The scale may depend on the step. The book proposes $s(t) = s_{\max} f(t)$, its
//: equation (9.14), with $f(t) = t/T$, with $f(t) = e^{-\lambda (T - t)}$, or with a step, and
//: gives a reason: the structure is made early in sampling, at high noise, so guide there, and
//: spare the details. Sampling runs from $t = T$ down to 0, so these shapes are indeed strongest
//: early.
//:
//: **Claim 5.9.** All three are strongest at $t = T$ and never grow on the way to 0. But with the
//: best classifier none of them is better than a constant. At an equal mean scale, those that guide
//: early end nearer to the class, but only because they guide less: their samples are less often of
//: it. The fair comparison is at equal *confidence*: raise each shape until the mean
//: $p(1 \mid x_0)$ of its samples is 0.99 (data of the class have 0.966), and measure the distance.
//: Early guidance then has several times the distance of the constant; *late* guidance has a
//: slightly smaller one. (The second result depends on the level: at a confidence of 0.98 the
//: constant is best.)

typealias GuidanceSchedule = (name: String, f: @Sendable (_ share: Double) -> Double)
let guidanceSchedules: [GuidanceSchedule] = [
  ("constant", { _ in 1 }),
  ("linear, t/T", { $0 }),
  ("exponential, rate 5/T", { exp(-5 * (1 - $0)) }),
  ("early half", { $0 > 0.5 ? 1 : 0 }),
  ("reversed, 1 - t/T", { 1 - $0 }),
  ("late half", { $0 <= 0.5 ? 1 : 0 }),
]

//: Do they decrease on the way from $T$ to 0?

let shares = (1...1000).map { Double($0) / 1000 }  // t/T
for (name, f) in guidanceSchedules[1...3] {
  let values = shares.reversed().map(f)
  notebook.check(
    "\(name): largest growth from one step of sampling to the next",
    zip(values, values.dropFirst()).map { $1 - $0 }.max()!, isAtMost: 0)
}

//: The samples of a schedule with a given maximum, their confidence, and the maximum that gives a
//: wanted confidence, by bisection:

func samples(_ schedule: GuidanceSchedule, maximum: Double) -> [Double] {
  sampleQuantiles(count: 401) { maximum * schedule.f(Double($0) / 1000) }
}

/// The mean of p(1 | x) over the samples.
func confidence(_ samples: [Double]) -> Double {
  Moments(samples.map { exp(logProbability($0, slope: exactSlope(0))) }).mean
}

func maximum(of schedule: GuidanceSchedule, confidence wanted: Double) -> Double {
  var (low, high) = (0.0, 64.0)
  for _ in 0..<16 {
    let middle = (low + high) / 2
    if confidence(samples(schedule, maximum: middle)) < wanted {
      low = middle
    } else {
      high = middle
    }
  }
  return (low + high) / 2
}

//: Each schedule once with a mean scale of 2, and once with a confidence of 0.99:

let scheduled = guidanceSchedules.map { schedule in
  let mean = Moments(shares.map(schedule.f)).mean
  let maximum = maximum(of: schedule, confidence: 0.99)
  return (
    name: schedule.name, equalMean: samples(schedule, maximum: 2 / mean), mean: maximum * mean,
    equalConfidence: samples(schedule, maximum: maximum)
  )
}
notebook.table(
  "Guidance schedules: with a mean scale of 2, and with a confidence of 0.99", of: scheduled,
  columns: [
    "schedule": { $0.name }, "mean 2: confidence": { confidence($0.equalMean) },
    "std": { Moments($0.equalMean).standardDeviation }, "distance": { distance($0.equalMean) },
    "confidence 0.99: mean scale": { $0.mean },
    "std": { Moments($0.equalConfidence).standardDeviation },
    "distance": { distance($0.equalConfidence) },
  ])
notebook.show("confidence for data of the class", confidence(classQuantiles(401)))

//: First the comparison at equal mean, then the one at equal confidence.

let (constant, early) = (scheduled[0], scheduled[1...3])
notebook.check(
  "mean 2: greatest distance of the three early ones, against the constant",
  early.map { distance($0.equalMean) }.max()!, isBelow: distance(constant.equalMean))
notebook.check(
  "mean 2: greatest confidence of the three early ones, against the constant",
  early.map { confidence($0.equalMean) }.max()!, isBelow: confidence(constant.equalMean))
let ratios = scheduled.map { distance($0.equalConfidence) / distance(constant.equalConfidence) }
notebook.check(
  "least distance of the three early ones, over that of the constant", ratios[1...3].min()!,
  isAbove: 2)
notebook.check(
  "greatest distance of the two late ones, over that of the constant", ratios[4...5].max()!,
  isBelow: 1)

//: The reason is in the classifier: at high noise $k_t$ is small and the two classes overlap, so
//: early guidance moves *all* points, also those that are already on the right side; late guidance
//: acts on the few points that are still undecided. This is one testbed, and an exact model. It
//: refutes the rule, not the possibility that an inexact model profits. (For large models too,
//: guidance at the highest noise was found to do harm: Kynkäänniemi et al., "Applying guidance in a
//: limited interval", 2024.)
//:
//: @fold How the figure is plotted

// Other schedules lie on the constant one for half of the way.
func width(_ name: String) -> Double { name == "constant" ? 4 : Style.lineWidth }
let levels = (0..<401).map { (Double($0) + 0.5) / 401 }
notebook.figure(
  "guidance-schedules",
  Figure(
    columns: 2,
    [
      Plot(title: "$f(t)$", x: "step $t$", y: "$f$").adding(guidanceSchedules) { plot, each in
        plot.line(
          shares.map { 1000 * $0 }, shares.map(each.f), label: each.name, width: width(each.name))
      },
      Plot(
        title: "samples at equal confidence", x: Axis("$x$", range: -0.6...3.4),
        y: Axis("cumulative probability", range: 0...1)
      ).adding(scheduled) { plot, each in
        plot.line(each.equalConfidence, levels, label: each.name, width: width(each.name))
      }.line(classQuantiles(401), levels, label: "class 1", color: .ink, dash: .dashed),
    ], panelSize: Size(380, 300), sharing: .legend),
  caption: "Guidance schedules, and the cumulative distribution functions of their samples, each "
    + "schedule with the maximum that gives a mean confidence of 0.99. Samples guided early end "
    + "far to the right of the class.",
  alternative:
    "Left, six functions of the step. Right, distribution functions; those of early guidance lie "
    + "right of the dashed curve of the class.")

//: ## Part V. Cost and evaluation
//:
//: ### The cost of a step
//:
//: A guided step evaluates the model once and the gradient of the classifier once. The book puts
//: the cost at 20 to 50 % of an unguided step. This can be counted: the multiply-adds of a network
//: are known before it is trained. Take the U-Net of chapter 3 for images of 16 by 16 pixels and,
//: as its classifier, a smaller copy of its encoder, with global average pooling at the end.
//:
//: **Claim 5.10.** The gradient costs a backward pass of the size of the forward pass (the
//: gradients of the weights, which training needs as well, are not computed). So the cost of
//: guidance is twice the classifier's share of the model. It depends on your choice: here it is
//: below 30 %; with a classifier of the model's own size it would be 200 %.

let model = DiffusionModel<UNet>(.smallImages(), seed: notebook.seed)
let encoder = UNetEncoder(
  .init(inputChannels: 1, channels: [16, 32, 48]), generator: notebook.random(51))
let encoderClassifier = NetworkClassifier(encoder, model.diffusion)
let batch = Tensor.normal([32, 1, 16, 16], streamsOf: notebook.random(52))

let costs = [
  ("model", { _ = model.network(batch, t: [500]) }),
  ("classifier, forward pass", { _ = encoderClassifier.logProbabilities(batch, t: 500) }),
  (
    "classifier, gradient",
    { _ = encoderClassifier.labelScore(batch, t: 500, labels: labels(0, count: 32)) }
  ),
].map { name, evaluation in
  (name: name, millions: Double(OperationCount.multiplyAdds(in: evaluation)) / 32e6)
}
notebook.table(
  "One evaluation on an image of 16 by 16 pixels", of: costs,
  columns: [
    "": { $0.name }, "million multiply-adds": { $0.millions },
    "share of the model's": { $0.millions / costs[0].millions },
  ])
notebook.check(
  "multiply-adds of the gradient over those of the forward pass",
  costs[2].millions / costs[1].millions, equals: 2, tolerance: 0.1)
notebook.check(
  "cost of guidance as a share of an unguided step, multiply-adds",
  costs[2].millions / costs[0].millions, isBelow: 0.3)

//: ### Adversarial samples
//:
//: A classifier's gradient raises the probability under *that classifier*. *Adversarial examples*,
//: images with invisible changes that cause a wrong prediction, are made from the very same
//: gradient (the *fast gradient sign method*: a small step along its sign). Does guidance produce
//: such images?
//:
//: In the plane it hardly can: there are too few dimensions. An image has hundreds of dimensions,
//: most of which carry no information about the class, and a classifier that was trained on few
//: examples overfits to accidents in them. So here is a testbed with 64 dimensions, of which the
//: *first alone* depends on the class (the two Gaussians of Claim 5.1), while the other 63 are
//: noise of the same width. Everything about it is exact. The guiding classifier is a network
//: trained on 200 points, at all steps. The *evaluation classifier* has the same architecture and
//: was trained on 200 others. The Bayes classifier uses the first coordinate only.

let dimensions = 64
let mixtureIn64 = MultivariateMixture(
  [-1.0, 1].enumerated().map { label, mean in
    .init(
      mean: [mean] + [Double](repeating: 0, count: dimensions - 1), standardDeviation: 0.5,
      label: label)
  })

func classifierIn64(stream: Int) -> PlaneClassifier {
  let network = MLP(
    .init(inputs: dimensions, outputs: 2, width: 64, layers: 1, timeFeatures: 32),
    generator: notebook.random(stream))
  var streams = RandomStreams(of: notebook.random(stream).split(1), count: 200)
  let (points, labels) = mixtureIn64.samples(using: &streams)
  let classifier = PlaneClassifier(network, diffusion)
  let plan = TrainingPlan(
    length: .steps(notebook.count(600, quick: 300)), learningRate: 3e-3, warmUpSteps: 30,
    weightDecay: 0, seed: notebook.seed)
  classifier.training(on: points.tensor, labels: labels, plan: plan, batchSize: 200).forEach { _ in
  }
  return classifier
}

let guiding = classifierIn64(stream: 53)
let evaluating = classifierIn64(stream: 54)

//: Half of the samples are guided to each class.

let labelsIn64 = (0..<notebook.count(1000, quick: 300)).map { $0 % 2 }

func guidedSamplesIn64(_ scale: Double) -> PointSet {
  guidedStates(
    of: mixtureIn64, to: labelsIn64, by: guiding, scale: scale, stream: 55, steps: 50
  ).last!
}

/// The share on the class's side of the first coordinate.
func bayesAccuracy(_ points: PointSet) -> Double {
  let correct = zip(points.column(0), labelsIn64).count { ($0 > 0) == ($1 == 1) }
  return Double(correct) / Double(points.count)
}

/// The length of the vector of means of the 63 uninformative coordinates, class 0 with the
/// opposite sign, in standard deviations.
func drift(_ points: PointSet) -> Double {
  let signs = labelsIn64.map { $0 == 1 ? 1.0 : -1 }
  let means = (1..<dimensions).map { axis in
    Moments(zip(points.column(axis), signs).map { $0 * $1 }).mean
  }
  return means.reduce(0) { $0 + $1 * $1 }.squareRoot() / 0.5
}

//: **Claim 5.11.** The accuracy under the guiding classifier is misleading. At $s = 1$ it
//: classifies nearly all samples as wanted, where the evaluation classifier and the Bayes
//: classifier agree on several in a hundred fewer; the Bayes classifier has an accuracy of 97.7 %
//: on the data. From $s = 1$ to 4 the guiding classifier's cross-entropy is several times
//: smaller than the evaluation classifier's. And the samples drift: the 63 uninformative
//: coordinates get means that depend on the class. At $s = 8$ the vector of these means is two
//: thirds of a standard deviation long or more, where the data have zero. (Chance alone gives
//: $\sqrt{63/1000} = 0.25$ for a thousand samples.)

let scalesIn64 = [0, 0.25, 0.5, 1, 2, 4, 8]
let samplesIn64 = scalesIn64.map(guidedSamplesIn64)
let accuracies = [guiding, evaluating].map { classifier in
  samplesIn64.map { classifier.accuracy($0, labels: labelsIn64) }
}
let crossEntropies = [guiding, evaluating].map { classifier in
  samplesIn64.map { classifier.crossEntropyLoss($0, t: 0, labels: labelsIn64) }
}
let bayesAccuracies = samplesIn64.map(bayesAccuracy)
let drifts = samplesIn64.map(drift)
notebook.table(
  "Samples in 64 dimensions: accuracy and cross-entropy under three classifiers",
  columns: [
    "scale", "guide: accuracy", "cross-entropy", "evaluation: accuracy", "cross-entropy",
    "Bayes: accuracy", "drift, in standard deviations",
  ],
  rows: scalesIn64.indices.map { i in
    row(
      scalesIn64[i],
      [
        accuracies[0][i], crossEntropies[0][i], accuracies[1][i], crossEntropies[1][i],
        bayesAccuracies[i], drifts[i],
      ])
  })

//: The three statements of the claim:

notebook.check(
  "scale 1: accuracy under the guide, less that under the Bayes classifier",
  accuracies[0][3] - bayesAccuracies[3], isAbove: 0.03)
notebook.check(
  "scales 1, 2, 4: least ratio of the evaluation classifier's to the guide's cross-entropy",
  (3...5).map { crossEntropies[1][$0] / crossEntropies[0][$0] }.min()!, isAbove: 3)
notebook.check(
  "scale 8: drift of the uninformative coordinates, in standard deviations", drifts[6],
  isAbove: 0.65)

//: The samples are not purely *adversarial*: the true direction is in the gradient too, and grows
//: with the scale, until all three classifiers agree. But they agree on samples that have left the
//: data in uninformative directions. So the accuracy under the guiding classifier is no evidence,
//: and even that under an independent classifier is only half of it. Report a distance beside it.

//: ## Part VI. Images
//:
//: Now without an exact denoiser and an exact classifier. The model is the one whose multiply-adds
//: we have counted. It is trained on white shapes of ten kinds, on black, *without labels*: by
//: itself it generates a shape of an arbitrary kind.

let trainingImages = SmallImages.synthetic(notebook.count(3000, quick: 200))
let modelRun = model.training(
  on: trainingImages.tensor,
  plan: .small(steps: notebook.count(600, quick: 10), seed: notebook.seed))
let modelLosses = modelRun.finish()
notebook.show("updates of the model", modelLosses.count)
notebook.show("its loss (v-prediction), last 50 batches", Moments(modelLosses.suffix(50)).mean)

//: We train three classifiers: a *guide* on all steps; a *clean-data classifier* of the same
//: architecture on clean images only, which is a much easier task and takes a quarter of the
//: updates; and an *evaluation classifier* of another size, on other images. It never guides. (It
//: is trained with a little noise, so that the remaining noise of an under-trained model does not
//: matter to it.)

typealias EncoderClassifier = NetworkClassifier<UNetEncoder>

func trainedOnImages(
  seed: UInt64, channels: [Int], times: ClosedRange<Int>, updates: Int, stream: Int
) -> EncoderClassifier {
  let images = SmallImages.synthetic(notebook.count(3000, quick: 200), seed: seed)
  let network = UNetEncoder(
    .init(inputChannels: 1, channels: channels), generator: notebook.random(stream))
  let classifier = EncoderClassifier(network, model.diffusion, times: times)
  let plan = TrainingPlan(
    length: .steps(notebook.count(updates, quick: 10)), learningRate: 3e-3, warmUpSteps: 20,
    seed: notebook.seed)
  classifier.training(
    on: images.tensor, labels: images.labels, plan: plan, batchSize: 64
  ).finish()
  return classifier
}

let guide = trainedOnImages(
  seed: 0, channels: [16, 32, 48], times: 0...1000, updates: 600, stream: 70)
let cleanGuide = trainedOnImages(
  seed: 0, channels: [16, 32, 48], times: 0...0, updates: 150, stream: 71)
let evaluation = trainedOnImages(
  seed: 1, channels: [24, 48], times: 0...100, updates: 250, stream: 72)

//: What are their accuracies on test images? A uniform guess has an accuracy of 0.1 and a
//: cross-entropy of $\log 10 = 2.303$.

let uniformGuess = log(10.0)
let testImages = SmallImages.synthetic(notebook.count(500, quick: 100), part: .test)
let noiseLevels = [0, 100, 200, 300, 500, 700]
let onNoisyImages = noiseLevels.map { t -> [Double] in
  let noise = Tensor.normal(testImages.tensor.shape, streamsOf: notebook.random(73).split(t))
  let noisy = model.diffusion.addNoise(to: testImages.tensor, t: t, noise: noise)
  return [guide, cleanGuide].flatMap {
    [
      $0.accuracy(noisy, t: t, labels: testImages.labels),
      $0.crossEntropyLoss(noisy, t: t, labels: testImages.labels),
    ]
  }
}
notebook.table(
  "Test images with noise",
  columns: ["t", "guide: accuracy", "cross-entropy", "clean only: accuracy", "cross-entropy"],
  rows: zip(noiseLevels, onNoisyImages).map { row($0, $1) })
notebook.show(
  "evaluation classifier: accuracy on clean test images",
  evaluation.accuracy(testImages.tensor, labels: testImages.labels))

//: **Claim 5.12.** The guide is never worse than a uniform guess, and guided images are of the
//: wanted kind more often than by chance: the evaluation classifier's accuracy is one in ten
//: without guidance, and far higher with it. (A quick run trains for too short a time; it leaves
//: out these checks.)

if !notebook.isQuick {
  notebook.check(
    "the guide's greatest cross-entropy over the steps, less that of a uniform guess",
    onNoisyImages.map { $0[1] }.max()! - uniformGuess, isAtMost: 0.05)
}

//: Then each classifier guides the model: a hundred images, ten of each kind, from the same noise
//: for every scale, with 20 steps and $\hat x_0$ clipped to the range between black and white.

let wanted = (0..<notebook.count(100, quick: 20)).map { $0 % 10 }
let fastSampler = Sampler(
  .ddim(), schedule: model.schedule, timesteps: model.schedule.timesteps(20), clip: .images)

func guidedImages(by classifier: EncoderClassifier, scale: Double) -> Tensor {
  model.sample(wanted.count, with: fastSampler, seed: notebook.seed, batchSize: 50) { range in
    ClassifierGuidedDenoiser(
      model, by: classifier, labels: Array(wanted[range]), scale: scale, model.schedule)
  }
}

//: The images are compared by features and by pixels.

/// The features of images: the evaluation classifier's last layer but one.
func features(_ images: Tensor) -> PointSet {
  PointSet(evaluation.network.features(Tape(recording: false).constant(images), t: [0]).value)
}

/// The mean distance of two images that should show the same kind of shape, per pixel.
func diversity(_ images: Tensor) -> Double {
  Moments(
    wanted.indices.flatMap { a in
      stride(from: a + 10, to: wanted.count, by: 10).map { b in
        (images.slice(a..<a + 1) - images.slice(b..<b + 1)).norm() / 16
      }
    }
  ).mean
}

//: The scales of the guide, and those of the clean-data classifier:

let guidedRuns: [(name: String, classifier: EncoderClassifier, scale: Double)] =
  [0, 1, 2, 4, 8].map { ("all steps", guide, $0) } + [1, 4].map { ("clean only", cleanGuide, $0) }
let runImages = guidedRuns.map { guidedImages(by: $0.classifier, scale: $0.scale) }
let runAccuracies = runImages.map { evaluation.accuracy($0, labels: wanted) }
let diversities = runImages.map(diversity)
let featureDistances = runImages.map {
  Distance.energy(features($0), features(testImages.tensor))
}
notebook.table(
  "A hundred guided images", of: guidedRuns.indices,
  columns: [
    "guided by": { guidedRuns[$0].name }, "scale": { guidedRuns[$0].scale },
    "accuracy, guiding classifier": {
      guidedRuns[$0].classifier.accuracy(runImages[$0], labels: wanted)
    },
    "accuracy, evaluation classifier": { runAccuracies[$0] },
    "diversity": { diversities[$0] }, "distance of features": { featureDistances[$0] },
  ])
notebook.show("diversity of real images", diversity(testImages.tensor))

//: The accuracies are proportions of a hundred images.

let hits = runAccuracies.map { Estimate.proportion(Int($0 * 100), of: 100) }
if !notebook.isQuick {
  notebook.check(
    "accuracy, evaluation classifier: scale 4 above scale 0", hits[3], isAbove: hits[0],
    byStandardErrors: 4)
  notebook.check(
    "diversity within a kind: scale 8 over scale 0", diversities[4] / diversities[0], isBelow: 1)
}

//: @fold How the figure is plotted

func tiles(_ images: Tensor) -> [Picture] {
  (0..<10).map { Picture(planar: images.slice($0..<$0 + 1).elements, width: 16, height: 16) }
}

notebook.figure(
  "guided-images",
  ImageGrid(
    rows: ([testImages.tensor] + runImages).map(tiles),
    rowLabels: ["real"] + guidedRuns.map { "\($0.name), s = \(Int($0.scale))" },
    columnLabels: testImages.classNames.map { $0.replacingOccurrences(of: " ", with: "\n") },
    cellWidth: 56), formats: [.png],
  caption:
    "One image of each kind. Top: real ones. Below: samples of the model, with the same noise "
    + "down a column, guided by the classifier of noisy images, and (last two rows) by the one "
    + "trained on clean images only.",
  alternative: "A grid of small white shapes on black, one kind per column, one scale per row.")

//: The shapes are crude: model and classifiers were trained for less than a minute. Still, guidance
//: often turns the same noise into the kind of its column.
//:
//: Now the last two rows. On the line, the clean-data classifier brought every sample to its class
//: (Claim 5.6) and removed half of the diversity. Would you expect the same here?
//:
//: **Claim 5.13.** No: for images this guide is as useless as the books claim, though its accuracy
//: on clean images is higher than the guide's. At half of the noise levels it is worse than a
//: uniform guess. The evaluation classifier's accuracy on its images is far lower, and the distance
//: of their *features* (the activations of the classifier's last layer but one) from those of real
//: images is larger. On the line its gradient had the right direction and the wrong size. With 256
//: pixels the direction is wrong too: at high noise it follows accidents.

if !notebook.isQuick {
  notebook.check(
    "clean images: accuracy, the clean-data classifier less the guide",
    onNoisyImages[0][2] - onNoisyImages[0][0], isAtLeast: 0)
  notebook.check(
    "its cross-entropy at t = 300, against a uniform guess", onNoisyImages[3][3],
    isAbove: uniformGuess)
  notebook.check(
    "scale 4: accuracy, guided by the clean-data classifier, below the guide's",
    hits[6], isBelow: hits[3], byStandardErrors: 3)
  notebook.check(
    "scale 4: distance of features, guided by the clean-data classifier, over the guide's",
    featureDistances[6] / featureDistances[3], isAbove: 1.5)
}

//: How easily such a classifier follows accidents shows on *real* images, by the fast gradient sign
//: method: move each pixel by 0.2 (a tenth of the way from black to white) against the sign of the
//: gradient of $\log p(y \mid x)$ for the true kind $y$. The classifier whose gradient it is loses
//: far more accuracy than by the same move along another classifier's gradient.

func moved(against classifier: EncoderClassifier) -> Tensor {
  let (images, labels) = (testImages.tensor, testImages.labels)
  let gradient = classifier.labelScore(images, t: 0, labels: labels).elements
  return Tensor(
    zip(images.elements, gradient).map { $0 - ($1 > 0 ? 0.2 : $1 < 0 ? -0.2 : 0) },
    shape: images.shape)
}

let imageClassifiers = [("guide", guide), ("clean only", cleanGuide), ("evaluation", evaluation)]
func testAccuracies(_ images: Tensor) -> [Double] {
  imageClassifiers.map { $0.1.accuracy(images, labels: testImages.labels) }
}
let adversarial = imageClassifiers.map { ($0, testAccuracies(moved(against: $1))) }
notebook.table(
  "Accuracy on images moved against a gradient",
  columns: ["moved against", "guide", "clean only", "evaluation classifier"],
  rows: ([("none", testAccuracies(testImages.tensor))] + adversarial).map { row($0, $1) })
if !notebook.isQuick {
  notebook.check(
    "accuracy of the clean-data classifier, moved against the guide less against itself",
    adversarial[0].1[1] - adversarial[1].1[1], isAbove: 0.15)
}

//: ## Part VII. Four common mistakes
//:
//: **Claim 5.14.** Each of these mistakes has been made, runs without an error message, and
//: produces samples. On the line, guided to class 1 with a scale of 1 and 100 steps: the sign of
//: the gradient reversed; the factor $\sqrt{1 - \bar\alpha_t}$ left out; the gradient of the *mean*
//: loss of the batch, not of each entry's own loss; the gradient of $p(y \mid x)$ in place of that
//: of its logarithm. All four are at least five times as far from the class as the correct formula.
//: The second mistake does not show in the labels. (The first is also in the course's collection of
//: mistakes: `swift run chapter-05-classifier-guidance --bug guidance-sign` runs this whole chapter
//: with it and lists the checks that fail.)

let gradientFactors: [(name: String, factor: @Sendable (_ t: Int, _ x: Double) -> Double)] = [
  ("none", { t, _ in -schedule.noiseScale(t) }),
  ("sign", { t, _ in schedule.noiseScale(t) }),
  ("no root", { _, _ in -1 }),
  ("mean of the batch", { t, _ in -schedule.noiseScale(t) / 2001 }),
  (
    "no logarithm",
    { t, x in -schedule.noiseScale(t) * exp(logProbability(x, slope: exactSlope(t))) }
  ),
]
let byMistake = gradientFactors.map { _, factor in
  let guided = FunctionDenoiser<PointSet> { xt, t in
    PointSet(
      zip(xt.values, onLine.noise(xt, t: t).values).map { x, noise in
        noise + factor(t, x) * logistic.gradient(x, t, 1)
      })
  }
  return ddim(100).sample(
    from: PointSet(gaussianQuantiles(2001)), denoiser: guided,
    using: notebook.streams(2001, stream: 0)
  ).values
}

//: The first of them is correct.

notebook.table(
  columns: ["mistake", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: zip(gradientFactors, byMistake).map { row($0.name, lineSummary($1)) })
notebook.check(
  "no mistake: largest difference from the library's quantiles", byMistake[0], equals: byBest,
  tolerance: 1e-12)
notebook.check(
  "least distance of the four, over that of the correct formula",
  byMistake.dropFirst().map(distance).min()! / distance(byBest), isAbove: 5)
notebook.check("share at x > 0 without the root", positiveShare(byMistake[2]), isAbove: 0.97)

//: ## Exercises
//:
//: Exercise **9.10.2** of "Foundations of Generative Models": (a) train a classifier on noisy data:
//: Claims 5.5 and 5.12; (b) guide with it: Claims 5.4 and 5.12; (c) compare classifiers and ways to
//: train them: Claims 5.6, 5.11 and 5.13; (d) the scale: Claims 5.7 and 5.12. Two more:
//:
//: **The average of all classes.** Weight the gradients of all classes with the classes' own
//: probabilities and add them up. What is the result, and why?
//:
//: <details><summary>Answer</summary>
//:
//: Zero: $\sum_y p(y \mid x)\, \nabla \log p(y \mid x) = \nabla \sum_y p(y \mid x) = \nabla 1$. So
//: the guided noises of all classes at $s = 1$ average to the unguided noise: guidance only
//: separates what the model has mixed. This is Claim 5.15.
//:
//: </details>
//:
//: **Claim 5.15.** $\sum_y p_t(y \mid x)\, \nabla \log p_t(y \mid x) = 0$.

let (mixedPoints, _) = noisyPoints(200, t: 250, stream: 60)
let probabilities = bayes.labelProbabilities(mixedPoints, t: 250)
let classGradients = (0..<3).map {
  bayes.labelScore(mixedPoints, t: 250, labels: labels($0, count: 200))
}
let weightedSums = (0..<200).flatMap { i in
  (0..<2).map { axis in
    (0..<3).reduce(0) { $0 + probabilities[i][$1] * classGradients[$1][i][axis] }
  }
}
notebook.check(
  "weighted sum of the three gradients, 200 points", weightedSums,
  equals: weightedSums.map { _ in 0 }, tolerance: 1e-12)

//: **A clean-data classifier of the denoised estimate.** Instead of the noisy $x_t$, give a
//: clean-data classifier the denoiser's estimate $\hat x_0(x_t)$, and differentiate through both.
//: (Bansal et al., "Universal guidance for diffusion models", 2023, do this to use classifiers as
//: they are.) Is that Bayes' rule at last?
//:
//: <details><summary>Answer</summary>
//:
//: No. Bayes' rule asks for the mean of $p(y \mid x_0)$ over all $x_0$ that may have led to $x_t$;
//: this method takes $p(y \mid \cdot)$ of their mean. A logistic function of a mean is not the mean
//: of the function, and the estimate has a smaller variance than $x_0$ given $x_t$, so the
//: classifier is again too confident. It is better than the classifier of the noisy point, and
//: twenty times farther from the class than the best classifier: Claim 5.16.
//:
//: </details>
//:
//: **Claim 5.16.** On the line, the clean-data classifier of $\hat x_0$ guides closer to the class
//: than the clean-data classifier of $x_t$, and by far not as close as the best one.

/// The clean-data classifier of $\hat x_0$, with the slope of the estimate by the derivative of
/// Tweedie's formula (chapter 2).
let ofEstimate = LineClassifier { x, t, label in
  let noisy = line.noisyMarginal(schedule, to: t)
  let slope = schedule.signalScale(t) / schedule.noiseVariance(t) * noisy.x0Variance(x)
  return slope * cleanLogistic.gradient(noisy.x0Mean(x), 0, label)
}

let estimateStudy = [
  ("the best classifier", logistic), ("clean-data, of the estimate", ofEstimate),
  ("clean-data, of the noisy point", cleanLogistic),
].map { name, classifier in
  (name: name, summary: lineSummary(sampleQuantiles(by: classifier, count: 401)))
}
notebook.table(
  columns: ["guided by", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: estimateStudy.map { row($0.name, $0.summary) })
let studyDistances = estimateStudy.map { $0.summary[3] }
notebook.check(
  "distance: classifier of the estimate over classifier of the noisy point",
  studyDistances[1] / studyDistances[2], isBelow: 1)
notebook.check(
  "distance: classifier of the estimate over the best classifier",
  studyDistances[1] / studyDistances[0], isAbove: 10)

//: ## Summary
//:
//: | symbol | in code | meaning |
//: |---|---|---|
//: | $p_t(y \mid x)$ | `ExactClassifier`, `NetworkClassifier` | the class probabilities of a noisy point, conditioned on the step |
//: | $\nabla \log p_t(y \mid x)$ | `labelScore(_:t:labels:)` | the classifier's gradient, used for guidance |
//: | $\tilde\epsilon$ | `ClassifierGuidedDenoiser` | guided noise, for any sampler |
//: | $s$ | `scale` | the guidance scale. 0: unguided; 1: Bayes' rule; above: higher accuracy, less diversity |
//: | $s(t)$ | `scale: { t in … }` | a guidance scale for each step |
//:
//: - Scores add: an unconditional model and a classifier are a conditional model, exactly, at
//:   $s = 1$.
//: - The classifier must be conditioned on the noise level. One that is not is too confident; on
//:   the line that costs diversity and not accuracy, which is why counting labels does not reveal
//:   it.
//: - Above 1, guided samples do not follow the tilted distribution. Guidance removes what resembles
//:   other classes, and pushes the rest outwards.
//: - Evaluate with a classifier that did not guide.
//:
//: ## Next
//:
//: Two networks, two trainings, a backward pass at each step: can we have the same without the
//: classifier? Write the gradient by Claim 5.1 as a difference of two scores, and let one network
//: learn both. That is chapter 6.

notebook.finish()  // weave:hide
