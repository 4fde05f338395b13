import Probability

extension Tensor: LinearCombinableBatch {
  /// The weighted sum, with every element added in double precision and rounded once.
  public static func sum(_ terms: (Double, Tensor)...) -> Tensor {
    guard let shape = terms.first?.1.shape, terms.allSatisfy({ $0.1.shape == shape }) else {
      fatalError("a sum of tensors needs one shape: \(terms.map { $0.1.shape })")
    }
    switch terms.count {
    case 1: return sum(shape, terms[0], (0, terms[0].1), (0, terms[0].1))
    case 2: return sum(shape, terms[0], terms[1], (0, terms[0].1))
    case 3: return sum(shape, terms[0], terms[1], terms[2])
    default: return sumOfMany(shape, terms)
    }
  }

  private static func sum(
    _ shape: Shape, _ first: (Double, Tensor), _ second: (Double, Tensor),
    _ third: (Double, Tensor)
  ) -> Tensor {
    let (a, b, c) = (first.0, second.0, third.0)
    let isShort = c == 0
    return unsafe first.1.withElements { x in
      unsafe second.1.withElements { y in
        unsafe third.1.withElements { z in
          unsafe Tensor(uninitialized: shape) { result in
            let count = shape.elementCount
            if isShort {
              for i in 0..<count {
                unsafe result[i] = unsafe Float(a * Double(x[i]) + b * Double(y[i]))
              }
            } else {
              for i in 0..<count {
                unsafe result[i] = unsafe Float(
                  a * Double(x[i]) + b * Double(y[i]) + c * Double(z[i]))
              }
            }
          }
        }
      }
    }
  }

  private static func sumOfMany(_ shape: Shape, _ terms: [(Double, Tensor)]) -> Tensor {
    var total = [Double](repeating: 0, count: shape.elementCount)
    for (weight, tensor) in terms {
      unsafe tensor.withElements { x in
        for i in total.indices { unsafe total[i] += weight * Double(x[i]) }
      }
    }
    return Tensor(total.map { Float($0) }, shape: shape)
  }

  /// The sum with one weight per entry for each tensor, in single precision.
  public static func sum(
    _ first: ([Double], Tensor), _ second: ([Double], Tensor)
  ) -> Tensor {
    let shape = first.1.shape
    let entries = first.1.entryCount
    guard shape == second.1.shape, first.0.count == entries, second.0.count == entries else {
      fatalError(
        "tensors \(shape) and \(second.1.shape) with \(first.0.count) and \(second.0.count) weights"
      )
    }
    let each = shape.elementCount / Swift.max(1, entries)
    return unsafe first.1.withElements { x in
      unsafe second.1.withElements { y in
        unsafe Tensor(uninitialized: shape) { result in
          for entry in 0..<entries {
            let (a, b) = (Float(first.0[entry]), Float(second.0[entry]))
            for i in entry * each..<(entry + 1) * each {
              unsafe result[i] = unsafe a * x[i] + b * y[i]
            }
          }
        }
      }
    }
  }

  public func shifted(by offset: Double) -> Tensor { self + Float(offset) }

  public func clipped(to range: ClosedRange<Double>) -> Tensor {
    clamped(to: Float(range.lowerBound)...Float(range.upperBound))
  }

  public var entryCount: Int { shape.first ?? 1 }

  public func normalSamples(using streams: inout RandomStreams) -> Tensor { streams.normal(shape) }

  public static func joined(_ parts: [Tensor]) -> Tensor { .concatenated(parts, along: 0) }

  public func entries(_ range: Range<Int>) -> Tensor { slice(range) }
}

extension Tensor: ChanneledBatch {
  /// The tensor, `[batch, channels, …]`, with the last channel of every entry taken from `other`.
  public func replacingLastChannel(from other: Tensor) -> Tensor {
    var values = elements
    let others = other.elements
    let entry = values.count / shape[0]
    for end in stride(from: entry, through: values.count, by: entry) {
      let last = end - entry / shape[1]..<end
      values.replaceSubrange(last, with: others[last])
    }
    return Tensor(values, shape: shape)
  }
}
