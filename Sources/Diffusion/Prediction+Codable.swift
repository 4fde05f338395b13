#if !hasFeature(Embedded)
  extension Prediction: Codable {}
#endif
