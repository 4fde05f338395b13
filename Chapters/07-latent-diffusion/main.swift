//: # Chapter 7. Latent diffusion
//:
//: All that the course has built comes together here: a model that draws small color pictures of a
//: class that you name. It has two parts, and both are trained by this code on a processor without
//: a graphics card. An *autoencoder* learns to say a picture in few numbers, its *latent*; a
//: *denoiser* learns to diffuse latents instead of pictures.
//:
//: At the end of this chapter you can
//:
//: - say why one diffuses latents, and count what it saves,
//: - write the loss of the autoencoder with its units, and know what its weight β weighs,
//: - scale latents so that a schedule made for pictures fits them,
//: - sample: guide, take steps, unscale, decode,
//: - train both parts yourself, on CIFAR-10 or on drawn shapes.

import Autodiff  // weave:hide
import Diffusion  // weave:hide
import Figures  // weave:hide
import Foundation  // weave:hide
import Learning  // weave:hide
import Notebook  // weave:hide
import Tensors  // weave:hide

let (notebook, options) = Chapter.open(  // weave:hide
  "Draws images of ten classes by diffusion in the latent space of an autoencoder.",  // weave:hide
  adding: ChapterOptions.self, commands: chapterCommands)  // weave:hide
let weights = options.weights ?? Weights.shipped  // weave:hide

//: ## Ten classes
//:
//: The weights of both networks come with the repository. Sampling needs no data set: it starts from
//: noise. Every picture has a stream of random numbers of its own, so it does not depend on what is
//: drawn beside it.

let model = notebook.orStop { try LatentDiffusionModel(loading: weights) }
let manifest = notebook.orStop { try Manifest(in: weights) }
notebook.show("weights of the autoencoder", model.autoencoder.parameterCount)
notebook.show("weights of the denoiser", model.denoiser.parameterCount)
notebook.show("trained on", manifest.denoiser?.dataNote ?? "unknown data")

let classes = model.settings.classes
let each = notebook.count(10, quick: 2)
let request = SampleRequest(
  labels: classes.indices.flatMap { [Int](repeating: $0, count: each) },
  steps: notebook.count(50, quick: 10), seed: notebook.seed)

let bar = ProgressBar("sampling", total: request.labels.count * request.steps)
let (z0, sampling) = notebook.time { request.latents(from: model) { bar.move(to: $0) } }
bar.finish()
let images = model.decode(z0)
notebook.show("sampling \(request.labels.count) latents took", seconds: sampling)

func rows(_ images: Tensor, of length: Int) -> [[Picture]] {
  let pictures = PictureGrid.pictures(images)
  return stride(from: 0, to: pictures.count, by: length).map { Array(pictures[$0..<$0 + length]) }
}

notebook.figure(
  "ten-classes", ImageGrid(rows: rows(images, of: each), rowLabels: classes), formats: [.png],
  caption: "Ten pictures of each class, drawn by this model with 50 steps of DDIM and guidance of "
    + "scale 3. None was chosen: they are the first ten of the seed.")

//: ## What a latent saves
//:
//: The encoder turns a picture of 3x32x32 numbers into a normal distribution over 4x8x8 numbers,
//: $q_\phi(z \mid x) = N(\mu_\phi(x), \sigma_\phi^2(x))$ with one mean and one variance a number.
//: The network gives $\log\sigma^2$, so no variance can be negative.
//:
//: **Claim 7.1.** A latent has a twelfth of the numbers and a sixteenth of the positions of its
//: picture, and attention compares a 256th of the pairs of positions; every $\sigma$ is positive.

let posterior = LatentCache.encode(images, with: model.autoencoder)
let (pixels, places) = (32 * 32, 8 * 8)

notebook.check(
  claim: "7.1", "shape of the latents", posterior.mean.shape, isExactly: [images.shape[0], 4, 8, 8])
notebook.check(claim: "7.1", "numbers saved", 3 * pixels / (4 * places), isExactly: 12)
notebook.check(claim: "7.1", "positions saved", pixels / places, isExactly: 16)
notebook.check(
  claim: "7.1", "pairs of positions saved", pixels * pixels / (places * places), isExactly: 256)
