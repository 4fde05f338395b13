import Foundation

/// A joint law of a few tokens over a few symbols, given as a table: the exact testbed of masked
/// diffusion, in which noise is a mask (Sahoo et al., "Simple and effective masked diffusion
/// language models", 2024; Nie et al., "Large language diffusion models", 2025).
public struct MaskedTokens: Sendable {
  /// The number of tokens.
  public let tokens: Int
  /// The number of symbols.
  public let symbols: Int
  /// The probability of every sequence; the last token varies fastest.
  public let probabilities: [Double]

  /// Creates a law from its table; entries are divided by their sum.
  public init(tokens: Int, symbols: Int, probabilities: [Double]) {
    let size = (0..<tokens).reduce(1) { size, _ in size * symbols }
    guard probabilities.count == size, probabilities.allSatisfy({ $0 >= 0 }) else {
      fatalError("a table of \(tokens) tokens over \(symbols) symbols has \(size) entries")
    }
    let total = probabilities.reduce(0, +)
    self.tokens = tokens
    self.symbols = symbols
    self.probabilities = probabilities.map { $0 / total }
  }

  /// The sequence at a place of the table.
  public func sequence(_ index: Int) -> [Int] { digits(index, base: symbols) }

  /// The entropy, in nats.
  public var entropy: Double {
    probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
  }

  /// The law of token `i` given the visible tokens; `nil` stands for a mask.
  public func conditional(_ i: Int, given visible: [Int?]) -> [Double] {
    var weights = [Double](repeating: 0, count: symbols)
    for index in probabilities.indices {
      let sequence = sequence(index)
      if zip(sequence, visible).allSatisfy({ $1 == nil || $0 == $1 }) {
        weights[sequence[i]] += probabilities[index]
      }
    }
    let total = weights.reduce(0, +)
    return weights.map { total > 0 ? $0 / total : 0 }
  }

  /// $E_{t, x_0, x_t} [\frac1t \sum_{i\ \mathrm{masked}} \log p(x_0^i \mid x_t)]$ for exact
  /// conditionals, where t is uniform in (0, 1) and each token is masked with probability t.
  ///
  /// Equal to minus the entropy: the bound on the expected log-likelihood is tight.
  public var lowerBound: Double {
    var total = 0.0
    for mask in 1..<(1 << tokens) {
      let size = mask.nonzeroBitCount
      // The integral of t^(size - 1) (1 - t)^(tokens - size).
      let weight = exp(
        lgamma(Double(size)) + lgamma(Double(tokens - size + 1)) - lgamma(Double(tokens + 1)))
      for index in probabilities.indices where probabilities[index] > 0 {
        let sequence = sequence(index)
        let visible = sequence.enumerated().map { mask >> $0 & 1 == 1 ? nil : $1 }
        for i in 0..<tokens where mask >> i & 1 == 1 {
          total +=
            weight * probabilities[index] * log(conditional(i, given: visible)[sequence[i]])
        }
      }
    }
    return total
  }

  /// The law of what a sampler with exact conditionals makes in `steps` steps from t = 1 to 0: in
  /// each, every masked token is shown with probability 1 - s/t, all at once and independently.
  public func sampledLaw(steps: Int) -> [Double] {
    let base = symbols + 1
    let states = (0..<tokens).reduce(1) { size, _ in size * base }
    var law = [Double](repeating: 0, count: states)
    law[states - 1] = 1
    for step in stride(from: steps, through: 1, by: -1) {
      let shown = 1 / Double(step)
      var next = [Double](repeating: 0, count: states)
      for state in law.indices where law[state] > 0 {
        let visible = digits(state, base: base).map { $0 == symbols ? nil : $0 }
        spread(law[state], from: visible, token: 0, prefix: 0, shown: shown, into: &next)
      }
      law = next
    }
    return probabilities.indices.map { index in
      law[sequence(index).reduce(0) { $0 * base + $1 }]
    }
  }

  /// Shares the probability of a state among those that one step may lead to.
  private func spread(
    _ share: Double, from visible: [Int?], token: Int, prefix: Int, shown: Double,
    into next: inout [Double]
  ) {
    let base = symbols + 1
    if token == tokens {
      next[prefix] += share
      return
    }
    if let symbol = visible[token] {
      spread(
        share, from: visible, token: token + 1, prefix: prefix * base + symbol, shown: shown,
        into: &next)
      return
    }
    if shown < 1 {
      spread(
        share * (1 - shown), from: visible, token: token + 1, prefix: prefix * base + symbols,
        shown: shown, into: &next)
    }
    for (symbol, probability) in conditional(token, given: visible).enumerated()
    where probability > 0 {
      spread(
        share * shown * probability, from: visible, token: token + 1,
        prefix: prefix * base + symbol, shown: shown, into: &next)
    }
  }

  private func digits(_ index: Int, base: Int) -> [Int] {
    var (rest, digits) = (index, [Int](repeating: 0, count: tokens))
    for place in (0..<tokens).reversed() {
      digits[place] = rest % base
      rest /= base
    }
    return digits
  }
}
