import Autodiff
import Files
import Probability
import Tensors

/// A scope in the hierarchy of a network's parameter names, in which layers create their parameters.
///
/// `ParameterScope(generator)["down_blocks.0"]["resnets.1"]` is the scope of the names
/// `down_blocks.0.resnets.1.…`. Every parameter is initialized from its own random stream, which
/// depends on the seed and its full name, so adding a layer does not change the initial values of the
/// others.
public struct ParameterScope: Sendable {
  let path: String
  let generator: RandomGenerator

  /// The root scope of a network with initial weights from `generator`.
  public init(_ generator: RandomGenerator) { self.init(path: "", generator: generator) }

  init(path: String, generator: RandomGenerator) {
    self.path = path
    self.generator = generator
  }

  /// The scope called `name` in this one.
  public subscript(name: String) -> ParameterScope {
    ParameterScope(path: qualified(name), generator: generator)
  }

  private func qualified(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// Creates a parameter with independent entries, uniform in ±1/√`inputs`: PyTorch's initialization of
  /// linear maps and convolutions whose outputs each depend on `inputs` numbers.
  public func uniform(_ name: String, _ shape: Shape, inputs: Int) -> Parameter {
    let bound = 1 / Double(inputs).squareRoot()
    return drawn(name) { .uniform(shape, in: -bound...bound, using: &$0) }
  }

  /// Creates a parameter with independent standard Gaussian entries: PyTorch's initialization of
  /// embeddings.
  public func normal(_ name: String, _ shape: Shape) -> Parameter {
    drawn(name) { .normal(shape, using: &$0) }
  }

  /// Creates a parameter with all entries equal to `value`.
  public func constant(_ name: String, _ shape: Shape, _ value: Float) -> Parameter {
    Parameter(qualified(name), Tensor(repeating: value, shape: shape))
  }

  private func drawn(_ name: String, _ draw: (inout RandomGenerator) -> Tensor) -> Parameter {
    let fullName = qualified(name)
    var stream = generator.split(Int(bitPattern: UInt(Digest(of: fullName).value)))
    return Parameter(fullName, draw(&stream))
  }
}
