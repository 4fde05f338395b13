import ArgumentParser
import Files
import Notebook

/// The option `--bug` of a chapter.
public struct MistakeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run with a well-known mistake and see which checks fail; 'list' names them all.",
      valueName: "name"))
  public var bug: String?

  public init() {}

  public func validate() throws {
    guard let bug else { return }
    if bug == "list" { throw CleanExit.message(Mistake.list) }
    if Mistake(rawValue: bug) == nil {
      throw ValidationError("There is no mistake '\(bug)'; --bug list names those that there are.")
    }
  }

  /// The selection for a chapter that has been opened. A run with a mistake leaves the chapter's
  /// page, its figures and its transcript alone; a mistake that the chapter cannot show ends the
  /// program.
  public func selection(for notebook: Chapter) -> MistakeSelection {
    guard let mistake = bug.flatMap(Mistake.init) else { return MistakeSelection() }
    notebook.orStop {
      let chapters = mistake.chapters
      guard let number = Int(notebook.name.prefix(2)), chapters.contains(number) else {
        let names = chapters.map { "\($0)" }.joined(separator: ", ")
        throw Failure(
          "this chapter cannot show the mistake '\(mistake.rawValue)'",
          remedy: "run one of the chapters \(names)")
      }
      try notebook.alter(as: mistake.rawValue, mistake.summary)
    }
    return MistakeSelection(mistake)
  }
}
