//: # Chapter 0. The forward process
//:
//: Take a picture. Add a little noise to it, then a little more, and go on until nothing of the
//: picture can be made out. That is the *forward process*. Diffusion models make pictures by
//: running it backwards, so it is worth knowing exactly. And exactly it can be known: nothing in it
//: is trained, nothing is approximate, and for every amount of noise there is a formula for what is
//: left of the picture.
//:
//: At the end of this chapter you can
//:
//: - draw random numbers from any law that can be written down,
//: - jump from a picture to any stage of its destruction with a single draw of noise,
//: - say how much of the picture is left there, as a variance, as a signal-to-noise ratio and as
//:   information,
//: - choose a noise schedule, compare it with the published ones, and build your own,
//: - name what is wrong with eight passages in print, because this page runs them.

import Autodiff  // weave:hide
import Datasets  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Notebook  // weave:hide
import Tensors  // weave:hide

let notebook = Chapter.open(  // weave:hide
  "Adds noise to data, step by step, and checks every formula on the way.")  // weave:hide

//: ## A picture dissolves
//:
//: Here is a small picture under more and more noise. The question of the chapter: what is the rule
//: from one stage to the next, how much of the picture is left at each, and how do we get to any of
//: them quickly?
//:
//: @fold How the picture and the figure are drawn

let boat = Picture(drawing: 64, 64, background: Color(hex: 0x9CCBE8)) { canvas in
  canvas.fill(.circle(center: Point(50, 13), radius: 7), Color(hex: 0xFBE27A))
  canvas.fill(.rectangle(Rectangle(x: 0, y: 46, width: 64, height: 18)), Color(hex: 0x1F5A8C))
  canvas.fill(.polygon([Point(29, 6), Point(29, 40), Point(9, 40)]), .white)
  canvas.fill(.polygon([Point(33, 12), Point(33, 40), Point(53, 40)]), Color(hex: 0xE8573F))
  canvas.fill(
    .polygon([Point(8, 43), Point(56, 43), Point(48, 54), Point(16, 54)]), Color(hex: 0x5B3A21))
}

/// The picture as numbers in -1…1: one image of three colors, 64 pixels high and wide.
let picture = Tensor(boat.planar(), shape: [1, 3, 64, 64])

/// The picture after `t` steps of the forward process, with one noise for all t.
func dissolved(_ schedule: NoiseSchedule, _ t: Int) -> Picture {
  var random = RandomGenerator(seed: notebook.seed).split(0)
  let noise = Tensor.normal(picture.shape, using: &random)
  let noisy = GaussianDiffusion(schedule).jump(picture, to: t, noise: noise)
  return Picture(planar: noisy.elements, width: 64, height: 64)
}

let stages = [0, 20, 60, 120, 200, 300, 450, 1000]
notebook.figure(
  "dissolving",
  ImageGrid(
    rows: [stages.map { dissolved(.linear(), $0) }], columnLabels: stages.map { "$t=\($0)$" },
    cellWidth: 84), formats: [.png],
  caption: "A picture at eight of the 1000 steps of a forward process (the linear schedule, "
    + "below). Look for the step at which you could no longer say what it was: the outline is "
    + "lost long before the last step, and the last 500 steps look all the same.",
  alternative: "A sailing boat that disappears behind colored noise in eight stages.")

//: ## How to read this page
//:
//: You need calculus, and these words. A random variable $x$ is a number that chance decides, and
//: its *law* says how likely the outcomes are. A law with *density* $p$ gives the interval from
//: $a$ to $b$ the probability $\int_a^b p(x)\,dx$. The *mean* or expectation is
//: $E[x] = \int x\,p(x)\,dx$, the *variance* is $\mathrm{Var}(x) = E[(x - E[x])^2]$, the *standard
//: deviation* is its root, and the *covariance* of two variables is
//: $\mathrm{Cov}(x, y) = E[(x - E[x])(y - E[y])]$. Two variables are *independent* if knowing one
//: says nothing about the other; then their covariance is 0, and the variance of their sum is the
//: sum of their variances. The *normal law* $\mathcal N(\mu, \sigma^2)$ has the density
//: $$ \frac{1}{\sqrt{2\pi\sigma^2}}\, e^{-(x-\mu)^2 / 2\sigma^2} , $$
//: the mean $\mu$ and the variance $\sigma^2$. The letter $\epsilon$ always stands for draws
//: from $\mathcal N(0, 1)$, and $\mathcal N(0, I)$ is the law of a whole picture of them, all
//: independent. "Noise" means such a picture.
//:
//: Statements that can be checked are numbered **claims**. Behind each stands the code that checks
//: it, and behind the code what the run printed: the number computed, what it must be, and how close
//: they are. Guess before you look. There are two kinds of check. Where both sides are computed
//: without chance, they must agree up to rounding, and the tolerance is given. Where one side is an
//: average over random draws (Monte Carlo), it comes with its *standard error*, the standard
//: deviation of that average, and must lie within four of them.
//:
//: **Claim 0.1.** A correct check of the second kind fails less than once in ten thousand runs.
//: An average of many draws is very nearly normal, so the chance is
//: $1 - \int_{-4}^{4} \frac{1}{\sqrt{2\pi}} e^{-x^2/2} dx$.

