//: # Chapter 6. Classifier-free guidance
//:
//: Chapter 5 guided a diffusion model with a second network, a classifier of noisy images. This
//: chapter does without it. One network learns two predictions: the noise in this image given that
//: it shows *a cat*, and the noise in this image without that condition. The difference of the two
//: predictions is the gradient of a classifier that nobody trained. *Classifier-free guidance*
//: (CFG) goes further along that difference than the conditional model does, and the cats become
//: more catlike. Most image generators in wide use work this way.
//:
//: It also does something other than what is usually written under the formula. At the end of this
//: chapter you can
//:
//: - translate a guidance scale between five conventions, and recognize which of them a paper uses,
//: - train one network with and without labels, and check the two branches against each other,
//: - say which distribution guided samples follow, and prove that it is not the one in the lecture
//:   notes,
//: - distinguish two meanings of "fidelity": high classification accuracy and closeness to the
//:   data,
//: - test recipes for guidance (how often to drop the label, when to guide, how strongly) by
//:   measurement.

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
import SyntheticData  // weave:hide
import Tensors  // weave:hide

let (notebook, options) = Chapter.open(  // weave:hide
  "One network with and without labels, and what lies beyond the conditional model.",  // weave:hide
  adding: MistakeOptions.self)  // weave:hide
let knownMistakes = options.selection(for: notebook)  // weave:hide

// weave:hide-begin
// With `--bug`, the chosen mistake takes the places of these types.
// swift-format-ignore: AlwaysUseLowerCamelCase
let GuidedDenoiser = knownMistakes.guidedDenoiser
// swift-format-ignore: AlwaysUseLowerCamelCase
let ClassifierGuidedDenoiser = knownMistakes.classifierGuidedDenoiser
// weave:hide-end

//: ## The testbed: six modes in the plane
//:
//: The data of this chapter lie in the plane, so that their distribution is known exactly. There
//: are three classes, each a mixture of two round Gaussians (two *modes*): an outer one, which
//: belongs clearly to its class, and an inner one, which overlaps with those of the other classes.
//: Think of the outer mode as cats from the front, and of the inner one as cats in the dark.

let distribution = MultivariateMixture(
  (0..<3).flatMap { label in
    [1.9, 0.5].map { radius in
      let angle = Double.pi / 2 + 2 * .pi * Double(label) / 3
      return MultivariateMixture.Component(
        mean: [radius * cos(angle), radius * sin(angle)], standardDeviation: 0.35, label: label)
    }
  })
let schedule = NoiseSchedule.linear()
let exact = ExactDenoiser(distribution, schedule)

//: `exact` returns the true $E[\epsilon \mid x_t, y]$ for a label $y$ = 0, 1 or 2, and
//: $E[\epsilon \mid x_t]$ for the *null label* 3, which means: no condition. A network would learn
//: these from endless data in endless time. A *guided* denoiser combines the two predictions. It is
//: a denoiser again, so the samplers of the earlier chapters accept it as it is.
//:
//: @code Sources/Diffusion/Guidance/Guidance.swift guided-noise
//:
//: The factor $s$ is the *guidance scale*. The next figure shows its effect. Which distribution do
//: these points come from? Look before you read on: what happens to the inner modes?

let sampler = Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(50))
let pointCount = notebook.count(3000, quick: 1500)
let targets = (0..<pointCount).map { $0 % 3 }

/// The points that a denoiser samples, always from the same starting noise of a stream.
func sampled(
  _ denoiser: some Denoiser<PointSet>, count: Int = pointCount, stream: Int = 1
) -> PointSet {
  sampler.sample(
    dimensions: 2, denoiser: denoiser, using: notebook.streams(count, stream: stream))
}

/// Points of the classes `targets`, guided with a constant scale.
func guided(
  _ model: some ConditionalDenoiser<PointSet>, count: Int = pointCount, scale: Double
) -> PointSet {
  let labels = Array(targets.prefix(count))
  return sampled(GuidedDenoiser(model, labels: labels, scale: scale), count: count)
}

//: @fold How the figure is plotted

func scatterPlot(_ points: PointSet, _ title: String) -> Plot {
  let shown = points.entries(0..<min(points.count, 1500))
  return Plot(
    title: title, x: Axis("$x_1$", range: -3.6...3.6, at: [-2, 0, 2]),
    y: Axis("$x_2$", range: -3.2...4, at: [-2, 0, 2])
  ).scatter(
    shown.column(0), shown.column(1), classes: Array(targets.prefix(shown.count)), radius: 0.9,
    opacity: 0.5)
}

notebook.figure(
  "guidance-scales",
  Figure(
    columns: 4, [0.0, 1, 2, 4].map { scatterPlot(guided(exact, scale: $0), "$s=\(Int($0))$") },
    panelSize: Size(205, 205), sharing: .axes), formats: [.png],
  caption: "The same starting noise under four guidance scales, with an exact denoiser; the color "
    + "is the wanted class. Without guidance ($s=0$) the class is ignored, with $s=1$ every "
    + "class has its two modes. At $s=2$ the inner modes thin out, at $s=4$ they are gone, and "
    + "the outer modes have shrunk and left their places.",
  alternative: "Four scatter plots of colored points: mixed colors; three colors of two modes "
    + "each; mostly three outer modes; three small modes further out.")

//: ## Part I. Conditional and unconditional predictions from one network
//:
//: ### Class conditioning
//:
//: The input of a network is a vector, so a class becomes a vector: row $y$ of an embedding table
//: that is trained with the rest, $e_y$. It is usually added to the time embedding. Chapter 2's
//: network turns $t$ into a vector $e_t$ that every block receives; now every block receives
//: $e_t + e_y$. With three classes the table has four rows, one of them for the null label.
//:
//: **Claim 6.1.** (a) The gradient of the loss reaches exactly those rows of the table whose labels
//: are in the batch. (b) Another label gives another prediction, and the prediction for an entry of
//: the batch depends on its own label alone, not on those of its neighbors. (c) Of three other ways
//: to condition a network on a class, two are equivalent to addition, and one is not.

let data = TrainingPoints(distribution, count: 1 << 15, seed: notebook.seed)

/// An untrained denoiser with a table of four rows.
func smallDenoiser(dropProbability: Double, width: Int) -> PointDenoiser {
  PointDenoiser(
    PointDenoiser.Configuration {
      $0.dropProbability = dropProbability
      $0.dropProbability = knownMistakes.labelDropout(dropProbability)  // weave:hide
      $0.width = width
      $0.layers = 1
    }, for: data)
}

/// The rows of the embedding table that the loss of a batch depends on.
func rowsWithGradient(
  _ denoiser: PointDenoiser, labels: [Int], _ generator: RandomGenerator
) -> [Int] {
  let tape = Tape()
  let points = Tensor(repeating: 0.5, shape: [labels.count, 2])
  let loss = denoiser.model.loss(points, labels: labels, tape: tape, generator: generator)
  let table = denoiser.network.parameters.first { $0.name == "class_embedding.weight" }!
  let gradient = tape.gradients(of: loss.total)[table]!
  return (0..<4).filter { row in gradient.rows([row]).elements.contains { $0 != 0 } }
}

//: Part (b) compares the predictions for three copies of one point with the labels 0, 1, 0.

let untrained = smallDenoiser(dropProbability: 0, width: 16)
notebook.check(
  "(a) rows that a batch of the labels 2, 0, 2 reaches",
  rowsWithGradient(untrained, labels: [2, 0, 2], notebook.random(0)), isExactly: [0, 2])
let copies = PointSet([[0.3, -0.8], [0.3, -0.8], [0.3, -0.8]])
let predictions = untrained.noise(copies, t: 300, labels: [0, 1, 0])
notebook.check(
  "(b) labels 0 and 1 at one point: distance of the predictions",
  hypot(predictions[0][0] - predictions[1][0], predictions[0][1] - predictions[1][1]),
  isAbove: 1e-3)
notebook.check(
  "(b) label 0 beside other labels, and alone", predictions[0],
  equals: untrained.noise(copies.entries(0..<1), t: 300, labels: [0])[0], tolerance: 1e-5)

//: The tolerance is that of single precision: matrix products of different sizes add in different
//: orders.
//:
//: There are other ways to condition a network, and they differ less than their names suggest.
//: *Concatenation* appends $e_y$ to $e_t$, and the next linear map makes $W_t e_t + W_y e_y$ of it:
//: a sum. *Cross-attention* computes for every pixel a weighted average over a list of vectors; a
//: class is a list of one, and the average of one vector is that vector, whatever the query. So for
//: classes it is addition as well; its cost pays for lists of many vectors, such as the words of a
//: text prompt. *FiLM* (Perez et al., 2018; behind a normalization it is called adaptive group
//: norm) also scales, $h \mapsto (1 + \gamma_y) h + \beta_y$. With addition, exchanging two labels
//: changes every $h$ by the same amount; with FiLM it does not.

/// Standard Gaussian values from a random stream.
func normals(_ count: Int, stream: Int) -> [Double] {
  notebook.samples(count, stream: stream) { $0.normal() }
}

let (timeVector, classVector) = (normals(8, stream: 2), normals(8, stream: 3))
let timeMap = Matrix(rows: 5, columns: 8, normals(40, stream: 4))
let classMap = Matrix(rows: 5, columns: 8, normals(40, stream: 5))
let concatenatedMap = Matrix((0..<5).map { timeMap.row($0) + classMap.row($0) })
notebook.check(
  "(c) concatenated, then mapped", concatenatedMap * (timeVector + classVector),
  equals: zip(timeMap * timeVector, classMap * classVector).map { $0 + $1 }, tolerance: 1e-13)
let queries = Tensor(normals(6, stream: 6).map { Float($0) }, shape: [6, 1])
notebook.check(
  "(c) weights of six queries on the only value", softmax(queries).elements,
  equals: [Float](repeating: 1, count: 6), tolerance: 0)

//: The next function exchanges one label for another in both and measures how much the change of
//: $h$ varies over five values of $h$.

func rangeOfChange(_ first: (Double) -> Double, _ second: (Double) -> Double) -> Double {
  let changes = normals(5, stream: 7).map { first($0) - second($0) }
  return changes.max()! - changes.min()!
}
notebook.check(
  "(c) addition: range of the change over h",
  rangeOfChange({ $0 + 0.7 }, { $0 - 0.2 }), equals: 0, tolerance: 1e-14)
notebook.check(
  "(c) FiLM: range of the change over h",
  rangeOfChange({ 1.4 * $0 + 0.7 }, { 0.8 * $0 - 0.2 }), isAbove: 0.1)

//: ### Label dropout
//:
//: To train both predictions in one network, withhold the class in a share $p_\varnothing$ of the
//: training examples: replace $y$ by the null label. Nothing else changes, neither the loss nor the
//: network. This is *conditioning dropout* or *label dropout*. In the course's training code for
//: small networks it is one line:
//:
//: @code Sources/Models/DiffusionModel.swift loss
//:
//: **Claim 6.2.** The null label occurs with the requested frequency, independently from example to
//: example, and an example that lost its label trains the null row instead of its own. This can be
//: observed from outside: a batch of one example has a gradient in one row, and this row shows
//: which label the network was given.

let withDropout = smallDenoiser(dropProbability: 0.15, width: 8)
let batchCount = notebook.count(6000, quick: 1500)
let reachedRows = (0..<batchCount).map { i in
  rowsWithGradient(withDropout, labels: [i % 3], notebook.random(11).split(i))
}
notebook.check(
  "examples that reach one row, their own or the null row",
  reachedRows.indices.count { reachedRows[$0] == [$0 % 3] || reachedRows[$0] == [3] },
  isExactly: batchCount)
notebook.check(
  "share of examples in the null row",
  .proportion(reachedRows.count { $0 == [3] }, of: batchCount), equals: 0.15)
let droppedPairs = zip(reachedRows, reachedRows.dropFirst()).count { $0 == [3] && $1 == [3] }
notebook.check(
  "share of neighbors that both lose their label",
  .proportion(droppedPairs, of: batchCount - 1), equals: 0.15 * 0.15)