notebook.check(
  claim: "7.1", "is every spread positive", posterior.deviation.elements.allSatisfy { $0 > 0 },
  isExactly: true)

//: A factor of 16 in the work of every convolution is what makes it possible to train at home.
//:
//: ## A draw through which one can differentiate
//:
//: The decoder is trained on draws $z = \mu + \sigma\epsilon$ with $\epsilon \sim N(0, I)$. Written
//: so, the randomness stands outside, and a derivative passes to $\mu$ and $\sigma$ as through any
//: other formula (Kingma and Welling 2013).
//:
//: @code Sources/Learning/VariationalLoss.swift reparameterised-draw
//:
//: **Claim 7.2.** The derivatives of the draw are those of the formula, and they estimate the
//: derivatives of expectations: with $f(z) = z^2$, for which $E f = \mu^2 + \sigma^2$, the mean of
//: the derivative by $\log\sigma^2$ is $\sigma^2$.

var random = RandomGenerator(seed: notebook.seed, stream: 7)
let point = (0..<3).map { _ in Tensor.normal([3, 5], using: &random) }
let comparisons = gradientCheck(at: point) {
  VariationalLoss.sample(mean: $0[0], logVariance: $0[1], noise: $0[2])
}
notebook.check(
  claim: "7.2", "error of the tape's derivatives, relative",
  comparisons.map(\.relativeError).max() ?? 1, equals: 0,
  tolerance: 1e-3)

let (mu, logVariance) = (0.7, -0.4)
let draws = notebook.count(100_000, quick: 20_000)
let derivatives: [Double] = {
  let tape = Tape()
  let v = tape.input(Tensor(repeating: Float(logVariance), shape: [draws]))
  let noise = tape.constant(.normal([draws], using: &random))
  let mean = tape.constant(Tensor(repeating: Float(mu), shape: [draws]))
  let z = VariationalLoss.sample(mean: mean, logVariance: v, noise: noise)
  return tape.gradients(of: square(z).sum())[v]?.elements.map(Double.init) ?? []
}()
notebook.check(
  claim: "7.2", "mean derivative by the log-variance", Estimate(of: derivatives),
  equals: exp(logVariance))

//: ## The loss of the autoencoder
//:
//: $$ L = \lVert x - \hat x \rVert_1 + \beta\, D_{KL}\bigl(N(\mu, \sigma^2) \,\Vert\, N(0, I)\bigr),
//: \qquad D_{KL} = \tfrac12 \sum \bigl(\mu^2 + \sigma^2 - \log\sigma^2 - 1\bigr) $$
//:
//: A formula like this is not complete before it says over what the terms are summed or averaged.
//: Here **both are sums over all numbers of a picture**, averaged over the pictures of a batch. Only
//: then does β weigh nats against nats.
//:
//: **Claim 7.3.** The sum of absolute errors is the negative log-likelihood of independent Laplace
//: distributions of scale 1 around $\hat x$, up to the constant $D \log 2$, 2129 nats for a picture;
//: the sum of squares, likewise, is that of normal distributions of variance one half.

let (x, xHat) = (images.entries(0..<1), images.entries(1..<2))
let errors = zip(x.elements, xHat.elements).map { Double($0) - Double($1) }
let laplace = errors.reduce(0) { $0 - log(0.5 * exp(-abs($1))) }
let normal = errors.reduce(0) { $0 - log(exp(-$1 * $1) / Double.pi.squareRoot()) }
notebook.check(
  claim: "7.3", "absolute errors and constant", x.absoluteDifference(xHat) + 3072 * log(2.0),
  equals: laplace, relativeTolerance: 1e-6)
notebook.check(claim: "7.3", "the constant", 3072 * log(2.0), equals: 2129.348, tolerance: 1e-3)
notebook.check(
  claim: "7.3", "squared errors and constant",
  errors.reduce(0) { $0 + $1 * $1 } + 1536 * log(Double.pi), equals: normal,
  relativeTolerance: 1e-9)

