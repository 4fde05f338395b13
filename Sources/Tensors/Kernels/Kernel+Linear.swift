import Parallelism
import SIMDMath

extension Kernel {
  /// Applies a linear map to every row of `[rows…, inputs]`, as `Naive.linear`.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs]`.
  ///   - bias: `[outputs]`.
  public static func linear(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    linear(x, weight: weight, bias: bias, residual: nil)
  }

  /// The same with `residual`, of the output's shape, added.
  public static func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor?, residual: Tensor?
  ) -> Tensor {
    let outputs = weight.shape[0], inputs = weight.shape[1]
    requireLastAxis(x, inputs, "linear")
    let rows = x.count / max(1, inputs)
    OperationCount.add(rows * inputs * outputs)
    let panels = keep(weight, .linear(inputs: inputs)) {
      let panels = Storage(count: Gemm.panelElements(depth: inputs, columns: outputs))
      unsafe packParallel(
        depth: inputs, columns: outputs, weight.storage.pointer, rowStride: 1,
        columnStride: inputs, into: panels.pointer)
      return panels
    }
    defer { withExtendedLifetime(panels) {} }
    return unsafe Tensor(uninitialized: x.shape.dropLast() + [outputs]) { y in
      unsafe LinearKernels.forward(
        x.storage.pointer, rows: rows, inputs: inputs, outputs: outputs, panels: panels.pointer,
        bias: bias.map { unsafe UnsafePointer($0.storage.pointer) },
        residual: unsafe residual.map { unsafe UnsafePointer($0.storage.pointer) }, into: unsafe y)
    }
  }

  /// Carries the gradient of `linear` to its input, `[rows…, inputs]`.
  public static func linearInputGradient(_ dy: Tensor, weight: Tensor) -> Tensor {
    let outputs = weight.shape[0], inputs = weight.shape[1]
    requireLastAxis(dy, outputs, "linearInputGradient")
    let rows = dy.count / max(1, outputs)
    OperationCount.add(rows * inputs * outputs)
    let panels = Storage(count: Gemm.panelElements(depth: outputs, columns: inputs))
    defer { withExtendedLifetime(panels) {} }
    unsafe packParallel(
      depth: outputs, columns: inputs, weight.storage.pointer, rowStride: inputs, columnStride: 1,
      into: panels.pointer)
    return unsafe Tensor(uninitialized: dy.shape.dropLast() + [inputs]) { dx in
      unsafe LinearKernels.forward(
        dy.storage.pointer, rows: rows, inputs: outputs, outputs: inputs, panels: panels.pointer,
        bias: nil, residual: nil, into: dx)
    }
  }

  /// Carries the gradient of `linear` to its weight, `[outputs, inputs]`.
  public static func linearWeightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
    let inputs = x.shape.last ?? 1, outputs = dy.shape.last ?? 1
    let rows = x.count / max(1, inputs)
    guard dy.count == rows * outputs else {
      fatalError("linearWeightGradient: rows of \(x.shape) and \(dy.shape) differ")
    }
    OperationCount.add(rows * inputs * outputs)
    return unsafe Tensor(uninitialized: [outputs, inputs]) { dw in
      unsafe LinearKernels.weightGradient(
        x.storage.pointer, dy.storage.pointer, rows: rows, inputs: inputs, outputs: outputs,
        into: dw)
    }
  }

  /// Sums over all axes but the last: the gradient of a bias that was added to every row.
  public static func biasGradient(_ dy: Tensor) -> Tensor {
    let channels = dy.shape.last ?? 1
    return unsafe Tensor(uninitialized: [channels]) { sum in
      unsafe LinearKernels.rowSum(
        dy.storage.pointer, rows: dy.count / max(1, channels), channels: channels, into: sum)
    }
  }

  /// Sums `[batch, …, channels]` over all axes but the first and the last: the gradient of a bias
  /// that was added to every pixel of an image, `[batch, channels]`.
  public static func channelBiasGradient(_ dy: Tensor) -> Tensor {
    guard dy.rank >= 2, let channels = dy.shape.last else {
      fatalError("channelBiasGradient: shape \(dy.shape) has no channels of images")
    }
    let batch = dy.shape[0], pixels = dy.count / max(1, batch * channels)
    return unsafe Tensor(uninitialized: [batch, channels]) { sums in
      Parallel.forRanges(batch, grain: 4) { images in
        for image in images {
          unsafe LinearKernels.sumRows(
            dy.storage.pointer + image * pixels * channels, rows: pixels, channels: channels,
            into: sums + image * channels)
        }
      }
    }
  }

  static func requireLastAxis(_ x: Tensor, _ extent: Int, _ name: String) {
    guard x.shape.last == extent else {
      fatalError("\(name): the last axis of \(x.shape) should be \(extent)")
    }
  }

  /// Packs as `Gemm.pack`, panels shared out over the threads.
  static func packParallel(
    depth: Int, columns: Int, _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
    into panels: UnsafeMutablePointer<Float>
  ) {
    let width = panelWidth
    Parallel.forEach((columns + width - 1) / width) { index in
      unsafe Gemm.pack(
        depth: depth, columns: min(width, columns - index * width),
        b + index * width * columnStride, rowStride: rowStride, columnStride: columnStride,
        into: panels + index * width * depth)
    }
  }

  /// Prepares a weight, and keeps the result with the weight from the second use on, until the
  /// weight changes. In training a weight changes after each use, and nothing is kept.
  static func keep(
    _ weight: Tensor, _ form: Storage.Preparation, _ make: () -> Storage
  ) -> Storage {
    weight.storage.prepared(form, make)
  }
}
