import Foundation
import TestSupport
import Testing

/// Chapter 7's commands that train the classifier and evaluate models with it, with tiny networks.
@Suite(.serialized) struct EvaluationCommandTests {
  let chapter = Program(name: "chapter-07-latent-diffusion")
  static let data = TrainingCommandTests.data
  static let classifier = [
    "--stem", "4", "--channels", "8,8", "--blocks", "1,1", "--features", "8", "--groups", "4",
  ]

  private func trainClassifier(in folder: String) throws {
    _ = try chapter.succeed(
      ["train-classifier", "--out", "c", "--epochs", "2"] + Self.data + Self.classifier
        + TrainingCommandTests.often, in: folder)
  }

  private func trainAutoencoder(in folder: String, _ more: [String] = []) throws {
    _ = try chapter.succeed(
      ["train-autoencoder", "--out", "a", "--epochs", "1"] + Self.data + TrainingCommandTests.small
        + more, in: folder)
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private func header(_ path: String) throws -> [String] {
    try text(path).split(separator: "\n").first { !$0.hasPrefix("#") }?
      .split(separator: ",").map(String.init) ?? []
  }

  @Test func aClassifierTrainsResumesAndIsExportedBesideOtherWeights() throws {
    try withTemporaryFolder { folder in
      try trainClassifier(in: folder)
      #expect(try header("\(folder)/c/validation.csv").contains("accuracy"))
      let before = try Data(contentsOf: URL(filePath: "\(folder)/c/classifier.safetensors"))
      try FileManager.default.removeItem(
        atPath: "\(folder)/c/checkpoints/step-00000004.safetensors")
      _ = try chapter.succeed(["train-classifier", "--resume", "c"], in: folder)
      #expect(
        try Data(contentsOf: URL(filePath: "\(folder)/c/classifier.safetensors")) == before)
      let refused = try chapter.run(
        ["train-classifier", "--resume", "c", "--epochs", "1", "--label-smoothing", "0.3"],
        in: folder)
      #expect(refused.status == 1 && refused.errors.contains("--label-smoothing"))
      try trainAutoencoder(in: folder)
      _ = try chapter.succeed(["export", "--weights", "a", "--output", "x"], in: folder)
      _ = try chapter.succeed(["export", "--weights", "c", "--output", "x"], in: folder)
      let manifest = try text("\(folder)/x/manifest.json")
      #expect(manifest.contains("train-classifier") && manifest.contains("train-autoencoder"))
    }
  }

  @Test func aRunCanBeResumedWithAFeatureLossAndItsManifestSaysSo() throws {
    try withTemporaryFolder { folder in
      try trainClassifier(in: folder)
      try trainAutoencoder(in: folder)
      #expect(try !header("\(folder)/a/metrics.csv").contains("features"))
      _ = try chapter.succeed(
        [
          "train-autoencoder", "--resume", "a", "--epochs", "1", "--feature-weight", "20",
          "--classifier", "c", "--log-every", "1",
        ], in: folder)
      #expect(try header("\(folder)/a/metrics.csv").contains("features"))
      let manifest = try text("\(folder)/a/manifest.json")
      #expect(manifest.contains("\"weight\" : 20") && manifest.contains("\"afterStep\" : 2"))
      // The run keeps its own copy of the classifier, and its weight.
      try FileManager.default.removeItem(atPath: "\(folder)/c")
      _ = try chapter.succeed(["train-autoencoder", "--resume", "a", "--epochs", "1"], in: folder)
      #expect(try text("\(folder)/a/validation.csv").split(separator: "\n").last?.last != ",")
    }
  }

