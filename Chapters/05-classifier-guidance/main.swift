//: # Chapter 5. Classifier guidance
//:
//: A diffusion model has learned the distribution of all its training data, and chance decides the
//: kind of each sample. Suppose you want a sample of one *class*: a star, not just any shape. The
//: model is unconditional: it was trained without labels. But a classifier of noisy images has a
//: gradient, and this gradient points towards images that are more probably stars. *Classifier
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
let law = MultivariateMixture([
  .init(weight: 0.18, mean: [-1.35, 0.55], standardDeviation: 0.28, label: 0),
  .init(weight: 0.15, mean: [0.35, 0.25], standardDeviation: 0.30, label: 0),
  .init(weight: 0.20, mean: [0.95, -0.15], standardDeviation: 0.32, label: 1),
  .init(weight: 0.13, mean: [1.15, 1.25], standardDeviation: 0.25, label: 1),
  .init(weight: 0.21, mean: [-0.45, -1.15], covariance: slanted, label: 2),
  .init(weight: 0.13, mean: [-0.35, 1.35], standardDeviation: 0.28, label: 2),
])
let denoiser = ExactDenoiser(law, schedule)
let bayes = ExactClassifier(law, schedule)

//: The sampler is deterministic DDIM (chapter 4), with 100 steps unless stated otherwise. Its input
//: is a denoiser; it has no notion of classes. Every experiment has a random stream of its own;
//: equal streams give equal noise, so that two guidance methods can be compared from the same
//: start.

let root = RandomGenerator(seed: notebook.seed)
let crowd = notebook.count(4000, quick: 1000)

func ddim(_ steps: Int) -> Sampler {
  Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(steps))
}

/// Samples of the exact model guided to one class.
func steered<Classifier: NoisyClassifier>(
  to label: Int, by classifier: Classifier, scale: Double, stream: Int,
  count: Int = crowd, steps: Int = 100
) -> PointSet where Classifier.Value == PointSet {
  let guided = ClassifierGuidedDenoiser(
    denoiser, by: classifier, labels: [Int](repeating: label, count: count), scale: scale, schedule)
  var streams = RandomStreams(of: root.split(stream), count: count)
  let noise = streams.normalPoints(dimensions: 2)
  return ddim(steps).sample(from: noise, denoiser: guided, using: streams)
}

/// Samples of one class, or of the whole distribution if there is none.
func truth(_ label: Int?, stream: Int, count: Int = crowd) -> PointSet {
  var streams = RandomStreams(of: root.split(stream), count: count)
  return (label.map { law.restricted(to: $0) } ?? law).samples(using: &streams).points
}

//: First the result, then the method. Below, the same noise goes through the same model four times,
//: unguided and guided to each class.
//:
//: @fold How the figure is plotted

let classColors: [Color] = [.blue, .vermilion, .green]
let window = -2.6...2.6
let density = Field(x: window, y: window) { law.density([$0, $1]) }

func cloudPlot(_ title: String, _ points: PointSet, _ color: Color = .ink) -> Plot {
  Plot(title: title, x: Axis("$x_1$", range: window), y: Axis("$x_2$", range: window))
    .contours(density, levels: [0.02, 0.08, 0.16], color: Color(gray: 0.6), width: 0.8)
    .scatter(points.column(0), points.column(1), color: color, radius: 1.1, opacity: 0.35)
    .equalAspect()
}

let fourPanels =
  [
    cloudPlot("unguided", steered(to: 0, by: bayes, scale: 0, stream: 1, count: 1200))
  ]
  + (0..<3).map { label in
    cloudPlot(
      "to class \(label)", steered(to: label, by: bayes, scale: 1, stream: 1, count: 1200),
      classColors[label])
  }
