import Formulas

/// How the commands of formulas are set: the class of each glyph, and the widths of spaces.
enum MathSymbols {
  typealias Entry = (glyph: String, kind: AtomClass, italic: Bool)

  static let spaces: [String: Double] = [
    ",": 0.17, ":": 0.22, ";": 0.28, "!": -0.17, " ": 0.32, "quad": 1, "qquad": 2,
  ]

  static let table: [String: Entry] = {
    var table: [String: Entry] = [:]
    for (name, glyph) in FormulaSymbols.lowercaseGreek { table[name] = (glyph, .ordinary, true) }
    for (name, glyph) in FormulaSymbols.uppercaseGreek { table[name] = (glyph, .ordinary, false) }
    for (name, glyph) in FormulaSymbols.ordinary { table[name] = (glyph, .ordinary, false) }
    for (name, glyph) in FormulaSymbols.binary { table[name] = (glyph, .binary, false) }
    for (name, glyph) in FormulaSymbols.relations { table[name] = (glyph, .relation, false) }
    for (name, glyph) in FormulaSymbols.operators {
      table[name] = (glyph, .function, false)
    }
    for (name, glyph) in FormulaSymbols.opening {
      table[name] = (glyph, .opening, false)
    }
    for (name, glyph) in FormulaSymbols.closing {
      table[name] = (glyph, .closing, false)
    }
    return table
  }()

  static let doubleStruck: [String: String] = [
    "C": "ℂ", "E": "𝔼", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ", "V": "𝕍", "1": "𝟙",
  ]

  /// Returns the script capital, where the family has one.
  static func script(_ letter: String) -> MathNode? {
    scriptCapitals[letter].map { .symbol($0, .upright, .ordinary) }
  }

  private static let scriptCapitals: [String: String] = [
    "B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ",
  ]
}