let inside = GaussLegendre.standard.integrate(
  from: -4, to: 4, panels: 8, StandardNormal.density)
notebook.check(
  claim: "0.1", "chance of more than 4 standard errors", 1 - inside,
  equals: 2 * StandardNormal.cdf(-4), tolerance: 1e-14)
notebook.check(claim: "0.1", "the same, against 1/10000", 1 - inside, isBelow: 1e-4)

//: All random numbers come from one generator, which is a value and not a hidden state of the
//: program. It can be split into streams; every experiment below has a stream of its own, so that
//: one more draw in one place changes no number in another, and the same seed gives the same page.

let root = RandomGenerator(seed: notebook.seed)

func draws<Value>(
  _ count: Int, stream: Int, _ draw: (inout RandomGenerator) -> Value
) -> [Value] {
  var random = root.split(stream)
  return (0..<count).map { _ in draw(&random) }
}

let many = notebook.count(1_000_000, quick: 100_000)

//: ## Part I. Drawing from a law
//:
//: ### Why not just draw a picture?
//:
//: If we knew the law of pictures, making one would mean drawing from it. The trouble is the size of
//: the space. A picture of 256 by 256 pixels has three bytes a pixel, each with $2^8$ values.
//:
//: **Claim 0.2.** There are $2^{8 \cdot 3 \cdot 256 \cdot 256} = 2^{1572864}$ such pictures, a number
//: with 473480 decimal digits. The second route to the exponent: count the bits that such a picture
//: occupies in memory.

let bits = 8 * 3 * 256 * 256
let storedBits = 8 * Picture(width: 256, height: 256).bytes.count
notebook.check(claim: "0.2", "bits of a picture", bits, isExactly: storedBits)
notebook.check(
  claim: "0.2", "decimal digits of 2 to that power",
  Int(Double(bits) * log10(2.0)) + 1, isExactly: 473_480)

//: **Erratum E-B1.** S. Chatterjee's book "Foundations of Generative Models" writes
//: $(256^3)^{256 \times 256 \times 3}$ in equation (1.33). The three colors are already in the base;
//: with the factor 3 in the exponent they count twice.

notebook.erratum(
  "E-B1", source: "Foundations of Generative Models, (1.33)", "exponent of 2",
  printed: Double(3 * 8 * 256 * 256 * 3), right: Double(bits), secondRoute: Double(storedBits),
  tolerance: 0, apart: 1e6)

//: No table can hold a probability for each of so many pictures. What can be done: learn to turn
//: noise, which is easy to draw, into pictures, which are not. So first, how does one draw at all?
//:
//: ### From one uniform number to any list
//:
//: All a computer offers is $u$, uniform between 0 and 1. To draw outcome $i$ with probability
//: $p_i$, lay the probabilities end to end, $P_i = p_1 + \dots + p_i$, and look in which interval
//: $u$ falls.

let chances = [2.0, 4, 1, 6, 3].map { $0 / 16 }
let ends = chances.reduce(into: [0.0]) { $0.append($0.last! + $1) }  // P_0 … P_5
func outcome(_ u: Double) -> Int { ends.firstIndex { u <= $0 }! }

//: **Claim 0.3.** Each $u$ with $P_{i-1} < u \le P_i$ gives outcome $i$. The intervals have the
//: lengths $p_i$, so a grid of 1600 values of $u$ holds exactly $1600\,p_i$ that give $i$.

let grid = (1...1600).map { outcome(Double($0) / 1600) }
notebook.check(
  claim: "0.3", "how often each outcome comes up on the grid",
  (1...5).map { i in grid.count { $0 == i } }, isExactly: [200, 400, 100, 600, 300])

