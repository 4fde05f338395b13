#if !hasFeature(Embedded)
  extension Prediction: Codable {}
#endif

extension Prediction: CustomStringConvertible {
  /// The name in options and files.
  public var description: String { rawValue }
}
