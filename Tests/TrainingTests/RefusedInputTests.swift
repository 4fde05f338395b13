import Foundation
import TestSupport
import Testing

/// Chapter 7's commands reject bad input with one line that names it and the remedy.
@Suite(.serialized) struct RefusedInputTests {
  let chapter = Program(name: "chapter-07-latent-diffusion")

  private func refuses(
    _ arguments: [String], _ words: String..., in folder: String
  ) throws {
    let before = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    let outcome = try chapter.run(arguments, in: folder)
    #expect(outcome.status != 0, "\(arguments)")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 1, "\(arguments): \(outcome.errors)")
    #expect(lines.first?.hasPrefix("error: ") == true, "\(arguments): \(outcome.errors)")
    for word in words {
      #expect(outcome.errors.contains(word), "\(arguments): \(outcome.errors)")
    }
    let after = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    #expect(Set(after).subtracting(before).isSubset(of: ["out.txt", "err.txt"]), "\(arguments)")
  }

  @Test func badDataIsRefused() throws {
    try withTemporaryFolder { folder in
      let train = ["train-autoencoder", "--out", "run", "--epochs", "1", "--data"]
      try refuses(train + ["nowhere"], "nowhere", "download", in: folder)
      try refuses(
        ["train-autoencoder", "--out", "run"], "data/cifar-10-batches-bin", "--data", in: folder)
      try FileManager.default.createDirectory(
        atPath: "\(folder)/cifar", withIntermediateDirectories: true)
      try refuses(train + ["cifar"], "data_batch_1.bin", "download", in: folder)
      let file = "\(folder)/cifar/data_batch_1.bin"
      try Data(count: 3073 * 10).write(to: URL(filePath: file))
      try refuses(train + ["cifar"], "data_batch_1.bin", "10 records", in: folder)
      try Data(count: 5000).write(to: URL(filePath: file))
      try refuses(train + ["cifar"], "data_batch_1.bin", "truncated", in: folder)
      try Data([10]).write(to: URL(filePath: file))
      truncate(file, 3073 * 10_000)
      try refuses(train + ["cifar"], "data_batch_1.bin", "label 10", in: folder)
    }
  }

  @Test func badOptionsAreRefused() throws {
    try withTemporaryFolder { folder in
      let train = ["train-autoencoder", "--data", "synthetic", "--limit", "8", "--out", "run"]
      try refuses(["fly"], "fly", in: folder)
      try refuses(["sample", "--color", "red"], "--color", "--help", in: folder)
      try refuses(["sample", "--sampler", "euler"], "euler", "ddim", in: folder)
      try refuses(["sample", "--eta", "2"], "--eta", "0 to 1", in: folder)
      try refuses(["sample", "--count", "0"], "--count", "1 or more", in: folder)
      try refuses(["sample", "--guidance-scale", "nan"], "--guidance-scale", in: folder)
      try refuses(train + ["--epochs", "1", "--minutes", "1"], "--epochs", "--minutes", in: folder)
      try refuses(train + ["--minutes=-1"], "--minutes", "above 0", in: folder)
      try refuses(train + ["--batch-size", "0"], "--batch-size", in: folder)
      try refuses(train + ["--batch-size", "many"], "many", "--batch-size", in: folder)
      try refuses(train + ["--learning-rate", "0"], "--learning-rate", in: folder)
      try refuses(train + ["--channels", "12,8,8"], "--channels", "groups", in: folder)
      try refuses(train + ["--channels", "8,8"], "--channels", "three", in: folder)
      try refuses(train + ["--beta", "-1"], "--beta", in: folder)
      try refuses(train + ["--resume", "run"], "--out", "--resume", in: folder)
      try refuses(
        ["train-denoiser", "--data", "synthetic", "--drop-probability", "3"], "--drop-probability",
        in: folder)
    }
  }

  @Test func placesThatCannotBeWrittenAreRefused() throws {
    try withTemporaryFolder { folder in
      let train = ["train-autoencoder", "--data", "synthetic", "--limit", "8", "--epochs", "1"]
      try refuses(train + ["--out", "/proc/run"], "/proc/run", "--out", in: folder)
      try refuses(["sample", "--output", "nowhere/s.png"], "nowhere", "--output", in: folder)
      try refuses(["sample", "--output", "s.doc"], "s.doc", ".png", in: folder)
      try refuses(["sample", "--output", folder], folder, "--output", in: folder)
    }
  }

