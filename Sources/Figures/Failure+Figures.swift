import Files

extension Failure {
  /// The extension of a file's name is none of the formats.
  static func unknownExtension(_ path: String, supported: [String]) -> Failure {
    let endings = supported.map { ".\($0)" }.joined(separator: " or ")
    return Failure(
      path, .unknownExtension, "the format does not follow from the name",
      remedy: "end it in \(endings)")
  }

  /// The font family of the text is not installed.
  static func missingFont(_ family: String, package: String) -> Failure {
    Failure(
      "the font \(family) is not installed", kind: .missingFont,
      remedy: "sudo apt-get install -y \(package)")
  }

  /// Cairo does not render the figure.
  static func rendering(_ reason: String) -> Failure {
    Failure(
      "Cairo cannot render the figure: \(reason)", kind: .rendering,
      remedy: "check that its numbers and its size are finite")
  }

  /// The frames of an animation differ in size, or there are none.
  static func frames(_ problem: String) -> Failure {
    Failure(problem, kind: .rendering, remedy: "give an animation frames of one size")
  }
}
