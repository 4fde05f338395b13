import Files
import Foundation
import TestSupport
import Testing
import Weaving

/// The `course` tool in a small course of its own, with a stand-in for the compiler.
@Suite struct CourseToolTests {
  struct Run {
    var status: Int32
    var output: String
    var errors: String
  }

  /// A course whose only chapter is a shell script, which the stand-in puts where SwiftPM would.
  final class Place {
    let root: URL

    init() throws {
      root = FileManager.default.temporaryDirectory
        .appendingPathComponent("tool-\(UUID().uuidString)").resolvingSymlinksInPath()
      try write("Package.swift", "")
      try write("Chapters/04-x/main.swift", "//: # Four\n//: **Claim 4.1.** one is one\ncheck()\n")
      try write(
        "bin/swift", executable: true,
        """
        #!/bin/sh
        [ -e "\(root.path)/broken" ] && { echo "main.swift:3: error: no"; exit 1; }
        mkdir -p "\(root.path)/.build/debug"
        cp "\(root.path)/program" "\(root.path)/.build/debug/$5"
        """)
      try program()
      let tool = try #require(Bundle.main.executableURL).deletingLastPathComponent()
        .appendingPathComponent("course")
      try copyProgram(tool.path, to: root.appendingPathComponent("bin/course").path)
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    func write(_ path: String, executable: Bool = false, _ text: String) throws {
      let url = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      if executable {
        try writeProgram(text, to: url.path)
      } else {
        try Data(text.utf8).write(to: url)
      }
    }

    /// Writes the program of the chapter: it draws a figure, records one check and one value.
    func program(passed: Bool = true, value: Double = 1, more: String = "") throws {
      var transcript = Transcript(chapter: "04-x", seed: 0, isQuick: false)
      var check = CheckRecord(claim: "4.1", statement: "one", test: .holds, passed: passed)
      check.numbers = [.init("one", 1)]
      var digest = Digest()
      digest.add("<svg/>")
      let figure = FigureRecord(
        name: "f", caption: "c", alternative: "a",
        files: [FigureFile(name: "f.svg", digest: digest.text)])
      transcript.events = [
        Event(line: 3, content: .check(check)),
        Event(line: 3, content: .value(ValueRecord(label: "v", number: value))),
        Event(line: 3, content: .figure(figure)),
      ]
      try write(
        "program", executable: true,
        """
        #!/bin/sh
        while [ $# -gt 0 ]; do
          case $1 in
            --record) record=$2; shift ;;
            --figures) figures=$2; shift ;;
          esac
          shift
        done
        echo '\(transcript.events[0].json)'
        \(more)
        if [ -n "$figures" ]; then mkdir -p "$figures"; printf '<svg/>' > "$figures/f.svg"; fi
        if [ -n "$record" ]; then cat > "$record" <<'END'
        \(transcript.json)
        END
        fi
        exit \(passed ? 0 : 1)
        """)
    }

    func text(_ path: String) -> String? {
      try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    func course(_ arguments: String..., program: String = "bin/course") throws -> Run {
      let process = Process()
      process.executableURL = root.appendingPathComponent(program)
      process.arguments = arguments
      process.environment = ["PATH": "\(root.path)/bin:/usr/bin:/bin"]
      process.currentDirectoryURL = URL(fileURLWithPath: "/")
      let files = ["out", "err"].map { root.appendingPathComponent($0) }
      for file in files { try Data().write(to: file) }
      process.standardOutput = try FileHandle(forWritingTo: files[0])
      process.standardError = try FileHandle(forWritingTo: files[1])
      try process.run()
      process.waitUntilExit()
      return Run(
        status: process.terminationStatus, output: text("out") ?? "", errors: text("err") ?? "")
    }
  }

  let place: Place

  init() throws { place = try Place() }

  @Test func runningEveryChapterMakesTheCourseFresh() throws {
    let before = try place.course("check")
    #expect(before.status == 1)
    #expect(
      before.errors == "Chapters/04-x/transcript.json: is missing; run: swift run course run 04\n")
    let run = try place.course()
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("✓ 04-x: 1 passed, 0 failed, 0 figures, "))
    #expect(run.errors == "")
    let after = try place.course("check")
    #expect(after.status == 0)
    #expect(after.output == "1 chapter: pages, transcripts and figures are those of the code\n")
    #expect(place.text("Chapters/04-x/README.md")?.contains("v  1") == true)
  }

  @Test func anEditIsNoticedAndWhatToRunIsSaid() throws {
    _ = try place.course()
    try place.write(
      "Chapters/04-x/main.swift", "//: # Four\n//: **Claim 4.1.** One is one.\ncheck()\n")
    let check = try place.course("check")
    #expect(check.status == 1)
    #expect(check.errors.contains("run: swift run course weave 04"))
    #expect(try place.course("weave", "4").output == "Chapters/04-x/README.md: woven\n")
    #expect(try place.course("weave").output == "Chapters/04-x/README.md: was fresh\n")
    #expect(try place.course("check").status == 0)
    try place.write(
      "Chapters/04-x/main.swift", "//: # Four\n//: **Claim 4.1.** One is one.\ncheck(2)\n")
    #expect(try place.course("check").errors.contains("run: swift run course run 04"))
    #expect(try place.course("weave").status == 1)
  }

