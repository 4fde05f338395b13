import Tensors

/// The record of a computation, from which reverse-mode differentiation computes gradients.
///
/// Every operation computes its value immediately and records its *pullback*: the function that maps
/// the gradient of the loss with respect to the operation's result to the gradients with respect to
/// its operands, `dx = (∂y/∂x)ᵀ·dy`. One backward pass over the tape, from the loss to the leaves,
/// applies the chain rule to all operations (Griewank and Walther, "Evaluating derivatives", 2nd edition, SIAM 2008, chapter 3).
///
///     let tape = Tape()
///     let w = tape.variable(weight)
///     let loss = meanSquaredError(matmul(tape.constant(x), w), tape.constant(y))
///     let gradient = tape.gradients(of: loss)[weight]
///
/// A tape must be used by one thread at a time.
public final class Tape: @unchecked Sendable {
  private enum Node {
    case leaf
    case operation(Pullback)
  }

  private var nodes: [Node] = []
  private var parameters: [Parameter: Variable.Place] = [:]
  private var held: Set<Parameter> = []
  private var isSpent = false

  /// Whether operations are recorded, so that gradients can be computed.
  public let recording: Bool

  /// Creates an empty tape.
  ///
  /// - Parameter recording: false for inference, in which intermediate values are not kept.
  public init(recording: Bool = true) { self.recording = recording }

  /// The number of leaves and operations on the tape.
  public var count: Int { nodes.count }

  /// Adds a value that needs no gradient, such as data.
  public func constant(_ value: Tensor) -> Variable {
    Variable(value: value, tape: self, node: nil)
  }

  /// Adds a value whose gradient can be computed.
  public func input(_ value: Tensor) -> Variable {
    Variable(value: value, tape: self, node: recording ? append(.leaf) : nil)
  }

  /// Adds a parameter's current value. Every call returns the same variable, so the gradients of all
  /// uses are summed.
  public func variable(_ parameter: Parameter) -> Variable {
    if held.contains(parameter) { return constant(parameter.value) }
    if let place = parameters[parameter] {
      return Variable(value: place.value, tape: self, node: place.node)
    }
    let variable = input(parameter.value)
    if let node = variable.node {
      parameters[parameter] = .init(node: node, value: parameter.value)
    }
    return variable
  }

  /// Treats `parameters` as constants from now on: gradients pass through the layers that use them,
  /// but none is computed for the parameters. So a loss can depend on a frozen network.
  public func hold(_ parameters: [Parameter]) { held.formUnion(parameters) }

  private func append(_ node: Node) -> Int {
    guard !isSpent else {
      fatalError("this tape's gradients have been computed; use a new tape")
    }
    nodes.append(node)
    return nodes.count - 1
  }
}

// MARK: - Recording

/// Adds the gradients of an operation's operands, given that of its result.
///
/// It retains only the tensors that it needs, and never a `Variable`, which would retain the tape.
typealias Pullback = (_ dy: Tensor, _ gradients: inout Accumulator) -> Void

/// An operand of an operation that needs a gradient, and the computation of that gradient.
struct Receiver {
  let tape: Tape
  let pullback: Pullback

  init(tape: Tape, pullback: @escaping Pullback) {
    self.tape = tape
    self.pullback = pullback
  }

  /// Two operands whose gradients are computed together; nil unless both need one.
  init?(_ a: Variable, _ b: Variable, _ gradients: @escaping (_ dy: Tensor) -> (Tensor, Tensor)) {
    guard let nodeA = a.node, let nodeB = b.node, a.tape === b.tape else { return nil }
    self.init(tape: a.tape) { dy, accumulator in
      let (gradientA, gradientB) = gradients(dy)
      accumulator.add(gradientA, to: nodeA)
      accumulator.add(gradientB, to: nodeB)
    }
  }
}

extension Tape {
  /// Records an operation with the gradient of each operand; nil for one that needs no gradient.
  func record(_ value: Tensor, _ receivers: [Receiver?]) -> Variable {
    let receivers = receivers.compactMap { $0 }
    guard let first = receivers.first else { return constant(value) }
    for receiver in receivers where receiver.tape !== self { failForMixedTapes() }
    if receivers.count == 1 { return append(value, first.pullback) }
    let pullbacks = receivers.map(\.pullback)
    return append(value) { dy, gradients in
      for pullback in pullbacks { pullback(dy, &gradients) }
    }
  }

