import Figures
import Foundation
import Probability
import Synchronization
import Testing
import Weaving

@testable import Notebook

/// Collects what a chapter prints.
final class Printed: Sendable {
  private let texts = Mutex<[String]>([])
  func add(_ text: String) { texts.withLock { $0.append(text) } }
  var text: String { texts.withLock { $0.joined() } }
  var lines: [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}

@Suite struct ChapterTests {
  let printed = Printed()
  let complaints = Printed()
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("chapter-\(UUID().uuidString)")

  private func chapter(
    _ arguments: [String] = [], source: String? = nil, color: Bool = false
  ) throws -> Chapter {
    let options = try NotebookOptions.parse(["--figures", folder.path] + arguments)
    var surroundings = Chapter.Surroundings()
    surroundings.write = printed.add
    surroundings.complain = complaints.add
    surroundings.usesColor = color
    surroundings.source = source
    let chapter = Chapter(name: "03-x", options: options, surroundings: surroundings)
    chapter.start()
    return chapter
  }

  @Test func theLastLineCountsTheVerdicts() throws {
    let chapter = try chapter()
    #expect(chapter.check(claim: "3.1", "a", 1, equals: 1, tolerance: 0))
    #expect(chapter.conclude() == 0)
    #expect(printed.lines.suffix(2) == ["1 passed, 0 failed", ""])
  }

  @Test func samplesAreComparedWithTheirDistributionFunction() throws {
    let chapter = try chapter()
    let even = (0..<1000).map { (Double($0) + 0.5) / 1000 }
    #expect(chapter.check(claim: "3.1", even, follow: { $0 }))
    // The largest difference is 1/4, at 1/2.
    #expect(!chapter.check(claim: "3.1", even.map { $0 * $0 }, follow: { $0 }))
  }

  @Test func aFailedCheckMakesTheStatusOne() throws {
    let chapter = try chapter()
    #expect(!chapter.check(claim: "3.1", "a", 1, equals: 2, tolerance: 0))
    #expect(chapter.check(claim: "3.2", "b", 2, isAbove: 1))
    #expect(chapter.conclude() == 1)
    #expect(printed.text.hasSuffix("\n1 passed, 1 failed\n"))
  }

  @Test func aCheckBesideThePageIsNotCountedButItsFailureMakesTheStatusOne() throws {
    let holding = try chapter()
    holding.aside("1 is below 2", holds: true)
    #expect(holding.conclude() == 0)
    #expect(printed.text.contains("✓ 1 is below 2") && complaints.text.isEmpty)
    let failing = try chapter()
    failing.aside("2 is below 1", holds: false)
    #expect(failing.conclude() == 1)
    #expect(printed.text.hasSuffix("\n0 passed, 0 failed\n"))
    #expect(complaints.text.contains("2 is below 1"))
  }

  @Test func aCheckPrintsClaimNumbersDifferenceToleranceAndVerdict() throws {
    let chapter = try chapter()
    chapter.check(claim: "3.1", "the sum", 0.75, equals: 0.5, tolerance: 0.125)
    #expect(printed.text.contains("✗ 3.1   the sum\n"))
    #expect(printed.text.contains("0.75  must be 0.5  (difference 0.25, tolerance 0.12)"))
  }

  @Test func headingsOfTheProseStandAboveTheirOutputs() throws {
    let chapter = try chapter(
      source: "//: # The $\\bar\\alpha$ title\n//: ## One\na()\n//: ## Two\n//: ### Three\nb()\n")
    chapter.show("first", 1, line: 3)
    chapter.show("again", 1, line: 3)
    chapter.show("second", 2, line: 6)
    chapter.show("a loop back", 3, line: 3)
    let heads = printed.lines.filter { !$0.isEmpty && !$0.hasPrefix(" ") }
    #expect(heads == ["The ᾱ title", "One", "Three"])
  }

  @Test func jsonIsOneObjectALine() throws {
    let chapter = try chapter(
      ["--json", "--seed", "9", "--quick"], source: "//: # \"Quoted\" \\bar\n")
    chapter.check(claim: "3.1", "a", .nan, equals: 1, tolerance: 0)
    chapter.table(columns: ["a"], rows: [[1], ["x"], [Estimate(mean: 1, standardError: 2)]])
    chapter.show("v", "text")
    #expect(chapter.conclude() == 1)
    let objects = try printed.lines.dropLast().map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(
      objects.map { $0["event"] as? String } == ["chapter", "check", "table", "value", "summary"])
    #expect(objects[0]["title"] as? String == "\"Quoted\" \\bar")
    #expect(objects[0]["seed"] as? Int == 9)
    #expect(objects[0]["quick"] as? Bool == true)
    #expect(objects[1]["computed"] as? String == "nan")
    #expect(objects[1]["passed"] as? Bool == false)
    #expect(objects[4]["failed"] as? Int == 1)
  }

