//: # Chapter 1. The variational bound (ELBO)
//:
//: Chapter 0 turned images into noise, one small step after another. A diffusion model learns the
//: reverse process. What is it trained for? Not to "make good images": nobody can write that down.
//: It is trained to make the training data *likely*. Even that cannot be computed, so training
//: maximizes a quantity that lies below it: the *evidence lower bound*, ELBO for short, also called
//: the *variational lower bound* (VLB).
//:
//: Every loss in this course is derived from the ELBO, and more wrong statements about it are in
//: print than about anything else in the subject. So this chapter takes it apart on models small
//: enough to be solved exactly. At the end you can
//:
//: - state what the ELBO is, how far below the log-likelihood it lies, and when it is tight,
//: - explain what the training of a variational autoencoder does, and predict which of its latent
//:   variables will collapse,
//: - derive the ELBO of a diffusion model, its three terms, and the posterior that they contain,
//: - refute a decomposition that stands in many lecture notes,
//: - compute what the choice of the reverse variance costs, to eight digits.

import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Notebook  // weave:hide
import Probability  // weave:hide

let notebook = Chapter.open(  // weave:hide
  "The evidence lower bound, from one latent variable to a diffusion model.")  // weave:hide

//: Claims are numbered and checked as in chapter 0: exact ones to rounding, those by Monte Carlo
//: within four standard errors. Where a tolerance is larger than rounding, the reason is given
//: beside it. Every experiment with random numbers has a random stream of its own.

let many = notebook.count(200_000, quick: 20_000)

//: ## Part I. The evidence lower bound
//:
//: ### Latent variables and the evidence
//:
//: A face has a pose, a light, an age. They are not in the data, but they would explain them. In
//: a *latent variable model* a *latent variable* $z$, one that is not observed, is sampled from a
//: simple distribution $p(z)$, the *prior*, and then the data from $p(x \mid z)$. How likely is an
//: $x$ under such a model? Every $z$ may have caused it:
//: $$ p(x) = \int p(x \mid z)\, p(z)\, dz . $$
//:
//: This number is the *evidence* or marginal likelihood. Training means raising it, or its
//: logarithm, for the given data. And given $x$, which $z$ was it? Bayes' rule gives
//: the *posterior*, $p(z \mid x) = p(x \mid z)\,p(z) / p(x)$. For a network $p(x \mid z)$ neither
//: can be computed. So we begin with a model where both can: a linear one,
//: $x = W z + \sigma \epsilon$ with $z \sim \mathcal N(0, I)$. The smallest has one-dimensional $x$
//: and $z$. Its data are $\mathcal N(0, w^2 + \sigma^2)$.

let toy = LinearLatentModel(loadings: Matrix([[1.5]]), noiseVariance: 0.5)
let x = [2.0]
let logEvidence = toy.evidence.logDensity(x)
let posterior = toy.posterior(given: x)
notebook.show("log p(x)", logEvidence, "nats", digits: 9)
notebook.show("mean of p(z | x)", posterior.mean[0])
notebook.show("variance of p(z | x)", posterior.covariance[0, 0])

//: **Claim 1.1.** The evidence is that integral: adding up $p(x \mid z)\, p(z)$ over all $z$ gives
//: the density of $\mathcal N(0, w^2 + \sigma^2)$ at $x$.

let integral = Quadrature.integrate(from: -9, to: 9) {
  exp(toy.logLikelihood(x, given: [$0]) + toy.prior.logDensity([$0]))
}
notebook.check("log of the integral over z", log(integral), equals: logEvidence, tolerance: 1e-12)

//: **Claim 1.2.** Bayes' rule solved for the evidence, $p(x) = p(x \mid z)\, p(z) / p(z \mid x)$,
//: holds for *every* $z$: the three factors vary over many orders of magnitude, their ratio does
//: not. It would be a way to the evidence, if only we had the posterior.

let ratios = stride(from: -4.0, through: 4, by: 0.01).map { z in
  toy.logLikelihood(x, given: [z]) + toy.prior.logDensity([z]) - posterior.logDensity([z])
}
notebook.check(
  "log ratio at 801 values z", ratios, equals: ratios.map { _ in logEvidence }, tolerance: 1e-12)

//: ### Why averaging prior samples fails
//:
//: The evidence is the mean of $p(x \mid z)$ over $z$ from the prior. Sample many $z$, take the
//: mean: what could be simpler? Guess how many samples it takes with 20 latent dimensions and 40
//: observed ones. Below are models of growing size, an $x$ sampled from each, and the attempt. The
//: table has the exact value beside it, and two warnings. The *effective sample size* is the number
//: of samples that really contribute. The column "information" is how many nats of information $x$
//: contains about $z$ (a Kullback-Leibler divergence, the subject of the next section): of
//: $e^{\text{information}}$ prior samples, about one is typical of the posterior.

func randomMatrix(
  _ rows: Int, _ columns: Int, scale: Double = 1, _ random: inout RandomGenerator
) -> Matrix {
  Matrix(rows: rows, columns: columns, (0..<rows * columns).map { _ in scale * random.normal() })
}

//: With numbers this small only their logarithms can be stored. The mean is taken relative to the
//: largest; the effective sample size is $(\sum w)^2 / \sum w^2$.

/// The logarithm of the mean of numbers given by their logarithms, and their effective count.
func logMean(_ logs: [Double]) -> (value: Double, effective: Double) {
  let greatest = logs.max()!
  let weights = logs.map { exp($0 - greatest) }
  let (sum, squares) = (weights.reduce(0, +), weights.reduce(0) { $0 + $1 * $1 })
  return (greatest + log(sum / Double(logs.count)), sum * sum / squares)
}

let priorSamples = notebook.count(40_000, quick: 4_000)
let attempts = [1, 2, 5, 10, 20].map { latents in
  var random = notebook.random(100 + latents)
  let model = LinearLatentModel(
    loadings: randomMatrix(2 * latents, latents, &random), noiseVariance: 0.1)
  let data = model.sample(using: &random).x
  let logs = (0..<priorSamples).map { _ in
    model.logLikelihood(data, given: model.prior.sample(using: &random))
  }
  return (
    latents: latents, model: model, data: data, exact: model.evidence.logDensity(data),
    sampled: logMean(logs), information: model.posterior(given: data).divergence(from: model.prior)
  )
}
notebook.table(
  "$\\log p(x)$ from \(priorSamples) prior samples, a number whose logarithm is "
    + "\((10 * log(Double(priorSamples))).rounded() / 10)", of: attempts,
  columns: [
    "latents": { $0.latents }, "exact": { $0.exact }, "sampled": { $0.sampled.value },
    "effective samples": { $0.sampled.effective }, "information": { $0.information },
  ])

//: **Claim 1.3.** With one or two latent dimensions the average is right. With 20 it is wrong by
//: more than 20 nats: the evidence is underestimated by a factor of half a billion or worse, and
//: one single sample carries the average. The information then exceeds the logarithm of the number
//: of samples, which is the rule for failure (Chatterjee and Diaconis, 2018).

let (small, large) = (attempts[0], attempts[4])
notebook.check(
  "1 latent: error of the sampled value", abs(small.sampled.value - small.exact), isBelow: 0.2)
notebook.check("20 latents: shortfall in nats", large.exact - large.sampled.value, isAbove: 20)
notebook.check(
  "20 latents: information in nats", large.information, isAbove: log(Double(priorSamples)))

//: **Claim 1.4.** *Importance sampling*: sample $z$ from the posterior instead, and weight each
//: sample by $p(z)/p(z \mid x)$. By Claim 1.2 every single sample, $p(x \mid z)\,p(z)/p(z \mid x)$,
//: gives the exact evidence. The trouble is not sampling. It is sampling in the wrong place.

let logWeights = notebook.samples(1000, stream: 1) { random in
  let posterior = large.model.posterior(given: large.data)
  let z = posterior.sample(using: &random)
  return large.model.logLikelihood(large.data, given: z) + large.model.prior.logDensity(z)
    - posterior.logDensity(z)
}
notebook.check(
  "20 latents: log weights of 1000 posterior samples", logWeights,
  equals: logWeights.map { _ in large.exact }, tolerance: 1e-9)

//: The tolerance is rounding again, in sums over 40 squares of sizes up to $10^3$ and a condition
//: number of some hundreds.
//:
//: ### The KL divergence
//:
//: So we need a distribution $q(z)$ that is near the posterior. Near in what sense?
//: The *Kullback-Leibler divergence* or *KL divergence* of $q$ from $p$ is the mean, under $q$, of
//: the log of their ratio:
//: $$ D_{KL}(q \,\|\, p) = \int q(z) \log \frac{q(z)}{p(z)}\, dz . $$
//:
//: It is measured in *nats* because the logarithm is the natural one; divide by $\log 2 = 0.693$
//: for bits. It is the extra length of a code made for $p$ when the data come from $q$.
//:
//: **Claim 1.5.** For Gaussian distributions it has the closed form
//: $$ D_{KL}\big(\mathcal N(m_1, v_1) \,\|\, \mathcal N(m_2, v_2)\big)
//: = \tfrac12 \Big( \frac{v_1}{v_2} - 1 - \log \frac{v_1}{v_2}
//: + \frac{(m_1 - m_2)^2}{v_2} \Big) . $$
//: It is never negative, it is 0 if the distributions are equal, and it is not symmetric:
//: exchanging them gives another value.

/// The KL divergence of N(m1, v1) from N(m2, v2), by the formula and by integration.
func klDivergence(_ m1: Double, _ v1: Double, _ m2: Double, _ v2: Double) -> Double {
  gaussianKLDivergence(mean: m1, variance: v1, fromMean: m2, variance: v2)
}
func divergenceByQuadrature(_ m1: Double, _ v1: Double, _ m2: Double, _ v2: Double) -> Double {
  let q = GaussianMixture.gaussian(mean: m1, variance: v1)
  let p = GaussianMixture.gaussian(mean: m2, variance: v2)
  return q.divergence(from: p)
}

notebook.check(
  "of N(1, 1/4) from N(0, 1), and of N(0, 1) from N(1, 1/4)",
  [klDivergence(1, 0.25, 0, 1), klDivergence(0, 1, 1, 0.25)],
  equals: [divergenceByQuadrature(1, 0.25, 0, 1), divergenceByQuadrature(0, 1, 1, 0.25)],
  tolerance: 1e-12)
notebook.check(
  "of a distribution from itself", klDivergence(1, 0.25, 1, 0.25), equals: 0, tolerance: 0)
let divergences = notebook.samples(1000, stream: 2) { random in
  klDivergence(random.normal(), exp(random.normal()), random.normal(), exp(random.normal()))
}
notebook.check("least of 1000 random pairs", divergences.min()!, isAbove: 0)

//: **Claim 1.6.** From the standard normal distribution, coordinate by coordinate,
//: $$ D_{KL}\big(\mathcal N(\mu, \mathrm{diag}\,\sigma^2) \,\|\, \mathcal N(0, I)\big)
//: = \tfrac12 \sum_i \big( \mu_i^2 + \sigma_i^2 - \log \sigma_i^2 - 1 \big) , $$
//: and its gradient is $\mu_i$ in $\mu_i$ and $\sigma_i - 1/\sigma_i$ in $\sigma_i$: the means are
//: pulled to 0 and the standard deviations to 1. (Exercise 3.13.1 asks for this; term by term,
//: $\mu^2$ is the price of a code away from the origin, $\sigma^2 - 1$ that of a code too wide, and
//: $-\log\sigma^2$ that of a code too sharp.) Three routes to the value, and the gradient by finite
//: differences.

func divergenceFromStandard(_ mu: [Double], _ sigma: [Double]) -> Double {
  zip(mu, sigma).reduce(0) { $0 + ($1.0 * $1.0 + $1.1 * $1.1 - 2 * log($1.1) - 1) / 2 }
}
let (mu, sigma) = ([0.7, -1.2], [0.4, 1.5])
let closed = divergenceFromStandard(mu, sigma)
notebook.check(
  "closed form, by quadrature", closed,
  equals: divergenceByQuadrature(0.7, 0.16, 0, 1) + divergenceByQuadrature(-1.2, 2.25, 0, 1),
  tolerance: 1e-11)
let gaussian = MultivariateGaussian(mean: mu, variances: sigma.map { $0 * $0 })
let logRatios = notebook.samples(many, stream: 3) { random in
  let z = gaussian.sample(using: &random)
  return gaussian.logDensity(z) - MultivariateGaussian.standard(2).logDensity(z)
}
notebook.check("closed form, by Monte Carlo", Estimate(of: logRatios), equals: closed)
notebook.check(
  "gradient in the means and in the standard deviations",
  gradient(at: mu) { divergenceFromStandard($0, sigma) }
    + gradient(at: sigma) { divergenceFromStandard(mu, $0) },
  equals: mu + sigma.map { $0 - 1 / $0 }, tolerance: 1e-9)

