import Autodiff
import Probability
import Tensors
import Testing

/// Expects that the tape's derivatives agree with central differences.
///
/// Also expects that gradients have the shapes of their inputs, that a value does not depend on
/// whether it is recorded, and that no pullback retains the tape.
func expectGradients(
  _ inputs: [Tensor], within tolerance: Double = 3e-4, step: Double = 0.02, directions: Int = 3,
  sourceLocation: SourceLocation = #_sourceLocation, _ function: ([Variable]) -> Variable
) {
  let comparisons = gradientCheck(at: inputs, step: step, directions: directions, function)
  for comparison in comparisons {
    #expect(
      comparison.relativeError < tolerance, "input \(comparison.input): \(comparison)",
      sourceLocation: sourceLocation)
  }
  weak var leftOver: Tape?
  do {
    let tape = Tape()
    let variables = inputs.map { tape.input($0) }
    let output = function(variables)
    let inference = Tape(recording: false)
    let unrecorded = function(inputs.map { inference.input($0) })
    #expect(output.value == unrecorded.value, sourceLocation: sourceLocation)
    #expect(inference.count == 0, sourceLocation: sourceLocation)
    let gradients = tape.gradients(of: output, seed: .ones(output.shape), keepingRecord: true)
    for (variable, input) in zip(variables, inputs) {
      #expect(
        gradients[variable] == nil || gradients[variable]!.shape == input.shape,
        sourceLocation: sourceLocation)
    }
    leftOver = tape
  }
  #expect(leftOver == nil, "a pullback retains the tape", sourceLocation: sourceLocation)
}