//: **Claim 0.4.** Drawn $N$ times, outcome $i$ comes up about $N p_i$ times. "About" has a measure:
//: $\chi^2 = \sum_i (n_i - N p_i)^2 / N p_i$ is near the number of outcomes less one, and values so
//: large that they come by chance less than once in a thousand runs would speak against the claim.

let faces = draws(many, stream: 1) { outcome($0.uniform()) }
let counts = (1...5).map { i in faces.count { $0 == i } }
let expectedCounts = chances.map { $0 * Double(many) }
notebook.table(
  columns: ["outcome", "expected", "came up"],
  rows: (0..<5).map { [$0 + 1, expectedCounts[$0], counts[$0]] })
let chiSquare = Distance.chiSquare(counts: counts, expected: expectedCounts)
notebook.show("chi-square", chiSquare)
notebook.check(
  claim: "0.4", "chance of a larger chi-square",
  Distance.chiSquareChance(chiSquare, degreesOfFreedom: 4), isAtLeast: 0.001)

//: ### From one uniform number to any density
//:
//: The same picture with infinitely many thin intervals: $F(x) = \int_{-\infty}^x p(y)\,dy$ is the
//: probability of a value up to $x$, and $x = F^{-1}(u)$ has the density $p$, because
//: $\Pr(F^{-1}(u) \le x) = \Pr(u \le F(x)) = F(x)$. Take $p(x) = \frac38 x^2$ on the interval from 0
//: to 2. Then $F(x) = x^3/8$, and solving $u = x^3/8$ gives $x = 2\,u^{1/3}$.
//:
//: **Claim 0.5.** These two functions undo one another, and the first is the integral of the density.

let cubeLaw = { (x: Double) in x * x * x / 8 }
let cubeQuantile = { (u: Double) in 2 * cbrt(u) }
let places = (1..<100).map { Double($0) / 100 }
notebook.check(
  claim: "0.5", "F of its inverse", places.map { cubeLaw(cubeQuantile($0)) }, equals: places,
  tolerance: 1e-14)
notebook.check(
  claim: "0.5", "integral of the density up to 1.5",
  Quadrature.integrate(from: 0, to: 1.5) { 0.375 * $0 * $0 }, equals: cubeLaw(1.5),
  tolerance: 1e-14)

//: **Claim 0.6.** Numbers $2\,u^{1/3}$ follow the density: their mean is
//: $\int_0^2 x \cdot \frac38 x^2 dx = \frac32$, their variance is
//: $\int_0^2 x^2 \cdot \frac38 x^2 dx - \frac94 = \frac{12}{5} - \frac94 = \frac{3}{20}$, and the
//: share of them up to $x$ is $F(x)$ at every $x$ at once. Kolmogorov's test takes the largest gap
//: between share and $F$; for $N$ draws it exceeds $1.95 / \sqrt N$ by chance once in a thousand
//: runs.

let cubes = draws(many, stream: 2) { cubeQuantile($0.uniform()) }
notebook.check(claim: "0.6", "mean", Estimate(of: cubes), equals: 1.5)
notebook.check(claim: "0.6", "variance", .variance(of: cubes), equals: 0.15)
notebook.check(
  claim: "0.6", "largest gap between the share up to x and F(x)",
  Distance.kolmogorov(cubes, cdf: cubeLaw), isBelow: 1.95 / Double(many).squareRoot())

//: **Claim 0.7.** Minus the logarithm of a uniform number, divided by $\lambda$, has the *exponential*
//: law with rate $\lambda$: $\Pr(-\tfrac1\lambda \log u \le x) = \Pr(u \ge e^{-\lambda x}) =
//: 1 - e^{-\lambda x}$, with the mean $1/\lambda$. The sum of $k$ such numbers has the *gamma* law
//: with shape $k$ and rate $\lambda$; means and variances add, so they are $k/\lambda$ and
//: $k/\lambda^2$.

func gammaDraw(_ shape: Int, rate: Double, _ random: inout RandomGenerator) -> Double {
  (0..<shape).reduce(0) { sum, _ in sum - log(random.uniform()) / rate }
}

let gammas = draws(many, stream: 3) { gammaDraw(3, rate: 2, &$0) }
notebook.check(claim: "0.7", "mean of gamma, k = 3, rate 2", Estimate(of: gammas), equals: 3 / 2)
notebook.check(claim: "0.7", "variance", .variance(of: gammas), equals: 3 / 4)

//: **Erratum E-B3.** The book calls the second parameter of this recipe, equation (1.30), a *scale*.
//: With scale $\beta$ the mean would be $k\beta$; what the recipe draws has mean $k/\beta$. Its
//: $\beta$ is a rate.