//: **Claim 1.7.** If the variances are equal, only the squared distance of the means is left:
//: $\|m_1 - m_2\|^2 / 2\sigma^2$, without any constant. This is why losses of diffusion models are
//: squared errors. If the variances differ, a constant is added that no choice of the mean can
//: change.

let shifts = [0.0, 0.3, -1, 2.5]
notebook.check(
  "equal variances: KL divergence over distance", shifts.map { klDivergence($0, 0.3, 0, 0.3) },
  equals: shifts.map { $0 * $0 / 0.6 }, tolerance: 1e-14)
let leftOver = shifts.map { klDivergence($0, 0.2, 0, 0.3) - $0 * $0 / 0.6 }
notebook.check(
  "unequal variances: what is left", leftOver,
  equals: leftOver.map { _ in (0.2 / 0.3 - 1 - log(0.2 / 0.3)) / 2 }, tolerance: 1e-14)

//: ### The ELBO and its gap
//:
//: The logarithm is concave, so the log of an average is more than the average of the logs
//: (*Jensen's inequality*).
//:
//: **Claim 1.8.** For 1 and 4: $\log 2.5 = 0.916$ against $\tfrac12(\log 1 + \log 4) = 0.693$; and
//: so for any positive numbers.

notebook.check("log of the mean of 1 and 4", log(2.5), isAbove: (log(1.0) + log(4.0)) / 2)
let jensen = notebook.samples(1000, stream: 4) { random in
  let numbers = (0..<5).map { _ in exp(2 * random.normal()) }
  return log(numbers.reduce(0, +) / 5) - numbers.reduce(0) { $0 + log($1) } / 5
}
notebook.check("least difference in 1000 sets of five", jensen.min()!, isAbove: 0)

//: Now take any $q(z)$, multiply and divide by it, and pull the logarithm inside:
//: $$ \log p(x) = \log \int q(z) \frac{p(x, z)}{q(z)}\, dz
//: \ \ge\ \int q(z) \log \frac{p(x, z)}{q(z)}\, dz =: \mathrm{ELBO}(q) . $$
//:
//: This is an average of logarithms: it can be estimated from samples of $q$, and each sample may
//: be differentiated. How much is lost? Put $p(x, z) = p(x)\, p(z \mid x)$ under the logarithm:
//: $$ \mathrm{ELBO}(q) = \log p(x) - \int q(z) \log \frac{q(z)}{p(z \mid x)}\, dz
//: = \log p(x) - D_{KL}\big(q \,\|\, p(z \mid x)\big) . $$
//:
//: **Claim 1.9.** The gap is exactly the KL divergence of $q$ from the posterior (exercise 3.13.2).
//: So the ELBO is a lower bound, because KL divergences are not negative, and it is tight for
//: $q = p(z \mid x)$ and nothing else. In the library the ELBO of the linear model is this:
//:
//: @code Sources/Probability/Distributions/LinearLatentModel.swift bound

let guesses = notebook.samples(1000, stream: 5) { random in
  MultivariateGaussian(mean: [2 * random.normal()], variances: [exp(random.normal() - 1)])
}
let bounds = guesses.map { toy.bound(of: x, under: $0).value }
notebook.check(
  "ELBO + KL divergence, for 1000 random q",
  zip(guesses, bounds).map { $1 + $0.divergence(from: posterior) },
  equals: bounds.map { _ in logEvidence }, tolerance: 1e-11)
notebook.check(
  "the tight ELBO", toy.bound(of: x, under: posterior).value, equals: logEvidence, tolerance: 1e-13)
notebook.check("best of the 1000", bounds.max()!, isBelow: logEvidence)

//: @fold How the figure is plotted

func gap(_ mean: Double, _ standardDeviation: Double) -> Double {
  let q = MultivariateGaussian(mean: [mean], variances: [standardDeviation * standardDeviation])
  return logEvidence - toy.bound(of: x, under: q).value
}
let posteriorWidth = posterior.covariance[0, 0].squareRoot()
let slices = Plot(title: "ELBO", x: "mean $m$ of $q$", y: Axis("nats", range: -9 ... -1.5))
  .horizontal(at: logEvidence, label: "$\\log p(x)$", color: .ink)
  .adding([(0.2, "$s=0.2$"), (posteriorWidth, "$s=0.43$, posterior"), (0.9, "$s=0.9$")]) {
    plot, slice in
    plot.curve(over: -0.5...2.7, label: slice.1) { logEvidence - gap($0, slice.0) }
  }
  .legend(.below)
let gapPlot = Plot(title: "gap", x: "mean $m$ of $q$", y: "standard deviation $s$ of $q$")
  .contours(
    Field(x: -0.5...2.7, y: 0.1...1.2, columns: 120, rows: 120, gap),
    levels: [0.1, 0.3, 1, 2, 4, 8], color: .blue, labeled: true
  )
  .scatter([posterior.mean[0]], [posteriorWidth], color: .vermilion, marker: .cross, radius: 5)
notebook.figure(
  "gap", Figure(columns: 2, [slices, gapPlot], panelSize: Size(330, 290)),
  caption: "The ELBO as $q = \\mathcal N(m, s^2)$ moves. Left: for three widths $s$ the ELBO "
    + "touches $\\log p(x)$ only if both $m$ and $s$ are those of the posterior; with the right "
    + "$m$ it still misses, whether $s$ is too small or too large. Right: the gap over all $m$ and "
    + "$s$; the cross is the posterior.",
  alternative: "Left: three parabolas below a dashed line. Right: contours of the gap.")

//: **Claim 1.10.** The ELBO can be read in two ways: as the mean of $\log p(x, z)$ plus the entropy
//: of $q$, or, splitting $p(x, z) = p(x \mid z)\, p(z)$, as *reconstruction minus KL divergence*:
//: $$ \mathrm{ELBO}(q) = E_q \log p(x \mid z) - D_{KL}(q \,\|\, p(z)) . $$
//: The first term is large if $z$ explains $x$; the second keeps $q$ close to the prior. The two
//: readings give the same value.

let q = MultivariateGaussian(mean: [0.6], variances: [0.3])
let jointMean = GaussianMixture.gaussian(mean: 0.6, variance: 0.3).expectation {
  toy.logLikelihood(x, given: [$0]) + toy.prior.logDensity([$0])
}
let parts = toy.bound(of: x, under: q)
notebook.show("reconstruction", parts.reconstruction)
notebook.show("KL divergence", parts.divergence)
notebook.check(
  "reconstruction - KL divergence", parts.value, equals: jointMean + q.entropy, tolerance: 1e-12)

//: ### A higher ELBO can mean a lower likelihood
//:
//: Training raises the ELBO. Does that raise $\log p(x)$? Think before reading on: the ELBO is
//: below $\log p(x)$, and you raise it. Must $\log p(x)$ rise?
//:
//: **Claim 1.11.** It need not. Hold $q = \mathcal N(0.2, 0.5)$ fixed, let $x = 1$ and
//: $\sigma^2 = 0.1$, and move the loading $w$ from 0.95 to 0.4. The ELBO rises by 0.90 nats while
//: $\log p(x)$ falls by 0.75: the gap has closed from above.

func oneNumber(_ w: Double) -> LinearLatentModel {
  LinearLatentModel(loadings: Matrix([[w]]), noiseVariance: 0.1)
}
let fixed = MultivariateGaussian(mean: [0.2], variances: [0.5])
let loadings = [0.95, 0.4]
let elbos = loadings.map { oneNumber($0).bound(of: [1], under: fixed).value }
let evidences = loadings.map { oneNumber($0).evidence.logDensity([1]) }
notebook.table(
  columns: ["w", "ELBO", "log p(x)"],
  rows: [0, 1].map { [loadings[$0], elbos[$0], evidences[$0]] })
notebook.check("change of the ELBO", elbos[1] - elbos[0], isAbove: 0.89)
notebook.check("change of log p(x)", evidences[1] - evidences[0], isBelow: -0.74)

//: **Erratum E-B12.** S. Chatterjee's "Foundations of Generative Models" writes in section 3.4.1
//: that gradient ascent on the ELBO is *guaranteed* to push up the likelihood (and again in 3.4.2
//: and 7.2.2). The least that this promises is a change of 0.

func integrated(_ w: Double) -> Double {
  log(
    Quadrature.integrate(from: -9, to: 9) {
      exp(oneNumber(w).logLikelihood([1], given: [$0])) * StandardNormal.density($0)
    })
}
notebook.erratum(
  "E-B12", source: "Foundations of Generative Models, section 3.4.1", "change of log p(x)",
  printed: 0, right: evidences[1] - evidences[0], secondRoute: integrated(0.4) - integrated(0.95),
  tolerance: 1e-10, apart: 0.5)

//: **Claim 1.12.** What *is* guaranteed: if $q$ is first set to the posterior, where the ELBO is
//: tight, then raising the ELBO raises the log-likelihood with it. Alternating the two is
//: the *expectation-maximization* (EM) algorithm. On data of variance 2 its likelihood never falls,
//: and it ends at the best loading, $w^2 = 2 - \sigma^2$.

/// One round. E-step: z given x has mean (w/v) x and variance 0.1/v. M-step: regress x on z.
func emRound(_ w: Double) -> Double {
  let v = w * w + 0.1
  return (w / v) * 2 / (w * w / (v * v) * 2 + 0.1 / v)
}
let rounds = (0..<2012).reduce(into: [0.1]) { w, _ in w.append(emRound(w.last!)) }
let ofVariance2 = MultivariateGaussian(mean: [0], variances: [2])
notebook.check(
  "mean log p(x) after each round",
  increases: rounds.prefix(12).map {
    oneNumber($0).evidence.expectedLogDensity(under: ofVariance2)
  })
notebook.check("square of the last loading", pow(rounds.last!, 2), equals: 1.9, tolerance: 1e-12)

//: ## Part II. The variational autoencoder
//:
//: One $q$ for every $x$ would have to be found anew for each. A *variational autoencoder* or VAE
//: (Kingma and Welling, 2014; Rezende et al., 2014) has a network, the *encoder*, which is given
//: $x$ and outputs the mean and the variances of $q(z \mid x)$; another network, the *decoder*,
//: outputs the mean of $p(x \mid z)$. Both are trained to raise the ELBO.
//:
//: ### The gradient through a sample: the reparameterization trick
//:
//: The ELBO contains $E_q \log p(x \mid z)$, and $q$ depends on the encoder. Sample $z \sim q$,
//: compute $\log p(x \mid z)$, and take the derivative in the mean of $q$. What comes out?
//:
//: **Claim 1.13.** If the sample is treated as a plain number: 0, always, because the number $z$
//: does not record how it was made (exercise 3.13.3). Write $z = m + s\,\epsilon$ instead, with
//: $\epsilon$ sampled first, and the derivative passes through (the *reparameterization trick*). A
//: third way leaves $z$ alone and multiplies by the derivative of $\log q$ (the *score-function*
//: estimator). Both of these are unbiased; the exact derivative is $w (x - w m)/\sigma^2$.

let (m, s) = (0.6, 0.3.squareRoot())
let exactDerivative = 1.5 * (2 - 1.5 * m) / 0.5
let noise = notebook.samples(many, stream: 6) { $0.normal() }
let z = noise.map { m + s * $0 }
func meanLogLikelihood(_ z: [Double]) -> Double {
  z.reduce(0) { $0 + toy.logLikelihood(x, given: [$1]) } / Double(z.count)
}
notebook.check(
  "with z held fixed", derivative(at: m) { _ in meanLogLikelihood(z) }, equals: 0, tolerance: 0)
let pathwise = z.map { 1.5 * (2 - 1.5 * $0) / 0.5 }
notebook.check(
  "with the noise held fixed, by finite differences and by hand",
  derivative(at: m) { m in meanLogLikelihood(noise.map { m + s * $0 }) },
  equals: pathwise.reduce(0, +) / Double(many), relativeTolerance: 1e-8)
notebook.check("reparameterized", Estimate(of: pathwise), equals: exactDerivative)
let byScore = zip(z, noise).map { toy.logLikelihood(x, given: [$0]) * $1 / s }
notebook.check("score function", Estimate(of: byScore), equals: exactDerivative)

