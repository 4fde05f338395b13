extension Naive {
  /// Applies a linear map to every row: `y[r, o] = bias[o] + Σ_i weight[o, i]·x[r, i]`.
  ///
  /// - Parameters:
  ///   - x: `[rows…, inputs]`, with any number of leading axes.
  ///   - weight: `[outputs, inputs]`.
  ///   - bias: `[outputs]`.
  /// - Returns: `[rows…, outputs]`.
  public static func linear(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let rows = x.count / inputs
    return unsafe accumulated(x.shape.dropLast() + [outputs]) { y in
      unsafe x.withElements { x in
        unsafe weight.withElements { w in
          for r in 0..<rows {
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe y[r * outputs + o] += Double(w[o * inputs + i]) * Double(x[r * inputs + i])
              }
            }
          }
        }
      }
      unsafe bias?.withElements { bias in
        for r in 0..<rows {
          for o in 0..<outputs { unsafe y[r * outputs + o] += Double(bias[o]) }
        }
      }
    }
  }

  /// Carries the gradient of `linear` to its input: `dx[r, i] = Σ_o dy[r, o]·weight[o, i]`.
  ///
  /// - Returns: `[rows…, inputs]`.
  public static func linearInputGradient(_ dy: Tensor, weight: Tensor) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let rows = dy.count / outputs
    return unsafe accumulated(dy.shape.dropLast() + [inputs]) { dx in
      unsafe dy.withElements { dy in
        unsafe weight.withElements { w in
          for r in 0..<rows {
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe dx[r * inputs + i] += Double(dy[r * outputs + o]) * Double(w[o * inputs + i])
              }
            }
          }
        }
      }
    }
  }

  /// Carries the gradient of `linear` to its weight: `dw[o, i] = Σ_r dy[r, o]·x[r, i]`.
  ///
  /// - Returns: `[outputs, inputs]`.
  public static func linearWeightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
    let (inputs, outputs) = (x.shape.last!, dy.shape.last!)
    let rows = x.count / inputs
    return unsafe accumulated([outputs, inputs]) { dw in
      unsafe x.withElements { x in
        unsafe dy.withElements { dy in
          for r in 0..<rows {
            for o in 0..<outputs {
              for i in 0..<inputs {
                unsafe dw[o * inputs + i] += Double(dy[r * outputs + o]) * Double(x[r * inputs + i])
              }
            }
          }
        }
      }
    }
  }

  /// Sums over all axes but the last: the gradient of a bias that was added to every row.
  ///
  /// - Parameter dy: `[rows…, outputs]`.
  /// - Returns: `[outputs]`.
  public static func biasGradient(_ dy: Tensor) -> Tensor {
    let (outputs, count) = (dy.shape.last!, dy.count)
    return unsafe accumulated([outputs]) { sums in
      unsafe dy.withElements { dy in
        for i in 0..<count { unsafe sums[i % outputs] += Double(dy[i]) }
      }
    }
  }
}