//: (Neighboring pairs overlap, so their standard error is a little too small; for a product of this
//: size by a few percent.)
//:
//: What is learned this way? For examples with a label the best prediction is
//: $\epsilon_y(x_t) = E[\epsilon \mid x_t, y]$; for those without, the best prediction is
//: $\epsilon_\varnothing(x_t) = E[\epsilon \mid x_t]$, because they come from the whole data
//: distribution. One network thus approximates four denoisers, and the fourth is an average of the
//: other three. Claim 6.7 uses this as a consistency check.
//:
//: ## Part II. One formula, five conventions
//:
//: ### Conventions for the guidance scale
//:
//: Write $\epsilon_u$ for the prediction given the null label (the *unconditional branch*) and
//: $\epsilon_c$ for that given the wanted label (the *conditional branch*). ("The book" is S.
//: Chatterjee's "Foundations of Generative Models"; all sources are listed at the end.) This
//: course, and the note on latent diffusion that it grew from, writes
//: $$ \hat\epsilon = \epsilon_u + s\,(\epsilon_c - \epsilon_u) . $$
//: Others write the same line, with a scale of another meaning:
//:
//: | where | formula | unconditional | conditional | the course's $s$ |
//: |:--|:--|:--|:--|:--|
//: | this course; the note "Conditional Latent Diffusion"; most programs | $\epsilon_u + s(\epsilon_c - \epsilon_u)$ | 0 | 1 | $s$ |
//: | Ho and Salimans (2022); the book, (4.141), (8.32), (9.26) | $(1 + w)\,\epsilon_c - w\,\epsilon_u$ | $-1$ | 0 | $1 + w$ |
//: | Cornell CS 4782 notes | $(1 - w)\,\epsilon_u + w\,\epsilon_c$ | 0 | 1 | $w$ |
//: | IIT Hyderabad slides | $\gamma \nabla\log p(x_t \mid y) + (1 - \gamma) \nabla\log p(x_t)$ | 0 | 1 | $\gamma$ |
//: | classifier guidance (chapter 5) | $\epsilon_u - \omega \sqrt{1 - \bar\alpha_t}\, \nabla\log p(y \mid x_t)$ | 0 | 1 | $\omega$ |
//:
//: **Claim 6.3.** With scales translated as in the last column all five give the same noise, to
//: rounding. So does the library, in one pass over a batch of twice the size.

let points = PointSet(normals(120, stream: 8).map { 2 * $0 }, dimensions: 2)
let pointLabels = Array(targets.prefix(60))

/// The unconditional and the conditional noise at the 60 points.
func branches(at t: Int) -> (u: PointSet, c: PointSet) {
  (exact.noise(points, t: t), exact.noise(points, t: t, labels: pointLabels))
}
let (u, c) = branches(at: 300)
let sigma = schedule.noiseScale(300)
let (scoreU, scoreC) = (PointSet.sum((-1 / sigma, u)), PointSet.sum((-1 / sigma, c)))
let classifier = ExactClassifier(distribution, schedule)
let labelScore = classifier.labelScore(points, t: 300, labels: pointLabels)

/// The guided noise at t = 300 by each of the five conventions, for the course's scale `s`.
func guidedNoises(_ s: Double) -> [PointSet] {
  let (w, gamma, omega) = (s - 1, s, s)
  return [
    .sum((1, u), (s, .sum((1, c), (-1, u)))),
    .sum((1 + w, c), (-w, u)),
    .sum((1 - s, u), (s, c)),
    .sum((-sigma, .sum((gamma, scoreC), (1 - gamma, scoreU)))),
    .sum((1, u), (-omega * sigma, labelScore)),
  ]
}

//: The five are compared with the library's guided noise, relative to the largest value.

let differences = [0.0, 1, 3, 7.5].flatMap { s -> [Double] in
  let noises = guidedNoises(s)
  let library = GuidedDenoiser(exact, labels: pointLabels, scale: s).noise(points, t: 300)
  return noises.map { $0.largestDifference(from: library) / noises[0].values.map(abs).max()! }
}
notebook.check(
  "largest difference of the five from the library, relative, s = 0, 1, 3, 7.5",
  differences.max()!, isBelow: 3e-15)
//: Guidance does not depend on the prediction target of the network. Noise, data, v and score are
//: each $a\,x_t + b\,\epsilon$ with coefficients $a$ and $b$ that depend on $t$ alone (chapter 2),
//: and the weights $s$ and $1 - s$ add up to 1; so combining the two estimates of $x_0$ with the
//: same $s$ is the same thing.

let process = GaussianDiffusion(schedule)
for kind in [Prediction.x0, .v, .score] {
  func converted(_ noise: PointSet) -> PointSet {
    process.convert(noise, from: .noise, to: kind, xt: points, t: 300)
  }
  notebook.check(
    "combined as \(kind), against combined as noise, s = 3",
    PointSet.sum((3, converted(c)), (-2, converted(u))).values,
    equals: converted(.sum((3, c), (-2, u))).values, tolerance: 1e-12)
}

//: **Erratum E-X3.** A scale without its convention means nothing. The book's $w = 3$ is $s = 4$.
//: Insert the scale 3 of the note, where 1 is "conditional", into the book's (9.26), where 0 is
//: "conditional", and the result is off by one whole difference $\epsilon_c - \epsilon_u$. At one
//: point of the two-class mixture on the line ($\pm 1$ with standard deviation $\frac12$):

let line = GaussianMixture.twoClasses
let lineDenoiser = ExactDenoiser(line, schedule)
let lineNoise = lineDenoiser.noise(PointSet([0.3, 0.3]), t: 300, labels: [2, 1]).values
let (lineU, lineC) = (lineNoise[0], lineNoise[1])
notebook.erratum(
  "E-X3", source: "Foundations of Generative Models, (4.141), (8.32), (9.26)",
  "noise at scale 3, x = 0.3, t = 300", printed: (1 + 3) * lineC - 3 * lineU,
  right: (1 + 2) * lineC - 2 * lineU, secondRoute: lineU + 3 * (lineC - lineU),
  tolerance: 1e-14, apart: 0.1)

//: **Erratum E-S3j.** According to the Cornell notes the formula interpolates between the two
//: scores, for every $w \ge 0$. It does for $w \le 1$. All use of guidance is at $w > 1$, where it
//: *extrapolates*: the guided noise is at the fraction $w$ of the way from $\epsilon_u$ to
//: $\epsilon_c$, and the way ends at 1. Every surprising effect in this chapter comes from this
//: extrapolation.

let covered = guidedNoises(3)[2].values[0] - u.values[0]
notebook.erratum(
  "E-S3j", source: "Cornell CS 4782, guidance section, text under the formula",
  "fraction of the way at w = 3", printed: 1, right: 3,
  secondRoute: covered / (c.values[0] - u.values[0]), tolerance: 1e-12, apart: 1)

//: ### The implicit classifier
//:
//: Bayes' rule, $p(x_t \mid y) = p(x_t)\, p(y \mid x_t) / p(y)$; take the logarithm and the
//: gradient, and $p(y)$ is gone:
//: $$ \nabla\log p(y \mid x_t) = \nabla\log p(x_t \mid y) - \nabla\log p(x_t)
//: = \frac{\epsilon_u - \epsilon_c}{\sqrt{1 - \bar\alpha_t}} . $$
//: A network that predicts both noises therefore contains the gradient of a classifier that was
//: never trained as such: the *implicit classifier*.
//:
//: **Claim 6.4.** Exactly so for exact noises. First route: scores of the noisy marginals, written
//: without any noise prediction. Second route: finite differences of the logarithm of
//: $p(y \mid x_t)$, which use no score at all; with fourth order and step size $10^{-3}$ they are
//: accurate to about $10^{-10}$.

let times = [100, 400, 800]
let implicit = times.flatMap { t -> [Double] in
  let (u, c) = branches(at: t)
  return PointSet.sum((1 / schedule.noiseScale(t), u), (-1 / schedule.noiseScale(t), c)).values
}
let marginals = times.map { distribution.noisyMarginal(schedule, to: $0) }
let scoreDifferences = marginals.flatMap { marginal in
  (0..<60).flatMap { i in
    let ofClass = marginal.restricted(to: pointLabels[i]).score(points[i])
    return zip(ofClass, marginal.score(points[i])).map { $0 - $1 }
  }
}
notebook.check(
  "difference of scores, t = 100, 400, 800", implicit, equals: scoreDifferences, tolerance: 1e-12)
let slopes = marginals.flatMap { marginal in
  (0..<60).flatMap { i in
    gradient(at: points[i]) { log(marginal.labelProbabilities($0)[pointLabels[i]]) }
  }
}
notebook.check(
  "slope of log p(y | x), t = 100, 400, 800", implicit, equals: slopes, tolerance: 1e-8)

//: So guidance with scale $s$ adds $s$ times the gradient of the classifier to the unconditional
//: score: it is classifier guidance, by the best possible classifier. With $s = 1$ it is Bayes'
//: rule, and with $s > 1$ the classifier has more weight than Bayes' rule gives it.
//:
//: **Erratum E-B28.** The book puts both kinds of guidance side by side with one letter: (9.28)
//: with $\omega$ times the classifier's gradient, (9.29) with
//: $(1 + \omega)\epsilon_c - \omega\epsilon_u$, and calls them equivalent if the gradient is the
//: implicit one (9.30). Insert it, and (9.28) is $\epsilon_u + \omega(\epsilon_c - \epsilon_u)$:
//: equivalent to (9.29) with $\omega_{\text{classifier}} = 1 + \omega_{\text{CFG}}$, and not with
//: equal letters.

let lineClassifier = ExactClassifier(line, schedule)
let lineGradient = lineClassifier.labelScore(PointSet([0.3]), t: 300, labels: [1]).values[0]
func byClassifier(_ omega: Double) -> Double { lineU - omega * sigma * lineGradient }
notebook.erratum(
  "E-B28", source: "Foundations of Generative Models, (9.28)-(9.30)",
  "noise by (9.28) that equals (9.29) with 1", printed: byClassifier(1), right: byClassifier(1 + 1),
  secondRoute: (1 + 1) * lineC - 1 * lineU, tolerance: 1e-13, apart: 0.1)

//: **Erratum E-X4.** The Cornell notes lose a 1 in the other direction. Their density line is
//: $\log\tilde p(x \mid y) = \log p(x \mid y) + w \log p(y \mid x)$ (up to a constant; they print a
//: sign of proportionality between logarithms), their gradient line is
//: $(1 - w)\nabla\log p(x) + w\nabla\log p(x \mid y)$. The gradient of the first is
//: $(1 + w)\nabla\log p(x \mid y) - w\nabla\log p(x)$. To fit their gradient, the density must
//: start from $\log p(x)$. At the same point, for $w = 2$, with the density line differentiated by
//: finite differences:

let noisyLine = line.noisyMarginal(schedule, to: 300).marginal
let noisyClass = noisyLine.restricted(to: 1)
let densitySlope = derivative(at: 0.3) {
  noisyClass.logDensity($0) + 2 * log(noisyLine.labelProbabilities($0)[1])
}
let (lineScoreC, lineScoreU) = (noisyClass.score(0.3), noisyLine.score(0.3))
notebook.erratum(
  "E-X4", source: "Cornell CS 4782, Modified Sampling Distribution",
  "gradient of the density line, w = 2", printed: (1 - 2) * lineScoreU + 2 * lineScoreC,
  right: (1 + 2) * lineScoreC - 2 * lineScoreU, secondRoute: densitySlope, tolerance: 1e-9,
  apart: 0.1)

//: ## Part III. What guidance samples
//:
//: ### The tilted distributions of all steps do not fit together
//:
//: By Claim 6.4 the guided noise corresponds to the score of
//: $$ \tilde p_t(x) \propto p_t(x)\, p_t(y \mid x)^s $$
//: at every single $t$. So it is tempting to conclude that guidance samples $\tilde p_0$, the
//: data's density times the classifier's probability to the power $s$ (the *tilted* or sharpened
//: distribution). Papers, lecture notes and slides state it. A sampler, however, does not use
//: $\tilde p_t$ one $t$ at a time. It assumes that the score at $t$ belongs to the *noisy version*
//: of the distribution whose score it gets at $t - 1$. Are the $\tilde p_t$ noisy versions of
//: $\tilde p_0$? They are made by adding noise first and raising to a power afterwards; the noisy
//: $\tilde p_0$ would be made in the opposite order.
//:
//: **Claim 6.5.** They are not, and guidance does not sample $\tilde p_0$. This claim has four
//: parts. (a) Unless $s$ is 0 or 1, the $\tilde p_t$ are not noisy versions of $\tilde p_0$. At
//: $t = 300$ the score of $\tilde p_t$ and that of the noisy $\tilde p_0$ differ. The second is
//: computed by brute force: by an integral over all $x_0$ (on the line, for the classes $\pm 1$
//: with standard deviation $\frac12$).