notebook.erratum(
  "E-B3", source: "Foundations of Generative Models, (1.30)", "mean for k = 3, beta = 2",
  printed: 3 * 2, right: 3 / 2, secondRoute: Estimate(of: gammas), apart: 1)

//: **Claim 0.8.** If $x$ and $y$ are gamma with shapes $a$ and $b$ and one rate, then $x/(x+y)$ has
//: the *beta* law: mean $\frac{a}{a+b}$, variance $\frac{ab}{(a+b)^2(a+b+1)}$.

let betas = draws(many, stream: 4) { random in
  let (x, y) = (gammaDraw(2, rate: 1, &random), gammaDraw(3, rate: 1, &random))
  return x / (x + y)
}
notebook.check(claim: "0.8", "mean of beta, a = 2, b = 3", Estimate(of: betas), equals: 2 / 5)
notebook.check(claim: "0.8", "variance", .variance(of: betas), equals: 6 / (25 * 6))

//: ### When the inverse has no formula: throw darts
//:
//: The course's favorite law on the line is a mixture: with probabilities 0.3, 0.3, 0.4 a draw comes
//: from one of three normal laws, and all is scaled to mean 0 and variance 1. Its density is a sum of
//: three terms; the inverse of its $F$ has no formula. *Rejection
//: sampling* needs the density only. Take a law $q$ that is easy to draw from and a number $c$ such
//: that the *envelope* $c\,q(x)$ is nowhere below $p(x)$. Throw a dart: its place $x$ from $q$, its
//: height $h$ uniform between 0 and $c\,q(x)$. Keep $x$ if the dart is below the curve $p$.
//:
//: A dart at $x$ is kept with probability $p(x)/c\,q(x)$, so places are kept with density
//: proportional to $q(x) \cdot p(x)/c\,q(x) = p(x)/c$, which is $p$ up to a factor, and in all a
//: share of $\int p(x)/c\;dx = 1/c$ is kept. Note that $c$ can not be less
//: than 1: both laws integrate to 1, so $q$ alone is no envelope of another law.

let mixture = GaussianMixture.three
let proposal = StandardNormal.density
let highest = stride(from: -5.0, through: 5, by: 1e-3)
  .map { mixture.density($0) / proposal($0) }.max()!
let envelope = 1.001 * highest  // a little air for what lies between the places of the grid

func dart(_ c: Double, _ random: inout RandomGenerator) -> (x: Double, height: Double) {
  let x = random.normal()
  return (x, random.uniform() * c * proposal(x))
}

//: **Claim 0.9.** A share $1/c$ of the darts is kept, and those follow $p$.

let darts = draws(many, stream: 5) { dart(envelope, &$0) }
let kept = darts.filter { $0.height <= mixture.density($0.x) }
notebook.show("c", envelope)
notebook.check(
  claim: "0.9", "share kept", .proportion(kept.count, of: many), equals: 1 / envelope)
notebook.check(
  claim: "0.9", "largest gap between the share up to x and F(x)",
  Distance.kolmogorov(kept.map(\.x), cdf: mixture.cdf),
  isBelow: 1.95 / Double(kept.count).squareRoot())

//: @fold How the figure is drawn

let thrown = darts.prefix(2500)
let below = thrown.filter { $0.height <= mixture.density($0.x) }
let above = thrown.filter { $0.height > mixture.density($0.x) }
let dartPlot = Plot(x: "$x$", y: Axis("height", range: 0...1.9), size: Size(560, 300))
  .scatter(
    above.map(\.x), above.map(\.height), label: "rejected", color: .orange, radius: 1.3,
    opacity: 0.5)
  .scatter(
    below.map(\.x), below.map(\.height), label: "kept", color: .blue, radius: 1.3, opacity: 0.6)
  .curve(over: -3.2...3.2, label: "density $p(x)$", color: .ink, mixture.density)
  .curve(over: -3.2...3.2, label: "envelope $c\\,q(x)$", color: .vermilion, dash: .dashed) {
    envelope * proposal($0)
  }
notebook.figure(
  "darts", dartPlot, formats: [.png],
  caption: "Darts under the envelope. Those below the density $p$ are kept, and their places "
    + "follow $p$; the closer the envelope, the fewer are thrown in vain.",
  alternative: "A density with three peaks under a bell curve; points between the two curves are "
    + "rejected, points under the density are kept.")