  /// Records an operation whose pullback computes the gradients of all operands together. Programs use
  /// it to add their own operations.
  ///
  /// - Parameter pullback: maps the gradient of the result to one per operand, or nil if there is none;
  ///   those of operands that need none are dropped. It must not capture variables, only their
  ///   values, because a variable retains the tape.
  public func record(
    _ value: Tensor, from operands: [Variable], pullback: @escaping (_ dy: Tensor) -> [Tensor?]
  ) -> Variable {
    guard operands.contains(where: \.needsGradient) else { return constant(value) }
    for operand in operands where operand.needsGradient && operand.tape !== self {
      failForMixedTapes()
    }
    let nodes = operands.map(\.node)
    let shapes = operands.map(\.shape)
    return append(value) { dy, gradients in
      for (index, gradient) in pullback(dy).enumerated() {
        guard let node = nodes[index], let gradient else { continue }
        guard gradient.shape == shapes[index] else {
          fatalError("a gradient of shape \(gradient.shape) for an operand of \(shapes[index])")
        }
        gradients.add(gradient, to: node)
      }
    }
  }

  private func append(_ value: Tensor, _ pullback: @escaping Pullback) -> Variable {
    Variable(value: value, tape: self, node: append(.operation(pullback)))
  }

  private func failForMixedTapes() -> Never {
    fatalError("an operation on variables of different tapes")
  }
}

// MARK: - The backward pass

extension Tape {
  /// Computes the gradients of a loss, a single number, with respect to all inputs and parameters.
  ///
  /// The record is released during the pass, and the tape cannot be used again.
  public func gradients(of loss: Variable) -> Gradients {
    guard loss.value.count == 1 else {
      fatalError("a loss is a single number; for shape \(loss.shape) pass a seed")
    }
    return gradients(of: loss, seed: .ones(loss.shape))
  }

  /// Computes the product of `seed` with the derivatives of `output`, `Σ seed·∂output/∂leaf`, for all
  /// inputs and parameters: a vector-Jacobian product.
  ///
  /// - Parameters:
  ///   - seed: of the shape of `output`.
  ///   - keepingRecord: whether `gradients` can be called again, at the cost of memory.
  public func gradients(
    of output: Variable, seed: Tensor, keepingRecord: Bool = false
  ) -> Gradients {
    guard recording, !isSpent else {
      fatalError(
        recording
          ? "this tape's gradients have been taken; pass keepingRecord to take them again"
          : "a tape that does not record has no gradients")
    }
    guard output.tape === self, seed.shape == output.shape else {
      fatalError("a seed of shape \(seed.shape), or of another tape, for shape \(output.shape)")
    }
    var accumulator = Accumulator(count: nodes.count)
    if let node = output.node { accumulator.add(seed, to: node) }
    var leaves = Set<Int>()
    for index in nodes.indices.reversed() {
      // The node is removed from the tape, so it and its pullback are freed after this iteration.
      let node = keepingRecord ? nodes[index] : nodes.removeLast()
      switch node {
      case .leaf: leaves.insert(index)
      case .operation(let pullback):
        if let dy = accumulator.take(index) { pullback(dy, &accumulator) }
      }
    }
    let result = Gradients(
      leaves: leaves, values: accumulator, parameters: parameters.mapValues(\.node))
    if !keepingRecord {
      isSpent = true
      parameters = [:]
    }
    return result
  }
}

/// The gradients computed so far, by position on the tape.
struct Accumulator {
  private var gradients: [Tensor?]

  init(count: Int) { gradients = Array(repeating: nil, count: count) }

  /// Adds to the gradient of `node`, in place if its memory is not shared.
  mutating func add(_ gradient: Tensor, to node: Int) {
    if gradients[node] == nil {
      gradients[node] = gradient
    } else {
      gradients[node]! += gradient
    }
  }

  /// Calls `body` to add to the gradient of `node`, which is first created as zeros of `shape`.
  mutating func update(_ node: Int, shape: Shape, _ body: (inout Tensor) -> Void) {
    if gradients[node] == nil { gradients[node] = .zeros(shape) }
    body(&gradients[node]!)
  }

  /// Removes and returns the gradient of `node`.
  mutating func take(_ node: Int) -> Tensor? {
    defer { gradients[node] = nil }
    return gradients[node]
  }
}
