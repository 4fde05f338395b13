/// The characters that TeX commands stand for, by the name of the command without its backslash.
public enum FormulaSymbols {
  /// Commands that are set as their own names, upright.
  public static let functions: Set<String> = [
    "log", "exp", "sin", "cos", "tan", "min", "max", "arg", "det", "tr", "ln", "lim", "sup",
    "Var", "Cov", "KL", "SNR", "sign", "tanh", "diag", "argmin", "argmax",
  ]

  /// Small Greek letters.
  public static let lowercaseGreek: [String: String] = [
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "ell": "ℓ",
  ]

  /// Capital Greek letters that Latin has not.
  public static let uppercaseGreek: [String: String] = [
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
  ]

  /// Signs that stand by themselves.
  public static let ordinary: [String: String] = [
    "nabla": "∇", "partial": "∂", "infty": "∞", "varnothing": "∅", "emptyset": "∅",
    "ldots": "…", "dots": "…", "cdots": "⋯", "prime": "′", "forall": "∀", "exists": "∃",
    "|": "‖", "Vert": "‖", "lVert": "‖", "rVert": "‖", "vert": "|", "lvert": "|", "rvert": "|",
    "%": "%", "#": "#", "&": "&", "_": "_", "$": "$", "degree": "°", "backslash": "\\",
  ]

  /// Operators between two terms.
  public static let binary: [String: String] = [
    "cdot": "·", "times": "×", "pm": "±", "mp": "∓", "circ": "∘", "ast": "∗", "odot": "⊙",
    "oplus": "⊕", "otimes": "⊗", "cup": "∪", "cap": "∩", "setminus": "∖", "div": "÷",
  ]

  /// Relations between two terms.
  public static let relations: [String: String] = [
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈",
    "sim": "∼", "simeq": "≃", "equiv": "≡", "propto": "∝", "to": "→", "rightarrow": "→",
    "leftarrow": "←", "mapsto": "↦", "Rightarrow": "⇒", "Leftarrow": "⇐", "in": "∈",
    "notin": "∉", "subset": "⊂", "ll": "≪", "gg": "≫", "mid": "|", "parallel": "∥",
    "leftrightarrow": "↔",
  ]

  /// Operators that stand before what they act on.
  public static let operators = ["sum": "∑", "prod": "∏", "int": "∫"]

  /// Opening brackets.
  public static let opening = ["{": "{", "langle": "⟨", "lfloor": "⌊", "lceil": "⌈"]

  /// Closing brackets.
  public static let closing = ["}": "}", "rangle": "⟩", "rfloor": "⌋", "rceil": "⌉"]

  /// Accents, as the characters that combine with the one before.
  public static let accents = [
    "bar": "\u{304}", "overline": "\u{304}", "hat": "\u{302}", "widehat": "\u{302}",
    "tilde": "\u{303}", "widetilde": "\u{303}", "dot": "\u{307}", "ddot": "\u{308}",
    "vec": "\u{20D7}",
  ]

  /// Every command that stands for one character.
  public static let characters: [String: String] =
    [lowercaseGreek, uppercaseGreek, ordinary, binary, relations, operators, opening, closing]
    .reduce(into: [:]) { all, part in all.merge(part) { first, _ in first } }
}
