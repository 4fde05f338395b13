import Foundation
import Testing
import Weaving

/// The sample chapter as a program of its own.
@Suite struct SampleChapterTests {
  struct Run {
    var status: Int32
    var output: String
    var errors: String
    var outputLines: [Substring] { output.split(separator: "\n") }
  }

  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("sample-\(UUID().uuidString)")

  private func run(_ arguments: [String], output: FileHandle? = nil) throws -> Run {
    let process = Process()
    let program = try #require(Bundle.main.executableURL).deletingLastPathComponent()
      .appendingPathComponent("sample-chapter")
    process.executableURL = program
    process.arguments = arguments
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let files = ["out", "err"].map { folder.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try output ?? FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
    return Run(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  private func chapter(_ arguments: [String] = []) throws -> Run {
    try run(["--figures", folder.appendingPathComponent("figures").path] + arguments)
  }

  private func cleanUp() { try? FileManager.default.removeItem(at: folder) }

  @Test func aChapterPassesAndSaysSoLast() throws {
    defer { cleanUp() }
    let run = try chapter()
    #expect(run.status == 0)
    #expect(run.outputLines.first == "Chapter 9. A coin")
    #expect(run.outputLines.last == "9 passed, 0 failed")
    #expect(run.errors == "")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/figures/share.svg"))
  }

  @Test(arguments: ["--fail", "--nan"])
  func aFailedCheckEndsWithStatusOne(option: String) throws {
    defer { cleanUp() }
    let run = try chapter([option])
    #expect(run.status == 1)
    #expect(run.outputLines.last == "8 passed, 1 failed")
  }

  @Test func aChapterThatForgetsToFinishFails() throws {
    defer { cleanUp() }
    let run = try chapter(["--forget"])
    #expect(run.status == 1)
    #expect(run.errors == "error: 09-sample ended without notebook.finish()\n")
  }

  static let mistakes: [([String], String)] = [
    (
      ["--sed", "1"],
      "error: Unknown option '--sed'. Did you mean '--seed'? See sample-chapter --help\n"
    ),
    (["--seed", "-1"], "error: "),
    (
      ["--seed", "x"],
      "error: The value 'x' is invalid for '--seed <seed>'. See sample-chapter --help\n"
    ),
    (["--figures"], "error: Missing value for '--figures <dir>'. See sample-chapter --help\n"),
    (["nonsense"], "error: Unexpected argument 'nonsense'. See sample-chapter --help\n"),
    (
      ["toss", "--side", "edge"],
      "error: A coin has no side 'edge'; choose --side heads or tails. See sample-chapter toss --help\n"
    ),
    (
      ["--seed", "7", "toss"],
      "error: options of 'toss' stand after its name, as in sample-chapter toss --help\n"
    ),
    (["--figures", "/dev/null/x"], "error: cannot write figures to /dev/null/x: "),
  ]

  @Test(arguments: mistakes)
  func mistakesAreOneLineAndAStatus(arguments: [String], message: String) throws {
    defer { cleanUp() }
    let run = try run(arguments)
    #expect(run.status != 0)
    #expect(run.output == "")
    #expect(run.errors.hasPrefix(message), "\(run.errors)")
    #expect(run.errors.count { $0 == "\n" } == 1)
  }

  @Test func aFullDiskBehindTheOutputIsAnError() throws {
    defer { cleanUp() }
    let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    let run = try run(
      ["--figures", folder.appendingPathComponent("figures").path], output: full)
    #expect(run.status == 1)
    #expect(run.errors == "error: cannot write to standard output: No space left on device\n")
  }

  @Test func helpNamesEveryOption() throws {
    defer { cleanUp() }
    let run = try run(["--help"])
    #expect(run.status == 0)
    for word in [
      "Throws a coin.", "--seed", "--quick", "--figures", "--json", "--record", "--throw-count",
      "toss",
    ] { #expect(run.output.contains(word)) }
  }

  @Test func subcommandsRunInThePlaceOfTheChapter() throws {
    defer { cleanUp() }
    let run = try run(["toss", "--side", "tails"])
    #expect(run.status == 0)
    #expect(run.output == "tails\n")
  }

  @Test func aSubcommandThatIsMisplacedDoesNotRun() throws {
    defer { cleanUp() }
    for arguments in [["--quick", "toss"], ["--throw-count", "5", "toss", "--side", "tails"]] {
      let run = try run(arguments)
      #expect(run.status == 1)
      #expect(run.output == "")
    }
    #expect(try run(["help", "toss"]).output.contains("--side"))
    #expect(try run(["toss", "--seed", "7"]).output == "heads\n")
  }

  @Test func progressIsPlainLinesWhereThereIsNoTerminal() throws {
    defer { cleanUp() }
    let run = try chapter(["--slowly", "--throw-count", "2500", "--json"])
    #expect(run.status == 0)
    #expect(run.errors.contains("throwing  "))
    #expect(run.errors.contains(" of 2500, "))
    #expect(!run.errors.contains("\r"))
    #expect(run.outputLines.allSatisfy { $0.hasPrefix("{") })
  }

  @Test func theRunWeavesIntoTheCommittedPage() throws {
    defer { cleanUp() }
    let record = folder.appendingPathComponent("t.json")
    #expect(try chapter(["--record", record.path]).status == 0)
    let home = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("SampleChapter/09-sample")
    func text(_ name: String) throws -> String {
      try String(contentsOf: home.appendingPathComponent(name), encoding: .utf8)
    }
    let source = try ChapterSource(text("main.swift"), file: "main.swift")
    let coin = try text("Coin.swift")
    let json = try String(contentsOf: record, encoding: .utf8)
    let transcript = try Transcript(json: json, file: "t.json")
      .sealed(with: source, others: [coin])
    let surroundings = PageSurroundings(
      number: 9, command: "sample-chapter", figures: "figures", root: "../../.."
    ) { $0 == "Tests/SampleChapter/09-sample/Coin.swift" ? coin : nil }
    let page = try weave(source, transcript, surroundings)
    let woven = FileManager.default.temporaryDirectory.appendingPathComponent("sample-page.md")
    try Data(page.utf8).write(to: woven)
    let committed = try? text("README.md")
    #expect(page == committed, "if the new page is right, copy it from \(woven.path)")
  }
}