//: ### The reconstruction loss and its weight
//:
//: Take $p(x \mid z) = \mathcal N(D(z), \sigma^2 I)$. Then $-\log p(x \mid z)$ is
//: $\|x - D(z)\|^2 / 2\sigma^2$ plus a constant. In code one often finds the plain squared error
//: plus the KL divergence. That is not a model without $\sigma$; it has $\sigma^2 = \frac12$.
//:
//: **Erratum E-B13.** "Foundations of Generative Models" derives
//: $\log \mathcal N(x; D(z), \sigma^2 I)$ in (3.42) and then implements it as $\|x - D(z)\|^2$,
//: with weight 1 on the KL divergence. Read as the model with unit variance, the best $q$ for our
//: $w = 1.5$ would have variance $1/(1 + w^2)$; the minimum of the loss is at $1/(1 + 2w^2)$. The
//: second route finds the minimum of $w^2 v + \frac12(v - \log v)$ by bisection on its derivative.
//: (The same equation writes $\sigma_\phi^2(x) I$ for what (3.14) rightly calls
//: $\mathrm{diag}(\sigma_\phi^2(x))$; see the next claim.)

var (low, high) = (0.0, 1.0)
for _ in 0..<60 {
  let v = (low + high) / 2
  if 2.25 + 0.5 * (1 - 1 / v) > 0 { high = v } else { low = v }
}
notebook.erratum(
  "E-B13", source: "Foundations of Generative Models, (3.42) and after", "variance of the best q",
  printed: 1 / (1 + 1.5 * 1.5), right: 1 / (1 + 2 * 1.5 * 1.5), secondRoute: high, tolerance: 1e-12,
  apart: 0.05)

//: **Claim 1.14.** One variance shared by all latent dimensions is not the same as one per
//: dimension. If the posterior has independent coordinates with precisions $P_1, \dots, P_k$, the
//: best $q$ with a single variance has $v = k / \sum P_i$, and loses $\frac12 (k \log \frac{\sum
//: P_i}{k} - \sum \log P_i)$ nats, whereas a $q$ with one variance per dimension loses nothing.

let uneven = LinearLatentModel(loadings: Matrix([[2, 0], [0, 0.5], [0, 0]]), noiseVariance: 0.5)
let datum = [1.0, -0.4, 0.2]
let unevenPosterior = uneven.posterior(given: datum)
let precisions = unevenPosterior.covariance.diagonal.map { 1 / $0 }
let single = 2 / precisions.reduce(0, +)
func loss(_ variances: [Double]) -> Double {
  let q = MultivariateGaussian(mean: unevenPosterior.mean, variances: variances)
  return uneven.evidence.logDensity(datum) - uneven.bound(of: datum, under: q).value
}
notebook.check(
  "loss with one variance per dimension, and with one for both",
  [loss(precisions.map { 1 / $0 }), loss([single, single])],
  equals: [0, 0.5 * (2 * log(1 / single) - log(precisions[0] * precisions[1]))], tolerance: 1e-13)
notebook.check(
  "no better at 0.9 or 1.1 times that variance",
  min(loss([0.9 * single, 0.9 * single]), loss([1.1 * single, 1.1 * single])),
  isAbove: loss([single, single]))

//: ### The weight of the KL divergence: the β-VAE
//:
//: A $\beta$-*VAE* (Higgins et al., 2017) maximizes reconstruction minus $\beta$ times the KL
//: divergence. (This $\beta$ is a weight; the $\beta_t$ of schedules are variances.) What does the
//: weight do? In the linear model the effect is known exactly:
//:
//: **Claim 1.15.** Up to a factor $\beta$ and a constant, the $\beta$-VAE with decoder variance
//: $\sigma^2$ is the ordinary VAE with decoder variance $\beta\sigma^2$, for every $W$ and $q$.
//: With a large weight, details smaller than $\sqrt\beta\,\sigma$ do not count.

let betaWeight = 1.7
let differences = notebook.samples(200, stream: 7) { random in
  let loadings = randomMatrix(3, 2, &random)
  let q = MultivariateGaussian(
    mean: [random.normal(), random.normal()],
    variances: [exp(random.normal()), exp(random.normal())])
  let point = [random.normal(), random.normal(), random.normal()]
  let bounds = [0.1, betaWeight * 0.1].map {
    LinearLatentModel(loadings: loadings, noiseVariance: $0).bound(of: point, under: q)
  }
  return bounds[0].reconstruction - betaWeight * (bounds[0].divergence + bounds[1].value)
}
let constant = -1.5 * log(2 * .pi * 0.1) + 1.5 * betaWeight * log(2 * .pi * 0.1 * betaWeight)
notebook.check(
  "the difference for 200 random W, q and x", differences,
  equals: differences.map { _ in constant }, tolerance: 1e-10)

//: So the best linear $\beta$-VAE is known, because the optimum of *probabilistic principal
//: component analysis* is (Tipping and Bishop, 1999): with $\lambda_i$ the eigenvalues of the
//: data's covariance, $W W^T$ has the same eigenvectors and the eigenvalues
//: $\max(\lambda_i - \beta\sigma^2, 0)$. A direction of the data with $\lambda_i \le \beta\sigma^2$
//: is not encoded at all: its latent variable has $q(z \mid x) = p(z)$ whatever $x$ is. This
//: is *posterior collapse* (Lucas et al., 2019). It needs neither bad luck in training nor a
//: decoder that is too powerful.
//:
//: Call $\tau = \beta\sigma^2$ the water level. Two numbers describe the result: the *rate*
//: $R = E\,D_{KL}(q(z \mid x) \,\|\, p(z))$, the nats spent on the code, and the *distortion*
//: $D = E\|x - D(z)\|^2$.
//:
//: **Claim 1.16.** At the optimum $R = \sum_i \frac12 \log^+ \frac{\lambda_i}{\tau}$ and
//: $D = \sum_i \min(\lambda_i, \tau)$. This is Shannon's rate-distortion curve of a Gaussian
//: source, by "reverse water-filling": no code of any kind with this rate has less distortion. Our
//: data have $\lambda = (4, 1, \frac14)$, in rotated coordinates, and $\sigma^2 = \frac12$.

let eigenvalues = [4.0, 1, 0.25]
let matrix = Matrix([[1, 0.4, -0.2], [0.3, 1, 0.5], [0.1, -0.6, 1]])
let rotation = try! (matrix * matrix.transposed).symmetricEigen().vectors
let covariance = rotation * .diagonal(eigenvalues.reversed()) * rotation.transposed

/// Rate and distortion of a linear autoencoder with q(z | x) = N(V x, S) and D(z) = W z.
func rateAndDistortion(
  _ w: Matrix, _ v: Matrix, _ s: Matrix
) -> (rate: Double, distortion: Double) {
  let residual = Matrix.identity(3) - w * v
  let logs = s.diagonal.reduce(0) { $0 + log($1) }
  return (
    0.5 * ((v * covariance * v.transposed).trace + s.trace - 3 - logs),
    (residual * covariance * residual.transposed).trace + (w * s * w.transposed).trace
  )
}

//: The left side of the check takes the most likely model of the library, with its posterior as
//: $q$; the right side is Shannon's curve.

func best(_ beta: Double) -> (rate: Double, distortion: Double) {
  let model = try! LinearLatentModel.mostLikely(
    for: covariance, latents: 3, noiseVariance: 0.5 * beta)
  let columns = (0..<3).map { model.posterior(given: Matrix.identity(3).column($0)).mean }
  return rateAndDistortion(
    model.loadings, Matrix(columns).transposed, model.posterior(given: [0, 0, 0]).covariance)
}

func shannon(_ beta: Double) -> (rate: Double, distortion: Double) {
  let level = 0.5 * beta
  return (
    eigenvalues.reduce(0) { $0 + max(0, 0.5 * log($1 / level)) },
    eigenvalues.reduce(0) { $0 + min($1, level) }
  )
}

let weights = [0.1, 0.3, 0.5, 1, 1.9, 2.1, 4, 7.9, 8.1]
notebook.check(
  "rates and distortions for nine weights", weights.map(best).flatMap { [$0.rate, $0.distortion] },
  equals: weights.map(shannon).flatMap { [$0.rate, $0.distortion] }, tolerance: 1e-12)

//: ### Posterior collapse during training
//:
//: Formulas for the optimum are one thing, training another. So train: encoder, decoder and
//: variances, all from small random numbers, by plain gradient descent on the expected loss
//: $$ \frac{D}{2\sigma^2} + \beta R . $$

struct LinearAutoencoder {
  var decoder, encoder: Matrix
  var logVariances = [0.0, 0, 0]
  var variances: [Double] { logVariances.map { exp($0) } }

  init(scale: Double, _ random: inout RandomGenerator) {
    decoder = randomMatrix(3, 3, scale: scale, &random)
    encoder = randomMatrix(3, 3, scale: scale, &random)
  }

  /// The eigenvalues of W W^T, the largest first.
  var eigenvalues: [Double] {
    try! (decoder * decoder.transposed).symmetricEigen().values.reversed()
  }
}

//: With $\sigma^2 = \frac12$, the decoder $W$, the encoder $V$, the data's covariance $C$ and the
//: variances $S$ of $q$, the gradient is $2\,(W S - (I - W V)\, C V^T)$ in $W$,
//: $\beta\, V C - 2\, W^T (I - W V)\, C$ in $V$, and
//: $s_i (W^T W)_{ii} + \frac12 \beta\, (s_i - 1)$ in $\log s_i$.

extension LinearAutoencoder {
  /// One step of gradient descent.
  mutating func descend(beta: Double, rate: Double = 0.02) {
    let residual = (Matrix.identity(3) - decoder * encoder) * covariance
    let decoderGradient = 2 * (decoder * .diagonal(variances) - residual * encoder.transposed)
    let encoderGradient = beta * (encoder * covariance) - 2 * (decoder.transposed * residual)
    let energies = (decoder.transposed * decoder).diagonal
    decoder = decoder - rate * decoderGradient
    encoder = encoder - rate * encoderGradient
    for (i, s) in variances.enumerated() {
      logVariances[i] -= rate * (s * energies[i] + 0.5 * beta * (s - 1))
    }
  }
}

func trained(_ beta: Double, scale: Double = 0.3, steps: Int = 20_000) -> LinearAutoencoder {
  var random = notebook.random(8)
  var model = LinearAutoencoder(scale: scale, &random)
  for _ in 0..<steps { model.descend(beta: beta) }
  return model
}

//: **Claim 1.17.** Training finds the threshold. The second direction has $\lambda_2 = 1$, so it
//: must collapse where $\beta\sigma^2 = 1$, that is at $\beta = 2$: active at 1.9, collapsed at
//: 2.1, although nothing in the data or the network has changed. The tolerance $10^{-6}$ is for
//: what is left of the slow exponential approach after 20,000 steps. Two rows of the table show
//: that it can be slower: weight 0.1, whose gradients are small, and weight 0.5, exactly at the
//: threshold of the third direction, where the approach is not exponential at all.

let models = weights.map { trained($0) }
let results = models.map { rateAndDistortion($0.decoder, $0.encoder, .diagonal($0.variances)) }
notebook.table(
  "Eigenvalues of $WW^T$ after training; expected $\\max(\\lambda_i - \\beta/2, 0)$",
  columns: ["weight"] + ["first", "second", "third"].map { Column($0, decimals: 6) } + ["rate"],
  rows: weights.indices.map { i in
    row(weights[i], models[i].eigenvalues.map { max($0, 0) } + [results[i].rate])
  })
for (beta, model) in zip(weights, models) where (1...4).contains(beta) {
  notebook.check(
    "eigenvalues, weight \(beta)", model.eigenvalues,
    equals: eigenvalues.map { max($0 - beta / 2, 0) }, tolerance: 1e-6)
}

//: @fold How the figure is plotted

let curve = stride(from: 0.1, through: 8.1, by: 0.01).map(shannon)
let ratePlot = Plot(
  title: "rate and distortion", x: Axis("rate $R$ in nats", range: -0.15...5.2),
  y: Axis("distortion $D$", range: -0.1...5.8)
)
.line(curve.map(\.rate), curve.map(\.distortion), color: .ink)
.scatter(results.map(\.rate), results.map(\.distortion), color: .vermilion)
.adding(zip(weights, results).filter { ![2.1, 8.1].contains($0.0) }) { plot, entry in
  plot.note(
    "  \(entry.0)", at: (entry.1.rate, entry.1.distortion), anchor: .bottomLeft, color: .vermilion)
}
let collapsePlot = Plot(title: "collapse", x: "weight $\\beta$", y: "eigenvalues of $WW^T$")
  .adding(0..<3) { plot, i in
    plot.curve(over: 0...9, label: "$\\lambda_\(i + 1)=\(eigenvalues[i])$") {
      max(eigenvalues[i] - $0 / 2, 0)
    }
    .scatter(weights, models.map { max($0.eigenvalues[i], 0) }, color: .series(i))
  }
