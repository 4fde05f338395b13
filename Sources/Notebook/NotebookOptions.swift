import ArgumentParser

/// The options that every chapter takes.
public struct NotebookOptions: ParsableArguments, Sendable {
  @Option(help: "The seed of all random numbers.")
  public var seed: UInt64 = 0

  @Flag(help: "Use fewer samples and steps.")
  public var quick = false

  @Option(
    help: ArgumentHelp(
      "The folder for figures (default: scratch/figures/CHAPTER in the package).", valueName: "dir")
  )
  public var figures: String?

  @Flag(help: "Print one JSON object a line, for programs.")
  public var json = false

  @Option(
    help: ArgumentHelp(
      "Write the transcript, from which the page is woven, to a file.", valueName: "file"))
  public var record: String?

  public init() {}
}

/// A chapter as a command: the options of all chapters, its own, and its subcommands.
struct ChapterCommand<Extra: ParsableArguments>: ParsableCommand {
  static var configuration: CommandConfiguration { Launch.configuration.withLock { $0 } }

  @OptionGroup var notebook: NotebookOptions
  @OptionGroup var extra: Extra
}

/// The subcommands of a chapter, without the chapter's options.
struct CommandList: ParsableCommand {
  static var configuration: CommandConfiguration { Launch.configuration.withLock { $0 } }
}

/// No options.
struct NoOptions: ParsableArguments {}