  @Test func colorsAreForTerminals() throws {
    let plain = try chapter()
    plain.check(claim: "3.1", "a", 1, equals: 1, tolerance: 0)
    #expect(!printed.text.contains("\u{1b}"))
    let colored = try chapter(color: true)
    colored.check(claim: "3.1", "a", 1, equals: 1, tolerance: 0)
    #expect(printed.text.contains("\u{1b}[32m✓"))
  }

  @Test func theTranscriptHasTheLinesOfTheCalls() throws {
    let file = folder.appendingPathComponent("t.json")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let chapter = try chapter(["--record", file.path])
    let line = Int(#line) + 1
    chapter.show("here", 1)
    chapter.check(
      claim: "3.1", "below", 1, isBelow: 2)
    #expect(chapter.conclude() == 0)
    let json = try String(contentsOf: file, encoding: .utf8)
    let transcript = try Transcript(json: json, file: "t.json")
    #expect(transcript.events.map(\.line) == [line, line + 1])
    #expect(transcript.passedCount == 1)
    #expect(transcript.digest == nil)
  }

  @Test func aTranscriptThatCannotBeWrittenMakesTheStatusOne() throws {
    let chapter = try chapter(["--record", "/dev/null/t.json"])
    #expect(chapter.conclude() == 1)
    #expect(complaints.text.hasPrefix("error: cannot write the transcript to /dev/null/t.json; "))
  }

  @Test func figuresAreWrittenWholeOrNotAtAll() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    struct Broken: Error, CustomStringConvertible { var description: String }
    let chapter = try chapter()
    chapter.figure("good", caption: "c") { try Data("<svg/>".utf8).write(to: $0) }
    chapter.figure("bad", caption: "c") { url in
      try Data("half".utf8).write(to: url)
      throw Broken(description: "\(url.path): the disk is full")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["good.svg"])
    #expect(complaints.text == "error: figure 'bad': \(folder.path)/bad.svg: the disk is full\n")
    #expect(chapter.conclude() == 1)
    #expect(chapter.state.withLock { $0.transcript.figures.map(\.name) } == ["good"])
  }

