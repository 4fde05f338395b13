//: # Chapter 0. The forward process
//:
//: Take an image. Add a little noise to it, then a little more, and go on until nothing of the
//: image can be made out. That is the *forward process*. A diffusion model is a *generative model*:
//: it makes new images by running this process backwards (Sohl-Dickstein et al., 2015). So it is
//: worth knowing the forward process exactly, and that is possible. Nothing in it is trained,
//: nothing is approximate, and for every amount of noise there is a formula for what is left of the
//: image.
//:
//: At the end of this chapter you can
//:
//: - sample from a distribution whose density you know,
//: - sample $x_t$ at any step $t$ in closed form, with one sample of noise,
//: - state how much of the image is left there, as a variance, as a signal-to-noise ratio and as
//:   information,
//: - choose a noise schedule, compare it with the published ones, and build your own,
//: - name what is wrong with nine passages in print, because this page runs them.

import Datasets  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import KnownMistakes  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide
import SyntheticData  // weave:hide

let (notebook, options) = Chapter.open(  // weave:hide
  "Adds noise to data, step by step, and checks every formula on the way.",  // weave:hide
  adding: MistakeOptions.self)  // weave:hide
let knownMistakes = options.selection(for: notebook)  // weave:hide

// weave:hide-begin
// With `--bug`, the chosen mistake takes the place of the schedule.
extension NoiseSchedule { static func cosine() -> NoiseSchedule { knownMistakes.cosine() } }
// weave:hide-end

//: ## An image under more and more noise
//:
//: Here is a small image under more and more noise. The questions of the chapter: what is the rule
//: from one step to the next, how much of the image is left at each, and how do we get to any step
//: quickly?
//:
//: @fold How the image and the figure are made

let boat = Picture(drawing: 64, 64, background: Color(hex: 0x9CCBE8)) { canvas in
  canvas.fill(.circle(center: Point(50, 13), radius: 7), Color(hex: 0xFBE27A))
  canvas.fill(.rectangle(Rectangle(x: 0, y: 46, width: 64, height: 18)), Color(hex: 0x1F5A8C))
  canvas.fill(.polygon([Point(29, 6), Point(29, 40), Point(9, 40)]), .white)
  canvas.fill(.polygon([Point(33, 12), Point(33, 40), Point(53, 40)]), Color(hex: 0xE8573F))
  canvas.fill(
    .polygon([Point(8, 43), Point(56, 43), Point(48, 54), Point(16, 54)]), Color(hex: 0x5B3A21))
}

/// The image as numbers in -1…1: three colors, 64 pixels high and wide.
let image = PointSet(boat.planar().map { Double($0) })

/// The image after `t` steps of the forward process, with one noise for all t.
func noisyImage(_ schedule: NoiseSchedule, _ t: Int) -> Picture {
  let noise = PointSet(notebook.samples(image.count, stream: 0) { $0.normal() })
  let noisy = GaussianDiffusion(schedule).addNoise(to: image, t: t, noise: noise)
  return Picture(planar: noisy.values.map { Float($0) }, width: 64, height: 64)
}

let shownSteps = [0, 20, 60, 120, 200, 300, 450, 1000]
notebook.figure(
  "forward-process",
  ImageGrid(
    rows: [shownSteps.map { noisyImage(.linear(), $0) }],
    columnLabels: shownSteps.map { "$t=\($0)$" }, cellWidth: 84), formats: [.png],
  caption: "An image at eight of the 1000 steps of a forward process (the linear schedule, below). "
    + "At which step could you no longer recognize it? The outline is lost long before the last "
    + "step, which is nothing but noise.",
  alternative: "A sailing boat that disappears behind colored noise in eight steps.")

//: ## How to read this page
//:
//: You need calculus, vectors and matrices, a first course in probability, and these words.
//: A *random variable* $x$ is a number that depends on chance. Its *distribution* gives the
//: probability of each outcome. A distribution with *density* $p$ gives the interval from $a$ to
//: $b$ the probability $\int_a^b p(x)\,dx$. The *mean* or expectation is $E[x] = \int x\,p(x)\,dx$,
//: the *variance* is $\mathrm{Var}(x) = E[(x - E[x])^2]$, the *standard deviation* is its square
//: root, and the *covariance* of two variables is $\mathrm{Cov}(x, y) = E[(x - E[x])(y - E[y])]$.
//: Two variables are *independent* if the distribution of one does not change when the other is
//: given; then their covariance is 0, and the variance of their sum is the sum of their variances.
//: The *normal* or *Gaussian distribution* $\mathcal N(\mu, \sigma^2)$ has the density
//: $$ \frac{1}{\sqrt{2\pi\sigma^2}}\, e^{-(x-\mu)^2 / 2\sigma^2} , $$
//: the mean $\mu$ and the variance $\sigma^2$. The letter $\epsilon$ always stands for samples of
//: the *standard normal* distribution $\mathcal N(0, 1)$, and $\mathcal N(0, I)$ is the
//: distribution of a whole image of them, all independent. "Noise" means such an image.
//:
//: Statements that can be checked are numbered **claims**. Below each stands the code that checks
//: it, and below the code what the run printed: the computed value, the expected value, and how
//: close they are. Guess before you look. There are two kinds of check. Where both sides are
//: computed without chance, they must agree up to rounding, and the tolerance is given. Where one
//: side is an average over random samples (*Monte Carlo*), it comes with its *standard error*, the
//: standard deviation of that average, and must lie within four standard errors of the expected
//: value.
//:
//: **Claim 0.1.** A correct check of the second kind fails less than once in ten thousand runs. An
//: average of many samples is very nearly Gaussian, so the probability is $1 - \int_{-4}^{4}
//: \frac{1}{\sqrt{2\pi}} e^{-x^2/2} dx$.

let inside = Quadrature.integrate(from: -4, to: 4, StandardNormal.density)
notebook.check(
  "beyond 4 standard errors", 1 - inside, equals: 2 * StandardNormal.cdf(-4), tolerance: 1e-14)
notebook.check("the same, against 1/10000", 1 - inside, isBelow: 1e-4)

//: All random numbers come from one generator, which is a value and not a hidden state of the
//: program. It can be split into streams, and every experiment below has its own stream. So one
//: more sample in one place changes no number in another, and the same seed gives the same page.
//: `notebook.samples(n, stream: i)` takes `n` samples from stream `i`.

let many = notebook.count(1_000_000, quick: 100_000)

//: ## Part I. Sampling from a distribution
//:
//: ### Why not sample an image directly?
//:
//: If we knew the distribution of images, making one would mean sampling from it. The trouble is
//: the size of the space. An image of 256 by 256 pixels has three bytes per pixel, each with $2^8$
//: values.
//:
//: **Claim 0.2.** There are $2^{8 \cdot 3 \cdot 256 \cdot 256} = 2^{1572864}$ such images, a number
//: with 473480 decimal digits. The second route to the exponent: count the bits that such an image
//: occupies in memory.

let bits = 8 * 3 * 256 * 256
let storedBits = 8 * Picture(width: 256, height: 256).bytes.count
notebook.check(
  "bits of an image, and decimal digits of 2 to that power",
  [bits, Int(Double(bits) * log10(2.0)) + 1], isExactly: [storedBits, 473_480])

//: **Erratum E-B1.** S. Chatterjee's book "Foundations of Generative Models" writes $(256^3)^{256
//: \times 256 \times 3}$ in equation (1.33). The three colors are already in the base; with the
//: factor 3 in the exponent they count twice.

notebook.erratum(
  "E-B1", source: "Foundations of Generative Models, (1.33)", "exponent of 2",
  printed: Double(3 * 8 * 256 * 256 * 3), right: Double(bits), secondRoute: Double(storedBits),
  tolerance: 0, apart: 1e6)

//: No table can hold a probability for each of so many images. What can be done: learn to turn
//: noise, which is easy to sample, into images, which are not. So first, how does one sample at
//: all?
//:
//: ### Sampling a discrete distribution
//:
//: All that a computer offers is $u$, uniform between 0 and 1. To get outcome $i$ with probability
//: $p_i$, lay the probabilities end to end, $P_i = p_1 + \dots + p_i$, and find the interval in
//: which $u$ falls.

let chances = [2.0, 4, 1, 6, 3].map { $0 / 16 }
let cumulative = chances.reduce(into: [0.0]) { $0.append($0.last! + $1) }  // P_0 … P_5
func outcome(_ u: Double) -> Int { cumulative.firstIndex { u <= $0 }! }

//: **Claim 0.3.** Each $u$ with $P_{i-1} < u \le P_i$ gives outcome $i$. The intervals have the
//: lengths $p_i$, so a grid of 1600 values of $u$ holds exactly $1600\,p_i$ that give $i$.

let grid = (1...1600).map { outcome(Double($0) / 1600) }
notebook.check(
  "how often each outcome occurs on the grid", (1...5).map { i in grid.count { $0 == i } },
  isExactly: [200, 400, 100, 600, 300])

//: **Claim 0.4.** In $N$ samples, outcome $i$ occurs about $N p_i$ times. "About" has a measure:
//: $\chi^2 = \sum_i (n_i - N p_i)^2 / N p_i$ is near the number of outcomes less one. The
//: probability that a correct sample has a larger value is the *p-value*; less than one in a
//: thousand would count against the claim.

let outcomes = notebook.samples(many, stream: 1) { outcome($0.uniform()) }
let counts = (1...5).map { i in outcomes.count { $0 == i } }
let expectedCounts = chances.map { $0 * Double(many) }
notebook.table(
  columns: ["outcome", "expected", "observed"],
  rows: (0..<5).map { [$0 + 1, expectedCounts[$0], counts[$0]] })
let chiSquare = Distance.chiSquare(counts: counts, expected: expectedCounts)
notebook.show("chi-square", chiSquare)
notebook.check(
  "p-value", Distance.chiSquareChance(chiSquare, degreesOfFreedom: 4), isAtLeast: 0.001)

//: ### Inverse transform sampling
//:
//: The same idea with infinitely many thin intervals: $F(x) = \int_{-\infty}^x p(y)\,dy$,
//: the *cumulative distribution function*, is the probability of a value up to $x$. And $x =
//: F^{-1}(u)$ has the density $p$, because $\Pr(F^{-1}(u) \le x) = \Pr(u \le F(x)) = F(x)$. Take
//: $p(x) = \frac38 x^2$ on the interval from 0 to 2. Then $F(x) = x^3/8$, and solving $u = x^3/8$
//: gives $x = 2\,u^{1/3}$.
//:
//: **Claim 0.5.** These two functions are inverse to each other, and the first is the integral of
//: the density.

let cubicCDF = { (x: Double) in x * x * x / 8 }
let cubicQuantile = { (u: Double) in 2 * cbrt(u) }
let levels = (1..<100).map { Double($0) / 100 }
notebook.check(
  "F of its inverse", levels.map { cubicCDF(cubicQuantile($0)) }, equals: levels, tolerance: 1e-14)
notebook.check(
  "integral of the density up to 1.5", Quadrature.integrate(from: 0, to: 1.5) { 0.375 * $0 * $0 },
  equals: cubicCDF(1.5), tolerance: 1e-14)

//: **Claim 0.6.** The numbers $2\,u^{1/3}$ have this density: their mean is $\int_0^2 x \cdot
//: \frac38 x^2 dx = \frac32$, their variance is $\int_0^2 x^2 \cdot \frac38 x^2 dx - \frac94 =
//: \frac{12}{5} - \frac94 = \frac{3}{20}$, and the share of them up to $x$ is $F(x)$ at every $x$
//: at once. The Kolmogorov-Smirnov test takes the largest gap between this share and $F$; for $N$
//: samples it exceeds $1.95 / \sqrt N$ by chance once in a thousand runs.

let cubics = notebook.samples(many, stream: 2) { cubicQuantile($0.uniform()) }
notebook.check("mean", Estimate(of: cubics), equals: 1.5)
notebook.check("variance", .variance(of: cubics), equals: 0.15)
notebook.check(cubics, follow: cubicCDF)

//: **Claim 0.7.** Minus the logarithm of a uniform number, divided by $\lambda$, has
//: the *exponential* distribution with rate $\lambda$: $\Pr(-\tfrac1\lambda \log u \le x) = \Pr(u
//: \ge e^{-\lambda x}) = 1 - e^{-\lambda x}$, with the mean $1/\lambda$. The sum of $k$ such
//: numbers has the *gamma* distribution with shape $k$ and rate $\lambda$; means and variances add,
//: so they are $k/\lambda$ and $k/\lambda^2$.