//: **Claim 0.10.** An envelope $M$ times higher than it need be costs $M$ times the darts.
//:
//: **Erratum E-B2.** The book asks for a *distribution* $q$ with $q(x) \ge p(x)$ everywhere, which
//: forces $q = p$, and then says in section 1.3.3 that multiplying it by $M \ge 1$ leaves the
//: acceptance probability as it was. Its own equation (1.9) says otherwise: the rate is one over the
//: integral of the envelope.

let high = draws(many, stream: 6) { dart(3 * envelope, &$0) }
let keptOfHigh = high.count { $0.height <= mixture.density($0.x) }
notebook.check(
  claim: "0.10", "share kept under three times the envelope", .proportion(keptOfHigh, of: many),
  equals: 1 / (3 * envelope))
notebook.erratum(
  "E-B2", source: "Foundations of Generative Models, section 1.3.3",
  "share kept after multiplying by M = 3", printed: 1 / envelope, right: 1 / (3 * envelope),
  secondRoute: .proportion(keptOfHigh, of: many), apart: 0.1)


//: ### Every normal law is one law
//:
//: Normal numbers need neither an inverse nor darts of their own (the library makes pairs of them
//: from a uniform angle and the root of an exponential radius). And one normal law is enough.
//:
//: **Claim 0.11.** If $\epsilon$ follows $\mathcal N(0, 1)$, then $z = \mu + \sigma\epsilon$
//: follows $\mathcal N(\mu, \sigma^2)$. To move and stretch fixed noise in place of drawing from a
//: law with parameters is called *reparameterization*, and this course does it on every page.

let (mu, sigma) = (1.5, 0.4)
let moved = draws(many, stream: 7) { mu + sigma * $0.normal() }
notebook.check(claim: "0.11", "mean", Estimate(of: moved), equals: mu)
notebook.check(claim: "0.11", "variance", .variance(of: moved), equals: sigma * sigma)
notebook.check(
  claim: "0.11", "largest gap from the distribution function of the normal law",
  Distance.kolmogorov(moved, cdf: GaussianMixture.normal(mean: mu, variance: sigma * sigma).cdf),
  isBelow: 1.95 / Double(many).squareRoot())

//: The same with several numbers at once: $z = \mu + A\epsilon$, where $\epsilon$ holds independent
//: standard normals and $A$ is a matrix. Because $\mathrm{Cov}(\epsilon_k, \epsilon_l)$ is 1 for
//: $k = l$ and else 0, the covariance of $z_i$ and $z_j$ is $\sum_k A_{ik} A_{jk}$: the covariance
//: matrix of $z$ is $A A^T$. To get a wanted $\Sigma$, take a root of it, and there are several. The
//: *Cholesky* root $L$ is lower triangular. The *symmetric* root is $S = Q \Lambda^{1/2} Q^T$, where
//: $\Sigma = Q \Lambda Q^T$ is the decomposition into eigenvectors and eigenvalues.
//:
//: **Claim 0.12.** Both roots give back the matrix, $L L^T = S S^T = \Sigma$, and drawn numbers have
//: that covariance.

let wanted = Matrix([[2, 0.6, -0.4], [0.6, 1, 0.3], [-0.4, 0.3, 0.5]])
let cholesky = try wanted.cholesky()
let symmetric = try wanted.squareRoot()
notebook.check(
  claim: "0.12", "L times its transpose", (cholesky * cholesky.transposed).elements,
  equals: wanted.elements, tolerance: 1e-14)
notebook.check(
  claim: "0.12", "S times its transpose", (symmetric * symmetric.transposed).elements,
  equals: wanted.elements, tolerance: 1e-14)
let triples = draws(many, stream: 8) { random in
  cholesky * [random.normal(), random.normal(), random.normal()]
}
notebook.check(
  claim: "0.12", "covariance of the first and the third number",
  .covariance(triples.map { $0[0] }, triples.map { $0[2] }), equals: -0.4)

//: Two roots, one law: how can that be? Because turned noise is noise. The density of $\epsilon$,
//: proportional to $e^{-|\epsilon|^2/2}$, depends on the length of $\epsilon$ alone.
//:
//: **Claim 0.13.** The two roots differ by a rotation (or a reflection): $R = L^{-1} S$ has
//: $R R^T = L^{-1} \Sigma\, (L^T)^{-1} = I$, so $S\epsilon = L\,(R\epsilon)$ is $L$ times noise.

let turn = try cholesky.solve(symmetric)
notebook.check(
  claim: "0.13", "R times its transpose", (turn * turn.transposed).elements,
  equals: Matrix.identity(3).elements, tolerance: 1e-14)