  @Test func aFailedCheckLeavesThePageAsItWas() throws {
    _ = try place.course()
    let page = place.text("Chapters/04-x/README.md")
    try place.write("figures/04-x/f.svg", "as it was")
    try place.program(passed: false, value: 2)
    let run = try place.course()
    #expect(run.status == 1)
    #expect(run.output.contains("✗ 4.1 one: one = 1 must be true (does not hold)"))
    #expect(run.errors.contains("Chapters/04-x/main.swift: failed; the page stays as it was"))
    #expect(place.text("Chapters/04-x/README.md") == page)
    #expect(place.text("figures/04-x/f.svg") == "as it was")
  }

  @Test func aChapterThatDoesNotBuildShowsTheCompilersWords() throws {
    try place.write("broken", "")
    let run = try place.course("run", "04")
    #expect(run.status == 1)
    #expect(run.output.contains("main.swift:3: error: no"))
    #expect(run.errors.contains("Chapters/04-x/main.swift: does not build"))
  }

  @Test func aChapterThatDiesIsNamedWithItsStatus() throws {
    try place.program(more: "kill -SEGV $$")
    let run = try place.course()
    #expect(run.status == 1)
    #expect(run.errors.contains("Chapters/04-x/main.swift: ended with status 139"))
  }

  @Test func anEditDuringTheRunIsNoticed() throws {
    try place.program(more: "echo 'check(3)' >> \(place.root.path)/Chapters/04-x/main.swift")
    let run = try place.course("run", "04")
    #expect(run.status == 1)
    #expect(run.errors.contains("was edited while it was built or run; run it again"))
    #expect(place.text("Chapters/04-x/transcript.json") == nil)
  }

  @Test func figuresThatAreNoLongerDrawnAreRemoved() throws {
    try place.write("figures/04-x/old.svg", "")
    try place.write("figures/04-x/real-photographs.png", "")
    let run = try place.course("run", "4")
    #expect(run.output.contains("removing old.svg"))
    #expect(place.text("figures/04-x/old.svg") == nil)
    #expect(place.text("figures/04-x/real-photographs.png") == "")
    #expect(try place.course("check").status == 0)
  }

  @Test func runningAgainComparesNumbersAndVerdicts() throws {
    _ = try place.course()
    try place.program(value: 1 + 1e-7)
    #expect(try place.course("check", "--run").status == 0)
    try place.program(value: 1.5)
    let check = try place.course("check", "--run")
    #expect(check.status == 1)
    #expect(
      check.errors == "Chapters/04-x/transcript.json: 'v': 1.5, where there was 1\n")
    #expect(place.text("scratch/course/04-x/transcript.json") == nil)
  }

  @Test func aQuickRunKeepsNothing() throws {
    let run = try place.course("run", "--quick")
    #expect(run.status == 0)
    #expect(place.text("Chapters/04-x/transcript.json") == nil)
    #expect(place.text("figures/04-x/f.svg") == nil)
  }

  @Test func theTimesOfSeveralChaptersAreATable() throws {
    #expect(try !place.course("run", "--quick").output.contains("total"))
    try place.write("Chapters/05-long-name/main.swift", "//: # Five\ncheck()\n")
    let lines = try place.course("run", "--quick").output.split(separator: "\n")
    #expect(lines.count == 6, "\(lines)")
    #expect(lines[2] == "chapter       seconds")
    for (line, pattern) in zip(
      lines.dropFirst(3), [/04-x +0\.\d/, /05-long-name +0\.\d/, /total +0\.\d/])
    {
      #expect(line.wholeMatch(of: pattern) != nil && line.count == lines[2].count, "\(line)")
    }
  }

  @Test func theListSaysWhatIsFresh() throws {
    #expect(try place.course("list").output == "04-x  Four: 1 claims, not fresh\n")
    _ = try place.course()
    #expect(try place.course("list").output == "04-x  Four: 1 claims, fresh\n")
  }

  @Test func mistakesAreOneLine() throws {
    let chapter = try place.course("run", "9")
    #expect(chapter.status == 1)
    #expect(chapter.errors == "Chapters: no chapter '9'; there are 04\n")
    let option = try place.course("check", "--rum")
    #expect(option.status == 64)
    #expect(
      option.errors == "error: Unknown option '--rum'. Did you mean '--run'? See course --help\n")
    try FileManager.default.moveItem(
      at: place.root.appendingPathComponent("Chapters"), to: place.root.appendingPathComponent("C"))
    let lost = try place.course("check")
    #expect(lost.status == 1)
    #expect(lost.errors.hasPrefix("Package.swift: not found, with a folder Chapters, in or above "))
    #expect(lost.errors.count { $0 == "\n" } == 1)
  }

  @Test func helpNamesTheSubcommands() throws {
    let help = try place.course("--help")
    #expect(help.status == 0)
    for word in ["run (default)", "weave", "check", "list"] { #expect(help.output.contains(word)) }
  }
}