func gammaSample(_ shape: Int, rate: Double, _ random: inout RandomGenerator) -> Double {
  (0..<shape).reduce(0) { sum, _ in sum - log(random.uniform()) / rate }
}

let gammas = notebook.samples(many, stream: 3) { gammaSample(3, rate: 2, &$0) }
notebook.check("mean of gamma, k = 3, rate 2", Estimate(of: gammas), equals: 3 / 2)
notebook.check("variance", .variance(of: gammas), equals: 3 / 4)

//: **Erratum E-B3.** The book calls the second parameter of this recipe, equation (1.30),
//: a *scale*. With scale $\beta$ the mean would be $k\beta$; the samples of the recipe have mean
//: $k/\beta$. Its $\beta$ is a rate.

notebook.erratum(
  "E-B3", source: "Foundations of Generative Models, (1.30)", "mean for k = 3, beta = 2",
  printed: 3 * 2, right: 3 / 2, secondRoute: Estimate(of: gammas), apart: 1)

//: **Claim 0.8.** If $x$ and $y$ have gamma distributions with shapes $a$ and $b$ and the same
//: rate, then $x/(x+y)$ has the *beta* distribution: mean $\frac{a}{a+b}$, variance
//: $\frac{ab}{(a+b)^2(a+b+1)}$.

let betas = notebook.samples(many, stream: 4) { random in
  let (x, y) = (gammaSample(2, rate: 1, &random), gammaSample(3, rate: 1, &random))
  return x / (x + y)
}
notebook.check("mean of beta, a = 2, b = 3", Estimate(of: betas), equals: 2 / 5)
notebook.check("variance", .variance(of: betas), equals: 6 / (25 * 6))

//: ### Rejection sampling
//:
//: The data distribution that this course uses most on the line is a *Gaussian mixture*: with
//: probabilities 0.3, 0.3, 0.4 a sample comes from one of three Gaussians, and all is scaled to
//: mean 0 and variance 1. Its density is a sum of three terms; the inverse of its $F$ has no
//: formula. *Rejection sampling* needs the density only. Take a distribution $q$ that is easy to
//: sample and a number $c$ such that the *envelope* $c\,q(x)$ is nowhere below $p(x)$. A
//: *proposal* is a point in the plane: its place $x$ is a sample from $q$, its height $h$ is
//: uniform between 0 and $c\,q(x)$. *Accept* $x$ if the point is below the curve $p$.
//:
//: A proposal at $x$ is accepted with probability $p(x)/c\,q(x)$, so accepted places have a density
//: proportional to $q(x) \cdot p(x)/c\,q(x) = p(x)/c$, which is $p$ up to a factor, and in all a
//: share of $\int p(x)/c\;dx = 1/c$ is accepted. Note that $c$ cannot be less than 1: both
//: densities integrate to 1, so $q$ alone is no envelope of another density.

let mixture = GaussianMixture.three
let highest = stride(from: -5.0, through: 5, by: 1e-3)
  .map { mixture.density($0) / StandardNormal.density($0) }.max()!
let envelope = 1.001 * highest  // a margin for places between those of the grid

func proposals(_ c: Double, stream: Int) -> [(x: Double, height: Double)] {
  notebook.samples(many, stream: stream) { random in
    let x = random.normal()
    return (x, random.uniform() * c * StandardNormal.density(x))
  }
}

//: **Claim 0.9.** A share $1/c$ of the proposals is accepted, and their places have the density
//: $p$.

let proposed = proposals(envelope, stream: 5)
let accepted = proposed.filter { $0.height <= mixture.density($0.x) }.map(\.x)
notebook.show("c", envelope)
notebook.check("share accepted", .proportion(accepted.count, of: many), equals: 1 / envelope)
notebook.check(accepted, follow: mixture.cdf)

//: @fold How the figure is plotted

let shown = proposed.prefix(2500)
let rejectionPlot = Plot(x: "$x$", y: Axis("height", range: 0...1.9), size: Size(560, 300))
  .scatter(
    shown.map(\.x), shown.map(\.height),
    classes: shown.map { $0.height <= mixture.density($0.x) ? 0 : 1 },
    labels: ["accepted", "rejected"], radius: 1.3, opacity: 0.5
  )
  .curve(over: -3.2...3.2, label: "density $p(x)$", color: .ink, mixture.density)
  .curve(over: -3.2...3.2, label: "envelope $c\\,q(x)$", color: .ink, dash: .dashed) {
    envelope * StandardNormal.density($0)
  }
notebook.figure(
  "rejection-sampling", rejectionPlot, formats: [.png],
  caption: "Rejection sampling: proposals under the envelope. Those below the density $p$ are "
    + "accepted, and their places follow $p$; the closer the envelope, the fewer are rejected.",
  alternative: "A density with three modes under an envelope; points below the density are "
    + "accepted.")

//: **Claim 0.10.** An envelope $M$ times higher than necessary costs $M$ times the proposals.
//:
//: **Erratum E-B2.** The book asks for a *distribution* $q$ with $q(x) \ge p(x)$ everywhere, which
//: forces $q = p$, and then states in section 1.3.3 that multiplying it by $M \ge 1$ leaves the
//: acceptance probability as it was. Its own equation (1.9) contradicts this: the rate is one over
//: the integral of the envelope.

let acceptedOfHigh = Estimate.proportion(
  proposals(3 * envelope, stream: 6).count { $0.height <= mixture.density($0.x) }, of: many)
notebook.check(
  "share accepted under three times the envelope", acceptedOfHigh, equals: 1 / (3 * envelope))
notebook.erratum(
  "E-B2", source: "Foundations of Generative Models, section 1.3.3",
  "share accepted after multiplying by M = 3", printed: 1 / envelope, right: 1 / (3 * envelope),
  secondRoute: acceptedOfHigh, apart: 0.1)

//: ### The reparameterization trick
//:
//: Gaussian samples need neither an inverse nor rejection (the library makes pairs of them from a
//: uniform angle and the root of an exponential number, the *Box-Muller* method). And the standard
//: normal distribution is enough.
//:
//: **Claim 0.11.** If $\epsilon$ follows $\mathcal N(0, 1)$, then $z = \mu + \sigma\epsilon$
//: follows $\mathcal N(\mu, \sigma^2)$. To shift and scale fixed noise instead of sampling from a
//: distribution with parameters is called the *reparameterization trick*, and this course uses it
//: on every page.

let (mu, sigma) = (1.5, 0.4)
let shifted = notebook.samples(many, stream: 7) { mu + sigma * $0.normal() }
notebook.check("mean", Estimate(of: shifted), equals: mu)
notebook.check("variance", .variance(of: shifted), equals: 0.16)
notebook.check(shifted, follow: GaussianMixture.gaussian(mean: mu, variance: 0.16).cdf)

//: The same with several numbers at once: $z = \mu + A\epsilon$, where $\epsilon$ holds independent
//: standard normal numbers and $A$ is a matrix. Because $\mathrm{Cov}(\epsilon_k, \epsilon_l)$ is 1
//: for $k = l$ and 0 otherwise, the covariance of $z_i$ and $z_j$ is $\sum_k A_{ik} A_{jk}$: the
//: covariance matrix of $z$ is $A A^T$. To get a wanted $\Sigma$, take a root of it, and there are
//: several. The *Cholesky* root $L$ is lower triangular. The *symmetric* root is $S = Q
//: \Lambda^{1/2} Q^T$, where $\Sigma = Q \Lambda Q^T$ is the decomposition into eigenvectors and
//: eigenvalues.
//:
//: **Claim 0.12.** Both roots give back the matrix, $L L^T = S S^T = \Sigma$, and samples have that
//: covariance.

let wanted = Matrix([[2, 0.6, -0.4], [0.6, 1, 0.3], [-0.4, 0.3, 0.5]])
let cholesky = try wanted.cholesky()
let symmetric = try wanted.squareRoot()
for (name, root) in [("L", cholesky), ("S", symmetric)] {
  notebook.check(
    "\(name) times its transpose", (root * root.transposed).elements, equals: wanted.elements,
    tolerance: 1e-14)
}
let triples = notebook.samples(many, stream: 8) { random in
  cholesky * [random.normal(), random.normal(), random.normal()]
}
notebook.check(
  "covariance of z1, z3", .covariance(triples.map { $0[0] }, triples.map { $0[2] }), equals: -0.4)

//: Two roots, one distribution: how can that be? Because rotated noise is noise. The density of
//: $\epsilon$, proportional to $e^{-|\epsilon|^2/2}$, depends on the length of $\epsilon$ alone.
//:
//: **Claim 0.13.** The two roots differ by a rotation (or a reflection): $R = L^{-1} S$ has
//: $R R^T = L^{-1} \Sigma\, (L^T)^{-1} = I$, so $S\epsilon = L\,(R\epsilon)$ is $L$ times noise.

let rotation = try cholesky.solve(symmetric)
notebook.check(
  "R times its transpose", (rotation * rotation.transposed).elements,
  equals: Matrix.identity(3).elements, tolerance: 1e-14)

//: **Claim 0.14.** By hand, for $\mu = (1, 2)$ and the matrix with 1 on the diagonal and 0.8 beside
//: it: the Cholesky root has the rows $(1, 0)$ and $(0.8, 0.6)$, since $0.8^2 + 0.6^2 = 1$, and
//: $\epsilon = (0.5, -1)$ becomes $z = (1 + 0.5,\; 2 + 0.4 - 0.6) = (1.5, 1.8)$.

let pair = try Matrix([[1, 0.8], [0.8, 1]]).cholesky()
let z = zip([1, 2], pair * [0.5, -1]).map { $0 + $1 }
notebook.check(
  "the root, and z", pair.elements + z, equals: [1, 0, 0.8, 0.6, 1.5, 1.8], tolerance: 1e-15)

//: ### The gradient of an expectation
//:
//: Training changes a parameter $\mu$ to make an expectation $E[f(z)]$ larger or smaller, and for
//: that it needs the derivative $\frac{d}{d\mu} E[f(z)]$ from a few samples. For $z = \mu +
//: \epsilon$ there are two ways. Differentiate the density, and the integrand becomes $f$ times
//: $\frac{d}{d\mu} p = p \cdot (z - \mu)$; or differentiate through the reparameterization:
//: $$ \frac{d}{d\mu} E[f(z)] = E[f(z)\,(z - \mu)] = E[f'(\mu + \epsilon)] . $$
//: The first is called the *score-function* estimator (or REINFORCE), the second
//: the *reparameterized* one. (This score is the derivative of $\log p$ in the parameter; the score
//: of chapter 2 is its derivative in $x$.)
//:
//: **Claim 0.15.** Both estimators are unbiased. Try it for $f(z) = z^2$ and $f(z) = \sin 10z$ at
//: $\mu = \frac12$; the derivative itself comes from integrals at values near $\mu$. For the sine
//: it is almost 0, because its waves cancel.

/// Samples of the two estimators at mu = 1/2, with common noise.
func estimatorSamples(
  _ f: (Double) -> Double, slope: (Double) -> Double, stream: Int
) -> (score: [Double], reparameterized: [Double]) {
  let noise = notebook.samples(many, stream: stream) { $0.normal() }
  return (noise.map { f(0.5 + $0) * $0 }, noise.map { slope(0.5 + $0) })
}

let square = { (z: Double) in z * z }
let sine = { (z: Double) in sin(10 * z) }
let ofSquare = estimatorSamples(square, slope: { 2 * $0 }, stream: 9)
let ofSine = estimatorSamples(sine, slope: { 10 * cos(10 * $0) }, stream: 10)
for (name, f, samples) in [("square", square, ofSquare), ("sine", sine, ofSine)] {
  let exact = derivative(at: 0.5) { GaussianMixture.gaussian(mean: $0).expectation(f) }
  notebook.check("\(name), score function", Estimate(of: samples.score), equals: exact)
  notebook.check("\(name), reparameterized", Estimate(of: samples.reparameterized), equals: exact)
}

//: Both are right on average, but with what variance? Predict before you read on: which of the two
//: has the smaller one?
//:
//: **Claim 0.16.** It depends on $f$. For the square, $E[z^4\epsilon^2] - (2\mu)^2 = \mu^4 +
//: 14\mu^2 + 15 = 18.5625$ against $\mathrm{Var}(2z) = 4$. For the sine it is the other way round:
//: $E[\sin^2(10z)\,\epsilon^2] = \frac12$ against $100\,E[\cos^2 10z] = 50$, both up to terms
//: smaller than $e^{-97}$.