//: **Claim 0.14.** By hand, for $\mu = (1, 2)$ and the matrix with 1 on the diagonal and 0.8 beside
//: it: the Cholesky root has the rows $(1, 0)$ and $(0.8, 0.6)$, since $0.8^2 + 0.6^2 = 1$, and
//: $\epsilon = (0.5, -1)$ becomes $z = (1 + 0.5,\; 2 + 0.4 - 0.6) = (1.5, 1.8)$.

let pair = try Matrix([[1, 0.8], [0.8, 1]]).cholesky()
notebook.check(
  claim: "0.14", "the root", pair.elements, equals: [1, 0, 0.8, 0.6], tolerance: 1e-15)
notebook.check(
  claim: "0.14", "z", zip([1, 2], pair * [0.5, -1]).map { $0 + $1 }, equals: [1.5, 1.8],
  tolerance: 1e-15)

//: ### The slope of an average
//:
//: Training changes a parameter $\mu$ to make an average $E[f(z)]$ larger or smaller, and for that
//: it needs the slope $\frac{d}{d\mu} E[f(z)]$ from a few draws. For $z = \mu + \epsilon$ there are
//: two ways. Differentiate the density, and what stands under the integral is $f$ times
//: $\frac{d}{d\mu} p = p \cdot (z - \mu)$; or differentiate through the reparameterization:
//: $$ \frac{d}{d\mu} E[f(z)] = E[f(z)\,(z - \mu)] = E[f'(\mu + \epsilon)] . $$
//: The first is called the *score-function* estimator (or REINFORCE), the second the
//: *reparameterized* one.
//:
//: **Claim 0.15.** Both are right on average. Try it for $f(z) = z^2$ and $f(z) = \sin 10z$ at
//: $\mu = \frac12$; the slope itself comes from integrals at $\mu \pm h$. The slope of the second is
//: so small because its waves cancel.

struct Probe: Sendable {
  let name: String
  let f: @Sendable (Double) -> Double
  let slope: @Sendable (Double) -> Double

  /// Draws of the two estimators, with common noise.
  func estimates(at mu: Double, stream: Int) -> (score: [Double], moved: [Double]) {
    let noise = draws(many, stream: stream) { $0.normal() }
    return (noise.map { f(mu + $0) * $0 }, noise.map { slope(mu + $0) })
  }

  /// The slope of the average, by central differences of integrals.
  func exactSlope(at mu: Double, h: Double = 1e-3) -> Double {
    let average = { GaussianMixture.normal(mean: $0).expectation(f) }
    return (average(mu + h) - average(mu - h)) / (2 * h)
  }
}

let square = Probe(name: "square", f: { $0 * $0 }, slope: { 2 * $0 })
let wave = Probe(name: "sine", f: { sin(10 * $0) }, slope: { 10 * cos(10 * $0) })
let ofSquare = square.estimates(at: 0.5, stream: 9)
let ofWave = wave.estimates(at: 0.5, stream: 10)
for (probe, draws) in [(square, ofSquare), (wave, ofWave)] {
  let exact = probe.exactSlope(at: 0.5)
  notebook.check(
    claim: "0.15", "\(probe.name), score function", Estimate(of: draws.score), equals: exact)
  notebook.check(
    claim: "0.15", "\(probe.name), reparameterized", Estimate(of: draws.moved), equals: exact)
}

//: Right on average, but with what spread? Predict before you read on: which of the two has the
//: smaller variance?
//:
//: **Claim 0.16.** It depends on $f$. For the square, $E[z^4\epsilon^2] - (2\mu)^2 = \mu^4 + 14\mu^2 +
//: 15 = 18.5625$ against $\mathrm{Var}(2z) = 4$. For the sine it is the other way round:
//: $E[\sin^2(10z)\,\epsilon^2] = \frac12$ against $100\,E[\cos^2 10z] = 50$, both but for terms
//: smaller than $e^{-97}$.

notebook.check(
  claim: "0.16", "square, score function", .variance(of: ofSquare.score), equals: 18.5625)
notebook.check(
  claim: "0.16", "square, reparameterized", .variance(of: ofSquare.moved), equals: 4)
notebook.check(claim: "0.16", "sine, score function", .variance(of: ofWave.score), equals: 0.5)
notebook.check(claim: "0.16", "sine, reparameterized", .variance(of: ofWave.moved), equals: 50)

//: @fold How the figure is drawn

