import Testing

@testable import benchmark

/// The table of the comparison with PyTorch, from lines that its two halves print.
@Suite struct ComparisonTests {
  private let pytorch = NetworkRun.runs(
    in: """
      some warning of a library
      {"network": "vae", "work": "training", "images": 64, "fastest": 0.6, "median": 0.7, "memory": 1400.0}
      {"network": "vae", "work": "forward", "images": 64, "fastest": 0.2, "median": 0.25}
      {"network": "vae", "work": "forward", "images": 1, "fastest": 0.008, "median": 0.009}
      {"network": "vae", "work": "training", "images": 64, "fastest": 0.5, "median": 0.9, "memory": 1600.0}
      {"network": "unet-small", "work": "sampling", "images": 100, "fastest": 6.0, "median": 6.5}
      """)

  private let here = [
    NetworkRun(
      network: "vae", work: .training, images: 64, fastest: 0.25, median: 0.3, memory: 600),
    NetworkRun(network: "vae", work: .forward, images: 64, fastest: 0.1, median: 0.1),
    NetworkRun(network: "vae", work: .forward, images: 1, fastest: 0.001, median: 0.002),
    NetworkRun(
      network: "vae", work: .training, images: 64, fastest: 0.2, median: 0.4, memory: 500),
    NetworkRun(network: "unet-small", work: .sampling, images: 100, fastest: 2.5, median: 2.5),
    NetworkRun(network: "unet-base", work: .sampling, images: 100, fastest: 9, median: 9),
  ]

  private var rows: [Comparison.Row] { Comparison(pytorch: pytorch, here: here).rows }

  @Test func linesOfOtherKindsAreLeftOut() { #expect(pytorch.count == 5) }

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

  @Test func theFastestRunsOfAllRoundsAreCompared() {
    #expect(rows[0].pytorch == 0.5 && rows[0].here == 0.2 && rows[0].ratio == 2.5)
    #expect(rows[2].ratio == 8)
  }

  @Test func mediansAreTakenOverTheRounds() {
    expect(rows[0].medians.pytorch, 0.8)
    expect(rows[0].medians.here, 0.35)
    expect(rows[0].ratioOfMedians, 0.8 / 0.35)
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
    #expect(rows[0].line.contains("500.0 ms   200.0 ms    2.50     ≥ 2.4"))
    #expect(rows[1].line.hasSuffix("not met"))
  }

  private func expect(_ value: Double, _ expected: Double) {
    #expect(abs(value - expected) < 1e-12, "\(value) is not \(expected)")
  }
}
