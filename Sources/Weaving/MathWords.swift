import Formulas

/// Mathematics on a terminal: `$\bar\alpha_t$` as `ᾱ_t`.
public enum MathWords {
  /// Returns `text` with its `$…$` written in plain characters, as well as they can.
  public static func plain(_ text: String) -> String {
    let pieces = text.split(separator: "$", omittingEmptySubsequences: false)
    guard pieces.count > 1 else { return text }
    return pieces.enumerated().map { index, piece in
      index % 2 == 1 ? unicode(piece) : String(piece)
    }.joined()
  }

  private static func unicode(_ mathematics: Substring) -> String {
    var rest = mathematics
    var text = ""
    while let character = rest.popFirst() {
      switch character {
      case "\\": text += command(&rest)
      case "{", "}": continue
      default: text.append(character)
      }
    }
    return text
  }

  /// Reads the command after a backslash, with what an accent stands on.
  private static func command(_ rest: inout Substring) -> String {
    let letters = rest.prefix { $0.isASCII && $0.isLetter }
    let name = letters.isEmpty ? rest.prefix(1) : letters
    rest = rest.dropFirst(name.count)
    if let accent = FormulaSymbols.accents[String(name)] { return argument(&rest) + accent }
    if let character = FormulaSymbols.characters[String(name)] {
      return "{}".contains(character) ? "" : character
    }
    switch name {
    case "sqrt": return "√"
    case ",", ";", ":", " ", "quad", "qquad": return " "
    case "!", "mathcal", "mathrm", "mathbf", "mathbb", "text", "operatorname", "left", "right":
      return ""
    default: return String(name)
    }
  }

  /// The next letter, command or group.
  private static func argument(_ rest: inout Substring) -> String {
    rest = rest.drop { $0 == " " }
    guard let first = rest.popFirst() else { return "" }
    if first == "\\" { return command(&rest) }
    guard first == "{" else { return String(first) }
    let group = rest.prefix { $0 != "}" }
    rest = rest.dropFirst(group.count + 1)
    return unicode(group)
  }
}