notebook.figure(
  "rate-distortion", Figure(columns: 2, [ratePlot, collapsePlot], panelSize: Size(330, 290)),
  caption: "Left: Shannon's rate-distortion curve for the three-dimensional source, and on it the "
    + "trained autoencoders, each marked with its weight $\\beta$. Right: the eigenvalues of "
    + "$WW^T$ fall linearly with $\\beta$ and stay at zero from $\\beta = \\lambda_i/\\sigma^2$ on "
    + "(lines: formula; dots: trained). Past 8 nothing is left.",
  alternative: "Left: a falling convex curve with dots on it. Right: three lines that fall to 0.")

//: **Claim 1.18.** A popular cure is *annealing*: let the weight grow, $\beta \min(1, t/T)$, so
//: that the code is used before it is penalized. In the linear model it changes the path and not
//: the end: for five random starts with tiny weights, annealed and plain training agree on every
//: eigenvalue. A start at exactly zero is a stationary point for both.

let pairs = (0..<5).map { start in
  var random = notebook.random(200 + start)
  var plain = LinearAutoencoder(scale: 1e-3, &random)
  var annealed = plain
  for t in 0..<20_000 {
    plain.descend(beta: 1.5)
    annealed.descend(beta: 1.5 * min(1, Double(t) / 4000))
  }
  return (plain: plain.eigenvalues, annealed: annealed.eigenvalues)
}
notebook.check(
  "annealed and plain eigenvalues of five starts", pairs.flatMap(\.annealed),
  equals: pairs.flatMap(\.plain), tolerance: 1e-6)
notebook.check(
  "dimensions in use", pairs.map { $0.annealed.count { $0 > 1e-3 } }, isExactly: [2, 2, 2, 2, 2])
notebook.check(
  "decoder, started at 0", trained(1, scale: 0, steps: 100).decoder.norm, equals: 0, tolerance: 0)

//: ### Conditioning on the class: the conditional VAE
//:
//: A *conditional* VAE is given a label $c$ in addition to $x$: decoder and encoder are both
//: conditioned on it. All of the above holds with $c$ after every conditioning bar. What is the
//: label worth?
//:
//: **Claim 1.19.** Let two classes have the means $\pm 1.2$ and share $W$. Given the class, the gap
//: is the KL divergence from the posterior *of that class*, and on average over the data the log
//: evidence rises by exactly the mutual information $I(x; c)$.

func ofClass(_ mean: Double) -> LinearLatentModel {
  LinearLatentModel(loadings: Matrix([[0.6]]), mean: [mean], noiseVariance: 0.2)
}
let classGap = ofClass(1.2).evidence.logDensity(x) - ofClass(1.2).bound(of: x, under: q).value
notebook.check(
  "gap given the class", classGap, equals: q.divergence(from: ofClass(1.2).posterior(given: x)),
  tolerance: 1e-12)
let width = 0.56.squareRoot()  // of w^2 + sigma^2 = 0.36 + 0.2
let classes = GaussianMixture(
  weights: [0.5, 0.5], means: [-1.2, 1.2], standardDeviations: [width, width])
let givenClass = classes.components.reduce(0) { sum, component in
  let evidence = ofClass(component.mean).evidence
  return sum
    + component.weight * GaussianMixture([component]).expectation { evidence.logDensity([$0]) }
}
let labelEntropy = classes.expectation { point in
  -classes.labelProbabilities(point).filter { $0 > 0 }.reduce(0) { $0 + $1 * log($1) }
}
notebook.check(
  "rise of E log p", givenClass + classes.entropy, equals: log(2) - labelEntropy, tolerance: 1e-12)

//: ## Part III. From one latent variable to a thousand
//:
//: ### Hierarchical VAEs
//:
//: Nothing in the ELBO requires $z$ to be a single level. In a *hierarchical* VAE there are many
//: levels of latent variables, $p(z_1)\, p(z_2 \mid z_1)\, p(x \mid z_1, z_2)$ for two of them. If
//: each level depends on its neighbor only, the hierarchy is a Markov chain. We write $x_0$ for the
//: data and $x_1, \dots, x_T$ for the levels:
//: $$ p(x_{0:T}) = p(x_T) \prod_{t=1}^{T} p(x_{t-1} \mid x_t) , \qquad
//: q(x_{1:T} \mid x_0) = \prod_{t=1}^{T} q(x_t \mid x_{t-1}) . $$

func logGaussian(_ x: Double, _ mean: Double, _ variance: Double) -> Double {
  -0.5 * ((x - mean) * (x - mean) / variance + log(2 * .pi * variance))
}

let epsilon = (0...2).map { GaussianVariable(standardDeviation: 1, source: $0) }

/// The variables x_0 … x_T of the forward process.
func forwardStates(_ schedule: NoiseSchedule, from x0: GaussianVariable) -> [GaussianVariable] {
  let streams = notebook.streams(1, stream: 0)
  return [x0] + GaussianDiffusion(schedule).chain(from: x0, using: streams).map(\.x)
}

let schedule = NoiseSchedule(betas: [0.1, 0.3, 0.5])
let diffusion = GaussianDiffusion(schedule)
let chain = LinearReverseChain(
  schedule,
  steps: [
    .init(gain: 0.9, offset: 0.1, variance: 0.2), .init(gain: 0.7, offset: -0.1, variance: 0.3),
    .init(gain: 0.5, offset: 0.2, variance: 0.7),
  ])
let x0 = 1.0
let path = [x0, 0.6, 0.9, -0.2]

//: Above is the example of the next two parts: a chain of three steps with a reverse process that
//: is deliberately not the best, and one path through it.
//:
//: **Claim 1.20.** The logarithms of the factors add up to that of the joint density: for a
//: hierarchy in which $x$ depends on both levels, and for both directions of the Markov chain. The
//: other side is computed from the covariances of all variables at once.

let level1 = epsilon[0]
let level2 = GaussianVariable.sum((0.8, level1), (0.6, epsilon[1]))
let data = GaussianVariable.sum((0.5, level1), (-1.2, level2), (0.4, epsilon[2]))
let (z1, z2, x1) = (0.3, -0.7, 1.1)
notebook.check(
  "a hierarchy of two levels",
  logGaussian(z1, 0, 1) + logGaussian(z2, 0.8 * z1, 0.36)
    + logGaussian(x1, 0.5 * z1 - 1.2 * z2, 0.16),
  equals: MultivariateGaussian(jointlyOf: [level1, level2, data]).logDensity([z1, z2, x1]),
  tolerance: 1e-12)
let forward = Array(forwardStates(schedule, from: GaussianVariable(mean: x0)).dropFirst())
notebook.check(
  "the chain downwards, log p, and upwards, log q",
  [chain.logReverse(path), chain.logForward(path)],
  equals: [
    MultivariateGaussian(jointlyOf: chain.states).logDensity(path),
    MultivariateGaussian(jointlyOf: forward).logDensity(Array(path.dropFirst())),
  ], tolerance: 1e-12)

//: **Claim 1.21.** A diffusion model is such a hierarchical VAE with three restrictions. All levels
//: have the size of the data. The encoder is not learned; each step is
//: $\mathcal N(\sqrt{\alpha_t}\, x_{t-1}, \beta_t)$. And the top level is, nearly, standard normal
//: whatever the data. (That leaves the decoder, and only the decoder is trained.)

let ddpm = NoiseSchedule.linear()
let three = PointSet([0.5, -1, 2], dimensions: 3)
notebook.check(
  "numbers in x at t = 1000, from 3 at t = 0",
  GaussianDiffusion(ddpm).addNoise(to: three, t: 1000, noise: three).dimensions, isExactly: 3)
let step = GaussianDiffusion(ddpm).forwardStep(
  GaussianVariable(mean: 0.7), to: 500, noise: epsilon[0])
notebook.check(
  "mean and variance of a step from 0.7", [step.mean, step.variance],
  equals: [(1 - ddpm.beta(500)).squareRoot() * 0.7, ddpm.beta(500)], tolerance: 1e-15)
let end = forwardStates(ddpm, from: GaussianVariable(mean: 1)).last!
notebook.show("mean of x at t = 1000, from 1", end.mean)
notebook.show("variance", end.variance)
notebook.check(
  "KL divergence from N(0, 1)", klDivergence(end.mean, end.variance, 0, 1), isBelow: 1e-4)

//: ### The posterior q(x_{t-1} | x_t, x_0)
//:
//: What should the decoder learn? The reverse step $q(x_{t-1} \mid x_t)$ depends on the
//: distribution of all data. But if $x_0$ is given, it is a formula. By Bayes' rule
//: $$ q(x_{t-1} \mid x_t, x_0) \propto q(x_t \mid x_{t-1})\; q(x_{t-1} \mid x_0) , $$
//: and both factors are Gaussian in $x_{t-1}$: the exponent is
//: $-\frac12 (A x_{t-1}^2 - 2 B x_{t-1} + \dots)$ with
//: $$ A = \frac{\alpha_t}{\beta_t} + \frac{1}{1 - \bar\alpha_{t-1}} , \qquad
//: B = \frac{\sqrt{\alpha_t}\, x_t}{\beta_t}
//: + \frac{\sqrt{\bar\alpha_{t-1}}\, x_0}{1 - \bar\alpha_{t-1}} . $$
//: A Gaussian with such an exponent has variance $1/A$ and mean $B/A$. (Complete the square:
//: $A x^2 - 2 B x = A\,(x - B/A)^2 - B^2/A$.) One identity simplifies it:
//:
//: **Claim 1.22.** $\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t = 1 - \bar\alpha_t$, because
//: $\alpha_t + \beta_t = 1$ and $\alpha_t \bar\alpha_{t-1} = \bar\alpha_t$. Hence
//: $A = (1 - \bar\alpha_t) / \beta_t (1 - \bar\alpha_{t-1})$.

let times = Array(1...1000)
notebook.check(
  "left side for all t of the linear schedule",
  times.map { ddpm.alpha($0) * (1 - ddpm.alphaBar($0 - 1)) + ddpm.beta($0) },
  equals: times.map { 1 - ddpm.alphaBar($0) }, tolerance: 1e-15)

//: **Claim 1.23.** So $q(x_{t-1} \mid x_t, x_0) = \mathcal N(\tilde\mu_t, \tilde\beta_t)$ with
//: $$ \tilde\mu_t = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\, x_0
//: + \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\, x_t , \qquad
//: \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t . $$
//: Three routes: the sums $A$ and $B$; the joint distribution of $x_{t-1}$ and $x_t$, conditioned;
//: and the product of the two densities, integrated numerically. (Exercises 4.15.2a and 7.11.2.)
//:
//: @code Sources/Diffusion/GaussianDiffusion.swift posterior-mean

let (origin, noisy) = (0.8, -0.3)
let probes = [2, 10, 100, 500, 1000]
let backward = GaussianDiffusion(ddpm)
let formula = probes.flatMap { t in
  [backward.posteriorMean(x0: origin, xt: noisy, t: t), backward.posteriorVariance(t)]
}
let byPrecision = probes.flatMap { t -> [Double] in
  let (beta, before) = (ddpm.beta(t), ddpm.noiseVariance(t - 1))
  let a = ddpm.alpha(t) / beta + 1 / before
  let b = ddpm.alpha(t).squareRoot() * noisy / beta + ddpm.signalScale(t - 1) * origin / before
  return [b / a, 1 / a]
}
notebook.check(
  "means and variances, by the sums A and B", byPrecision, equals: formula, tolerance: 1e-12)

//: The second route: given $x_0$, the pair $x_{t-1}$, $x_t$ is jointly Gaussian, and a Gaussian can
//: be conditioned on one of its coordinates.

func byJoint(_ t: Int, x0: Double) -> [Double] {
  let before = backward.addNoise(to: GaussianVariable(mean: x0), t: t - 1, noise: epsilon[0])
  let after = backward.forwardStep(before, to: t, noise: epsilon[1])
  let posterior = MultivariateGaussian(jointlyOf: [before, after]).conditioned(on: [1: noisy])
  return [posterior.mean[0], posterior.covariance[0, 0]]
}
notebook.check(
  "by conditioning", probes.flatMap { byJoint($0, x0: origin) }, equals: formula, tolerance: 1e-12)

//: The third: the moments of the product of the two densities, by quadrature around its maximum.