/// The logarithm of the tilted density, up to a constant: of the data, or of the noisy data at `t`.
func logTilted(_ x: Double, scale s: Double, at t: Int = 0) -> Double {
  let marginal = line.noisyMarginal(schedule, to: t).marginal
  return marginal.logDensity(x) + s * log(marginal.labelProbabilities(x)[1])
}

/// The integral of `f` times the tilted density of the data, which is not normalized.
func tiltedIntegral(_ s: Double, _ f: (Double) -> Double) -> Double {
  GaussLegendre.standard.integrate(from: -6, to: 8, panels: 60) {
    f($0) * exp(logTilted($0, scale: s))
  }
}

/// The score at step `t` of the tilted distribution of data with noise added.
func scoreOfNoisyTilted(_ x: Double, scale s: Double, t: Int) -> Double {
  let (signal, variance) = (schedule.signalScale(t), schedule.noiseVariance(t))
  func likelihood(_ x0: Double) -> Double { exp(-pow(x - signal * x0, 2) / (2 * variance)) }
  let shift = tiltedIntegral(s) { (x - signal * $0) * likelihood($0) }
  return -shift / tiltedIntegral(s, likelihood) / variance
}

//: The guided field at the same point, and that score:

let tiltScales = [0.0, 1, 2, 4]
let fields = tiltScales.map { s in -(s * lineC + (1 - s) * lineU) / sigma }
let noisyScores = tiltScales.map { scoreOfNoisyTilted(0.3, scale: $0, t: 300) }
notebook.table(
  "Two scores at x = 0.3, t = 300",
  columns: ["s", "guided", "of the noisy tilted distribution"],
  rows: tiltScales.indices.map { [tiltScales[$0], fields[$0], noisyScores[$0]] })
notebook.check(
  "(a) the guided field is the score of the tilted distribution at t, s = 4", fields[3],
  equals: derivative(at: 0.3) { logTilted($0, scale: 4, at: 300) }, tolerance: 1e-9)
notebook.check(
  "(a) the two scores agree, s = 0, 1", fields.prefix(2), equals: noisyScores.prefix(2),
  tolerance: 1e-10)
notebook.check(
  "(a) the two scores differ, s = 4", abs(fields[3] - noisyScores[3]), isAbove: 0.1)

//: ### Closed forms for Gaussian data
//:
//: What does a sampler produce from such a field? For Gaussians the answer has a closed form. Let
//: all data together be $\mathcal N(0, V)$ and those of our label $\mathcal N(m, v)$ with $v < V$.
//: (The label is then a measurement rather than a class.) The tilted distribution is Gaussian, with
//: the variance $1 / (\frac sv - \frac{s-1}V)$ and the mean $\frac{s V m}{sV - (s-1)v}$.
//:
//: Work in $X = x_t / \sqrt{\bar\alpha_t}$ with the noise variance
//: $u = (1 - \bar\alpha_t) / \bar\alpha_t$, which runs from $\infty$ to 0. The guided score of $X$
//: is $-\frac{s}{v + u}(X - m) + \frac{s - 1}{V + u} X$, a straight line with the slope
//: $-\kappa(u)$, $\kappa = \frac{s}{v+u} - \frac{s-1}{V+u}$. Many small DDIM steps solve the
//: probability-flow ODE $\frac{dX}{du} = -\frac12\,\mathrm{score}$ (chapter 4), so distances
//: between points shrink like $\frac{d \log \mathrm{std}}{du} = \frac12\kappa$. Many small DDPM
//: steps solve the reverse stochastic differential equation (SDE): they also add noise of variance
//: $du$ and take twice the step: $\frac{d\,\mathrm{Var}}{du} = 2\kappa\,\mathrm{Var} - 1$. Both
//: equations have closed-form solutions (with the substitution $\frac{V+u}{v+u}$ for the second):
//: $$ \mathrm{std}_{\mathrm{DDIM}} = v^{s/2}\, V^{(1-s)/2} , \qquad
//: \mathrm{Var}_{\mathrm{DDPM}} = \frac{vV - v^{2s} V^{2-2s}}{(2s-1)(V-v)} , \qquad
//: \mathrm{mean}_{\mathrm{DDPM}} = m\,\frac{V - v^s V^{1-s}}{V - v} . $$
//: At $s = 1$ all of them are those of $\mathcal N(m, v)$. Beyond, DDIM's standard deviation falls
//: *exponentially* in $s$, DDPM's variance like $1/2s$, that of the tilted distribution like $1/s$:
//: three results for one question.
//:
//: (b) of Claim 6.5: the library's samplers, run on random variables instead of scalars
//: (`GaussianVariable`, chapter 0), converge to these values. A chain of $T$ steps is off by about
//: $1/T$, so twice the result of 2000 steps minus that of 1000 is off by some $1/T^2$ only, and by
//: $\bar\alpha_T = 4 \cdot 10^{-5}$, which formulas for $u = \infty$ leave out.

let v = 0.25  // and V = m = 1
typealias MeanAndStd = (mean: Double, std: Double)

/// Mean and standard deviation of a rule's samples of the guided field, Gaussian case.
func gaussianChain(_ rule: some ReverseStep, scale s: Double, steps: Int) -> MeanAndStd {
  let schedule = NoiseSchedule.linearScaledToLength(steps: steps)
  let unconditional = GaussianDenoiser<GaussianVariable>(variance: 1, schedule)
  let conditional = GaussianDenoiser<GaussianVariable>(mean: 1, variance: v, schedule)
  let guided = FunctionDenoiser<GaussianVariable> { x, t in
    .sum((s, conditional.noise(x, t: t)), (1 - s, unconditional.noise(x, t: t)))
  }
  let end = Sampler(rule, schedule: schedule).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: guided,
    using: RandomStreams(seed: 0, count: 1))
  return (end.mean, end.standardDeviation)
}

func extrapolated(_ rule: some ReverseStep, scale s: Double) -> MeanAndStd {
  let coarse = gaussianChain(rule, scale: s, steps: 1000)
  let fine = gaussianChain(rule, scale: s, steps: 2000)
  return (2 * fine.mean - coarse.mean, 2 * fine.std - coarse.std)
}

//: The closed forms, to compare with:

func ddimStd(_ s: Double) -> Double { pow(v, s / 2) }
func ddpmStd(_ s: Double) -> Double {
  ((v - pow(v, 2 * s)) / ((2 * s - 1) * (1 - v))).squareRoot()
}
func ddpmMean(_ s: Double) -> Double { (1 - pow(v, s)) / (1 - v) }
func tiltedStd(_ s: Double) -> Double { (1 / (s / v - (s - 1))).squareRoot() }
func tiltedMean(_ s: Double) -> Double { s / (s - (s - 1) * v) }

let gaussianScales = [1.0, 2, 4]
let ddpm = gaussianScales.map { extrapolated(.ancestral(), scale: $0) }
notebook.check(
  "(b) standard deviation by DDIM, s = 1, 2, 4",
  gaussianScales.map { extrapolated(.ddim(), scale: $0).std }, equals: gaussianScales.map(ddimStd),
  tolerance: 2e-4)
notebook.check(
  "(b) standard deviation by DDPM, s = 1, 2, 4", ddpm.map { $0.std },
  equals: gaussianScales.map(ddpmStd), tolerance: 5e-4)
notebook.check(
  "(b) mean by DDPM, s = 1, 2, 4", ddpm.map { $0.mean }, equals: gaussianScales.map(ddpmMean),
  tolerance: 5e-4)
notebook.table(
  "Gaussians with v = 1/4, V = 1, m = 1: standard deviations and means",
  columns: ["s", "DDIM std", "DDPM std", "tilted std", "DDPM mean", "tilted mean"],
  rows: [1.0, 1.5, 2, 4, 8].map { s in
    [s, ddimStd(s), ddpmStd(s), tiltedStd(s), ddpmMean(s), tiltedMean(s)]
  })

//: ### Two classes on the line
//:
//: Now the same for the two classes, without a closed form but without randomness as well. Compute
//: backwards: let $g_t(x)$ be the expected end of the chain if it is at $x$ at step $t$. At $t = 0$
//: the expected end is $x$ itself, so $g_0(x) = x$ (or $x^2$, for the second moment), and from
//: there every step is an average over the noise of one step,
//: $g_t(x) = E[g_{t-1}(\mu_t(x) + \sigma_t z)]$. At $t = T$ average over $x_T$. Below, the
//: functions are tabulated on a grid, with cubic interpolation between its points, and averages
//: over $z$ are sums over the thirteen integers from $-6$ to 6, weighted by the Gaussian density:
//: for smooth functions that is exact to $2 e^{-2\pi^2} = 5 \cdot 10^{-9}$.

let spacing = 0.04
let grid = stride(from: -9, through: 9, by: spacing).map { $0 }

/// The value at `x` of a function tabulated on the grid, by the cubic through the four nearest.
func interpolated(_ g: [Double], _ x: Double) -> Double {
  let place = (x + 9) / spacing
  let i = min(max(Int(place), 1), g.count - 3)
  let f = place - Double(i)
  let (a, b, c, d) = (f + 1, f, f - 1, f - 2)
  return -b * c * d / 6 * g[i - 1] + a * c * d / 2 * g[i] - a * b * d / 2 * g[i + 1]
    + a * b * c / 6 * g[i + 2]
}

//: Now $g_t$ for both moments, step by step, with DDIM's $\eta$ (1 is DDPM):

func backwardMoments(scale: Double, eta: Double) -> MeanAndStd {
  let field = GuidedDenoiser(lineDenoiser, labels: grid.map { _ in 1 }, scale: scale)
  let weights = (-6...6).map { (z: Double($0), weight: StandardNormal.density(Double($0))) }
  var (first, second) = (grid, grid.map { $0 * $0 })
  for t in 1...schedule.steps {
    let step = schedule.transition(from: t, to: t - 1)
    let sigma = step.sigma(eta: eta)
    let noise = field.noise(PointSet(grid), t: t)
    let x0 = process.x0Estimate(noise: noise, xt: PointSet(grid), t: t)
    let direction = (step.previousNoiseVariance - sigma * sigma).squareRoot()
    let means = PointSet.sum((step.previousAlphaBar.squareRoot(), x0), (direction, noise)).values
    func averaged(_ g: [Double]) -> [Double] {
      if sigma == 0 { return means.map { interpolated(g, $0) } }
      return means.map { mean in
        weights.reduce(0) { $0 + $1.weight * interpolated(g, mean + sigma * $1.z) }
      }
    }
    (first, second) = (averaged(first), averaged(second))
  }
  func expectation(_ g: [Double]) -> Double {
    zip(grid, g).reduce(0) { $0 + StandardNormal.density($1.0) * $1.1 } * spacing
  }
  let mean = expectation(first)
  return (mean, (expectation(second) - mean * mean).squareRoot())
}

//: The moments of the tilted distribution are integrals.

func tiltedMoments(_ s: Double) -> MeanAndStd {
  let (mass, mean) = (tiltedIntegral(s) { _ in 1 }, tiltedIntegral(s) { $0 })
  let square = tiltedIntegral(s) { $0 * $0 } / mass
  return (mean / mass, (square - pow(mean / mass, 2)).squareRoot())
}

let scales = notebook.isQuick ? [1.0, 2, 4, 8] : [0.5, 1, 1.5, 2, 3, 4, 6, 8]
let moments = notebook.progress("backward recursion", scales).map { s in
  (
    s: s, tilted: tiltedMoments(s), ddim: backwardMoments(scale: s, eta: 0),
    ddpm: backwardMoments(scale: s, eta: 1)
  )
}
func columns(_ name: String) -> [Column] {
  [Column("\(name) mean", decimals: 3), Column("\(name) std", decimals: 3)]
}
notebook.table(
  "Two classes on the line: mean and standard deviation of the samples, 1000 steps",
  columns: [Column("s", digits: 2)] + ["tilted", "DDIM", "DDPM"].flatMap(columns),
  rows: moments.map {
    [$0.s, $0.tilted.mean, $0.tilted.std, $0.ddim.mean, $0.ddim.std, $0.ddpm.mean, $0.ddpm.std]
  })

//: (c) of Claim 6.5: the samplers of the library give these values. For DDPM we take a few thousand
//: random samples. For DDIM only the start is random, so we start from equally likely quantiles
//: instead of random points: the mean of $n$ such points is off by the integral over the last
//: interval at either end, about $1/n$.

