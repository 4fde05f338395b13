import Probability
import Tensors

/// A derivative computed in two ways: by the tape, and by central differences.
public struct GradientComparison: Sendable {
  /// The index of the input that was changed.
  public let input: Int
  /// The derivative along the direction, from the tape.
  public let analytic: Double
  /// The same derivative, by central differences.
  public let numeric: Double
  /// The scale of such derivatives: the norm of the input's gradient.
  public let scale: Double
  /// The rounding error of `numeric`, due to values in single precision.
  public let uncertainty: Double

  /// The difference of the two beyond the uncertainty, relative to `scale`.
  public var relativeError: Double {
    let difference = Swift.abs(analytic - numeric) - uncertainty
    return difference <= 0 ? 0 : difference / Swift.max(scale, Swift.abs(numeric))
  }
}

/// Compares the tape's gradients of `function` with central differences, along random directions.
///
/// The elements of the function's value are summed with random weights in double precision, which gives
/// a number `φ`. Each input is changed along random directions `d` with standard Gaussian entries; the
/// derivative `⟨∇φ, d⟩` must equal `(8·[φ(h) - φ(-h)] - [φ(2h) - φ(-2h)])/12h`. This difference has
/// an error of order `h⁴`, so that `h` can be large enough for single precision: with `h = 0.02` and
/// smooth functions the two agree to about 1e-4 of the gradient's norm. A random direction
/// reveals any wrong element, with probability one.
///
/// - Parameters:
///   - inputs: the point; the function should be smooth within a few `step` around it.
///   - step: `h`.
///   - directions: the number of directions for each input.
///   - generator: the generator of the weights and directions.
///   - function: the computation, from variables of one tape to a result of any shape.
/// - Returns: `directions` comparisons for each input.
public func gradientCheck(
  at inputs: [Tensor], step: Double = 0.02, directions: Int = 3,
  using generator: RandomGenerator = RandomGenerator(seed: 1),
  _ function: ([Variable]) -> Variable
) -> [GradientComparison] {
  var generator = generator
  let tape = Tape()
  let variables = inputs.map { tape.input($0) }
  let output = function(variables)
  let weights = Tensor.normal(output.shape, using: &generator)
  let gradients = tape.gradients(of: output, seed: weights)
  let uncertainty = output.value.norm() * weights.norm() * 0x1p-24 / step

  func weightedValue(_ inputs: [Tensor]) -> Double {
    let tape = Tape(recording: false)
    return function(inputs.map { tape.constant($0) }).value.dot(weights)
  }

  var comparisons: [GradientComparison] = []
  for (index, input) in inputs.enumerated() {
    let gradient = gradients[variables[index]] ?? .zeros(like: input)
    for _ in 0..<directions {
      let direction = Tensor.normal(input.shape, using: &generator)
      func value(_ distance: Double) -> Double {
        var moved = inputs
        moved[index].add(direction, times: Float(distance))
        return weightedValue(moved)
      }
      let near = value(step) - value(-step)
      let far = value(2 * step) - value(-2 * step)
      comparisons.append(
        GradientComparison(
          input: index, analytic: gradient.dot(direction), numeric: (8 * near - far) / (12 * step),
          scale: gradient.norm(), uncertainty: uncertainty))
    }
  }
  return comparisons
}