let byProduct = probes.enumerated().flatMap { i, t in
  let (center, width) = (formula[2 * i], 12 * formula[2 * i + 1].squareRoot())
  func logProduct(_ x: Double) -> Double {
    logGaussian(noisy, ddpm.alpha(t).squareRoot() * x, ddpm.beta(t))
      + logGaussian(x, ddpm.signalScale(t - 1) * origin, ddpm.noiseVariance(t - 1))
  }
  func moment(_ order: Double) -> Double {
    GaussLegendre.standard.integrate(from: -width, to: width, panels: 24) {
      exp(logProduct(center + $0) - logProduct(center)) * pow($0, order)
    }
  }
  return [center + moment(1) / moment(0), moment(2) / moment(0)]
}
notebook.check("by the product", byProduct, equals: formula, tolerance: 1e-12)

//: @fold How the figure is plotted

let factors = [
  ("$q(x_2\\,|\\,x_0)$", schedule.signalScale(2), schedule.noiseVariance(2)),
  (
    "$q(x_3\\,|\\,x_2)$ over $x_2$", -0.5 / schedule.alpha(3).squareRoot(),
    schedule.beta(3) / schedule.alpha(3)
  ),
  (
    "$q(x_2\\,|\\,x_3,x_0)$", diffusion.posteriorMean(x0: x0, xt: -0.5, t: 3),
    schedule.posteriorVariance(3)
  ),
]
notebook.figure(
  "posterior",
  Plot(x: "$x_2$", y: "density", size: Size(520, 270)).adding(factors) { plot, factor in
    let (label, mean, variance) = factor
    return plot.curve(
      over: -4...4, label: label, GaussianMixture.gaussian(mean: mean, variance: variance).density)
  },
  caption: "The two factors of the posterior of $x_2$, in the chain of three steps: the "
    + "distribution of $x_2$ after a start at $x_0=1$, and the likelihood of $x_2$ if $x_3=-0.5$ "
    + "came from it. Their product, normalized, is the posterior: between the two, and narrower "
    + "than both.",
  alternative: "Two wide bell curves and a narrower one between them.")

//: **Claim 1.24.** The weight $w_0$ of $x_0$ *falls* with $t$, from 1 at $t = 1$ to 0.000128 at
//: $t = 1000$. One small reverse step from much noise leads to nearly as much noise, so the data
//: hardly matter. And the two weights do not sum to 1; at $t = 1000$ they make 0.990.

let posteriorWeights = times.map(ddpm.posteriorWeights)
notebook.table(
  "Weights in the posterior mean, linear schedule", of: [1, 2, 10, 100, 500, 1000],
  columns: [
    "t": { $0 }, "of $x_0$": { posteriorWeights[$0 - 1].x0 },
    "of $x_t$": { posteriorWeights[$0 - 1].xt },
    "sum": { posteriorWeights[$0 - 1].x0 + posteriorWeights[$0 - 1].xt },
  ])
notebook.check("weight of x0, t = 1 … 1000", decreases: posteriorWeights.map(\.x0))
let (second, last) = (posteriorWeights[1], posteriorWeights[999])
notebook.check(
  "weights at t = 2", [second.x0, second.xt], equals: [0.5453, 0.4547], tolerance: 1e-4)
notebook.check("sum at t = 1000", last.x0 + last.xt, isBelow: 0.9901)

//: **Erratum E-B9.** "Foundations of Generative Models" reads (4.127) the other way round: with
//: little noise the weight on $x_t$ dominates, with much noise that on $x_0$ becomes more
//: significant. The ratio of the weight of $x_0$ at $t = 1000$ to that at $t = 2$ would have to
//: exceed 1. The second route takes the weights from the joint distribution, as the change of its
//: mean with $x_0$.

func weightByJoint(_ t: Int) -> Double {
  byJoint(t, x0: 1)[0] - byJoint(t, x0: 0)[0]
}
notebook.erratum(
  "E-B9", source: "Foundations of Generative Models, (4.127)",
  "weight of x0 at t = 1000, over that at t = 2", printed: 1, right: last.x0 / second.x0,
  secondRoute: weightByJoint(1000) / weightByJoint(2), tolerance: 1e-12, apart: 0.99)

//: @fold How the figure is plotted

let allTimes = times.map { Double($0) }
notebook.figure(
  "posterior-weights",
  Plot(x: Axis("$t$", scale: .log), y: "weight in $\\tilde\\mu_t$", size: Size(520, 270))
    .line(allTimes, posteriorWeights.map(\.x0), label: "of $x_0$")
    .line(allTimes, posteriorWeights.map(\.xt), label: "of $x_t$")
    .line(
      allTimes, posteriorWeights.map { $0.x0 + $0.xt }, label: "sum", color: .axis, dash: .dashed),
  caption: "The weights of the posterior mean. Near the data ($t=1$) it is all $x_0$; after a few "
    + "dozen steps it is almost all $x_t$. On the far right the sum of the weights is below 1.",
  alternative: "A falling and a rising curve over a logarithmic time axis, and their sum.")

//: **Claim 1.25.** Write $x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\,\epsilon)/\sqrt{\bar\alpha_t}$ and
//: the same mean becomes
//: $$ \tilde\mu_t = \frac{1}{\sqrt{\alpha_t}} \Big( x_t
//: - \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon \Big) , $$
//: so that a network which predicts the noise $\epsilon$ predicts the mean. (Rest of exercise
//: 7.11.2; chapter 2 is about this.)

let noises = notebook.samples(1000, stream: 9) { $0.normal() }
let xt = zip(times, noises).map { backward.addNoise(to: origin, t: $0, noise: $1) }
notebook.check(
  "mean from the noise, t = 1 … 1000",
  times.map { backward.posteriorMean(noise: noises[$0 - 1], xt: xt[$0 - 1], t: $0) },
  equals: times.map { backward.posteriorMean(x0: origin, xt: xt[$0 - 1], t: $0) }, tolerance: 1e-12)

//: ## Part IV. The ELBO of a diffusion model
//:
//: From here on we minimize, as programs do: the negative ELBO
//: $$ L = E_q \log \frac{q(x_{1:T} \mid x_0)}{p(x_{0:T})} \ \ge\ -\log p(x_0) . $$
//:
//: As it stands it compares $q(x_t \mid x_{t-1})$, a forward step, with $p(x_{t-1} \mid x_t)$, a
//: reverse step. The trick is to turn the forward step around by Bayes' rule, with $x_0$ held
//: fixed:
//: $$ q(x_t \mid x_{t-1})
//: = \frac{q(x_{t-1} \mid x_t, x_0)\; q(x_t \mid x_0)}{q(x_{t-1} \mid x_0)} . $$
//:
//: **Claim 1.26.** That is true point by point, and in the product over $t = 2, \dots, T$ the last
//: factors telescope to $q(x_T \mid x_0) / q(x_1 \mid x_0)$. No expectation is needed: both hold on
//: every path.

func logForward(_ t: Int, _ path: [Double]) -> Double {
  logGaussian(path[t], schedule.alpha(t).squareRoot() * path[t - 1], schedule.beta(t))
}
func logMarginal(_ t: Int, _ path: [Double], _ schedule: NoiseSchedule = schedule) -> Double {
  logGaussian(path[t], schedule.signalScale(t) * path[0], schedule.noiseVariance(t))
}
func logPosterior(_ t: Int, _ path: [Double]) -> Double {
  logGaussian(
    path[t - 1], diffusion.posteriorMean(x0: path[0], xt: path[t], t: t),
    schedule.posteriorVariance(t))
}
func randomPath(_ schedule: NoiseSchedule, _ random: inout RandomGenerator) -> [Double] {
  (1...schedule.steps).reduce(into: [x0]) { path, t in
    path.append(
      GaussianDiffusion(schedule).forwardStep(path[t - 1], to: t, noise: random.normal()))
  }
}

//: The first check compares the two sides on 100 random paths of three steps; the second sums the
//: last factors along one path of 1000 steps.

let paths = notebook.samples(100, stream: 10) { randomPath(schedule, &$0) }
notebook.check(
  "reversed forward step, t = 2 and 3, on 100 paths",
  paths.flatMap { path in [2, 3].map { logForward($0, path) } },
  equals: paths.flatMap { path in
    [2, 3].map { logPosterior($0, path) + logMarginal($0, path) - logMarginal($0 - 1, path) }
  }, tolerance: 1e-10)
let longPath = notebook.samples(1, stream: 11) { randomPath(ddpm, &$0) }[0]
let marginals = times.map { logMarginal($0, longPath, ddpm) }
notebook.check(
  "telescope along 1000 steps",
  zip(marginals.dropFirst(), marginals).reduce(0) { $0 + $1.0 - $1.1 },
  equals: marginals[999] - marginals[0], tolerance: 1e-10)

//: **Erratum E-B21.** "Foundations of Generative Models" opens its derivation with (7.12), which
//: has one $q(x_T \mid x_{T-1})$ too many in the denominator: the right side is $p(x_T)\prod
//: p(x_{t-1} \mid x_t) / q(x_T \mid x_{T-1})^2$. On our path of three steps, the log of the ratio
//: $p(x_{0:T}) / q(x_{1:T} \mid x_0)$; the second route uses Bayes' rule as above.

let byBayes =
  logGaussian(path[3], 0, 1) - logMarginal(3, path)
  + (1...3).reduce(0) { $0 + chain.step($1).logDensity(path[$1 - 1], given: path[$1]) }
  - (2...3).reduce(0) { $0 + logPosterior($1, path) }
notebook.erratum(
  "E-B21", source: "Foundations of Generative Models, (7.12)", "log ratio on one path",
  printed: chain.logReverse(path) - 2 * logForward(3, path),
  right: chain.logReverse(path) - chain.logForward(path), secondRoute: byBayes, tolerance: 1e-12,
  apart: 0.1)

//: ### The three kinds of terms
//:
//: Put the reversed step into $L$, collect, and take expectations step by step:
//: $$ L = \underbrace{D_{KL}\big(q(x_T \mid x_0) \,\|\, p(x_T)\big)}_{L_T}
//: + \sum_{t=2}^{T} \underbrace{E\, D_{KL}\big(q(x_{t-1} \mid x_t, x_0) \,\|\,
//: p(x_{t-1} \mid x_t)\big)}_{L_{t-1}}
//: + \underbrace{E\,[ -\log p(x_0 \mid x_1) ]}_{L_0} . $$
//:
//: This answers exercise 4.15.3a. Inside each expectation is a KL divergence because, once $x_t$ is
//: given, the average over $x_{t-1}$ is over $q(x_{t-1} \mid x_t, x_0)$, the very distribution
//: under the logarithm. Remember this sentence. In the library, for reverse steps that are linear:
//:
//: @code Sources/Diffusion/Exact/LinearReverseChain.swift chain-bound

//: **Claim 1.27.** The three kinds of terms sum to $L$ computed directly, as the expectation of
//: $\log q(x_t \mid x_{t-1})$ and $\log p(x_{t-1} \mid x_t)$ along the chain; for a fixed $x_0$ and
//: for random data. And $L$ is not below $-\log p(x_0)$.

/// The expectation of log N(residual; 0, variance).
func expected(_ residual: GaussianVariable, _ variance: Double) -> Double {
  logGaussian(residual.mean, 0, variance) - 0.5 * residual.variance / variance
}
/// E log q(x_t | x_{t-1}) and E log p(x_{t-1} | x_t), each for t = 1 … T, and E log p(x_T).
func expectedLogs(
  _ chain: LinearReverseChain, from x0: GaussianVariable
) -> (forward: [Double], reverse: [Double], prior: Double) {
  let (schedule, states) = (chain.schedule, forwardStates(chain.schedule, from: x0))
  let forward = (1...chain.length).map { t in
    let residual = GaussianVariable.sum(
      (1, states[t]), (-schedule.alpha(t).squareRoot(), states[t - 1]))
    return expected(residual, schedule.beta(t))
  }
  let reverse = (1...chain.length).map { t in
    let step = chain.step(t)
    let residual = GaussianVariable.sum((1, states[t - 1]), (-step.gain, states[t]))
    return expected(residual.shifted(by: -step.offset), step.variance)
  }
  return (forward, reverse, expected(states[chain.length], 1))
}
func negativeBound(_ chain: LinearReverseChain, from x0: GaussianVariable) -> Double {
  let logs = expectedLogs(chain, from: x0)
  return logs.forward.reduce(0, +) - logs.reverse.reduce(0, +) - logs.prior
}