//: **Claim 7.4.** The divergence in the loss is the mean of $\log q(z) - \log p(z)$ over draws
//: $z \sim q$.

let differences = (0..<draws).map { _ -> Double in
  let epsilon = random.normal()
  let z = mu + exp(logVariance / 2) * epsilon
  return (z * z - epsilon * epsilon - logVariance) / 2
}
notebook.check(
  claim: "7.4", "divergence of $N(0.7, e^{-0.4})$ from $N(0, 1)$", Estimate(of: differences),
  equals: (mu * mu + exp(logVariance) - logVariance - 1) / 2)

//: **Claim 7.5.** With means in place of both sums the same β would mean something else: to get the
//: same minimum, it has to be multiplied by 256/3072.

let beta = 0.01
let (l1, kl) = (180.0, 900.0)
notebook.check(
  claim: "7.5", "loss of sums, from means", 3072 * (l1 / 3072 + beta * 256 / 3072 * (kl / 256)),
  equals: l1 + beta * kl, tolerance: 1e-9)

//: ## Latents of unit variance
//:
//: Schedules are made for data whose numbers have variance one. Latents have the variance that the
//: autoencoder gave them. So all of them are multiplied by one number, one over the standard
//: deviation of the training images' latents, before the denoiser sees them, and divided by it
//: before they are decoded. It is stored with the weights.
//:
//: **Claim 7.6.** Data of standard deviation $s$ shift the schedule's $\log \mathrm{SNR}$ by
//: $2 \log s$ at every $t$: latents five and a half times too large hide 3.41 nats of the noise.

let schedule = model.settings.schedule
notebook.show("factor of this model's latents", model.settings.latentScale, digits: 4)
let shifts = [1, 10, 100, 500, 1000].filter { $0 <= schedule.steps }.map { t -> Double in
  let noise = GaussianVariable(deviation: 1, source: 1)
  let latent = GaussianVariable(deviation: 5.5, source: 0)
  let zt = GaussianDiffusion(schedule).jump(latent, to: t, noise: noise)
  let ratio = zt.loadings[0] * zt.loadings[0] / (zt.loadings[1] * zt.loadings[1])
  return log(ratio) - log(schedule.alphaBar(t) / schedule.noiseVariance(t))
}
notebook.check(
  claim: "7.6", "shift of the log-SNR", shifts, equals: shifts.map { _ in 2 * log(5.5) },
  tolerance: 1e-9)
notebook.check(claim: "7.6", "in nats", 2 * log(5.5), equals: 3.41, tolerance: 0.005)

//: **Claim 7.7.** Scaling and unscaling cancel; and what this model samples without guidance has a
//: variance of the order of one, like the latents that it was trained on.

func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.elements, b.elements).map { Double(abs($0 - $1)) }.max() ?? .infinity
}

let scale = model.settings.latentScale
let there = Tensor.sum((scale, posterior.mean))
let back = Tensor.sum((1 / scale, there))
notebook.check(
  claim: "7.7", "largest change by scaling and unscaling", largestDifference(back, posterior.mean),
  equals: 0, tolerance: 1e-5)

func meanSquare(_ z: Tensor) -> Double { z.dot(z) / Double(z.count) }

var plain = request
plain.guidanceScale = 1
let plainLatents = plain.latents(from: model)
notebook.check(
  claim: "7.7", "mean square of sampled latents", meanSquare(plainLatents), equals: 1,
  tolerance: 0.5)

//: It is a little more than one. The first steps are to blame: near $T$ an error of the estimated
//: noise enters $\hat z_0$ multiplied by $\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}$, which is 157 at
//: $t = 1000$, and a network that was trained for an hour has errors of a few percent there. Longer
//: training makes them smaller.

//: ## The forward process, in latent space
//:
//: From here on everything is as in the chapters before, with $z$ in place of $x$:
//: $z_t = \sqrt{\bar\alpha_t}\, z_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$, and the denoiser
//: $\epsilon_\theta(z_t, t, y)$ learns to name $\epsilon$.
//:
//: @code Sources/Learning/DenoisingLoss.swift denoising-loss
//:
//: **Claim 7.8.** Latents of unit variance keep it at every $t$, and a network that says zero has a
//: loss of one.

