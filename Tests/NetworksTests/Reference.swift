import Autodiff
import Files
import Foundation
import Learning
import Models
import Networks
import Tensors
import Testing

/// The folder of the files that `make_fixtures.py` wrote.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures"

/// Computes numbers in [-1, 1) that depend on a name and the position only: the twin of `wave` in
/// `make_fixtures.py`, down to the last bit.
func wave(_ name: String, _ shape: Shape) -> Tensor {
  let key = name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
  return Tensor(uninitialized: shape) { elements in
    for i in 0..<shape.elementCount {
      var h = UInt32(truncatingIfNeeded: i) &* 0x9E37_79B9 &+ key
      h = (h ^ h >> 16) &* 0x85EB_CA6B
      h = (h ^ h >> 13) &* 0xC2B2_AE35
      h ^= h >> 16
      elements[i] = Float(h >> 8) * 0x1p-23 - 1
    }
  }
}

/// Gives every parameter the value that `start` in `make_fixtures.py` gives it.
func prepare(_ parameters: [Parameter]) {
  for parameter in parameters {
    let shape = parameter.value.shape
    var value = wave(parameter.name, shape)
    let isScale = parameter.name.hasSuffix("weight")
    value.withMutableElements { v in
      if shape.count == 1 {
        for i in 0..<shape[0] { v[i] = (isScale ? 1 : 0) + 0.25 * v[i] }
      } else if !parameter.name.hasPrefix("class_embedding") {
        let bound = Float((3 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
        for i in 0..<shape.elementCount { v[i] *= bound }
      }
    }
    parameter.value = value
  }
}

/// The Euclidean length of a tensor, in double precision.
func length(_ x: Tensor) -> Double {
  x.elements.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// The Euclidean distance of two tensors.
func distance(_ x: Tensor, _ y: Tensor) -> Double {
  zip(x.elements, y.elements).reduce(0) { sum, pair in
    sum + (Double(pair.0) - Double(pair.1)) * (Double(pair.0) - Double(pair.1))
  }.squareRoot()
}

/// Expects `x` to agree with `reference` to within `tolerance` of its length.
func expect(
  _ x: Tensor?, _ reference: Tensor?, tolerance: Double = 1e-4, floor: Double = 0, _ name: String,
  at location: SourceLocation = #_sourceLocation
) throws {
  let x = try #require(x, "\(name) was not computed", sourceLocation: location)
  let reference = try #require(reference, "no reference for \(name)", sourceLocation: location)
  try #require(x.count == reference.count, "\(name)", sourceLocation: location)
  let error = distance(x, reference)
  let size = length(reference)
  #expect(
    error <= tolerance * size + floor, "\(name): off by \(error) of \(size)",
    sourceLocation: location)
}

/// Compares one evaluation of a network and ten steps of training with a file of `make_fixtures.py`.
///
/// - Parameter forward: Computes on a tape the loss and the outputs by their names in the file.
func compare(
  _ network: some Module, with file: String,
  forward: (Tape) -> (loss: Variable, outputs: [String: Variable])
) throws {
  let reference = try Safetensors(reading: "\(fixtures)/\(file).safetensors").tensors
  let parameters = network.parameters
  prepare(parameters)

  let tape = Tape()
  let (loss, outputs) = forward(tape)
  for (name, output) in outputs { try expect(output.value, reference[name], name) }
  let gradients = tape.gradients(of: loss)
  let names = reference.keys.filter { $0.hasPrefix("gradient/") }
  #expect(names.sorted() == parameters.map { "gradient/\($0.name)" }.sorted())
  let whole = names.reduce(0) { $0 + pow(length(reference[$1]!), 2) }.squareRoot()
  for parameter in parameters {
    let expected = reference["gradient/\(parameter.name)"]
    #expect(gradients[parameter]?.shape == expected?.shape)
    // Some gradients are zero but for rounding: a key's bias moves all scores alike.
    try expect(gradients[parameter], expected, floor: 1e-6 * whole, parameter.name)
  }

  var optimizer = AdamW(parameters)
  let losses = try #require(reference["losses"]).elements
  #expect(losses.count == 10)
  for expected in losses {
    let tape = Tape()
    let loss = forward(tape).loss
    #expect(abs(loss.value.scalar - expected) < 1e-3 * expected)
    optimizer.update(tape.gradients(of: loss), learningRate: 1e-3)
  }
}