//: That is the direct computation: each residual along the chain is Gaussian, so its mean and
//: variance are all that the expectation needs. The other side are the terms of the library.

let start = GaussianVariable(mean: x0)
let terms = chain.bound(of: x0)
notebook.table(
  "Terms for $x_0=1$, in nats", of: [terms],
  columns: [
    "$L_0$": { $0.reconstruction }, "$L_1$": { $0.denoising(2) }, "$L_2$": { $0.denoising(3) },
    "$L_3$": { $0.prior }, "sum": { $0.total }, "$-\\log p$": { _ in -chain.logEvidence(x0) },
  ])
let randomStart = GaussianVariable(mean: 0.4, standardDeviation: 0.6.squareRoot(), source: 0)
notebook.check(
  "sum of the terms, for x(0) = 1 and for data of N(0.4, 0.6)",
  [terms.total, chain.bound(mean: 0.4, variance: 0.6).total],
  equals: [negativeBound(chain, from: start), negativeBound(chain, from: randomStart)],
  tolerance: 1e-12)
notebook.check("against the negative evidence", terms.total, isAbove: -chain.logEvidence(x0))

//: **Erratum E-X15.** One letter, two signs. In "Foundations of Generative Models", (4.61) and
//: (7.13), $L_0$ is $+E \log p(x_0 \mid x_1)$, to be raised, next to $L_T$ and $L_{t-1}$, which are
//: KL divergences, to be lowered. (A talk among our sources calls the term that ends at $x_{t-1}$
//: both $L_{t-1}$ and $L_t$.) The sum of what is called $L$ there means nothing. Here all terms are
//: to be small, and only $L_0$ can be negative, since a density can exceed 1.

notebook.erratum(
  "E-X15", source: "Foundations of Generative Models, (4.61)-(4.63)", "sum of the terms called L",
  printed: -terms.reconstruction + terms.total - terms.reconstruction, right: terms.total,
  secondRoute: negativeBound(chain, from: start), tolerance: 1e-12, apart: 0.5)

//: **Claim 1.28.** With two steps everything fits on a page (exercise 7.11.1): three terms, each an
//: integral over the plane of $x_1$ and $x_2$. Numerical integration agrees.

let twoSteps = NoiseSchedule(betas: [0.2, 0.6])
let short = LinearReverseChain(
  twoSteps, steps: [.init(gain: 0.8, offset: 0.1, variance: 0.3), .init(gain: 0.5, variance: 0.6)])
let shortTerms = short.bound(of: 0.7)

func overPlane(_ body: (Double, Double) -> Double) -> Double {
  GaussLegendre.standard.integrate(x: -5...6.5, y: -7...7.5, panels: 10) { x1, x2 in
    exp(short.logForward([0.7, x1, x2])) * body(x1, x2)
  }
}
let shortDiffusion = GaussianDiffusion(twoSteps)
let byIntegration = [
  overPlane { x1, _ in -logGaussian(0.7, 0.8 * x1 + 0.1, 0.3) },
  overPlane { x1, x2 in
    let mean = shortDiffusion.posteriorMean(x0: 0.7, xt: x2, t: 2)
    return logGaussian(x1, mean, twoSteps.posteriorVariance(2)) - logGaussian(x1, 0.5 * x2, 0.6)
  },
  overPlane { _, x2 in
    logGaussian(x2, twoSteps.signalScale(2) * 0.7, twoSteps.noiseVariance(2))
      - logGaussian(x2, 0, 1)
  },
]
notebook.check(
  "L0, L1 and L2", [shortTerms.reconstruction, shortTerms.denoising(2), shortTerms.prior],
  equals: byIntegration, tolerance: 1e-9)
notebook.check(
  "their sum, as one integral", shortTerms.total,
  equals: overPlane { short.logForward([0.7, $0, $1]) - short.logReverse([0.7, $0, $1]) },
  tolerance: 1e-9)

//: ### The consistency terms are not KL divergences
//:
//: Many texts give a second way to collect terms: pair $p(x_t \mid x_{t+1})$, the reverse step *to*
//: $x_t$, with $q(x_t \mid x_{t-1})$, the forward step to it. The reverse process should arrive
//: from above at the same place as the noise from below; these texts call it *consistency*.
//:
//: **Claim 1.29.** Collected so, as expectations of a log ratio, the sum is $L$ again. Of course:
//: it has the same factors, in another order.

func consistency(
  _ chain: LinearReverseChain, from x0: GaussianVariable
) -> (ends: Double, middle: [Double]) {
  let logs = expectedLogs(chain, from: x0)
  return (
    -logs.reverse[0] + logs.forward.last! - logs.prior,
    zip(logs.forward.dropLast(), logs.reverse.dropFirst()).map { $0 - $1 }  // t = 1 … T - 1
  )
}
let grouped = consistency(chain, from: start)
notebook.check(
  "their sum", grouped.ends + grouped.middle.reduce(0, +), equals: terms.total, tolerance: 1e-12)

//: **Erratum E-X1.** Then comes the step that is wrong. The notes "Recap: Generative Models" on the
//: Cornell course CS 4782 (S. Kundurthy and A. Kozik) and the slides "21. Diffusion Models" of IIT
//: Hyderabad (N. George) write each middle term as
//: $$ E_{q(x_{t-1}, x_{t+1} \mid x_0)}\, D_{KL}\big(q(x_t \mid x_{t-1}) \,\|\,
//: p(x_t \mid x_{t+1})\big) . $$
//: Both seem to have it from a much used tutorial, C. Luo's "Understanding diffusion models"
//: (2022). Recall the sentence above: for a KL divergence, $x_t$ must be averaged over the
//: distribution under the logarithm. But given *both* neighbors, $x_t$ does not follow
//: $q(x_t \mid x_{t-1})$; it follows $q(x_t \mid x_{t-1}, x_{t+1})$. The printed form samples $x_t$
//: independently of the $x_{t+1}$ that it led to. For the chain of three steps, $L$ as printed and
//: as it is:

/// The KL divergence of N(m, v) from N(m + difference, w), averaged over the difference.
func meanDivergence(_ v: Double, _ w: Double, difference: GaussianVariable) -> Double {
  klDivergence(0, v, 0, w) + 0.5 * (difference.mean * difference.mean + difference.variance) / w
}
func printed(_ chain: LinearReverseChain, from x0: GaussianVariable) -> [Double] {
  let states = forwardStates(chain.schedule, from: x0)
  return (1..<chain.length).map { t in
    let (signal, above) = (chain.schedule.alpha(t).squareRoot(), chain.step(t + 1))
    let difference = GaussianVariable.sum((signal, states[t - 1]), (-above.gain, states[t + 1]))
    return meanDivergence(
      chain.schedule.beta(t), above.variance, difference: difference.shifted(by: -above.offset))
  }
}
let asPrinted = printed(chain, from: start)
notebook.erratum(
  "E-X1", source: "CS 4782 notes, ELBO, term 3; IIT Hyderabad slides 21, consistency term",
  "negative ELBO of the chain of three steps", printed: grouped.ends + asPrinted.reduce(0, +),
  right: grouped.ends + grouped.middle.reduce(0, +), secondRoute: terms.total, tolerance: 1e-12,
  apart: 0.1)

//: **Claim 1.30.** The error of each term is $a_{t+1} \sqrt{\alpha_{t+1}}\,\beta_t / s_{t+1}^2$ for
//: a reverse step $\mathcal N(a_{t+1} x_{t+1} + c_{t+1}, s_{t+1}^2)$: the covariance
//: $\sqrt{\alpha_{t+1}}\,\beta_t$ of $x_t$ and $x_{t+1}$ given $x_{t-1}$, which the printed form
//: leaves out, times the gain $a_{t+1}$ of the reverse step divided by its variance.

let middleState = diffusion.forwardStep(GaussianVariable(mean: 0.3), to: 1, noise: epsilon[0])
let upperState = diffusion.forwardStep(middleState, to: 2, noise: epsilon[1])
notebook.check(
  "covariance given the state before", middleState.covariance(with: upperState),
  equals: schedule.alpha(2).squareRoot() * schedule.beta(1), tolerance: 1e-15)
func missing(_ chain: LinearReverseChain) -> [Double] {
  (1..<chain.length).map { t in
    let above = chain.step(t + 1)
    return above.gain * chain.schedule.alpha(t + 1).squareRoot() * chain.schedule.beta(t)
      / above.variance
  }
}
notebook.check(
  "printed less right, term by term", zip(asPrinted, grouped.middle).map { $0 - $1 },
  equals: missing(chain), tolerance: 1e-12)

//: **Claim 1.31.** It is not a small matter. For the best possible reverse process of Gaussian data
//: with unit variance and 1000 steps, the printed form is off by 983.8 nats *per dimension*; by
//: Claim 1.30, the error grows as the model's variances $s^2$ shrink. Nor does it err to one side:
//: if a reverse gain is negative, it lies below the true $L$.

let perfect = LinearReverseChain(reversing: ddpm, stepVariance: .beta)
func error(_ chain: LinearReverseChain, from x0: GaussianVariable) -> Double {
  printed(chain, from: x0).reduce(0, +) - consistency(chain, from: x0).middle.reduce(0, +)
}
notebook.check(
  "error for 1000 steps, by the formula", missing(perfect).reduce(0, +), isAbove: 983.7)
notebook.check(
  "error for 1000 steps, by evaluating both forms", error(perfect, from: epsilon[0]),
  equals: missing(perfect).reduce(0, +), relativeTolerance: 1e-10)
let negative = LinearReverseChain(
  schedule, steps: (1...3).map { _ in .init(gain: -0.4, variance: 0.5) })
notebook.check(
  "with negative gains: printed less right", error(negative, from: start), isBelow: -0.1)

//: @fold How the figure is plotted

let twelve = LinearReverseChain(
  reversing: NoiseSchedule(betas: (1...12).map { 0.02 + 0.03 * Double($0) }), stepVariance: .beta)
let twelveTerms = twelve.bound(mean: 0, variance: 1)
let twelveLogs = expectedLogs(twelve, from: epsilon[0])
let (firstTerm, lastTerm) = (-twelveLogs.reverse[0], twelveLogs.forward[11] - twelveLogs.prior)
func sumsPlot(_ title: String, _ series: KeyValuePairs<String, [Double]>) -> Plot {
  Plot(title: title, x: "terms up to $t$", y: Axis("running sum in nats", range: -1.5...9.5))
    .horizontal(at: StandardNormal.entropy, label: "entropy", color: .ink)
    .lines(series, x: (0...12).map { Double($0) }, label: \.key, marker: .circle) {
      $0.value.reduce(into: []) { $0.append(($0.last ?? 0) + $1) }
    }
    .legend(.inside(.topLeft))
}
let posteriorPlot = sumsPlot(
  "posterior form",
  ["$L_0+\\ldots+L_t$": [twelveTerms.reconstruction] + twelveTerms.denoising + [twelveTerms.prior]])
let consistencyPlot = sumsPlot(
  "consistency form",
  [
    "log ratios": [firstTerm] + consistency(twelve, from: epsilon[0]).middle + [lastTerm],
    "as printed": [firstTerm] + printed(twelve, from: epsilon[0]) + [lastTerm],
  ])
notebook.figure(
  "decompositions",
  Figure(columns: 2, [posteriorPlot, consistencyPlot], panelSize: Size(330, 290)),
  caption: "Twelve steps, Gaussian data of unit variance, the best reverse process: the running "
    + "sum of the terms, from $L_0$ to the prior term. Left, the posterior form. Right, the "
    + "consistency form: as log ratios it reaches the same value, the entropy of the data, though "
    + "only with its last term; as printed, with KL divergences, it misses it by 7 nats.",
  alternative: "Two panels with running sums. All but one end on a dashed line.")

//: ### The prior term and the reconstruction term
//:
//: **Claim 1.32.** The prior term $L_T$ has no parameters. Per dimension it is
//: $$ L_T = \tfrac12 \big[ (1 - \bar\alpha_T) + \bar\alpha_T x_0^2 - 1
//: - \log(1 - \bar\alpha_T) \big] , $$
//: and "approximately zero" (exercise 4.15.3b) is a statement about the schedule: it needs a large
//: sum of the $\beta_t$. With the end points $10^{-4}$ and $0.02$ and fewer than a thousand steps
//: it is not small at all.

func priorTerm(_ steps: Int) -> Double {
  let left = NoiseSchedule.linear(steps: steps).alphaBar(steps)
  return 0.5 * (left * (x0 * x0 - 1) - log1p(-left))
}
let lengths = [10, 50, 100, 200, 1000]
notebook.table(
  "Prior term for $x_0^2=1$, linear schedule from 0.0001 to 0.02", of: lengths,
  columns: [
    "T": { $0 }, "nats per dimension": { priorTerm($0) },
    "nats for 3072 dimensions": { 3072 * priorTerm($0) },
  ])