for (name, samples, variances) in [
  ("square", ofSquare, [18.5625, 4]), ("sine", ofSine, [0.5, 50]),
] {
  notebook.check("\(name), score function", .variance(of: samples.score), equals: variances[0])
  notebook.check(
    "\(name), reparameterized", .variance(of: samples.reparameterized), equals: variances[1])
}

//: @fold How the figure is plotted

func estimatorVariances(frequency k: Double) -> (score: Double, reparameterized: Double) {
  let gaussian = GaussianMixture.gaussian(mean: 0.5)
  func variance(_ f: (Double) -> Double) -> Double {
    let mean = gaussian.expectation(f)
    return gaussian.expectation { (f($0) - mean) * (f($0) - mean) }
  }
  return (variance { sin(k * $0) * ($0 - 0.5) }, variance { k * cos(k * $0) })
}

let frequencies = (0...60).map { 0.2 * pow(100, Double($0) / 60) }
let variancesOfSine = frequencies.map(estimatorVariances)
notebook.figure(
  "gradient-variances",
  Plot(x: Axis("frequency $k$ of $f(z)=\\sin kz$", scale: .log), y: Axis("variance", scale: .log))
    .line(frequencies, variancesOfSine.map(\.score), label: "score function")
    .line(frequencies, variancesOfSine.map(\.reparameterized), label: "reparameterized"),
  caption: "Which estimator of the gradient has the smaller variance depends on the function. Slow "
    + "waves favor reparameterization by far, fast waves the score function.",
  alternative: "Two curves of variance against frequency that cross near frequency one.")

//: **Erratum E-B4.** The book writes in section 1.3.4 that reparameterized gradients typically have
//: much lower variance, often by orders of magnitude. There is no such rule: the variance of the
//: reparameterized estimator grows with a steep $f$, that of the other with a large $f$. For $\sin
//: 10z$ the promised advantage, a ratio of 0.1 or less, turns into a ratio of 100. The second route
//: is integration.

let integrated = estimatorVariances(frequency: 10)
notebook.erratum(
  "E-B4", source: "Foundations of Generative Models, section 1.3.4",
  "variance, reparameterized over score function, f = sin 10z", printed: 0.1, right: 50 / 0.5,
  secondRoute: integrated.reparameterized / integrated.score, tolerance: 1e-6, apart: 90)

//: ## Part II. Noise, step by step
//:
//: ### One step
//:
//: Now the forward process. From one state to the next, shrink a little and add a little noise (why
//: shrink? So that the variance stays 1, as we shall see):
//: $$ x_t = \sqrt{1 - \beta_t}\; x_{t-1} + \sqrt{\beta_t}\; \epsilon_t . $$
//: Here $x_0$ is the data (a number, a point, an image: each of its numbers is treated alike and
//: independently), $t = 1 \dots T$ counts the steps, and $\beta_t$ between 0 and 1 is the variance
//: that step $t$ adds. The list of all $\beta_t$ is the *noise schedule*. Part III is about
//: choosing one; until then we use that of the paper that made diffusion models work (Ho, Jain and
//: Abbeel, "Denoising diffusion probabilistic models", 2020): $T = 1000$ and $\beta_t$ rising
//: linearly from $10^{-4}$ to $0.02$. As a conditional distribution, a step is
//: $$ q(x_t \mid x_{t-1}) = \mathcal N\left(\sqrt{1 - \beta_t}\; x_{t-1},\ \beta_t I\right) , $$
//: which reads: given $x_{t-1}$, the state $x_t$ is Gaussian with this mean and this variance. In
//: the library it is one line.
//:
//: @code Sources/Diffusion/GaussianDiffusion.swift forward-step
//:
//: `LinearCombinable` is anything that can be scaled, added and paired with noise of its own shape:
//: a `Double`, a set of points or of images, a tensor. It may also be a `GaussianVariable`: not a
//: sample but a random variable, held as its mean and its coefficients in front of independent
//: standard normal numbers, so that means, variances and covariances come out without any sampling.
//: So the code that makes images also runs on distributions. We do both.
//:
//: **Claim 0.17.** One step from $x_{t-1} = 0.7$ has the mean $\sqrt{1-\beta_t} \cdot 0.7$ and the
//: variance $\beta_t$.

let schedule = NoiseSchedule.linear()
let diffusion = GaussianDiffusion(schedule)

let stepMean = (1 - schedule.beta(500)).squareRoot() * 0.7
let steps = notebook.samples(many, stream: 11) {
  diffusion.forwardStep(0.7, to: 500, noise: $0.normal())
}
notebook.check("mean at t = 500", Estimate(of: steps), equals: stepMean)
notebook.check("variance", .variance(of: steps), equals: schedule.beta(500))

let epsilon = (0...2).map { GaussianVariable(standardDeviation: 1, source: $0) }
let step = diffusion.forwardStep(GaussianVariable(mean: 0.7), to: 500, noise: epsilon[0])
notebook.check(
  "mean and variance, without sampling", [step.mean, step.variance],
  equals: [stepMean, schedule.beta(500)], tolerance: 1e-15)

//: **Erratum E-S1a.** A talk on DDPM, DDIM, U-Net and latent diffusion states on its slide "Forward
//: Diffusion Process" that $q(x_t \mid x_{t-1})$ is *standard* normal. Only $\epsilon_t$ is. If the
//: step were standard normal, nothing of the image would survive it.

notebook.erratum(
  "E-S1a", source: "DDPM talk, slide Forward Diffusion Process",
  "mean of x(500), given x(499) = 0.7", printed: 0, right: stepMean,
  secondRoute: Estimate(of: steps), apart: 0.5)

//: Each step depends on the state before it and on nothing earlier. Such a sequence is a *Markov
//: chain*, and the joint distribution of all states is the product of the steps,
//: $$ q(x_1, \dots, x_T \mid x_0) = \prod_{t=1}^T q(x_t \mid x_{t-1}) . $$
//:
//: **Claim 0.18.** $x_2$ depends on $x_0$ only through $x_1$: what is new in it, $x_2 -
//: \sqrt{1-\beta_2}\,x_1$, is uncorrelated with $x_0$ (and for jointly Gaussian variables, that
//: means independent). The steps here add the variances 0.3 and 0.4, so that the effect is visible.

let rough = GaussianDiffusion(NoiseSchedule(betas: [0.3, 0.4]))
let x1 = rough.forwardStep(epsilon[0], to: 1, noise: epsilon[1])  // x(0) is epsilon[0]
let x2 = rough.forwardStep(x1, to: 2, noise: epsilon[2])
let new = GaussianVariable.sum((1, x2), (-0.6.squareRoot(), x1))
notebook.show("covariance of x(2) and x(0)", x2.covariance(with: epsilon[0]))
notebook.check(
  "covariance of new part and x(0)", new.covariance(with: epsilon[0]), equals: 0, tolerance: 1e-15)

//: ### The variance along the chain
//:
//: Variances of independent variables add, so a step turns the variance $V_{t-1}$ into
//: $$ V_t = (1 - \beta_t)\, V_{t-1} + \beta_t . $$
//: With two abbreviations that will stay with us to the last chapter,
//: $$ \alpha_t = 1 - \beta_t , \qquad \bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t , \qquad
//: \bar\alpha_0 = 1 , $$
//: subtract 1 on both sides: $V_t - 1 = \alpha_t\,(V_{t-1} - 1)$. The distance from 1 shrinks by
//: $\alpha_t$ in each step. Before you run it: what becomes of data with variance 4?
//:
//: **Claim 0.19.** After $t$ steps, $V_t = 1 + (V_0 - 1)\,\bar\alpha_t$.

let variances = [0.25, 1.0, 4.0].map { start in
  (1...1000).reduce(into: [start]) {
    $0.append((1 - schedule.beta($1)) * $0.last! + schedule.beta($1))
  }
}
notebook.check(
  "all of V(0) … V(1000), from V(0) = 0.25, 1 and 4", variances.joined(),
  equals: variances.flatMap { v in (0...1000).map { 1 + (v[0] - 1) * schedule.alphaBar($0) } },
  tolerance: 1e-13)

//: **Claim 0.20.** Only the variance 1 is preserved. The process is called *variance preserving*,
//: and it is so if the data have variance 1. Smaller variances grow all the way to the end, larger
//: ones fall.

notebook.check("V(1000) from V(0) = 1", variances[1][1000], equals: 1, tolerance: 1e-13)
notebook.check("V(0), V(1), … from V(0) = 0.25", increases: variances[0])
notebook.check("V(0), V(1), … from V(0) = 4", decreases: variances[2])

let someSteps = Array(stride(from: 0, through: 1000, by: 10))
let stepAxis = someSteps.map { Double($0) }
let variancePlot = Plot(
  x: "step $t$", y: Axis("variance $V_t$", scale: .log, at: [0.25, 0.5, 1, 2, 4])
)
.lines(variances.reversed(), x: stepAxis, label: { "$V_0=\($0[0])$" }) { v in
  someSteps.map { v[$0] }
}
notebook.figure(
  "variance", variancePlot,
  caption: "The variance under the linear schedule. All data end at variance 1; only data that "
    + "have it at the start keep it on the way.",
  alternative: "Three curves of variance against step that start at 0.25, 1 and 4 and meet at 1.")

//: Real images do not have variance 1. Their bytes, 0 to 255, are mapped to numbers from -1 to 1 by
//: $x = \mathrm{byte} / 127.5 - 1$, which fixes the range and leaves the variance to the images.
//:
//: **Claim 0.21.** Images have a variance below 1. Numbers between -1 and 1 cannot have more, and
//: they reach it only if each is -1 or 1 with equal probability. The course comes with synthetic
//: images in ten classes, for those who have no photographs at hand.

let synthetic = SyntheticImages.images(notebook.count(2000, quick: 500))
let images = PointSet(synthetic.values, dimensions: synthetic.imageSize)
notebook.table(
  columns: ["images", "numbers", "least", "greatest", "mean", Column("variance", digits: 4)],
  rows: [("the boat", image.values), ("synthetic, ten classes", images.values)].map {
    let moments = Moments($1)
    return [$0, $1.count, $1.min()!, $1.max()!, moments.mean, moments.variance]
  })
let imageVariance = Moments(images.values).variance
notebook.check("largest absolute value", images.values.map(abs).max()!, isAtMost: 1)
notebook.check("variance", imageVariance, isBelow: 1)

//: If the photographs of CIFAR-10 are on your machine (`CIFAR10_DIR` names their folder), a run
//: prints their variance, on the terminal only: this page can be made without them.

let photographs = try? CIFAR10.load(.test, from: CIFAR10.folder())
notebook.aside(
  photographs.map { "CIFAR-10, test images: variance \(Moments($0.values).variance)" }
    ?? "CIFAR-10 is not here; the numbers above are of synthetic images alone")

//: **Claim 0.22.** The variance of the images follows the formula of Claim 0.19. (The standard
//: error treats the pixels as independent, which overstates it: only the noise is random.)

for t in [100, 250, 500] {
  var streams = RandomStreams(of: notebook.random(12).split(t), count: images.count)
  let noisy = diffusion.addNoise(to: images, t: t, using: &streams)
  notebook.check(
    "variance of the synthetic images at t = \(t)", .variance(of: noisy.values),
    equals: 1 + (imageVariance - 1) * schedule.alphaBar(t))
}

//: ### The sum of two Gaussians
//:
//: To reach step $t$ by the rule takes $t$ samples of noise. One is enough, because a sum of
//: independent noises is again Gaussian noise.
//:
//: **Claim 0.23.** $\sqrt a\,\epsilon_1 + \sqrt b\,\epsilon_2$ follows $\mathcal N(0, a + b)$. That
//: the variances add is plain; that the sum is *Gaussian* follows from Claim 0.13: divided by
//: $\sqrt{a+b}$, it is the first coordinate of the pair $(\epsilon_1, \epsilon_2)$ after a
//: rotation.

let sums = notebook.samples(many, stream: 13) {
  0.3.squareRoot() * $0.normal() + 0.5.squareRoot() * $0.normal()
}
notebook.check("variance for a = 0.3, b = 0.5", .variance(of: sums), equals: 0.8)
notebook.check(sums, follow: GaussianMixture.gaussian(variance: 0.8).cdf)

