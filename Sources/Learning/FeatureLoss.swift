import Autodiff
import Networks
import Parallelism
import Tensors

/// How far an image is from another in the eyes of a trained classifier:
///
/// $$\sum_l \lambda_l \,\frac{1}{P_l} \sum_p
/// \lVert \hat\phi_l(x)_p - \hat\phi_l(\hat x)_p \rVert^2$$
///
/// where $\hat\phi_l(x)_p$ is what the classifier's level l says of place p, scaled to length 1
/// (Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and
/// super-resolution", ECCV 2016; with unit vectors as in Zhang et al., "The unreasonable
/// effectiveness of deep features as a perceptual metric", CVPR 2018). It sees what makes an image
/// recognisable, which a sum over pixels does not, and leaves alone what does not.
public struct FeatureLoss: Sendable {
  /// The network that looks. It stays as it is.
  public let classifier: Classifier
  /// λ of each level, from the widest extents on.
  public let weights: [Double]

  /// - Parameter weights: At most one a level; 1 each if nothing is said.
  public init(_ classifier: Classifier, weights: [Double]? = nil) {
    let levels = classifier.configuration.channels.count
    let weights = weights ?? [Double](repeating: 1, count: levels)
    guard weights.count <= levels else {
      fatalError("\(weights.count) weights for the \(levels) levels of a classifier")
    }
    self.classifier = classifier
    self.weights = weights
  }

  /// The loss of `images` in place of `originals`, both `[batch, channels, height, width]`, averaged
  /// over the batch. Gradients reach the images and nothing else.
  public func callAsFunction(_ images: Variable, _ originals: Tensor) -> Variable {
    images.tape.hold(classifier.parameters)
    let seen = classifier.stages(of: images, count: weights.count)
    let aside = Tape(recording: false)
    let wanted = classifier.stages(of: aside.constant(originals), count: weights.count)
    let terms = seen.indices.map { level -> Variable in
      let places = seen[level].value.count / seen[level].shape[3]
      let difference = unitVectors(seen[level]) - unitVectors(wanted[level]).value
      return square(difference).sum() * Float(weights[level] / Double(places))
    }
    return terms.dropFirst().reduce(terms[0], +)
  }
}

/// Scales the vectors along the last axis to length 1: with $y = x/\lVert x \rVert$ the pullback is
/// $dx = (dy - y\,(y^\top dy))/\lVert x \rVert$.
func unitVectors(_ x: Variable) -> Variable {
  let width = x.shape.last ?? 1
  let rows = x.value.count / width
  var inverses = Tensor(repeating: 0, shape: [rows])
  let input = x.value
  let y = Tensor(uninitialized: x.shape) { y in
    input.withElements { x in
      inverses.withMutableElements { inverses in
        Parallel.forRanges(rows, grain: 256) { range in
          for row in range {
            let start = row * width
            var sum: Float = 1e-10
            for i in start..<start + width { sum += x[i] * x[i] }
            let inverse = 1 / sum.squareRoot()
            inverses[row] = inverse
            for i in start..<start + width { y[i] = x[i] * inverse }
          }
        }
      }
    }
  }
  return x.tape.record(y, from: [x]) { [inverses] dy in
    [unitVectorGradient(dy, y: y, inverses: inverses, width: width)]
  }
}

private func unitVectorGradient(_ dy: Tensor, y: Tensor, inverses: Tensor, width: Int) -> Tensor {
  Tensor(uninitialized: y.shape) { dx in
    dy.withElements { dy in
      y.withElements { y in
        inverses.withElements { inverse in
          Parallel.forRanges(inverses.count, grain: 256) { range in
            for row in range {
              let start = row * width
              var along: Float = 0
              for i in start..<start + width { along += y[i] * dy[i] }
              for i in start..<start + width { dx[i] = (dy[i] - along * y[i]) * inverse[row] }
            }
          }
        }
      }
    }
  }
}