let quantileCount = notebook.count(2000, quick: 800)
let quantiles = PointSet(
  (0..<quantileCount).map { StandardNormal.quantile((Double($0) + 0.5) / Double(quantileCount)) })
var lineStreams = notebook.streams(notebook.count(8000, quick: 1500), stream: 21)
let gaussianStart = lineStreams.normalPoints()

func lineSamples(_ rule: some ReverseStep, _ s: Double, from start: PointSet) -> [Double] {
  let denoiser = GuidedDenoiser(lineDenoiser, labels: start.values.map { _ in 1 }, scale: s)
  return Sampler(rule, schedule: schedule).sample(
    from: start, denoiser: denoiser, using: notebook.streams(start.count, stream: 20)
  ).values
}

//: Their means and variances, for two scales, beside those of the backward recursion:

let lineSets = [2.0, 4].map { s in
  (
    ddim: lineSamples(.ddim(), s, from: quantiles),
    ddpm: lineSamples(.ancestral(), s, from: gaussianStart),
    expected: moments.first { $0.s == s }!
  )
}
for set in lineSets {
  let name = "(c) s = \(Int(set.expected.s))"
  notebook.check(
    "\(name): mean by DDIM", Moments(set.ddim).mean, equals: set.expected.ddim.mean,
    tolerance: 1 / Double(quantileCount))
  notebook.check(
    "\(name): mean by DDPM", Estimate(of: set.ddpm), equals: set.expected.ddpm.mean)
  notebook.check(
    "\(name): variance by DDPM", .variance(of: set.ddpm),
    equals: pow(set.expected.ddpm.std, 2))
}
let unguided = moments.first { $0.s == 1 }!
notebook.check(
  "(c) s = 1, without tilting: means by DDIM and DDPM",
  [unguided.ddim.mean, unguided.ddpm.mean], equals: [1, 1], tolerance: 5e-3)
//: (With $s = 1$ what is left is the error of 1000 steps and of starting from $\mathcal N(0, 1)$,
//: chapters 3 and 4.)
//:
//: **Erratum E-X2.** So guidance with $s \ne 1$ does not sample $p(x)\,p(y \mid x)^s$. The Cornell
//: notes present it as that ("modified sampling distribution"), the IIT Hyderabad slides equate the
//: guided score with $\nabla\log p(x_t \mid y)$, the book's (9.21) introduces it as sampling with
//: amplified conditioning. The distribution of the samples depends on the sampler. For $s = 4$ we
//: compare the standard deviation by DDIM and the mean by DDPM; the second routes are random
//: samples.

let (atFour, setAtFour) = (lineSets[1].expected, lineSets[1])
notebook.erratum(
  "E-X2", source: "Cornell CS 4782, Modified Sampling Distribution",
  "standard deviation, DDIM, s = 4", printed: atFour.tilted.std, right: atFour.ddim.std,
  secondRoute: Moments(setAtFour.ddim).standardDeviation, tolerance: 2e-3, apart: 0.1)
notebook.erratum(
  "E-X2", source: "Cornell CS 4782, Modified Sampling Distribution", "mean, DDPM, s = 4",
  printed: atFour.tilted.mean, right: atFour.ddpm.mean, secondRoute: Estimate(of: setAtFour.ddpm),
  apart: 0.1)

//: @fold How the figure is plotted

let tiltedMass = tiltedIntegral(4) { _ in 1 }
let densityPlot = Plot(
  title: "Samples with $s=4$", x: Axis("$x_0$", range: -0.6...3.4), y: "density"
)
.histogram(setAtFour.ddim, bins: 40, range: 0...3.4, label: "DDIM", color: .orange)
.histogram(setAtFour.ddpm, bins: 50, range: -0.6...3.4, label: "DDPM", color: .blue)
.curve(over: -0.6...3.4, label: "tilted", color: .ink) { exp(logTilted($0, scale: 4)) / tiltedMass }
.curve(over: -0.6...3.4, label: "$p(x|y)$", color: .axis, dash: .dashed) {
  line.restricted(to: 1).density($0)
}
func momentPlot(_ title: String, _ value: (MeanAndStd) -> Double) -> Plot {
  Plot(title: title, x: "guidance scale $s$", y: Axis(title.lowercased()))
    .line(scales, moments.map { value($0.ddim) }, label: "DDIM", color: .orange, marker: .circle)
    .line(scales, moments.map { value($0.ddpm) }, label: "DDPM", color: .blue, marker: .circle)
    .line(scales, moments.map { value($0.tilted) }, label: "tilted", color: .ink)
}
notebook.figure(
  "three-distributions",
  Figure(
    columns: 3,
    [densityPlot, momentPlot("Mean") { $0.mean }, momentPlot("Standard deviation") { $0.std }],
    panelSize: Size(290, 260)),
  caption:
    "Guidance towards the class at $+1$ (standard deviation 0.5, dashed). The tilted "
    + "distribution hardly moves; both samplers overshoot, DDIM most, into a region where data "
    + "of that class are rare.",
  alternative: "Left: histograms of DDIM and DDPM samples, right of a tilted density. Middle and "
    + "right: mean rises and standard deviation falls with s, most for DDIM.")

//: ### Langevin correction samples the tilted distribution
//:
//: The field is the right score at each single $t$; the error is in the passage from one $t$ to the
//: next. So stay at each $t$ for a while. Langevin's rule $x \leftarrow x + \delta\,\nabla\log
//: \tilde p_t(x) + \sqrt{2\delta}\,z$ leaves a distribution unchanged (for small $\delta$) if the
//: score is its own, wherever the points came from (chapter 2). The passages then only have to
//: bring the points near.
//:
//: (d) of Claim 6.5: with twenty Langevin steps after each of 60 DDIM steps, the same guided noise
//: does sample the tilted distribution. The tolerance is that of $\delta$: with
//: $\delta\kappa = 0.05$ the stationary distribution of the rule is too wide by $\delta\kappa/4$, a
//: little over one percent. The mean has the tolerance of a thousand steps, because points must
//: come from the wrong side of the border between the classes.

func langevinCorrected(scale s: Double, count: Int) -> [Double] {
  var streams = notebook.streams(count, stream: 22)
  var x = streams.normalPoints()
  let field = GuidedDenoiser(lineDenoiser, labels: x.values.map { _ in 1 }, scale: s)
  let steps = schedule.timesteps(60)
  let visited = Sampler(.ddim(), schedule: schedule, timesteps: steps).schedule
  for i in steps.indices.reversed() {
    let t = steps[i]
    let delta = 0.05 / s * (schedule.alphaBar(t) * 0.25 + schedule.noiseVariance(t))
    for _ in 0..<20 {
      let (noise, z) = (field.noise(x, t: t), streams.normalPoints())
      x = .sum((1, x), (-delta / schedule.noiseScale(t), noise), ((2 * delta).squareRoot(), z))
    }
    let step = visited.transition(from: i + 1, to: i)
    let noise = field.noise(x, t: t)
    let x0 = process.x0Estimate(noise: noise, xt: x, t: t)
    x = .sum(
      (step.previousAlphaBar.squareRoot(), x0), (step.previousNoiseVariance.squareRoot(), noise))
  }
  return x.values
}

let corrected = Moments(langevinCorrected(scale: 2, count: 6000))
let atTwo = lineSets[0].expected
notebook.check("(d) s = 2: mean", corrected.mean, equals: atTwo.tilted.mean, tolerance: 0.03)
notebook.check(
  "(d) s = 2: standard deviation", corrected.standardDeviation, equals: atTwo.tilted.std,
  tolerance: 0.015)
notebook.show("for comparison: mean by DDIM", atTwo.ddim.mean)
notebook.show("mean by DDPM", atTwo.ddpm.mean)

//: That takes twenty times the evaluations, and nobody does it: users of guidance do not want the
//: tilted distribution. They want images that look right, and overshooting makes images look right.
//: But it is worth knowing that this is what they do.
//:
//: ### Two meanings of fidelity
//:
//: Back to the plane. To evaluate samples we have, exactly, what practice has to approximate: the
//: best classifier of clean points, and samples of each class's distribution. *Accuracy* is the
//: share of points that the classifier assigns to the wanted class. *Inner share* is the share that
//: is nearer to the inner mode of its class than to the outer one (for the data: just about half),
//: a measure of diversity (mode coverage): are the rarer images still there? *Standard deviation*
//: is that within a class. *Distance* is the Wasserstein-1 distance from data of the class,
//: averaged over 32 directions; two data samples have a distance too, the *floor*.
struct Measures {
  /// Accuracy, inner share, standard deviation and distance.
  var values = [0.0, 0, 0, 0]
  var accuracy: Double { values[0] }
  var innerShare: Double { values[1] }
  var std: Double { values[2] }
  var distance: Double { values[3] }
  static let names = ["accuracy", "inner share", "standard deviation", "distance"]
}

/// Data of each class.
func classData(stream: Int) -> [PointSet] {
  (0..<3).map { label in
    let generator = notebook.random(stream).split(label)
    var streams = RandomStreams(of: generator, count: pointCount / 3)
    return distribution.restricted(to: label).samples(using: &streams).points
  }
}
let (reference, other) = (classData(stream: 30), classData(stream: 31))
let realData = PointSet((0..<pointCount).map { other[$0 % 3][$0 / 3] })

//: The points of a class, their most probable label, and the share near the inner mode: the points
//: whose component along the direction of the modes is below the mean of the two radii.

func members(_ points: PointSet, _ label: Int) -> [[Double]] {
  (0..<points.count).filter { targets[$0] == label }.map { points[$0] }
}

func innerShare(_ points: PointSet, _ label: Int) -> Double {
  let (own, outer) = (members(points, label), distribution.components[2 * label].mean)
  let inner = own.count { ($0[0] * outer[0] + $0[1] * outer[1]) / 1.9 < (1.9 + 0.5) / 2 }
  return Double(inner) / Double(own.count)
}

//: Each measure is an average over the three classes.

func measured(_ points: PointSet) -> Measures {
  var result = Measures()
  for label in 0..<3 {
    let own = members(points, label)
    let correct = own.count { distribution.predictedLabel($0) == label }
    let variances = (0..<2).map { axis in Moments(own.map { $0[axis] }).variance }
    result.values[0] += Double(correct) / Double(own.count) / 3
    result.values[1] += innerShare(points, label) / 3
    result.values[2] += ((variances[0] + variances[1]) / 2).squareRoot() / 3
    result.values[3] +=
      Distance.slicedWasserstein1(PointSet(own), reference[label], directions: 32) / 3
  }
  return result
}
let ofData = measured(realData)

//: **Claim 6.6.** Up to $s = 1$ more guidance improves all four. Beyond, guidance raises the
//: accuracy and makes the samples worse: the accuracy goes on rising towards 1, while inner share
//: and standard deviation fall and the distance from the class grows. None of this is due to a bad
//: network; the denoiser is exact.

let sweepScales = [0.0, 0.5, 1, 1.25, 1.5, 2, 3, 5, 8]
let sweep = notebook.progress("sweep", sweepScales).map { measured(guided(exact, scale: $0)) }
let (conditional, atThree) = (sweep[2], sweep[6])
notebook.table(
  "Exact denoiser, DDIM with 50 steps",
  columns: ["s"] + Measures.names.map { Column($0, decimals: 3) },
  rows: zip(sweepScales, sweep).map { row($0, $1.values) } + [row("data", ofData.values)])
notebook.check(
  "accuracy for s = 0, 0.5, 1, 1.25, 1.5", increases: sweep.prefix(5).map(\.accuracy))
notebook.check(
  "standard deviation within the class, from s = 0 to 8", decreases: sweep.map(\.std))
notebook.check("inner share, from s = 0 to 3", decreases: sweep.prefix(7).map(\.innerShare))
notebook.check(
  "distance from the class, from s = 0 to 1", decreases: sweep.prefix(3).map(\.distance))
notebook.check(
  "distance from the class, from s = 1 to 8", increases: sweep.dropFirst(2).map(\.distance))
notebook.check(
  "s = 1: distance over the floor", conditional.distance / ofData.distance, isBelow: 3)
notebook.check("s = 3: accuracy", atThree.accuracy, isAbove: 0.99)
notebook.check("s = 3: inner share", atThree.innerShare, isBelow: 0.05)

