import Autodiff
import Files
import Foundation
import Probability
import Tensors
import TestSupport
import Testing

@testable import Learning
import Models

/// A run that fits a line through noisy points: two weights, four points an update.
private func lineFit(_ plan: TrainingPlan) -> TrainingRun {
  let slope = Parameter("slope", Tensor([0.5], shape: [1, 1]))
  let offset = Parameter("offset", Tensor([0]))
  var order = BatchSampler(count: 10, batchSize: 4, generator: RandomGenerator(seed: plan.seed))
  return TrainingRun([slope, offset], plan: plan) { tape, step, generator in
    var draws = generator
    let x = order.batch(step).map { Float($0) / 10 }
    let y = x.map { 3 * $0 - 1 + 0.1 * Float(draws.normal()) }
    let predicted = linear(
      tape.constant(Tensor(x, shape: [4, 1])), tape.variable(slope), tape.variable(offset))
    let error = meanSquaredError(predicted, Tensor(y, shape: [4, 1]))
    return BatchLoss(error, parts: ["error": Double(error.scalar)], images: 4)
  }
}

private func plan(steps: Int = 40) -> TrainingPlan {
  TrainingPlan(
    length: .steps(steps), learningRate: 0.05, warmUpSteps: 5, averageDecay: 0.9, seed: 3)
}

@Test func aResumedRunRepeatsTheUninterruptedOne() throws {
  try withTemporaryFolder { folder in
    let straight = lineFit(plan())
    let losses = straight.map(\.loss)
    let first = lineFit(plan())
    let before = first.prefix(17).map(\.loss)
    let spent = first.seconds
    try first.save(to: "\(folder)/state.safetensors")
    let second = lineFit(plan())
    try second.restore(from: "\(folder)/state.safetensors")
    #expect(second.step == 17 && second.images == 68)
    #expect(second.seconds >= spent)
    let after = second.map(\.loss)
    #expect(before + after == losses)
    #expect(losses.count == 40 && Set(losses).count == 40)
    for (one, other) in zip(straight.parameters, second.parameters) {
      #expect(one.value.elements == other.value.elements)
    }
    for (one, other) in zip(straight.average.averages, second.average.averages) {
      #expect(one.elements == other.elements)
    }
  }
}

@Test func trainingLowersTheLossAndAveragesTheWeights() {
  let run = lineFit(plan(steps: 400))
  let losses = run.map(\.loss)
  let early: Double = losses.prefix(50).reduce(0, +)
  let late: Double = losses.suffix(50).reduce(0, +)
  #expect(late < 0.2 * early)
  run.withAverages {
    #expect(abs(run.parameters[0].value.scalar - 3) < 0.3)
    #expect(abs(run.parameters[1].value.scalar + 1) < 0.2)
  }
}

@Test func aRunStopsBeforeALossThatIsNoNumberSpoilsTheWeights() {
  let weight = Parameter("weight", Tensor([1]))
  let run = TrainingRun([weight], plan: plan()) { tape, step, _ in
    let factor: Float = step == 3 ? .nan : 1
    return BatchLoss(square(tape.variable(weight) * factor).sum(), images: 1)
  }
  #expect(run.map(\.step) == [1, 2, 3])
  #expect(run.failure?.contains("step 4") == true)
  #expect(weight.value.scalar.isFinite)
}

@Test func theLearningRateWarmsUpAndFallsToItsLastShare() {
  let steps = plan(steps: 100)
  #expect(steps.learningRate(step: 0, seconds: 0) == 0.05 / 5)
  #expect(steps.learningRate(step: 4, seconds: 0) == 0.05)
  #expect(abs(steps.learningRate(step: 99, seconds: 0) - 0.0005) < 1e-4)
  var timed = steps
  timed.length = .seconds(60)
  #expect(abs(timed.learningRate(step: 0, seconds: 0) - 0.01) < 1e-12)
  #expect(timed.learningRate(step: 4, seconds: 0) == 0.05)
  #expect(abs(timed.learningRate(step: 1000, seconds: 30) - 0.05 * 0.505) < 1e-6)
  #expect(abs(timed.learningRate(step: 1000, seconds: 60) - 0.0005) < 1e-9)
}