//: ### Sampling x_t in closed form
//:
//: Suppose that $x_{t-1} = \sqrt{\bar\alpha_{t-1}}\,x_0 + \sqrt{1 - \bar\alpha_{t-1}}\,\epsilon$
//: for some noise $\epsilon$; for $t - 1 = 0$ this holds, with $\bar\alpha_0 = 1$. The next step
//: gives
//: $$ x_t = \sqrt{\alpha_t \bar\alpha_{t-1}}\; x_0 + \sqrt{\alpha_t\,(1 - \bar\alpha_{t-1})}\;
//: \epsilon + \sqrt{\beta_t}\; \epsilon_t , $$
//: and by Claim 0.23 the two noises are one, of variance
//: $\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t = \alpha_t - \bar\alpha_t + 1 - \alpha_t =
//: 1 - \bar\alpha_t$. So by induction, for every $t$,
//: $$ \boxed{\; x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\; \epsilon , \qquad
//: q(x_t \mid x_0) = \mathcal N\left(\sqrt{\bar\alpha_t}\; x_0,\ (1 - \bar\alpha_t) I\right) \;} $$
//:
//: @code Sources/Diffusion/GaussianDiffusion.swift add-noise
//:
//: This is the *closed-form marginal* $q(x_t \mid x_0)$ of the forward process (other code calls
//: the method `q_sample` or `add_noise`). It is the most used formula of the course: every network
//: to come gets its training inputs from it.
//:
//: **Claim 0.24.** $\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t = 1 - \bar\alpha_t$ for all $t$.

notebook.check(
  "alpha(t) (1 - alphaBar(t-1)) + beta(t), t = 1 … 1000",
  (1...1000).map { schedule.alpha($0) * (1 - schedule.alphaBar($0 - 1)) + schedule.beta($0) },
  equals: (1...1000).map { 1 - schedule.alphaBar($0) }, tolerance: 1e-15)

//: **Claim 0.25.** The chain of 1000 steps, computed as a distribution, has at each step the mean
//: and variance of the closed form. The start is $x_0 = 1$, so that the mean is the coefficient of
//: $x_0$. The tolerance leaves room for a thousand roundings.

let chain = diffusion.chain(from: GaussianVariable(mean: 1), using: notebook.streams(1, stream: 0))
  .map(\.x)
notebook.check(
  "means and variances of x(1) … x(1000)", chain.flatMap { [$0.mean, $0.variance] },
  equals: (1...1000).flatMap { [schedule.signalScale($0), 1 - schedule.alphaBar($0)] },
  tolerance: 1e-13)

//: **Claim 0.26.** The same with samples: points of the three-mode mixture sent through 250 steps
//: one by one, and others sent there in closed form, cannot be told apart. (The two-sample
//: Kolmogorov-Smirnov test: the p-value is the probability of a larger gap between them.)

let pointCount = notebook.count(40_000, quick: 10_000)
var streams = notebook.streams(pointCount, stream: 14)
let chainStart = mixture.samples(using: &streams).points
let chained = diffusion.chain(from: chainStart, using: streams).first { $0.t == 250 }!.x

streams = notebook.streams(pointCount, stream: 15)
let closedStart = mixture.samples(using: &streams).points
let closed = diffusion.addNoise(
  to: closedStart, t: 250, using: &streams)

let gap = Distance.kolmogorov(chained.values, closed.values)
notebook.show("largest gap between the two samples", gap)
notebook.check(
  "p-value", Distance.kolmogorovChance(gap: gap, count: Double(pointCount) / 2), isAtLeast: 0.001)

//: **Erratum E-S3a.** The Cornell CS 4782 notes on diffusion models have the distribution right,
//: and in the line below it write $x_t = \sqrt{\bar\alpha_t}\,x_0 + (1 - \bar\alpha_t)\,\epsilon$:
//: a root is missing. For data of variance 1 the variance must stay 1; half way, at $t = 260$,
//: their line gives about three quarters of that, and images made with it have too little noise at
//: every step.

let half = schedule.alphaBar(260)
let halfWay = diffusion.addNoise(to: epsilon[0], t: 260, noise: epsilon[1])
notebook.show("alphaBar at t = 260", half)
notebook.erratum(
  "E-S3a", source: "Cornell CS 4782 notes, section Forward Process",
  "variance of x(260) for data of variance 1", printed: half + (1 - half) * (1 - half), right: 1,
  secondRoute: halfWay.variance, tolerance: 1e-15, apart: 0.2)

//: ### The noise of every step
//:
//: Without merging, the chain unrolls into
//: $$ x_t = \sqrt{\bar\alpha_t}\; x_0 + \sum_{s=1}^{t} \sqrt{\frac{\bar\alpha_t}{\bar\alpha_s}\,
//: \beta_s}\; \epsilon_s . $$
//: The noise of step $s$ enters with $\sqrt{\beta_s}$ and is shrunk by every later step.
//:
//: **Claim 0.27.** These are the coefficients of the chain's `GaussianVariable`, and the squares of
//: those of the noise add up to $1 - \bar\alpha_t$.

/// The squares of the coefficients of the noise of the steps 1 … t in x(t).
func noiseShares(_ t: Int) -> [Double] {
  (1...t).map { schedule.alphaBar(t) / schedule.alphaBar($0) * schedule.beta($0) }
}
let ends = [3, 300, 1000]
notebook.check(
  "coefficients of the noises in x(3), x(300), x(1000)",
  ends.flatMap { chain[$0 - 1].loadings.suffix($0) },
  equals: ends.flatMap { noiseShares($0).map { $0.squareRoot() } }, tolerance: 1e-14)
notebook.check(
  "sums of their squares", ends.map { noiseShares($0).reduce(0, +) },
  equals: ends.map { 1 - schedule.alphaBar($0) }, tolerance: 1e-13)

//: **Erratum E-B8.** Before it merges the noises, the book (section 4.3.3) lists as terms of
//: $x_t$: $\sqrt{\alpha_t(1 - \bar\alpha_{t-1})}\,\epsilon'$, $\sqrt{1-\alpha_t}\,\epsilon_{t-1}$,
//: *and* $\sqrt{\alpha_t\alpha_{t-1}(1-\bar\alpha_{t-2})}\,\epsilon''$, and so on. The first is
//: already all the noise before step $t$; the third counts a part of it again.

let (a2, a3) = (schedule.alpha(2), schedule.alpha(3))
let bookVariance = a3 * (1 - schedule.alphaBar(2)) + (1 - a3) + a3 * a2 * (1 - schedule.alphaBar(1))
notebook.erratum(
  "E-B8", source: "Foundations of Generative Models, section 4.3.3",
  "variance of the noise in x(3)", printed: bookVariance, right: schedule.noiseVariance(3),
  secondRoute: chain[2].variance, tolerance: 1e-15, apart: 5e-5)

//: @fold How the figure is plotted

notebook.figure(
  "noise-by-step",
  Plot(x: "step $s$ that added the noise", y: "share of the variance of $x_t$")
    .adding([100, 200, 400, 700, 1000]) { plot, t in
      plot.line((1...t).map { Double($0) }, noiseShares(t), label: "$t=\(t)$")
    },
  caption: "Which step's noise is in $x_t$? The area under each curve is $1 - \\bar\\alpha_t$. "
    + "Early on all steps so far contribute; at the end of the chain only the last few hundred do, "
    + "and the noise of the first steps has faded like the image.",
  alternative: "Five curves that rise up to s = t; the last ones reach back only part of the way.")

//: ### Marginals are not the joint distribution
//:
//: The closed form gives the distribution of each $x_t$, a *marginal*. It does not give the *joint*
//: distribution of two states. Predict: if $x_{50}$ happens to lie above its mean, does $x_{200}$?
//: And if each was sampled in closed form with noise of its own?
//:
//: **Claim 0.28.** Along one chain, for $s < t$ and given $x_0$, $\mathrm{Cov}(x_s, x_t) =
//: \sqrt{\bar\alpha_t / \bar\alpha_s}\,(1 - \bar\alpha_s)$: the noise in $x_s$, as much of it as is
//: left at $t$. Two closed-form samples with independent noise have covariance 0.

let chainCovariance =
  (schedule.alphaBar(200) / schedule.alphaBar(50)).squareRoot() * (1 - schedule.alphaBar(50))
notebook.check(
  "covariance of x(50) and x(200) on a chain, without sampling",
  chain[49].covariance(with: chain[199]), equals: chainCovariance, tolerance: 1e-14)

let pairs = notebook.samples(many, stream: 16) { random in
  let x50 = diffusion.addNoise(to: 0, t: 50, noise: random.normal())
  let onward = diffusion.addNoise(to: x50, from: 50, t: 200, noise: random.normal())
  return (x50, onward, diffusion.addNoise(to: 0, t: 200, noise: random.normal()))
}
notebook.check(
  "on a chain, by samples", .covariance(pairs.map(\.0), pairs.map(\.1)), equals: chainCovariance)
notebook.check(
  "of two independent closed-form samples", .covariance(pairs.map(\.0), pairs.map(\.2)), equals: 0)

//: @fold How the figure is plotted

let one = PointSet([Double](repeating: 1, count: 6))
let paths = [one] + diffusion.chain(from: one, using: notebook.streams(6, stream: 17)).map(\.x)

/// The mean and two standard deviations around it, times `factor(t)`, and the chains if wanted.
func chainPlot(
  _ title: String, _ y: Axis, times: [Int], showsChains: Bool = true,
  factor: (Int) -> Double = { _ in 1 }
) -> Plot {
  let t = times.map { Double($0) }
  let mean = times.map { factor($0) * schedule.signalScale($0) }
  let reach = times.map { 2 * factor($0) * schedule.noiseScale($0) }
  return Plot(title: title, x: "step $t$", y: y)
    .band(
      t, lower: zip(mean, reach).map { $0 - $1 }, upper: zip(mean, reach).map { $0 + $1 },
      color: .axis
    )
    .line(t, mean, color: .ink, dash: .dashed)
    .adding(showsChains ? 0..<6 : 0..<0) { plot, i in
      plot.line(
        t, times.map { factor($0) * paths[$0].values[i] }, color: .series(i), width: 1)
    }
}

streams = notebook.streams(6, stream: 18)
let closedSteps = Array(stride(from: 0, through: 1000, by: 20))
let closedStates = closedSteps.map {
  diffusion.addNoise(to: one, t: $0, using: &streams)
}
let fineSteps = Array(stride(from: 0, through: 1000, by: 4))
let closedPlot = chainPlot("Closed form", "$x_t$", times: fineSteps, showsChains: false)
  .scatter(
    closedSteps.flatMap { [Double](repeating: Double($0), count: 6) },
    closedStates.flatMap(\.values), color: .blue, radius: 1.6)
notebook.figure(
  "chains-and-closed-form",
  Figure(
    columns: 2, [chainPlot("Chains", "$x_t$", times: fineSteps), closedPlot],
    panelSize: Size(400, 270), sharing: .y),
  caption: "Six chains from $x_0 = 1$, and independent closed-form samples of many steps. In the "
    + "gray band, two standard deviations around the mean $\\sqrt{\\bar\\alpha_t}\\,x_0$, both "
    + "have the same distribution at each $t$. But the states of a chain depend on each other, and "
    + "those of separate samples do not.",
  alternative: "Left, six jagged lines that start at 1 and spread around 0; right, points in that "
    + "band.")

//: ### The cost of the chain
//:
//: **Claim 0.29.** The chain needs $t$ samples of noise for each entry of $x_t$, the closed form
//: one. For a step chosen uniformly at random, as in training, that is $(T+1)/2$ times as many on
//: average.

let start = PointSet(zeros: 10_000)
var chainStreams = notebook.streams(start.count, stream: 19)
let (chainEnd, chainSeconds) = notebook.time {
  (1...1000).reduce(start) { x, t in
    diffusion.forwardStep(x, to: t, noise: x.normalSamples(using: &chainStreams))
  }
}
var closedStreams = notebook.streams(start.count, stream: 20)
let (closedEnd, closedSeconds) = notebook.time {
  diffusion.addNoise(to: start, t: 1000, using: &closedStreams)
}
notebook.check(
  "noise samples of the chain and of the closed form",
  [chainStreams.sampleCount, closedStreams.sampleCount], isExactly: [1000, 1])
notebook.check(
  "mean of t = 1 … 1000", Double((1...1000).reduce(0, +)) / 1000, equals: 500.5, tolerance: 0)
notebook.check(
  "variance at the end of the chain and of the closed form", .variance(of: chainEnd.values),
  equals: .variance(of: closedEnd.values))
notebook.show("the chain took", seconds: chainSeconds)
notebook.show("the closed form took", seconds: closedSeconds)

