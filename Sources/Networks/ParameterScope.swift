import Autodiff
import Files
import Probability
import Tensors

/// A place in the tree of a network's names, where layers make their parameters.
///
/// `ParameterScope(generator)["down_blocks.0"]["resnets.1"]` is the parent of the names
/// `down_blocks.0.resnets.1.…`. Every parameter draws its start from a stream of its own, which the
/// seed and its full name determine: a network that gains a layer keeps the start of all others.
public struct ParameterScope: Sendable {
  let path: String
  let generator: RandomGenerator

  /// The root of a network whose start follows from `generator`.
  public init(_ generator: RandomGenerator) { self.init(path: "", generator: generator) }

  init(path: String, generator: RandomGenerator) {
    self.path = path
    self.generator = generator
  }

  /// The place called `name` in this one.
  public subscript(name: String) -> ParameterScope {
    ParameterScope(path: qualified(name), generator: generator)
  }

  private func qualified(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// Makes a parameter with independent entries, uniform in ±1/√`inputs`: the start that PyTorch
  /// gives to linear maps and convolutions whose outputs each see `inputs` numbers.
  public func uniform(_ name: String, _ shape: Shape, inputs: Int) -> Parameter {
    let bound = 1 / Double(inputs).squareRoot()
    return drawn(name) { .uniform(shape, in: -bound...bound, using: &$0) }
  }

  /// Makes a parameter with independent standard normal entries, as PyTorch's embeddings start.
  public func normal(_ name: String, _ shape: Shape) -> Parameter {
    drawn(name) { .normal(shape, using: &$0) }
  }

  /// Makes a parameter with all entries equal to `value`.
  public func constant(_ name: String, _ shape: Shape, _ value: Float) -> Parameter {
    Parameter(qualified(name), Tensor(repeating: value, shape: shape))
  }

  private func drawn(_ name: String, _ draw: (inout RandomGenerator) -> Tensor) -> Parameter {
    let fullName = qualified(name)
    var stream = generator.split(Int(bitPattern: UInt(Digest(of: fullName).value)))
    return Parameter(fullName, draw(&stream))
  }
}
