import Files
import Foundation
import Testing

@testable import Figures

@Test func theFontIsInstalled() {
  #expect(Font.isInstalled, "\(Failure.missingFont(Font.family, package: Font.package))")
}

@Test func textIsAsWideAsItsLettersAndGrowsWithItsSize() {
  let width = MathText("M∇α").width
  #expect(abs(width - 12 * (1767 + 1370 + 1350) / 2048) < 1e-6)
  #expect(abs(MathText("M∇α", size: 24).width - 2 * width) < 1e-6)
  #expect(MathText("").width == 0)
  #expect(MathText("").height > 0)
}

@Test func scriptsReachAboveAndBelowTheirLetter() {
  let plain = MathText("$x$")
  let sub = MathText("$x_p$")
  let both = MathText("$x_p^{2}$")
  #expect(sub.width > plain.width && sub.descent > plain.descent)
  #expect(both.ascent > sub.ascent - 1e-9)
  #expect(abs(MathText("$x^2_p$").width - both.width) < 1e-9)
  #expect(MathText("$\\sqrt{\\bar\\alpha_t}$").width > MathText("$\\bar\\alpha_t$").width + 6)
  #expect(MathText("$\\bar\\alpha$").pieces.count == 2)
  #expect(abs(MathText("$\\bar\\alpha$").width - MathText("$\\alpha$").width) < 3)
}

/// The glyphs of a text in the order in which they are set.
private func glyphs(_ markup: String) -> String {
  MathText(markup).pieces.compactMap {
    if case .glyphs(let string, _, _, _) = $0 { string } else { nil }
  }.joined()
}

@Test func commandsBecomeGlyphs() {
  #expect(glyphs("$\\alpha\\beta_t \\le \\nabla\\log p$") == "αβt≤∇logp")
  #expect(glyphs("$\\mathbb E\\|\\epsilon-\\epsilon_\\theta\\|^2$") == "𝔼‖ϵ−ϵθ‖2")
  #expect(glyphs("$D_{\\mathrm{KL}}(q\\,\\|\\,p)$") == "DKL(q‖p)")
  #expect(glyphs("$x'_{10}$") == "x′10")
  #expect(glyphs("$\\operatorname{erf}(x)$, 5 \\$") == "erf(x), 5 $")
  #expect(glyphs("$\\left(\\frac{a}{b}\\right)$") == "(ab)")
}

@Test func everyCommandHasAGlyphInTheFont() {
  // What the font does not have is drawn as an empty box, all of one width.
  let missing = Font.upright.extents("\u{10FFFD}").advance
  let box = Font.upright.extents("\u{10FFFD}")
  let others = Array(MathSymbols.doubleStruck.values) + ["ℒ", "ℬ", "ℰ"]
  for glyph in MathSymbols.table.values.map(\.glyph) + others {
    let e = Font.upright.extents(glyph)
    #expect(
      e.advance != missing || e.left != box.left || e.top != box.top, "\(glyph) is not in the font")
  }
}

@Test func badMarkupComesOutAsItIsWritten() {
  #expect(glyphs("$\\nosuch x$") == "\\nosuchx")
  #expect(glyphs("$x}y$") == "x}y")
  #expect(glyphs("$\\text{open$") == "open")
  #expect(glyphs("$x_$") == "x")
  #expect(glyphs("$^2$") == "2")
  #expect(glyphs("$\\$") == "$\\$" || !glyphs("$\\$").isEmpty)
}

@Test func signsAreTightAndOperatorsAreNot() {
  let operation = MathText("$a-b$").width
  let sign = MathText("$-b$").width
  #expect(operation > sign + MathText("$a$").width + 3)
  #expect(MathText("$x_{t-1}$").width < MathText("$x_t$").width + 14)
}

@Test func wrappingKeepsLinesNarrowAndFormulasWhole() {
  let markup =
    "Each panel shows samples of $q(x_t \\mid x_0)$ and the density of $\\mathcal N(0, 1)$."
  let wrapped = MathText.wrapped(markup, width: 160)
  let lines = wrapped.split(separator: "\n")
  #expect(lines.count > 2)
  #expect(lines.allSatisfy { MathText(String($0)).width <= 160 })
  #expect(lines.allSatisfy { $0.count { $0 == "$" } % 2 == 0 })
  #expect(wrapped.replacingOccurrences(of: "\n", with: " ") == markup)
  #expect(MathText(wrapped).height > 2.5 * MathText("x").height)
}

@Test func anchorsPutTheTextWhereTheySay() {
  let text = MathText("Ag", size: 20)
  let p = Point(100, 50)
  let box = text.bounds(at: p, anchor: .bottomRight)
  #expect(abs(box.right - 100) < 1e-9 && abs(box.bottom - 50) < 1e-9)
  #expect(text.bounds(at: p, anchor: .topLeft).top == 50)
  #expect(text.origin(for: p, anchor: .baseline).y == 50)
  // The ink of a drawn text lies within its bounds.
  let picture = Picture(drawing: 200, 100) { canvas in
    canvas.draw(text, at: p, anchor: .center, color: .black)
  }
  let bounds = text.bounds(at: p, anchor: .center)
  var ink = 0
  for y in 0..<100 {
    for x in 0..<200 where picture[x, y].red < 128 {
      ink += 1
      #expect(bounds.inset(by: -1).contains(Point(Double(x), Double(y))))
    }
  }
  #expect(ink > 40)
}