let variances = stride(from: 0, through: schedule.steps, by: 50).map { t -> Double in
  let latent = GaussianVariable(deviation: 1, source: 0)
  let noise = GaussianVariable(deviation: 1, source: 1)
  return GaussianDiffusion(schedule).jump(latent, to: t, noise: noise).variance
}
notebook.check(
  claim: "7.8", "variance of $z_t$", variances, equals: variances.map { _ in 1 }, tolerance: 1e-12)
notebook.check(
  claim: "7.8", "loss of the zero network",
  Estimate(of: (0..<draws).map { _ in pow(random.normal(), 2) }), equals: 1)

//: How well does the trained denoiser do? A fair answer needs latents that it was not trained on;
//: `train-denoiser` measures that at every checkpoint. Here it gets its own samples, which are all
//: there is without the data. The yardstick is the best denoiser that knows only the variance: it
//: leaves $\bar\alpha_t$ of the noise's variance unexplained.
//:
//: **Claim 7.9.** Averaged over $t$, the denoiser leaves less noise unexplained than the best one
//: that takes latents for normal variables, 0.2755.

let times = stride(from: 50, through: schedule.steps - 50, by: 100).map { $0 }
let labels = request.labels
let profile = DenoisingLoss(model.diffusion).profile(
  model.denoiser, latents: plainLatents, labels: labels, times: times,
  generator: RandomGenerator(seed: notebook.seed, stream: 8))
notebook.table(
  "Mean squared error of the predicted noise, on the model's own samples",
  columns: ["t", Column("denoiser", decimals: 3), Column("normal", decimals: 3), "zero"],
  rows: zip(times, profile).map { [$0, $1, schedule.alphaBar($0), 1] })

let floor = (1...schedule.steps).reduce(0) { $0 + schedule.alphaBar($1) } / Double(schedule.steps)
notebook.check(
  claim: "7.9", "the normal denoiser, mean over t", floor, equals: 0.2755, tolerance: 1e-4)
notebook.check(
  claim: "7.9", "mean error of the denoiser",
  profile.reduce(0, +) / Double(profile.count), isBelow: floor)

//: ## The class
//:
//: Text-to-image models let every position attend to the words of a caption. Attention to a single
//: token is a waste of effort: a softmax over one score is one.
//:
//: **Claim 7.10.** Attention to one key gives its value, whatever is asked. So a class label is
//: simply embedded and added to the embedding of the time.

let attended: Tensor = {
  let tape = Tape(recording: false)
  let query = tape.constant(.normal([1, 6, 8], using: &random))
  let key = tape.constant(.normal([1, 1, 8], using: &random))
  let value = tape.constant(Tensor((0..<8).map(Float.init), shape: [1, 1, 8]))
  return attention(query: query, key: key, value: value, heads: 2).value
}()
notebook.check(
  claim: "7.10", "six queries of one key, largest distance from its value",
  largestDifference(attended, Tensor((0..<48).map { Float($0 % 8) })), equals: 0, tolerance: 1e-6)

//: In training, one label in ten is replaced by the null label 10: so one network learns to denoise
//: with and without the class, which is what guidance needs,
//: $\hat\epsilon = \epsilon_u + s(\epsilon_c - \epsilon_u)$.
//:
//: @code Sources/Diffusion/Guidance.swift guided-noise
//:
//: **Claim 7.11.** Both halves in one batch are the same as one after the other; $s = 1$ is the
//: conditional denoiser and $s = 0$ the unconditional one.

let some = z0.entries(0..<2)
let (label, t) = ([labels[0], labels[1]], schedule.steps / 2)
let nulls = [model.nullLabel, model.nullLabel]
let conditional = model.noise(some, t: t, labels: label)
let unconditional = model.noise(some, t: t, labels: nulls)
func guided(_ s: Double) -> Tensor {
  GuidedDenoiser(model, labels: label, scale: s).noise(some, t: t)
}
notebook.check(
  claim: "7.11", "one batch against two, largest difference",
  largestDifference(guided(3), .sum((3, conditional), (-2, unconditional))), equals: 0,
  tolerance: 1e-3)
