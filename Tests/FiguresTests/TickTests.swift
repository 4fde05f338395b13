import Foundation
import Testing

@testable import Figures

@Test func ticksAreRoundNumbersWithAsManyDecimalsAsTheyNeed() {
  func labels(_ range: ClosedRange<Double>, _ count: Int) -> [String] {
    Ticks(range, count: count).major.map(\.label)
  }
  #expect(labels(0...1000, 5) == ["0", "200", "400", "600", "800", "1000"])
  #expect(labels(-0.05...1.05, 5) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
  #expect(labels(-3.2...3.2, 4) == ["−2", "0", "2"])
  #expect(labels(0.971...0.989, 4) == ["0.975", "0.980", "0.985"])
  #expect(labels(0...20000, 4) == ["0", "5000", "10\u{2009}000", "15\u{2009}000", "20\u{2009}000"])
}

@Test func everyLinearTickIsAMultipleOfOneStepWithinTheRange() {
  var noise = Gallery.Noise(state: 17)
  for _ in 0..<2000 {
    let size = pow(10, Double.random(in: -8...8, using: &noise))
    let low = Double.random(in: -3...3, using: &noise) * size
    let range = low...low + size * Double.random(in: 0.1...3, using: &noise)
    let count = Int.random(in: 2...10, using: &noise)
    let ticks = Ticks(range, count: count)
    let length = range.upperBound - range.lowerBound
    let step = Ticks.niceStep(length, count: count)
    #expect((1...count + 2).contains(ticks.major.count))
    for tick in ticks.major {
      #expect(tick.value >= range.lowerBound - 1e-6 * step)
      #expect(tick.value <= range.upperBound + 1e-6 * step)
      #expect(abs((tick.value / step).rounded() * step - tick.value) < 1e-9 * step)
      // The label, read back with its power of ten, is the value.
      let digits = tick.label.replacingOccurrences(of: "−", with: "-")
        .replacingOccurrences(of: "\u{2009}", with: "")
      let value = (Double(digits) ?? .nan) * pow(10, Double(ticks.exponent))
      #expect(abs(value - tick.value) < 1e-6 * step, "\(tick)")
    }
  }
}

@Test func extremeNumbersShareOnePowerOfTen() {
  #expect(Ticks(0...3e-4, count: 4).exponent == -4)
  #expect(Ticks(0...3e-4, count: 4).major.map(\.label) == ["0", "1", "2", "3"])
  #expect(Ticks(0...2e6, count: 4).exponent == 6)
  #expect(Ticks(0...0.02, count: 4).exponent == 0)
}

@Test func logarithmicTicksArePowersOfTen() {
  let ticks = Ticks(1e-4...1, scale: .log, count: 8)
  #expect(ticks.major.map(\.label) == (-4...0).map { "$10^{\($0)}$" })
  #expect(ticks.minor.count == 4 * 8)
  let sparse = Ticks(1e-30...1, scale: .log, count: 5)
  #expect(sparse.major.map(\.label) == ["$10^{-30}$", "$10^{-20}$", "$10^{-10}$", "$10^{0}$"])
}

@Test func lessThanADecadeStillHasTicks() {
  #expect(Ticks(0.02...0.09, scale: .log, count: 6).major.count >= 3)
  #expect(
    Ticks(2e-5...1.1e-4, scale: .log, count: 6).major.map(\.label)
      == ["$2\\times10^{-5}$", "$5\\times10^{-5}$", "$10^{-4}$"])
  #expect(Ticks(3.1...3.4, scale: .log, count: 5).major.count >= 2)
}

@Test func chosenTicksCanBeReadByThemselves() {
  #expect(Ticks.labeled([0.05, 0.15]).map(\.label) == ["0.05", "0.15"])
  #expect(Ticks.labeled([0, 250, 1000]).map(\.label) == ["0", "250", "1000"])
  #expect(
    Ticks.labeled([1e-5, 2.5e-5]).map(\.label) == ["$1\\times10^{-5}$", "$2.5\\times10^{-5}$"])
  #expect(Ticks.labeled([0.01, 1], scale: .log).map(\.label) == ["$10^{-2}$", "$10^{0}$"])
  #expect(Axis("x", at: [0.5, 1]).ticks?.map(\.label) == ["0.5", "1.0"])
}

@Test func scalesAndFramesAgreeAboutPlaces() {
  let frame = Frame(
    rectangle: Rectangle(x: 10, y: 20, width: 100, height: 200), xRange: 1...100, yRange: 0...4,
    x: Axis("x", scale: .log), y: "y")
  #expect(abs(frame.point(10, 1).x - 60) < 1e-9)
  #expect(frame.point(10, 1).y == 170)
  #expect(abs(frame.value(atX: 60) - 10) < 1e-9)
  #expect(!frame.point(-1, 0).isFinite)
  let flipped = Frame(
    rectangle: frame.rectangle, xRange: 0...1, yRange: 0...1, x: Axis(isReversed: true),
    y: Axis(isReversed: true))
  #expect(flipped.point(0, 0) == Point(110, 20))
}

@Test func rangesHoldTheDataWithALittleAir() {
  let plot = Plot(x: "x", y: Axis("y", scale: .log)).line([0, 10], [0, 100]).line(
    [5, 6], [1e-3, 1])
  let ranges = plot.ranges()
  #expect(ranges.x.lowerBound < 0 && ranges.x.lowerBound > -1)
  #expect(ranges.y.lowerBound < 1e-3 && ranges.y.lowerBound > 1e-4)
  #expect(Plot(x: Axis("x", range: 0...1)).line([0, 10], [0, 1]).ranges().x == 0...1)
  #expect(Plot().bars([1, 2]).ranges().y.lowerBound == 0)
  #expect(Plot().line([1, 1], [3, 3]).ranges().y.contains(3))
  #expect(Plot().ranges().x == 0...1)
}

@Test func aHistogramCountsEveryValueOnce() {
  let values = Gallery.normals(5000)
  let all = Histogram(values)
  #expect(all.counts.reduce(0, +) == 5000)
  let width = all.edges[1] - all.edges[0]
  #expect(abs(all.densities.reduce(0, +) * width - 1) < 1e-12)
  let part = Histogram([0, 0.5, 1, 2, .nan], bins: 2, range: 0...1)
  #expect(part.counts == [1, 2])
  #expect(part.total == 4)
  #expect(Histogram([3, 3, 3]).counts.reduce(0, +) == 3)
  #expect(Histogram([]).counts == [0])
}
