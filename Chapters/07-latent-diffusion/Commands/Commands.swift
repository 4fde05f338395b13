import ArgumentParser

/// The commands beside the chapter itself.
let chapterCommands: [any ParsableCommand.Type] = [
  Download.self, TrainAutoencoder.self, TrainDenoiser.self, TrainClassifier.self, TrainPixels.self,
  Sample.self,
  RateDistortion.self, Reconstruct.self, Evaluate.self, TestLosses.self, Export.self,
]
