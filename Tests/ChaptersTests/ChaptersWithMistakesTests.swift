import Foundation
import TestSupport
import Testing

/// Chapters with a mistake put in on purpose, run as a reader would.
@Suite struct ChaptersWithMistakesTests {
  let chapter = Program(name: "chapter-00-forward-process")

  /// Runs the chapter with few samples and its figures in a folder of their own.
  private func run(_ arguments: [String]) throws -> Program.Outcome {
    try withTemporaryFolder { folder in
      try chapter.run(arguments + ["--quick", "--figures", folder + "/figures"], in: folder)
    }
  }

  @Test(arguments: ["cosine-shifted", "cosine-unsquared", "cosine-uncapped"])
  func aMistakeMakesChecksFailAndSaysWhich(mistake: String) throws {
    let outcome = try run(["--bug", mistake])
    #expect(outcome.status == 1)
    let end = try #require(outcome.output.range(of: "What \(mistake) breaks: claims 0.31"))
    #expect(outcome.output[end.upperBound...].contains("✗ 0.31"))
    #expect(outcome.output.hasSuffix(" failed\n"))
    #expect(!outcome.output.hasSuffix(" 0 failed\n"))
    #expect(outcome.errors == "")
  }

  @Test func theListNamesTheMistakesAndTheirChapters() throws {
    let outcome = try run(["--bug", "list"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("cosine-uncapped "))
    #expect(outcome.output.contains("(chapter 0)"))
  }

  @Test(arguments: [
    (["--bug", "nonsense"], "'nonsense'"),
    (["--bug", "guidance-sign"], "run one of the chapters "),
    (["--bug", "cosine-shifted", "--record", "t.json"], "--record"),
  ])
  func whatCannotBeShownIsOneLine(arguments: [String], words: String) throws {
    let outcome = try run(arguments)
    #expect(outcome.status != 0)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(words))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }
}