notebook.check(
  claim: "7.11", "$s = 1$ against conditional", largestDifference(guided(1), conditional),
  equals: 0, tolerance: 1e-4)
notebook.check(
  claim: "7.11", "$s = 0$ against unconditional", largestDifference(guided(0), unconditional),
  equals: 0, tolerance: 1e-4)

//: The same noise, with one class after the other and with more and more guidance:

let scales = [0, 1, 2, 4, 8.0]
let shown = notebook.count(50, quick: 10)
let sweep = scales.map { s -> Tensor in
  var same = SampleRequest(labels: Array(classes.indices), steps: shown, seed: notebook.seed + 1)
  same.guidanceScale = s
  return same.latents(from: model)
}
notebook.figure(
  "guidance",
  ImageGrid(
    rows: sweep.map { PictureGrid.pictures(model.decode($0)) },
    rowLabels: scales.map { "$s=\(Int($0))$" }, columnLabels: classes),
  formats: [.png],
  caption: "Each column starts from one noise and is asked for one class. At $s = 0$ the class is "
    + "ignored; with growing $s$ the class gets plainer, and then the colors too strong.")

//: The strong colors can be measured. Guidance adds to the noise estimate what tells the class from
//: the average, and nothing takes it back.
//:
//: **Claim 7.12.** The mean square of the sampled latents, one without guidance, grows with $s$.

notebook.table(
  "Mean square of sampled latents", columns: ["s", Column("mean square", decimals: 2)],
  rows: zip(scales, sweep).map { [$0, meanSquare($1)] })
notebook.check(
  claim: "7.12", "mean squares at s = 1, 2, 4, 8", increases: sweep.dropFirst().map(meanSquare))

//: ## Sampling
//:
//: Draw $z_T \sim N(0, I)$; take steps of DDPM or DDIM; divide by the factor; decode. Latents have no
//: bounds, so $\hat z_0$ is never clipped.
//:
//: @code Chapters/07-latent-diffusion/Training/SampleRequest.swift latents
//:
//: **Claim 7.13.** The sampler is the one of the chapters before. On normal data its result is known
//: exactly: for $N(1, \frac14)$ a thousand steps of DDPM give the variance 0.246125.

let known = Sampler(.ancestral(), schedule: .linear()).sample(
  from: GaussianVariable(deviation: 1, source: 0),
  denoiser: GaussianDenoiser(mean: 1, variance: 0.25, .linear()),
  using: Streams(seed: 0, count: 1))
notebook.check(
  claim: "7.13", "variance of DDPM's samples", known.variance, equals: 0.246125, tolerance: 5e-7)

//: **Claim 7.14.** A picture does not depend on its batch, and decoded values lie in the range of
//: pictures, but for what guidance overshoots.

var alone = request
alone.labels = Array(request.labels.prefix(1))
notebook.check(
  claim: "7.14", "a latent by itself and among others, largest difference",
  largestDifference(alone.latents(from: model), z0.entries(0..<1)), equals: 0, tolerance: 2e-2)
func shareOutside(_ images: Tensor) -> Double {
  Double(images.elements.filter { abs($0) > 1.1 }.count) / Double(images.count)
}
notebook.show(
  "share of values outside -1.1…1.1 at s = 3", shareOutside(images), digits: 2, volatile: true)
notebook.check(
  claim: "7.14", "share of values outside -1.1…1.1 at s = 1",
  shareOutside(model.decode(plainLatents)), equals: 0, tolerance: 0.02)

//: How a picture comes out of noise: the estimates $\hat z_0$ of what will be there in the end,
//: decoded.