//: (The factor 3 leaves room for the error of 50 steps.) So "fidelity" has two meanings. If it
//: means that the class can be recognized, guidance raises it. If it means that samples are like
//: the data of the class, $s = 1$ is best for an exact denoiser, and everything beyond is a loss.
//: Papers that plot "fidelity against diversity" use the first meaning.
//:
//: @fold How the figure is plotted

notebook.figure(
  "accuracy-and-diversity",
  Figure(
    columns: 4,
    ["Accuracy", "Inner share", "Standard deviation", "Distance"].enumerated().map { k, title in
      Plot(title: title, x: "$s$", y: "")
        .line(sweepScales, sweep.map { $0.values[k] }, marker: .circle)
        .horizontal(at: ofData.values[k])
    }, panelSize: Size(210, 210)),
  caption:
    "The exact denoiser under guidance; dashed, data of the class. Accuracy crosses the dashed "
    + "line at $s=1$ and keeps rising. Inner share and distance are right at $s=1$ only; "
    + "there the standard deviation is a little too small.",
  alternative:
    "Four curves over s: accuracy rises to one, inner share falls to zero, the "
    + "standard deviation falls, distance has its minimum at one.")

//: ## Part IV. Trained networks
//:
//: ### A consistency check without the truth
//:
//: Now networks. Before we train one, note the relation between its two branches. Given $x_t$, the
//: label is $y$ with probability $p(y \mid x_t)$, and averages of averages are averages:
//: $$ E[\epsilon \mid x_t] = \sum_y p(y \mid x_t)\, E[\epsilon \mid x_t, y] . $$
//:
//: **Claim 6.7.** (a) The null branch of the exact denoiser is the average of the class branches,
//: weighted by the classifier of noisy points.

/// The class branches of a model, averaged by the probabilities of the classes.
func mixture(
  of model: some ConditionalDenoiser<PointSet>, at xt: PointSet, t: Int
) -> PointSet {
  let probabilities = classifier.labelProbabilities(xt, t: t)
  let ones = [Double](repeating: 1, count: xt.count)
  return (0..<3).reduce(PointSet(zeros: xt.count, dimensions: 2)) { total, label in
    let branch = model.noise(xt, t: t, labels: [Int](repeating: label, count: xt.count))
    return .sum((probabilities.column(label), branch), (ones, total))
  }
}

let mixtureTimes = [1, 100, 400, 800]
notebook.check(
  "(a) null branch at 60 points, t = 1, 100, 400, 800",
  mixtureTimes.flatMap { branches(at: $0).u.values },
  equals: mixtureTimes.flatMap { mixture(of: exact, at: points, t: $0).values }, tolerance: 1e-12)

//: A trained network satisfies this only as far as it has learned. The size of the violation, which
//: we call the *consistency error*, measures this without the true noise (it does need
//: $p(y \mid x_t)$; where that is not known, a trained classifier must do).
//:
//: ### The label dropout rate
//:
//: How large should $p_\varnothing$ be? The book has values: below 5 % the unconditional branch
//: stays bad, above 30 % the conditional one suffers, 10 to 20 % is right (section 9.4.2). We train
//: the same network with six rates and several seeds each, and measure both branches by their
//: distance from the exact noise, at six steps and on points that were not trained on. Fix the
//: question first: which rate makes the *worse* of the two branches best, and does it matter?

