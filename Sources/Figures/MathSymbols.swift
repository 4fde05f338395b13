/// The commands of formulas that stand for one glyph, a name or a space.
enum MathSymbols {
  typealias Entry = (glyph: String, kind: AtomClass, italic: Bool)

  static let spaces: [String: Double] = [
    ",": 0.17, ":": 0.22, ";": 0.28, "!": -0.17, " ": 0.32, "quad": 1, "qquad": 2,
  ]

  static let functions: Set<String> = [
    "log", "exp", "sin", "cos", "tan", "min", "max", "arg", "det", "tr", "ln", "lim", "sup",
    "Var", "Cov", "KL", "SNR", "sign", "tanh", "diag", "argmin", "argmax",
  ]

  static let table: [String: Entry] = {
    var table: [String: Entry] = [:]
    for (name, glyph) in lowercaseGreek { table[name] = (glyph, .ordinary, true) }
    for (name, glyph) in uppercaseGreek { table[name] = (glyph, .ordinary, false) }
    for (name, glyph) in ordinary { table[name] = (glyph, .ordinary, false) }
    for (name, glyph) in binary { table[name] = (glyph, .binary, false) }
    for (name, glyph) in relations { table[name] = (glyph, .relation, false) }
    for (name, glyph) in ["sum": "∑", "prod": "∏", "int": "∫"] {
      table[name] = (glyph, .function, false)
    }
    for (name, glyph) in ["{": "{", "langle": "⟨", "lfloor": "⌊", "lceil": "⌈"] {
      table[name] = (glyph, .opening, false)
    }
    for (name, glyph) in ["}": "}", "rangle": "⟩", "rfloor": "⌋", "rceil": "⌉"] {
      table[name] = (glyph, .closing, false)
    }
    return table
  }()

  private static let lowercaseGreek: [String: String] = [
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "ell": "ℓ",
  ]

  private static let uppercaseGreek: [String: String] = [
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
  ]

  private static let ordinary: [String: String] = [
    "nabla": "∇", "partial": "∂", "infty": "∞", "varnothing": "∅", "emptyset": "∅",
    "ldots": "…", "dots": "…", "cdots": "⋯", "prime": "′", "forall": "∀", "exists": "∃",
    "|": "‖", "Vert": "‖", "lVert": "‖", "rVert": "‖", "vert": "|", "lvert": "|", "rvert": "|",
    "%": "%", "#": "#", "&": "&", "_": "_", "$": "$", "degree": "°", "backslash": "\\",
  ]

  private static let binary: [String: String] = [
    "cdot": "·", "times": "×", "pm": "±", "mp": "∓", "circ": "∘", "ast": "∗", "odot": "⊙",
    "oplus": "⊕", "otimes": "⊗", "cup": "∪", "cap": "∩", "setminus": "∖", "div": "÷",
  ]

  private static let relations: [String: String] = [
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈",
    "sim": "∼", "simeq": "≃", "equiv": "≡", "propto": "∝", "to": "→", "rightarrow": "→",
    "leftarrow": "←", "mapsto": "↦", "Rightarrow": "⇒", "Leftarrow": "⇐", "in": "∈",
    "notin": "∉", "subset": "⊂", "ll": "≪", "gg": "≫", "mid": "|", "parallel": "∥",
    "leftrightarrow": "↔",
  ]

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