func slopeVariances(frequency k: Double) -> (score: Double, moved: Double) {
  let law = GaussianMixture.normal(mean: 0.5)
  func variance(_ draw: (Double) -> Double) -> Double {
    let mean = law.expectation(draw)
    return law.expectation { (draw($0) - mean) * (draw($0) - mean) }
  }
  return (variance { sin(k * $0) * ($0 - 0.5) }, variance { k * cos(k * $0) })
}

let frequencies = (0...60).map { 0.2 * pow(100, Double($0) / 60) }
let slopeSpreads = frequencies.map(slopeVariances)
notebook.figure(
  "slopes",
  Plot(x: Axis("frequency $k$ of $f(z)=\\sin kz$", scale: .log), y: Axis("variance", scale: .log))
    .line(frequencies, slopeSpreads.map(\.score), label: "score function")
    .line(frequencies, slopeSpreads.map(\.moved), label: "reparameterized"),
  caption: "Which estimator of the slope is better depends on the function. Slow waves favor "
    + "reparameterization by far, fast waves the score function.",
  alternative: "Two curves of variance against frequency that cross near frequency one.")

//: **Erratum E-B4.** The book promises in section 1.3.4 that reparameterized gradients have the lower
//: variance, often by orders of magnitude. There is no such rule: the reparameterized estimator
//: pays for a steep $f$, the other for a large $f$. For $\sin 10z$ the promised advantage, a ratio
//: of 0.1 or less, is a disadvantage of 100. The second route is integration.

let spread = slopeVariances(frequency: 10)
notebook.erratum(
  "E-B4", source: "Foundations of Generative Models, section 1.3.4",
  "variance, reparameterized over score function, f = sin 10z", printed: 0.1, right: 50 / 0.5,
  secondRoute: spread.moved / spread.score, tolerance: 1e-6, apart: 90)

//: ## Part II. Noise, step by step
//:
//: ### One step
//:
//: Now the forward process. From one state to the next, shrink a little and add a little noise:
//: $$ x_t = \sqrt{1 - \beta_t}\; x_{t-1} + \sqrt{\beta_t}\; \epsilon_t . $$
//: Here $x_0$ is the data (a number, a point, a picture: each of its numbers is treated alike and
//: independently), $t = 1 \dots T$ counts the steps, and $\beta_t$ between 0 and 1 is the variance
//: that step $t$ adds. The list of all $\beta_t$ is the *noise schedule*. Part III is about choosing
//: one; until then we use the one of the paper that made diffusion models work (Ho, Jain and Abbeel,
//: "Denoising diffusion probabilistic models", 2020): $T = 1000$ and $\beta_t$ rising linearly from
//: $10^{-4}$ to $0.02$. Seen as a law, a step is
//: $$ q(x_t \mid x_{t-1}) = \mathcal N\left(\sqrt{1 - \beta_t}\; x_{t-1},\ \beta_t I\right) , $$
//: to be read: given $x_{t-1}$, the state $x_t$ is normal with this mean and this variance. In the
//: library it is one line.
//:
//: @code Sources/Diffusion/GaussianDiffusion.swift forward-step
//:
//: `Diffusable` is anything that can be scaled, added and matched with noise of its own form: a
//: `Double`, a set of points, a tensor of pictures. It may also be a `GaussianVariable`: not a draw
//: but a random variable, held as its mean and its coefficients in front of independent standard
//: normals, so that means, variances and covariances come out without any sampling. The code that
//: makes pictures can therefore be run on laws. We do both.
//:
//: **Claim 0.17.** One step from $x_{t-1} = 0.7$ has the mean $\sqrt{1-\beta_t} \cdot 0.7$ and the
//: variance $\beta_t$.

let schedule = NoiseSchedule.linear()
let diffusion = GaussianDiffusion(schedule)

let stepMean = (1 - schedule.beta(500)).squareRoot() * 0.7
let steps = draws(many, stream: 11) { diffusion.forwardStep(0.7, to: 500, noise: $0.normal()) }
notebook.check(claim: "0.17", "mean at t = 500", Estimate(of: steps), equals: stepMean)
notebook.check(
  claim: "0.17", "variance", .variance(of: steps), equals: schedule.beta(500))

let stepLaw = diffusion.forwardStep(
  GaussianVariable(mean: 0.7), to: 500, noise: GaussianVariable(deviation: 1, source: 1))
notebook.check(
  claim: "0.17", "mean, without sampling", stepLaw.mean, equals: stepMean, tolerance: 1e-15)
notebook.check(
  claim: "0.17", "variance, without sampling", stepLaw.variance, equals: schedule.beta(500),
  tolerance: 1e-15)