let shares = notebook.isQuick ? [0.02, 0.15, 0.5] : [0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
let seeds = (0..<notebook.count(5, quick: 2)).map { notebook.seed &+ UInt64($0) }
let recipe = PointDenoiser.Configuration {
  $0.updates = notebook.count(1200, quick: 300)
  $0.batchSize = 128
  $0.width = 48
  $0.layers = 2
}
let configurations = shares.flatMap { share in
  seeds.map { seed in
    recipe.with {
      $0.dropProbability = share
      $0.dropProbability = knownMistakes.labelDropout(share)  // weave:hide
      $0.seed = seed
    }
  }
}
let (trained, trainingTime) = notebook.time { PointDenoiser.trained(on: data, configurations) }
notebook.show("updates of each network", recipe.updates)
notebook.show("all \(trained.count) networks took", seconds: trainingTime)

//: Both errors are mean squared distances of two predictions for noisy points, over six steps.

var evaluationStreams = notebook.streams(notebook.count(1200, quick: 400), stream: 40)
let evaluation = distribution.samples(using: &evaluationStreams)
let nullLabels = evaluation.labels.map { _ in exact.nullLabel }

func meanSquaredDistance(
  _ first: (PointSet, Int) -> PointSet, _ second: (PointSet, Int) -> PointSet
) -> Double {
  let squares = [30, 100, 250, 450, 650, 900].flatMap { t -> [Double] in
    var streams = RandomStreams(
      of: notebook.random(41).split(t), count: evaluation.points.count)
    let noise = evaluation.points.normalSamples(using: &streams)
    let xt = process.addNoise(to: evaluation.points, t: t, noise: noise)
    return first(xt, t).meanSquares(awayFrom: second(xt, t))
  }
  return squares.reduce(0, +) / Double(squares.count)
}

/// The mean squared error of a model's noise, given labels.
func branchError(_ model: some ConditionalDenoiser<PointSet>, _ labels: [Int]) -> Double {
  meanSquaredDistance(
    { model.noise($0, t: $1, labels: labels) }, { exact.noise($0, t: $1, labels: labels) })
}

/// The mean squared distance of a model's null branch from its own mixture of class branches.
func consistencyError(_ model: some ConditionalDenoiser<PointSet>) -> Double {
  meanSquaredDistance(
    { model.noise($0, t: $1, labels: nullLabels) }, { mixture(of: model, at: $0, t: $1) })
}

//: Here are both errors and the consistency error of all networks, averaged over the seeds:

struct BranchErrors {
  let share, null, own, consistency: Double
}
let errors = notebook.progress("evaluating", Array(trained.indices)).map { i in
  BranchErrors(
    share: shares[i / seeds.count], null: branchError(trained[i], nullLabels),
    own: branchError(trained[i], evaluation.labels), consistency: consistencyError(trained[i]))
}
func mean(_ share: Double, _ value: (BranchErrors) -> Double) -> Estimate {
  Estimate(of: errors.filter { $0.share == share }.map(value))
}
notebook.table(
  "Mean squared error of both branches, and consistency error: means over \(seeds.count) seeds",
  of: shares,
  columns: [
    "share without label": { $0 }, "null branch": { mean($0, \.null) },
    "class branches": { mean($0, \.own) }, "consistency error": { mean($0, \.consistency) },
  ])

//: **Claim 6.8.** Of the book's two warnings one comes true here. The null branch improves a lot
//: the more often the label is withheld. The class branches hardly change, not even at 50 %; and so
//: the worse of the two branches is better at 50 % than at the usual 10 to 20 %.

let usualShare = notebook.isQuick ? 0.15 : 0.1
let (least, largest) = (shares.first!, shares.last!)
func worse(_ errors: BranchErrors) -> Double { max(errors.null, errors.own) }
notebook.check(
  "null branch: error with the least share over that with the largest",
  mean(least, \.null).mean / mean(largest, \.null).mean, isAbove: 1.3)
notebook.check(
  "class branches: error with the largest share over that with the least",
  mean(largest, \.own).mean / mean(least, \.own).mean, isBelow: 1.3)
notebook.check(
  "worse branch, with the largest share over that with the usual",
  mean(largest, worse).mean / mean(usualShare, worse).mean, isBelow: 1)

//: Why do the class branches not suffer from half as many labels? Most of what a denoiser learns is
//: the same with and without a label, and the network is shared: examples without a label train
//: both branches. With three classes and endless data the effect is as mild as it gets. A model
//: with a thousand classes and few examples of each may pay a price; it would have to be measured
//: there. Until half of the labels are gone the null branch is the weaker one, and guided sampling
//: multiplies its error by $s - 1$.
//:
//: Part (b) of Claim 6.7: the consistency error shows all this without the truth. Over all
//: networks, its logarithm correlates with that of the null branch's true error.

func correlation(_ a: [Double], _ b: [Double]) -> Double {
  let scale = (Estimate.variance(of: a).mean * Estimate.variance(of: b).mean).squareRoot()
  return Estimate.covariance(a, b).mean / scale
}
notebook.check(
  claim: "6.7", "(b) correlation of consistency error and error, over \(errors.count) networks",
  correlation(errors.map { log($0.consistency) }, errors.map { log($0.null) }), isAbove: 0.8)

//: @fold How the figure is plotted

let curves: [(name: String, color: Color, value: (BranchErrors) -> Double)] = [
  ("null branch", .blue, { $0.null }), ("class branches", .orange, { $0.own }),
  ("consistency error", .green, { $0.consistency }),
]
let errorPlot = Plot(
  x: Axis("share of examples without label", scale: .log, at: [0.02, 0.05, 0.1, 0.2, 0.5]),
  y: Axis("mean squared error", scale: .log), size: Size(460, 290)
).adding(curves) { plot, curve in
  let means = shares.map { mean($0, curve.value) }
  return plot.line(
    shares, means.map(\.mean), label: curve.name, color: curve.color, marker: .circle
  ).errorBars(
    shares, lower: means.map { $0.mean - 2 * $0.standardError },
    upper: means.map { $0.mean + 2 * $0.standardError }, color: curve.color)
}
notebook.figure(
  "label-dropout-rates", errorPlot,
  caption:
    "Error of both branches against the exact noise, and the consistency error, which needs no "
    + "truth; bars of two standard errors over the seeds. The more often the label is withheld, "
    + "the better the null branch; the class branches do not change.",
  alternative: "Two falling curves, null branch and consistency error, and a level one, class "
    + "branches.")

//: ## Part V. In practice
//:
//: ### Both predictions in one batch
//:
//: Guidance needs both predictions at every step. Programs stack the batch on itself, with the
//: labels in one half and null labels in the other, and evaluate the network once; so does the
//: library (the code at the top of the page). It saves no arithmetic. It saves the overhead of a
//: second call, which matters if the batch is small.
//:
//: **Claim 6.9.** One pass over $[x_t, x_t]$ gives what two passes over $x_t$ give, up to the
//: rounding of single precision, which the scale multiplies.

/// The trained networks whose labels were withheld in a share of the examples.
func networks(_ share: Double) -> [PointDenoiser] {
  trained.indices.filter { shares[$0 / seeds.count] == share }.map { trained[$0] }
}
let usual = networks(usualShare)
let network = usual[0]
let guidedNetwork = GuidedDenoiser(network, labels: evaluation.labels, scale: 4)
let passDifferences = [20, 400, 990].map { t -> Double in
  let own = network.noise(evaluation.points, t: t, labels: evaluation.labels)
  let null = network.noise(evaluation.points, t: t, labels: nullLabels)
  return guidedNetwork.noise(evaluation.points, t: t)
    .largestDifference(from: .sum((4, own), (-3, null)))
}
notebook.check(
  "largest difference, s = 4, t = 20, 400, 990", passDifferences.max()!, isBelow: 2e-5)

//: The time of both ways, by the size of the batch:

func microseconds(_ body: () -> Void) -> Double {
  let time = notebook.time { for _ in 0..<200 { body() } }
  return 1e6 * time.seconds / 200
}
let timings = [1, 8, 64, 512].map { size -> (size: Int, twice: Double, once: Double) in
  let x = evaluation.points.entries(0..<min(size, evaluation.points.count))
  let (labels, null) = (Array(evaluation.labels.prefix(size)), Array(nullLabels.prefix(size)))
  let twice = microseconds {
    _ = network.noise(x, t: 400, labels: labels)
    _ = network.noise(x, t: 400, labels: null)
  }
  let pair = x.appending(x)
  return (size, twice, microseconds { _ = network.noise(pair, t: 400, labels: labels + null) })
}
notebook.table(
  "Microseconds for both predictions", of: timings,
  columns: [
    "batch": { $0.size }, Column("two passes", digits: 3, volatile: true): { $0.twice },
    Column("one pass of twice the size", digits: 3, volatile: true): { $0.once },
  ])

//: ### Guidance schedules
//:
//: Must $s$ be constant? The book suggests $s(t) = 1 + \omega_{\max} f(t)$ with a constant, linear,
//: cosine or step-like $f$ (9.31), and an intuition to go with it: strong guidance at high noise,
//: to get the structure right, weak guidance at low noise, to keep the details natural.
//:
//: **Erratum E-B29.** Its cosine is the opposite of what its list describes.
//: $f(t) = \frac12 (1 + \cos \frac{\pi t}{T})$ vanishes at $t = T$ and is 1 at $t = 0$. For strong
//: guidance at high noise it must be $\frac12(1 - \cos\frac{\pi t}{T})$. The second route is the
//: value that the list's other decaying shape, $f = t/T$, has there.

struct GuidanceShape: Sendable {
  let name, favors: String
  /// The fraction of the greatest extra guidance at $u = t/T$.
  let f: @Sendable (Double) -> Double
}
let shapes = [
  GuidanceShape(name: "constant", favors: "none") { _ in 1 },
  GuidanceShape(name: "linear", favors: "high noise") { $0 },
  GuidanceShape(name: "cosine, as meant", favors: "high noise") { (1 - cos(.pi * $0)) / 2 },
  GuidanceShape(name: "step", favors: "high noise") { $0 > 0.5 ? 1 : 0 },
  GuidanceShape(name: "linear, reversed", favors: "low noise") { 1 - $0 },
  GuidanceShape(name: "cosine, as printed", favors: "low noise") { (1 + cos(.pi * $0)) / 2 },
  GuidanceShape(name: "step, reversed", favors: "low noise") { $0 > 0.5 ? 0 : 1 },
]
notebook.erratum(
  "E-B29", source: "Foundations of Generative Models, (9.31)", "cosine shape at t = T",
  printed: shapes[5].f(1), right: shapes[2].f(1), secondRoute: shapes[1].f(1), tolerance: 1e-15,
  apart: 0.9)

//: Is the intuition right? Fix the question before looking. A shape is better than another if, at
//: *equal accuracy*, it keeps more of the inner modes and stays closer to the class. So we run
//: every shape with several strengths and interpolate to an accuracy of 98 %; all shapes have the
//: same mean of $f$ over the steps when they are given the same strength.

let visited = schedule.timesteps(50)
func scale(_ shape: GuidanceShape, meanExtra: Double) -> @Sendable (Int) -> Double {
  let values = visited.map { shape.f(Double($0) / 1000) }
  let peak = meanExtra * Double(values.count) / values.reduce(0, +)
  return { 1 + peak * shape.f(Double($0) / 1000) }
}
let byShape = notebook.progress("guidance schedules", shapes).map { shape in
  [0.0, 0.2, 0.35, 0.6, 1.0].map { strength in
    let scale = scale(shape, meanExtra: strength)
    return measured(sampled(GuidedDenoiser(exact, labels: targets, scale: scale)))
  }
}

/// The measures where the accuracy crosses a level, by linear interpolation between strengths.
func measures(_ row: [Measures], atAccuracy level: Double) -> Measures {
  for (a, b) in zip(row, row.dropFirst()) where a.accuracy <= level && b.accuracy >= level {
    let fraction = (level - a.accuracy) / max(b.accuracy - a.accuracy, 1e-12)
    return Measures(values: zip(a.values, b.values).map { $0 + fraction * ($1 - $0) })
  }
  return Measures(values: [.nan, .nan, .nan, .nan])
}
let equallyAccurate = byShape.map { measures($0, atAccuracy: 0.98) }
notebook.table(
  "Exact denoiser, at an accuracy of 98 %", of: zip(shapes, equallyAccurate),
  columns: [
    "f": { $0.0.name }, "favors": { $0.0.favors },
    Column("inner share", decimals: 3): { $0.1.innerShare },
    Column("distance", decimals: 3): { $0.1.distance },
  ])

//: **Claim 6.10.** For these data the intuition is wrong. At equal accuracy, the shapes that favor
//: high noise lose more of the inner modes than the constant one and end further from the class, on
//: average over the three of them; their mirror images lose less, and end about as close.

/// The mean difference of a measure of some shapes from that of the constant one.
func excess(_ some: ClosedRange<Int>, _ value: (Measures) -> Double) -> Double {
  Moments(equallyAccurate[some].map(value)).mean - value(equallyAccurate[0])
}
notebook.check(
  "favoring high noise: inner share, less that of the constant", excess(1...3, \.innerShare),
  isBelow: 0)
notebook.check(
  "favoring high noise: distance, less that of the constant", excess(1...3, \.distance), isAbove: 0)
notebook.check(
  "favoring low noise: inner share, less that of the constant", excess(4...6, \.innerShare),
  isAbove: 0)
notebook.check(
  "favoring low noise: distance, less that of the constant", excess(4...6, \.distance),
  isBelow: 0.01
)

//: (All shapes start from the same noise, which removes most of the randomness of the differences.
//: Still, the gain of the shapes that favor low noise is small: with other seeds it varies by about
//: its own size.) Why? At high noise it is being decided *which* mode a point goes to, and the
//: extra guidance favors the mode that is easier to classify, the outer one. At low noise the mode
//: is chosen, and the remaining effect is to push points off the wrong side of a border. An exact
//: denoiser gets the structure right by itself. For trained models of photographs others have found
//: that guidance does harm at both ends and most good in between, in a *guidance interval*
//: (Kynkäänniemi et al., "Applying guidance in a limited interval improves sample and distribution
//: quality in diffusion models", 2024).
//:
//: @fold How the figure is plotted

func shapePlot(_ axis: String, _ value: (Measures) -> Double) -> Plot {
  Plot(x: Axis("accuracy", range: 0.92...1), y: Axis(axis)).adding([0, 2, 3, 5, 6]) { plot, i in
    let row = byShape[i].filter { $0.accuracy < 0.999 }
    return plot.line(
      row.map(\.accuracy), row.map(value), label: shapes[i].name,
      dash: shapes[i].favors == "low noise" ? .dashed : .solid, marker: .circle)
  }
}
notebook.figure(
  "guidance-schedules",
  Figure(
    columns: 2, [shapePlot("inner share", \.innerShare), shapePlot("distance", \.distance)],
    panelSize: Size(330, 270), sharing: .legend),
  caption:
    "Inner share and distance against accuracy. Each curve is one shape with growing strength, "
    + "from the conditional model at the left. Shapes that favor low noise (dashed) keep more of "
    + "the inner modes (left: higher is better) and stay closer (right: lower is better).",
  alternative: "Two plots against accuracy; dashed curves lie above the solid ones at the left, "
    + "and below them at the right.")

//: ### Which scale is best?
//:
//: The book names ranges: up to 1 for diversity, 2 to 7 the sweet spot, 8 to 15 for fidelity
//: (section 9.4.6; its scale, so add 1). Such values belong to a model, a data distribution and an
//: evaluation measure. Here are those of this page.
//:
//: **Claim 6.11.** For these data, measured by the distance from the class, the best scale is next
//: to 1, for the exact denoiser and for each trained one; and where the book's sweet spot begins,
//: at $s = 3$, more than nine tenths of the inner share are lost in all of them.

let testedScales = [0.5, 1, 1.5, 2, 3]
let tuned = notebook.progress("scales", usual).map { model in
  testedScales.map { measured(guided(model, scale: $0)) }
}
notebook.table(
  "Networks trained with a share of \(usualShare) without label, means over \(seeds.count) seeds",
  columns: ["s"] + Measures.names.map { Column($0) },
  rows: testedScales.indices.map { i in
    [testedScales[i]] + (0..<4).map { k in Estimate(of: tuned.map { $0[i].values[k] }) }
  })
func bestScale(_ scales: [Double], _ row: [Measures]) -> Double {
  scales[row.indices.min { row[$0].distance < row[$1].distance }!]
}
notebook.check(
  "exact: best scale of the sweep", bestScale(sweepScales, sweep), equals: 1, tolerance: 0)
notebook.check(
  "trained: largest of the best scales", tuned.map { bestScale(testedScales, $0) }.max()!,
  isAtMost: 1.5)
notebook.check(
  "s = 3: largest inner share, exact or trained",
  max(atThree.innerShare, tuned.map { $0[4].innerShare }.max()!), isBelow: 0.05)

//: ### Training with log-SNR instead of steps
//:
//: The slides (and Ho and Salimans) write the training differently: sample a log signal-to-noise
//: ratio (log-SNR) $\lambda$ from some distribution, and let
//: $z_\lambda = \alpha_\lambda x + \sigma_\lambda \epsilon$ with
//: $\alpha_\lambda^2 = 1/(1 + e^{-\lambda})$ and $\sigma_\lambda^2 = 1 - \alpha_\lambda^2$. There
//: is no $t$ and no schedule. What becomes of ours?
//:
//: **Claim 6.12.** (a) With $\lambda = \log(\bar\alpha_t / (1 - \bar\alpha_t))$, the noisy data are
//: those of step $t$. (b) The distribution of $\lambda$ takes the place of the schedule: Ho and
//: Salimans' $\lambda = -2 \log\tan\frac{\pi u}{2}$ with uniform $u$ is the cosine schedule without
//: offset, and its density is $\frac{1}{2\pi \cosh(\lambda/2)}$ (they truncate it to
//: $-20 \le \lambda \le 20$). (c) Another distribution is another weighting of noise levels, so
//: losses of models trained under different ones must not be compared: the same perfect denoiser
//: has two.

let someSteps = [1, 250, 700, 1000]
let signals = someSteps.map { (1 / (1 + exp(-schedule.logSNR($0)))).squareRoot() }
let noiseScales = someSteps.map { (1 / (1 + exp(schedule.logSNR($0)))).squareRoot() }
notebook.check(
  "(a) coefficients of q(x_t | x_0) at four steps", signals + noiseScales,
  equals: someSteps.map(schedule.signalScale) + someSteps.map(schedule.noiseScale),
  tolerance: 1e-15)
let cosine = NoiseSchedule.cosine(offset: 0, clip: .none)
let cosineSteps = [1, 100, 500, 900, 999]
notebook.check(
  "(b) log SNR of the cosine schedule", cosineSteps.map { cosine.logSNR($0) },
  equals: cosineSteps.map { -2 * log(tan(.pi * Double($0) / 1000 / 2)) }, tolerance: 1e-9)
notebook.check(
  "(b) share of lambda above 1.5, by its density",
  GaussLegendre.standard.integrate(from: 1.5, to: 80, panels: 80) { 1 / (2 * .pi * cosh($0 / 2)) },
  equals: 2 / .pi * atan(exp(-0.75)), tolerance: 1e-12)

//: For part (c), the mean over the steps of the smallest possible loss, of one data distribution:

func meanSmallestLoss(_ schedule: NoiseSchedule) -> Double {
  (1...999).reduce(0) { $0 + line.noisyMarginal(schedule, to: $1).noiseLossFloor } / 999
}
let (linearLoss, cosineLoss) = (meanSmallestLoss(schedule), meanSmallestLoss(cosine))
notebook.show("mean loss of the exact denoiser, two classes on the line, linear", linearLoss)
notebook.show("the same, cosine", cosineLoss)
notebook.check(
  "(c) the two losses of one perfect denoiser differ by", abs(linearLoss - cosineLoss),
  isAbove: 0.05)

//: ### Negative prompts
//:
//: The null label can be replaced by any other: $\epsilon_{y'} + s(\epsilon_y - \epsilon_{y'})$
//: leads towards $y$ and *away from* $y'$. In text-to-image models this is called a *negative
//: prompt*.
//:
//: **Claim 6.13.** (a) In scores it adds $s$ times the gradient of $\log p(y \mid x_t)$ and
//: subtracts $s - 1$ times that of $\log p(y' \mid x_t)$. (b) Towards class 0 (at the top) and away
//: from class 1 (at the lower left), points end further to the right than with the null label, and
//: of those that miss their class fewer are classified as class 1 than as class 2.

let (towards, avoided) = (points.column(0).map { _ in 0 }, points.column(0).map { _ in 1 })
let negative = GuidedDenoiser(exact, labels: towards, scale: 3, awayFrom: avoided)
let byGradients = PointSet.sum(
  (1, u), (-3 * sigma, classifier.labelScore(points, t: 300, labels: towards)),
  (2 * sigma, classifier.labelScore(points, t: 300, labels: avoided)))
notebook.check(
  "(a) s = 3 at 60 points", negative.noise(points, t: 300).values, equals: byGradients.values,
  tolerance: 1e-12)

//: For part (b), samples with and without a negative label, from equal noise:

let zeros = targets.map { _ in 0 }
let plain = sampled(GuidedDenoiser(exact, labels: zeros, scale: 1.2), stream: 50)
let away = sampled(
  GuidedDenoiser(exact, labels: zeros, scale: 1.2, awayFrom: targets.map { _ in 1 }), stream: 50)
func count(_ points: PointSet, classifiedAs label: Int) -> Int {
  (0..<points.count).count { distribution.predictedLabel(points[$0]) == label }
}
notebook.table(
  "Towards class 0, s = 1.2", of: [("nothing", plain), ("class 1", away)],
  columns: [
    "away from": { $0.0 }, "mean of x1": { Estimate(of: $0.1.column(0)) },
    "classified as 1": { count($0.1, classifiedAs: 1) },
    "classified as 2": { count($0.1, classifiedAs: 2) },
  ])
notebook.check(
  "(b) shift to the right, with equal noise",
  Estimate(of: zip(away.column(0), plain.column(0)).map { $0 - $1 }),
  isAbove: Estimate(mean: 0, standardError: 0), byStandardErrors: 4)
notebook.check(
  "(b) classified as class 1, less classified as class 2",
  Double(count(away, classifiedAs: 1) - count(away, classifiedAs: 2)), isBelow: 0)

//: ### The cost of guidance
//:
//: **Claim 6.14.** Guided sampling with $S$ steps needs $2S$ network evaluations per image,
//: unguided sampling $S$. Where the scale is 1 or 0 the library evaluates only one branch; so
//: guidance in a limited interval costs extra only within it.

/// A denoiser that counts the entries that it evaluates.
final class CountingDenoiser: ConditionalDenoiser, @unchecked Sendable {
  private(set) var entries = 0
  let nullLabel = 3

  func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    entries += xt.count
    return exact.noise(xt, t: t, labels: labels)
  }
}

