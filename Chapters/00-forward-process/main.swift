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
  "dissolving", type: "png",
  caption: "A picture at eight of the 1000 steps of a forward process (the linear schedule, "
    + "below). Look for the step at which you could no longer say what it was: the outline is "
    + "lost long before the last step, and the last 500 steps look all the same.",
  alternative: "A sailing boat that disappears behind colored noise in eight stages."
) { url in
  try ImageGrid(
    rows: [stages.map { dissolved(.linear(), $0) }], columnLabels: stages.map { "$t=\($0)$" },
    cellWidth: 84
  ).write(to: url)
}

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

func draws<Value>(
  _ count: Int, stream: Int, _ draw: (inout RandomGenerator) -> Value
) -> [Value] {
  var random = RandomGenerator(seed: notebook.seed).split(stream)
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

func gamma(_ shape: Int, rate: Double, _ random: inout RandomGenerator) -> Double {
  (0..<shape).reduce(0) { sum, _ in sum - log(random.uniform()) / rate }
}

let gammas = draws(many, stream: 3) { gamma(3, rate: 2, &$0) }
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
  let (x, y) = (gamma(2, rate: 1, &random), gamma(3, rate: 1, &random))
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
notebook.figure(
  "darts", type: "png",
  caption: "Darts under the envelope. Those below the density $p$ are kept, and their places "
    + "follow $p$; the closer the envelope, the fewer are thrown in vain.",
  alternative: "A density with three peaks under a bell curve; points between the two curves are "
    + "rejected, points under the density are kept."
) { url in
  try Plot(x: "$x$", y: Axis("height", range: 0...1.9), size: Size(560, 300))
    .scatter(
      above.map(\.x), above.map(\.height), label: "rejected", color: .orange, radius: 1.3,
      opacity: 0.5)
    .scatter(
      below.map(\.x), below.map(\.height), label: "kept", color: .blue, radius: 1.3, opacity: 0.6)
    .curve(over: -3.2...3.2, label: "density $p(x)$", color: .ink, mixture.density)
    .curve(over: -3.2...3.2, label: "envelope $c\\,q(x)$", color: .vermilion, dash: .dashed) {
      envelope * proposal($0)
    }
    .write(to: url)
}

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

notebook.finish()  // weave:hide
