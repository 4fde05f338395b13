import Tensors

/// The mean over all elements of the squared difference.
///
/// - Parameter target: of the shape of `prediction`.
public func meanSquaredError(_ prediction: Variable, _ target: Variable) -> Variable {
  let difference = prediction.value - sameShape(prediction, target)
  let scale = 2 / Float(difference.count)
  return prediction.tape.record(
    Tensor(Float(difference.sumOfSquares() / Double(difference.count))),
    [
      prediction.receives { dy in difference * (scale * dy.scalar) },
      target.receives { dy in difference * (-scale * dy.scalar) },
    ])
}

/// The mean over all elements of the squared difference from a constant.
public func meanSquaredError(_ prediction: Variable, _ target: Tensor) -> Variable {
  meanSquaredError(prediction, prediction.tape.constant(target))
}

/// The mean over all elements of the absolute difference, also called L1; its derivative is taken
/// as zero where there is no difference.
///
/// - Parameter target: of the shape of `prediction`.
public func meanAbsoluteError(_ prediction: Variable, _ target: Variable) -> Variable {
  let difference = prediction.value - sameShape(prediction, target)
  let scale = 1 / Float(difference.count)
  func gradient(_ slope: Float) -> Tensor {
    .combining(difference, difference) { x, _ in x > 0 ? slope : x < 0 ? -slope : 0 }
  }
  return prediction.tape.record(
    Tensor(Float(abs(difference).mean())),
    [
      prediction.receives { dy in gradient(scale * dy.scalar) },
      target.receives { dy in gradient(-scale * dy.scalar) },
    ])
}

/// The mean over all elements of the absolute difference from a constant.
public func meanAbsoluteError(_ prediction: Variable, _ target: Tensor) -> Variable {
  meanAbsoluteError(prediction, prediction.tape.constant(target))
}

/// The mean over rows of `-log softmax(logits)[label]`, in nats.
///
/// The derivative is `(softmax(logits) - 1 at the label)/rows`.
///
/// - Parameters:
///   - logits: `[rows, classes]`.
///   - labels: a class for each row.
public func crossEntropy(_ logits: Variable, labels: [Int]) -> Variable {
  guard logits.shape.count == 2, logits.shape[0] == labels.count, !labels.isEmpty else {
    fatalError("\(labels.count) labels for logits of shape \(logits.shape)")
  }
  let (rows, classes) = (logits.shape[0], logits.shape[1])
  guard labels.allSatisfy({ (0..<classes).contains($0) }) else {
    fatalError("a label outside the \(classes) classes")
  }
  let logProbabilities = logSoftmax(logits.value)
  let total = labels.indices.reduce(0.0) {
    $0 - Double(logProbabilities[flat: $1 * classes + labels[$1]])
  }
  return logits.tape.record(
    Tensor(Float(total / Double(rows))),
    [
      logits.receives { dy in
        let scale = dy.scalar / Float(rows)
        var gradient = exp(logProbabilities) * scale
        for (row, label) in labels.enumerated() { gradient[flat: row * classes + label] -= scale }
        return gradient
      }
    ])
}

/// The cross-entropy with label smoothing: the share `smoothing` of each label's probability is
/// distributed evenly over all classes (Szegedy et al., "Rethinking the Inception architecture",
/// CVPR 2016, section 7).
public func crossEntropy(_ logits: Variable, labels: [Int], smoothing: Float) -> Variable {
  (1 - smoothing) * crossEntropy(logits, labels: labels) - smoothing * logSoftmax(logits).mean()
}

private func sameShape(_ prediction: Variable, _ target: Variable) -> Tensor {
  guard prediction.shape == target.shape else {
    fatalError("a prediction of shape \(prediction.shape) for a target of \(target.shape)")
  }
  return target.value
}
