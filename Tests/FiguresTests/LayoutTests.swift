import Foundation
import Testing

@testable import Figures

// Where the curve is steepest, 80/30 upward for one across, the tolerance across the curve is almost
// three times as much straight up.
@Test func simplifiedCurvesStayWithinTheTolerance() throws {
  let points = (0..<1500).map { Point(Double($0) * 0.3, 80 * sin(Double($0) * 0.01)) }
  let simple = try #require(Simplification.pieces(points).first)
  #expect(simple.count < 250)
  #expect(simple.first == points.first && simple.last == points.last)
  var (i, largest) = (0, 0.0)
  for p in points {
    while i < simple.count - 2 && simple[i + 1].x < p.x { i += 1 }
    let (a, b) = (simple[i], simple[i + 1])
    let y = a.y + (b.y - a.y) * (p.x - a.x) / (b.x - a.x)
    largest = max(largest, abs(y - p.y))
  }
  #expect(largest < Simplification.tolerance * (1 + 64.0 / 9).squareRoot())
}

@Test func aDenseCurveKeepsItsExtremes() throws {
  let values = Gallery.normals(100_000)
  let points = values.enumerated().map { Point(Double($0.offset) * 0.004, $0.element) }
  let simple = try #require(Simplification.pieces(points).first)
  #expect(simple.count < 4000)
  #expect(simple.map(\.y).max() == values.max())
  #expect(simple.map(\.y).min() == values.min())
}

@Test func aCurveIsBrokenWhereItHasNoValue() {
  let points = [Point(0, 0), Point(1, 1), Point(2, .nan), Point(3, 1), Point(4, 0)]
  #expect(Simplification.pieces(points).map(\.count) == [2, 2])
}

@Test func framesOfSmallMultiplesAreEquallyLargeAndAligned() {
  for figure in [Gallery.multiples, Gallery.sharedColors] {
    let frames = figure.cells(at: Point(0, 0)).compactMap(\.frame)
    #expect(frames.count == figure.panels.count)
    for (index, frame) in frames.enumerated() {
      #expect(abs(frame.width - frames[0].width) < 1e-9)
      #expect(abs(frame.height - frames[0].height) < 1e-9)
      let column = index % figure.columns
      #expect(frame.x == frames[column].x)
      #expect(frame.y == frames[index - column].y)
    }
  }
}

@Test func sharedAxesHaveOneRangeAndTheirNumbersOnce() {
  let plots = Gallery.multiples.preparedPanels().compactMap { $0 as? Plot }
  #expect(plots.allSatisfy { $0.ranges() == plots[0].ranges() })
  #expect(plots.map(\.panel.showsYLabels) == [true, false, false, true, false, false])
  #expect(plots.map(\.panel.showsXLabels) == [false, false, false, true, true, true])
  #expect(plots.allSatisfy { !$0.panel.showsLegend })
}

@Test func unitsAreEquallyLongOnBothAxesIfThatIsAskedFor() {
  let frame = Gallery.heat.frame(in: Rectangle(x: 0, y: 0, width: 400, height: 200))
  let unit = frame.point(1, 1) - frame.point(0, 0)
  #expect(abs(unit.x + unit.y) < 1e-9)
  #expect(frame.rectangle.width < 400 && abs(frame.rectangle.height - 200) < 1e-9)
}

@Test func theLegendAvoidsTheCurves() {
  let legend = Legend(entries: Gallery.schedules.legendEntries)
  let box = Rectangle(x: 0, y: 0, width: 300, height: 200)
  let rising = (0..<300).map { Point(Double($0), 200 - 200 * Double($0) / 300) }
  let falling = rising.map { Point($0.x, 200 - $0.y) }
  let high = legend.bestCorner(in: box, avoiding: falling)
  #expect(high.x > 150 && high.y < 50)
  let low = legend.bestCorner(in: box, avoiding: rising)
  #expect(low.x < 50 && low.y < 50)
}

@Test func labelsOfAnAxisNeverOverlap() {
  for width in stride(from: 150.0, through: 700, by: 50) {
    let plot = Plot(x: "$t$", size: Size(width, 200)).line([0, 123_456], [0, 1])
    let picture = plot.margins(for: plot.size)
    let frame = plot.frame(in: Rectangle(plot.size).inset(by: picture))
    let boxes = plot.furniture(for: plot.size).xTicks.major.map {
      MathText($0.label).bounds(at: Point(frame.place(x: $0.value), 0), anchor: .top)
    }
    #expect(boxes.count >= 2)
    for (a, b) in zip(boxes, boxes.dropFirst()) { #expect(a.right + 4 < b.left) }
  }
}

@Test func everythingThatIsDrawnLiesOnThePage() throws {
  // A drawing in a larger white page must not put ink outside its own rectangle.
  for (name, drawing) in Gallery.all + Gallery.awkward where !["formulas", "maps"].contains(name) {
    let size = drawing.size
    let (width, height) = (Int(size.width.rounded(.up)), Int(size.height.rounded(.up)))
    let page = Picture(drawing: width + 80, height + 80) { canvas in
      drawing.draw(
        on: canvas, in: Rectangle(x: 40, y: 40, width: size.width, height: size.height))
    }
    var outside = 0
    for y in 0..<height + 80 {
      for x in 0..<width + 80 where page[x, y] != (255, 255, 255) {
        if x < 39 || y < 39 || x > width + 40 || y > height + 40 { outside += 1 }
      }
    }
    #expect(outside == 0, "\(name)")
  }
}