notebook.check(
  "by quadrature, T = 10, 50, 100, 200, 1000", lengths.map(priorTerm),
  equals: lengths.map {
    let left = NoiseSchedule.linear(steps: $0).alphaBar($0)
    return divergenceByQuadrature(left.squareRoot(), 1 - left, 0, 1)
  }, tolerance: 1e-12)

//: **Claim 1.33.** With the variance $\sigma_t^2$ of the reverse step fixed, $L_{t-1}$ is a squared
//: error of means times $1 / 2\sigma_t^2$ (Claim 1.7), plus a constant.
//:
//: **Erratum E-S1c.** The talk "Before We Start" (DDPM, DDIM, U-Net, LDM; slide "Loss Function")
//: writes the factor as $1 / 2\|\Sigma\|_2^2$. For $\Sigma = \sigma^2 I$ the norm is $\sigma^2$,
//: and squared it is $\sigma^4$: at $\sigma^2 = 0.0098$ that gives 5206 instead of 51. The second
//: route is a KL divergence by quadrature, over the squared distance of the means.

let stepVariance = 0.0098
let quotient = divergenceByQuadrature(0.25, stepVariance, 0.2, stepVariance) / (0.05 * 0.05)
notebook.check(
  "factor of the squared error", quotient, equals: 1 / (2 * stepVariance), relativeTolerance: 1e-10)
notebook.erratum(
  "E-S1c", source: "Talk on DDPM, DDIM, U-Net and LDM, slide Loss Function",
  "factor of the squared error", printed: 1 / (2 * stepVariance * stepVariance),
  right: 1 / (2 * stepVariance), secondRoute: quotient, tolerance: 1e-7, apart: 1000)

//: ### Estimating the ELBO
//:
//: For a real network the terms are averages that must be estimated. Three ways: sample a whole
//: path and take the log ratio; sample a path, but at each $t$ take the KL divergence in closed
//: form; or sample a single $t$ and one $x_t$, and multiply by $T$. The first two evaluate the
//: network $T$ times, the last once.
//:
//: **Claim 1.34.** All three are unbiased. Which one has the least variance? A closed form, one
//: should think, beats a sample. It does not, for either of the two models below: in the log ratio
//: of a whole path the random errors of one step cancel against those of the next. For
//: the *perfect* model they cancel completely, and every path gives exactly $-\log p(x_0)$ (it is
//: Claim 1.4 again), while the KL divergences still vary. A single $t$ has the largest variance,
//: but it costs one evaluation and not 50. The last column, variance times evaluations, is the fair
//: comparison; training uses the third way, where every evaluation is for another image.

let fifty = NoiseSchedule.linearScaledToLength(steps: 50)
let perfectOf50 = LinearReverseChain(reversing: fifty, stepVariance: .beta)
let imperfectOf50 = LinearReverseChain(
  fifty,
  steps: (1...50).map {
    let step = perfectOf50.step($0)
    return .init(gain: 1.03 * step.gain, offset: 0.02, variance: 0.7 * step.variance)
  })

func estimates(
  _ model: LinearReverseChain, stream: Int
) -> (paths: [Double], divergences: [Double], single: [Double]) {
  let prior = model.bound(of: x0).prior
  func term(_ t: Int, _ xt: Double) -> Double {
    t == 1 ? -model.step(1).logDensity(x0, given: xt) : model.divergence(x0: x0, xt: xt, t: t)
  }
  let triples = notebook.samples(notebook.count(20_000, quick: 2_000), stream: stream) { random in
    let path = randomPath(model.schedule, &random)
    let t = 1 + random.index(below: 50)
    let xt = GaussianDiffusion(fifty).addNoise(to: x0, t: t, noise: random.normal())
    return (
      model.logForward(path) - model.logReverse(path),
      prior + (1...50).reduce(0) { $0 + term($1, path[$1]) }, prior + 50 * term(t, xt)
    )
  }
  return (triples.map(\.0), triples.map(\.1), triples.map(\.2))
}

//: For both models, the mean and the standard deviation of each way:

for (name, model, stream) in [("imperfect", imperfectOf50, 12), ("perfect", perfectOf50, 13)] {
  let exact = model.bound(of: x0).total
  let found = estimates(model, stream: stream)
  notebook.table(
    "\(name) model, 50 steps; exact \((exact * 1e6).rounded() / 1e6)",
    of: [
      ("whole paths", found.paths, 50.0), ("KL divergences on a path", found.divergences, 50),
      ("one t", found.single, 1),
    ],
    columns: [
      "estimator": { $0.0 }, "mean": { Estimate(of: $0.1) },
      Column("standard deviation of one sample", decimals: 3): { Moments($0.1).standardDeviation },
      Column("variance x evaluations", decimals: 1): { Moments($0.1).variance * $0.2 },
    ])
  if name == "perfect" {
    notebook.check(
      "perfect: every whole path gives", found.paths,
      equals: found.paths.map { _ in -model.logEvidence(x0) }, tolerance: 1e-10)
  } else {
    notebook.check("imperfect: whole paths", Estimate(of: found.paths), equals: exact)
  }
  notebook.check(
    "\(name): standard deviation of whole paths, against KL divergences",
    Moments(found.paths).standardDeviation, isBelow: Moments(found.divergences).standardDeviation)
  notebook.check("\(name): KL divergences", Estimate(of: found.divergences), equals: exact)
  notebook.check("\(name): one t", Estimate(of: found.single), equals: exact)
}

//: ## Part V. When is the ELBO tight?
//:
//: Average the negative ELBO over the data. It cannot fall below the entropy $H$ of the data, for
//: no model can be more likely than the data distribution itself. What is the rest?
//:
//: **Claim 1.35.** It is the KL divergence between two distributions of whole paths, and it splits
//: over the steps:
//: $$ E\,L - H = D_{KL}\big(q(x_T) \,\|\, p(x_T)\big)
//: + \sum_{t=1}^{T} E\, D_{KL}\big(q(x_{t-1} \mid x_t) \,\|\, p(x_{t-1} \mid x_t)\big) . $$
//: Note what stands under the sum: $q(x_{t-1} \mid x_t)$, *without* $x_0$. The ELBO is written with
//: the posterior given $x_0$, but the model has to match the reverse step that is not given $x_0$.
//: For Gaussian data both are known; here the data are $\mathcal N(0.4, 0.6)$ and the reverse
//: process is the example of Part IV.

func excess(
  _ model: LinearReverseChain, mean: Double, variance: Double
) -> (end: Double, steps: [Double]) {
  let best = LinearReverseChain(reversing: model.schedule, mean: mean, variance: variance)
  let data = GaussianVariable(mean: mean, standardDeviation: variance.squareRoot(), source: 0)
  let states = (0...model.length).map { t in
    GaussianDiffusion(model.schedule).addNoise(to: data, t: t, noise: epsilon[1])
  }
  let steps = (1...model.length).map { t in
    let (right, used) = (best.step(t), model.step(t))
    let difference = GaussianVariable.sum((right.gain - used.gain, states[t]))
      .shifted(by: right.offset - used.offset)
    return meanDivergence(right.variance, used.variance, difference: difference)
  }
  let xT = states[model.length]
  return (klDivergence(xT.mean, xT.variance, 0, 1), steps)
}
func entropy(_ variance: Double) -> Double { 0.5 * log(2 * .pi * M_E * variance) }

let rest = excess(chain, mean: 0.4, variance: 0.6)
notebook.check(
  "mean negative ELBO less entropy", chain.bound(mean: 0.4, variance: 0.6).total - entropy(0.6),
  equals: rest.end + rest.steps.reduce(0, +), tolerance: 1e-12)

//: **Claim 1.36.** So the ELBO can be tight. For data $\mathcal N(0, 1)$ the reverse step is
//: $q(x_{t-1} \mid x_t) = \mathcal N(\sqrt{\alpha_t}\, x_t, \beta_t)$, the mirror image of the
//: forward step. A model with these steps reaches $L = H = \frac12 \log 2\pi e = 1.41893853$ nats,
//: for *every* number of steps, even a single one.

let exactEntropy = entropy(1)
let tight = [1, 2, 10, 100, 1000].map { steps in
  LinearReverseChain(reversing: .linear(steps: steps), stepVariance: .beta)
    .bound(mean: 0, variance: 1)
}
notebook.check(
  "negative ELBO for T = 1, 2, 10, 100, 1000", tight.map(\.total),
  equals: tight.map { _ in exactEntropy }, tolerance: 1e-12)

//: ### The cost of the reverse variance
//:
//: Which variance should a reverse step have? Two are in use: $\beta_t$, and $\tilde\beta_t$, the
//: variance of the posterior. The second seems right; after all, it stands in the ELBO. But by
//: Claim 1.35 the step has to match $q(x_{t-1} \mid x_t)$, and that is wider, because $x_0$ is not
//: given when one samples:
//: $$ \mathrm{Var}(x_{t-1} \mid x_t) = \tilde\beta_t + w_0^2\, \mathrm{Var}(x_0 \mid x_t) . $$
//:
//: **Claim 1.37.** A step with the right mean and the variance $v$ instead of $v^*$ costs
//: $\frac12 (v^*/v - 1 - \log (v^*/v))$ nats per dimension. For Gaussian data of unit variance
//: $v^* = \beta_t$, and the cost of $\tilde\beta_t$ is the sum of these for
//: $v^*/v = \beta_t/\tilde\beta_t$. It arises near the data: at $t = 2$ one variance is more than
//: twice the other, and at $t = 1$, where $\tilde\beta_1 = 0$, a density would even be infinite (we
//: keep $\beta_1$ there).

func costOfPosterior(_ schedule: NoiseSchedule) -> Double {
  (2...schedule.steps).reduce(0) { sum, t in
    let ratio = schedule.beta(t) / schedule.posteriorVariance(t)
    return sum + 0.5 * (ratio - 1 - log(ratio))
  }
}
func withPosteriorVariance(_ schedule: NoiseSchedule) -> LinearReverseChain {
  LinearReverseChain(
    reversing: schedule, stepVariance: .posterior, firstVariance: schedule.beta(1))
}
let costs = [10, 100, 1000].map { steps in
  withPosteriorVariance(.linear(steps: steps)).bound(mean: 0, variance: 1).total - exactEntropy
}
notebook.table(
  "Cost of the posterior variance, Gaussian data of unit variance, linear schedule",
  columns: ["T", "nats per dimension"], rows: zip([10, 100, 1000], costs).map { [$0, $1] })
notebook.check(
  "from the ELBO, T = 10, 100, 1000", costs,
  equals: [10, 100, 1000].map { costOfPosterior(.linear(steps: $0)) }, tolerance: 1e-11)
let stepCosts = excess(withPosteriorVariance(ddpm), mean: 0, variance: 1).steps
notebook.check(
  "share of the first 30 of 1000 steps", stepCosts.prefix(30).reduce(0, +) / costs[2], isAbove: 0.9)

//: **Erratum E-X6.** The same talk calls $\tilde\beta_t$ "theoretically motivated" (and its code
//: uses $\beta_t$); "Foundations of Generative Models" writes below (4.127) that the variance of
//: the reverse step does not need to be learned, it is given by the mathematics. It is
//: $\mathrm{Var}(x_{t-1} \mid x_t, x_0)$, of a step that is given $x_0$. The negative ELBO at
//: $T = 1000$ with this variance, and with the right one:

notebook.erratum(
  "E-X6", source: "Foundations of Generative Models, section 4.4.5, The Variance",
  "negative ELBO, unit Gaussian data, 1000 steps", printed: exactEntropy + costs[2],
  right: perfect.bound(mean: 0, variance: 1).total, secondRoute: exactEntropy, tolerance: 1e-12,
  apart: 0.4)

//: **Claim 1.38.** $\beta_t$ is right for data of unit variance only. The optimal variance, with
//: $\mathrm{Var}(x_0 \mid x_t) = s^2 (1 - \bar\alpha_t)/(\bar\alpha_t s^2 + 1 - \bar\alpha_t)$ for
//: Gaussian data of variance $s^2$, makes the ELBO tight for every $s$, up to the mismatch at
//: $x_T$: what remains is $D_{KL}(q(x_T) \,\|\, \mathcal N(0, 1))$, some $10^{-10}$ nats. (In the
//: table, the rows with the posterior variance use $\sigma_1^2 = \tilde\beta_2$, a usual way to
//: avoid the zero. It costs 0.11 nats more.)