  @Test func drawingsAndPicturesAreFigures() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let chapter = try chapter()
    let picture = Picture(width: 6, height: 4)
    chapter.figure("pixels", picture, caption: "p")
    chapter.figure("plot", Plot(), formats: [.svg, .png], caption: "$x_t$")
    chapter.figure("film", Animation([picture, picture]), caption: "f")
    chapter.figure("raster", Plot(), formats: [.png], caption: "r")
    #expect(chapter.conclude() == 0)
    let figures = chapter.state.withLock { $0.transcript.figures }
    #expect(
      figures.map { $0.files.map(\.name) } == [
        ["pixels.png"], ["plot.svg", "plot.png"], ["film.gif"], ["raster.png"],
      ])
    #expect(figures.map { $0.width == nil } == [true, true, true, false])
    #expect(figures[1].alternative == "x_t")
    for name in figures.flatMap(\.files).map(\.name) {
      #expect(try Data(contentsOf: folder.appendingPathComponent(name)).count > 50)
    }
  }

  @Test func aFigureReplacesTheOneBefore() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let chapter = try chapter()
    for text in ["a", "b"] {
      chapter.figure("f", type: "txt", caption: "c") { try Data(text.utf8).write(to: $0) }
    }
    let digests = chapter.state.withLock { $0.transcript.figures.map { $0.files[0].digest } }
    #expect(digests.count == 2 && digests[0] != digests[1])
    #expect(try String(contentsOf: folder.appendingPathComponent("f.txt"), encoding: .utf8) == "b")
  }

  @Test func aFolderThatCannotBeMadeIsAnObstacle() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let options = try NotebookOptions.parse(["--figures", file.path + "/sub"])
    let chapter = Chapter(name: "03-x", options: options, surroundings: .init())
    let obstacle = try #require(chapter.obstacle).description
    #expect(obstacle.hasPrefix("cannot write figures to \(file.path)/sub: "))
    #expect(obstacle.hasSuffix("choose another folder with --figures"))
    #expect(!obstacle.contains("\n"))
  }

  @Test func aRunLeavesTheFiguresOfThePagesAlone() throws {
    func folder(_ arguments: [String]) throws -> String {
      var surroundings = Chapter.Surroundings()
      surroundings.package = "/p"
      return Chapter(
        name: "03-x", options: try NotebookOptions.parse(arguments), surroundings: surroundings
      ).figuresFolder.path
    }
    #expect(try folder([]) == "/p/scratch/figures/03-x")
    #expect(try folder(["--record", "t.json"]) == "/p/scratch/figures/03-x")
    #expect(try folder(["--quick", "--figures", "/f"]) == "/f")
  }

  @Test func theEndSaysWhereTheFiguresAre() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let chapter = try chapter()
    for name in ["first", "second"] {
      chapter.figure(name, caption: "c") { try Data("<svg/>".utf8).write(to: $0) }
    }
    #expect(chapter.conclude() == 0)
    let end = "\nFigures in \(folder.path):\n  first.svg, second.svg\n\n0 passed, 0 failed\n"
    #expect(printed.text.hasSuffix(end))
  }

  @Test func linesAreBrokenAtSpaces() {
    #expect("a bb ccc dddd".wrapped(to: 6) == ["a bb", "ccc", "dddd"])
    #expect("".wrapped(to: 6) == [])
  }

  @Test func aCheckBelongsToTheClaimAboveIt() throws {
    let source = "//: **Claim 3.1.** a\na()\n//: **Claim 3.2.** b\n//: **Erratum E-1.** c\nb()\n"
    let chapter = try chapter(source: source)
    chapter.check("first", 1, equals: 1, tolerance: 0, line: 2)
    chapter.check("second", 1, isAbove: 0, line: 5)
    chapter.check(claim: "3.1", "third", 1, isExactly: 1, line: 5)
    let checks = chapter.state.withLock { $0.transcript.checks }
    #expect(checks.map(\.claim) == ["3.1", "3.2", "3.1"])
    #expect(checks.map(\.isClaimInferred) == [true, true, nil])
  }

  @Test func withoutItsSourceAChapterChecksWithoutNumbersOfClaims() throws {
    let chapter = try chapter()
    chapter.check("first", 1, equals: 1, tolerance: 0)
    #expect(printed.text.contains("✓ –     first\n"))
    #expect(chapter.conclude() == 0)
  }

  @Test func quickRunsCountLess() throws {
    #expect(try chapter(["--quick"]).count(100, quick: 10) == 10)
    #expect(try chapter().count(100, quick: 10) == 100)
  }

  @Test func tablesAreAligned() throws {
    let chapter = try chapter()
    chapter.table(
      columns: ["name", Column("x", decimals: 2)], rows: [["a", 1], ["long name", 10.5]])
    #expect(
      printed.lines.suffix(4) == [
        "  name            x", "  a            1.00", "  long name   10.50", "",
      ])
  }

  @Test func experimentsHaveStreamsOfTheirOwn() throws {
    let chapter = try chapter(["--seed", "9"])
    var generator = RandomGenerator(seed: 9).split(3)
    let expected = (0..<4).map { _ in generator.uniform() }
    #expect(chapter.samples(4, stream: 3) { $0.uniform() } == expected)
    #expect(chapter.samples(4, stream: 2) { $0.uniform() } != expected)
    var streams = chapter.streams(2, stream: 3)
    var same = RandomStreams(of: RandomGenerator(seed: 9).split(3), count: 2)
    #expect(streams.normalPoints().values == same.normalPoints().values)
  }

  @Test func recordsMakeATable() throws {
    let chapter = try chapter()
    let sweep = [(scale: 1, distance: 0.5), (scale: 2, distance: 0.25)]
    chapter.table(
      of: sweep, columns: ["s": { $0.scale }, Column("distance", decimals: 3): { $0.distance }])
    #expect(
      printed.lines.suffix(4) == ["  s   distance", "  1      0.500", "  2      0.250", ""])
    chapter.table(columns: ["a", "b", "c"], rows: [row("x", [1, 2])])
    #expect(printed.lines.suffix(2) == ["  x   1   2", ""])
  }

  @Test func errorsAreOneLine() {
    func ending(_ message: String, success: Bool = false, usage: Bool = true) -> String {
      Launch.ending(isSuccess: success, isUsage: usage, message: message, command: "chapter-03-x")
    }
    #expect(
      ending("Unknown option '--x'") == "error: Unknown option '--x'. See chapter-03-x --help\n")
    #expect(ending("A.\n  B?") == "error: A. B? See chapter-03-x --help\n")
    #expect(ending("no file x", usage: false) == "error: no file x\n")
    #expect(ending("help\ntext", success: true) == "help\ntext\n")
    #expect(ending("") == "")
  }
}
