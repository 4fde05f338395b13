import Files
import Foundation
import Learning
import Notebook

/// Iterates over a training run: writes its table of losses, saves checkpoints, and stops with
/// everything saved when it is interrupted.
struct TrainingLoop {
  let run: TrainingRun
  let folder: RunFolder
  /// The names of the parts of the loss.
  let parts: [String]
  let logEvery: Int
  let checkpointSeconds: Double
  /// Called after each checkpoint with the averages of the last hundred losses, while the parameters
  /// hold the averaged weights.
  let report: (_ step: TrainingStep, _ losses: [String: Double], _ isLast: Bool) throws -> Void

  /// Trains to the end of the plan or until interrupted.
  ///
  /// - Returns: whether the plan was completed.
  func callAsFunction() throws -> Bool {
    let columns =
      ["images", "seconds", "loss"] + parts + [
        "gradient_norm", "learning_rate", "images_per_second",
      ]
    let metrics = try MetricsFile(folder.metricsPath, columns: columns, upTo: run.step)
    let progress = ProgressBar("training", total: total)
    var interval = RecentLosses(limit: .max)
    var recent = RecentLosses(limit: 100)
    var before = (images: run.images, seconds: run.seconds)
    var lastSave = (step: run.step, seconds: run.seconds)
    var last: TrainingStep?
    for step in run {
      last = step
      interval.add(step)
      recent.add(step)
      let isInterrupted = Interruption.isRequested
      let isDue = step.seconds - lastSave.seconds >= checkpointSeconds
      if step.step % logEvery == 0 || step.step == 1 || isDue || isInterrupted {
        let speed = Double(step.images - before.images) / max(1e-9, step.seconds - before.seconds)
        try metrics.append(step: step.step, row(step, interval, speed))
        progress.move(to: done(step), note: line(step, interval, speed))
        interval = RecentLosses(limit: .max)
        before = (step.images, step.seconds)
      }
      if isInterrupted { break }
      if isDue {
        try save(step, recent, isLast: false)
        lastSave = (step.step, run.seconds)
      }
    }
    progress.finish()
    if let failure = run.failure {
      throw Failure(
        failure,
        remedy: "go on with --resume \(folder.path) from the last checkpoint, or start "
          + "another run with a lower --learning-rate")
    }
    if let last, last.step > lastSave.step { try save(last, recent, isLast: true) }
    return !Interruption.isRequested
  }

  // A run that is limited by time is counted in seconds.
  private var total: Int {
    switch run.plan.length {
    case .steps(let steps): steps
    case .seconds(let seconds): Int(seconds.rounded(.up))
    }
  }

  private func done(_ step: TrainingStep) -> Int {
    switch run.plan.length {
    case .steps: step.step
    case .seconds: Int(step.seconds)
    }
  }

  private func save(_ step: TrainingStep, _ recent: RecentLosses, isLast: Bool) throws {
    try folder.save(run)
    try run.withAverages { try report(step, recent.means, isLast) }
  }

  private func row(
    _ step: TrainingStep, _ interval: RecentLosses, _ speed: Double
  ) -> [String: Double] {
    interval.means.merging(
      [
        "images": Double(step.images), "seconds": step.seconds,
        "gradient_norm": step.gradientNorm, "learning_rate": step.learningRate,
        "images_per_second": speed,
      ], uniquingKeysWith: { mean, _ in mean })
  }

  private func line(_ step: TrainingStep, _ interval: RecentLosses, _ speed: Double) -> String {
    let means = interval.means
    let losses = (["loss"] + parts).map { name in
      "\(name) \(String(format: "%.4g", means[name] ?? .nan))"
    }
    return "step \(step.step), \(step.images) images, \(losses.joined(separator: ", ")), "
      + String(format: "%.0f images/s", speed)
  }
}

/// Averages of the losses of the last updates.
struct RecentLosses {
  private let limit: Int
  private var values: [[String: Double]] = []

  init(limit: Int) { self.limit = limit }

  mutating func add(_ step: TrainingStep) {
    values.append(
      step.parts.merging(["loss": step.loss, "gradient_norm": step.gradientNorm]) { $1 })
    if values.count > limit { values.removeFirst() }
  }

  /// The average of each part.
  var means: [String: Double] {
    var sums: [String: Double] = [:]
    for value in values { sums.merge(value, uniquingKeysWith: +) }
    return sums.mapValues { $0 / Double(values.count) }
  }
}
