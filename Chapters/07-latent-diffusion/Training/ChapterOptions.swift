import ArgumentParser

/// The chapter's own options.
struct ChapterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run of train-denoiser, or a folder of weights (default: those in the repository).",
      valueName: "folder"))
  var weights: String?
}