func evaluations(_ scale: @escaping @Sendable (Int) -> Double) -> Int {
  let denoiser = CountingDenoiser()
  let labels = Array(targets.prefix(9))
  _ = sampled(GuidedDenoiser(denoiser, labels: labels, scale: scale), count: 9)
  return denoiser.entries / 9
}
notebook.check(
  "evaluations per point in 50 steps: s = 0, 1, 2",
  [evaluations { _ in 0 }, evaluations { _ in 1 }, evaluations { _ in 2 }],
  isExactly: [50, 50, 100])
notebook.check(
  "the same with s = 2 for t in 200...600 only",
  evaluations { (200...600).contains($0) ? 2 : 1 },
  isExactly: 50 + visited.count { (200...600).contains($0) })

//: ## Part VI. With or without a classifier
//:
//: According to the book classifier-free guidance frequently outperforms a classifier (section
//: 9.4.5), among other reasons because both branches are trained together. With exact functions the
//: two are the same field (Claim 6.4), so every difference comes from training. The experiment:
//: networks of equal size, equally many updates, five seeds, equal starting noise. On the one side
//: are the networks of the previous part. On the other are an unconditional denoiser, which has all
//: its updates to itself, and a classifier of noisy points as in chapter 5 (so two networks, and
//: twice the updates in all). Each side is interpolated to the scale at which its accuracy is 97 %,
//: and compared there by inner share and distance.

func trainedClassifier(_ i: Int) -> NetworkClassifier<MLP> {
  let network = MLP(
    .init(outputs: 3, width: recipe.width, layers: recipe.layers, timeFeatures: 32),
    generator: notebook.random(60).split(i))
  let plan = TrainingPlan(
    length: .steps(recipe.updates), learningRate: recipe.learningRate, warmUpSteps: 100,
    weightDecay: 0, averageDecay: recipe.averageDecay, seed: seeds[i])
  let classifier = NetworkClassifier(network, process)
  classifier.training(
    on: data.points, labels: data.labels, plan: plan, batchSize: recipe.batchSize
  ).finish()
  return classifier
}
let ((denoisers, classifiers), classifierTime) = notebook.time {
  (
    PointDenoiser.trained(on: data, seeds.map { seed in recipe.with { $0.seed = seed } }),
    seeds.indices.map(trainedClassifier)
  )
}
notebook.show("training the denoisers and the classifiers took", seconds: classifierTime)

//: Every side samples with five scales and each of its networks, which gives its measures at equal
//: accuracy, one set per network.

let comparedCount = notebook.count(1500, quick: 450)
func compared(_ samples: (_ scale: Double) -> PointSet) -> Measures {
  measures([0.8, 1.2, 1.6, 2, 2.5].map { measured(samples($0)) }, atAccuracy: 0.97)
}
func classifierFree(_ model: some ConditionalDenoiser<PointSet>) -> Measures {
  compared { guided(model, count: comparedCount, scale: $0) }
}
let classifierSide = notebook.progress("by a classifier", seeds.indices).map { i in
  compared { s in
    sampled(
      ClassifierGuidedDenoiser(
        denoisers[i], by: classifiers[i], labels: Array(targets.prefix(comparedCount)), scale: s,
        schedule), count: comparedCount)
  }
}
let classifierFreeSides = [usualShare, largest].map { share in
  (
    name: "classifier-free, share \(share)",
    measures: notebook.progress("without a classifier", networks(share)).map(classifierFree)
  )
}
notebook.table(
  "At an accuracy of 97 %, means over \(seeds.count) seeds",
  columns: ["guidance"] + Measures.names.dropFirst().map { Column($0) },
  rows: [row("exact denoiser", classifierFree(exact).values.dropFirst())]
    + (classifierFreeSides + [("by a classifier", classifierSide)]).map { name, measures in
      [name] + (1..<4).map { k in Estimate(of: measures.map { $0.values[k] }) }
    })

//: **Claim 6.15.** Classifier-free guidance does not outperform the classifier here. At equal
//: accuracy it keeps no more of the inner modes, and ends no closer to the class, whether a tenth
//: or half of the labels were withheld.

/// The difference to the side with a classifier, seed by seed.
func difference(_ side: [Measures], _ value: (Measures) -> Double) -> Estimate {
  Estimate(of: zip(side, classifierSide).map { value($0) - value($1) })
}
for (name, measures) in classifierFreeSides {
  notebook.show("\(name): inner share, difference", difference(measures, \.innerShare))
  notebook.show("\(name): distance, difference", difference(measures, \.distance))
}
notebook.check(
  "inner share: largest advantage of classifier-free guidance",
  classifierFreeSides.map { difference($0.measures, \.innerShare).mean }.max()!, isBelow: 0.03)
notebook.check(
  "distance: least excess of classifier-free guidance",
  classifierFreeSides.map { difference($0.measures, \.distance).mean }.min()!, isAbove: -0.02)

//: Do not conclude that classifiers are better, either. Classifier guidance had two networks and
//: twice the updates. And in the inner share it is the classifier-free side that is near the exact
//: guided field, the first row of the table. A learned classifier is too smooth where classes meet,
//: and this happens to favor the inner modes. The advantage of guidance without a classifier is
//: that there is one network to train, and no classifier whose gradient must be accurate.
//:
//: ## Part VII. Images
//:
//: Last, small images: four of the ten classes of synthetic shapes that the course renders itself,
//: 16 by 16 pixels in color, and chapter 3's U-Net with an embedding table of five rows. A
//: classifier of clean images, which has no part in the guidance, is the *evaluation classifier*.
//: All of it is trained here, in less than a minute, and the images show it; the results differ a
//: little from processor to processor. (A quick run trains too little to show anything; it does the
//: checks of this part that do not depend on training.)

let classNames = ["disc", "cross", "stripes", "board"]
let chosenClasses = ["disc", "cross", "horizontal stripes", "checkerboard"].map {
  SyntheticImages.classNames.firstIndex(of: $0)!
}
func images(_ count: Int, _ part: CIFAR10.Part) -> (images: Tensor, labels: [Int]) {
  let all = SmallImages.synthetic(count, part: part, seed: notebook.seed, style: .colored)
  let indices = all.labels.indices.filter { chosenClasses.contains(all.labels[$0]) }
  return (all.tensor(indices), indices.map { chosenClasses.firstIndex(of: all.labels[$0])! })
}
let training = images(notebook.count(8000, quick: 2000), .training)
let test = images(1000, .test)

//: The diffusion model and the evaluation classifier are trained on the same images.

let updates = notebook.count(450, quick: 12)
let imageModel = DiffusionModel<UNet>(.smallImages(channels: 3, classes: 4), seed: notebook.seed)
let run = imageModel.training(
  on: training.images, labels: training.labels, plan: .small(steps: updates, seed: notebook.seed))
let bar = ProgressBar("training", total: updates)
let (_, imageTrainingTime) = notebook.time { run.finish { _ in bar.advance() } }
bar.finish()
notebook.show("training the model took", seconds: imageTrainingTime)

let evaluationClassifier = NetworkClassifier(
  UNetEncoder(.init(classes: 4, channels: [16, 32]), generator: notebook.random(70)),
  imageModel.diffusion, times: 0...0)
let classifierPlan = TrainingPlan(
  length: .steps(notebook.count(200, quick: 40)), learningRate: 3e-3, warmUpSteps: 20,
  weightDecay: 0, seed: notebook.seed)
for _ in evaluationClassifier.training(
  on: training.images, labels: training.labels, plan: classifierPlan, batchSize: 64)
{}
let testAccuracy = evaluationClassifier.accuracy(test.images, labels: test.labels)
notebook.show("evaluation classifier: accuracy on test images", testAccuracy)

//: Now images of all classes, guided with a scale; a clip keeps every estimate of the data in the
//: range of images.

let imagesPerClass = notebook.count(20, quick: 4)
let imageLabels = (0..<4 * imagesPerClass).map { $0 / imagesPerClass }
let imageSteps = imageModel.schedule.timesteps(notebook.count(25, quick: 8))

func sampledImages(scale s: Double, clip: Clip? = nil) -> Tensor {
  let sampler = Sampler(.ddim(), schedule: imageModel.schedule, timesteps: imageSteps, clip: clip)
  return imageModel.sample(
    imageLabels.count, with: sampler, seed: notebook.seed, batchSize: 32
  ) { GuidedDenoiser(imageModel, labels: Array(imageLabels[$0]), scale: s) }
}
let imageScales = [0.0, 1, 2, 4, 8]
let imageSets = notebook.progress("sampling", imageScales).map { sampledImages(scale: $0) }
let clipped = sampledImages(scale: imageScales[3], clip: .images)

//: Four measures: the accuracy, the share of values outside the range, the *contrast* (the mean
//: over images of the standard deviation of the values within an image), and the *diversity*: one
//: minus the mean correlation of two images of one class, which is 0 for copies and 1 if they are
//: uncorrelated, and does not depend on contrast and lightness.

func accuracy(_ images: Tensor) -> Estimate {
  let hits = zip(evaluationClassifier.predictions(images), imageLabels).count { $0 == $1 }
  return .proportion(hits, of: imageLabels.count)
}
func shareOutside(_ images: Tensor) -> Double {
  Double(images.elements.count { abs($0) > 1 }) / Double(images.count)
}
func values(_ images: Tensor) -> [[Double]] {
  (0..<images.entryCount).map { images.rows([$0]).elements.map { Double($0) } }
}
func contrast(_ images: Tensor) -> Double {
  Moments(values(images).map { Moments($0).standardDeviation }).mean
}
func diversity(_ images: Tensor, _ labels: [Int] = imageLabels) -> Double {
  let standardized = values(images).map { image -> [Double] in
    let moments = Moments(image)
    return image.map { ($0 - moments.mean) / max(moments.standardDeviation, 1e-9) }
  }
  let pairs = labels.indices.flatMap { i in
    labels.indices.filter { $0 < i && labels[$0] == labels[i] }.map { (i, $0) }
  }
  let correlations = pairs.map { i, j -> Double in
    let products = zip(standardized[i], standardized[j]).map { $0 * $1 }
    return products.reduce(0, +) / Double(products.count - 1)
  }
  return 1 - Moments(correlations).mean
}

//: They are computed for the guided images and for real ones.

let testImages = test.images.entries(0..<200)
func measureRow(_ name: String, _ images: Tensor) -> [any TableCell] {
  [name, accuracy(images), contrast(images), diversity(images), shareOutside(images)]
}
notebook.table(
  "Guided images and real ones",
  columns: ["s", Column("accuracy", volatile: true)]
    + ["contrast", "diversity", "outside range"].map { Column($0, decimals: 3, volatile: true) },
  rows: zip(imageScales, imageSets).map { measureRow("\(Int($0))", $1) } + [
    measureRow("\(Int(imageScales[3])), clipped", clipped),
    [
      "test images", testAccuracy, contrast(testImages),
      diversity(testImages, Array(test.labels.prefix(200))), shareOutside(testImages),
    ],
  ])

//: @fold How the figure is plotted