let strip: [[Picture]] = {
  let chosen = [1, 4, 7].filter { $0 < classes.count }
  var streams = Streams(seed: notebook.seed + 2, count: chosen.count)
  let zT = streams.normal([chosen.count] + model.latentShape)
  let states = Array(request.chain(model, zT, chosen, streams))
  let picked = (0..<8).map { states[$0 * (states.count - 1) / 7].x0Estimate }
  let columns = picked.map { PictureGrid.pictures(model.decode($0)) }
  return chosen.indices.map { row in columns.map { $0[row] } }
}()
notebook.figure(
  "denoising", ImageGrid(rows: strip, rowLabels: [1, 4, 7].map { classes[$0] }), formats: [.png],
  caption: "Decoded estimates $\\hat z_0$ along DDIM's way from noise (left) to picture (right). "
    + "The first are much too strong, because near $T$ small errors are magnified; then comes the "
    + "layout, blurred, and at last the edges.")

//: ## Between two noises
//:
//: DDIM turns a noise into a picture by a continuous map, so a path between two noises gives a path
//: between two pictures. Which path? In 256 dimensions nearly all of the normal law lies close to a
//: sphere of radius 16, and a straight line leaves it.
//:
//: **Claim 7.15.** On the straight line between two independent noises the mean square falls to
//: $1 - 2u(1-u)$, a half in the middle; on the arc
//: $\frac{\sin((1-u)\omega)}{\sin\omega}\, a + \frac{\sin(u\omega)}{\sin\omega}\, b$, with the angle
//: $\omega$ between $a$ and $b$, it stays.

func arc(_ a: Tensor, _ b: Tensor, _ u: Double) -> Tensor {
  let omega = acos(a.dot(b) / (a.norm() * b.norm()))
  return .sum((sin((1 - u) * omega) / sin(omega), a), (sin(u * omega) / sin(omega), b))
}

func line(_ a: Tensor, _ b: Tensor, _ u: Double) -> Tensor { .sum((1 - u, a), (u, b)) }

func meanSquare(_ path: (Tensor, Tensor, Double) -> Tensor, at u: Double) -> Estimate {
  var noises = RandomGenerator(seed: notebook.seed, stream: 9)
  return Estimate(count: 2000) {
    let a = Tensor.normal([256], using: &noises)
    let b = Tensor.normal([256], using: &noises)
    let norm = path(a, b, u).norm()
    return norm * norm / 256
  }
}
for u in [0.25, 0.5] {
  notebook.check(
    claim: "7.15", "mean square on the line, $u = \(u)$", meanSquare(line, at: u),
    equals: 1 - 2 * u * (1 - u))
  notebook.check(
    claim: "7.15", "mean square on the arc, $u = \(u)$", meanSquare(arc, at: u), equals: 1)
}

let (first, second) = (
  Tensor.normal([1] + model.latentShape, using: &random),
  Tensor.normal([1] + model.latentShape, using: &random)
)
let paths = [arc, line].map { path -> [Picture] in
  let noises = (0...8).map { path(first, second, Double($0) / 8) }
  let chain = request.chain(
    model, .concatenated(noises, along: 0), [Int](repeating: 7, count: 9),
    Streams(seed: notebook.seed, count: 9))
  var end = noises[0]
  for state in chain { end = state.x }
  return PictureGrid.pictures(model.decode(end))
}
notebook.figure(
  "between", ImageGrid(rows: paths, rowLabels: ["arc", "line"]), formats: [.png],
  caption: "From one noise to another, class \(classes[7]): above along the arc, below along the "
    + "straight line, whose middle is less than noise and ends in pale and blurred pictures.")

//: ## Training it yourself
//:
//: | command | what it does |
//: |---|---|
//: | `download` | fetches CIFAR-10 |
//: | `train-autoencoder --minutes 60 --out runs/autoencoder` | the first stage |
//: | `train-denoiser --minutes 60 --autoencoder runs/autoencoder --out runs/denoiser` | the second |
//: | `sample --weights runs/denoiser --class frog` | draws |
//: | `reconstruct --weights runs/autoencoder` | shows what the autoencoder keeps |
//: | `export --weights runs/denoiser --output weights` | 16-bit weights and their manifest |
//:
//: Each follows `swift run chapter-07-latent-diffusion`; `--data synthetic` draws shapes instead of
//: reading CIFAR-10. A run's folder holds its configuration, its losses, checkpoints and pictures;
//: `--resume FOLDER` goes on with it, update for update as if it had never stopped.

notebook.finish()  // weave:hide
