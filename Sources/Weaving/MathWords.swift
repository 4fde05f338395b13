/// Mathematics on a terminal: `$\bar\alpha_t$` as `ᾱ_t`.
public enum MathWords {
  /// Returns `text` with its `$…$` written in plain characters, as well as they can.
  public static func plain(_ text: String) -> String {
    let pieces = text.split(separator: "$", omittingEmptySubsequences: false)
    guard pieces.count > 1 else { return text }
    return pieces.enumerated().map { index, piece in
      index % 2 == 1 ? unicode(String(piece)) : String(piece)
    }.joined()
  }

  private static let words: [(String, String)] = [
    ("\\bar\\alpha", "ᾱ"), ("\\bar{\\alpha}", "ᾱ"), ("\\tilde\\beta", "β̃"),
    ("\\tilde{\\beta}", "β̃"), ("\\tilde\\mu", "μ̃"), ("\\hat\\epsilon", "ε̂"), ("\\hat x", "x̂"),
    ("\\hat{x}", "x̂"), ("\\varepsilon", "ε"), ("\\epsilon", "ε"), ("\\alpha", "α"),
    ("\\beta", "β"), ("\\gamma", "γ"), ("\\delta", "δ"), ("\\Delta", "Δ"), ("\\eta", "η"),
    ("\\theta", "θ"), ("\\kappa", "κ"), ("\\lambda", "λ"), ("\\Lambda", "Λ"), ("\\mu", "μ"),
    ("\\nu", "ν"), ("\\pi", "π"), ("\\rho", "ρ"), ("\\sigma", "σ"), ("\\Sigma", "Σ"),
    ("\\tau", "τ"), ("\\varphi", "φ"), ("\\phi", "φ"), ("\\Phi", "Φ"), ("\\chi", "χ"),
    ("\\psi", "ψ"), ("\\omega", "ω"), ("\\Omega", "Ω"), ("\\xi", "ξ"), ("\\zeta", "ζ"),
    ("\\nabla", "∇"), ("\\partial", "∂"), ("\\infty", "∞"), ("\\sum", "∑"), ("\\prod", "∏"),
    ("\\int", "∫"), ("\\sqrt", "√"), ("\\le", "≤"), ("\\ge", "≥"), ("\\ne", "≠"),
    ("\\approx", "≈"), ("\\to", "→"), ("\\times", "×"), ("\\cdot", "·"), ("\\pm", "±"),
    ("\\mid", "|"), ("\\ldots", "…"), ("\\dots", "…"), ("\\varnothing", "∅"), ("\\in", "∈"),
    ("\\mathcal", ""), ("\\mathrm", ""), ("\\text", ""), ("\\operatorname", ""), ("\\,", " "),
    ("\\;", " "), ("\\!", ""),
  ]

  private static func unicode(_ mathematics: String) -> String {
    var text = mathematics
    // Longer words first: \eta must not eat the tail of \beta, nor \in the head of \infty.
    for (word, character) in words.sorted(by: { $0.0.count > $1.0.count }) {
      text = text.replacing(word, with: character)
    }
    return text.filter { !"{}\\".contains($0) }
  }
}