notebook.figure(
  "guided-images",
  ImageGrid(
    rows: imageSets.map { images in
      (0..<16).map { k in
        let index = k / 4 * imagesPerClass + k % 4
        return Picture(planar: images.rows([index]).elements, width: 16, height: 16)
      }
    },
    rowLabels: imageScales.map { "$s=\(Int($0))$" },
    columnLabels: (0..<16).map { $0 % 4 == 0 ? classNames[$0 / 4] : "" }, cellWidth: 40),
  formats: [.png],
  caption: "Four images each of four classes, from the same noise at five scales, not clipped. "
    + "Without guidance the wanted class is ignored. With a growing scale the contrast grows "
    + "beyond that of real images.",
  alternative: "Rows of small images: blurred colored shapes in the upper rows, shapes of "
    + "exaggerated contrast in the lower ones.")
//: **Claim 6.16.** The model follows the label: at $s = 1$ the accuracy is far higher than without
//: guidance, where the label is ignored. And one pass over a batch of twice the size gives what two
//: passes give, for a U-Net too.

if !notebook.isQuick {
  notebook.check(
    "accuracy at s = 1, over that at s = 0", accuracy(imageSets[1]),
    isAbove: accuracy(imageSets[0]), byStandardErrors: 4)
}
let imageNoise = Tensor(normals(4 * 768, stream: 71).map { Float($0) }, shape: imageModel.shape(4))
let noisyImages = imageModel.diffusion.addNoise(
  to: test.images.entries(0..<4), t: 400, noise: imageNoise)
let onePass = GuidedDenoiser(imageModel, labels: [0, 1, 2, 3], scale: 4).noise(noisyImages, t: 400)
let twoPasses = Tensor.sum(
  (4, imageModel.noise(noisyImages, t: 400, labels: [0, 1, 2, 3])),
  (-3, imageModel.noise(noisyImages, t: 400, labels: [4, 4, 4, 4])))
notebook.check(
  "one pass of twice the size against two passes, s = 4, largest difference",
  Double(onePass.largestDifference(from: twoPasses)), isBelow: 1e-4)
//: **Claim 6.17.** Guidance overshoots as it did in the plane (*oversaturation*): contrast grows
//: with $s$ beyond that of real images, an increasing share of pixel values lies outside the range
//: of images, and the images of a class become more alike. Clipping every estimate of the data to
//: the range keeps the values inside; the exaggerated contrast stays.

if !notebook.isQuick {
  let guidedSets = imageSets.dropFirst()
  notebook.check("contrast, from s = 1 to 8", increases: guidedSets.map(contrast))
  notebook.check(
    "share of values outside the range, from s = 1 to 8", increases: guidedSets.map(shareOutside))
  notebook.check(
    "clipped, s = 4: contrast over that of real images", contrast(clipped) / contrast(testImages),
    isAbove: 1)
  notebook.check("diversity, from s = 0 to 8", decreases: imageSets.map { diversity($0) })
}
notebook.check("clipped: share of values outside the range", shareOutside(clipped), isBelow: 1e-6)

//: This is the plane's result in colors. There, guided points left their mode for a place without
//: data; here, guided images leave the range of colors. The variance within a class would count
//: this as diversity, since it grows with contrast; correlations, which do not depend on contrast,
//: show that the images of a class become more alike. And the accuracy hardly changes beyond
//: $s = 1$: it does not measure what the eye notices at once. (Remedies in use are *dynamic
//: thresholding*, Saharia et al., 2022, and *CFG rescale*, Lin et al., 2024.)
//:
//: ## Mistakes
//:
//: Three mistakes have been shipped with guidance more than once. The chapter can be run with each
//: of them, `swift run chapter-06-classifier-free-guidance --bug NAME`, and then reports which of
//: its claims fail; `--bug list` lists them all. Here are their effects.
//:
//: **Claim 6.18.** *The wrong sign.* $\epsilon_u - s\,(\epsilon_c - \epsilon_u)$ leads away from
//: the class. Samples look fine, and hardly one of them is of the wanted class.

let reversed = MistakeSelection(.guidanceSign).guidedDenoiser
let withWrongSign = measured(sampled(reversed(exact, labels: targets, scale: 2)))
notebook.check("accuracy, s = 2", withWrongSign.accuracy, isBelow: 0.05)

//: **Claim 6.19.** *Three of four channels.* A program that combines the first channels only (a
//: slice with a wrong end, from the time when images had three) leaves the last one conditional. In
//: the plane this is the second coordinate. Its values are those of $s = 1$, and the accuracy stays
//: high, which is why the mistake goes unnoticed. It shows in a symmetry: three classes that are
//: rotated copies of each other are no longer treated alike.

let skipping = MistakeSelection(.guidanceSkipsChannel).guidedDenoiser
let skippedNoise = skipping(exact, labels: pointLabels, scale: 3).noise(points, t: 300)
notebook.check(
  "second coordinate of the noise at s = 3, against the conditional one", skippedNoise.column(1),
  equals: c.column(1), tolerance: 1e-13)
notebook.check(
  "first coordinate, against the guided one", skippedNoise.column(0),
  equals: PointSet.sum((3, c), (-2, u)).column(0), tolerance: 1e-12)
let skipped = sampled(skipping(exact, labels: targets, scale: 2))
notebook.check("accuracy, s = 2", measured(skipped).accuracy, isAbove: 0.9)
notebook.table(
  "Inner share by class, s = 2", columns: ["", "class 0", "class 1", "class 2"],
  rows: [
    row("all coordinates guided", (0..<3).map { innerShare(guided(exact, scale: 2), $0) }),
    row("the last one skipped", (0..<3).map { innerShare(skipped, $0) }),
  ])
notebook.check(
  "inner share of class 1, less that of class 0",
  abs(innerShare(skipped, 1) - innerShare(skipped, 0)), isAbove: 0.1)

//: **Claim 6.20.** *A null label that was never trained.* Without label dropout the null row of the
//: table stays what it was at the start, random. The training loss shows nothing: it is as low as
//: ever, because the network is trained on the conditional branch alone. The consistency error of
//: Claim 6.7 shows it at once.

let withoutDropout = PointDenoiser.trained(on: data, recipe.with { $0.dropProbability = 0 })
func volatile(_ name: String) -> Column { Column(name, digits: 3, volatile: true) }
notebook.table(
  "Without label dropout", of: [("with label dropout", network), ("without", withoutDropout)],
  columns: [
    "": { $0.0 }, volatile("class branches"): { branchError($0.1, evaluation.labels) },
    volatile("null branch"): { branchError($0.1, nullLabels) },
    volatile("consistency error"): { consistencyError($0.1) },
    volatile("distance, s = 1"): { measured(guided($0.1, scale: 1)).distance },
    volatile("distance, s = 2"): { measured(guided($0.1, scale: 2)).distance },
  ])
notebook.check(
  "without dropout: consistency error over that of a network with dropout",
  consistencyError(withoutDropout) / consistencyError(network), isAbove: 3)
notebook.check(
  "without dropout: error of the class branches over that with dropout",
  branchError(withoutDropout, evaluation.labels) / branchError(network, evaluation.labels),
  isBelow: 2)

//: ## Summary
//:
//: | in the text | in code | what it is |
//: |:--|:--|:--|
//: | $y$, $\varnothing$ | `labels`, `nullLabel` | the wanted class; no class, trained by label dropout |
//: | $p_\varnothing$ | `dropProbability` | share of training examples without label |
//: | $\epsilon_c, \epsilon_u$ | `model.noise(xt, t:, labels:)` | noise predicted given the class, and without it |
//: | $\hat\epsilon = \epsilon_u + s(\epsilon_c - \epsilon_u)$ | `GuidedDenoiser(model, labels:, scale: s)` | guided noise |
//: | $s(t)$ | `GuidedDenoiser(model, labels:) { t in … }` | a guidance scale for every step |
//: | $\epsilon_{y'} + s(\epsilon_y - \epsilon_{y'})$ | `GuidedDenoiser(…, awayFrom:)` | a negative label |
//: | $\tilde p_t \propto p_t(x)\,p_t(y \mid x)^s$ | | the guided noise is its score, at each $t$ alone |
//:
//: Types used: `ConditionalDenoiser` (predicts noise given a label), `GuidedDenoiser` (is a
//: denoiser), `ExactClassifier` (the implicit classifier of exact denoisers), `PointDenoiser` and
//: `PointDenoiser.Configuration` (small networks for points), `DiffusionModel<UNet>` (small images).
//:
//: ## Exercises
//:
//: The numbers in parentheses are those of "Foundations of Generative Models".
//:
//: **Exercise 1** (6.13.8, in part). For data $\mathcal N(0, 1)$ and a label whose data are
//: $\mathcal N(m, \frac14)$: at which scale does DDIM shrink the class to a tenth of its
//: standard deviation?
//:
//: <details><summary>Answer</summary>
//:
//: By part (b) of Claim 6.5 the standard deviation is $v^{s/2} V^{(1-s)/2} = 2^{-s}$, and that of
//: the class is $\frac12$: so $2^{1-s} = \frac1{10}$.
//:
//: **Claim 6.21.** That is at $s = 1 + \log_2 10 = 4.32$.

notebook.check(
  "standard deviation by DDIM, over that of the class",
  extrapolated(.ddim(), scale: 1 + log2(10)).std / 0.5, equals: 0.1, tolerance: 1e-3)

//: </details>
//:
//: **Exercise 2** (9.10.5c). Find a procedure that chooses the scale. State what it guarantees.
//:
//: <details><summary>Answer</summary>
//:
//: Fix the accuracy that is needed and take the least scale that reaches it, by bisection, always
//: from the same starting noise (so that the accuracy is nearly monotone in $s$). It needs a
//: classifier that has no part in the guidance, and it guarantees no more than that classifier's
//: accuracy.
//:
//: **Claim 6.22.** For the exact denoiser and an accuracy of 98 %, that is a scale between 1 and
//: 1.5, and the samples keep more of the inner modes than at the book's lowest recommendation,
//: $s = 3$.

var (low, high) = (1.0, 3.0)
for _ in 0..<6 {
  let middle = (low + high) / 2
  if measured(guided(exact, scale: middle)).accuracy < 0.98 { low = middle } else { high = middle }
}
let atLeastScale = measured(guided(exact, scale: high))
notebook.show("least scale", high, digits: 3)
notebook.check("least scale for 98 %", high, isBelow: 1.5)
notebook.check("accuracy there", atLeastScale.accuracy, isAtLeast: 0.98)
notebook.check(
  "inner share there, over that at s = 3",
  atLeastScale.innerShare / max(atThree.innerShare, 1e-3), isAbove: 5)

//: </details>
//:
//: **Exercise 3.** You are given a conditional network that was trained without label dropout. Can
//: you guide with it, without training it further?
//:
//: <details><summary>Answer</summary>
//:
//: Yes, if you have a classifier of noisy data: by Claim 6.7 the null branch is the mixture of the
//: class branches. It costs one evaluation per class instead of one. (With such a classifier you
//: could guide by its gradient as well; the mixture needs no gradient.)
//:
//: **Claim 6.23.** For the network of Claim 6.20, trained without label dropout, the mixture is
//: nearer to the exact unconditional noise than its own null branch, by far.

let mixtureError = meanSquaredDistance(
  { exact.noise($0, t: $1, labels: nullLabels) }, { mixture(of: withoutDropout, at: $0, t: $1) })
notebook.check(
  "error of the mixture over that of the null branch",
  mixtureError / branchError(withoutDropout, nullLabels), isBelow: 0.25)

//: </details>
//:
//: ## Sources
//:
//: Ho and Salimans, "Classifier-free diffusion guidance" (2022): the method, its training and its
//: distribution of $\lambda$. That guidance does not sample the tilted distribution, and that
//: Langevin steps repair it, is known in the literature (Bradley and Nakkiran, "Classifier-free
//: guidance is a predictor-corrector", 2024). Kynkäänniemi et al. (2024) for guidance intervals.
//: Claims and errata are on: S. Chatterjee, "Foundations of Generative Models", chapters 4, 8 and
//: 9; the Cornell CS 4782 notes; the slides "Deep Learning, 21. Diffusion Models" of IIT Hyderabad;
//: the note "Conditional Latent Diffusion".
//:
//: ## Next
//:
//: All parts are there: a forward process, the ELBO, a loss, a network, fast samplers, guidance.
//: Chapter 7 puts them together, in a space that is smaller than that of images.

notebook.finish()  // weave:hide
