import Foundation
import Tensors

extension Double: Diffusable {
  public static func sum(_ terms: (Double, Double)...) -> Double {
    terms.reduce(0) { $0 + $1.0 * $1.1 }
  }

  public func shifted(by offset: Double) -> Double { self + offset }

  public func clipped(to range: ClosedRange<Double>) -> Double {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }

  public var entryCount: Int { 1 }

  public func normalDraws(using streams: inout Streams) -> Double {
    streams.normalPoints().values[0]
  }
}

extension Tensor: DiffusableBatch {
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
    return first.1.withElements { x in
      second.1.withElements { y in
        third.1.withElements { z in
          Tensor(uninitialized: shape) { result in
            let count = shape.elementCount
            if isShort {
              for i in 0..<count { result[i] = Float(a * Double(x[i]) + b * Double(y[i])) }
            } else {
              for i in 0..<count {
                result[i] = Float(a * Double(x[i]) + b * Double(y[i]) + c * Double(z[i]))
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
      tensor.withElements { x in
        for i in total.indices { total[i] += weight * Double(x[i]) }
      }
    }
    return Tensor(total.map { Float($0) }, shape: shape)
  }

  public func shifted(by offset: Double) -> Tensor { self + Float(offset) }

  public func clipped(to range: ClosedRange<Double>) -> Tensor {
    clamped(to: Float(range.lowerBound)...Float(range.upperBound))
  }

  public var entryCount: Int { shape.first ?? 1 }

  public func normalDraws(using streams: inout Streams) -> Tensor { streams.normal(shape) }

  public func appending(_ other: Tensor) -> Tensor { .concatenated([self, other], along: 0) }

  public func entries(_ range: Range<Int>) -> Tensor { slice(range) }
}
