import Foundation
import Testing

@testable import Figures

@Test func theContourOfASquaredDistanceIsAClosedCircle() throws {
  let field = Field(x: -2...2, y: -2...2, columns: 81, rows: 81) { $0 * $0 + $1 * $1 }
  let lines = Contour.lines(of: field, at: 1)
  let circle = try #require(lines.first)
  #expect(lines.count == 1)
  #expect(circle.first == circle.last)
  #expect(circle.allSatisfy { abs($0.length - 1) < 1e-3 })
  let length = zip(circle, circle.dropFirst()).map { ($1 - $0).length }.reduce(0, +)
  #expect(abs(length - 2 * .pi) < 0.01)
}

@Test func aContourThatLeavesTheGridIsOpen() {
  let field = Field(x: 0...1, y: 0...1, columns: 10, rows: 12) { x, _ in x }
  let lines = Contour.lines(of: field, at: 0.32)
  #expect(lines.count == 1)
  #expect(lines[0].count == 12)
  #expect(lines[0].allSatisfy { abs($0.x - 0.32) < 1e-12 })
  #expect(Contour.lines(of: field, at: 2).isEmpty)
}

@Test func aSaddleIsCutIntoTwoCurves() {
  let field = Field(x: -1...1, y: -1...1, columns: 20, rows: 20) { $0 * $1 }
  for level in [0.1, -0.1] {
    let lines = Contour.lines(of: field, at: level)
    #expect(lines.count == 2)
    for line in lines {
      #expect(line.allSatisfy { abs($0.x * $0.y - level) < 1e-2 })
      #expect(Set(line.map { $0.x > 0 }).count == 1)
    }
  }
}

@Test func aSaddleWithinOneCellIsDecidedByItsMiddle() {
  let high = Field(x: 0...2, y: 0...2, values: [[1, 0], [0, 1.2]])
  let low = Field(x: 0...2, y: 0...2, values: [[1, 0], [0, 0.9]])
  // Above the level in the middle, the high corners are joined: each curve cuts off a low corner.
  for (field, isJoined) in [(high, true), (low, false)] {
    for line in Contour.lines(of: field, at: 0.5) {
      let middle = 0.5 * (line[0] + line[1])
      let isNearLowCorner = (middle.x > 1) != (middle.y > 1)
      #expect(isNearLowCorner == isJoined)
    }
  }
}

@Test func aDensityOfPointsIntegratesToTheirShare() {
  let xs = Gallery.normals(20000)
  let ys = Gallery.normals(20000, seed: 2)
  let field = Field(densityOf: xs, ys, x: -1...1, y: -2...2, columns: 20, rows: 40)
  let cell = 0.1 * 0.1
  let inside = zip(xs, ys).count { abs($0) <= 1 && abs($1) <= 2 }
  #expect(abs(field.values.joined().reduce(0, +) * cell - Double(inside) / 20000) < 1e-12)
  #expect(abs(field.values[20][10] - 1 / (2 * .pi)) < 0.06)
}
