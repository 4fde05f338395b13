import Foundation
import TestSupport
import Testing

/// Chapter 07's commands with networks so small that each takes a second.
@Suite(.serialized) struct TrainingCommandTests {
  let chapter = Program(name: "chapter-07-latent-diffusion")
  static let data = ["--data", "synthetic", "--limit", "16", "--batch-size", "8"]
  static let small = ["--channels", "8,8,8", "--groups", "4"]
  static let unet =
    ["--channels", "8,16", "--groups", "4", "--head-width", "8", "--layers", "1"] + [
      "--sample-steps", "1",
    ]
  static let often = ["--checkpoint-minutes", "0.000001", "--log-every", "1"]

  private func trainBoth(in folder: String) throws {
    _ = try chapter.succeed(
      ["train-autoencoder", "--out", "a", "--epochs", "2"] + Self.data + Self.small + Self.often,
      in: folder)
    _ = try chapter.succeed(
      ["train-denoiser", "--autoencoder", "a", "--out", "d", "--epochs", "1"] + Self.data
        + Self.unet + Self.often, in: folder)
  }

  private func table(_ path: String) throws -> [[String]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
  }

  @Test func trainingBothStagesGivesAModelThatSamples() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      let metrics = try table("\(folder)/a/metrics.csv")
      #expect(
        metrics[0] == [
          "step", "images", "seconds", "loss", "l1", "kl", "gradient_norm", "learning_rate",
          "images_per_second",
        ])
      #expect(metrics.dropFirst().map { $0[0] } == (1...4).map(String.init))
      #expect(try table("\(folder)/d/metrics.csv").count == 1 + 4)
      #expect(try table("\(folder)/a/validation.csv").count == 1 + 4)
      let checkpoints = try FileManager.default.contentsOfDirectory(
        atPath: "\(folder)/a/checkpoints")
      #expect(checkpoints.sorted() == ["step-00000003.safetensors", "step-00000004.safetensors"])
      for sampler in [["ddim", "--eta", "0.5"], ["ddpm"]] {
        let sampled = try chapter.succeed(
          ["sample", "--weights", "d", "--steps", "3", "--count", "2", "--output", "s.png"]
            + ["--sampler"] + sampler, in: folder)
        #expect(sampled.output.contains("synthetic"))
        #expect(sampled.output.contains("s.png"))
        let png = try Data(contentsOf: URL(filePath: "\(folder)/s.png"))
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        try FileManager.default.removeItem(atPath: "\(folder)/s.png")
      }
    }
  }

  @Test func aSampleIsTheSameWhateverIsDrawnBesideIt() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      let common = ["sample", "--weights", "d", "--steps", "2", "--class", "3"]
      _ = try chapter.succeed(common + ["--count", "1", "--output", "one.png"], in: folder)
      _ = try chapter.succeed(common + ["--count", "1", "--output", "again.png"], in: folder)
      _ = try chapter.succeed(
        common + ["--count", "1", "--seed", "1", "--output", "other.png"], in: folder)
      let files = try ["one", "again", "other"].map {
        try Data(contentsOf: URL(filePath: "\(folder)/\($0).png"))
      }
      #expect(files[0] == files[1] && files[0] != files[2])
    }
  }

  @Test func guidanceHoldsAtTheStepsThatAreNamedAndAtNoOthers() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      func sample(_ options: [String]) throws -> Data {
        // Two steps, at t = 501 and t = 1.
        let common = ["sample", "--weights", "d", "--steps", "2", "--class", "3", "--count", "2"]
        _ = try chapter.succeed(common + options + ["--output", "s.png"], in: folder)
        return try Data(contentsOf: URL(filePath: "\(folder)/s.png"))
      }
      let strong = ["--guidance-scale", "10000"]
      let everywhere = try sample(strong)
      let nowhere = try sample(["--guidance-scale", "1"])
      #expect(everywhere != nowhere)
      #expect(try sample(strong + ["--guided-steps", "1-1000"]) == everywhere)
      #expect(try sample(strong + ["--guided-steps", "2-500"]) == nowhere)
      let late = try sample(strong + ["--guided-steps", "1-500"])
      #expect(late != nowhere && late != everywhere)
    }
  }

  @Test func aTableWithTheColumnOfAnOlderVersionIsGoneOnWith() throws {
    try withTemporaryFolder { folder in
      _ = try chapter.succeed(
        ["train-autoencoder", "--out", "a", "--epochs", "1"] + Self.data + Self.small, in: folder)
      let path = "\(folder)/a/validation.csv"
      let rows = try String(contentsOfFile: path, encoding: .utf8)
      try rows.replacing("accuracy", with: "named_right").write(
        toFile: path, atomically: true, encoding: .utf8)
      _ = try chapter.succeed(["train-autoencoder", "--resume", "a", "--epochs", "1"], in: folder)
      let after = try table(path)
      #expect(after[0].last == "accuracy" && after.count == 3)
      #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix(rows))
    }
  }

  @Test(arguments: ["autoencoder", "denoiser"])
  func aResumedTrainingRepeatsTheLastUpdate(stage: String) throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      let run = stage == "autoencoder" ? "a" : "d"
      let weights = "\(folder)/\(run)/\(stage).safetensors"
      let (before, rows) = (
        try Data(contentsOf: URL(filePath: weights)), try table("\(folder)/\(run)/metrics.csv")
      )
      try FileManager.default.removeItem(
        atPath: "\(folder)/\(run)/checkpoints/step-00000004.safetensors")
      try FileManager.default.removeItem(atPath: weights)
      if stage == "denoiser" {
        // The latents come back from the autoencoder that the run keeps.
        try FileManager.default.removeItem(atPath: "\(folder)/d/latents.safetensors")
        try FileManager.default.removeItem(atPath: "\(folder)/a")
      }
      _ = try chapter.succeed(["train-\(stage)", "--resume", run, "--log-every", "1"], in: folder)
      #expect(try Data(contentsOf: URL(filePath: weights)) == before)
      let after = try table("\(folder)/\(run)/metrics.csv")
      #expect(after.count == rows.count)
      #expect(after.map { $0[3] } == rows.map { $0[3] })
      let complete = try chapter.run(["train-\(stage)", "--resume", run], in: folder)
      #expect(complete.status == 1 && complete.errors.contains("is complete"))
      _ = try chapter.succeed(["train-\(stage)", "--resume", run, "--epochs", "1"], in: folder)
    }
  }

  @Test func aDenoiserCanGoOnWithTheLatentsOfAnotherAutoencoder() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      _ = try chapter.succeed(
        ["train-autoencoder", "--out", "b", "--epochs", "1", "--seed", "5"] + Self.data
          + Self.small, in: folder)
      _ = try chapter.succeed(
        ["train-denoiser", "--resume", "d", "--autoencoder", "b", "--epochs", "0.5"], in: folder)
      let copies = try ["b", "d"].map {
        try Data(contentsOf: URL(filePath: "\(folder)/\($0)/autoencoder.safetensors"))
      }
      #expect(copies[0] == copies[1])
      let manifest = try String(contentsOfFile: "\(folder)/d/manifest.json", encoding: .utf8)
      #expect(manifest.contains("--resume d --autoencoder b"))
      #expect(manifest.contains("train-autoencoder --out b"))
    }
  }

  @Test func newRunsStartFromTheWeightsOfOthersAndRememberThem() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      _ = try chapter.succeed(["export", "--weights", "d", "--output", "x"], in: folder)
      // With a rate that cannot move a weight the run ends with the weights that it began with.
      _ = try chapter.succeed(
        [
          "train-autoencoder", "--start-from", "a", "--out", "b", "--epochs", "1",
          "--learning-rate", "1e-30",
        ] + Self.data, in: folder)
      let weights = try ["a", "b"].map {
        try Data(contentsOf: URL(filePath: "\(folder)/\($0)/autoencoder.safetensors"))
      }
      #expect(weights[0] == weights[1])
      _ = try chapter.succeed(
        [
          "train-denoiser", "--start-from", "x", "--autoencoder", "b", "--out", "e", "--epochs",
          "0.5", "--sample-steps", "1",
        ] + Self.data, in: folder)
      let manifest = try String(contentsOfFile: "\(folder)/e/manifest.json", encoding: .utf8)
      for word in ["\"earlier\"", "train-denoiser --autoencoder a", "train-autoencoder --out a"] {
        #expect(manifest.contains(word), "\(word)")
      }
      let refused = try chapter.run(
        ["train-autoencoder", "--start-from", "a", "--out", "f", "--channels", "8,8,16"]
          + Self.data, in: folder)
      #expect(refused.status == 1 && refused.errors.contains("--channels [8, 8, 8]"))
    }
  }

  @Test func aDenoiserThatPredictsVIsSampledAsSuch() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      _ = try chapter.succeed(
        ["train-denoiser", "--autoencoder", "a", "--out", "v", "--epochs", "1"] + Self.data
          + Self.unet + ["--prediction", "velocity"], in: folder)
      let file = try Data(contentsOf: URL(filePath: "\(folder)/v/denoiser.safetensors"))
      #expect(file.range(of: Data("velocity".utf8)) != nil)
      _ = try chapter.succeed(
        ["sample", "--weights", "v", "--steps", "1", "--count", "1", "--output", "s.png"],
        in: folder)
      let refused = try chapter.run(
        ["train-denoiser", "--resume", "v", "--epochs", "1", "--prediction", "noise"], in: folder)
      #expect(refused.status == 1 && refused.errors.contains("--prediction velocity, not noise"))
    }
  }

  @Test func aModelOfPixelsTrainsResumesAndSamples() throws {
    try withTemporaryFolder { folder in
      _ = try chapter.succeed(
        ["train-pixels", "--out", "p", "--epochs", "2", "--channels", "8,8", "--sample-steps", "1"]
          + Self.data + Self.often, in: folder)
      let weights = "\(folder)/p/pixels.safetensors"
      let before = try Data(contentsOf: URL(filePath: weights))
      try FileManager.default.removeItem(
        atPath: "\(folder)/p/checkpoints/step-00000004.safetensors")
      _ = try chapter.succeed(["train-pixels", "--resume", "p", "--sample-steps", "0"], in: folder)
      #expect(try Data(contentsOf: URL(filePath: weights)) == before)
      _ = try chapter.succeed(["export", "--weights", "p", "--output", "x"], in: folder)
      let sampled = try chapter.succeed(
        ["sample", "--weights", "x", "--steps", "2", "--count", "1", "--output", "s.png"],
        in: folder)
      #expect(sampled.output.contains("synthetic"))
    }
  }

  @Test func anInterruptedTrainingSavesItselfFirst() throws {
    try withTemporaryFolder { folder in
      let process = try chapter.start(
        ["train-autoencoder", "--out", "a", "--minutes", "5", "--log-every", "1"] + Self.data
          + Self.small, in: folder)
      let metrics = "\(folder)/a/metrics.csv"
      for _ in 0..<600 where ((try? table(metrics).count) ?? 0) < 4 { usleep(50_000) }
      process.terminate()
      let outcome = try chapter.finish(process, in: folder)
      #expect(outcome.status == 130)
      #expect(outcome.output.contains("--resume a"))
      let steps = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/a/checkpoints")
      #expect(steps.count == 1)
      let rows = try table(metrics)
      _ = try chapter.succeed(
        ["train-autoencoder", "--resume", "a", "--epochs", "0.25"], in: folder)
      #expect(try table(metrics).prefix(rows.count).elementsEqual(rows))
    }
  }

  @Test func exportedWeightsAreHalfAsLongAndSaySoInTheirManifest() throws {
    try withTemporaryFolder { folder in
      try trainBoth(in: folder)
      _ = try chapter.succeed(["export", "--weights", "d", "--output", "x"], in: folder)
      for file in ["autoencoder", "denoiser"] {
        let sizes = try ["d", "x"].map { place in
          try Data(contentsOf: URL(filePath: "\(folder)/\(place)/\(file).safetensors")).count
        }
        #expect(Double(sizes[1]) < 0.8 * Double(sizes[0]))
      }
      let manifest = try String(contentsOfFile: "\(folder)/x/manifest.json", encoding: .utf8)
      for word in [
        "\"F16\"", "imagesSeen", "train-autoencoder --out a", "train-denoiser", "synthetic",
      ] {
        #expect(manifest.contains(word))
      }
      _ = try chapter.succeed(
        ["sample", "--weights", "x", "--steps", "1", "--count", "1", "--output", "s.png"],
        in: folder)
      _ = try chapter.succeed(
        [
          "reconstruct", "--weights", "x", "--data", "synthetic", "--limit", "8", "--count", "4",
          "--output", "r.png",
        ], in: folder)
    }
  }
}
