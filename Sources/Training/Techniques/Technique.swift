import Files

/// A change to the training or the sampling of a denoiser, whose effect is measured.
struct Technique: Equatable, Sendable {
  /// The name in tables.
  let name: String
  /// The options of `train-denoiser` in which it differs from the baseline.
  var options: [String] = []
  /// Whether samples are guided by the weights of an early part of the same training, not by the
  /// model without classes (autoguidance).
  var isAutoguided = false

  /// The technique that the others are compared with.
  static let baseline = Technique(name: "baseline")

  /// All techniques.
  static let all = [
    baseline,
    Technique(name: "log-normal", options: ["--timesteps", "log-normal:0.3,1"]),
    Technique(name: "log-normal-low", options: ["--timesteps", "log-normal:-0.4,1"]),
    Technique(name: "logit-normal", options: ["--timesteps", "logit-normal:0,1"]),
    Technique(name: "min-snr", options: ["--weighting", "min-snr:5"]),
    Technique(name: "velocity", options: ["--prediction", "velocity"]),
    Technique(
      name: "velocity-log-normal",
      options: ["--prediction", "velocity", "--timesteps", "log-normal:0.3,1"]),
    Technique(
      name: "velocity-min-snr",
      options: ["--prediction", "velocity", "--weighting", "min-snr:5"]),
    Technique(name: "dropout-0.05", options: ["--drop-probability", "0.05"]),
    Technique(name: "dropout-0.2", options: ["--drop-probability", "0.2"]),
    Technique(name: "constant-rate", options: ["--final-learning-rate-ratio", "1"]),
    Technique(name: "average-0.99", options: ["--average-decay", "0.99"]),
    Technique(name: "average-0.9995", options: ["--average-decay", "0.9995"]),
    Technique(name: "autoguidance", isAutoguided: true),
  ]

  /// The options that all trainings have, unless they are given otherwise: a small U-Net, which
  /// learns fast.
  static let common = [
    "--channels", "64,128", "--layers", "1", "--head-width", "64", "--learning-rate", "1e-3",
    "--average-decay", "0.999",
  ]

  /// The name of the training: techniques with the same options share one.
  var training: String {
    Self.all.first { $0.options == options }?.name ?? name
  }

  /// The techniques of these names, in the order of the list; all by default.
  static func named(_ names: [String]?) throws -> [Technique] {
    guard let names else { return all }
    if let unknown = names.first(where: { name in !all.contains { $0.name == name } }) {
      throw Failure(
        "--techniques has '\(unknown)'",
        remedy: "choose among \(all.map(\.name).joined(separator: ","))")
    }
    return all.filter { names.contains($0.name) }
  }
}
