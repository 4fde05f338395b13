import ArgumentParser

/// The commands beside the chapter itself.
let chapterCommands: [any ParsableCommand.Type] = [
  Download.self, TrainAutoencoder.self, TrainDenoiser.self, Sample.self, Reconstruct.self,
  Export.self,
]