//: The memory is the same for both: the chain overwrites the old state with the new one and keeps
//: no noise. (The passage of the last erratum also claims that a thousand steps would take a
//: thousand times the memory.)
//:
//: ## Part III. Schedules
//:
//: ### Linear
//:
//: The schedule of Part II is $\beta_t = \beta_1 + \frac{t-1}{T-1}\,(\beta_T - \beta_1)$ with
//: $\beta_1 = 10^{-4}$, $\beta_T = 0.02$ and $T = 1000$. A product of a thousand numbers near 1 is
//: small or not depending on their logarithms:
//: $$ \log \bar\alpha_T = \sum_t \log(1 - \beta_t) = - \sum_t \Bigl( \beta_t + \tfrac12 \beta_t^2 +
//: \tfrac13 \beta_t^3 + \dots \Bigr) . $$
//:
//: **Claim 0.30.** At the end $\bar\alpha_T$ is about $4 \cdot 10^{-5}$: of the image's variance
//: one part in twenty-five thousand is left. The second route is the sum of logarithms. The first
//: term of the series alone, $e^{-\sum_t \beta_t}$, gives 7 percent too much; three terms are
//: enough.

let ramp = (0..<1000).map { 1e-4 + (0.02 - 1e-4) * Double($0) / 999 }
notebook.check(
  "alphaBar(1000)", schedule.alphaBar(1000), equals: exp(ramp.reduce(0) { $0 + log1p(-$1) }),
  relativeTolerance: 1e-12)
notebook.show("from the first term alone", exp(-ramp.reduce(0, +)))
notebook.check(
  "from three terms", exp(-ramp.reduce(0) { $0 + $1 + $1 * $1 / 2 + $1 * $1 * $1 / 3 }),
  equals: schedule.alphaBar(1000), relativeTolerance: 1e-4)

//: ### Cosine
//:
//: Nichol and Dhariwal ("Improved denoising diffusion probabilistic models", 2021) noticed that the
//: last images of the linear schedule all look alike, as in the first figure of this page. They
//: chose the curve of $\bar\alpha_t$ first and derived the steps from it:
//: $$ \bar\alpha_t = \frac{f(t)}{f(0)} , \qquad
//: f(t) = \cos^2\Bigl( \frac{t/T + s}{1 + s} \cdot \frac\pi2 \Bigr) , \qquad
//: \beta_t = \min\Bigl( 1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}},\ 0.999 \Bigr) . $$
//: The offset $s = 0.008$ keeps the first steps from being too small. The cap is needed since
//: $f(T) = 0$: without it the last step has $\beta_T = 1$ and wipes out everything. A cap changes
//: $\beta_T$, and so it changes $\bar\alpha_T$, which is the product of what the steps keep.
//:
//: **Claim 0.31.** The cap changes the last step and no other. Before it, the product of the $1 -
//: \beta_t$ is the curve; at the end it is 0.001 times the value before.
//:
//: Start this program with `--bug cosine-uncapped`, or another name from `--bug list`, and it has a
//: cosine schedule with a mistake that was once published. Guess which of the checks from here on
//: will fail.

let cosine = NoiseSchedule.cosine()
func cosineCurve(_ t: Int) -> Double {
  let f = { (t: Double) in pow(cos((t / 1000 + 0.008) / 1.008 * .pi / 2), 2) }
  return f(Double(t)) / f(0)
}

notebook.check(
  "alphaBar(0) … alphaBar(999)", Array(cosine.alphaBars.prefix(1000)),
  equals: (0..<1000).map(cosineCurve), tolerance: 1e-12)
notebook.check("steps at the cap", cosine.betas.count { $0 >= 0.999 }, isExactly: 1)
notebook.check(
  "alphaBar(1000)", cosine.alphaBar(1000), equals: 0.001 * cosineCurve(999), relativeTolerance: 1e-9
)

//: **Erratum E-X5.** Three sources print three other cosines. The DDPM talk clips $\beta_t$ to
//: $10^{-4} \dots 0.02$, the range of the linear schedule. The book, equation (7.41), has the
//: offset but no cap. The Cornell notes have neither: $\bar\alpha_t = \cos^2(\pi t / 2T)$. The
//: talk's clip leaves more than a thousand times as much of the image's amplitude at $t = T$ as the
//: cap does, so that $x_T$ is not noise. Without a cap nothing at all is left, a *zero terminal
//: SNR*. That is good until one divides by $\sqrt{\bar\alpha_T}$, as a sampler with a
//: noise-predicting network does in its first step.

let cosines: [(name: String, offset: Double, schedule: NoiseSchedule)] = [
  ("offset, cap 0.999 (paper)", 0.008, cosine),
  ("offset, clip 0.0001 … 0.02 (talk)", 0.008, .cosine(clip: .range(1e-4...0.02))),
  ("offset, no cap (book)", 0.008, .cosine(clip: .none)),
  ("no offset, no cap (Cornell)", 0, .cosine(offset: 0, clip: .none)),
]
notebook.table(
  "The effect of the clip on the cosine schedule, T = 1000", of: cosines,
  columns: [
    "cosine schedule": { $0.name },
    "steps changed": { entry in
      let unclipped = NoiseSchedule.cosine(offset: entry.offset, clip: .none)
      return (1...1000).count { entry.schedule.beta($0) != unclipped.beta($0) }
    },
    Column("beta(1)", digits: 4): { $0.schedule.beta(1) },
    Column("beta(T)", digits: 4): { $0.schedule.beta(1000) },
    Column("alphaBar(T)", digits: 4): { $0.schedule.alphaBar(1000) },
    Column("amplitude left", digits: 4): { $0.schedule.signalScale(1000) },
    Column("1 / amplitude", digits: 4): { 1 / $0.schedule.signalScale(1000) },
  ])
notebook.erratum(
  "E-X5", source: "DDPM talk, slide Forward Diffusion Process",
  "amplitude of the image left at t = T", printed: cosines[1].schedule.signalScale(1000),
  right: cosine.signalScale(1000), secondRoute: (0.001 * cosineCurve(999)).squareRoot(),
  tolerance: 1e-9, apart: 0.05)

//: @fold How the figure is plotted

func lastStepsPlot(_ steps: [Int], _ y: Axis, _ value: (NoiseSchedule, Int) -> Double) -> Plot {
  let dashes: [Dash] = [.solid, .solid, .dashed, .dotted]
  let markers: [Marker] = [.circle, .square, .diamond, .triangle]
  let isMarked = steps.count < 50
  return Plot(x: "step $t$", y: y).adding(cosines.indices) { plot, i in
    plot.line(
      steps.map { Double($0) }, steps.map { value(cosines[i].schedule, $0) },
      label: isMarked ? nil : cosines[i].name, dash: dashes[i], marker: isMarked ? markers[i] : nil)
  }
}

let amplitudeAxis = Axis("$\\sqrt{\\bar\\alpha_t}$, amplitude left", scale: .log, range: 1e-5...0.2)
notebook.figure(
  "cosine-clips",
  Figure(
    columns: 2,
    [
      lastStepsPlot(Array(850...1000), Axis("$\\beta_t$", scale: .log)) { $0.beta($1) },
      lastStepsPlot(Array(985...1000), amplitudeAxis) { $0.signalScale($1) },
    ], panelSize: Size(400, 260), sharing: .legend),
  caption: "The end of four published cosine schedules: $\\beta_t$ over the last 150 steps, and "
    + "the amplitude of the image over the last 15. Clipping at 0.02 bends the curve away from "
    + "zero where it matters most. The other three are hard to tell apart until the last step, "
    + "where one stops at a small number and two fall to zero (and off the logarithmic axis).",
  alternative: "Left, betas that rise to 1 or stay at 0.02; right, amplitudes near the last step.")

//: ### Linear and cosine compared
//:
//: How fast does $\bar\alpha_t$ fall under each schedule? The table shows it at five steps.

let linear = schedule
func tableOfShares(_ schedules: [NoiseSchedule], line: UInt = #line) {
  notebook.table(
    "Share of the image's variance that is left, $\\bar\\alpha_t$",
    columns: ["t"] + schedules.map { Column($0.name, digits: 5) },
    rows: [100, 250, 500, 750, 900].map { t in row(t, schedules.map { $0.alphaBar(t) }) },
    line: line)
}
tableOfShares([linear, cosine])
notebook.table(
  "First step with less than this share left", columns: ["share", "linear", "cosine"],
  rows: [0.5, 0.1, 0.01].map { share in
    [share] + [linear, cosine].map { $0.alphaBars.firstIndex { $0 < share }! }
  })

//: **Claim 0.32.** The slides of IIT Hyderabad ("Deep Learning, 21. Diffusion Models") state that
//: in the last quarter of the linear schedule the states are almost pure noise, and that the cosine
//: schedule adds noise more slowly. True: when the last quarter begins, the image's amplitude
//: $\sqrt{\bar\alpha_t}$ is below 6 percent under the linear schedule, and above 37 percent under
//: the cosine schedule.

notebook.check("linear, amplitude at t = 750", linear.signalScale(750), isBelow: 0.06)
notebook.check("cosine, amplitude at t = 750", cosine.signalScale(750), isAbove: 0.37)

//: Does a schedule that adds less at first add more later on?
//:
//: **Claim 0.33.** It does. From $t = 891$ on the steps of the cosine schedule are the larger ones,
//: and from $t = 996$ on less is left than under the linear schedule.

func span(_ steps: [Int]) -> [Int] { [steps.first ?? 0, steps.last ?? 0, steps.count] }
notebook.check(
  "steps with the larger beta: first, last, number",
  span((1...1000).filter { cosine.beta($0) > linear.beta($0) }), isExactly: [891, 1000, 110])
notebook.check(
  "steps with the smaller alphaBar",
  span((1...1000).filter { cosine.alphaBar($0) < linear.alphaBar($0) }), isExactly: [996, 1000, 5])

//: @fold How the figure is plotted

let evenSteps = Array(stride(from: 0, through: 1000, by: 125))
notebook.figure(
  "linear-and-cosine",
  ImageGrid(
    rows: [linear, cosine].map { schedule in evenSteps.map { noisyImage(schedule, $0) } },
    rowLabels: ["linear", "cosine"], columnLabels: evenSteps.map { "$t=\($0)$" },
    cellWidth: 76), formats: [.png],
  caption: "The same image and the same noise under both schedules, at evenly spaced steps. In the "
    + "upper row the last four images are wasted: almost nothing of the image is left in them for "
    + "a network to recover.",
  alternative: "Two rows of the boat under noise: the upper is gone by the middle, the lower much "
    + "later.")

//: ### The signal-to-noise ratio
//:
//: A state is the sum of two parts, an image times $\sqrt{\bar\alpha_t}$ and noise times
//: $\sqrt{1-\bar\alpha_t}$. How much can be learned from it depends on the ratio of the two,
//: the *signal-to-noise ratio*
//: $$ \mathrm{SNR}_t = \frac{\bar\alpha_t}{1 - \bar\alpha_t} , \qquad
//: \lambda_t = \log \mathrm{SNR}_t . $$
//:
//: **Claim 0.34.** It can be measured from pairs $(x_0, x_t)$ alone, without the noise. For data of
//: mean 0 and variance 1, $\mathrm{Cov}(x_0, x_t) = \sqrt{\bar\alpha_t}$, and what is left of $x_t$
//: after subtracting that multiple of $x_0$ has the variance $1 - \bar\alpha_t$.

streams = notebook.streams(notebook.count(400_000, quick: 50_000), stream: 21)
let x0 = mixture.samples(using: &streams).points
let x300 = diffusion.addNoise(to: x0, t: 300, using: &streams)
let rest = PointSet.sum((1, x300), (-schedule.signalScale(300), x0))
notebook.check(
  "covariance of x(0) and x(300)", .covariance(x0.values, x300.values),
  equals: schedule.signalScale(300))
notebook.check(
  "variance of the rest", .variance(of: rest.values), equals: schedule.noiseVariance(300))
notebook.show("SNR at t = 300", schedule.snr(300))

//: **Claim 0.35.** The ratio falls at every step, whatever the schedule: a step with $0 < \beta_t
//: < 1$ makes $\bar\alpha_t$ smaller and $1 - \bar\alpha_t$ larger.

for (name, each) in [("linear", linear), ("cosine", cosine), ("the talk's", cosines[1].schedule)] {
  notebook.check("log SNR, t = 1 … 1000, \(name)", decreases: (1...1000).map(each.logSNR))
}

