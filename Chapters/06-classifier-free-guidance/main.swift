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

let law = MultivariateMixture(
  (0..<3).flatMap { label in
    [1.9, 0.5].map { radius in
      let angle = Double.pi / 2 + 2 * .pi * Double(label) / 3
      return MultivariateMixture.Component(
        mean: [radius * cos(angle), radius * sin(angle)], standardDeviation: 0.35, label: label)
    }
  })
let schedule = NoiseSchedule.linear()
let exact = ExactDenoiser(law, schedule)

//: `exact` returns the true $E[\epsilon \mid x_t, y]$ for a label $y$ = 0, 1 or 2, and
//: $E[\epsilon \mid x_t]$ for the *null label* 3, which means: no condition. A network would learn
//: these from endless data in endless time. A *guided* denoiser combines the two predictions. It is
//: a denoiser again, so the samplers of the earlier chapters accept it as it is.
//:
//: @code Sources/Diffusion/Guidance/Guidance.swift guided-noise
//:
//: The factor $s$ is the *guidance scale*. The next figure shows its effect. Which distribution do
//: these points come from? Look before you read on: what happens to the inner modes?

let root = RandomGenerator(seed: notebook.seed)

/// Standard Gaussian values from a random stream of their own.
func normals(_ count: Int, stream: Int) -> [Double] {
  var random = root.split(stream)
  return (0..<count).map { _ in random.normal() }
}

let fifty = Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(50))
let crowd = notebook.count(3000, quick: 1500)
let wanted = (0..<crowd).map { $0 % 3 }

/// The points that a denoiser makes of the noise of this experiment.
func sampled(_ denoiser: some Denoiser<PointSet>, count: Int = crowd) -> PointSet {
  var streams = RandomStreams(of: root.split(1), count: count)
  let noise = streams.normalPoints(dimensions: 2)
  return fifty.sample(from: noise, denoiser: denoiser, using: streams)
}

/// Points of the classes `wanted`, guided with a scale for every step.
func guided(
  _ model: some ConditionalDenoiser<PointSet>, count: Int = crowd,
  scale: @escaping @Sendable (Int) -> Double
) -> PointSet {
  let labels = Array(wanted.prefix(count))
  return sampled(GuidedDenoiser(model, labels: labels, scale: scale), count: count)
}

func guided(_ model: some ConditionalDenoiser<PointSet>, scale: Double) -> PointSet {
  guided(model) { _ in scale }
}

//: @fold How the figure is plotted

func cloudPlot(_ points: PointSet, _ title: String) -> Plot {
  let frame = Plot(
    title: title, x: Axis("$x_1$", range: -3.6...3.6, at: [-2, 0, 2]),
    y: Axis("$x_2$", range: -3.2...4, at: [-2, 0, 2]))
  return (0..<3).reduce(frame) { plot, label in
    let own = (0..<min(points.count, 1500)).filter { wanted[$0] == label }.map { points[$0] }
    return plot.scatter(
      own.map { $0[0] }, own.map { $0[1] }, color: .series(label), radius: 0.9, opacity: 0.5)
  }
}

