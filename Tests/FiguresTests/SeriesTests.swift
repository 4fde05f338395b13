import Testing

@testable import Figures

/// Layers for each element of a sequence.
@Suite struct SeriesTests {
  @Test func linesOfASequenceAreThoseAddedOneByOne() throws {
    let x = [0.0, 1, 2]
    let entries = [(name: "first", slope: 1.0), (name: "second", slope: 2)]
    let atOnce = Plot().lines(entries, x: x, label: \.name, marker: .circle) { entry in
      x.map { entry.slope * $0 }
    }
    let oneByOne = Plot()
      .line(x, [0, 1, 2], label: "first", marker: .circle)
      .line(x, [0, 2, 4], label: "second", marker: .circle)
    #expect(try atOnce.rendered(as: .svg) == oneByOne.rendered(as: .svg))
  }

  @Test func pointsHaveTheColorsOfTheirClasses() throws {
    let byClass = Plot().scatter(
      [0, 1, 2], [3, 4, 5], classes: [2, 0, 2], labels: ["a", "b", "c"])
    let oneByOne = Plot()
      .scatter([1], [4], label: "a", color: .series(0))
      .scatter([0, 2], [3, 5], label: "c", color: .series(2))
    #expect(try byClass.rendered(as: .svg) == oneByOne.rendered(as: .svg))
  }

  @Test func roundStepsAreOneTwoOrFiveTimesAPowerOfTen() {
    #expect(Ticks.niceStep(10, count: 5) == 2)
    #expect(Ticks.niceStep(1, count: 4) == 0.5)
    #expect(Ticks.niceStep(99, count: 9) == 10)
  }
}
