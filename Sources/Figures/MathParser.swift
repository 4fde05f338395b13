import Formulas

/// A formula as a tree, before it has a size.
indirect enum MathNode: Equatable {
  case symbol(String, Font, AtomClass)
  case words(String)
  case row([MathNode])
  case scripts(base: MathNode, sub: MathNode?, sup: MathNode?)
  case accent(MathAccent, MathNode)
  case root(MathNode)
  case fraction(MathNode, MathNode)
  case space(Double)

  var atomClass: AtomClass {
    switch self {
    case .symbol(_, _, let kind): kind
    case .scripts(let base, _, _): base.atomClass
    case .row(let nodes) where nodes.count == 1: nodes[0].atomClass
    default: .ordinary
    }
  }
}

/// What a symbol is to its neighbors; it decides the space between them.
enum AtomClass {
  case ordinary, function, binary, relation, opening, closing, punctuation
}

enum MathAccent: String {
  case bar, hat, tilde, dot, vec, overline, widehat, widetilde
}

/// Reads the part of TeX's mathematics that labels of figures need.
struct MathParser {
  private let characters: [Character]
  private var position = 0
  private let upright: Font
  private let italic: Font

  init(_ source: Substring, bold: Bool = false) {
    characters = Array(source)
    upright = bold ? .bold : .upright
    italic = bold ? .boldItalic : .italic
  }

  /// Reads everything; what cannot be understood comes out as it is written.
  mutating func parse() -> MathNode {
    var nodes: [MathNode] = []
    while position < characters.count {
      nodes.append(parseRow())
      if position < characters.count {
        nodes.append(.symbol(String(characters[position]), upright, .ordinary))
        position += 1
      }
    }
    return nodes.count == 1 ? nodes[0] : .row(nodes)
  }

  private var next: Character? { position < characters.count ? characters[position] : nil }

  private mutating func parseRow() -> MathNode {
    var nodes: [MathNode] = []
    while let c = next, c != "}" {
      if c == "_" || c == "^" {
        appendScript(to: &nodes)
      } else if let node = parseAtom() {
        nodes.append(node)
      }
    }
    return .row(nodes)
  }

  private mutating func appendScript(to nodes: inout [MathNode]) {
    let isSub = characters[position] == "_"
    position += 1
    let script = parseArgument()
    let base = nodes.popLast() ?? .row([])
    switch (base, isSub) {
    case (.scripts(let inner, nil, let sup?), true):
      nodes.append(.scripts(base: inner, sub: script, sup: sup))
    case (.scripts(let inner, let sub?, nil), false):
      nodes.append(.scripts(base: inner, sub: sub, sup: script))
    default:
      nodes.append(.scripts(base: base, sub: isSub ? script : nil, sup: isSub ? nil : script))
    }
  }

  private mutating func parseArgument() -> MathNode {
    while next == " " { position += 1 }
    return parseAtom() ?? .row([])
  }

  private mutating func parseAtom() -> MathNode? {
    guard let c = next else { return nil }
    position += 1
    switch c {
    case " ": return nil
    case "{":
      let row = parseRow()
      if next == "}" { position += 1 }
      return row
    case "\\": return parseCommand()
    case "'": return .symbol("′", upright, .ordinary)
    case "0"..."9": return parseNumber(from: c)
    default: return atom(of: c)
    }
  }

  private mutating func parseNumber(from first: Character) -> MathNode {
    var digits = String(first)
    while let c = next, c.isASCII, c.isNumber || (c == "." && followedByDigit) {
      digits.append(c)
      position += 1
    }
    return .symbol(digits, upright, .ordinary)
  }

  private var followedByDigit: Bool {
    position + 1 < characters.count && ("0"..."9").contains(characters[position + 1])
  }

  private func atom(of c: Character) -> MathNode {
    switch c {
    case "-", "−": .symbol("−", upright, .binary)
    case "*": .symbol("∗", upright, .binary)
    case "+", "±", "×", "·", "∘": .symbol(String(c), upright, .binary)
    case "=", "<", ">", ":", "≤", "≥", "≈", "∼", "∈", "→", "≠", "∝":
      .symbol(String(c), upright, .relation)
    case "(", "[", "⟨": .symbol(String(c), upright, .opening)
    case ")", "]", "!", "⟩": .symbol(String(c), upright, .closing)
    case ",", ";": .symbol(String(c), upright, .punctuation)
    case "|": .symbol("|", upright, .ordinary)
    default:
      .symbol(String(c), c.isLetter && !c.isUppercaseGreek ? italic : upright, .ordinary)
    }
  }

  private mutating func parseCommand() -> MathNode? {
    guard let first = next else { return .symbol("\\", upright, .ordinary) }
    var name = String(first)
    position += 1
    while first.isLetter, let c = next, c.isLetter, c.isASCII {
      name.append(c)
      position += 1
    }
    if let accent = MathAccent(rawValue: name) { return .accent(accent, parseArgument()) }
    if let space = MathSymbols.spaces[name] { return .space(space) }
    if FormulaSymbols.functions.contains(name) { return .symbol(name, upright, .function) }
    if let (glyph, kind, isItalic) = MathSymbols.table[name] {
      return .symbol(glyph, isItalic ? italic : upright, kind)
    }
    return parseStructure(name)
  }

  private mutating func parseStructure(_ name: String) -> MathNode? {
    switch name {
    case "sqrt": return .root(parseArgument())
    case "frac", "tfrac", "dfrac":
      let numerator = parseArgument()
      return .fraction(numerator, parseArgument())
    case "left", "right", "big", "Big", "bigl", "bigr": return nil
    case "text", "mathrm": return .words(parseWords())
    case "operatorname": return .symbol(parseWords(), upright, .function)
    case "mathcal":
      return MathParser.restyled(parseArgument()) {
        MathSymbols.script($0) ?? .symbol($0, .calligraphic, .ordinary)
      }
    case "mathbb":
      let font = upright
      return MathParser.restyled(parseArgument()) {
        .symbol(MathSymbols.doubleStruck[$0] ?? $0, font, .ordinary)
      }
    case "mathbf", "boldsymbol":
      return MathParser.restyled(parseArgument()) { .symbol($0, .bold, .ordinary) }
    default: return .symbol("\\" + name, upright, .ordinary)
    }
  }

  // The argument of \text, with its spaces.
  private mutating func parseWords() -> String {
    guard next == "{" else {
      defer { position += 1 }
      return next.map { String($0) } ?? ""
    }
    let start = position + 1
    let end = characters[start...].firstIndex(of: "}") ?? characters.count
    position = min(end + 1, characters.count)
    return String(characters[start..<end])
  }

  private static func restyled(_ node: MathNode, _ style: (String) -> MathNode) -> MathNode {
    switch node {
    case .symbol(let glyph, _, .ordinary): style(glyph)
    case .row(let nodes): .row(nodes.map { restyled($0, style) })
    default: node
    }
  }
}

extension Character {
  fileprivate var isUppercaseGreek: Bool { ("Α"..."Ω").contains(self) }
}
