import Autodiff
import Files
import Tensors

/// The values of `parameters` by name, as files store them.
public func namedTensors(_ parameters: [Parameter], prefix: String = "") -> [String: Tensor] {
  Dictionary(
    parameters.map { (prefix + $0.name, $0.value) },
    uniquingKeysWith: { _, _ in fatalError("two parameters have the same name") })
}

extension Safetensors {
  /// Assigns to every parameter the tensor of its name. If names or shapes differ, none is changed.
  ///
  /// - Throws: `Failure` of kind `otherNames` or `otherShapes`.
  public func assign(to parameters: [Parameter], path: String) throws(Failure) {
    let values = try values(for: parameters, prefix: "", path: path)
    let expected = Set(parameters.map(\.name))
    let surplus = entries.keys.filter { !expected.contains($0) }
    guard surplus.isEmpty else {
      throw Failure(
        path, .otherNames, "holds \(Self.list(surplus)), unknown to this network",
        remedy: "name the weights of a network with the same configuration")
    }
    for (parameter, value) in zip(parameters, values) { parameter.value = value }
  }

  /// The tensors of `parameters`, whose names in the file start with `prefix`.
  ///
  /// - Throws: `Failure` of kind `otherNames` or `otherShapes`.
  public func values(
    for parameters: [Parameter], prefix: String, path: String
  ) throws(Failure) -> [Tensor] {
    let missing = parameters.map { prefix + $0.name }.filter { entries[$0] == nil }
    guard missing.isEmpty else {
      throw Failure(
        path, .otherNames, "lacks \(Self.list(missing))",
        remedy: "name the weights of a network with the same configuration")
    }
    let values = parameters.compactMap { tensor(prefix + $0.name) }
    let other = zip(parameters, values).filter { $0.value.shape != $1.shape }
    guard other.isEmpty else {
      let shown = other.map { "\($0.name) of shape \($1.shape), expected \($0.value.shape)" }
      throw Failure(
        path, .otherShapes, "holds \(Self.list(shown))",
        remedy: "name the weights of a network with the same configuration")
    }
    return values
  }

  /// The first three of `names`, and the number of further ones.
  private static func list(_ names: [String]) -> String {
    let shown = names.sorted().prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}