//: ### A schedule from its log-SNR
//:
//: The other way round: choose any falling curve $\lambda_t$, and there is a schedule for it. Solve
//: $\lambda_t = \log \frac{\bar\alpha_t}{1 - \bar\alpha_t}$ for
//: $\bar\alpha_t = 1/(1 + e^{-\lambda_t})$ and let the steps follow,
//: $\beta_t = 1 - \bar\alpha_t / \bar\alpha_{t-1}$.
//:
//: **Claim 0.36.** A straight line from 10 down to -10 gives variances between 0 and 1, and the
//: product of the $1 - \beta_t$ gives back the line. The tolerance allows for the division by
//: $1 - \bar\alpha_t$, which at first is small.

let straight = NoiseSchedule(name: "log-linear", steps: 1000) { 10 - 20 * $0 }
let ownBetas = (1...1000).map(straight.beta)
notebook.check("least beta", ownBetas.min()!, isAbove: 0)
notebook.check("greatest beta", ownBetas.max()!, isBelow: 1)
let product = ownBetas.reduce(into: [1.0]) { $0.append($0.last! * (1 - $1)) }
notebook.check(
  "log SNR from the product of 1 - beta", product.dropFirst().map { log($0 / (1 - $0)) },
  equals: (1...1000).map { 10 - 0.02 * Double($0) }, tolerance: 1e-9)

//: @fold How the figure is plotted

let compared = [linear, cosine, straight]
let positiveSteps = [1, 2, 4] + someSteps.dropFirst()
func comparison(_ y: Axis, _ value: (NoiseSchedule, Int) -> Double) -> Plot {
  Plot(x: "step $t$", y: y)
    .lines(compared, x: positiveSteps.map { Double($0) }, label: \.name) { schedule in
      positiveSteps.map { value(schedule, $0) }
    }
}

let amplitudes = comparison("amplitudes $\\sqrt{\\bar\\alpha_t}$, $\\sqrt{1-\\bar\\alpha_t}$") {
  $0.signalScale($1)
}.adding(compared.indices) { plot, i in
  plot.line(
    stepAxis, someSteps.map(compared[i].noiseScale), color: .series(i), width: 1.2, dash: .dashed)
}
notebook.figure(
  "schedules",
  Figure(
    columns: 2,
    [
      comparison(Axis("$\\beta_t$, added", scale: .log)) { $0.beta($1) },
      comparison("$\\bar\\alpha_t$, variance left") { $0.alphaBar($1) },
      amplitudes,
      comparison(Axis("$\\mathrm{SNR}_t$", scale: .log, range: 1e-9...1e5)) { $0.snr($1) },
    ], panelSize: Size(400, 240), sharing: .legend, hasLetters: true),
  caption: "Three schedules. In (c) the solid lines are the amplitude of the image, the dashed "
    + "ones that of the noise; they cross where $\\mathrm{SNR}_t = 1$ in (d). The first step of "
    + "the log-linear one is larger than its neighbors: it alone brings the ratio down from "
    + "infinity.",
  alternative: "Four panels: beta, alphaBar, amplitudes and signal-to-noise ratio of three "
    + "schedules.")

//: ## Part IV. How much information is left
//:
//: ### Mutual information
//:
//: How much information about $x_0$ is in $x_t$? The *mutual information* measures it in *nats* (a
//: nat is $1/\log 2$, about one and a half, bits). With the *entropy* of a density, $h = -\int p
//: \log p$, a measure of how widely it is spread, the mutual information is the reduction of the
//: entropy of $x_t$ when $x_0$ is given:
//: $$ I(x_0; x_t) = h(x_t) - h(x_t \mid x_0) , $$
//: and $h(x_t \mid x_0)$ is the entropy of the noise, $\frac12 \log 2\pi e\,(1 - \bar\alpha_t)$,
//: whatever $x_0$ is.
//:
//: **Claim 0.37.** For Gaussian data of variance 1, where $h(x_t) = \frac12 \log 2\pi e$, $I(x_0;
//: x_t) = -\frac12 \log(1 - \bar\alpha_t) = \frac12 \log(1 + \mathrm{SNR}_t)$. The second route
//: integrates $-p \log p$.

let gaussianData = GaussianMixture.gaussian()
let fourSteps = [1, 100, 500, 1000]
notebook.check(
  "information at t = 1, 100, 500, 1000, in nats", fourSteps.map { 0.5 * log1p(linear.snr($0)) },
  equals: fourSteps.map { gaussianData.noisyMarginal(linear, to: $0).information }, tolerance: 1e-10
)

//: **Claim 0.38.** Noise destroys information and creates none (the *data-processing inequality*):
//: for the mixture too, where only integration helps, $I(x_0; x_t)$ falls from step to step.

func information(_ schedule: NoiseSchedule, _ t: Int) -> Double {
  mixture.noisyMarginal(schedule, to: t).information
}
let informationSteps = [1, 2, 5, 10, 20, 50] + Array(stride(from: 100, through: 1000, by: 50))
let ofLinear = informationSteps.map { information(linear, $0) }
notebook.check("information in nats, linear schedule", decreases: ofLinear)
notebook.check(
  "information in nats, cosine schedule",
  decreases: informationSteps.map { information(cosine, $0) })

//: **Claim 0.39.** Gaussian data keep the most information. Of all densities with a given variance
//: the Gaussian has the greatest entropy, and so the greatest $h(x_t)$. The gap narrows as the
//: noise makes everything Gaussian; the check goes to $t = 700$, where it is still well above
//: rounding.

let gaps = zip(informationSteps, ofLinear).filter { $0.0 <= 700 }
  .map { t, ofMixture in 0.5 * log1p(linear.snr(t)) - ofMixture }
notebook.check("smallest gap, Gaussian less mixture", gaps.min()!, isAbove: 0)
notebook.check("the gaps, t = 1 … 700", decreases: gaps)

//: @fold How the figure is plotted

let denseSteps = [1, 2, 4, 7, 12, 20, 32, 50, 75] + Array(stride(from: 100, through: 1000, by: 25))
func informationPlot(_ y: Axis) -> Plot {
  let t = denseSteps.map { Double($0) }
  return Plot(x: "step $t$", y: y).adding([linear, cosine]) { plot, schedule in
    let color: Color = schedule == linear ? .blue : .vermilion
    return
      plot
      .line(
        t, denseSteps.map { 0.5 * log1p(schedule.snr($0)) },
        label: "\(schedule.name), Gaussian data", color: color
      )
      .line(
        t, denseSteps.map { information(schedule, $0) }, label: "\(schedule.name), mixture",
        color: color, dash: .dashed)
  }
}

notebook.figure(
  "information",
  Figure(
    columns: 2,
    [
      informationPlot("$I(x_0;x_t)$, nats"),
      informationPlot(Axis("$I(x_0;x_t)$, nats", scale: .log, range: 1e-9...10)),
    ], panelSize: Size(400, 260), sharing: .legend),
  caption: "How much information a state has about its beginning. Under the linear schedule the "
    + "second half of the steps has less than a tenth of a nat to destroy; the cosine schedule "
    + "spends its steps more evenly. The kind of data matters while there is little noise; later "
    + "only their variance does.",
  alternative: "Curves of information against step that fall from about 5 nats to almost 0.")

//: ### Is x_T really noise?
//:
//: To generate images one starts at $t = T$ with pure noise, so $q(x_T \mid x_0)$ must be very
//: close to $\mathcal N(0, 1)$. The usual measure is the *Kullback-Leibler divergence* or *KL
//: divergence* $D(q \,\|\, p) = \int q \log \frac qp$, which is 0 for $q = p$ and positive
//: otherwise; chapter 1 uses it throughout.
//:
//: **Claim 0.40.** For each entry of the image, $D\bigl(q(x_T \mid x_0) \,\|\, \mathcal
//: N(0,1)\bigr) = \frac12 \bigl( \bar\alpha_T\,x_0^2 - \bar\alpha_T - \log(1 - \bar\alpha_T)
//: \bigr)$. Here for $x_0 = 1$ and linear schedules with the same ends and fewer steps; what is
//: close enough for $T = 1000$ is not for $T = 50$.

let lengths = [10, 50, 100, 200, 1000]
let remainders = lengths.map { NoiseSchedule.linear(steps: $0).alphaBar($0) }
let divergences = remainders.map { -0.5 * log1p(-$0) }  // the formula at x(0) = 1
let integrals = remainders.map {
  let end = GaussianMixture.gaussian(mean: $0.squareRoot(), variance: 1 - $0)
  return end.divergence(from: gaussianData)
}
notebook.table(
  columns: [
    "T", Column("nats per entry", digits: 4), Column("nats per image, 3 x 32 x 32", digits: 4),
  ],
  rows: zip(lengths, divergences).map { [$0, $1, 3072 * $1] })
notebook.check(
  "KL divergence for T = 10, 50, 100, 200, 1000", divergences, equals: integrals, tolerance: 1e-10)

//: **Claim 0.41.** As $T$ grows, $\bar\alpha_T \to 0$ if and only if the sum of the $\beta_t$ is
//: unbounded. If it is, $\bar\alpha_T \le e^{-\sum \beta_t}$ goes to 0. If it is bounded, all but a
//: few of the $\beta_t$ are below $\frac12$, where $1 - \beta \ge e^{-2\beta}$, and
//: $\bar\alpha_T$ stays above some positive number. Compare $\beta_t = 1/(t+1)$, for which
//: $\bar\alpha_T = \frac12 \cdot \frac23 \cdots \frac{T}{T+1} = \frac{1}{T+1}$, with $\beta_t =
//: 1/(t+1)^2$, for which $\bar\alpha_T = \prod_t \frac{t\,(t+2)}{(t+1)^2} = \frac{T+2}{2\,(T+1)}$.

let longRun = 100_000
let unbounded = NoiseSchedule(betas: (1...longRun).map { 1 / Double($0 + 1) })
let bounded = NoiseSchedule(betas: (1...longRun).map { 1 / pow(Double($0 + 1), 2) })
notebook.check(
  "alphaBar(100000) for beta = 1/(t+1) and for beta = 1/(t+1)^2",
  [unbounded.alphaBar(longRun), bounded.alphaBar(longRun)],
  equals: [1 / Double(longRun + 1), Double(longRun + 2) / Double(2 * (longRun + 1))],
  relativeTolerance: 1e-10)

//: **Erratum E-B7.** Exercise 4.15.1 of the book asks to show that $\bar\alpha_T \to 0$ whenever
//: all $\beta_t$ lie between 0 and 1. The second of these schedules is a counterexample: half of
//: the signal's variance stays forever.

notebook.erratum(
  "E-B7", source: "Foundations of Generative Models, exercise 4.15.1",
  "limit of alphaBar(T) for beta = 1/(t+1)^2", printed: 0, right: 0.5,
  secondRoute: bounded.alphaBar(longRun), tolerance: 1e-5, apart: 0.4)

//: ## Part V. Two other forms of the same process
//:
//: ### Variance-preserving and variance-exploding
//:
//: Many papers add noise without shrinking: $y_t = x_0 + \sigma^{\mathrm{VE}}_t\,\epsilon$ with a
//: growing $\sigma^{\mathrm{VE}}_t$. That is called *variance exploding* (VE), and ours *variance
//: preserving* (VP). (Plain $\sigma_t$ is kept for the samplers of later chapters.) They are the
//: same process up to a scale: divide $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 -
//: \bar\alpha_t}\,\epsilon$ by $\sqrt{\bar\alpha_t}$.
//:
//: **Claim 0.42.** $x_t / \sqrt{\bar\alpha_t}$ has the mean $x_0$ and the variance
//: $(\sigma^{\mathrm{VE}}_t)^2 = (1 - \bar\alpha_t)/\bar\alpha_t = 1/\mathrm{SNR}_t$.

let explodingTimes = [100, 500, 1000]
let explodingStates = explodingTimes.map { t in
  diffusion.varianceExploding(
    diffusion.addNoise(to: GaussianVariable(mean: 0.7), t: t, noise: epsilon[0]), t: t)
}
notebook.check(
  "means and variances for x(0) = 0.7 at t = 100, 500, 1000",
  explodingStates.flatMap { [$0.mean, $0.variance] },
  equals: explodingTimes.flatMap { [0.7, 1 / schedule.snr($0)] }, relativeTolerance: 1e-12)

