import ArgumentParser
import Training

/// This chapter's weights, records and commands: `download`, `train-autoencoder`, `train-denoiser`,
/// `train-classifier`, `train-pixels`, `sample`, `reconstruct`, `evaluate`, `test-losses`,
/// `rate-distortion`, `techniques` and `export`.
let trainingChapter = TrainingChapter()

/// The chapter's own options.
struct ChapterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A run of train-denoiser, or a folder of weights (default: those in the repository).",
      valueName: "folder"))
  var weights: String?
}
