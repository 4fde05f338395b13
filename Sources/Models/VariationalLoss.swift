import Autodiff
import Networks
import Probability
import Tensors

/// The loss of a β-VAE with Laplace-distributed pixels:
///
/// $$\lVert x - \hat x \rVert_1 + \beta\, D_{KL}(N(\mu, \sigma^2) \,\Vert\, N(0, I)),
/// \qquad \hat x = D(\mu + \sigma\epsilon)$$
///
/// Both terms are sums over all entries of an image or latent, in nats, so that β = 1 is the negative
/// ELBO up to a constant; the loss of a batch is the mean over its images
/// (Kingma and Welling, "Auto-encoding variational Bayes", 2014; Higgins et al., "β-VAE", 2017).
public struct VariationalLoss: Sendable {
  /// β, the weight of the KL divergence.
  public let beta: Double
  /// A perceptual loss and its weight, or nil.
  public let features: (loss: FeatureLoss, weight: Double)?

  /// The names of the parts: the sum of absolute errors and the KL divergence, per image.
  public static let partNames = ["l1", "kl"]
  /// The name of the unweighted perceptual part.
  public static let featurePart = "features"

  public init(beta: Double, features: (loss: FeatureLoss, weight: Double)? = nil) {
    self.beta = beta
    self.features = features
  }

  /// The loss on `images`, shape `[batch, 3, 32, 32]` with values in -1…1.
  ///
  /// - Parameter generator: The generator of the noise ε of the latents.
  public func callAsFunction(
    _ autoencoder: Autoencoder, images: Tensor, tape: Tape, generator: RandomGenerator
  ) -> BatchLoss {
    let x = tape.constant(images)
    let posterior = autoencoder.encode(x)
    var random = generator
    let noise = tape.constant(.normal(posterior.mean.shape, using: &random))
    let z = Self.sample(mean: posterior.mean, logVariance: posterior.logVariance, noise: noise)
    let count = images.shape[0]
    let decoded = autoencoder.decode(z)
    let l1 = abs(decoded - x).sum() / Float(count)
    let kl =
      Self.klDivergence(mean: posterior.mean, logVariance: posterior.logVariance) / Float(count)
    var parts = ["l1": Double(l1.scalar), "kl": Double(kl.scalar)]
    var total = l1 + kl * Float(beta)
    if let features {
      let distance = features.loss(decoded, images)
      parts[Self.featurePart] = Double(distance.scalar)
      total = total + distance * Float(features.weight)
    }
    return BatchLoss(total, parts: parts, images: count)
  }

  // snippet.reparameterized-sample
  /// The reparameterized sample $z = \mu + \sigma\epsilon$, through which gradients reach μ and σ.
  public static func sample(mean: Variable, logVariance: Variable, noise: Variable) -> Variable {
    mean + exp(0.5 * logVariance) * noise
  }
  // snippet.end

  /// $D_{KL} = \frac12\sum(\mu^2 + \sigma^2 - \log\sigma^2 - 1)$, summed over everything.
  public static func klDivergence(mean: Variable, logVariance: Variable) -> Variable {
    0.5 * (square(mean) + exp(logVariance) - logVariance - 1).sum()
  }
}
