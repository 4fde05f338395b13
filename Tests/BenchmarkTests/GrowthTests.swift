import Foundation
import TestSupport
import Testing

@testable import benchmark

/// The exponent of growth, and its figure.
@Suite struct GrowthTests {
  private let amounts = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512]

  private func curve(_ time: (Double) -> Double) -> GrowthCurve {
    GrowthCurve(name: "synthetic", amounts: amounts, seconds: amounts.map(time))
  }

  @Test func aPowerHasItsExponent() {
    for exponent in [0.5, 1, 2] {
      expect(
        curve { 0.003 * pow($0, exponent) }.fittedExponent, equals: exponent, within: 1e-12)
    }
  }

  /// Time that does not depend on the work is most of the lower half, which is left out.
  @Test func theUpperHalfOfTheRangeIsFitted() {
    let stepped = curve { $0 < 22 ? 0.1 : 0.001 * $0 }
    expect(stepped.fittedExponent, equals: 1, within: 1e-12)
    #expect(curve { 0.02 + 0.001 * $0 }.fittedExponent < 0.95)
  }

  @Test func extentsBecomePixels() {
    let curve = GrowthCurve(name: "a", amounts: [8, 16, 32], seconds: [1, 4, 16])
    expect(curve.fittedExponent, equals: 2, within: 1e-12)
    expect(curve.squared.fittedExponent, equals: 1, within: 1e-12)
  }

  @Test func onePointHasNoExponent() {
    #expect(GrowthCurve(name: "a", amounts: [4], seconds: [1]).fittedExponent.isNaN)
  }

  @Test func theFigureHasAPanelForEachKindOfWork() throws {
    let straight = curve { 0.001 * $0 }
    let panel = GrowthPanel(title: "work", axis: "images", curves: [straight]) { "\($0)" }
    try withTemporaryFolder { folder in
      let figure = GrowthFigure(panels: [panel, panel, panel]).figure
      #expect(figure.panels.count == 3)
      let file = URL(filePath: "\(folder)/growth.svg")
      try figure.write(to: file)
      #expect(try Data(contentsOf: file).count > 1000)
    }
  }
}