notebook.figure(
  "steered", Figure(columns: 4, fourPanels, panelSize: Size(230, 250), sharing: .axes),
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

/// A classifier on the line, with log odds of class 1 that are `slope(t)` times x.
struct LogisticClassifier: NoisyClassifier {
  let slope: @Sendable (Int) -> Double

  func logProbability(_ x: Double, t: Int, label: Int) -> Double {
    -log1p(exp((label == 1 ? -1 : 1) * slope(t) * x))
  }

  func labelScore(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    let k = slope(t)
    return PointSet(
      zip(xt.values, labels).map { x, label in
        let sign: Double = label == 1 ? 1 : -1
        return sign * k / (1 + exp(sign * k * x))
      })
  }
}

let logistic = LogisticClassifier { t in
  2 * schedule.signalScale(t) / (schedule.alphaBar(t) / 4 + schedule.noiseVariance(t))
}

var places = root.split(2)
let tried = (0..<2000).map { _ in (x: 2 * places.normal(), t: 1 + places.index(below: 1000)) }
let conditionalScores = tried.map {
  line.restricted(to: 1).noisyMarginal(schedule, to: $0.t).score($0.x)
}
let summedScores = tried.map { place in
  line.noisyMarginal(schedule, to: place.t).score(place.x)
    + logistic.labelScore(PointSet([place.x]), t: place.t, labels: [1]).values[0]
}
notebook.check(
  "on the line: score given class 1, and the sum", summedScores, equals: conditionalScores,
  tolerance: 1e-12)

//: In the plane the second term is a finite difference of the classifier's log probability, of
//: fourth order with step size $10^{-3}$. It is accurate to about nine digits; this sets the
//: tolerance.

func slopesByDifferences(_ f: ([Double]) -> Double, at x: [Double], h: Double = 1e-3) -> [Double] {
  x.indices.map { axis in
    func value(_ shift: Double) -> Double {
      var moved = x
      moved[axis] += shift
      return f(moved)
    }
    return (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
  }
}

/// Noisy data points at step t, and their classes.
func noisyPoints(_ count: Int, t: Int, stream: Int) -> (points: PointSet, labels: [Int]) {
  var streams = RandomStreams(of: root.split(stream), count: count)
  let (points, labels) = law.samples(using: &streams)
  return (
    diffusion.addNoise(to: points, t: t, noise: points.normalSamples(using: &streams)), labels
  )
}

for t in [100, 300, 700] {
  let (points, labels) = noisyPoints(100, t: t, stream: 3)
  let marginal = law.noisyMarginal(schedule, to: t)
  let errors = labels.indices.flatMap { i -> [Double] in
    let x = points[i]
    let gradient = slopesByDifferences({ log(marginal.labelProbabilities($0)[labels[i]]) }, at: x)
    let conditional = marginal.restricted(to: labels[i]).score(x)
    return (0..<2).map { conditional[$0] - marginal.score(x)[$0] - gradient[$0] }
  }
  notebook.check(
    "in the plane, t = \(t): largest error of the sum, 100 points",
    errors.map { abs($0) }.max()!, isAtMost: 1e-8)
}

//: ### Guided noise
//:
//: Samplers use noise predictions, not scores. The two are the same up to a factor (chapter 2):
//: $\nabla \log p_t(x) = -\epsilon^*(x, t) / \sqrt{1 - \bar\alpha_t}$. Multiply the sum of scores
//: by $-\sqrt{1 - \bar\alpha_t}$ and multiply the classifier's term by a factor, the *guidance
//: scale* $\omega$:
//: $$ \boxed{\; \tilde\epsilon(x, t) = \epsilon_\theta(x, t)
//: - \omega \sqrt{1 - \bar\alpha_t}\; \nabla \log p_\phi(y \mid x, t) \;} $$
//: (Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021, algorithm 2.) The
//: result is a noise prediction again, so it can replace any denoiser. In the library, a guided
//: denoiser *is* a denoiser, and this is all of it:
//:
//: @code Sources/Diffusion/Guidance/Guidance.swift classifier-guided-noise
//:
//: **Claim 5.2.** With the best classifier, $\omega = 1$ gives the prediction of the best
//: *conditional* model, $\omega = 0$ that of the unconditional one, and the guided noise is linear
//: in $\omega$, in between and beyond. On the line the classifier is the logistic formula, so that
//: the two sides share no code.

let onLine = ExactDenoiser(line, schedule)
let grid = PointSet(stride(from: -3.0, through: 3, by: 0.01).map { $0 })
let ones = [Int](repeating: 1, count: grid.count)

func guidedOnLine(_ scale: Double, t: Int) -> [Double] {
  ClassifierGuidedDenoiser(onLine, by: logistic, labels: ones, scale: scale, schedule)
    .noise(grid, t: t).values
}

for t in [1, 300, 1000] {
  notebook.check(
    "scale 1 and the conditional noise, t = \(t), 601 places", guidedOnLine(1, t: t),
    equals: onLine.noise(grid, t: t, labels: ones).values, tolerance: 1e-12)
}
notebook.check(
  "scale 0 and the unconditional noise", guidedOnLine(0, t: 300),
  equals: onLine.noise(grid, t: 300).values, tolerance: 0)
notebook.check(
  "scale 3 is on the line through scales 0 and 1", guidedOnLine(3, t: 300),
  equals: zip(guidedOnLine(0, t: 300), guidedOnLine(1, t: 300)).map { $0 + 3 * ($1 - $0) },
  tolerance: 1e-12)

//: ### The older form: shift the mean
//:
//: Lecture slides often print the method as it was first written, for the stochastic steps of
//: chapter 3: the model gives the mean $\mu$ and the variance $\Sigma$ of $x_{t-1}$, and $x_{t-1}$
//: is sampled from $\mathcal N(\mu + \omega \Sigma\, \nabla \log p_\phi(y \mid x_t),\ \Sigma)$
//: instead (algorithm 1 of the same paper; slides of IIT Hyderabad, lecture 21). Is that the same?
//: Insert the guided noise into the mean of chapter 3, $\frac{1}{\sqrt{\alpha_t}} \left(x_t -
//: \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \tilde\epsilon\right)$: the root cancels, and the mean
//: is shifted by $\omega \frac{\beta_t}{\sqrt{\alpha_t}} \nabla \log p$.
//:
//: **Claim 5.3.** Not quite. The shift of algorithm 1 is $\sqrt{\alpha_t}$ times this with
//: $\Sigma = \beta_t$, and $\sqrt{\alpha_t}\,\tilde\beta_t / \beta_t$ times with
//: $\Sigma = \tilde\beta_t$. At $t = 500$ of a thousand steps both factors are within a percent
//: of 1.

let middle = schedule.transition(from: 500, to: 499)
let here = PointSet(stride(from: -2.0, through: 2, by: 0.05).map { $0 })
let hereOnes = [Int](repeating: 1, count: here.count)
let pull = logistic.labelScore(here, t: 500, labels: hereOnes)
let straight = diffusion.posteriorMean(noise: onLine.noise(here, t: 500), xt: here, t: 500)
let turned = diffusion.posteriorMean(
  noise: ClassifierGuidedDenoiser(onLine, by: logistic, labels: hereOnes, scale: 1, schedule)
    .noise(here, t: 500), xt: here, t: 500)
let noiseShift = PointSet.sum((1, turned), (-1, straight)).values

func shiftRatios(_ variance: Double) -> [Double] {
  zip(pull.values, noiseShift).map { variance * $0 / $1 }
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
    shiftRatios(variance), equals: here.values.map { _ in factor }, tolerance: 1e-11)
}

//: Which of the two is right? This can be computed. The exact mean of $x_{t-1}$ given $x_t$ and the
//: class is an integral over all $x_{t-1}$, weighted by their density and by the forward step,
//: $$ E[x_s \mid x_t, y] = \frac{\int x\; p_s(x \mid y)\; q(x_t \mid x_s = x)\, dx}
//: {\int p_s(x \mid y)\; q(x_t \mid x_s = x)\, dx} , $$
//: for any $s < t$. For an interesting integral, let class 1 have two modes: the course's mixture
//: of three Gaussians with the outer two as class 1. The guided noise gives the exact mean at once,
//: however long the step is: it *is* the noise prediction of the conditional distribution, and the
//: mean of $x_s$ is linear in it. The shifted mean is a first-order approximation. So is its more
//: careful version, which takes the gradient at the shifted place $\mu$, one step later, as its
//: derivation does.

let outer = GaussianMixture(
  zip(GaussianMixture.three.components, [1, 0, 1]).map {
    .init(weight: $0.weight, mean: $0.mean, standardDeviation: $0.standardDeviation, label: $1)
  })
let outerDenoiser = ExactDenoiser(outer, schedule)
let outerClassifier = ExactClassifier(outer, schedule)

/// The mean of $x_s$ given $x_t$ and class 1, by integration.
func meanByIntegration(_ xt: Double, _ step: Transition, s: Int) -> Double {
  let prior = outer.restricted(to: 1).noisyMarginal(schedule, to: s).marginal
  let likelihood = GaussianMixture.gaussian(variance: step.beta)
  func weight(_ x: Double) -> Double {
    prior.density(x) * likelihood.density(xt - step.alpha.squareRoot() * x)
  }
  let rule = GaussLegendre.standard
  let total = rule.integrate(from: -6, to: 6, panels: 200, weight)
  return rule.integrate(from: -6, to: 6, panels: 200) { $0 * weight($0) } / total
}

/// The same mean by guided noise, and by three shifts of the unguided mean.
func meansByGuidance(_ xt: Double, _ step: Transition, t: Int, s: Int) -> [Double] {
  let x = PointSet([xt])
  func mean(_ noise: PointSet) -> Double {
    (xt - step.beta / step.noiseVariance.squareRoot() * noise.values[0]) / step.alpha.squareRoot()
  }
  let guided = ClassifierGuidedDenoiser(
    outerDenoiser, by: outerClassifier, labels: [1], scale: 1, schedule)
  let mu = mean(outerDenoiser.noise(x, t: t))
  let before = outerClassifier.labelScore(x, t: t, labels: [1]).values[0]
  let after = outerClassifier.labelScore(PointSet([mu]), t: s, labels: [1]).values[0]
  return [
    mean(guided.noise(x, t: t)), mu + step.beta * before, mu + step.posteriorVariance * before,
    mu + step.posteriorVariance * after,
  ]
}

let meanPlaces = stride(from: -1.5, through: 1.5, by: 0.25).map { $0 }
let longSteps = [(500, 499), (500, 490), (500, 450), (500, 400)]
let meanErrors = longSteps.map { t, s -> [Double] in
  let step = schedule.transition(from: t, to: s)
  let errors = meanPlaces.map { xt -> [Double] in
    let exact = meanByIntegration(xt, step, s: s)
    return meansByGuidance(xt, step, t: t, s: s).map { abs($0 - exact) }
  }
  return (0..<4).map { k in errors.map { $0[k] }.max()! }
}
notebook.table(
  "Largest error of the mean of $x_s$ given $x_t$ and the class, 13 places",
  columns: [
    "step", "guided noise", "shift, beta", "shift, posterior's", "shift, posterior's, later",
  ],
  rows: zip(longSteps, meanErrors).map { step, errors in
    ["\(step.0) to \(step.1)", errors[0], errors[1], errors[2], errors[3]]
  })
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
//: **Claim 5.4.** With $\omega = 1$, the best denoiser and the best classifier, the samples of
//: deterministic DDIM follow the conditional distribution, up to the error of the step size. On the
//: line this can be tested without randomness: a deterministic sampler in one dimension keeps the
//: order of the points, so the point that starts as the $u$-quantile of the noise ends as the
//: $u$-quantile of the samples. We send 2001 quantiles through the sampler and compare with those
//: of class 1, $\mathcal N(1, \frac14)$: the mean distance of the two is the Wasserstein distance
//: $W_1$.

let levels = (0..<2001).map { (Double($0) + 0.5) / 2001 }
let normalQuantiles = levels.map(StandardNormal.quantile)
let classQuantiles = normalQuantiles.map { 1 + 0.5 * $0 }

/// The quantiles of the samples on the line, guided to class 1.
func drawnQuantiles<Classifier: NoisyClassifier>(
  by classifier: Classifier, steps: Int = 100, from start: [Double] = normalQuantiles,
  scale: @escaping @Sendable (Int) -> Double
) -> [Double] where Classifier.Value == PointSet {
  let labels = [Int](repeating: 1, count: start.count)
  let guided = ClassifierGuidedDenoiser(
    onLine, by: classifier, labels: labels, schedule, scale: scale)
  return ddim(steps)
    .sample(
      from: PointSet(start), denoiser: guided, using: RandomStreams(of: root, count: start.count)
    ).values
}

/// Mean distance of two lists of quantiles.
func distance(_ drawn: [Double], _ wanted: [Double] = classQuantiles) -> Double {
  zip(drawn, wanted).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(drawn.count)
}

/// Mean and standard deviation of a distribution given by its quantiles.
func moments(_ quantiles: [Double]) -> (mean: Double, standardDeviation: Double) {
  let statistics = Moments(quantiles)
  return (statistics.mean, statistics.standardDeviation)
}

let end = line.restricted(to: 1).noisyMarginal(schedule, to: 1000).marginal
let noisyStart = levels.map(end.quantile)
let stepCounts = [10, 20, 50, 100, 250, 1000]
let byStepCount = stepCounts.map { steps in
  (
    noise: drawnQuantiles(by: logistic, steps: steps) { _ in 1 },
    exact: drawnQuantiles(by: logistic, steps: steps, from: noisyStart) { _ in 1 }
  )
}
notebook.table(
  "Guided to class 1 on the line, distance from the distribution of the class",
  columns: [
    "steps", "share at x > 0", "standard deviation", "distance",
    "distance, started from the noisy class",
  ],
  rows: zip(stepCounts, byStepCount).map { steps, drawn in
    [
      steps, Double(drawn.noise.count { $0 > 0 }) / 2001, moments(drawn.noise).standardDeviation,
      distance(drawn.noise), distance(drawn.exact),
    ]
  })
let startedRight = byStepCount.map { distance($0.exact) }
notebook.check("distance as steps are added, started from the noisy class", decreases: startedRight)
notebook.check(
  "distance with 250 steps over distance with 1000: first order gives 4",
  startedRight[4] / startedRight[5], equals: 4, tolerance: 0.4)
notebook.check(
  "share at x > 0 with 1000 steps, against that of the class",
  Double(byStepCount[5].noise.count { $0 > 0 }) / 2001, equals: StandardNormal.cdf(2),
  tolerance: 1.0 / 2001)

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

func bayesClass(_ points: PointSet) -> [Int] {
  let chances = bayes.labelProbabilities(points, t: 0)
  return (0..<points.count).map { i in
    let p = chances[i]
    return p.indices.max { p[$0] < p[$1] }!
  }
}

func accuracy(_ points: PointSet, _ label: Int) -> Estimate {
  .proportion(bayesClass(points).count { $0 == label }, of: points.count)
}

for label in 0..<3 {
  let drawn = steered(to: label, by: bayes, scale: 1, stream: 4 + label)
  let (first, second) = (truth(label, stream: 7 + label), truth(label, stream: 10 + label))
  let floors = (0..<10).map { k in
    Distance.slicedWasserstein1(
      truth(label, stream: 100 + 2 * k), truth(label, stream: 101 + 2 * k))
  }
  notebook.check(
    "class \(label): accuracy under the Bayes classifier, guided samples and data",
    accuracy(drawn, label),
    equals: accuracy(first, label))
  notebook.check(
    "class \(label): distance of guided samples from data, against the threshold",
    Distance.slicedWasserstein1(drawn, second), isAtMost: 1.5 * floors.max()!)
}

//: ## Part II. The guided field
//:
//: What does the classifier add, and where? At $t = 150$, late in sampling, the noisy modes
//: overlap. Left: the unconditional score, which points to where data are. Middle: the classifier's
//: gradient for class 0; it vanishes where the class is certain, and is large where other classes
//: are likely. Right: their sum, which points to the noisy modes of class 0.
//:
//: @fold How the figure is plotted

let shown = 150
let noisyLaw = law.noisyMarginal(schedule, to: shown)

func arrows(_ title: String, heat: Field, label: String, scores: (PointSet) -> PointSet) -> Plot {
  Plot(title: title, x: Axis("$x_1$", range: window), y: Axis("$x_2$", range: window))
    .heatMap(heat, .density, label: label, showsBar: false, smooth: true)
    .vectorField(x: window, y: window, columns: 15, rows: 15, color: .ink) { a, b in
      let score = scores(PointSet([[a, b]])).values
      return (score[0], score[1])
    }
    .equalAspect()
}

let fieldScale = -1 / schedule.noiseScale(shown)
notebook.figure(
  "field",
  Figure(
    columns: 3,
    [
      arrows(
        "$\\nabla\\log p_t(x)$", heat: Field(x: window, y: window) { noisyLaw.density([$0, $1]) },
        label: "$p_t(x)$"
      ) { .sum((fieldScale, denoiser.noise($0, t: shown))) },
      arrows(
        "$\\nabla\\log p_t(y=0\\,|\\,x)$",
        heat: Field(x: window, y: window) { noisyLaw.labelProbabilities([$0, $1])[0] },
        label: "$p_t(0|x)$"
      ) { bayes.labelScore($0, t: shown, labels: [0]) },
      arrows(
        "their sum",
        heat: Field(x: window, y: window) { noisyLaw.restricted(to: 0).density([$0, $1]) },
        label: "$p_t(x|0)$"
      ) { .sum((fieldScale, denoiser.noise($0, t: shown, labels: [0]))) },
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

func paths(to label: Int) -> [[[Double]]] {
  let count = 40
  let guided = ClassifierGuidedDenoiser(
    denoiser, by: bayes, labels: [Int](repeating: label, count: count), scale: 1, schedule)
  var streams = RandomStreams(of: root.split(13), count: count)
  let noise = streams.normalPoints(dimensions: 2)
  let states = ddim(100).chain(from: noise, denoiser: guided, using: streams).map(\.x)
  return (0..<count).map { i in ([noise] + states).map { $0[i] } }
}

let pathPlots = (0..<3).map { label -> Plot in
  let base = Plot(
    title: "to class \(label)", x: Axis("$x_1$", range: window), y: Axis("$x_2$", range: window)
  )
  .contours(density, levels: [0.02, 0.08, 0.16], color: Color(gray: 0.6), width: 0.8)
  let lines = paths(to: label)
  return lines.reduce(base) { plot, path in
    plot.line(path.map { $0[0] }, path.map { $0[1] }, color: classColors[label], width: 0.8)
  }
  .scatter(
    lines.map { $0[0][0] }, lines.map { $0[0][1] }, color: Color(gray: 0.45), radius: 1.4
  )
  .scatter(
    lines.map { $0.last![0] }, lines.map { $0.last![1] }, color: classColors[label], radius: 2.2
  )
  .equalAspect()
}
notebook.figure(
  "paths",
  Figure(columns: 3, pathPlots, panelSize: Size(270, 290), sharing: .axes), formats: [.png],
  caption:
    "Paths of the deterministic sampler, guided with $\\omega = 1$, from one set of starting "
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
) -> (PlaneClassifier, losses: [Double]) {
  let network = MLP(
    .init(outputs: 3, width: 64, layers: 2, timeFeatures: 32), generator: root.split(stream))
  let updates = notebook.count(1500, quick: 400)
  let plan = TrainingPlan(
    length: .steps(updates), learningRate: 3e-3, warmUpSteps: 50, weightDecay: 0,
    seed: notebook.seed)
  let classifier = PlaneClassifier(network, diffusion, times: times)
  let run = classifier.training(plan: plan) { _, draws in
    var streams = RandomStreams(of: draws, count: 512)
    let (points, labels) = law.samples(using: &streams)
    return (points.tensor, labels)
  }
  return (classifier, run.map(\.loss))
}

let (aware, awareLosses) = trainedInPlane(on: 0...schedule.steps, stream: 20)
let (clean, cleanLosses) = trainedInPlane(on: 0...0, stream: 21)
notebook.show("weights of each network", aware.network.parameterCount)
notebook.show("loss of the last 100 batches, all steps", awareLosses.suffix(100).mean, "nats")
notebook.show("the same, clean points only", cleanLosses.suffix(100).mean, "nats")

extension Collection<Double> {
  var mean: Double { reduce(0, +) / Double(count) }
}

//: ### How good is it?
//:
//: This is the advantage of an exact testbed. No classifier can have a smaller cross-entropy at
//: step $t$ than the best one, whose cross-entropy is the mean entropy of $p_t(y \mid x)$, and the
//: excess is a *Kullback-Leibler (KL) divergence*. Both are integrals over the plane, which we
//: compute without any random sample: every component of the noisy distribution is covered with a
//: grid of 32 by 32 Gauss-Legendre points, and the network is evaluated at all 6144 of them.
//:
//: **Claim 5.5.** At each step the cross-entropy of the network trained on all steps exceeds the
//: minimum by less than a hundredth of a nat. Its gradient, as the tape computes it, agrees with
//: finite differences of its own log probabilities. Compared with the exact gradient it adds an
//: error of at most a tenth to the guided noise, whose own size is about 1.

/// Nodes and weights that integrate over the noisy distribution at step t.
func planeRule(_ t: Int) -> (points: PointSet, weights: [Double]) {
  let rule = GaussLegendre(32)
  var (values, weights): ([Double], [Double]) = ([], [])
  for part in law.noisyMarginal(schedule, to: t).components {
    guard let rootMatrix = try? part.covariance.cholesky() else { fatalError("not a covariance") }
    for (u, a) in zip(rule.nodes, rule.weights) {
      for (v, b) in zip(rule.nodes, rule.weights) {
        let shift = rootMatrix * [6 * u, 6 * v]
        values += [part.mean[0] + shift[0], part.mean[1] + shift[1]]
        let mass = StandardNormal.density(6 * u) * StandardNormal.density(6 * v)
        weights.append(part.weight * 36 * a * b * mass)
      }
    }
  }
  return (PointSet(values, dimensions: 2), weights)
}

struct Report {
  var floor = 0.0
  var loss = 0.0
  var meanGradient = 0.0
  var exactGradient = 0.0
  var gradientError = 0.0
}

/// Cross-entropy and gradients of a classifier in the plane, beside the best possible ones.
func report(on classifier: PlaneClassifier, t: Int) -> Report {
  let (points, weights) = planeRule(t)
  let chances = bayes.labelProbabilities(points, t: t).values
  let logs = classifier.logProbabilities(points, t: t).elements
  var report = Report()
  for (i, weight) in weights.enumerated() {
    for y in 0..<3 where chances[3 * i + y] > 0 {
      report.floor -= weight * chances[3 * i + y] * log(chances[3 * i + y])
      report.loss -= weight * chances[3 * i + y] * Double(logs[3 * i + y])
    }
  }
  for y in 0..<3 {
    let labels = [Int](repeating: y, count: points.count)
    let found = classifier.labelScore(points, t: t, labels: labels).values
    let exact = bayes.labelScore(points, t: t, labels: labels).values
    for (i, weight) in weights.enumerated() {
      let share = weight * chances[3 * i + y]
      func square(_ a: Double, _ b: Double) -> Double { a * a + b * b }
      report.meanGradient += share * square(found[2 * i], found[2 * i + 1])
      report.exactGradient += share * square(exact[2 * i], exact[2 * i + 1])
      report.gradientError +=
        share * square(found[2 * i] - exact[2 * i], found[2 * i + 1] - exact[2 * i + 1])
    }
  }
  return report
}

let reportTimes = [1, 50, 100, 200, 300, 400, 600, 800, 1000]
let awareReports = reportTimes.map { report(on: aware, t: $0) }
let cleanReports = reportTimes.map { report(on: clean, t: $0) }
notebook.table(
  "Cross-entropy at step t in nats, and the root mean square of the gradient",
  columns: [
    "t", "minimum", "all steps", "clean only", "gradient: exact", "all steps", "clean only",
    "error of the noise",
  ],
  rows: reportTimes.indices.map { i in
    let (a, c) = (awareReports[i], cleanReports[i])
    return [
      reportTimes[i], a.floor, a.loss, c.loss, a.exactGradient.squareRoot(),
      a.meanGradient.squareRoot(), c.meanGradient.squareRoot(),
      schedule.noiseScale(reportTimes[i]) * a.gradientError.squareRoot(),
    ]
  })

let allowedExcess = notebook.isQuick ? 0.03 : 0.01
notebook.check(
  "greatest excess over the minimum cross-entropy",
  awareReports.map { $0.loss - $0.floor }.max()!, isAtMost: allowedExcess)
notebook.check(
  "smallest excess, which cannot be negative",
  awareReports.map { $0.loss - $0.floor }.min()!, isAtLeast: -1e-6)

let probe = noisyPoints(16, t: 300, stream: 22).points.tensor
let comparisons = gradientCheck(at: [probe]) { logSoftmax(aware.network($0[0], t: [300.0])) }
notebook.check(
  "the tape's gradient and differences, largest gap over its norm, single precision",
  comparisons.map { abs($0.analytic - $0.numeric) / $0.scale }.max()!, isAtMost: 2e-3)
let noiseErrors = zip(reportTimes, awareReports).map {
  schedule.noiseScale($0) * $1.gradientError.squareRoot()
}
notebook.check(
  "greatest error of the guided noise, scale 1, root mean square", noiseErrors.max()!,
  isAtMost: notebook.isQuick ? 0.3 : 0.12)

//: Gradients are harder than probabilities: a small ripple on $\log p_\phi$ hardly changes the loss
//: but changes the slope a lot, and the loss contains no slopes. At $t = 1000$, where the noisy
//: point carries almost no information about the class, the trained gradient is all ripple, five
//: times the true one.
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
let blindGradient = anyStep.restricted(to: 1).score(0.5) - anyStep.score(0.5)
let rightGradient = line.noisyMarginal(schedule, to: 700).labelScore(0.5, label: 1)
notebook.erratum(
  "E-B52", source: "Foundations of Generative Models, (9.13), Algorithm 8 and (9.28)",
  "gradient of log p(1 | x) at x = 0.5, t = 700", printed: blindGradient, right: rightGradient,
  secondRoute: slopesByDifferences({ logistic.logProbability($0[0], t: 700, label: 1) }, at: [0.5])[
    0],
  tolerance: 1e-9, apart: 0.1)

/// The best classifier that is not conditioned on the step.
struct TimeBlindClassifier: NoisyClassifier {
  func labelScore(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    let given = [0, 1].map { anyStep.restricted(to: $0) }
    return PointSet(
      zip(xt.values, labels).map { x, label in given[label].score(x) - anyStep.score(x) })
  }
}

let blindLoss = anyStep.expectation { x in
  anyStep.labelProbabilities(x).reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
}
let tellingLoss = everyStep.map { line.noisyMarginal(schedule, to: $0).labelLossFloor }.mean
let fewLevels = (0..<401).map { (Double($0) + 0.5) / 401 }
let fewQuantiles = fewLevels.map(StandardNormal.quantile)
let blindlyDrawn = drawnQuantiles(by: TimeBlindClassifier(), steps: 50, from: fewQuantiles) { _ in 1
}
let tellingDrawn = drawnQuantiles(by: logistic, steps: 50, from: fewQuantiles) { _ in 1 }
let fewClassQuantiles = fewQuantiles.map { 1 + 0.5 * $0 }
notebook.table(
  columns: ["the best classifier", "cross-entropy, all steps", "distance of guided samples"],
  rows: [
    ["conditioned on the step", tellingLoss, distance(tellingDrawn, fewClassQuantiles)],
    ["not conditioned", blindLoss, distance(blindlyDrawn, fewClassQuantiles)],
  ])
notebook.check(
  "increase of the cross-entropy without the step, nats", blindLoss - tellingLoss, isAbove: 0.05)
notebook.check(
  "distance from the class, not conditioned over conditioned",
  distance(blindlyDrawn, fewClassQuantiles) / distance(tellingDrawn, fewClassQuantiles), isAbove: 10
)

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

let overconfident = LogisticClassifier { _ in 8 }

func crossEntropyOnLine(_ classifier: LogisticClassifier, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).marginal.expectation { x in
    let truth = [0, 1].map { exp(logistic.logProbability(x, t: t, label: $0)) }
    return [0, 1].reduce(0) {
      $0 - truth[$1] * classifier.logProbability(x, t: t, label: $1)
    }
  }
}

func gradientOnLine(_ classifier: LogisticClassifier, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).marginal.expectation { x in
    let both = classifier.labelScore(PointSet([x, x]), t: t, labels: [0, 1]).values
    return (abs(both[0]) + abs(both[1])) / 2
  }
}

let noisySteps = [200, 400, 700]
notebook.table(
  columns: ["t", "cross-entropy, best", "clean only", "gradient, best", "clean only"],
  rows: noisySteps.map {
    [
      $0, crossEntropyOnLine(logistic, t: $0), crossEntropyOnLine(overconfident, t: $0),
      gradientOnLine(logistic, t: $0), gradientOnLine(overconfident, t: $0),
    ]
  })
notebook.check(
  "cross-entropy of the best at t = 200, 400, 700, against its entropy",
  noisySteps.map { crossEntropyOnLine(logistic, t: $0) },
  equals: noisySteps.map { line.noisyMarginal(schedule, to: $0).labelLossFloor }, tolerance: 1e-10)
notebook.check(
  "clean only at t = 400 and 700: least of the two, against log 2",
  min(crossEntropyOnLine(overconfident, t: 400), crossEntropyOnLine(overconfident, t: 700)),
  isAbove: log(2))
notebook.check(
  "size of its gradient at t = 200, 400, 700",
  noisySteps.map { gradientOnLine(overconfident, t: $0) }, equals: [4, 4, 4], tolerance: 1e-9)
notebook.check(
  "size of the best one's gradient, against half its slope",
  noisySteps.map { gradientOnLine(logistic, t: $0) },
  equals: noisySteps.map { logistic.slope($0) / 2 }, tolerance: 1e-9)

//: So at high noise its predictions are worse than a uniform guess. Is it useless for guidance?
//: Guess the result first: samples of the wrong class? noise? Here they are.

let cleanScales = [0.25, 0.5, 1, 2]
let byClean = cleanScales.map { scale in drawnQuantiles(by: overconfident) { _ in scale } }
let byBest = drawnQuantiles(by: logistic) { _ in 1 }
notebook.table(
  "Samples on the line, guided to class 1 with 100 steps",
  columns: ["classifier", "scale", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: ([("best", 1, byBest)] + zip(cleanScales, byClean).map { ("clean only", $0, $1) }).map {
    name, scale, drawn in
    [
      name, scale, Double(drawn.count { $0 > 0 }) / 2001, moments(drawn).mean,
      moments(drawn).standardDeviation, distance(drawn),
    ]
  })
notebook.check(
  "guided by the clean-data classifier, scale 1: share at x > 0",
  Double(byClean[2].count { $0 > 0 }) / 2001, isAtLeast: 0.999)
notebook.check(
  "standard deviation of these samples, where that of the class is 0.5",
  moments(byClean[2]).standardDeviation,
  isBelow: 0.25)
notebook.check(
  "least distance over the four scales, over that of the best classifier",
  byClean.map { distance($0) }.min()! / distance(byBest), isAbove: 10)

//: Not useless, and not harmless. *Every* sample is of the wanted class, more of them than in the
//: data, because the gradient has the right direction and is much too large where it should fade.
//: It destroys the diversity: half the standard deviation of the class is lost, and a smaller scale
//: does not restore it, since the error is not one of size but of its dependence on $t$. Measured
//: by labels alone, this classifier is the better one.
//:
//: The trained classifiers in the plane show the same. In the table of Claim 5.5 the clean-data
//: classifier exceeds $\log 3 = 1.099$, the cross-entropy of a uniform guess, from $t = 200$ or so
//: on.

let group = notebook.count(2000, quick: 500)
let planeByClassifier = [
  ("data", truth(0, stream: 23, count: group)),
  ("best", steered(to: 0, by: bayes, scale: 1, stream: 24, count: group)),
  ("trained, all steps", steered(to: 0, by: aware, scale: 1, stream: 24, count: group)),
  ("trained, clean only", steered(to: 0, by: clean, scale: 1, stream: 24, count: group)),
]
let reference = truth(0, stream: 25, count: group)

/// The share of points that belong to each mode of their class.
func cloudShares(_ points: PointSet, _ label: Int) -> [Double] {
  let clouds = law.restricted(to: label)
  var counts = [Double](repeating: 0, count: clouds.components.count)
  for i in 0..<points.count {
    let shares = clouds.responsibilities(points[i])
    counts[shares.indices.max { shares[$0] < shares[$1] }!] += 1
  }
  return counts.map { $0 / Double(points.count) }
}

/// The root of the sum of the variances of the coordinates.
func spread(_ points: PointSet) -> Double {
  (0..<points.dimensions).reduce(0) { $0 + Moments(points.column($1)).variance }
    .squareRoot()
}

notebook.table(
  "Class 0 in the plane, guided with scale 1",
  columns: ["classifier", "accuracy", "standard deviation", "share of the far mode", "distance"],
  rows: planeByClassifier.map { name, points in
    [
      name, accuracy(points, 0).mean, spread(points), cloudShares(points, 0)[0],
      Distance.slicedWasserstein1(points, reference),
    ]
  })
let planeDistances = planeByClassifier.map { Distance.slicedWasserstein1($0.1, reference) }
notebook.check(
  "in the plane: distance guided by the clean-data classifier over that by all steps",
  planeDistances[3] / planeDistances[2], isAbove: 2)
notebook.check(
  "cross-entropy of the clean-data classifier at t = 400, above a uniform guess",
  cleanReports[5].loss,
  isAbove: log(3))

notebook.figure(
  "clean",
  Figure(
    columns: 4,
    zip(planeByClassifier, [Color.ink, .blue, .blue, .blue]).map { item, color in
      cloudPlot(item.0, item.1.entries(0..<min(1200, group)), color)
    }, panelSize: Size(230, 250), sharing: .axes), formats: [.png],
  caption:
    "Class 0: the data, and samples guided by three classifiers at $\\omega = 1$. Those of the "
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
//: **Claim 5.7.** As $\omega$ grows from 0.5 to 8, the *classification accuracy* (the share of
//: samples that the best classifier assigns to the wanted class) rises to one, and the diversity
//: falls: the standard deviation, and the balance between the two modes, measured by the entropy of
//: their shares. The distance from the class is smallest at $\omega = 1$. At $\omega = 4$ more than
//: nine samples in ten are in the far mode, which has 55 % of the class.

let scales = [0, 0.5, 1, 1.5, 2, 3, 4, 8]
let sweepCount = notebook.count(1500, quick: 300)

struct SweepRow {
  var accuracy, spread, share, entropy, distance: Double
}

func sweepRow(_ points: PointSet) -> SweepRow {
  let shares = cloudShares(points, 0)
  return SweepRow(
    accuracy: accuracy(points, 0).mean, spread: spread(points), share: shares[0],
    entropy: shares.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 },
    distance: Distance.slicedWasserstein1(points, reference.entries(0..<points.count)))
}

let bestSweep = scales.map {
  sweepRow(steered(to: 0, by: bayes, scale: $0, stream: 26, count: sweepCount))
}
let awareSweep = scales.map {
  sweepRow(steered(to: 0, by: aware, scale: $0, stream: 26, count: sweepCount))
}
notebook.table(
  "Guided to class 0 by the best classifier (and by the trained one)",
  columns: [
    "scale", "accuracy", "(trained)", "standard deviation", "(trained)", "far mode", "(trained)",
    "entropy of modes", "distance", "(trained)",
  ],
  rows: scales.indices.map { i in
    let (a, b) = (bestSweep[i], awareSweep[i])
    return [
      scales[i], a.accuracy, b.accuracy, a.spread, b.spread, a.share, b.share, a.entropy,
      a.distance, b.distance,
    ]
  })
let risingScales = [1, 2, 4, 6, 7]  // 0.5, 1, 2, 4, 8
notebook.check("accuracy at scales 0, 0.5, 1, 1.5", increases: bestSweep[0...3].map(\.accuracy))
notebook.check(
  "standard deviation at scales 0.5, 1, 2, 4, 8",
  decreases: risingScales.map { bestSweep[$0].spread })
notebook.check(
  "entropy of the modes at scales 1, 2, 4, 8",
  decreases: risingScales.dropFirst().map { bestSweep[$0].entropy })
notebook.check(
  "scale of the smallest distance, best classifier",
  scales[bestSweep.indices.min { bestSweep[$0].distance < bestSweep[$1].distance }!], equals: 1,
  tolerance: 0)
notebook.check(
  "scale of the smallest distance, trained classifier",
  scales[awareSweep.indices.min { awareSweep[$0].distance < awareSweep[$1].distance }!], equals: 1,
  tolerance: 0)
notebook.check("share of the far mode at scale 4", bestSweep[6].share, isAbove: 0.9)

//: @fold How the figure is plotted

func sweepPlot(_ title: String, _ value: (SweepRow) -> Double, truth: Double?) -> Plot {
  let plot = Plot(title: title, x: "$\\omega$")
    .line(scales, bestSweep.map(value), label: "best classifier", marker: .circle)
    .line(scales, awareSweep.map(value), label: "trained", dash: .dashed, marker: .square)
  return truth.map { plot.horizontal(at: $0, label: "data") } ?? plot
}

let trueRow = sweepRow(truth(0, stream: 27, count: sweepCount))
notebook.figure(
  "scale",
  Figure(
    columns: 4,
    [
      sweepPlot("accuracy", \.accuracy, truth: trueRow.accuracy),
      sweepPlot("standard deviation", \.spread, truth: trueRow.spread),
      sweepPlot("share of the far mode", \.share, truth: trueRow.share),
      sweepPlot("distance from the class", \.distance, truth: nil),
    ], panelSize: Size(230, 230), sharing: [.x, .legend]),
  caption: "Class 0 against the guidance scale. Beyond 2 the accuracy no longer rises; standard "
    + "deviation, balance of the modes and distance get worse all the way.",
  alternative:
    "Four curves over the scale: accuracy rising to one, standard deviation falling, the far "
    + "mode's share rising to one, distance with a minimum at scale one.")

//: ### A scale above 1 does not sample the tilted distribution
//:
//: The usual explanation: raise the classifier to a power, and you sample from
//: $\tilde p(x) \propto p_0(x)\, p_0(y \mid x)^\omega$, a distribution that is *tilted* towards
//: points that certainly belong to the class. At each *single* step the guided score is indeed that
//: of a tilted distribution,
//: $$ \nabla \log \left[ p_t(x)\, p_t(y \mid x)^\omega \right] = \nabla \log p_t(x) + \omega\,
//: \nabla \log p_t(y \mid x) . $$
//: But these distributions do not fit together. A sampler that is to arrive at $\tilde p$ needs, at
//: step $t$, the score of $\tilde p$ *with the noise of step $t$ added*. Adding noise and tilting
//: do not commute.
//:
//: **Claim 5.8.** For $\omega = 1$ tilting and adding noise commute. For $\omega = 4$ they do not:
//: at $t = 300$ and $x = 0.3$ the two scores are visibly different. So the samples do not follow
//: the tilted distribution, and those of the deterministic sampler and of the stochastic one do not
//: even follow the same distribution.

/// The score of the tilted distribution of class 1 with the noise of step t added, by integration.
func noisedTiltedScore(_ x: Double, scale: Double, t: Int) -> Double {
  let (signal, variance) = (schedule.signalScale(t), schedule.noiseVariance(t))
  func weight(_ x0: Double) -> Double {
    let gap = x - signal * x0
    let tilt = scale * logistic.logProbability(x0, t: 0, label: 1)
    return line.density(x0) * exp(tilt - 0.5 * gap * gap / variance)
  }
  let rule = GaussLegendre.standard
  let total = rule.integrate(from: -6, to: 6, panels: 60, weight)
  return rule.integrate(from: -6, to: 6, panels: 60) { x0 in
    weight(x0) * (signal * x0 - x) / variance
  } / total
}

func guidedScore(_ x: Double, scale: Double, t: Int) -> Double {
  line.noisyMarginal(schedule, to: t).score(x)
    + scale * logistic.labelScore(PointSet([x]), t: t, labels: [1]).values[0]
}

let gentle = stride(from: -2.0, through: 2, by: 0.1).map { $0 }
notebook.check(
  "scale 1: score of the noisy class, and the guided score, 41 places",
  gentle.map { noisedTiltedScore($0, scale: 1, t: 300) },
  equals: gentle.map { guidedScore($0, scale: 1, t: 300) }, tolerance: 1e-9)
notebook.show(
  "score of the noisy tilted distribution, scale 4", noisedTiltedScore(0.3, scale: 4, t: 300))
notebook.show("guided score, scale 4", guidedScore(0.3, scale: 4, t: 300))
notebook.check(
  "scale 4: their difference at x = 0.3",
  guidedScore(0.3, scale: 4, t: 300) - noisedTiltedScore(0.3, scale: 4, t: 300), isAbove: 0.5)

let tiltScales = [1.0, 2, 4, 8]
let walkers = notebook.count(10_000, quick: 2000)

/// Mean and standard deviation of the tilted distribution of class 1.
func tiltedMoments(_ scale: Double) -> (mean: Double, standardDeviation: Double) {
  func weight(_ x: Double) -> Double {
    line.density(x) * exp(scale * logistic.logProbability(x, t: 0, label: 1))
  }
  func integral(_ f: (Double) -> Double) -> Double {
    GaussLegendre.standard.integrate(from: -7, to: 7, panels: 60) { f($0) * weight($0) }
  }
  let mean = integral { $0 } / integral { _ in 1 }
  return (mean, (integral { $0 * $0 } / integral { _ in 1 } - mean * mean).squareRoot())
}

/// Samples of the ancestral sampler, all 1000 steps, guided to class 1 on the line.
func ancestralDraws(_ scale: Double, stream: Int) -> [Double] {
  let labels = [Int](repeating: 1, count: walkers)
  let guided = ClassifierGuidedDenoiser(
    onLine, by: logistic, labels: labels, scale: scale, schedule)
  var streams = RandomStreams(of: root.split(stream), count: walkers)
  let noise = streams.normalPoints()
  return Sampler(.ancestral(), schedule: schedule)
    .sample(from: noise, denoiser: guided, using: streams).values
}

let tilts = tiltScales.map { scale in
  (
    tilted: tiltedMoments(scale),
    still: moments(drawnQuantiles(by: logistic, steps: 1000) { _ in scale }),
    noisy: ancestralDraws(scale, stream: 30)
  )
}
notebook.table(
  "Mean and standard deviation of class 1 on the line",
  columns: [
    "scale", "tilted: mean", "std", "deterministic: mean", "std", "stochastic: mean", "std",
  ],
  rows: zip(tiltScales, tilts).map { scale, row in
    let noisy = moments(row.noisy)
    return [
      scale, row.tilted.mean, row.tilted.standardDeviation, row.still.mean,
      row.still.standardDeviation, noisy.mean,
      noisy.standardDeviation,
    ]
  })
notebook.check(
  "scale 1: mean of the stochastic sampler, and that of the class", Estimate(of: tilts[0].noisy),
  equals: 1, withinStandardErrors: 4)
for (scale, row) in zip(tiltScales, tilts).dropFirst() {
  notebook.check(
    "scale \(Int(scale)): mean of the stochastic sampler, above the tilted one",
    Estimate(of: row.noisy), isAbove: Estimate(mean: row.tilted.mean, standardError: 0))
  notebook.check(
    "scale \(Int(scale)): and below the deterministic sampler's", Estimate(of: row.noisy),
    isBelow: Estimate(mean: row.still.mean, standardError: 0))
}

//: The tilted distribution at $\omega = 8$ would still be a narrow density around 1.09. Guided
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
  secondRoute: slopesByDifferences(
    { x in
      line.noisyMarginal(schedule, to: 300).marginal.logDensity(x[0])
        + 4 * logistic.logProbability(x[0], t: 300, label: 1)
    }, at: [0.3])[0],
  tolerance: 1e-9, apart: 1)

//: ### Guidance schedules: when to guide
//:
//: The scale may depend on the step. The book proposes $\omega(t) = \omega_{\max} f(t)$, its
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

struct Shape {
  let name: String
  let f: @Sendable (Double) -> Double
}

let shapes = [
  Shape(name: "constant") { _ in 1 },
  Shape(name: "linear, t/T") { $0 },
  Shape(name: "exponential, rate 5/T") { exp(-5 * (1 - $0)) },
  Shape(name: "early half") { $0 > 0.5 ? 1 : 0 },
  Shape(name: "reversed, 1 - t/T") { 1 - $0 },
  Shape(name: "late half") { $0 <= 0.5 ? 1 : 0 },
]
let wholeRun = (1...1000).map { Double($0) / 1000 }
for shape in shapes[1...3] {
  let values = wholeRun.reversed().map(shape.f)
  notebook.check(
    "\(shape.name): largest growth from one step of sampling to the next",
    zip(values, values.dropFirst()).map { $1 - $0 }.max()!, isAtMost: 0)
}

func drawn(_ shape: Shape, height: Double) -> [Double] {
  drawnQuantiles(by: logistic, from: fewQuantiles) { height * shape.f(Double($0) / 1000) }
}

/// The mean of p(1 | x) over the samples.
func sureness(_ quantiles: [Double]) -> Double {
  quantiles.map { exp(logistic.logProbability($0, t: 0, label: 1)) }.mean
}

/// The height at which the samples of a shape have this confidence, by bisection.
func height(of shape: Shape, sureness wanted: Double) -> Double {
  var (low, high) = (0.0, 64.0)
  for _ in 0..<16 {
    let middle = (low + high) / 2
    if sureness(drawn(shape, height: middle)) < wanted { low = middle } else { high = middle }
  }
  return (low + high) / 2
}

let matched = shapes.map { shape in
  let mean = wholeRun.map(shape.f).mean
  let wanted = height(of: shape, sureness: 0.99)
  return (
    shape: shape, equalMean: drawn(shape, height: 2 / mean), height: wanted, mean: wanted * mean,
    equalResult: drawn(shape, height: wanted)
  )
}
notebook.table(
  "Guidance schedules: with a mean scale of 2, and with a confidence of 0.99",
  columns: [
    "shape", "mean 2: confidence", "std", "distance", "confidence 0.99: mean scale", "std",
    "distance",
  ],
  rows: matched.map { row in
    [
      row.shape.name, sureness(row.equalMean), moments(row.equalMean).standardDeviation,
      distance(row.equalMean, fewClassQuantiles), row.mean,
      moments(row.equalResult).standardDeviation,
      distance(row.equalResult, fewClassQuantiles),
    ]
  })
notebook.show("confidence for data of the class", sureness(fewClassQuantiles))
let equalMeans = matched.map { (distance($0.equalMean, fewClassQuantiles), sureness($0.equalMean)) }
notebook.check(
  "mean 2: the three early ones are nearer than the constant, and less confident",
  holds: equalMeans[1...3].allSatisfy { $0.0 < equalMeans[0].0 && $0.1 < equalMeans[0].1 },
  numbers: [
    "greatest distance": equalMeans[1...3].map(\.0).max()!, "constant": equalMeans[0].0,
    "greatest confidence": equalMeans[1...3].map(\.1).max()!, "constant ": equalMeans[0].1,
  ])
let matchedDistances = matched.map { distance($0.equalResult, fewClassQuantiles) }
notebook.check(
  "least distance of the three early ones, over that of the constant",
  matchedDistances[1...3].min()! / matchedDistances[0], isAbove: 2)
notebook.check(
  "greatest distance of the two late ones, over that of the constant",
  matchedDistances[4...5].max()! / matchedDistances[0], isBelow: 1)

//: The reason is in the classifier: at high noise $k_t$ is small and the two classes overlap, so
//: early guidance moves *all* points, also those that are already on the right side; late guidance
//: acts on the few points that are still undecided. This is one testbed, and an exact model. It
//: refutes the rule, not the possibility that an inexact model profits. (For large models too,
//: guidance at the highest noise was found to do harm: Kynkäänniemi et al., "Applying guidance in a
//: limited interval", 2024.)
//:
//: @fold How the figure is plotted

// Other shapes lie on the constant one for half of the way.
func width(_ shape: Shape) -> Double { shape.name == "constant" ? 4 : Style.lineWidth }
notebook.figure(
  "shapes",
  Figure(
    columns: 2,
    [
      shapes.reduce(Plot(title: "$f(t)$", x: "step $t$", y: "$f$")) { plot, shape in
        plot.line(
          wholeRun.map { 1000 * $0 }, wholeRun.map(shape.f), label: shape.name,
          width: width(shape))
      },
      matched.reduce(
        Plot(
          title: "samples at equal confidence", x: Axis("$x$", range: -0.6...3.4),
          y: Axis("cumulative probability", range: 0...1))
      ) { plot, row in
        plot.line(row.equalResult, fewLevels, label: row.shape.name, width: width(row.shape))
      }.line(fewClassQuantiles, fewLevels, label: "class 1", color: .ink, dash: .dashed),
    ], panelSize: Size(380, 300), sharing: .legend),
  caption: "Guidance schedules, and the cumulative distribution functions of their samples, each "
    + "schedule with the height that gives a mean confidence of 0.99. Samples guided early end "
    + "far to the right of the class.",
  alternative:
    "Left, six functions of the step. Right, distribution functions; those of early shapes lie "
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
let reader = UNetEncoder(
  .init(inputChannels: 1, channels: [16, 32, 48]), generator: root.split(51))
let readerGuide = NetworkClassifier(reader, model.diffusion)
let blank = Tensor.normal([32, 1, 16, 16], streamsOf: root.split(52))
let blankLabels = [Int](repeating: 0, count: 32)

let operations = [
  ("model", { _ = model.network(blank, t: [500]) }),
  ("classifier, forward pass", { _ = readerGuide.logProbabilities(blank, t: 500) }),
  ("classifier, gradient", { _ = readerGuide.labelScore(blank, t: 500, labels: blankLabels) }),
].map { name, work in
  work()  // once to warm up
  let counted = OperationCount.multiplyAdds(in: work)
  let (_, seconds) = notebook.time { for _ in 0..<3 { work() } }
  return (name: name, millions: Double(counted) / 32e6, milliseconds: seconds * 1000 / 3)
}
notebook.table(
  "One evaluation on 32 images of 16 by 16 pixels",
  columns: [
    "", "million multiply-adds per image", "share of the model's",
    Column("milliseconds", digits: 1, volatile: true),
  ],
  rows: operations.map {
    [$0.name, $0.millions, $0.millions / operations[0].millions, $0.milliseconds]
  })
notebook.check(
  "multiply-adds of the gradient over those of the forward pass",
  operations[2].millions / operations[1].millions, equals: 2, tolerance: 0.1)
notebook.check(
  "cost of guidance as a share of an unguided step, multiply-adds",
  operations[2].millions / operations[0].millions, isBelow: 0.3)

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

let room = 64
let roomLaw = MultivariateMixture(
  [0, 1].map { label in
    .init(
      weight: 0.5, mean: [label == 0 ? -1 : 1] + [Double](repeating: 0, count: room - 1),
      standardDeviation: 0.5, label: label)
  })
let roomDenoiser = ExactDenoiser(roomLaw, schedule)

func roomClassifier(stream: Int) -> PlaneClassifier {
  let network = MLP(
    .init(inputs: room, outputs: 2, width: 64, layers: 1, timeFeatures: 32),
    generator: root.split(stream))
  var streams = RandomStreams(of: root.split(stream).split(1), count: 200)
  let (points, labels) = roomLaw.samples(using: &streams)
  let plan = TrainingPlan(
    length: .steps(notebook.count(600, quick: 300)), learningRate: 3e-3, warmUpSteps: 30,
    weightDecay: 0, seed: notebook.seed)
  let classifier = PlaneClassifier(network, diffusion)
  let run = classifier.training(on: points.tensor, labels: labels, plan: plan, batchSize: 200)
  for _ in run {}
  return classifier
}

let roomGuide = roomClassifier(stream: 53)
let roomJudge = roomClassifier(stream: 54)
let inRoom = notebook.count(1000, quick: 300)
let roomLabels = (0..<inRoom).map { $0 % 2 }

func roomSamples(scale: Double) -> PointSet {
  let guided = ClassifierGuidedDenoiser(
    roomDenoiser, by: roomGuide, labels: roomLabels, scale: scale, schedule)
  var streams = RandomStreams(of: root.split(55), count: inRoom)
  let noise = streams.normalPoints(dimensions: room)
  return ddim(50).sample(from: noise, denoiser: guided, using: streams)
}

struct Verdict {
  var guide, guideLoss, judge, judgeLoss, bayes, drift: Double
}

/// Samples under three classifiers, and the drift of the 63 uninformative coordinates.
func verdict(_ points: PointSet) -> Verdict {
  let right = zip(points.column(0), roomLabels).count { ($0 > 0) == ($1 == 1) }
  let drift = (1..<room).reduce(0.0) { sum, axis in
    let signed = zip(points.column(axis), roomLabels).map { $1 == 1 ? $0 : -$0 }
    return sum + signed.mean * signed.mean
  }
  return Verdict(
    guide: roomGuide.accuracy(points, labels: roomLabels),
    guideLoss: roomGuide.crossEntropyLoss(points, t: 0, labels: roomLabels),
    judge: roomJudge.accuracy(points, labels: roomLabels),
    judgeLoss: roomJudge.crossEntropyLoss(points, t: 0, labels: roomLabels),
    bayes: Double(right) / Double(inRoom), drift: drift.squareRoot() / 0.5)
}

//: **Claim 5.11.** The accuracy under the guiding classifier is misleading. At $\omega = 1$ it
//: classifies nearly all samples as wanted, where the evaluation classifier and the Bayes
//: classifier agree on several in a hundred fewer; the Bayes classifier has an accuracy of 97.7 %
//: on the data. From $\omega = 1$ to 4 the guiding classifier's cross-entropy is several times
//: smaller than the evaluation classifier's. And the samples drift: the 63 uninformative
//: coordinates get means that depend on the class. At $\omega = 8$ the vector of these means is two
//: thirds of a standard deviation long or more, where the data have zero. (Chance alone gives
//: $\sqrt{63/1000} = 0.25$ for a thousand samples.)

let roomScales = [0, 0.25, 0.5, 1, 2, 4, 8]
let verdicts = roomScales.map { verdict(roomSamples(scale: $0)) }
notebook.table(
  "Samples in 64 dimensions: accuracy and cross-entropy under three classifiers",
  columns: [
    "scale", "guide: accuracy", "cross-entropy", "evaluation: accuracy", "cross-entropy",
    "Bayes: accuracy", "drift, in standard deviations",
  ],
  rows: zip(roomScales, verdicts).map { scale, v in
    [scale, v.guide, v.guideLoss, v.judge, v.judgeLoss, v.bayes, v.drift]
  })

notebook.check(
  "scale 1: accuracy under the guide, less that under the Bayes classifier",
  verdicts[3].guide - verdicts[3].bayes, isAbove: 0.03)
notebook.check(
  "scales 1, 2, 4: least ratio of the evaluation classifier's to the guide's cross-entropy",
  verdicts[3...5].map { $0.judgeLoss / $0.guideLoss }.min()!, isAbove: 3)
notebook.check(
  "scale 8: drift of the uninformative coordinates, in standard deviations", verdicts[6].drift,
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

let shapePictures = SmallImages.synthetic(notebook.count(3000, quick: 200))
let modelRun = model.training(
  on: shapePictures.tensor,
  plan: .small(steps: notebook.count(600, quick: 10), seed: notebook.seed))
var modelLosses: [Double] = []
for step in modelRun { modelLosses.append(step.loss) }
modelRun.adoptAverages()
notebook.show("updates of the model", modelLosses.count)
notebook.show("its loss (v-prediction), last 50 batches", modelLosses.suffix(50).mean)

//: We train three classifiers: a *guide* on all steps; a *clean-data classifier* of the same
//: architecture on clean images only, which is a much easier task and takes a quarter of the
//: updates; and an *evaluation classifier* of another size, on other images. It never guides. (It
//: is trained with a little noise, so that the remaining noise of an under-trained model does not
//: matter to it.)

typealias PictureClassifier = NetworkClassifier<UNetEncoder>

func trainedOnPictures(
  _ pictures: LabelledImages, channels: [Int], times: ClosedRange<Int>, updates: Int, stream: Int
) -> PictureClassifier {
  let network = UNetEncoder(
    .init(inputChannels: 1, channels: channels), generator: root.split(stream))
  let plan = TrainingPlan(
    length: .steps(notebook.count(updates, quick: 10)), learningRate: 3e-3, warmUpSteps: 20,
    seed: notebook.seed)
  let classifier = PictureClassifier(network, model.diffusion, times: times)
  let run = classifier.training(
    on: pictures.tensor, labels: pictures.labels, plan: plan, batchSize: 64)
  for _ in run {}
  run.adoptAverages()
  return classifier
}

let otherPictures = SmallImages.synthetic(notebook.count(3000, quick: 200), seed: 1)
let unseen = SmallImages.synthetic(notebook.count(500, quick: 100), part: .test)
let guide = trainedOnPictures(
  shapePictures, channels: [16, 32, 48], times: 0...1000, updates: 600, stream: 70)
let cleanGuide = trainedOnPictures(
  shapePictures, channels: [16, 32, 48], times: 0...0, updates: 150, stream: 71)
let judge = trainedOnPictures(
  otherPictures, channels: [24, 48], times: 0...100, updates: 250, stream: 72)

//: What are their accuracies on test images? A uniform guess has an accuracy of 0.1 and a
//: cross-entropy of $\log 10 = 2.303$.

/// The logarithm of the number of kinds: the cross-entropy of a uniform guess.
let shrug = log(10.0)
let noiseLevels = [0, 100, 200, 300, 500, 700]
let readings = noiseLevels.map { t -> [Double] in
  let noise = Tensor.normal(unseen.tensor.shape, streamsOf: root.split(73).split(t))
  let noisy = model.diffusion.addNoise(to: unseen.tensor, t: t, noise: noise)
  return [guide, cleanGuide].flatMap {
    [
      $0.accuracy(noisy, t: t, labels: unseen.labels),
      $0.crossEntropyLoss(noisy, t: t, labels: unseen.labels),
    ]
  }
}
notebook.table(
  "Test images with noise",
  columns: ["t", "guide: accuracy", "cross-entropy", "clean only: accuracy", "cross-entropy"],
  rows: zip(noiseLevels, readings).map { [$0, $1[0], $1[1], $1[2], $1[3]] })
notebook.show(
  "evaluation classifier: accuracy on clean test images",
  judge.accuracy(unseen.tensor, labels: unseen.labels))

//: **Claim 5.12.** The guide is never worse than a uniform guess, and guided images are of the
//: wanted kind more often than by chance: the evaluation classifier's accuracy is one in ten
//: without guidance, and far higher with it. (A quick run trains for too short a time; it leaves
//: out these checks.)

if !notebook.isQuick {
  notebook.check(
    "the guide's greatest cross-entropy over the steps, less that of a uniform guess",
    readings.map { $0[1] }.max()! - shrug, isAtMost: 0.05)
}

//: Then each classifier guides the model: a hundred images, ten of each kind, from the same noise
//: for every scale, with 20 steps and $\hat x_0$ clipped to the range between black and white.

let wanted = (0..<notebook.count(100, quick: 20)).map { $0 % 10 }
let fastSampler = Sampler(
  .ddim(), schedule: model.schedule, timesteps: model.schedule.timesteps(20), clip: .images)

func drawnPictures(by classifier: PictureClassifier, scale: Double) -> Tensor {
  model.sample(wanted.count, with: fastSampler, seed: notebook.seed, batchSize: 50) { range in
    ClassifierGuidedDenoiser(
      model, by: classifier, labels: Array(wanted[range]), scale: scale, model.schedule)
  }
}

/// The features of images: the evaluation classifier's last layer but one.
func impressions(_ pictures: Tensor) -> PointSet {
  PointSet(judge.network.features(Tape(recording: false).constant(pictures), t: [0]).value)
}

/// The mean distance of two images that should show the same kind of shape, per pixel.
func variety(_ pictures: Tensor) -> Double {
  let distances = wanted.indices.flatMap { a in
    stride(from: a + 10, to: wanted.count, by: 10).map { b in
      (pictures.slice(a..<a + 1) - pictures.slice(b..<b + 1)).norm() / 16
    }
  }
  return distances.mean
}

struct PictureRow {
  let scale: Double
  let pictures: Tensor
  let own, judged, variety, distance: Double
}

func pictureRow(by classifier: PictureClassifier, scale: Double) -> PictureRow {
  let pictures = drawnPictures(by: classifier, scale: scale)
  return PictureRow(
    scale: scale, pictures: pictures, own: classifier.accuracy(pictures, labels: wanted),
    judged: judge.accuracy(pictures, labels: wanted), variety: variety(pictures),
    distance: Distance.energy(impressions(pictures), impressions(unseen.tensor)))
}

let guidedRows = [0, 1, 2, 4, 8].map { pictureRow(by: guide, scale: $0) }
let cleanRows = [1, 4].map { pictureRow(by: cleanGuide, scale: $0) }
notebook.table(
  "A hundred guided images",
  columns: [
    "guided by", "scale", "accuracy, guiding classifier", "accuracy, evaluation classifier",
    "diversity", "distance of features",
  ],
  rows: (guidedRows.map { ("all steps", $0) } + cleanRows.map { ("clean only", $0) }).map {
    [$0, $1.scale, $1.own, $1.judged, $1.variety, $1.distance]
  })
notebook.show("diversity of real images", variety(unseen.tensor))

if !notebook.isQuick {
  notebook.check(
    "accuracy, evaluation classifier: scale 4 above scale 0",
    .proportion(Int(guidedRows[3].judged * 100), of: 100),
    isAbove: .proportion(Int(guidedRows[0].judged * 100), of: 100), byStandardErrors: 4)
  notebook.check(
    "diversity within a kind: scale 8 over scale 0", guidedRows[4].variety / guidedRows[0].variety,
    isBelow: 1)
}

//: @fold How the figure is plotted

func tiles(_ pictures: Tensor, _ count: Int = 10) -> [Picture] {
  (0..<count).map { Picture(planar: pictures.slice($0..<$0 + 1).elements, width: 16, height: 16) }
}

notebook.figure(
  "pictures",
  ImageGrid(
    rows: [tiles(unseen.tensor)] + guidedRows.map { tiles($0.pictures) }
      + cleanRows.map { tiles($0.pictures) },
    rowLabels: ["real"] + guidedRows.map { "scale \(Int($0.scale))" }
      + cleanRows.map { "clean only, \(Int($0.scale))" },
    columnLabels: unseen.classNames.map { $0.replacingOccurrences(of: " ", with: "\n") },
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
    readings[0][2] - readings[0][0], isAtLeast: 0)
  notebook.check(
    "its cross-entropy at t = 300, against a uniform guess", readings[3][3], isAbove: shrug)
  notebook.check(
    "scale 4: accuracy, guided by the clean-data classifier, below the guide's",
    .proportion(Int(cleanRows[1].judged * 100), of: 100),
    isBelow: .proportion(Int(guidedRows[3].judged * 100), of: 100), byStandardErrors: 3)
  notebook.check(
    "scale 4: distance of features, guided by the clean-data classifier, over the guide's",
    cleanRows[1].distance / guidedRows[3].distance, isAbove: 1.5)
}

//: How easily such a classifier follows accidents shows on *real* images, by the fast gradient sign
//: method: move each pixel by 0.2 (a tenth of the way from black to white) against the sign of the
//: gradient of $\log p(y \mid x)$ for the true kind $y$. The classifier whose gradient it is loses
//: far more accuracy than by the same move along another classifier's gradient.

func attacked(_ classifier: PictureClassifier) -> Tensor {
  let pull = classifier.labelScore(unseen.tensor, t: 0, labels: unseen.labels).elements
  return Tensor(
    zip(unseen.tensor.elements, pull).map { $0 - ($1 > 0 ? 0.2 : $1 < 0 ? -0.2 : 0) },
    shape: unseen.tensor.shape)
}

let readers = [("guide", guide), ("clean only", cleanGuide), ("evaluation", judge)]
let attacks = readers.map { _, attackedOne in
  let pictures = attacked(attackedOne)
  return readers.map { $0.1.accuracy(pictures, labels: unseen.labels) }
}
notebook.table(
  "Accuracy on images moved against a gradient",
  columns: ["moved against", "guide", "clean only", "evaluation classifier"],
  rows: ([("none", readers.map { $0.1.accuracy(unseen.tensor, labels: unseen.labels) })]
    + zip(readers, attacks).map { ($0.0, $1) }).map { [$0, $1[0], $1[1], $1[2]] })
if !notebook.isQuick {
  notebook.check(
    "accuracy of the clean-data classifier, moved against the guide less against itself",
    attacks[0][1] - attacks[1][1], isAbove: 0.15)
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

typealias GuidanceFormula =
  @Sendable (_ noise: Double, _ pull: Double, _ t: Int, _ x: Double) ->
  Double

func drawnWith(_ formula: @escaping GuidanceFormula) -> [Double] {
  let wrong = FunctionDenoiser<PointSet> { xt, t in
    let labels = [Int](repeating: 1, count: xt.count)
    let pulls = logistic.labelScore(xt, t: t, labels: labels).values
    let noises = onLine.noise(xt, t: t).values
    return PointSet(xt.values.indices.map { formula(noises[$0], pulls[$0], t, xt.values[$0]) })
  }
  return ddim(100)
    .sample(
      from: PointSet(normalQuantiles), denoiser: wrong, using: RandomStreams(of: root, count: 2001)
    ).values
}

let mistakes: [(name: String, drawn: [Double])] = [
  ("none", drawnWith { noise, pull, t, _ in noise - schedule.noiseScale(t) * pull }),
  ("sign", drawnWith { noise, pull, t, _ in noise + schedule.noiseScale(t) * pull }),
  ("no root", drawnWith { noise, pull, _, _ in noise - pull }),
  (
    "mean of the batch",
    drawnWith { noise, pull, t, _ in noise - schedule.noiseScale(t) * pull / 2001 }
  ),
  (
    "no logarithm",
    drawnWith { noise, pull, t, x in
      noise - schedule.noiseScale(t) * pull * exp(logistic.logProbability(x, t: t, label: 1))
    }
  ),
]
notebook.table(
  columns: ["mistake", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: mistakes.map {
    [
      $0.name, Double($0.drawn.count { $0 > 0 }) / 2001, moments($0.drawn).mean,
      moments($0.drawn).standardDeviation, distance($0.drawn),
    ]
  })
notebook.check(
  "no mistake: largest difference from the library's quantiles", mistakes[0].drawn, equals: byBest,
  tolerance: 1e-12)
notebook.check(
  "least distance of the four, over that of the correct formula",
  mistakes.dropFirst().map { distance($0.drawn) }.min()! / distance(byBest), isAbove: 5)
notebook.check(
  "share at x > 0 without the root",
  Double(mistakes[2].drawn.count { $0 > 0 }) / 2001,
  isAbove: 0.97)

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
//: the guided noises of all classes at $\omega = 1$ average to the unguided noise: guidance only
//: separates what the model has mixed. This is Claim 5.15.
//:
//: </details>
//:
//: **Claim 5.15.** $\sum_y p_t(y \mid x)\, \nabla \log p_t(y \mid x) = 0$.

let (mixedPoints, _) = noisyPoints(200, t: 250, stream: 60)
let mixedChances = bayes.labelProbabilities(mixedPoints, t: 250).values
let classPulls = (0..<3).map {
  bayes.labelScore(mixedPoints, t: 250, labels: [Int](repeating: $0, count: 200)).values
}
let weightedPulls = (0..<400).map { i -> Double in
  let chances = mixedChances[3 * (i / 2)..<3 * (i / 2) + 3]
  return zip(chances, classPulls).reduce(0) { $0 + $1.0 * $1.1[i] }
}
notebook.check(
  "weighted sum of the three gradients, 200 points", weightedPulls,
  equals: [Double](repeating: 0, count: 400), tolerance: 1e-12)

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

/// The clean-data classifier of the denoiser's estimate of $x_0$.
struct GuessClassifier: NoisyClassifier {
  func labelScore(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    let noised = line.noisyMarginal(schedule, to: t)
    // The slope of the estimate, by the derivative of Tweedie's formula (chapter 2).
    let gain = schedule.signalScale(t) / schedule.noiseVariance(t)
    let guesses = PointSet(xt.values.map { noised.x0Mean($0) })
    let pulls = overconfident.labelScore(guesses, t: 0, labels: labels).values
    return PointSet(
      zip(xt.values, pulls).map { x, pull in gain * noised.x0Variance(x) * pull })
  }
}

let byGuess = drawnQuantiles(by: GuessClassifier(), from: fewQuantiles) { _ in 1 }
let byView = drawnQuantiles(by: overconfident, from: fewQuantiles) { _ in 1 }
let byTruth = drawnQuantiles(by: logistic, from: fewQuantiles) { _ in 1 }
notebook.table(
  columns: ["guided by", "share at x > 0", "mean", "standard deviation", "distance"],
  rows: [
    ("the best classifier", byTruth), ("clean-data, of the estimate", byGuess),
    ("clean-data, of the noisy point", byView),
  ].map {
    [
      $0, Double($1.count { $0 > 0 }) / 401, moments($1).mean, moments($1).standardDeviation,
      distance($1, fewClassQuantiles),
    ]
  })
notebook.check(
  "distance: classifier of the estimate over classifier of the noisy point",
  distance(byGuess, fewClassQuantiles) / distance(byView, fewClassQuantiles), isBelow: 1)
notebook.check(
  "distance: classifier of the estimate over the best classifier",
  distance(byGuess, fewClassQuantiles) / distance(byTruth, fewClassQuantiles), isAbove: 10)

//: ## Summary
//:
//: | symbol | in code | meaning |
//: |---|---|---|
//: | $p_t(y \mid x)$ | `ExactClassifier`, `NetworkClassifier` | the class probabilities of a noisy point, conditioned on the step |
//: | $\nabla \log p_t(y \mid x)$ | `labelScore(_:t:labels:)` | the classifier's gradient, used for guidance |
//: | $\tilde\epsilon$ | `ClassifierGuidedDenoiser` | guided noise, for any sampler |
//: | $\omega$ | `scale` | the guidance scale. 0: unguided; 1: Bayes' rule; above: higher accuracy, less diversity |
//: | $\omega(t)$ | `scale: { t in … }` | a guidance scale for each step |
//:
//: - Scores add: an unconditional model and a classifier are a conditional model, exactly, at
//:   $\omega = 1$.
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