  @Test func aServerThatDoesNotAnswerIsNamed() throws {
    try withTemporaryFolder { folder in
      try refuses(
        ["download", "--mirror", "http://127.0.0.1:1", "--output", "."], "127.0.0.1:1", "network",
        in: folder)
    }
  }

  @Test func weightsThatAreNoneAreRefused() throws {
    try withTemporaryFolder { folder in
      let sample = ["sample", "--steps", "1", "--weights"]
      try refuses(sample + ["nowhere"], "nowhere/autoencoder.safetensors", in: folder)
      try FileManager.default.createDirectory(
        atPath: "\(folder)/w", withIntermediateDirectories: true)
      let file = URL(filePath: "\(folder)/w/autoencoder.safetensors")
      try Data("these are no weights at all".utf8).write(to: file)
      try refuses(sample + ["w"], "autoencoder.safetensors", "not a safetensors", in: folder)
      let train = ["train-autoencoder", "--out", "a", "--epochs", "1"] + TrainingCommandTests.data
      #expect(try chapter.run(train + TrainingCommandTests.small, in: folder).status == 0)
      let good = try Data(contentsOf: URL(filePath: "\(folder)/a/autoencoder.safetensors"))
      try good.dropLast(100).write(to: file)
      try refuses(sample + ["w"], "autoencoder.safetensors", "cut short", in: folder)
      let shrunk = try #require(String(data: good, encoding: .isoLatin1))
        .replacingOccurrences(of: "latentChannels\\\":4", with: "latentChannels\\\":3")
      try shrunk.data(using: .isoLatin1)?.write(to: file)
      try refuses(sample + ["w"], "autoencoder.safetensors", "of shape", in: folder)
      try good.write(to: file)
      try refuses(sample + ["w"], "denoiser.safetensors", in: folder)
      try good.write(to: URL(filePath: "\(folder)/w/denoiser.safetensors"))
      try refuses(sample + ["w"], "denoiser.safetensors", "train-denoiser", in: folder)
      try refuses(
        ["train-denoiser", "--data", "synthetic", "--limit", "8", "--autoencoder", "w/none"],
        "w/none", in: folder)
    }
  }

  @Test func runsOfAnotherConfigurationAreRefused() throws {
    try withTemporaryFolder { folder in
      let small = TrainingCommandTests.data + TrainingCommandTests.small
      let train = ["train-autoencoder", "--epochs", "1"] + small
      #expect(try chapter.run(train + ["--out", "a"], in: folder).status == 0)
      try refuses(train + ["--out", "a"], "a:", "--resume a", in: folder)
      let resume = ["train-autoencoder", "--epochs", "1", "--resume", "a"]
      try refuses(resume + ["--batch-size", "9"], "--batch-size 8, not 9", "--out", in: folder)
      try refuses(resume + ["--beta", "1"], "--beta", in: folder)
      try refuses(resume + ["--seed", "5"], "--seed 0, not 5", in: folder)
      try refuses(resume + ["--channels", "8,8,16"], "--channels", in: folder)
      try refuses(
        ["train-denoiser", "--resume", "a", "--epochs", "1"], "train-autoencoder", in: folder)
      try refuses(["train-autoencoder", "--resume", "nothing"], "nothing", "--out", in: folder)
      let unet = ["train-denoiser", "--autoencoder", "a", "--epochs", "1", "--out", "d"]
      #expect(
        try chapter.run(
          unet + TrainingCommandTests.data + TrainingCommandTests.unet, in: folder
        ).status == 0)
      let sample = ["sample", "--weights", "d", "--steps"]
      try refuses(sample + ["0"], "--steps", "1 to 1000", in: folder)
      try refuses(sample + ["1001"], "--steps", "1 to 1000", in: folder)
      try refuses(sample + ["1", "--class", "dragon"], "dragon", "all", in: folder)
      try refuses(sample + ["1", "--class", "10"], "--class", in: folder)
    }
  }
}