@Test func aShortRunWarmsUpInATwentiethOfItsLength() {
  var short = plan(steps: 40)
  short.warmUpSteps = 1000
  #expect(short.learningRate(step: 1, seconds: 0) == 0.05)
  short.length = .seconds(60)
  #expect(abs(short.learningRate(step: 9, seconds: 1) - 0.05 / 3) < 1e-4)
  #expect(short.learningRate(step: 9, seconds: 4) > 0.049)
}

@Test func everyEpochShowsEachExampleOnce() {
  var order = BatchSampler(count: 10, batchSize: 4, generator: RandomGenerator(seed: 1))
  let seen = (0..<5).flatMap { order.batch($0) }
  #expect(seen.prefix(10).sorted() == Array(0..<10))
  #expect(seen.suffix(10).sorted() == Array(0..<10))
  #expect(Array(seen.prefix(10)) != Array(seen.suffix(10)))
  #expect(order.batch(1) == Array(seen[4..<8]))
  #expect(order.steps(epochs: 1) == 3 && order.steps(epochs: 2) == 5)
}

// MARK: Run folders

private struct Setting: Codable, Equatable { var width = 3 }

@Test func aRunFolderKeepsTheLastTwoCheckpointsAndItsConfiguration() throws {
  try withTemporaryFolder { temporary in
    let path = "\(temporary)/new/run"
    let folder = try RunFolder.create(path, configuration: Setting(width: 5))
    #expect(try folder.configuration(as: Setting.self) == Setting(width: 5))
    let run = lineFit(plan())
    for step in run where step.step % 10 == 0 { try folder.save(run) }
    #expect(folder.checkpointSteps == [30, 40])
    let again = lineFit(plan())
    try RunFolder(opening: path).restore(again)
    #expect(again.step == 40 && again.next() == nil)
  }
}

@Test func runFoldersSayWhatIsWrongWithThem() throws {
  try withTemporaryFolder { temporary in
    let path = "\(temporary)/run"
    let folder = try RunFolder.create(path, configuration: Setting())
    func kind(_ body: () throws -> Void) -> Failure.Kind? {
      do { try body() } catch { return (error as? Failure)?.kind }
      return nil
    }
    #expect(
      kind { _ = try RunFolder.create(path, configuration: Setting()) } == .otherConfiguration)
    #expect(kind { _ = try RunFolder(opening: temporary) } == .unreadable)
    #expect(kind { _ = try folder.configuration(as: [String].self) } == .otherConfiguration)
    #expect(
      kind { _ = try RunFolder.create("/proc/run", configuration: Setting()) } == .unwritable)
    var other = plan()
    other.seed = 4
    let run = lineFit(plan())
    _ = run.next()
    try folder.save(run)
    #expect(kind { try folder.restore(lineFit(other)) } == .otherConfiguration)
    let file = folder.checkpointPath(1)
    try Data(contentsOf: URL(filePath: file)).dropLast(3).write(to: URL(filePath: file))
    #expect(kind { try folder.restore(lineFit(plan())) } == .truncated)
  }
}

@Test func oneProcessTrainsInARunFolder() throws {
  try withTemporaryFolder { temporary in
    let folder = try RunFolder.create(temporary + "/run", configuration: Setting())
    let lock = try folder.lock()
    #expect(throws: Failure.self) { _ = try folder.lock() }
    withExtendedLifetime(lock) {}
  }
}

@Test func metricsContinueAcrossInterruptions() throws {
  try withTemporaryFolder { temporary in
    let path = "\(temporary)/metrics.csv"
    do {
      let table = try MetricsFile(path, columns: ["loss", "rate"], upTo: 0)
      for step in 1...4 { try table.append(step: step, ["loss": 1 / Double(step), "rate": 2]) }
      // A full disk leaves part of a row.
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data("2,0.".utf8))
    }
    do {
      let table = try MetricsFile(path, columns: ["loss", "rate"], upTo: 2)
      try table.append(step: 3, ["loss": 0.123456789])
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text == "step,loss,rate\n1,1,2\n2,0.5,2\n3,0.123457,\n")
    #expect(throws: Failure.self) { try MetricsFile(path, columns: ["loss"], upTo: 4) }
  }
}
