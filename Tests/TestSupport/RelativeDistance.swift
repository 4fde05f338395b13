import Tensors

extension Tensor {
  /// The distance between two tensors relative to the norm of `other`: `‖self - other‖/‖other‖`.
  public func relativeDistance(from other: Tensor) -> Double {
    let scale = other.norm()
    let distance = (self - other).norm()
    return scale == 0 ? distance : distance / scale
  }
}
