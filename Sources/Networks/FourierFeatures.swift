import Autodiff
import Foundation
import Tensors

/// Appends to each coordinate the sines and cosines of 1, 2, 4, … times the coordinate, with which
/// a network learns sharp edges and narrow gaps faster (Tancik et al., "Fourier features let
/// networks learn high frequency functions in low dimensional domains", NeurIPS 2020).
///
/// With $f_k = 2^k$ a coordinate x becomes $(x, \sin f_0 x, \cos f_0 x, \sin f_1 x, …)$, and the
/// pullback is $dx = dy_0 + \sum_k f_k\,(\cos(f_k x)\, dy_{\sin} - \sin(f_k x)\, dy_{\cos})$.
///
/// - Parameters:
///   - x: `[count, coordinates]`.
///   - frequencies: The number of frequencies; 0 returns `x`.
/// - Returns: `[count, coordinates · (1 + 2 · frequencies)]`.
func fourierFeatures(_ x: Variable, frequencies: Int) -> Variable {
  guard frequencies > 0 else { return x }
  let input = x.value
  let width = 1 + 2 * frequencies
  let features = unsafe Tensor(uninitialized: [x.shape[0], x.shape[1] * width]) { y in
    unsafe input.withElements { x in
      for i in 0..<input.count {
        unsafe y[i * width] = unsafe x[i]
        for k in 0..<frequencies {
          let angle = unsafe x[i] * Float(1 << k)
          unsafe y[i * width + 2 * k + 1] = sin(angle)
          unsafe y[i * width + 2 * k + 2] = cos(angle)
        }
      }
    }
  }
  return x.tape.record(features, from: [x]) { dy in
    [fourierGradient(dy, features, frequencies, input.shape)]
  }
}

private func fourierGradient(
  _ dy: Tensor, _ y: Tensor, _ frequencies: Int, _ shape: Shape
) -> Tensor {
  let width = 1 + 2 * frequencies
  return unsafe Tensor(uninitialized: shape) { dx in
    unsafe dy.withElements { dy in
      unsafe y.withElements { y in
        for i in 0..<shape.elementCount {
          unsafe dx[i] = unsafe dy[i * width]
          for k in 0..<frequencies {
            let (sine, cosine) = (i * width + 2 * k + 1, i * width + 2 * k + 2)
            unsafe dx[i] += Float(1 << k) * (y[cosine] * dy[sine] - y[sine] * dy[cosine])
          }
        }
      }
    }
  }
}
