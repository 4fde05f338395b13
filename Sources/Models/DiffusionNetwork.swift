import Diffusion
import Networks
import Parallelism
import Probability
import Tensors

/// A value that can be given to a network as a tensor `[batch, …]` in single precision.
public protocol TensorConvertible: LinearCombinableBatch {
  /// The value in single precision.
  var tensor: Tensor { get }
  /// Creates the value of a tensor `[batch, …]`.
  init(_ tensor: Tensor)
}

extension PointSet: TensorConvertible {}

extension Tensor: TensorConvertible {
  public var tensor: Tensor { self }
  public init(_ tensor: Tensor) { self = tensor }
}

/// A time-conditioned network together with the type of the samples that it is applied to: images
/// as tensors, points in double precision.
public protocol DiffusionNetwork: TimeConditionedNetwork {
  /// The type of a batch of samples.
  associatedtype Value: TensorConvertible

  /// The number of entries that one thread evaluates at a time; nil for a network whose operations are
  /// parallel themselves.
  static var entriesPerThread: Int? { get }
}

extension DiffusionNetwork {
  public static var entriesPerThread: Int? { nil }
}

extension UNet: DiffusionNetwork { public typealias Value = Tensor }

extension UNetEncoder: DiffusionNetwork { public typealias Value = Tensor }

extension MLP: DiffusionNetwork {
  public typealias Value = PointSet
  public static var entriesPerThread: Int? { 1024 }
}

extension Tensor {
  /// Applies `body` to parts of a batch in parallel and concatenates the results, which have the shapes
  /// of the parts.
  func mapInParallel(entries: Int, _ body: (Tensor, Range<Int>) -> Tensor) -> Tensor {
    let count = shape.first ?? 0
    let each = self.count / Swift.max(1, count)
    return unsafe Tensor(uninitialized: shape) { place in
      Parallel.forRanges(count, grain: entries) { range in
        unsafe body(slice(range), range).withElements {
          unsafe (place + range.lowerBound * each).update(from: $0, count: range.count * each)
        }
      }
    }
  }
}
