import Foundation
import Testing

@testable import Notebook

/// A chapter with a mistake put in on purpose.
@Suite struct AlterationTests {
  let printed = Printed()
  let package = FileManager.default.temporaryDirectory
    .appendingPathComponent("altered-\(UUID().uuidString)").path

  private func chapter(_ arguments: [String] = []) throws -> Chapter {
    var surroundings = Chapter.Surroundings()
    surroundings.write = printed.add
    surroundings.usesColor = false
    surroundings.package = package
    return Chapter(
      name: "03-x", options: try NotebookOptions.parse(arguments), surroundings: surroundings)
  }

  private func cleanUp() { try? FileManager.default.removeItem(atPath: package) }

  @Test func figuresGoToAFolderOfTheirOwn() throws {
    defer { cleanUp() }
    let chapter = try chapter()
    #expect(chapter.figuresFolder.path == package + "/scratch/figures/03-x")
    try chapter.alter(as: "wrong-sign", "the sign is wrong")
    #expect(chapter.figuresFolder.path == package + "/scratch/figures/03-x-wrong-sign")
    #expect(printed.text == "With a mistake on purpose, wrong-sign: the sign is wrong.\n")
  }

  @Test(arguments: ["/figures", "/figures/03-x", "/figures/../figures/03-x/", "/figures/new"])
  func figuresOfThePagesAreNotReplaced(folder: String) throws {
    defer { cleanUp() }
    let chapter = try chapter(["--figures", package + folder])
    let error = try #require(throws: (any Error).self) { try chapter.alter(as: "x", "y") }
    #expect("\(error)".contains("--figures"))
  }

  @Test func aFolderElsewhereIsTheReadersChoice() throws {
    defer { cleanUp() }
    let chapter = try chapter(["--figures", package + "/figures-of-mine"])
    try chapter.alter(as: "x", "y")
    #expect(chapter.figuresFolder.path == package + "/figures-of-mine")
  }

  @Test func noTranscriptIsWritten() throws {
    defer { cleanUp() }
    let chapter = try chapter(["--record", package + "/t.json"])
    let error = try #require(throws: (any Error).self) { try chapter.alter(as: "x", "y") }
    #expect("\(error)".contains("--record"))
  }

  @Test func theEndSaysOnceMoreWhatFailed() throws {
    defer { cleanUp() }
    let chapter = try chapter()
    try chapter.alter(as: "wrong-sign", "the sign is wrong")
    chapter.check(claim: "3.1", "first", 1, equals: 1, tolerance: 0)
    chapter.check(claim: "3.2", "second", 0.75, equals: 0.5, tolerance: 0.125)
    chapter.check(claim: "3.2", "third", 2, isBelow: 1)
    #expect(chapter.conclude() == 1)
    let end = try #require(printed.text.range(of: "What wrong-sign breaks: claims 3.2\n"))
    let rest = printed.text[end.upperBound...]
    #expect(!rest.contains("first"))
    #expect(rest.contains("second") && rest.contains("difference 0.25, tolerance 0.12"))
    #expect(rest.contains("third") && rest.hasSuffix("\n1 passed, 2 failed\n"))
  }

  @Test func aMistakeThatNoCheckNoticesIsSaid() throws {
    defer { cleanUp() }
    let chapter = try chapter()
    try chapter.alter(as: "harmless", "nothing")
    chapter.check(claim: "3.1", "first", 1, equals: 1, tolerance: 0)
    #expect(chapter.conclude() == 0)
    #expect(printed.text.contains("\nNo check notices harmless.\n"))
  }
}
