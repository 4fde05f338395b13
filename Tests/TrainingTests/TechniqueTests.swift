import Foundation
import TestSupport
import Testing

/// Techniques of training and sampling as options, and the command that compares them, with tiny
/// networks.
@Suite(.serialized) struct TechniqueTests {
  private let chapter = Program(name: "chapter-07-latent-diffusion")
  private static let unet = ["--batch-size", "8"] + TrainingCommandTests.unet

  private func trainAutoencoder(in folder: String) throws {
    _ = try chapter.succeed(
      ["train-autoencoder", "--out", "a", "--epochs", "1"] + TrainingCommandTests.data
        + TrainingCommandTests.small, in: folder)
  }

  private func trainDenoiser(
    _ run: String, _ options: [String] = [], in folder: String
  ) throws {
    _ = try chapter.succeed(
      ["train-denoiser", "--autoencoder", "a", "--out", run, "--epochs", "1"]
        + TrainingCommandTests.data + TrainingCommandTests.unet + options, in: folder)
  }

  private func rows(_ path: String) throws -> [[String]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
  }

  // MARK: Options

  @Test func stepsAndWeightsOfTheLossBelongToTheRun() throws {
    try withTemporaryFolder { folder in
      try trainAutoencoder(in: folder)
      try trainDenoiser(
        "d", ["--timesteps", "log-normal:-0.4,1", "--weighting", "min-snr"], in: folder)
      let file = try Data(contentsOf: URL(filePath: "\(folder)/d/denoiser.safetensors"))
      for text in ["log-normal:-0.4,1.0", "min-snr:5.0"] {
        #expect(file.range(of: Data(text.utf8)) != nil)
      }
      let resume = ["train-denoiser", "--resume", "d", "--epochs", "0.5"]
      for (option, value, recorded) in [
        ("--timesteps", "uniform", "log-normal:-0.4,1.0"), ("--weighting", "none", "min-snr:5.0"),
        ("--final-learning-rate-ratio", "1", "0.01"),
      ] {
        let refused = try chapter.run(resume + [option, value], in: folder)
        #expect(refused.status == 1 && refused.errors.contains("\(option) \(recorded), not"))
      }
      _ = try chapter.succeed(resume + ["--timesteps", "log-normal:-0.4,1"], in: folder)
    }
  }

  @Test func anotherModelGuidesInPlaceOfTheOneWithoutClasses() throws {
    try withTemporaryFolder { folder in
      try trainAutoencoder(in: folder)
      try trainDenoiser("d", TrainingCommandTests.often, in: folder)
      func sample(_ options: [String]) throws -> Data {
        let common = ["sample", "--weights", "d", "--steps", "2", "--class", "3", "--count", "2"]
        _ = try chapter.succeed(common + options + ["--output", "s.png"], in: folder)
        return try Data(contentsOf: URL(filePath: "\(folder)/s.png"))
      }
      let (weak, strong) = (["--guidance-scale", "1"], ["--guidance-scale", "10000"])
      let early = ["--guide", "d/checkpoints/step-00000003.safetensors"]
      let unguided = try sample(weak)
      #expect(try sample(weak + early) == unguided)
      let guided = try sample(strong + early)
      #expect(guided != unguided)
      #expect(try sample(strong) != guided)
      #expect(try sample(strong + early + ["--guided-steps", "2-500"]) == unguided)
      // The last checkpoint has the weights that the run wrote.
      let last = try sample(strong + ["--guide", "d/checkpoints/step-00000004.safetensors"])
      #expect(try sample(strong + ["--guide", "d"]) == last)
      #expect(try sample(strong + ["--guide", "d/denoiser.safetensors"]) == last)
    }
  }

  @Test func guidesOfOtherDataOrSchedulesAreRefusedInOneLine() throws {
    try withTemporaryFolder { folder in
      try trainAutoencoder(in: folder)
      try trainDenoiser("d", in: folder)
      try trainDenoiser("e", ["--diffusion-steps", "500"], in: folder)
      for (guide, words) in [
        ("e", "e: has a T of 500, the model that it guides 1000"),
        ("a", "a/denoiser.safetensors"), ("nowhere", "nowhere"),
        ("a/checkpoints/step-00000002.safetensors", "another network"),
      ] {
        let outcome = try chapter.run(
          ["sample", "--weights", "d", "--steps", "1", "--guide", guide], in: folder)
        #expect(outcome.status == 1, "\(guide)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
      }
    }
  }

