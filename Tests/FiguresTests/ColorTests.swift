import Foundation
import Testing

@testable import Figures

private let maps: [(String, ColorMap)] = [
  ("sequential", .sequential), ("density", .density),
]

@Test func oklabAndBackIsTheSameColor() {
  for color in Color.palette + [.white, Color(red: 0.2, green: 0.9, blue: 0.4)] {
    let back = Color(oklab: color.oklab)
    #expect(abs(back.red - color.red) < 1e-6)
    #expect(abs(back.green - color.green) < 1e-6)
    #expect(abs(back.blue - color.blue) < 1e-6)
  }
  #expect(abs(Color.white.oklab.lightness - 1) < 1e-6)
  #expect(abs(Color(gray: 0.5).oklab.a) < 1e-6)
}

@Test(arguments: maps.map(\.0))
func lightnessGrowsEvenlyAlongAMap(_ name: String) throws {
  let map = try #require(maps.first { $0.0 == name }?.1)
  let lightness = map.colors.map(\.oklab.lightness)
  let steps = zip(lightness.dropFirst(), lightness).map { abs($0 - $1) }
  let mean = steps.reduce(0, +) / Double(steps.count)
  #expect(abs(lightness[0] - lightness[255]) > 0.6)
  #expect(steps.allSatisfy { abs($0 - mean) < 0.01 * mean })
  #expect(lightness == lightness.sorted() || lightness == lightness.sorted(by: >))
}

@Test(arguments: maps.map(\.0))
func equalStepsAlongAMapLookEquallyLarge(_ name: String) throws {
  let map = try #require(maps.first { $0.0 == name }?.1)
  let colors = map.colors.map(\.oklab)
  let steps = zip(colors.dropFirst(), colors).map { $0.distance(to: $1) }
  let mean = steps.reduce(0, +) / Double(steps.count)
  #expect(steps.allSatisfy { abs($0 - mean) < 0.03 * mean }, "\(steps.min()!) \(steps.max()!)")
}

@Test func noMapLeavesTheColorsOfAScreen() {
  for map in maps.map(\.1) {
    for color in map.colors {
      let components = [color.red, color.green, color.blue]
      // A component that had been clipped would be exactly at the end.
      #expect(components.allSatisfy { $0 > 0 && $0 < 1 }, "\(color)")
    }
  }
}

@Test func valuesOutsideTheLimitsTakeTheEndsAndNaNIsGray() {
  let scale = ColorScale(.sequential, limits: 1...100, scale: .log)
  #expect(scale.color(0.5) == ColorMap.sequential.color(0))
  #expect(scale.color(-1) == ColorMap.sequential.color(0))
  #expect(scale.color(1e4) == ColorMap.sequential.color(1))
  #expect(scale.color(10) == ColorMap.sequential.color(0.5))
  #expect(scale.color(.nan) == Color(gray: 0.8))
}

/// How a color looks without one kind of cones: the colors that they tell apart are taken to the
/// plane of the others (Viénot, Brettel and Mollon 1999).
private func seen(_ color: Color, withoutLong: Bool) -> Oklab {
  let (r, g, b) = (Color.linear(color.red), Color.linear(color.green), Color.linear(color.blue))
  let mixed = withoutLong ? 0.11238 * r + 0.88762 * g : 0.29275 * r + 0.70725 * g
  let blue = withoutLong ? 0.00401 * r - 0.00401 * g + b : -0.02234 * r + 0.02234 * g + b
  return Color(
    red: Color.companded(max(0, mixed)), green: Color.companded(max(0, mixed)),
    blue: Color.companded(min(1, max(0, blue)))
  ).oklab
}

@Test func colorsOfThePaletteCanBeToldApartWithAnyEyes() {
  for (i, a) in Color.palette.enumerated() {
    for b in Color.palette[..<i] {
      #expect(a.oklab.distance(to: b.oklab) > 0.12, "\(a) \(b)")
      for withoutLong in [true, false] {
        let distance = seen(a, withoutLong: withoutLong).distance(
          to: seen(b, withoutLong: withoutLong))
        #expect(distance > 0.05, "\(a) \(b)")
      }
    }
  }
}

@Test func theFirstColorsOfThePaletteStandOutFromThePage() {
  for color in Color.palette.prefix(4) { #expect(color.contrast(with: .white) > 2.9) }
  for color in Color.palette.prefix(7) { #expect(color.contrast(with: .white) > 2) }
  #expect(Color.ink.contrast(with: .white) > 12)
  #expect(abs(Color.black.contrast(with: .white) - 21) < 1e-9)
}

@Test func aPaletteColorIsTheSeriesWithItsIndex() {
  let plot = Plot().band([0, 1], lower: [0, 0], upper: [1, 1]).line([0, 1], [0, 1], label: "a")
    .line([0, 1], [1, 0], label: "b").line([0, 1], [1, 1], label: "c", color: .ink)
  #expect(plot.legendEntries.map(\.color) == [.blue, .vermilion, .ink])
  #expect((plot.marks[0] as? BandMark)?.color == .blue)
}
