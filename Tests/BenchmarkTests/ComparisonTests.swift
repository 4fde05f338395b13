import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import benchmark

/// The table of the comparison with PyTorch, from lines that its two halves print.
@Suite struct ComparisonTests {
  private let pytorch = NetworkRun.runs(
    in: """
      some warning of a library
      {"network": "vae", "work": "training", "images": 64, "times": [0.6, 0.5, 0.8], "memory": 1500.0}
      {"network": "vae", "work": "forward", "images": 64, "times": [0.2]}
      {"network": "vae", "work": "forward", "images": 1, "times": [0.008]}
      {"network": "unet-small", "work": "sampling", "images": 100, "times": [6.0]}
      """)

  private let here = [
    NetworkRun(
      network: "vae", work: .training, images: 64, times: [0.2, 0.25, 0.3], memory: 550),
    NetworkRun(network: "vae", work: .forward, images: 64, times: [0.1]),
    NetworkRun(network: "vae", work: .forward, images: 1, times: [0.001]),
    NetworkRun(network: "unet-small", work: .sampling, images: 100, times: [2.5]),
    NetworkRun(network: "unet-base", work: .sampling, images: 100, times: [9]),
  ]

  private var rows: [Comparison.Row] { Comparison(pytorch: pytorch, here: here).rows }

  @Test func linesOfOtherKindsAreLeftOut() { #expect(pytorch.count == 4) }

  @Test func aLineIsReadAsItWasWritten() {
    #expect(NetworkRun.runs(in: here.map(\.json).joined(separator: "\n")) == here)
  }

  @Test func rowsAreInTheOrderOfTheKindsOfWorkAndWhatOneSideLacksHasNone() {
    #expect(
      rows.map(\.name) == [
        "vae, training step, batch 64", "vae, forward pass, batch 64",
        "vae, forward pass, one image", "unet-small, 100 images, 50 steps, guided",
        "vae, peak memory of training",
      ])
  }

  @Test func theRatioIsTheMedianOfTheTurns() {
    // The turns' ratios are 3, 2 and 2.67; the medians of the times would give 2.4.
    expect(rows[0].pytorch, 0.6)
    expect(rows[0].here, 0.25)
    expect(rows[0].ratio, 0.8 / 0.3)
    expect(rows[0].range.lowerBound, 2)
    expect(rows[0].range.upperBound, 0.6 / 0.2)
    expect(rows[2].ratio, 8)
  }

  @Test func memoryIsAShareOfPyTorchs() {
    #expect(rows[4].pytorch == 1500 && rows[4].here == 550)
    expect(rows[4].ratio, 550 / 1500)
    #expect(rows[4].required == 0.5 && rows[4].isMet)
  }

  @Test func ratiosAreComparedWithThoseRequired() {
    #expect(rows.map(\.required) == [2.4, 2.4, 4, 2.4, 0.5])
    #expect(rows.map(\.isMet) == [true, false, true, true, true])
  }

  @Test func columnsAreAligned() {
    let lines = [Comparison.Row.heading] + rows.filter(\.isMet).map(\.line)
    #expect(Set(lines.map(\.count)).count == 1, "\(lines.joined(separator: "\n"))")
    #expect(rows[0].line.contains("600.0 ms   250.0 ms    2.67   2.00-3.00     ≥ 2.4"))
    #expect(rows[1].line.hasSuffix("not met"))
  }

  private func expect(_ value: Double, _ expected: Double) {
    #expect(abs(value - expected) < 1e-12, "\(value) is not \(expected)")
  }
}

/// The turns of two programs.
@Suite struct TurnsTests {
  @Test func withoutALockAllTurnsAreTaken() throws {
    var runs = 0
    let times = try Turns(lock: nil).seconds(ofRuns: { runs += 1 }, count: 3, seconds: 1e-9)
    #expect(times.count == 3 && times.allSatisfy { $0 >= 0 })
    // Two to warm up and one in the first turn, then one in each, as a run is longer than a turn.
    #expect(runs == 5)
  }

  @Test func aMissingLockIsNamed() {
    #expect(throws: Failure.self) { try Turns(lock: "/no/such/folder/lock") }
  }

  @Test func onlyOneProgramHasItsTurn() throws {
    try withTemporaryFolder { folder in
      let lock = "\(folder)/lock"
      try Data().write(to: URL(fileURLWithPath: lock))
      let inside = Mutex(0), most = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 2) { _ in
        guard let turns = try? Turns(lock: lock) else { return }
        for _ in 0..<5 {
          turns.take {
            let count = inside.withLock {
              $0 += 1; return $0
            }
            most.withLock { $0 = max($0, count) }
            usleep(2000)
            inside.withLock { $0 -= 1 }
          }
        }
      }
      #expect(most.withLock { $0 } == 1)
    }
  }
}
