import Autodiff
import Networks
import Parallelism
import Tensors

/// The perceptual distance of two images, measured on the activations of a trained classifier:
///
/// $$\sum_l \lambda_l \,\frac{1}{P_l} \sum_p
/// \lVert \hat\phi_l(x)_p - \hat\phi_l(\hat x)_p \rVert^2$$
///
/// where $\hat\phi_l(x)_p$ is the activation vector of the classifier's level l at position p,
/// scaled to length 1 (Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and
/// super-resolution", ECCV 2016; with unit vectors as in Zhang et al., "The unreasonable
/// effectiveness of deep features as a perceptual metric", CVPR 2018). Unlike a sum over
/// pixels it depends on the features that distinguish classes of images.
public struct FeatureLoss: Sendable {
  /// The frozen feature network.
  public let network: ResNet
  /// λ of each level, in the order of decreasing extents.
  public let weights: [Double]

  /// Creates the loss of a feature network.
  ///
  /// - Parameter weights: At most one per level; 1 each by default.
  public init(_ network: ResNet, weights: [Double]? = nil) {
    let levels = network.configuration.channels.count
    let weights = weights ?? [Double](repeating: 1, count: levels)
    guard weights.count <= levels else {
      fatalError("\(weights.count) weights for the \(levels) levels of a classifier")
    }
    self.network = network
    self.weights = weights
  }

  /// The distance of `images` from `originals`, both `[batch, channels, height, width]`, averaged
  /// over the batch. Gradients reach the images only.
  public func callAsFunction(_ images: Variable, _ originals: Tensor) -> Variable {
    images.tape.hold(network.parameters)
    let features = network.stages(of: images, count: weights.count)
    let inference = Tape(recording: false)
    let targets = network.stages(of: inference.constant(originals), count: weights.count)
    let terms = features.indices.map { level -> Variable in
      let positions = features[level].value.count / features[level].shape[3]
      let difference = unitVectors(features[level]) - unitVectors(targets[level]).value
      return square(difference).sum() * Float(weights[level] / Double(positions))
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
  let y = unsafe Tensor(uninitialized: x.shape) { y in
    unsafe input.withElements { x in
      unsafe inverses.withMutableElements { inverses in
        Parallel.forRanges(rows, grain: 256) { range in
          for row in range {
            let start = row * width
            var sum: Float = 1e-10
            for i in start..<start + width { unsafe sum += x[i] * x[i] }
            let inverse = 1 / sum.squareRoot()
            unsafe inverses[row] = inverse
            for i in start..<start + width { unsafe y[i] = unsafe x[i] * inverse }
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
  unsafe Tensor(uninitialized: y.shape) { dx in
    unsafe dy.withElements { dy in
      unsafe y.withElements { y in
        unsafe inverses.withElements { inverse in
          Parallel.forRanges(inverses.count, grain: 256) { range in
            for row in range {
              let start = row * width
              var along: Float = 0
              for i in start..<start + width { unsafe along += y[i] * dy[i] }
              for i in start..<start + width {
                unsafe dx[i] = unsafe (dy[i] - along * y[i]) * inverse[row]
              }
            }
          }
        }
      }
    }
  }
}