notebook.figure(
  "clouds",
  Figure(
    columns: 4, [0.0, 1, 2, 4].map { cloudPlot(guided(exact, scale: $0), "$s=\(Int($0))$") },
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
//: to condition a network on a class, two are additions in disguise, and one is not.

let data = TrainingPoints(law, count: 1 << 15, seed: notebook.seed)
let fresh = PointDenoiser(
  PointDenoiser.Configuration {
    $0.dropProbability = 0
    $0.width = 16
    $0.layers = 1
  }, for: data)

/// The rows of the embedding table that the loss of a batch depends on.
func touchedRows(
  _ denoiser: PointDenoiser, labels: [Int], _ generator: RandomGenerator
) -> [Int] {
  let tape = Tape()
  let points = Tensor(repeating: 0.5, shape: [labels.count, 2])
  let loss = denoiser.model.loss(points, labels: labels, tape: tape, generator: generator)
  let table = denoiser.network.parameters.first { $0.name == "class_embedding.weight" }!
  let gradient = tape.gradients(of: loss.total)[table]!.elements
  let (rows, width) = (table.value.shape[0], table.value.shape[1])
  return (0..<rows).filter { row in
    gradient[row * width..<(row + 1) * width].contains { $0 != 0 }
  }
}

notebook.check(
  "(a) rows that a batch of the labels 2, 0, 2 reaches",
  touchedRows(fresh, labels: [2, 0, 2], root), isExactly: [0, 2])
let probe = PointSet([[0.3, -0.8], [0.3, -0.8], [0.3, -0.8]])
let told = fresh.noise(probe, t: 300, labels: [0, 1, 0])
notebook.check(
  "(b) labels 0 and 1 at one place: distance of the predictions",
  hypot(told[0][0] - told[1][0], told[0][1] - told[1][1]), isAbove: 1e-3)
notebook.check(
  "(b) label 0 beside other labels, and alone", told[0],
  equals: fresh.noise(probe.entries(0..<1), t: 300, labels: [0])[0], tolerance: 1e-5)

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

let (timeVector, classVector) = (normals(8, stream: 2), normals(8, stream: 3))
let timeMap = Matrix(rows: 5, columns: 8, normals(40, stream: 4))
let classMap = Matrix(rows: 5, columns: 8, normals(40, stream: 5))
let sideBySide = Matrix((0..<5).map { timeMap.row($0) + classMap.row($0) })
notebook.check(
  "(c) concatenated, then mapped", sideBySide * (timeVector + classVector),
  equals: zip(timeMap * timeVector, classMap * classVector).map { $0 + $1 }, tolerance: 1e-13)
let questions = Tensor(normals(6, stream: 6).map { Float($0) }, shape: [6, 1])
notebook.check(
  "(c) weights of six queries on the only value", softmax(questions).elements,
  equals: [Float](repeating: 1, count: 6), tolerance: 0)
let activations = normals(5, stream: 7)
func exchanged(_ first: (Double) -> Double, _ second: (Double) -> Double) -> Double {
  let changes = activations.map { first($0) - second($0) }
  return changes.max()! - changes.min()!
}
notebook.check(
  "(c) addition: range of the change over h",
  exchanged({ $0 + 0.7 }, { $0 - 0.2 }), equals: 0, tolerance: 1e-14)
notebook.check(
  "(c) FiLM: range of the change over h",
  exchanged({ 1.4 * $0 + 0.7 }, { 0.8 * $0 - 0.2 }), isAbove: 0.1)

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

let dropShare = 0.15
let forgetful = PointDenoiser(
  PointDenoiser.Configuration {
    $0.dropProbability = dropShare
    $0.dropProbability = knownMistakes.labelDropout(dropShare)  // weave:hide
    $0.width = 8
    $0.layers = 1
  }, for: data)
let tries = notebook.count(6000, quick: 1500)
let seenRows = (0..<tries).map { i in
  touchedRows(forgetful, labels: [i % 3], root.split(11).split(i))
}
notebook.check(
  "examples that touch one row, their own or the null row",
  seenRows.indices.count { seenRows[$0] == [$0 % 3] || seenRows[$0] == [3] }, isExactly: tries)
notebook.check(
  "share of examples in the null row",
  .proportion(seenRows.count { $0 == [3] }, of: tries), equals: 0.15)
let pairsDropped = zip(seenRows, seenRows.dropFirst()).count { $0 == [3] && $1 == [3] }
notebook.check(
  "share of neighbors that both lose their label", .proportion(pairsDropped, of: tries - 1),
  equals: 0.15 * 0.15)

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

/// The guided noise by each of the five conventions, for the course's scale `s`.
func dialects(_ u: PointSet, _ c: PointSet, at xt: PointSet, t: Int, s: Double) -> [PointSet] {
  let spread = schedule.noiseScale(t)
  let (scoreU, scoreC) = (PointSet.sum((-1 / spread, u)), PointSet.sum((-1 / spread, c)))
  let (w, gamma, omega) = (s - 1, s, s)
  let labels = Array(wanted.prefix(xt.count))
  let gradient = ExactClassifier(law, schedule).labelScore(xt, t: t, labels: labels)
  return [
    .sum((1, u), (s, .sum((1, c), (-1, u)))),
    .sum((1 + w, c), (-w, u)),
    .sum((1 - s, u), (s, c)),
    .sum((-spread, .sum((gamma, scoreC), (1 - gamma, scoreU)))),
    .sum((1, u), (-omega * spread, gradient)),
  ]
}

let spots = PointSet(normals(120, stream: 8).map { 2 * $0 }, dimensions: 2)
let spotLabels = Array(wanted.prefix(60))
let open = [Int](repeating: exact.nullLabel, count: 60)
for s in [0.0, 1, 3, 7.5] {
  let (u, c) = (
    exact.noise(spots, t: 300, labels: open), exact.noise(spots, t: 300, labels: spotLabels)
  )
  let answers = dialects(u, c, at: spots, t: 300, s: s)
  let library = GuidedDenoiser(exact, labels: spotLabels, scale: s).noise(spots, t: 300)
  let size = answers[0].values.map(abs).max()!
  notebook.check(
    "s = \(s): largest difference among the five and the library, per size",
    answers.map { dialect in
      zip(dialect.values, library.values).map { abs($0 - $1) }.max()! / size
    }.max()!, isBelow: 3e-15)
}
notebook.table(
  "The same scale in five conventions",
  columns: ["this course, s", "book, w", "Cornell notes, w", "slides, gamma", "classifier, omega"],
  rows: [0.0, 0.5, 1, 2, 4, 7.5].map { [$0, $0 - 1, $0, $0, $0] })

//: Guidance does not depend on the prediction target of the network. Noise, data, v and score are
//: each $a\,x_t + b\,\epsilon$ with coefficients $a$ and $b$ that depend on $t$ alone (chapter 2),
//: and the weights $s$ and $1 - s$ add up to 1; so combining the two estimates of $x_0$ with the
//: same $s$ is the same thing.

let process = GaussianDiffusion(schedule)
let (openNoise, ownNoise) = (
  exact.noise(spots, t: 300, labels: open), exact.noise(spots, t: 300, labels: spotLabels)
)
for kind in [Prediction.x0, .v, .score] {
  func says(_ noise: PointSet) -> PointSet {
    process.convert(noise, from: .noise, to: kind, xt: spots, t: 300)
  }
  let combined = PointSet.sum((3, says(ownNoise)), (-2, says(openNoise)))
  notebook.check(
    "combined as \(kind), against combined as noise, s = 3", combined.values,
    equals: says(.sum((3, ownNoise), (-2, openNoise))).values, tolerance: 1e-12)
}

//: **Erratum E-X3.** A scale without its convention means nothing. The book's $w = 3$ is $s = 4$.
//: Insert the scale 3 of the note, where 1 is "conditional", into the book's (9.26), where 0 is
//: "conditional", and the result is off by one whole difference $\epsilon_c - \epsilon_u$. At one
//: point of the two-class mixture on the line ($\pm 1$ with standard deviation $\frac12$):

let line = GaussianMixture.twoClasses
let onLine = ExactDenoiser(line, schedule)
let spot = PointSet([0.3])
let (lineU, lineC) = (
  onLine.noise(spot, t: 300, labels: [2]).values[0],
  onLine.noise(spot, t: 300, labels: [1]).values[0]
)
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

let way = PointSet.sum((1, ownNoise), (-1, openNoise))
let gone = PointSet.sum(
  (1, dialects(openNoise, ownNoise, at: spots, t: 300, s: 3)[2]), (-1, openNoise))
let shareGone =
  zip(gone.values, way.values).reduce(0) { $0 + $1.0 * $1.1 }
  / way.values.reduce(0) { $0 + $1 * $1 }
notebook.erratum(
  "E-S3j", source: "Cornell CS 4782, guidance section, text under the formula",
  "fraction of the way at w = 3", printed: 1, right: 3, secondRoute: shareGone,
  tolerance: 1e-12, apart: 1)

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

for t in [100, 400, 800] {
  let (u, c) = (
    exact.noise(spots, t: t, labels: open), exact.noise(spots, t: t, labels: spotLabels)
  )
  let implicit = PointSet.sum((1 / schedule.noiseScale(t), u), (-1 / schedule.noiseScale(t), c))
  let marginal = law.noisyMarginal(schedule, to: t)
  let byLabel = (0..<3).map { law.restricted(to: $0).noisyMarginal(schedule, to: t) }
  let scores = (0..<60).flatMap { i in
    zip(byLabel[spotLabels[i]].score(spots[i]), marginal.score(spots[i])).map { $0 - $1 }
  }
  notebook.check(
    "t = \(t): difference of scores", implicit.values, equals: scores, tolerance: 1e-12)
  func logChance(_ i: Int, _ dx: Double, _ dy: Double) -> Double {
    log(marginal.labelProbabilities([spots[i][0] + dx, spots[i][1] + dy])[spotLabels[i]])
  }
  let h = 1e-3
  let slopes = (0..<60).flatMap { i in
    [(h, 0), (0, h)].map { dx, dy -> Double in
      let near = logChance(i, dx, dy) - logChance(i, -dx, -dy)
      let far = logChance(i, 2 * dx, 2 * dy) - logChance(i, -2 * dx, -2 * dy)
      return (8 * near - far) / (12 * h)
    }
  }
  notebook.check(
    "t = \(t): slope of log p(y | x)", implicit.values, equals: slopes, tolerance: 1e-8)
}

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

let lineGradient = ExactClassifier(line, schedule).labelScore(spot, t: 300, labels: [1]).values[0]
func byClassifier(_ omega: Double) -> Double {
  lineU - omega * schedule.noiseScale(300) * lineGradient
}
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

let lineLaw = line.noisyMarginal(schedule, to: 300).marginal
func densityLine(_ x: Double, _ w: Double) -> Double {
  lineLaw.restricted(to: 1).logDensity(x) + w * log(lineLaw.labelProbabilities(x)[1])
}
func slope(_ f: (Double) -> Double, at x: Double, h: Double = 1e-3) -> Double {
  (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
}
let (lineScoreC, lineScoreU) = (lineLaw.restricted(to: 1).score(0.3), lineLaw.score(0.3))
notebook.erratum(
  "E-X4", source: "Cornell CS 4782, Modified Sampling Distribution",
  "gradient of the density line, w = 2", printed: (1 - 2) * lineScoreU + 2 * lineScoreC,
  right: (1 + 2) * lineScoreC - 2 * lineScoreU, secondRoute: slope({ densityLine($0, 2) }, at: 0.3),
  tolerance: 1e-9, apart: 0.1)
notebook.table(
  "The two lines of the notes, as scores at x = 0.3, t = 300",
  columns: ["w", "gradient of the density line", "printed gradient"],
  rows: [0.0, 1, 2].map { w in
    [w, slope({ densityLine($0, w) }, at: 0.3), (1 - w) * lineScoreU + w * lineScoreC]
  })

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

/// The score at step `t` of the tilted distribution of data with noise added.
func scoreOfNoisedTilted(_ x: Double, scale s: Double, t: Int) -> Double {
  let (signal, variance) = (schedule.signalScale(t), schedule.noiseVariance(t))
  func moment(_ f: (Double) -> Double) -> Double {
    GaussLegendre.standard.integrate(from: -6, to: 8, panels: 60) { x0 in
      let shift = x - signal * x0
      return f(shift) * exp(logTilted(x0, scale: s) - shift * shift / (2 * variance))
    }
  }
  return -moment { $0 } / moment { _ in 1 } / variance
}

let tiltRows = [0.0, 1, 2, 4].map { s -> (s: Double, field: Double, noised: Double) in
  let noise = s * lineC + (1 - s) * lineU
  return (s, -noise / schedule.noiseScale(300), scoreOfNoisedTilted(0.3, scale: s, t: 300))
}
notebook.table(
  "Two scores at x = 0.3, t = 300",
  columns: ["s", "guided", "of the noisy tilted distribution"],
  rows: tiltRows.map { [$0.s, $0.field, $0.noised] })
notebook.check(
  "(a) the guided field is the score of the tilted distribution at t, s = 4",
  tiltRows[3].field, equals: slope({ logTilted($0, scale: 4, at: 300) }, at: 0.3),
  tolerance: 1e-9)
for row in tiltRows.prefix(2) {
  notebook.check(
    "(a) s = \(Int(row.s)): the two scores agree", row.field, equals: row.noised, tolerance: 1e-10)
}
notebook.check(
  "(a) s = 4: the two scores differ by", abs(tiltRows[3].field - tiltRows[3].noised), isAbove: 0.1)

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

let (wide, narrow, middle) = (1.0, 0.25, 1.0)  // V, v, m

/// Mean and standard deviation of a rule's samples of the guided field, Gaussian case.
func chained(_ rule: some ReverseStep, scale s: Double, steps: Int) -> (mean: Double, std: Double) {
  let schedule = NoiseSchedule.linearScaledToLength(steps: steps)
  let open = GaussianDenoiser<GaussianVariable>(variance: wide, schedule)
  let own = GaussianDenoiser<GaussianVariable>(mean: middle, variance: narrow, schedule)
  let guided = FunctionDenoiser<GaussianVariable> { x, t in
    .sum((s, own.noise(x, t: t)), (1 - s, open.noise(x, t: t)))
  }
  let end = Sampler(rule, schedule: schedule).sample(
    from: GaussianVariable(standardDeviation: 1, source: 0), denoiser: guided,
    using: RandomStreams(seed: 0, count: 1))
  return (end.mean, end.standardDeviation)
}

func extrapolated(_ rule: some ReverseStep, scale s: Double) -> (mean: Double, std: Double) {
  let (coarse, fine) = (chained(rule, scale: s, steps: 1000), chained(rule, scale: s, steps: 2000))
  return (2 * fine.mean - coarse.mean, 2 * fine.std - coarse.std)
}

/// The three formulas, and the standard deviation and mean of the tilted distribution.
func solved(
  _ s: Double
) -> (ddim: Double, ddpm: Double, ddpmMean: Double, tilted: Double, tiltedMean: Double) {
  let ratio = narrow / wide
  let ddpm = wide * (ratio - pow(ratio, 2 * s)) / ((2 * s - 1) * (1 - ratio))
  return (
    (pow(ratio, s) * wide).squareRoot(), ddpm.squareRoot(),
    middle * (1 - pow(ratio, s)) / (1 - ratio),
    (1 / (s / narrow - (s - 1) / wide)).squareRoot(),
    s * wide * middle / (s * wide - (s - 1) * narrow)
  )
}

for s in [1.0, 2, 4] {
  let (ddim, ddpm) = (extrapolated(.ddim(), scale: s), extrapolated(.ancestral(), scale: s))
  notebook.check(
    "(b) s = \(Int(s)): standard deviation by DDIM", ddim.std, equals: solved(s).ddim,
    tolerance: 2e-4)
  notebook.check(
    "(b) s = \(Int(s)): standard deviation by DDPM", ddpm.std, equals: solved(s).ddpm,
    tolerance: 5e-4)
  notebook.check(
    "(b) s = \(Int(s)): mean by DDPM", ddpm.mean, equals: solved(s).ddpmMean, tolerance: 5e-4)
}
notebook.table(
  "Gaussians with v = 1/4, V = 1, m = 1: standard deviations and means",
  columns: ["s", "DDIM std", "DDPM std", "tilted std", "DDPM mean", "tilted mean"],
  rows: [1.0, 1.5, 2, 4, 8].map {
    let exact = solved($0)
    return [$0, exact.ddim, exact.ddpm, exact.tilted, exact.ddpmMean, exact.tiltedMean]
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

struct Backwards {
  let spacing = 0.04
  let reach = 9.0
  var places: [Double] { stride(from: -reach, through: reach, by: spacing).map { $0 } }

  /// Values between grid points, by the cubic through the four nearest.
  func value(_ g: [Double], _ x: Double) -> Double {
    let place = (x + reach) / spacing
    let i = min(max(Int(place), 1), g.count - 3)
    let f = place - Double(i)
    let (a, b, c, d) = (f + 1, f, f - 1, f - 2)
    return -b * c * d / 6 * g[i - 1] + a * c * d / 2 * g[i] - a * b * d / 2 * g[i + 1]
      + a * b * c / 6 * g[i + 2]
  }

  /// Mean and standard deviation of the end of a chain of all steps, with DDIM's `eta`.
  func ending(_ model: ExactDenoiser<GaussianMixture>, scale: Double, eta: Double)
    -> (mean: Double, std: Double)
  {
    let grid = places
    let labels = [Int](repeating: 1, count: grid.count)
    let field = GuidedDenoiser(model, labels: labels, scale: scale)
    var (first, second) = (grid, grid.map { $0 * $0 })
    let weights = (-6...6).map { (Double($0), StandardNormal.density(Double($0))) }
    for t in 1...schedule.steps {
      let step = schedule.transition(from: t, to: t - 1)
      let noise = field.noise(PointSet(grid), t: t).values
      let sigma = step.sigma(eta: eta)
      let direction = (step.previousNoiseVariance - sigma * sigma).squareRoot()
      let means = zip(grid, noise).map { x, noise in
        let x0 = (x - schedule.noiseScale(t) * noise) / schedule.signalScale(t)
        return step.previousAlphaBar.squareRoot() * x0 + direction * noise
      }
      func averaged(_ g: [Double]) -> [Double] {
        if sigma == 0 { return means.map { value(g, $0) } }
        return means.map { mean in
          weights.reduce(0) { $0 + $1.1 * value(g, mean + sigma * $1.0) }
        }
      }
      (first, second) = (averaged(first), averaged(second))
    }
    func average(_ g: [Double]) -> Double {
      zip(grid, g).reduce(0) { $0 + StandardNormal.density($1.0) * $1.1 } * spacing
    }
    let mean = average(first)
    return (mean, (average(second) - mean * mean).squareRoot())
  }
}

/// Mean and standard deviation of the tilted distribution, by integration.
func tilted(_ s: Double) -> (mean: Double, std: Double) {
  func moment(_ power: Double) -> Double {
    GaussLegendre.standard.integrate(from: -6, to: 8, panels: 60) { x in
      pow(x, power) * exp(logTilted(x, scale: s))
    }
  }
  let mean = moment(1) / moment(0)
  return (mean, (moment(2) / moment(0) - mean * mean).squareRoot())
}

let scales = notebook.isQuick ? [1.0, 2, 4, 8] : [0.5, 1, 1.5, 2, 3, 4, 6, 8]
let endings = notebook.progress("backwards", scales).map { s in
  (
    s: s, tilted: tilted(s), ddim: Backwards().ending(onLine, scale: s, eta: 0),
    ddpm: Backwards().ending(onLine, scale: s, eta: 1)
  )
}
notebook.table(
  "Two classes on the line: mean and standard deviation of the samples, 1000 steps",
  columns: [
    Column("s", digits: 2), Column("tilted mean", decimals: 3), Column("std", decimals: 3),
    Column("DDIM mean", decimals: 3), Column("std ", decimals: 3),
    Column("DDPM mean", decimals: 3), Column("std  ", decimals: 3),
  ],
  rows: endings.map {
    [$0.s, $0.tilted.mean, $0.tilted.std, $0.ddim.mean, $0.ddim.std, $0.ddpm.mean, $0.ddpm.std]
  })

//: (c) of Claim 6.5: the samplers of the library give these values. For DDPM we take a few thousand
//: random samples. For DDIM only the start is random, so we start from equally likely quantiles
//: instead of random points: the mean of $n$ such points is off by the integral over the last
//: interval at either end, about $1/n$.

let many = notebook.count(8000, quick: 1500)
let some = notebook.count(2000, quick: 800)
let evenStart = PointSet(
  (0..<some).map { StandardNormal.quantile((Double($0) + 0.5) / Double(some)) })
func onTheLine(_ rule: some ReverseStep, scale s: Double, from start: PointSet) -> [Double] {
  let labels = [Int](repeating: 1, count: start.count)
  return Sampler(rule, schedule: schedule).sample(
    from: start, denoiser: GuidedDenoiser(onLine, labels: labels, scale: s),
    using: RandomStreams(of: root.split(20), count: start.count)
  ).values
}
var lineStreams = RandomStreams(of: root.split(21), count: many)
let randomStart = lineStreams.normalPoints()
let drawn = [2.0, 4].map { s in
  (
    s: s, ddim: onTheLine(.ddim(), scale: s, from: evenStart),
    ddpm: onTheLine(.ancestral(), scale: s, from: randomStart)
  )
}
func ending(_ s: Double) -> (
  tilted: (mean: Double, std: Double), ddim: (mean: Double, std: Double),
  ddpm: (mean: Double, std: Double)
) {
  let found = endings.first { $0.s == s }!
  return (found.tilted, found.ddim, found.ddpm)
}
for each in drawn {
  let (name, expected) = ("s = \(Int(each.s))", ending(each.s))
  let mean = each.ddim.reduce(0, +) / Double(some)
  notebook.check(
    "(c) \(name): mean by DDIM", mean, equals: expected.ddim.mean, tolerance: 1 / Double(some))
  notebook.check("(c) \(name): mean by DDPM", Estimate(of: each.ddpm), equals: expected.ddpm.mean)
  notebook.check(
    "(c) \(name): variance by DDPM", .variance(of: each.ddpm),
    equals: expected.ddpm.std * expected.ddpm.std)
}
notebook.check(
  "(c) s = 1, without tilting: means by DDIM and DDPM",
  [ending(1).ddim.mean, ending(1).ddpm.mean], equals: [1, 1], tolerance: 5e-3)

//: (With $s = 1$ what is left is the error of 1000 steps and of starting from $\mathcal N(0, 1)$,
//: chapters 3 and 4.)
//:
//: **Erratum E-X2.** So guidance with $s \ne 1$ does not sample $p(x)\,p(y \mid x)^s$. The Cornell
//: notes present it as that ("modified sampling distribution"), the IIT Hyderabad slides equate the
//: guided score with $\nabla\log p(x_t \mid y)$, the book's (9.21) introduces it as sampling with
//: amplified conditioning. The distribution of the samples depends on the sampler. For $s = 4$ we
//: compare the standard deviation by DDIM and the mean by DDPM; the second routes are random
//: samples.

let ddimAtFour = Moments(drawn[1].ddim)
notebook.erratum(
  "E-X2", source: "Cornell CS 4782, Modified Sampling Distribution",
  "standard deviation, DDIM, s = 4",
  printed: ending(4).tilted.std, right: ending(4).ddim.std,
  secondRoute: ddimAtFour.standardDeviation,
  tolerance: 2e-3, apart: 0.1)
let ddpmAtFour = Estimate(of: drawn[1].ddpm)
notebook.erratum(
  "E-X2", source: "Cornell CS 4782, Modified Sampling Distribution", "mean, DDPM, s = 4",
  printed: ending(4).tilted.mean, right: ending(4).ddpm.mean, secondRoute: ddpmAtFour, apart: 0.1)

//: @fold How the figure is plotted

let tiltedMass = GaussLegendre.standard.integrate(from: -6, to: 8, panels: 60) {
  exp(logTilted($0, scale: 4))
}
let lawPlot = Plot(
  title: "Samples with $s=4$", x: Axis("$x_0$", range: -0.6...3.4), y: "density"
)
.histogram(
  drawn[1].ddim, bins: 40, range: 0...3.4, label: "DDIM", color: .orange
)
.histogram(drawn[1].ddpm, bins: 50, range: -0.6...3.4, label: "DDPM", color: .blue)
.curve(over: -0.6...3.4, label: "tilted", color: .ink) { x in
  exp(logTilted(x, scale: 4)) / tiltedMass
}
.curve(over: -0.6...3.4, label: "$p(x|y)$", color: .axis, dash: .dashed) {
  line.restricted(to: 1).density($0)
}
func endingPlot(_ title: String, _ value: ((mean: Double, std: Double)) -> Double) -> Plot {
  Plot(title: title, x: "guidance scale $s$", y: Axis(title.lowercased()))
    .line(scales, endings.map { value($0.ddim) }, label: "DDIM", color: .orange, marker: .circle)
    .line(scales, endings.map { value($0.ddpm) }, label: "DDPM", color: .blue, marker: .circle)
    .line(scales, endings.map { value($0.tilted) }, label: "tilted", color: .ink)
}
notebook.figure(
  "three-laws",
  Figure(
    columns: 3,
    [lawPlot, endingPlot("Mean") { $0.mean }, endingPlot("Standard deviation") { $0.std }],
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

func corrected(scale s: Double, count: Int) -> [Double] {
  var streams = RandomStreams(of: root.split(22), count: count)
  var x = streams.normalPoints()
  let field = GuidedDenoiser(onLine, labels: [Int](repeating: 1, count: count), scale: s)
  let levels = schedule.timesteps(60)
  let sampler = Sampler(.ddim(), schedule: schedule, timesteps: levels)
  for i in levels.indices.reversed() {
    let t = levels[i]
    let delta = 0.05 / s * (schedule.alphaBar(t) * 0.25 + schedule.noiseVariance(t))
    for _ in 0..<20 {
      let noise = field.noise(x, t: t)
      let z = streams.normalPoints()
      x = .sum((1, x), (-delta / schedule.noiseScale(t), noise), ((2 * delta).squareRoot(), z))
    }
    let step = sampler.schedule.transition(from: i + 1, to: i)
    let noise = field.noise(x, t: t)
    let x0 = process.x0Estimate(noise: noise, xt: x, t: t)
    x = .sum(
      (step.previousAlphaBar.squareRoot(), x0), (step.previousNoiseVariance.squareRoot(), noise))
  }
  return x.values
}

let settled = Moments(corrected(scale: 2, count: 6000))
notebook.check("(d) s = 2: mean", settled.mean, equals: tilted(2).mean, tolerance: 0.03)
notebook.check(
  "(d) s = 2: standard deviation", settled.standardDeviation, equals: tilted(2).std,
  tolerance: 0.015)
notebook.show("for comparison: mean by DDIM", ending(2).ddim.mean)
notebook.show("mean by DDPM", ending(2).ddpm.mean)

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

struct Portrait {
  var accuracy = 0.0
  var inner = 0.0
  var spread = 0.0
  var distance = 0.0
}

func trueDraws(of label: Int, _ count: Int, stream: Int) -> PointSet {
  var streams = RandomStreams(of: root.split(stream).split(label), count: count)
  return law.restricted(to: label).samples(using: &streams).points
}
let models = (0..<3).map { trueDraws(of: $0, crowd / 3, stream: 30) }

/// The points whose wanted class is `label`.
func members(_ points: PointSet, _ label: Int) -> [[Double]] {
  (0..<points.count).filter { wanted[$0] == label }.map { points[$0] }
}

/// The share of a class's points that is nearer to its inner mode than to its outer one.
func innerShare(_ points: PointSet, _ label: Int) -> Double {
  let (outer, inner) = (law.components[2 * label].mean, law.components[2 * label + 1].mean)
  let own = members(points, label)
  let near = own.count {
    hypot($0[0] - inner[0], $0[1] - inner[1]) < hypot($0[0] - outer[0], $0[1] - outer[1])
  }
  return Double(near) / Double(own.count)
}

/// The four measures of points of the classes `wanted`.
func portrait(_ points: PointSet) -> Portrait {
  var result = Portrait()
  for label in 0..<3 {
    let own = members(points, label)
    let hits = own.count { x in
      let chances = law.labelProbabilities(x)
      return chances.max()! == chances[label]
    }
    let variances = (0..<2).map { axis in Moments(own.map { $0[axis] }).variance }
    result.accuracy += Double(hits) / Double(own.count) / 3
    result.inner += innerShare(points, label) / 3
    result.spread += ((variances[0] + variances[1]) / 2).squareRoot() / 3
    result.distance +=
      Distance.slicedWasserstein1(PointSet(own), models[label], directions: 32) / 3
  }
  return result
}

/// Data of the classes `wanted`.
let truth: PointSet = {
  let byLabel = (0..<3).map { trueDraws(of: $0, crowd / 3, stream: 31) }
  return PointSet((0..<crowd / 3 * 3).flatMap { byLabel[wanted[$0]][$0 / 3] }, dimensions: 2)
}()
let truePortrait = portrait(truth)

//: **Claim 6.6.** Up to $s = 1$ more guidance improves all four. Beyond, guidance raises the
//: accuracy and makes the samples worse: accuracy goes on rising towards 1, while standard
//: deviation and inner share fall and the distance from the class grows. None of this is due to a
//: bad network; the denoiser is exact.

let sweepScales = [0.0, 0.5, 1, 1.25, 1.5, 2, 3, 5, 8]
let sweep = notebook.progress("sweep", sweepScales).map { s in
  (s: s, portrait: portrait(guided(exact, scale: s)))
}
func row(_ name: any TableCell, _ each: Portrait) -> [any TableCell] {
  [name, each.accuracy, each.inner, each.spread, each.distance]
}
func portraitColumns(_ name: String) -> [Column] {
  [
    Column(name), Column("accuracy", decimals: 3), Column("inner share", decimals: 3),
    Column("standard deviation", decimals: 3), Column("distance", decimals: 3),
  ]
}
notebook.table(
  "Exact denoiser, DDIM with 50 steps", columns: portraitColumns("s"),
  rows: sweep.map { row($0.s, $0.portrait) } + [row("data", truePortrait)])
let beyond = sweep.filter { $0.s >= 1 }.map(\.portrait)
let strong = Array(beyond.dropFirst())
let conditional = beyond[0]
notebook.check(
  "accuracy for s = 0, 0.5, 1, 1.25, 1.5", increases: sweep.prefix(5).map(\.portrait.accuracy))
notebook.check(
  "standard deviation within the class, from s = 0 to 8", decreases: sweep.map(\.portrait.spread))
notebook.check("inner share, from s = 0 to 3", decreases: sweep.prefix(7).map(\.portrait.inner))
notebook.check(
  "distance from the class, from s = 0 to 1", decreases: sweep.prefix(3).map(\.portrait.distance))
notebook.check("distance from the class, from s = 1 to 8", increases: beyond.map(\.distance))
notebook.check(
  "s = 1: distance over the floor", conditional.distance / truePortrait.distance,
  isBelow: 3)
notebook.check("s = 3: accuracy", sweep[6].portrait.accuracy, isAbove: 0.99)
notebook.check("s = 3: inner share", sweep[6].portrait.inner, isBelow: 0.05)

//: (The factor 3 leaves room for the error of 50 steps.) So "fidelity" has two meanings. If it
//: means that the class can be recognized, guidance raises it. If it means that samples are like
//: the data of the class, $s = 1$ is best for an exact denoiser, and everything beyond is a loss.
//: Papers that plot "fidelity against diversity" use the first meaning.
//:
//: @fold How the figure is plotted

func sweepPlot(_ title: String, _ value: (Portrait) -> Double) -> Plot {
  Plot(title: title, x: "$s$", y: "")
    .line(sweepScales, sweep.map { value($0.portrait) }, marker: .circle)
    .horizontal(at: value(truePortrait))
}
notebook.figure(
  "trade",
  Figure(
    columns: 4,
    [
      sweepPlot("Accuracy") { $0.accuracy }, sweepPlot("Inner share") { $0.inner },
      sweepPlot("Standard deviation") { $0.spread }, sweepPlot("Distance") { $0.distance },
    ], panelSize: Size(210, 210)),
  caption:
    "The exact denoiser under guidance; dashed, data of the class. Accuracy crosses the dashed "
    + "line at $s=1$ and keeps rising. Inner share and distance are right at $s=1$ only; "
    + "there the standard deviation is a little too small.",
  alternative:
    "Four curves over s: accuracy rises to one, inner share falls to zero, standard "
    + "deviation falls, distance has its minimum at one.")

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
func mixed(_ model: some ConditionalDenoiser<PointSet>, at xt: PointSet, t: Int) -> PointSet {
  let chances = ExactClassifier(law, schedule).labelProbabilities(xt, t: t)
  var total = PointSet(zeros: xt.count, dimensions: 2)
  for label in 0..<3 {
    let answer = model.noise(xt, t: t, labels: [Int](repeating: label, count: xt.count))
    for i in 0..<xt.values.count {
      total.values[i] += chances.values[i / 2 * 3 + label] * answer.values[i]
    }
  }
  return total
}

for t in [1, 100, 400, 800] {
  notebook.check(
    "(a) t = \(t): null branch at 60 places", exact.noise(spots, t: t, labels: open).values,
    equals: mixed(exact, at: spots, t: t).values, tolerance: 1e-12)
}

//: A trained network satisfies this only as far as it has learned. The size of the violation, which
//: we call the *gauge*, measures this without the true noise (it does need $p(y \mid x_t)$; where
//: that is not known, a trained classifier must do).
//:
//: ### The label dropout rate
//:
//: How large should $p_\varnothing$ be? The book has values: below 5 % the unconditional branch
//: stays bad, above 30 % the conditional one suffers, 10 to 20 % is right (section 9.4.2). We train
//: the same network with six rates and several seeds each, and measure both branches by their
//: distance from the exact noise, at six steps and on points that were not trained on. Fix the
//: question first: which rate makes the *worse* of the two branches best, and does it matter?

let shares = notebook.isQuick ? [0.02, 0.15, 0.5] : [0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
let seeds = notebook.isQuick ? 2 : 5
let recipe = PointDenoiser.Configuration {
  $0.updates = notebook.count(1200, quick: 300)
  $0.batchSize = 128
  $0.width = 48
  $0.layers = 2
}
let (trained, trainingTime) = notebook.time {
  PointDenoiser.trained(
    on: data,
    shares.flatMap { share in
      (0..<seeds).map { seed in
        recipe.with {
          $0.dropProbability = share
          $0.dropProbability = knownMistakes.labelDropout(share)  // weave:hide
          $0.seed = notebook.seed &+ UInt64(seed)
        }
      }
    })
}
notebook.show("updates of each network", recipe.updates)
notebook.show("all \(trained.count) networks took", seconds: trainingTime)

let judges: (points: PointSet, labels: [Int]) = {
  var streams = RandomStreams(of: root.split(40), count: notebook.count(1200, quick: 400))
  return law.samples(using: &streams)
}()
let judgedSteps = [30, 100, 250, 450, 650, 900]

/// The mean squared distance of two predictions for noisy evaluation points, over all steps.
func gap(
  _ first: (PointSet, Int) -> PointSet, _ second: (PointSet, Int) -> PointSet
) -> Double {
  let squares = judgedSteps.flatMap { t -> [Double] in
    var streams = RandomStreams(of: root.split(41).split(t), count: judges.points.count)
    let xt = process.addNoise(
      to: judges.points, t: t, noise: judges.points.normalSamples(using: &streams))
    return first(xt, t).meanSquares(awayFrom: second(xt, t))
  }
  return squares.reduce(0, +) / Double(squares.count)
}

let none = [Int](repeating: 3, count: judges.labels.count)

/// The mean squared error of a model's noise, given labels.
func missOf(_ model: some ConditionalDenoiser<PointSet>, labels: [Int]) -> Double {
  gap({ model.noise($0, t: $1, labels: labels) }, { exact.noise($0, t: $1, labels: labels) })
}

/// How far a model's null branch is from its own mixture of class branches.
func gauge(_ model: some ConditionalDenoiser<PointSet>) -> Double {
  gap({ model.noise($0, t: $1, labels: none) }, { mixed(model, at: $0, t: $1) })
}

struct Judgement {
  var share: Double
  var open: Double
  var own: Double
  var gauge: Double
}
let judgements = notebook.progress("evaluating", Array(trained.indices)).map { i in
  Judgement(
    share: shares[i / seeds],
    open: missOf(trained[i], labels: none), own: missOf(trained[i], labels: judges.labels),
    gauge: gauge(trained[i]))
}
func over(_ share: Double, _ value: (Judgement) -> Double) -> Estimate {
  Estimate(of: judgements.filter { $0.share == share }.map(value))
}
notebook.table(
  "Mean squared error of both branches, and the gauge: means over \(seeds) seeds",
  columns: ["share without label", "null branch", "class branches", "gauge"],
  rows: shares.map { share in
    [share, over(share) { $0.open }, over(share) { $0.own }, over(share) { $0.gauge }]
  })

let usualShare = notebook.isQuick ? 0.15 : 0.1
let usual = trained.indices.filter { shares[$0 / seeds] == usualShare }.map { trained[$0] }

//: **Claim 6.8.** Of the book's two warnings one comes true here. The null branch improves a lot
//: the more often the label is withheld. The class branches hardly change, not even at 50 %; and so
//: the worse of the two branches is better at 50 % than at the usual 10 to 20 %.

func ratio(_ a: Estimate, _ b: Estimate) -> Double { a.mean / b.mean }
notebook.check(
  "null branch: error with the least share over that with the largest",
  ratio(over(shares.first!) { $0.open }, over(shares.last!) { $0.open }), isAbove: 1.3)
notebook.check(
  "class branches: error with the largest share over that with the least",
  ratio(over(shares.last!) { $0.own }, over(shares.first!) { $0.own }), isBelow: 1.3)
notebook.check(
  "worse branch, with the largest share over that with the usual",
  ratio(over(shares.last!) { max($0.open, $0.own) }, over(usualShare) { max($0.open, $0.own) }),
  isBelow: 1)

//: Why do the class branches not suffer from half as many labels? Most of what a denoiser learns is
//: the same with and without a label, and the network is shared: examples without a label train
//: both branches. With three classes and endless data the effect is as mild as it gets. A model
//: with a thousand classes and few examples of each may pay a price; it would have to be measured
//: there. Until half of the labels are gone the null branch is the weaker one, and guided sampling
//: multiplies its error by $s - 1$.
//:
//: Part (b) of Claim 6.7: the gauge shows all this without the truth. Over all networks, its
//: logarithm correlates with that of the null branch's true error.

func correlation(_ a: [Double], _ b: [Double]) -> Double {
  let scale = (Estimate.variance(of: a).mean * Estimate.variance(of: b).mean).squareRoot()
  return Estimate.covariance(a, b).mean / scale
}
notebook.check(
  claim: "6.7", "(b) correlation of gauge and error, over \(judgements.count) networks",
  correlation(judgements.map { log($0.gauge) }, judgements.map { log($0.open) }), isAbove: 0.8)

//: @fold How the figure is plotted

func sharePlot(
  _ plot: Plot, _ label: String, _ color: Color, _ value: @escaping (Judgement) -> Double
) -> Plot {
  let each = shares.map { over($0, value) }
  return
    plot
    .line(shares, each.map(\.mean), label: label, color: color, marker: .circle)
    .errorBars(
      shares, lower: each.map { $0.mean - 2 * $0.standardError },
      upper: each.map { $0.mean + 2 * $0.standardError }, color: color)
}
let shareAxis = Axis(
  "share of examples without label", scale: .log, at: [0.02, 0.05, 0.1, 0.2, 0.5])
var sharesPlot = Plot(
  x: shareAxis, y: Axis("mean squared error", scale: .log), size: Size(460, 290))
sharesPlot = sharePlot(sharesPlot, "null branch", .blue) { $0.open }
sharesPlot = sharePlot(sharesPlot, "class branches", .orange) { $0.own }
sharesPlot = sharePlot(sharesPlot, "gauge", .green) { $0.gauge }
notebook.figure(
  "forgetting", sharesPlot,
  caption:
    "Error of both branches against the exact noise, and the gauge, which needs no truth; bars "
    + "of two standard errors over the seeds. The more often the label is withheld, the better "
    + "the null branch; the class branches do not change.",
  alternative: "Two falling curves, null branch and gauge, and a level one, class branches.")

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

let network = usual[0]
let manyLabels = judges.labels
func inTwoPasses(_ xt: PointSet, t: Int, scale s: Double) -> PointSet {
  .sum(
    (s, network.noise(xt, t: t, labels: manyLabels)), (1 - s, network.noise(xt, t: t, labels: none))
  )
}
let atOnce = GuidedDenoiser(network, labels: manyLabels, scale: 4)
for t in [20, 400, 990] {
  let gap = zip(
    atOnce.noise(judges.points, t: t).values, inTwoPasses(judges.points, t: t, scale: 4).values
  ).map { abs($0 - $1) }.max()!
  notebook.check("t = \(t), s = 4: largest difference", gap, isBelow: 2e-5)
}
let timings = [1, 8, 64, 512].map { size -> (size: Int, twice: Double, once: Double) in
  let (x, labels) = (
    judges.points.entries(0..<min(size, judges.points.count)), Array(manyLabels.prefix(size))
  )
  let null = Array(none.prefix(size))
  let rounds = 200
  let twice = notebook.time {
    for _ in 0..<rounds {
      _ = network.noise(x, t: 400, labels: labels)
      _ = network.noise(x, t: 400, labels: null)
    }
  }
  let pair = x.appending(x)
  let once = notebook.time {
    for _ in 0..<rounds { _ = network.noise(pair, t: 400, labels: labels + null) }
  }
  return (size, 1e6 * twice.seconds / Double(rounds), 1e6 * once.seconds / Double(rounds))
}
notebook.table(
  "Microseconds for both predictions",
  columns: [
    "batch", Column("two passes", digits: 3, volatile: true),
    Column("one pass of twice the size", digits: 3, volatile: true),
  ],
  rows: timings.map { [$0.size, $0.twice, $0.once] })

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

struct Dosage: Sendable {
  let name: String
  let favors: String
  /// The fraction of the greatest extra guidance at $u = t/T$.
  let f: @Sendable (Double) -> Double
}
let dosages = [
  Dosage(name: "constant", favors: "none") { _ in 1 },
  Dosage(name: "linear", favors: "high noise") { $0 },
  Dosage(name: "cosine, as meant", favors: "high noise") { (1 - cos(.pi * $0)) / 2 },
  Dosage(name: "step", favors: "high noise") { $0 > 0.5 ? 1 : 0 },
  Dosage(name: "linear, reversed", favors: "low noise") { 1 - $0 },
  Dosage(name: "cosine, as printed", favors: "low noise") { (1 + cos(.pi * $0)) / 2 },
  Dosage(name: "step, reversed", favors: "low noise") { $0 > 0.5 ? 0 : 1 },
]
notebook.erratum(
  "E-B29", source: "Foundations of Generative Models, (9.31)", "cosine shape at t = T",
  printed: dosages[5].f(1), right: dosages[2].f(1), secondRoute: dosages[1].f(1), tolerance: 1e-15,
  apart: 0.9)

//: Is the intuition right? Fix the question before looking. A shape is better than another if, at
//: *equal accuracy*, it keeps more of the inner modes and stays closer to the class. So we run
//: every shape with several strengths and interpolate to an accuracy of 98 %; all shapes have the
//: same mean of $f$ over the steps when they are given the same strength.

let strengths = [0.0, 0.2, 0.35, 0.6, 1.0]
func scale(_ dosage: Dosage, meanExtra: Double) -> @Sendable (Int) -> Double {
  let visited = schedule.timesteps(50).map { dosage.f(Double($0) / 1000) }
  let peak = meanExtra * Double(visited.count) / visited.reduce(0, +)
  return { 1 + peak * dosage.f(Double($0) / 1000) }
}
let dosed = notebook.progress("guidance schedules", dosages).map { dosage in
  strengths.map { portrait(guided(exact, scale: scale(dosage, meanExtra: $0))) }
}

/// A measure where the accuracy crosses a level, by linear interpolation between strengths.
func read(_ row: [Portrait], at accuracy: Double, _ value: (Portrait) -> Double) -> Double {
  for (a, b) in zip(row, row.dropFirst()) where a.accuracy <= accuracy && b.accuracy >= accuracy {
    let share = (accuracy - a.accuracy) / max(b.accuracy - a.accuracy, 1e-12)
    return value(a) + share * (value(b) - value(a))
  }
  return .nan
}
struct Reading {
  let inner: Double
  let distance: Double
}
let readings = dosed.map { row in
  Reading(
    inner: read(row, at: 0.98) { $0.inner }, distance: read(row, at: 0.98) { $0.distance })
}
notebook.table(
  "Exact denoiser, at an accuracy of 98 %",
  columns: ["f", "favors", Column("inner share", decimals: 3), Column("distance", decimals: 3)],
  rows: zip(dosages, readings).map { [$0.name, $0.favors, $1.inner, $1.distance] })

//: **Claim 6.10.** For these data the intuition is wrong. At equal accuracy, the shapes that favor
//: high noise lose more of the inner modes than the constant one and end further from the class, on
//: average over the three of them; their mirror images lose less, and end about as close.

let constantly = readings[0]
func average(_ some: ArraySlice<Reading>, _ value: (Reading) -> Double) -> Double {
  some.reduce(0) { $0 + value($1) } / Double(some.count)
}
notebook.check(
  "favoring high noise: inner share, less that of the constant shape",
  average(readings[1...3]) { $0.inner } - constantly.inner, isBelow: 0)
notebook.check(
  "favoring high noise: distance, less that of the constant shape",
  average(readings[1...3]) { $0.distance } - constantly.distance, isAbove: 0)
notebook.check(
  "favoring low noise: inner share, less that of the constant shape",
  average(readings[4...6]) { $0.inner } - constantly.inner, isAbove: 0)
notebook.check(
  "favoring low noise: distance, less that of the constant shape",
  average(readings[4...6]) { $0.distance } - constantly.distance, isBelow: 0.01)

//: (All shapes start from the same noise, which removes most of the chance from the differences.
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

let chosen = [0, 2, 3, 5, 6]
func dosagePlot(_ axis: String, _ value: (Portrait) -> Double) -> Plot {
  chosen.reduce(Plot(x: Axis("accuracy", range: 0.92...1), y: Axis(axis))) { plot, i in
    let row = dosed[i].filter { $0.accuracy < 0.999 }
    return plot.line(
      row.map(\.accuracy), row.map(value), label: dosages[i].name,
      dash: dosages[i].favors == "low noise" ? .dashed : .solid, marker: .circle)
  }
}
notebook.figure(
  "dosage",
  Figure(
    columns: 2, [dosagePlot("inner share") { $0.inner }, dosagePlot("distance") { $0.distance }],
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

let range = [0.5, 1, 1.5, 2, 3]
let tuned = notebook.progress("scales", usual).map { model in
  range.map { portrait(guided(model, scale: $0)) }
}
func acrossSeeds(_ i: Int, _ value: (Portrait) -> Double) -> Estimate {
  Estimate(of: tuned.map { value($0[i]) })
}
notebook.table(
  "Networks trained with a share of \(usualShare) without label, means over \(seeds) seeds",
  columns: ["s", "accuracy", "inner share", "standard deviation", "distance"],
  rows: range.indices.map { i in
    [
      range[i], acrossSeeds(i) { $0.accuracy }, acrossSeeds(i) { $0.inner },
      acrossSeeds(i) { $0.spread }, acrossSeeds(i) { $0.distance },
    ]
  })
let bestScales = tuned.map { row in
  range[row.indices.min { row[$0].distance < row[$1].distance }!]
}
notebook.check(
  "exact: best scale of the sweep",
  sweepScales[sweep.indices.min { sweep[$0].portrait.distance < sweep[$1].portrait.distance }!],
  equals: 1, tolerance: 0)
notebook.check("trained: largest of the best scales", bestScales.max()!, isAtMost: 1.5)
notebook.check(
  "s = 3: largest inner share, exact or trained",
  max(sweep[6].portrait.inner, tuned.map { $0[4].inner }.max()!), isBelow: 0.05)

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

let jumps = [1, 250, 700, 1000].flatMap { t -> [Double] in
  let lambda = schedule.logSNR(t)
  let signal = 1 / (1 + exp(-lambda))
  return [
    abs(signal.squareRoot() - schedule.signalScale(t)),
    abs((1 / (1 + exp(lambda))).squareRoot() - schedule.noiseScale(t)),
  ]
}
notebook.check(
  "(a) coefficients of q(x_t | x_0) at four steps: largest difference", jumps.max()!, isBelow: 1e-15
)
let offsetFree = NoiseSchedule.cosine(offset: 0, clip: .none)
func lambda(_ u: Double) -> Double { -2 * log(tan(.pi * u / 2)) }
let cosineSteps = [1, 100, 500, 900, 999]
notebook.check(
  "(b) log SNR of the cosine schedule", cosineSteps.map { offsetFree.logSNR($0) },
  equals: cosineSteps.map { lambda(Double($0) / 1000) }, tolerance: 1e-9)
notebook.check(
  "(b) share of lambda above 1.5, by its density",
  GaussLegendre.standard.integrate(from: 1.5, to: 80, panels: 80) { 1 / (2 * .pi * cosh($0 / 2)) },
  equals: 2 / .pi * atan(exp(-0.75)), tolerance: 1e-12)
func meanFloor(_ schedule: NoiseSchedule) -> Double {
  (1...999).reduce(0) { $0 + line.noisyMarginal(schedule, to: $1).noiseLossFloor } / 999
}
let floors = (linear: meanFloor(schedule), cosine: meanFloor(offsetFree))
notebook.show("mean loss of the exact denoiser, two classes on the line, linear", floors.linear)
notebook.show("the same, cosine", floors.cosine)
notebook.check(
  "(c) the two losses of one perfect denoiser differ by", abs(floors.linear - floors.cosine),
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

let towards = [Int](repeating: 0, count: 60)
let avoided = [Int](repeating: 1, count: 60)
let classifier = ExactClassifier(law, schedule)
let negative = GuidedDenoiser(exact, labels: towards, scale: 3, awayFrom: avoided)
let byGradients = PointSet.sum(
  (1, exact.noise(spots, t: 300, labels: open)),
  (-3 * schedule.noiseScale(300), classifier.labelScore(spots, t: 300, labels: towards)),
  (2 * schedule.noiseScale(300), classifier.labelScore(spots, t: 300, labels: avoided)))
notebook.check(
  "(a) s = 3 at 60 places", negative.noise(spots, t: 300).values, equals: byGradients.values,
  tolerance: 1e-12)

func towardsTop(awayFrom label: Int?) -> PointSet {
  var streams = RandomStreams(of: root.split(50), count: crowd)
  let noise = streams.normalPoints(dimensions: 2)
  let denoiser = GuidedDenoiser(
    exact, labels: [Int](repeating: 0, count: crowd), scale: 1.2,
    awayFrom: label.map { [Int](repeating: $0, count: crowd) })
  return fifty.sample(from: noise, denoiser: denoiser, using: streams)
}
let (away, plain) = (towardsTop(awayFrom: 1), towardsTop(awayFrom: nil))
func taken(_ points: PointSet, for label: Int) -> Int {
  (0..<points.count).count { i in
    let chances = law.labelProbabilities(points[i])
    return chances.max()! == chances[label]
  }
}
notebook.table(
  "Towards class 0, s = 1.2",
  columns: ["away from", "mean of x1", "classified as 1", "classified as 2"],
  rows: [
    ["nothing", Estimate(of: plain.column(0)), taken(plain, for: 1), taken(plain, for: 2)],
    ["class 1", Estimate(of: away.column(0)), taken(away, for: 1), taken(away, for: 2)],
  ])
notebook.check(
  "(b) shift to the right, with equal noise",
  Estimate(of: zip(away.column(0), plain.column(0)).map { $0 - $1 }),
  isAbove: Estimate(mean: 0, standardError: 0), byStandardErrors: 4)
notebook.check(
  "(b) classified as class 1, less classified as class 2",
  Double(taken(away, for: 1) - taken(away, for: 2)), isBelow: 0)

//: ### The cost of guidance
//:
//: **Claim 6.14.** Guided sampling with $S$ steps needs $2S$ network evaluations per image,
//: unguided sampling $S$. Where the scale is 1 or 0 the library evaluates only one branch; so
//: guidance in a limited interval costs extra only within it.

/// A denoiser that counts the entries that it evaluates.
final class Tally: ConditionalDenoiser, @unchecked Sendable {
  private(set) var entries = 0
  let nullLabel = 3

  func noise(_ xt: PointSet, t: Int, labels: [Int]) -> PointSet {
    entries += xt.count
    return exact.noise(xt, t: t, labels: labels)
  }
}

func cost(_ scale: @escaping @Sendable (Int) -> Double) -> Int {
  let tally = Tally()
  _ = guided(tally, count: 9, scale: scale)
  return tally.entries / 9
}
let visited = schedule.timesteps(50)
notebook.check(
  "evaluations per point in 50 steps: s = 0, 1, 2",
  [cost { _ in 0 }, cost { _ in 1 }, cost { _ in 2 }], isExactly: [50, 50, 100])
notebook.check(
  "the same with s = 2 for t in 200...600 only",
  cost { (200...600).contains($0) ? 2 : 1 },
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

let (rivals, rivalTime) = notebook.time {
  let denoisers = PointDenoiser.trained(
    on: data, (0..<seeds).map { seed in recipe.with { $0.seed = notebook.seed &+ UInt64(seed) } })
  let classifiers = (0..<seeds).map { seed -> NetworkClassifier<MLP> in
    let network = MLP(
      .init(outputs: 3, width: recipe.width, layers: recipe.layers, timeFeatures: 32),
      generator: root.split(60).split(seed))
    let plan = TrainingPlan(
      length: .steps(recipe.updates), learningRate: recipe.learningRate, warmUpSteps: 100,
      weightDecay: 0, averageDecay: recipe.averageDecay, seed: notebook.seed &+ UInt64(seed))
    let classifier = NetworkClassifier(network, process)
    let run = classifier.training(
      on: data.points, labels: data.labels, plan: plan, batchSize: recipe.batchSize)
    for _ in run {}
    run.adoptAverages()
    return classifier
  }
  return (denoisers: denoisers, classifiers: classifiers)
}
notebook.show("training the denoisers and the classifiers took", seconds: rivalTime)

let duelScales = [0.8, 1.2, 1.6, 2, 2.5]
let duelists = notebook.count(1500, quick: 450)

/// The measures of one side at every scale, and their values at equal accuracy.
struct Contender {
  let name: String
  /// By seed, then by scale.
  let portraits: [[Portrait]]

  func values(_ value: (Portrait) -> Double) -> [Double] {
    portraits.map { read($0, at: 0.97, value) }
  }
}
let generous = trained.indices.filter { shares[$0 / seeds] == shares.last! }.map { trained[$0] }
let free = [(usualShare, usual), (shares.last!, generous)].map { share, networks in
  Contender(
    name: "classifier-free, share \(share)",
    portraits: notebook.progress("without a classifier", networks).map { network in
      duelScales.map { s in portrait(guided(network, count: duelists) { _ in s }) }
    })
}
let classified = Contender(
  name: "by a classifier",
  portraits: notebook.progress("by a classifier", Array(0..<seeds)).map { seed in
    duelScales.map { s in
      var streams = RandomStreams(of: root.split(1), count: duelists)
      let noise = streams.normalPoints(dimensions: 2)
      let denoiser = ClassifierGuidedDenoiser(
        rivals.denoisers[seed], by: rivals.classifiers[seed],
        labels: Array(wanted.prefix(duelists)), scale: s, schedule)
      return portrait(fifty.sample(from: noise, denoiser: denoiser, using: streams))
    }
  })
let yardstick = Contender(
  name: "exact denoiser",
  portraits: [duelScales.map { s in portrait(guided(exact, count: duelists) { _ in s }) }])
notebook.table(
  "At an accuracy of 97 %, means over \(seeds) seeds",
  columns: ["guidance", "inner share", "standard deviation", "distance"],
  rows: [
    [
      yardstick.name, yardstick.values { $0.inner }[0], yardstick.values { $0.spread }[0],
      yardstick.values { $0.distance }[0],
    ]
  ]
    + (free + [classified]).map { side in
      [
        side.name, Estimate(of: side.values { $0.inner }), Estimate(of: side.values { $0.spread }),
        Estimate(of: side.values { $0.distance }),
      ]
    })

//: **Claim 6.15.** Classifier-free guidance does not outperform the classifier here. At equal
//: accuracy it keeps no more of the inner modes, and ends no closer to the class, whether a tenth
//: or half of the labels were withheld.

/// The difference to the side with a classifier, seed by seed.
func advantage(_ side: Contender, _ value: (Portrait) -> Double) -> Estimate {
  Estimate(of: zip(side.values(value), classified.values(value)).map { $0 - $1 })
}
for side in free {
  notebook.show("\(side.name): inner share, difference", advantage(side) { $0.inner })
  notebook.show("\(side.name): distance, difference", advantage(side) { $0.distance })
}
notebook.check(
  "inner share: largest advantage of classifier-free guidance",
  free.map { side in advantage(side) { $0.inner }.mean }.max()!, isBelow: 0.03)
notebook.check(
  "distance: least excess of classifier-free guidance",
  free.map { side in advantage(side) { $0.distance }.mean }.min()!, isAbove: -0.02)

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
let classesOfAll = ["disc", "cross", "horizontal stripes", "checkerboard"].map {
  SyntheticImages.classNames.firstIndex(of: $0)!
}
func pictures(_ count: Int, _ part: CIFAR10.Part) -> (images: Tensor, labels: [Int]) {
  let all = SmallImages.synthetic(count, part: part, seed: notebook.seed, style: .colored)
  let places = (0..<all.count).filter { classesOfAll.contains(all.labels[$0]) }
  return (
    all.tensor(places), places.map { classesOfAll.firstIndex(of: all.labels[$0])! }
  )
}
let (shapes, unseen) = (
  pictures(notebook.count(8000, quick: 2000), .training), pictures(1000, .test)
)

let painter = DiffusionModel<UNet>(.smallImages(channels: 3, classes: 4), seed: notebook.seed)
let (paintLosses, paintTime) = notebook.time {
  var losses: [Double] = []
  let run = painter.training(
    on: shapes.images, labels: shapes.labels,
    plan: .small(steps: notebook.count(450, quick: 12), seed: notebook.seed))
  let bar = ProgressBar("training", total: notebook.count(450, quick: 12))
  for step in run {
    losses.append(step.loss)
    bar.advance()
  }
  bar.finish()
  run.adoptAverages()
  return losses
}
notebook.show("training the model took", seconds: paintTime)

let judge: NetworkClassifier<UNetEncoder> = {
  let network = UNetEncoder(
    .init(classes: 4, channels: [16, 32]), generator: root.split(70))
  let plan = TrainingPlan(
    length: .steps(notebook.count(200, quick: 40)), learningRate: 3e-3, warmUpSteps: 20,
    weightDecay: 0, seed: notebook.seed)
  let classifier = NetworkClassifier(network, painter.diffusion, times: 0...0)
  let run = classifier.training(
    on: shapes.images, labels: shapes.labels, plan: plan, batchSize: 64)
  for _ in run {}
  return classifier
}()
notebook.show(
  "evaluation classifier: accuracy on test images",
  judge.accuracy(unseen.images, labels: unseen.labels))

let portraitsPerClass = notebook.count(20, quick: 4)
let paintedLabels = (0..<4 * portraitsPerClass).map { $0 / portraitsPerClass }
let brushSteps = painter.schedule.timesteps(notebook.count(25, quick: 8))

/// Images of all classes, guided with a scale; `clip` keeps every estimate of the data in range.
func painted(scale s: Double, clip: Clip? = nil) -> Tensor {
  let sampler = Sampler(.ddim(), schedule: painter.schedule, timesteps: brushSteps, clip: clip)
  return painter.sample(
    paintedLabels.count, with: sampler, seed: notebook.seed, batchSize: 32
  ) { GuidedDenoiser(painter, labels: Array(paintedLabels[$0]), scale: s) }
}

/// The share of values outside the range of images.
func outside(_ images: Tensor) -> Double {
  Double(images.elements.count { abs($0) > 1 }) / Double(images.count)
}

/// The mean over images of the standard deviation of the values within an image.
func contrast(_ images: Tensor) -> Double {
  let (each, all) = (images.count / images.shape[0], images.elements)
  let deviations = (0..<images.shape[0]).map { i in
    Moments(all[i * each..<(i + 1) * each].map { Double($0) }).standardDeviation
  }
  return deviations.reduce(0, +) / Double(deviations.count)
}

/// One minus the mean correlation of two images of one class: 0 for copies, 1 if uncorrelated.
/// It does not depend on contrast and lightness.
func variety(_ images: Tensor, _ labels: [Int]) -> Double {
  let (each, all) = (images.count / labels.count, images.elements)
  let standardized = labels.indices.map { i -> [Double] in
    let own = all[i * each..<(i + 1) * each].map { Double($0) }
    let statistics = Moments(own)
    return own.map { ($0 - statistics.mean) / max(statistics.standardDeviation, 1e-9) }
  }
  var correlations: [Double] = []
  for i in labels.indices {
    for j in labels.indices where j < i && labels[j] == labels[i] {
      let product = zip(standardized[i], standardized[j]).reduce(0) { $0 + $1.0 * $1.1 }
      correlations.append(product / Double(each - 1))
    }
  }
  return 1 - correlations.reduce(0, +) / Double(correlations.count)
}

let brushScales = [0.0, 1, 2, 4, 8]
let gallery = notebook.progress("sampling", brushScales).map { s in
  (s: s, images: painted(scale: s))
}
let clipped = painted(scale: brushScales[3], clip: .images)
func hits(_ images: Tensor) -> Estimate {
  let right = zip(judge.predictions(images), paintedLabels).count { $0 == $1 }
  return .proportion(right, of: paintedLabels.count)
}
func galleryRow(_ name: String, _ images: Tensor) -> [any TableCell] {
  [name, hits(images), contrast(images), variety(images, paintedLabels), outside(images)]
}
let someUnseen = unseen.images.entries(0..<200)
notebook.table(
  "Guided images and real ones",
  columns: [
    "s", Column("accuracy", volatile: true),
    Column("contrast", decimals: 3, volatile: true),
    Column("diversity", decimals: 3, volatile: true),
    Column("outside range", decimals: 3, volatile: true),
  ],
  rows: gallery.map { galleryRow("\(Int($0.s))", $0.images) } + [
    galleryRow("\(Int(brushScales[3])), clipped", clipped),
    [
      "test images", judge.accuracy(unseen.images, labels: unseen.labels), contrast(someUnseen),
      variety(someUnseen, Array(unseen.labels.prefix(200))), outside(someUnseen),
    ],
  ])

//: @fold How the figure is plotted

func pictureOf(_ images: Tensor, _ index: Int) -> Picture {
  let pixels = images.entries(index..<index + 1).elements
  return Picture(planar: pixels, width: 16, height: 16)
}
notebook.figure(
  "gallery",
  ImageGrid(
    rows: gallery.map { each in
      (0..<4).flatMap { label in
        (0..<4).map { pictureOf(each.images, (label * portraitsPerClass) + $0) }
      }
    },
    rowLabels: gallery.map { "$s=\(Int($0.s))$" },
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
    "accuracy at s = 1, over that at s = 0", hits(gallery[1].images),
    isAbove: hits(gallery[0].images), byStandardErrors: 4)
}
let few = [0, 1, 2, 3]
let grain = Tensor(normals(4 * 768, stream: 71).map { Float($0) }, shape: painter.shape(4))
let blur = painter.diffusion.addNoise(to: unseen.images.entries(0..<4), t: 400, noise: grain)
let twice = Tensor.sum(
  (4, painter.noise(blur, t: 400, labels: few)),
  (-3, painter.noise(blur, t: 400, labels: [4, 4, 4, 4])))
notebook.check(
  "one pass of twice the size against two passes, s = 4, largest difference",
  zip(GuidedDenoiser(painter, labels: few, scale: 4).noise(blur, t: 400).elements, twice.elements)
    .map { Double(abs($0 - $1)) }.max()!, isBelow: 1e-4)

//: **Claim 6.17.** Guidance overshoots as it did in the plane (*oversaturation*): contrast grows
//: with $s$ beyond that of real images, an increasing share of pixel values lies outside the range
//: of images, and the images of a class become more alike. Clipping every estimate of the data to
//: the range keeps the values inside; the exaggerated contrast stays.

if !notebook.isQuick {
  notebook.check(
    "contrast, from s = 1 to 8",
    increases: gallery.dropFirst().map { contrast($0.images) })
  notebook.check(
    "share of values outside the range, from s = 1 to 8",
    increases: gallery.dropFirst().map { outside($0.images) })
  notebook.check(
    "clipped, s = 4: contrast over that of real images", contrast(clipped) / contrast(someUnseen),
    isAbove: 1)
  notebook.check(
    "diversity, from s = 0 to 8",
    decreases: gallery.map { variety($0.images, paintedLabels) })
}
notebook.check("clipped: share of values outside the range", outside(clipped), isBelow: 1e-6)

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

let wrongly = MistakeSelection(.guidanceSign).guidedDenoiser
let fled = portrait(sampled(wrongly(exact, labels: wanted, scale: 2)))
notebook.check("accuracy, s = 2", fled.accuracy, isBelow: 0.05)

//: **Claim 6.19.** *Three of four channels.* A program that combines the first channels only (a
//: slice with a wrong end, from the time when images had three) leaves the last one conditional. In
//: the plane this is the second coordinate. Its values are those of $s = 1$, and the accuracy stays
//: high, which is why the mistake goes unnoticed. It shows in a symmetry: three classes that are
//: rotated copies of each other are no longer treated alike.

let skipping = MistakeSelection(.guidanceSkipsChannel).guidedDenoiser
let halfGuided = skipping(exact, labels: spotLabels, scale: 3).noise(spots, t: 300)
notebook.check(
  "second coordinate of the noise at s = 3, against the conditional one", halfGuided.column(1),
  equals: ownNoise.column(1), tolerance: 1e-13)
notebook.check(
  "first coordinate, against the guided one", halfGuided.column(0),
  equals: PointSet.sum((3, ownNoise), (-2, openNoise)).column(0), tolerance: 1e-12)
let halfway = sampled(skipping(exact, labels: wanted, scale: 2))
notebook.check("accuracy, s = 2", portrait(halfway).accuracy, isAbove: 0.9)
let correctly = guided(exact, scale: 2)
notebook.table(
  "Inner share by class, s = 2", columns: ["", "class 0", "class 1", "class 2"],
  rows: [
    ["all coordinates guided"] + (0..<3).map { innerShare(correctly, $0) },
    ["the last one skipped"] + (0..<3).map { innerShare(halfway, $0) },
  ])
notebook.check(
  "inner share of class 1, less that of class 0",
  abs(innerShare(halfway, 1) - innerShare(halfway, 0)), isAbove: 0.1)

//: **Claim 6.20.** *A null label that was never trained.* Without label dropout the null row of the
//: table stays what it was at the start, random. The training loss shows nothing: it is as low as
//: ever, because the network is trained on the conditional branch alone. The gauge of Claim 6.7
//: shows it at once.

let neglected = PointDenoiser.trained(
  on: data, recipe.with { $0.dropProbability = 0 })
let neglectedOpen = missOf(neglected, labels: none)
let neglectedOwn = missOf(neglected, labels: judges.labels)
let neglectedPortrait = portrait(guided(neglected, scale: 2))
notebook.table(
  "Without label dropout",
  columns: [
    "", Column("class branches", digits: 3, volatile: true),
    Column("null branch", digits: 3, volatile: true), Column("gauge", digits: 3, volatile: true),
    Column("distance, s = 1", digits: 3, volatile: true),
    Column("distance, s = 2", digits: 3, volatile: true),
  ],
  rows: [
    [
      "with label dropout", missOf(usual[0], labels: judges.labels), missOf(usual[0], labels: none),
      gauge(usual[0]), portrait(guided(usual[0], scale: 1)).distance,
      portrait(guided(usual[0], scale: 2)).distance,
    ],
    [
      "without", neglectedOwn, neglectedOpen, gauge(neglected),
      portrait(guided(neglected, scale: 1)).distance, neglectedPortrait.distance,
    ],
  ])
notebook.check(
  "without dropout: gauge over that of a network with dropout", gauge(neglected) / gauge(usual[0]),
  isAbove: 3)
notebook.check(
  "without dropout: error of the class branches over that with dropout",
  neglectedOwn / missOf(usual[0], labels: judges.labels), isBelow: 2)

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
//: $\mathcal N(m, \frac14)$: at which scale does DDIM shrink the class to a tenth of its standard
//: deviation?
//:
//: <details><summary>Answer</summary>
//:
//: By part (b) of Claim 6.5 the standard deviation is $v^{s/2} V^{(1-s)/2} = 2^{-s}$, and that of
//: the class is $\frac12$: so $2^{1-s} = \frac1{10}$.
//:
//: **Claim 6.21.** That is at $s = 1 + \log_2 10 = 4.32$.

let tenth = 1 + log2(10.0)
notebook.check(
  "standard deviation by DDIM, over that of the class",
  extrapolated(.ddim(), scale: tenth).std / 0.5,
  equals: 0.1, tolerance: 1e-3)

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
  let trial = (low + high) / 2
  if portrait(guided(exact, scale: trial)).accuracy < 0.98 { low = trial } else { high = trial }
}
let automatic = portrait(guided(exact, scale: high))
notebook.show("least scale", high, digits: 3)
notebook.check("least scale for 98 %", high, isBelow: 1.5)
notebook.check("accuracy there", automatic.accuracy, isAtLeast: 0.98)
notebook.check(
  "inner share there, over that at s = 3", automatic.inner / max(sweep[6].portrait.inner, 1e-3),
  isAbove: 5)

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

let mixtureMiss = gap({ exact.noise($0, t: $1, labels: none) }, { mixed(neglected, at: $0, t: $1) })
notebook.check(
  "error of the mixture over that of the null branch", mixtureMiss / neglectedOpen, isBelow: 0.25)

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