//: **Claim 0.43.** This holds for a whole chain and not only for one state at a time. The VE chain
//: adds noise of variance $(\sigma^{\mathrm{VE}}_t)^2 - (\sigma^{\mathrm{VE}}_{t-1})^2$ in step
//: $t$; given the same $\epsilon_t$, the two chains agree up to the scale at every step.

var (x, y) = (0.7, 0.7)
var random = notebook.random(22)
let bothChains = (1...1000).map { t in
  let noise = random.normal()
  x = diffusion.forwardStep(x, to: t, noise: noise)
  y += (pow(schedule.sigmaVE(t), 2) - pow(schedule.sigmaVE(t - 1), 2)).squareRoot() * noise
  return (scaled: diffusion.varianceExploding(x, t: t), exploding: y)
}
notebook.show("last state, variance exploding", y)
notebook.check(
  "the chain of x(t), divided, t = 1 … 1000", bothChains.map(\.scaled),
  equals: bothChains.map(\.exploding), tolerance: 1e-10)

//: @fold How the figure is plotted

let earlySteps = Array(stride(from: 0, through: 450, by: 3))
notebook.figure(
  "variance-preserving-and-exploding",
  Figure(
    columns: 2,
    [
      chainPlot("Variance preserving", "$x_t$", times: earlySteps),
      chainPlot(
        "Variance exploding", "$x_t/\\sqrt{\\bar\\alpha_t}$", times: earlySteps,
        factor: { 1 / schedule.signalScale($0) }),
    ], panelSize: Size(400, 260)),
  caption: "Six chains, twice. On the left the mean falls and the band levels off; on the right "
    + "the mean stays and the band grows without end (its width at $t=1000$ would not fit on the "
    + "page). Each wiggle on the left is also on the right.",
  alternative: "Left, six chains from 1 in a band around 0; right, the same in a band that opens "
    + "around 1.")

//: ### Diffusion in physics: ink in water
//:
//: The name comes from physics. A particle of ink is kicked to and fro, $\pm\delta$ every $\tau$
//: seconds, each way with probability one half. Kicks are independent and have mean 0 and variance
//: $\delta^2$, so after the time $t = n\tau$ the mean of $x^2$ is $n\delta^2$.
//:
//: **Claim 0.44.** $E[x^2] = 2Dt$ with the *diffusion constant* $D = \delta^2/2\tau$. Here
//: $\delta = 0.1$, $\tau = 0.01$; sixty-four kicks are the bits of one random number.

let (delta, tau) = (0.1, 0.01)
let walks = notebook.samples(notebook.count(100_000, quick: 20_000), stream: 23) { random in
  (0..<16).reduce(into: [0.0]) { walk, _ in
    walk.append(walk.last! + delta * Double(2 * random.next().nonzeroBitCount - 64))
  }
}
let diffusionConstant = delta * delta / (2 * tau)
notebook.show("D", diffusionConstant)
for blocks in [1, 4, 16] {
  let time = Double(64 * blocks) * tau
  notebook.check(
    "mean of x^2 at time \(time)", Estimate(of: walks.map { $0[blocks] * $0[blocks] }),
    equals: 2 * diffusionConstant * time)
}

//: Divided by the distance $2\delta$ between the places that can be reached, the probabilities
//: after $n$ kicks become a density, and with small kicks that density is smooth.
//:
//: **Claim 0.45.** It approaches the *heat kernel* $\mathcal N(0, 2Dt)$. The largest gap, in units
//: of the kernel's maximum, is close to $\frac{1}{4n}$, from Stirling's formula for the middle term
//: $\binom{n}{n/2}/2^n$.

let stepCounts = [16, 64, 256, 1024]
let kernelGaps = stepCounts.map { n -> Double in
  let kernel = GaussianMixture.gaussian(variance: Double(n) * delta * delta)
  return (0...n).map { k -> Double in
    let logChance = lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    let density = exp(logChance - Double(n) * log(2.0)) / (2 * delta)
    return abs(density - kernel.density(delta * Double(2 * k - n))) / kernel.density(0)
  }.max()!
}
notebook.table(
  columns: ["kicks", Column("largest gap", digits: 4), Column("times 4n", digits: 4)],
  rows: zip(stepCounts, kernelGaps).map { [$0, $1, $1 * 4 * Double($0)] })
notebook.check("4n times the gap, n = 1024", kernelGaps[3] * 4096, equals: 1, tolerance: 0.01)

//: **Claim 0.46.** The heat kernel solves the *heat equation* $\frac{\partial p}{\partial t} =
//: D\,\frac{\partial^2 p}{\partial x^2}$: ink flows from where there is more to where there is
//: less. Both sides are computed by finite differences, whose error sets the tolerance.

func heatKernel(_ x: Double, _ t: Double) -> Double {
  GaussianMixture.gaussian(variance: 2 * diffusionConstant * t).density(x)
}
let positions = [-2.0, -0.5, 0, 1, 3]
notebook.check(
  "rate of change at five places, t = 1",
  positions.map { x in derivative(at: 1) { heatKernel(x, $0) } },
  equals: positions.map { x in
    diffusionConstant * derivative(at: x) { derivative(at: $0) { heatKernel($0, 1) } }
  }, tolerance: 1e-8)

//: @fold How the figure is plotted

let inkPlot = Plot(x: "place $x$", y: "density", size: Size(560, 280))
  .adding([(1, Color.blue), (4, .vermilion), (16, .green)]) { plot, entry in
    let (blocks, color) = entry
    let time = Double(64 * blocks) * tau
    let bins = 2 * Int(2 * (2 * diffusionConstant * time).squareRoot() / delta) + 1
    return
      plot
      .histogram(
        walks.map { $0[blocks] }, bins: bins,  // one for each place that can be reached
        range: (-delta * Double(bins))...(delta * Double(bins)), color: color
      )
      .curve(over: -10...10, label: "$t=\(time)$", color: color) { heatKernel($0, time) }
  }
notebook.figure(
  "ink", inkPlot,
  caption: "Ink at three times: histograms of a hundred thousand random walks, and the heat kernel "
    + "of each time. Four times the time is twice the width.",
  alternative: "Three histograms around 0, each wider than the one before, with bell curves.")

//: This is the VE process with $(\sigma^{\mathrm{VE}}_t)^2 = 2Dt$. The forward process *is* ink in
//: water, one particle for each entry of the image, up to the scale of Claim 0.42. Ink is famous
//: for not going back into the drop. How to make it go back is what the rest of the course is
//: about.
//:
//: ## What goes wrong
//:
//: Three mistakes with consequences. The first two are easy to make in code; the third awaits
//: anyone who takes the cosine schedule without thinking of its end.
//:
//: **Claim 0.47.** *Clipping the noise away.* Noisy images leave the range -1 to 1, and a program
//: that stores them as bytes clips what is outside. That is right for display (the images on this
//: page are clipped so) and wrong for anything else: clipped noise has the variance $1 -
//: 2\,\varphi(1)$, where $\varphi$ is the density of $\mathcal N(0,1)$, about half of what it
//: should be.

let clipped = notebook.samples(many, stream: 24) { min(max($0.normal(), -1), 1) }
notebook.check(
  "variance of clipped noise", .variance(of: clipped), equals: 1 - 2 * StandardNormal.density(1))

//: **Claim 0.48.** *Counting from zero in one place and from one in another.* A list of $\beta_1
//: \dots \beta_T$ starts at index 0 in most languages, and then index $t$ holds $\beta_{t+1}$. Late
//: in the chain nobody notices; at $t = 1$ the noise has 1.48 times the standard deviation it
//: should have. The library's lists hold $T + 1$ values, with $\bar\alpha_0 = 1$ at index 0, so
//: that the index is the step.

let zeroBased = (0..<1000).map { schedule.noiseScale($0 + 1) }  // place 0 holds step 1
notebook.check(
  "standard deviation of the noise at t = 1, misread over right",
  zeroBased[1] / schedule.noiseScale(1),
  equals: ((1e-4 + schedule.beta(2) * (1 - 1e-4)) / 1e-4).squareRoot(), tolerance: 1e-9)
notebook.check(
  "the same at t = 900", zeroBased[900] / schedule.noiseScale(900), equals: 1, tolerance: 1e-4)

//: **Claim 0.49.** *Dividing by almost nothing.* A network will estimate the noise, and the
//: estimate of the data follows: $\hat x_0 = (x_t -
//: \sqrt{1-\bar\alpha_t}\,\hat\epsilon)/\sqrt{\bar\alpha_t}$. An error in $\hat\epsilon$ becomes
//: $\sqrt{(1-\bar\alpha_t)/\bar\alpha_t} = \sigma^{\mathrm{VE}}_t$ times as large. At $t = T$ that
//: is a factor of about 157 for the linear schedule and of 20 thousand for the cosine. Predict:
//: which of the two is worse at $t = 750$?

for (name, each) in [("linear", linear), ("cosine", cosine)] {
  let process = GaussianDiffusion(each)
  for t in [750, 1000] {
    let xt = process.addNoise(to: 0.5, t: t, noise: 1)
    let miss = process.x0Estimate(noise: 1.001, xt: xt, t: t) - 0.5
    notebook.check(
      "error of x(0) for an error of 0.001, t = \(t), \(name)", abs(miss),
      equals: 0.001 * each.sigmaVE(t), relativeTolerance: 1e-9)
  }
}

//: ## Summary
//:
//: | in the text | in code | what it is |
//: |:--|:--|:--|
//: | $t = 0, 1, \dots, T$ | `t`, `schedule.steps` | step; 0 is the data |
//: | $\beta_t$ | `schedule.beta(t)` | variance that step $t$ adds |
//: | $\alpha_t = 1 - \beta_t$ | `schedule.alpha(t)` | share of the variance that step $t$ keeps |
//: | $\bar\alpha_t = \alpha_1 \cdots \alpha_t$ | `schedule.alphaBar(t)` | share kept since the start; $\bar\alpha_0 = 1$ |
//: | $\sqrt{\bar\alpha_t},\ \sqrt{1 - \bar\alpha_t}$ | `signalScale(t)`, `noiseScale(t)` | amplitudes of data and noise in $x_t$ |
//: | $\mathrm{SNR}_t,\ \lambda_t$ | `snr(t)`, `logSNR(t)` | signal-to-noise ratio and its logarithm |
//: | $\sigma^{\mathrm{VE}}_t$ | `sigmaVE(t)` | noise level of the variance-exploding process |
//: | $\epsilon$ | `noise` | all the noise in $x_t$, of variance 1 |
//: | $q(x_t \mid x_{t-1})$ | `diffusion.forwardStep(x, to: t, noise:)` | one step |
//: | $q(x_t \mid x_0)$ | `diffusion.addNoise(to: x0, t: t, noise:)` | all steps at once |
//:
//: Types introduced: `NoiseSchedule` (the numbers), `GaussianDiffusion` (the process),
//: `LinearCombinable` (what it acts on: `Double`, `PointSet`, `Tensor`, and `GaussianVariable` for
//: distributions), `GaussianMixture` and `NoisyMarginal` (data with a known density, and its noisy
//: marginals), `RandomGenerator` and `RandomStreams` (random numbers), `Estimate` (an average with
//: its standard error).
//:
//: ## Exercises
//:
//: The numbers in brackets are those of "Foundations of Generative Models", where the exercises are
//: from. Two of them, to show how an image becomes noise (4.15.1c) and to plot the schedules
//: (4.15.4a), are solved by figures above; the effect of a schedule on training (4.15.4b) waits for
//: chapter 3.
//:
//: **Exercise 1** (1.7.1). Sample from the exponential distribution with the density $\lambda
//: e^{-\lambda x}$. Check the distribution, and a property that no other density has: it
//: is *memoryless*, so the remaining waiting time does not depend on the time already waited.
//:
//: <details><summary>Answer</summary>
//:
//: $F(x) = 1 - e^{-\lambda x}$, so $x = -\frac1\lambda \log(1 - u)$, or $-\frac1\lambda \log u$,
//: since $1 - u$ is uniform too.
//:
//: **Claim 0.50.** The samples follow $F$, and $\Pr(x > a + b \mid x > a) =
//: e^{-\lambda(a+b)}/e^{-\lambda a} = e^{-\lambda b} = \Pr(x > b)$.

let waits = notebook.samples(many, stream: 25) { -log($0.uniform()) / 2 }
notebook.check(waits, follow: { 1 - exp(-2 * $0) })
let longer = waits.filter { $0 > 0.5 }
notebook.check(
  "of those above 0.5, the share above 0.5 + 0.3",
  .proportion(longer.count { $0 > 0.8 }, of: longer.count), equals: exp(-0.6))

