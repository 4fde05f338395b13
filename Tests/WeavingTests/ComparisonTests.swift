import Testing
import Weaving

@Suite struct ComparisonTests {
  private func transcript(_ content: Event.Content) -> Transcript {
    var transcript = Transcript(chapter: "c", seed: 0, isQuick: false)
    transcript.events = [Event(line: 1, content: content)]
    return transcript
  }

  private func differences(_ a: Event.Content, _ b: Event.Content) -> [String] {
    transcript(a).differences(from: transcript(b))
  }

  private func value(_ x: Double, volatile: Bool? = nil) -> Event.Content {
    .value(ValueRecord(label: "x", number: x, volatile: volatile))
  }

  private func check(_ computed: Double, passed: Bool = true, tolerance: Double = 0)
    -> Event.Content
  {
    var record = CheckRecord(claim: "1.1", statement: "s", test: .equals, passed: passed)
    record.computed = computed
    record.expected = 1
    record.tolerance = tolerance
    record.difference = abs(computed - 1)
    return .check(record)
  }

  @Test func aRunAgreesWithItself() {
    let sample = TranscriptTests.sample
    #expect(sample.differences(from: sample) == [])
  }

  @Test func numbersAgreeUpToRounding() {
    #expect(differences(value(1), value(1 + 1e-6)) == [])
    #expect(differences(value(1), value(1.001)).count == 1)
    #expect(differences(value(1e-17), value(-3e-16)) == [])
    #expect(differences(value(1e-8), value(2e-8)).count == 1)
    #expect(differences(value(.nan), value(.nan)) == [])
    #expect(differences(value(.nan), value(1)).count == 1)
    #expect(differences(value(.infinity), value(.infinity)) == [])
  }

  @Test func volatileNumbersAreNotCompared() {
    #expect(differences(value(1, volatile: true), value(9, volatile: true)) == [])
  }

  @Test func verdictsAreComparedExactly() {
    #expect(differences(check(1), check(1, passed: false)).count == 1)
  }

  @Test func aCheckMayMoveWithinItsTolerance() {
    #expect(differences(check(1.05, tolerance: 0.1), check(1, tolerance: 0.1)) == [])
    #expect(differences(check(1.05, tolerance: 0.01), check(1, tolerance: 0.01)).count == 1)
  }

  @Test func anEstimateMayMoveByItsStandardError() {
    func estimate(_ mean: Double) -> Event.Content {
      .value(ValueRecord(label: "x", number: mean, standardError: 0.01))
    }
    #expect(differences(estimate(1), estimate(1.009)) == [])
    #expect(differences(estimate(1), estimate(1.02)).count == 1)
  }

  @Test func tablesAreComparedCellByCell() {
    func table(_ x: Double, _ y: Double, _ text: String = "a") -> Event.Content {
      .table(
        TableRecord(
          title: "t",
          columns: [.init(name: "x"), .init(name: "y", volatile: true), .init(name: "z")],
          rows: [[.number(x), .number(y), .text(text)]]))
    }
    #expect(differences(table(1, 2), table(1, 3)) == [])
    #expect(differences(table(1, 2), table(2, 2)) == ["table 't': x in row 1"])
    #expect(differences(table(1, 2), table(1, 2, "b")) == ["table 't': z in row 1"])
  }

  @Test func missingAndOtherOutputsAreNamed() {
    var two = transcript(value(1))
    two.events.append(two.events[0])
    #expect(two.differences(from: transcript(value(1))) == ["2 outputs, where there were 1"])
    #expect(differences(value(1), check(1)) == ["an output of another kind"])
  }
}