//: **Erratum E-S1a.** A talk on DDPM, DDIM, U-Net and latent diffusion says on its slide "Forward
//: Diffusion Process" that $q(x_t \mid x_{t-1})$ is *standard* normal. Only $\epsilon_t$ is. If the
//: step were standard normal, nothing of the picture would survive it.

notebook.erratum(
  "E-S1a", source: "DDPM talk, slide Forward Diffusion Process",
  "mean of x(500), given x(499) = 0.7", printed: 0, right: stepMean,
  secondRoute: Estimate(of: steps), apart: 0.5)

//: Each step looks at the state before it and at nothing earlier. Such a sequence is a *Markov chain*,
//: and the law of all states together is the product of the steps,
//: $$ q(x_1, \dots, x_T \mid x_0) = \prod_{t=1}^T q(x_t \mid x_{t-1}) . $$
//:
//: **Claim 0.18.** What $x_2$ knows of $x_0$ it knows through $x_1$: what is new in it,
//: $x_2 - \sqrt{1-\beta_2}\,x_1$, is uncorrelated with $x_0$ (and with normal variables, that means
//: independent). The steps here add the variances 0.3 and 0.4, so that there is something to see.

let rough = GaussianDiffusion(NoiseSchedule(betas: [0.3, 0.4]))
let first = GaussianVariable(deviation: 1, source: 0)
let second = rough.forwardStep(first, to: 1, noise: GaussianVariable(deviation: 1, source: 1))
let third = rough.forwardStep(second, to: 2, noise: GaussianVariable(deviation: 1, source: 2))
let news = GaussianVariable.sum((1, third), (-0.6.squareRoot(), second))
notebook.show("covariance of x(2) and x(0)", third.covariance(with: first))
notebook.check(
  claim: "0.18", "covariance of what is new in x(2) with x(0)", news.covariance(with: first),
  equals: 0, tolerance: 1e-15)

//: ### Where does the variance go?
//:
//: Independent variances add, so a step makes of the variance $V_{t-1}$
//: $$ V_t = (1 - \beta_t)\, V_{t-1} + \beta_t . $$
//: With two abbreviations that will stay with us to the last chapter,
//: $$ \alpha_t = 1 - \beta_t , \qquad \bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t , \qquad
//: \bar\alpha_0 = 1 , $$
//: subtract 1 on both sides: $V_t - 1 = \alpha_t\,(V_{t-1} - 1)$. The distance from 1 shrinks by
//: $\alpha_t$ in each step.
//:
//: **Claim 0.19.** After $t$ steps, $V_t = 1 + (V_0 - 1)\,\bar\alpha_t$.

let startVariances = [0.25, 1.0, 4.0]
let variances = startVariances.map { start in
  (1...1000).reduce(into: [start]) { $0.append((1 - schedule.beta($1)) * $0.last! + schedule.beta($1)) }
}
for (start, recursion) in zip(startVariances, variances) {
  notebook.check(
    claim: "0.19", "all of V(0) … V(1000), from V(0) = \(start)", recursion,
    equals: (0...1000).map { 1 + (start - 1) * schedule.alphaBar($0) }, tolerance: 1e-13)
}

//: **Claim 0.20.** Only the variance 1 is preserved. The process is called *variance preserving*, and
//: it is if the data have variance 1. Smaller variances grow all the way to the end, larger ones
//: fall.

notebook.check(
  claim: "0.20", "V(1000) from V(0) = 1", variances[1][1000], equals: 1, tolerance: 1e-13)
notebook.check(claim: "0.20", "V(0), V(1), … from V(0) = 0.25", increases: variances[0])
notebook.check(claim: "0.20", "V(0), V(1), … from V(0) = 4", decreases: variances[2])

let everyStep = (0...1000).map { Double($0) }
notebook.figure(
  "variance",
  zip(startVariances, variances).reduce(
    Plot(x: "step $t$", y: Axis("variance $V_t$", scale: .log, at: [0.25, 0.5, 1, 2, 4]))
  ) { $0.line(everyStep, $1.1, label: "$V_0=\($1.0)$") }.legend(.direct),
  caption: "The variance under the linear schedule. All data end at variance 1; only data that have "
    + "it at the start keep it on the way.",
  alternative: "Three curves of variance against step that start at 0.25, 1 and 4 and meet at 1.")

//: Real pictures do not have variance 1. Their bytes 0 … 255 are taken to numbers from -1 to 1 by
//: $x = \mathrm{byte}/127.5 - 1$, which fixes the range and leaves the variance to the pictures.

notebook.finish()  // weave:hide