//: </details>
//:
//: **Exercise 2** (1.7.3). Rejection sampling with the envelope $c\,p(x)$, $c > 1$: what is the
//: probability of accepting a proposal, and which $c$ is best?
//:
//: <details><summary>Answer</summary>
//:
//: **Claim 0.51.** At every $x$ it is $p(x)/c\,p(x) = 1/c$, so $c = 1$ is best, and then every
//: proposal is accepted. But then a proposal's place is a sample from $p$ itself: if you can do
//: that, you need no rejection. (Below, the places are those accepted before, which follow $p$.)

for c in [2.5, 1] {
  var random = notebook.random(26)
  let count = accepted.count { random.uniform() * c * mixture.density($0) <= mixture.density($0) }
  notebook.check(
    "share accepted for c = \(c)", .proportion(count, of: accepted.count), equals: 1 / c)
}

//: </details>
//:
//: **Exercise 3** (1.7.4). Why do networks with random parts need the reparameterization trick?
//: What happens if one differentiates through a program that samples $z$ from $\mathcal N(\mu, 1)$?
//:
//: <details><summary>Answer</summary>
//:
//: **Claim 0.52.** To a program that records operations and differentiates them, a sample is a
//: constant: the record does not show that the sample would have been different for another $\mu$.
//: For $f(z) = z^2$ at $\mu = \frac12$ the derivative of $E[f(z)]$ is 1; with the samples $z$ held
//: fixed the derivative of their average is 0, with the noise held fixed it is the average of $2z$.
//: (Where reparameterization is impossible, as for the outcomes of a die, the score-function
//: estimator remains.)

let noise = notebook.samples(many, stream: 27) { $0.normal() }
let samples = noise.map { 0.5 + $0 }
func average(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

notebook.check(
  "derivative through z as plain samples",
  derivative(at: 0.5) { _ in average(samples.map { $0 * $0 }) }, equals: 0, tolerance: 0)
let pathwise = derivative(at: 0.5) { mu in average(noise.map { (mu + $0) * (mu + $0) }) }
notebook.check(
  "derivative via mu + noise", pathwise, equals: average(samples.map { 2 * $0 }), tolerance: 1e-9)
notebook.check("the same as an estimate", Estimate(of: samples.map { 2 * $0 }), equals: 1)

//: </details>
//:
//: **Exercise 4** (4.15.1a). Derive the closed form for $t = 3$ step by step.
//:
//: <details><summary>Answer</summary>
//:
//: Put each step into the next:
//: $$ x_2 = \sqrt{\alpha_2}\,\bigl(\sqrt{\alpha_1}\,x_0 + \sqrt{\beta_1}\,\epsilon_1\bigr) +
//: \sqrt{\beta_2}\,\epsilon_2 , $$
//: $$ x_3 = \sqrt{\alpha_3\alpha_2\alpha_1}\,x_0 + \sqrt{\alpha_3\alpha_2\beta_1}\,\epsilon_1 +
//: \sqrt{\alpha_3\beta_2}\,\epsilon_2 + \sqrt{\beta_3}\,\epsilon_3 . $$
//: The variance of the noise telescopes: $\alpha_3\alpha_2(1 - \alpha_1) + \alpha_3(1 - \alpha_2) +
//: 1 - \alpha_3 = 1 - \alpha_3\alpha_2\alpha_1 = 1 - \bar\alpha_3$.
//:
//: **Claim 0.53.** With $\beta = (0.1,\ 0.2,\ 0.3)$: $\bar\alpha_3 = 0.504$ and
//: $0.056 + 0.14 + 0.3 = 0.496$.

let x3 = GaussianDiffusion(NoiseSchedule(betas: [0.1, 0.2, 0.3]))
  .chain(from: GaussianVariable(mean: 1), using: notebook.streams(1, stream: 0)).map(\.x)[2]
notebook.check(
  "squares of the coefficients of x(0) and of the noises",
  ([x3.mean] + x3.loadings.suffix(3)).map { $0 * $0 }, equals: [0.504, 0.056, 0.14, 0.3],
  tolerance: 1e-15)

//: </details>
//:
//: **Exercise 5** (4.15.1b, corrected). For which of these schedules does $\bar\alpha_T$ go to 0 as
//: $T \to \infty$: $\beta_t = 1/2t$, $\beta_t = 1/4t^2$?
//:
//: <details><summary>Answer</summary>
//:
//: By Claim 0.41 the first does, because $\sum 1/2t$ is unbounded, and the second does not. Both
//: products have famous values.
//:
//: **Claim 0.54.** For $\beta_t = 1/2t$ one gets $\bar\alpha_T = \prod_t \frac{2t-1}{2t} =
//: \binom{2T}{T}/4^T$, which falls like $1/\sqrt{\pi T}$. For $\beta_t = 1/4t^2$ one gets Wallis'
//: product, whose limit is $2/\pi$; the rest of the product differs from 1 by about $1/4T$.

let counting = (1...longRun).map { Double($0) }
let slowly = NoiseSchedule(betas: counting.map { 0.5 / $0 }).alphaBar(longRun)
let wallis = NoiseSchedule(betas: counting.map { 0.25 / ($0 * $0) }).alphaBar(longRun)
let n = Double(longRun)
notebook.check(
  "alphaBar(100000) for beta = 1/2t", slowly,
  equals: exp(lgamma(2 * n + 1) - 2 * lgamma(n + 1) - n * log(4.0)), relativeTolerance: 1e-8)
notebook.check(
  "against 1/sqrt(pi T)", slowly, equals: 1 / (.pi * n).squareRoot(), relativeTolerance: 1e-5)
notebook.check("alphaBar(100000) for beta = 1/4t^2", wallis, equals: 2 / .pi, tolerance: 1e-5)

//: </details>
//:
//: **Exercise 6** (4.15.4c). Design a schedule of your own and justify it.
//:
//: <details><summary>Answer</summary>
//:
//: One idea among many: let every step lose the same amount of information. For Gaussian data of
//: variance 1 the information is $I_t = \frac12 \log(1 + \mathrm{SNR}_t)$ by Claim 0.37. Let it
//: fall in a straight line from 5 nats to a thousandth, and solve for $\lambda_t = \log(e^{2 I_t} -
//: 1)$. Then, in this measure, no step is wasted, and none has more to undo than the others.
//:
//: **Claim 0.55.** That is a schedule ($0 < \beta_t < 1$), and the information that remains, found
//: by integration, falls by the same amount every hundred steps.

let (greatest, least) = (5.0, 1e-3)  // information at t = 0 and t = T
let even = NoiseSchedule(name: "even", steps: 1000) { u in
  log(expm1(2 * (greatest + (least - greatest) * u)))
}
let evenBetas = (1...1000).map(even.beta)
notebook.check("least beta", evenBetas.min()!, isAbove: 0)
notebook.check("greatest beta", evenBetas.max()!, isBelow: 1)
let remaining = stride(from: 100, through: 1000, by: 100)
  .map { gaussianData.noisyMarginal(even, to: $0).information }
notebook.check(
  "loss in each hundred steps from t = 100 on",
  zip(remaining, remaining.dropFirst()).map { $0 - $1 },
  equals: Array(repeating: (greatest - least) / 10, count: 9), tolerance: 1e-9)
tableOfShares([linear, cosine, even])

//: The table shows the catch: half of all steps work on images with hardly any noise in them, where
//: there are many nats but little that is visible. Information is not visual quality.
//:
//: </details>
//:
//: **Exercise 7** (5.8.4). Add noise to a set of points in the plane in the variance-preserving and
//: in the variance-exploding way; follow mean and variance; what are the advantages of each? (The
//: book asks for stochastic differential equations. The two chains are those, step by step.)
//:
//: <details><summary>Answer</summary>
//:
//: **Claim 0.56.** If the data have the mean $m$ and the covariance matrix $C$, then $x_t$ has
//: $\sqrt{\bar\alpha_t}\,m$ and $\bar\alpha_t C + (1 - \bar\alpha_t) I$, and $y_t$ has $m$ and $C +
//: (\sigma^{\mathrm{VE}}_t)^2 I$. The formulas of this chapter act on each coordinate, and the
//: noise is independent in the two coordinates, so the covariance between them only shrinks (VP) or
//: stays (VE). (The points are fixed; only the noise is random. The standard errors allow for
//: both.)

let moons = PlaneSet.moons.sample(
  notebook.count(40_000, quick: 10_000), using: notebook.random(28)
).points
func covariance(_ points: PointSet, _ a: Int, _ b: Int) -> Estimate {
  .covariance(points.column(a), points.column(b))
}
let (xx, xy) = (covariance(moons, 0, 0).mean, covariance(moons, 0, 1).mean)
for t in [100, 300] {
  var streams = RandomStreams(of: notebook.random(29).split(t), count: moons.count)
  let x = diffusion.addNoise(to: moons, t: t, using: &streams)
  let y = diffusion.varianceExploding(x, t: t)
  for (form, points, scale, noise) in [
    ("VP", x, schedule.alphaBar(t), schedule.noiseVariance(t)), ("VE", y, 1, 1 / schedule.snr(t)),
  ] {
    notebook.check(
      "\(form), t = \(t), variance on axis 1", covariance(points, 0, 0), equals: scale * xx + noise)
    notebook.check("\(form), t = \(t), covariance", covariance(points, 0, 1), equals: scale * xy)
  }
}

//: @fold How the figure is plotted

let moonTimes = [0, 50, 150, 300, 450]
let fewMoons = moons.entries(0..<1500)
let moonNoise = PointSet(
  notebook.samples(fewMoons.count, stream: 30) { [$0.normal(), $0.normal()] })
func moonPlot(_ points: PointSet, _ title: String, reach: Double) -> Plot {
  let axis = Axis("", range: -reach...reach, at: [-reach / 1.5, 0, reach / 1.5])
  return Plot(title: title, x: axis, y: axis)
    .scatter(points.column(0), points.column(1), color: .blue, radius: 0.9, opacity: 0.5)
}
let noisyMoons = moonTimes.map {
  $0 == 0 ? fewMoons : diffusion.addNoise(to: fewMoons, t: $0, noise: moonNoise)
}
let preservingPanels = zip(moonTimes, noisyMoons).map { moonPlot($1, "$t=\($0)$", reach: 3) }
let explodingPanels = zip(moonTimes, noisyMoons).map {
  moonPlot(diffusion.varianceExploding($1, t: $0), "", reach: 6)
}
notebook.figure(
  "moons",
  Figure(
    columns: moonTimes.count, preservingPanels + explodingPanels, panelSize: Size(165, 165)),
  formats: [.png],
  caption: "Two moons under more and more noise: variance preserving above, variance exploding "
    + "below (note the other scale). The shapes are the same up to size.",
  alternative: "Two rows of scatter plots: two crescents blur into round noise, which grows below.")

//: VP keeps all states on one scale, which suits networks, and its end is the same for all
//: data of moderate size. VE keeps the data where they are, so that a state is simply data
//: plus error, and has one number, $\sigma^{\mathrm{VE}}_t$, in place of two. But its states must
//: be scaled before they enter a network, and its end depends on how large $\sigma^{\mathrm{VE}}_T$
//: is compared with the standard deviation of the data. By Claim 0.43 the choice is one of
//: convenience.
//:
//: </details>
//:
//: ## Sources
//:
//: Sampling, reparameterization and the exercises: S. Chatterjee, "Foundations of Generative
//: Models", chapters 1, 4 and 5. Diffusion models: Sohl-Dickstein, Weiss, Maheswaranathan and
//: Ganguli, "Deep unsupervised learning using nonequilibrium thermodynamics" (2015). The process
//: and its schedules: Ho, Jain and Abbeel (2020); Nichol and Dhariwal (2021). Schedules with zero
//: terminal SNR: Lin et al., "Common diffusion noise schedules and sample steps are flawed" (2024).
//: The variance-exploding process: Song and Ermon, "Generative modeling by estimating gradients of
//: the data distribution" (2019). The errata are from a talk on DDPM and DDIM, the Cornell CS 4782
//: notes, and the book; the claim on the last quarter is from the slides "Deep Learning, 21.
//: Diffusion Models" of IIT Hyderabad.
//:
//: ## Next
//:
//: We can turn any image into noise, exactly and as slowly as we like. Chapter 1 asks what it would
//: take to go back: what a reverse step is if one is given $x_0$, and how to measure, from outside,
//: how good a model is that is not.

notebook.finish()  // weave:hide
