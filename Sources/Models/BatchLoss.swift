import Autodiff

/// The loss of one batch.
public struct BatchLoss {
  /// The number to minimize.
  public let total: Variable
  /// The terms of the loss and other measurements of the batch, by name.
  public let parts: [String: Double]
  /// The number of images or points in the batch.
  public let images: Int

  public init(_ total: Variable, parts: [String: Double] = [:], images: Int) {
    self.total = total
    self.parts = parts
    self.images = images
  }
}