  @Test(arguments: [
    (["train-denoiser", "--timesteps", "log-normal:1"], "--timesteps"),
    (["train-denoiser", "--weighting", "min-snr:0"], "--weighting"),
    (["train-denoiser", "--final-learning-rate-ratio", "2"], "--final-learning-rate-ratio"),
    (["techniques", "--techniques", "magic"], "velocity"),
    (["techniques", "--samples", "3"], "--samples"),
    (["techniques", "--", "--minutes", "3"], "after --"),
    (["techniques", "--", "--beta", "3"], "--beta"),
  ])
  func badOptionsAreRefusedInOneLineThatNamesThem(arguments: [String], word: String) throws {
    try withTemporaryFolder { folder in
      let outcome = try chapter.run(arguments, in: folder)
      #expect(outcome.status != 0)
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(word), "\(outcome.errors)")
    }
  }

  // MARK: The comparison

  private func techniques(_ names: String, updates: Int) -> [String] {
    [
      "techniques", "--data", "synthetic", "--limit", "40", "--classifier", "c", "--cache",
      "real.safetensors", "--seeds", "0,1", "--techniques", names, "--samples", "20", "--steps",
      "2", "--scales", "1,3", "--updates", "\(updates)", "--out", "t", "--", "--autoencoder", "a",
      "--log-every", "1",
    ] + Self.unet
  }

  private func trainClassifier(in folder: String) throws {
    _ = try chapter.succeed(
      ["train-classifier", "--out", "c", "--epochs", "1"] + TrainingCommandTests.data
        + EvaluationCommandTests.classifier, in: folder)
  }

  @Test func everyTechniqueIsTrainedAndMeasuredOnce() throws {
    try withTemporaryFolder { folder in
      try trainAutoencoder(in: folder)
      try trainClassifier(in: folder)
      let command = techniques("baseline,min-snr,autoguidance", updates: 3)
      let first = try chapter.succeed(command, in: folder)
      let path = "\(folder)/t/techniques.csv"
      var table = try rows(path)
      #expect(table.count == 1 + 1 + 3 * 2 * 2)
      #expect(table[0].prefix(4) == ["technique", "seed", "minutes", "updates"])
      #expect(table[1][0] == "test")
      #expect(table.dropFirst(2).allSatisfy { $0[3] == "3" && $0[4] == "24" })
      // Autoguidance has no training of its own.
      #expect(first.output.components(separatedBy: "training baseline, seed 0").count == 2)
      #expect(!first.output.contains("training autoguidance"))
      let runs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/t")
      #expect(runs.filter { $0.hasSuffix("-1") }.sorted() == ["baseline-1", "min-snr-1"])
      let written = try String(contentsOfFile: path, encoding: .utf8)
      let again = try chapter.succeed(command, in: folder)
      #expect(!again.output.contains("training "))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == written)
      // A row that is missing is measured again, with the same numbers, from the run that is there.
      let lines = written.split(separator: "\n", omittingEmptySubsequences: false)
      try lines.filter { !$0.hasPrefix("min-snr,1") }.joined(separator: "\n")
        .write(toFile: path, atomically: true, encoding: .utf8)
      let repeated = try chapter.succeed(command, in: folder)
      #expect(!repeated.output.contains("training "))
      let frechet = try #require(table[0].firstIndex(of: "frechet"))
      let measured = try rows(path)
      #expect(measured.suffix(2).map { $0[0] } == ["min-snr", "min-snr"])
      #expect(
        measured.suffix(2).map { $0[frechet] }
          == table.filter { $0[0] == "min-snr" && $0[1] == "1" }.map { $0[frechet] })
      // Other conditions need another record.
      let refused = try chapter.run(command + ["--head-width", "4"], in: folder)
      #expect(refused.status == 1 && refused.errors.contains("--record"))
      table = measured
      try expectMeans(of: table, command, in: folder)
    }
  }

  /// Means, standard errors and differences of numbers that are put into the record.
  private func expectMeans(
    of table: [[String]], _ command: [String], in folder: String
  ) throws {
    let path = "\(folder)/t/techniques.csv"
    let frechet = try #require(table[0].firstIndex(of: "frechet"))
    let guidance = try #require(table[0].firstIndex(of: "guidance"))
    let numbers = ["baseline": ["0": "10", "1": "12"], "min-snr": ["0": "8", "1": "9"]]
    let edited = table.map { row -> [String] in
      var row = row
      if row[guidance] == "1", let number = numbers[row[0]]?[row[1]] { row[frechet] = number }
      return row
    }
    let notes = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("#") }.map(String.init)
    try (notes + edited.map { $0.joined(separator: ",") }).joined(separator: "\n")
      .write(toFile: path, atomically: true, encoding: .utf8)
    let summary = try chapter.succeed(command, in: folder).output.split(separator: "\n")
    let line = try #require(summary.first { $0.hasPrefix("min-snr  ") })
    for text in [" 8.50 ± 0.50 ", " -2.50 ± 0.50 "] { #expect(line.contains(text), "\(line)") }
  }

  @Test func anInterruptedComparisonGoesOnWhereItStopped() throws {
    try withTemporaryFolder { folder in
      try trainAutoencoder(in: folder)
      try trainClassifier(in: folder)
      let metrics = "\(folder)/t/baseline-0/metrics.csv"
      var before: [[String]] = []
      for _ in 0..<2 {
        let process = try chapter.start(techniques("baseline", updates: 1_000_000), in: folder)
        for _ in 0..<1200 where ((try? rows(metrics).count) ?? 0) < before.count + 3 {
          usleep(50_000)
        }
        process.terminate()
        let outcome = try chapter.finish(process, in: folder)
        #expect(outcome.status == 130, "\(outcome.errors)")
        let after = try rows(metrics)
        #expect(after.count > before.count)
        #expect(after.prefix(before.count).elementsEqual(before))
        #expect(after.dropFirst().map { $0[0] } == (1..<after.count).map(String.init))
        before = after
      }
    }
  }
}
