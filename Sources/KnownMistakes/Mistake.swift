/// A mistake that books, courses and libraries have shipped, and that a chapter can be run with.
///
/// The raw value is the name for `--bug`.
public enum Mistake: String, CaseIterable, Sendable {
  // MARK: Schedules

  case cosineShifted = "cosine-shifted"
  case cosineUnsquared = "cosine-unsquared"
  case cosineUncapped = "cosine-uncapped"
  case respacedBeta = "respaced-beta"
  case logOfZeroVariance = "log-of-zero-variance"

  // MARK: Samplers

  case noiseInLastStep = "noise-in-last-step"
  case endsAtFirstStep = "ends-at-first-step"
  case previousStepByDivision = "previous-step-by-division"
  case etaWithoutRatio = "eta-without-ratio"
  case etaOutsideRoot = "eta-outside-root"
  case alphaForAlphaBar = "alpha-for-alpha-bar"
  case timeOffByOne = "time-off-by-one"
  case clippedLatents = "clipped-latents"

  // MARK: Guidance and latents

  case guidanceSign = "guidance-sign"
  case guidanceSkipsChannel = "guidance-skips-channel"
  case untrainedNullLabel = "untrained-null-label"
  case unscaledLatents = "unscaled-latents"

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .cosineShifted:
      "the cosine schedule takes alphaBar of the step before"
    case .cosineUnsquared: "the cosine schedule is made of cosines instead of their squares"
    case .cosineUncapped: "the last beta of the cosine schedule is 1, and nothing is left"
    case .respacedBeta: "on a sub-sequence, beta is taken from the schedule of all steps"
    case .logOfZeroVariance: "the logarithm of the posterior variance is taken at t = 1 too"
    case .noiseInLastStep: "noise is added in the step that reaches the data"
    case .endsAtFirstStep: "sampling ends at the noise level of t = 1 instead of at the data"
    case .previousStepByDivision:
      "the step after t is taken to be t - T/S, whatever the list of steps says"
    case .etaWithoutRatio: "sigma has 1 - alphaBar(t) in place of 1 - alphaBar(t)/alphaBar(s)"
    case .etaOutsideRoot: "sigma multiplies by beta outside the root instead of inside"
    case .alphaForAlphaBar: "an ancestral step divides the noise by the root of 1 - alpha(t)"
    case .timeOffByOne: "the denoiser is given t - 1 with x(t)"
    case .clippedLatents: "x(0) is clipped to -1...1 though the data reach further"
    case .guidanceSign: "guidance leads away from the label"
    case .guidanceSkipsChannel: "the last channel is left without guidance"
    case .untrainedNullLabel: "the null label was never trained, so its predictions mean nothing"
    case .unscaledLatents: "latents are not scaled to variance 1 before noise is added"
    }
  }

  /// The numbers of the chapters that can be run with this mistake.
  public var chapters: [Int] {
    switch self {
    case .cosineShifted, .cosineUnsquared, .cosineUncapped: [0]
    case .respacedBeta, .noiseInLastStep, .timeOffByOne: [3, 4]
    case .logOfZeroVariance, .endsAtFirstStep, .previousStepByDivision, .etaWithoutRatio,
      .etaOutsideRoot, .clippedLatents:
      [4]
    case .alphaForAlphaBar: [3]
    case .guidanceSign: [5, 6]
    case .guidanceSkipsChannel, .untrainedNullLabel: [6]
    case .unscaledLatents: [4]
    }
  }

  /// All mistakes, one a line: name, what is wrong, and the chapters that show it.
  public static var list: String {
    let width = allCases.map(\.rawValue.count).max() ?? 0
    return allCases.map { mistake in
      let name = mistake.rawValue
      let chapters = mistake.chapters.map { "\($0)" }.joined(separator: ", ")
      return name + String(repeating: " ", count: width + 2 - name.count) + mistake.summary
        + " (chapter\(mistake.chapters.count > 1 ? "s" : "") \(chapters))"
    }.joined(separator: "\n")
  }
}