  @Test func evaluationPrintsItsTableAndKeepsARecordWithItsCommand() throws {
    try withTemporaryFolder { folder in
      try trainClassifier(in: folder)
      try trainAutoencoder(in: folder)
      _ = try chapter.succeed(
        ["train-denoiser", "--autoencoder", "a", "--out", "d", "--epochs", "1"] + Self.data
          + TrainingCommandTests.unet, in: folder)
      let common = [
        "evaluate", "--data", "synthetic", "--limit", "40", "--classifier", "c", "--weights", "d",
        "--count", "40", "--steps", "2", "--cache", "real.safetensors", "--record", "r.csv",
      ]
      let samples = try chapter.succeed(common + ["--nearest", "real-n.png"], in: folder)
      for word in ["classified correctly", "Fréchet", "kernel", "precision", "recall", "diversity"]
      {
        #expect(samples.output.contains(word))
      }
      #expect(try text("\(folder)/r.csv").hasPrefix("# swift run chapter-07-latent-diffusion"))
      #expect(FileManager.default.fileExists(atPath: "\(folder)/real-n.png"))
      // The second time, the features of real images are read from the file.
      _ = try chapter.succeed(common + ["--sweep", "guidance", "--scales", "0,2"], in: folder)
      let rows = try text("\(folder)/r.csv").split(separator: "\n").filter { !$0.hasPrefix("#") }
      #expect(rows.count == 4)
      _ = try chapter.succeed(
        common + ["--sweep", "interval", "--scales", "2,4", "--intervals", "1-1000,1-600"],
        in: folder)
      let limited = try text("\(folder)/r.csv").split(separator: "\n")
        .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      #expect(limited[1].prefix(4) == ["sampler", "guidance", "guided_from", "guided_to"])
      #expect(limited.suffix(4).map { $0[1] } == ["2", "2", "4", "4"])
      #expect(limited.suffix(4).map { $0[3] } == ["1000", "600", "1000", "600"])
      _ = try chapter.succeed(common + ["--sweep", "steps", "--step-counts", "1,2"], in: folder)
      _ = try chapter.succeed(
        ["train-pixels", "--out", "p", "--epochs", "0.5", "--channels", "8", "--sample-steps", "0"]
          + Self.data, in: folder)
      _ = try chapter.succeed(common + ["--sweep", "weights", "--models", "d,p"], in: folder)
      let models = try text("\(folder)/r.csv").split(separator: "\n")
        .map { $0.split(separator: ",") }
      #expect(models.suffix(2).map { $0[0] } == ["d", "p"])
      #expect(models.suffix(2).map { $0[2] } == ["32", "8"])
      let kept = try chapter.succeed(common + ["--reconstructions"], in: folder)
      #expect(kept.output.contains("psnr_sampled"))
      let losses = try chapter.succeed(
        [
          "test-losses", "--weights", "d", "--data", "synthetic", "--limit", "16", "--times", "3",
          "--record", "l.csv",
        ], in: folder)
      #expect(losses.output.contains("mean over t"))
      #expect(try header("\(folder)/l.csv") == ["t", "averaged", "last", "covariance", "normal"])
    }
  }

  @Test func shortTrainingsAtSeveralWeightsOfTheDivergenceAreRecorded() throws {
    try withTemporaryFolder { folder in
      _ = try chapter.succeed(
        [
          "rate-distortion", "--data", "synthetic", "--limit", "64", "--betas", "0.01,1000",
          "--epochs", "4", "--batch-size", "8", "--channels", "8,8,8", "--groups", "4",
          "--measure", "32", "--record", "b.csv",
        ], in: folder)
      let rows = try text("\(folder)/b.csv").split(separator: "\n").filter { !$0.hasPrefix("#") }
      #expect(rows.count == 3)
      let kl = rows.dropFirst().compactMap { Double($0.split(separator: ",")[2]) }
      #expect(kl[0] > kl[1])
    }
  }

  @Test(arguments: [
    (["evaluate", "--count", "3"], "--count"),
    (["evaluate", "--linear"], "--reconstructions"),
    (["evaluate", "--sweep", "steps", "--reconstructions"], "exclude"),
    (["evaluate", "--scales", "1,x"], "--scales"),
    (["evaluate", "--models", "a,b"], "--sweep weights"),
    (["evaluate", "--guided-steps", "600-1"], "--guided-steps"),
    (["evaluate", "--sweep", "interval", "--intervals", "1-600,x"], "--intervals"),
    (["train-pixels", "--channels", "12"], "groups"),
    (["train-denoiser", "--prediction", "score"], "--prediction"),
    (["train-denoiser", "--start-from", "a", "--resume", "b"], "--start-from"),
    (["train-classifier", "--channels", "8,8", "--blocks", "1"], "--blocks"),
    (["train-classifier", "--label-smoothing", "1"], "--label-smoothing"),
    (["train-autoencoder", "--feature-weight", "-1"], "--feature-weight"),
    (["rate-distortion", "--betas", "0.1,-1"], "--betas"),
  ])
  func badOptionsAreRefusedInOneLineThatNamesThem(arguments: [String], word: String) throws {
    try withTemporaryFolder { folder in
      let outcome = try chapter.run(arguments, in: folder)
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains(word), "\(outcome.errors)")
    }
  }
}
