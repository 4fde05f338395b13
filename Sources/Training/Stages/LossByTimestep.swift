/// The timesteps at which a denoiser's loss is measured, in the middle of each tenth of 1…T, and the
/// names of what is measured.
struct LossByTimestep: Sendable {
  let timesteps: [Int]

  init(steps: Int) { timesteps = Self.middles(10, of: steps) }

  /// The middle of each of `count` equal parts of 1…T.
  static func middles(_ count: Int, of steps: Int) -> [Int] {
    (0..<count).map { max(1, steps * (2 * $0 + 1) / (2 * count)) }
  }

  var columns: [String] { ["loss"] + timesteps.map { "loss_t\($0)" } }

  /// The losses at the timesteps and their mean, by name.
  func values(_ losses: [Double]) -> [String: Double] {
    var values = Dictionary(
      zip(timesteps, losses).map { ("loss_t\($0)", $1) }, uniquingKeysWith: { first, _ in first })
    values["loss"] = losses.reduce(0, +) / Double(losses.count)
    return values
  }
}