let rules: [(String, ReverseVariance?, Double?)] = [
  ("forward, beta", .beta, nil), ("posterior", .posterior, ddpm.posteriorVariance(2)),
  ("optimal", nil, nil),
]
let variances = [0.25, 1, 4]
let totals = rules.map { _, rule, first in
  variances.map {
    LinearReverseChain(reversing: ddpm, variance: $0, stepVariance: rule, firstVariance: first)
      .bound(mean: 0, variance: $0).total
  }
}
notebook.table(
  "Mean negative ELBO at T = 1000, in nats",
  columns: ["variance"] + variances.map { Column("$s^2=\($0)$", decimals: 8) },
  rows: zip(rules, totals).map { row($0.0, $1) } + [
    row("entropy of the data", variances.map(entropy))
  ])
notebook.check(
  "optimal: what is above the entropy", zip(variances, totals[2]).map { $1 - entropy($0) },
  equals: variances.map { excess(perfect, mean: 0, variance: $0).end }, tolerance: 1e-12)
notebook.check(
  "forward: what is above the entropy, variance 0.25", totals[0][0] - entropy(0.25),
  equals: 0.72688361 - 0.72579135, tolerance: 1e-8)
notebook.check(
  "posterior: negative ELBO for variances 0.25 and 1", [totals[1][0], totals[1][1]],
  equals: [1.29571728, 1.99753338], tolerance: 1e-8)

//: **Claim 1.39.** The three kinds of terms for Gaussian data of unit variance and the linear
//: schedule of 1000 steps are $L_0 = -3.18623165$, $\sum L_{t-1} = 4.60515001$ and
//: $L_T = 2.018 \cdot 10^{-5}$. The first is the entropy of a Gaussian of variance $\beta_1$, the
//: variance left when $x_1$ is known.

let perfectTerms = perfect.bound(mean: 0, variance: 1)
notebook.check(
  "L0, sum and L_T",
  [perfectTerms.reconstruction, perfectTerms.denoising.reduce(0, +), perfectTerms.prior],
  equals: [-3.18623165, 4.60515001, 2.018e-5], tolerance: 1e-8)
notebook.check("L0", perfectTerms.reconstruction, equals: entropy(ddpm.beta(1)), tolerance: 1e-12)

//: **Erratum E-B42.** "Foundations of Generative Models" writes in section 7.3.1 that $L_0$ is
//: often ignored as its contribution is small, and in 4.4.3 that $L_T$ is approximately zero by
//: construction. $L_0$ is not small: it is the logarithm of a density, and a sharp one. (And $L_T$
//: was 0.46 nats per dimension at $T = 50$, in Claim 1.32.)

notebook.erratum(
  "E-B42", source: "Foundations of Generative Models, section 7.3.1",
  "reconstruction term, unit Gaussian data", printed: 0, right: perfectTerms.reconstruction,
  secondRoute: entropy(ddpm.beta(1)), tolerance: 1e-12, apart: 3)

//: **Claim 1.40.** Each denoising term has a meaning of its own. In the perfect model
//: $L_{t-1} = I(x_0; x_{t-1}) - I(x_0; x_t)$, the information about the data that step $t$ destroys
//: and the model must supply again. Chapter 0 computed it:
//: $I(x_0; x_t) = \frac12 \log(1 + \mathrm{SNR}_t)$ for Gaussian data of unit variance.

func information(_ t: Int) -> Double { 0.5 * log1p(ddpm.snr(t)) }
notebook.check(
  "denoising terms, t = 2 … 1000", perfectTerms.denoising,
  equals: (2...1000).map { information($0 - 1) - information($0) }, tolerance: 1e-12)

//: @fold How the figure is plotted

let timesFrom2 = Array(allTimes.dropFirst())
func costPlot(_ title: String, _ y: Axis, _ ofBeta: [Double], _ ofPosterior: [Double]) -> Plot {
  Plot(title: title, x: Axis("$t$", scale: .log), y: y)
    .line(timesFrom2, ofBeta, label: "$\\sigma_t^2=\\beta_t$")
    .line(timesFrom2, ofPosterior, label: "$\\sigma_t^2=\\tilde\\beta_t$", dash: .dashed)
}
let termsPlot = costPlot(
  "terms of the ELBO", Axis("$L_{t-1}$ in nats", scale: .log), perfectTerms.denoising,
  withPosteriorVariance(ddpm).bound(mean: 0, variance: 1).denoising)
let quarterCosts = [ReverseVariance.beta, .posterior].map { rule in
  let model = LinearReverseChain(
    reversing: ddpm, variance: 0.25, stepVariance: rule, firstVariance: ddpm.beta(1))
  return Array(excess(model, mean: 0, variance: 0.25).steps.dropFirst())
}
let variancePlot = costPlot(
  "cost of the variance", Axis("nats per step", scale: .log, range: 1e-10...1), quarterCosts[0],
  quarterCosts[1])
notebook.figure(
  "terms", Figure(columns: 2, [termsPlot, variancePlot], panelSize: Size(330, 300)),
  caption: "Left: the denoising terms $L_{t-1}$ of the perfect model for Gaussian data of unit "
    + "variance, with $\\beta_t$, and with $\\tilde\\beta_t$ in its place. Right: the gap that "
    + "each step adds with the wrong variance: data of variance 0.25 under $\\beta_t$ and under "
    + "$\\tilde\\beta_t$. Nearly all of the cost of $\\tilde\\beta_t$ arises in the first thirty "
    + "steps.",
  alternative: "Falling curves over logarithmic time; those for the posterior variance are higher.")

//: ### Data that are not Gaussian
//:
//: Is the ELBO tight for other data too? The reverse step $q(x_{t-1} \mid x_t)$ is then no longer
//: Gaussian, and a model whose steps are Gaussian cannot match it. But a *small* step is nearly
//: Gaussian whatever the data. That is the reason for having many. The course's mixture of three
//: Gaussians shows it, with the exact mean in every step, and the variances $\beta_t$,
//: $\tilde\beta_t$ or the best one that does not depend on $x_t$.
//:
//: **Claim 1.41.** For the mixture the gap with the best variance falls as steps are added, and is
//: never above that of $\beta_t$ or $\tilde\beta_t$. It halves when $T$ doubles. The noise of all
//: chains is the same in total: the linear schedule is scaled to its length.

let mixture = GaussianMixture.three
let chainLengths = notebook.isQuick ? [25, 50] : [25, 50, 100, 200, 400]

/// The gaps of the three variances: beta, posterior, optimal.
func mixtureGaps(_ steps: Int) -> [Double] {
  let schedule = NoiseSchedule.linearScaledToLength(steps: steps)
  let floors = (1...steps).map { mixture.noisyMarginal(schedule, to: $0).x0LossFloor }
  let left = schedule.alphaBar(steps)
  let prior = 0.5 * (left * (mixture.variance - 1) - log1p(-left))
  return (0..<3).map { rule in
    (1...steps).reduce(prior - mixture.entropy) { sum, t in
      let transition = schedule.transition(from: t, to: t - 1)
      let posterior = transition.posteriorVariance
      let best = transition.optimalVariance(ofX0GivenXt: floors[t - 1])
      if t == 1 { return sum + entropy(best) }  // every rule gets the best first step
      let used = [transition.beta, posterior, best][rule]
      return sum + 0.5 * (best / used - 1 - log(posterior / used))
    }
  }
}

//: The prior term and the sum over the steps need only one number per step, the mean of
//: $\mathrm{Var}(x_0 \mid x_t)$ over $x_t$, which the library integrates.

let mixtureRows = notebook.progress("mixture", chainLengths).map { mixtureGaps($0) }
let optimalGaps = mixtureRows.map { $0[2] }
notebook.table(
  "Gap of the ELBO for the mixture of three Gaussians, in nats",
  columns: ["T", "forward", "posterior", "optimal"],
  rows: zip(chainLengths, mixtureRows).map { row($0, $1) })
notebook.check("optimal: gap", decreases: optimalGaps)
let lastGaps = Array(optimalGaps.suffix(2))
notebook.check(
  "optimal: gap over that of twice the steps", lastGaps[0] / lastGaps[1], equals: 2, tolerance: 0.05
)
notebook.check("optimal: least gap", optimalGaps.min()!, isAbove: 0)
notebook.check(
  "least excess of the others", mixtureRows.map { min($0[0], $0[1]) - $0[2] }.min()!, isAbove: 0)

//: ## Exercises
//:
//: Numbers are those of "Foundations of Generative Models".
//:
//: - **3.13.1** (closed form of the KL divergence, meaning of the terms): Claim 1.6.
//: - **3.13.2** (the gap of Jensen's inequality): Claim 1.9. Its meaning: the gap measures the
//:   encoder, not the decoder; a bad $q$ makes a good model seem bad.
//: - **3.13.3** (naive gradients): Claim 1.13. "Biased" is mild: the naive derivative is 0.
//: - **3.13.4** (an experiment that shows collapse): Claims 1.17 and 1.18. Prevention that works
//:   here is to lower $\beta\sigma^2$ below the smallest eigenvalue that matters. Annealing does
//:   not help.
//: - **4.15.2a, 7.11.2** (posterior by Bayes' rule; both forms of its mean): Claims 1.23 and 1.25.
//: - **4.15.3a** (three terms): Claims 1.26 and 1.27. **4.15.3b** ($L_T$): Claim 1.32.
//: - **7.11.1** (two steps): Claim 1.28, and for its last part, "verify that the bound is tight
//:   when $q(z \mid x) = p(z \mid x)$", the next two.
//:
//: **Claim 1.42.** For two steps, the gap $L + \log p(x_0)$ is the KL divergence of
//: $q(x_1, x_2 \mid x_0)$ from $p(x_1, x_2 \mid x_0)$, the posterior of the reverse process.

let upward = MultivariateGaussian(
  jointlyOf: Array(forwardStates(twoSteps, from: GaussianVariable(mean: 0.7)).dropFirst()))
let downward = MultivariateGaussian(jointlyOf: short.states).conditioned(on: [0: 0.7])
notebook.check(
  "gap for two steps", shortTerms.total + short.logEvidence(0.7),
  equals: upward.divergence(from: downward), tolerance: 1e-12)

//: **Claim 1.43.** If the reverse steps mirror the forward ones, the two distributions agree and
//: the gap is 0, for each $x_0$ and not only on average.

let mirrored = LinearReverseChain(reversing: twoSteps, stepVariance: .beta)
let points = [-2.0, 0, 0.7, 3]
notebook.check(
  "negative ELBOs at four points", points.map { mirrored.bound(of: $0).total },
  equals: points.map { -mirrored.logEvidence($0) }, tolerance: 1e-12)
notebook.check(
  "and these are those of the data", points.map { mirrored.logEvidence($0) },
  equals: points.map { logGaussian($0, 0, 1) }, tolerance: 1e-12)

//: ## Summary
//:
//: | symbol | in code | meaning |
//: |---|---|---|
//: | $D_{KL}(q \Vert p)$ | `gaussianKLDivergence`, `MultivariateGaussian.divergence(from:)` | mean log ratio under $q$, in nats |
//: | ELBO | `LinearLatentModel.bound(of:under:).value` | at most $\log p(x)$; short of it by $D_{KL}(q \Vert p(z \mid x))$ |
//: | $\tilde\mu_t$, $\tilde\beta_t$ | `posteriorMean`, `posteriorVariance` | of $q(x_{t-1} \mid x_t, x_0)$ |
//: | $L$ | `DiffusionBound.total` | negative ELBO of a diffusion model, at least $-\log p(x_0)$ |
//: | $L_0$, $L_{t-1}$, $L_T$ | `reconstruction`, `denoising(t)`, `prior` | its terms |
//:
//: - The ELBO can rise while the log-likelihood falls. It is tight only if $q$ is the posterior.
//: - A linear VAE does not encode a direction whose variance is too small to pay for its code:
//:   $\lambda_i \le \beta\sigma^2$.
//: - The negative ELBO of a diffusion model is a sum of KL divergences because of
//:   $q(x_{t-1} \mid x_t, x_0)$. Given two neighbors, "consistency" is not a KL divergence.
//: - The ELBO requires each step to be $q(x_{t-1} \mid x_t)$, with its mean, which does not use
//:   $x_0$, and with its variance, which is not $\tilde\beta_t$.
//:
//: That mean follows from a prediction of $x_0$, or, by Claim 1.25, from a prediction of the noise.
//: How a network learns to predict it is the subject of chapter 2.

notebook.finish()  // weave:hide
