import Files
import Foundation
import Testing
import Weaving

/// A course of one or two small chapters in a temporary folder.
final class TemporaryCourse {
  let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory
      .appendingPathComponent("course-\(UUID().uuidString)").resolvingSymlinksInPath()
    try write("Package.swift", "// a package")
    try write("Chapters/00-a/main.swift", "//: # A\n//: **Claim 0.1.** x\na()\n")
    try write("figures/00-a/f.svg", "<svg/>")
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func write(_ path: String, _ text: String) throws {
    let url = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(at: root.appendingPathComponent(path))
  }

  /// Records what a run of the chapter would, and weaves the page.
  func run(_ name: String = "00-a", passed: Bool = true, isQuick: Bool = false) throws {
    let course = try Course(root: root)
    let chapter = try course.chapter(name)
    var digest = Digest()
    digest.add("<svg/>")
    var transcript = Transcript(chapter: name, seed: 0, isQuick: isQuick)
    let line = try chapter.source().codeNumbers.firstIndex { $0 == 1 }! + 1
    transcript.events = [
      Event(line: line, content: .check(PageTestsSupport.check("\(chapter.number).1", passed))),
      Event(
        line: line,
        content: .figure(
          FigureRecord(
            name: "f", caption: "c", alternative: "a",
            files: [FigureFile(name: "f.svg", digest: digest.text)]))),
    ]
    let sealed = try transcript.sealed(with: chapter.source(), others: chapter.otherSources)
    try write("Chapters/\(name)/transcript.json", sealed.json)
    if !isQuick { _ = try course.writePage(of: chapter) }
  }

  func problems() throws -> [String] { try Course(root: root).problems().map(\.description) }
}

enum PageTestsSupport {
  static func check(_ claim: String, _ passed: Bool) -> CheckRecord {
    CheckRecord(claim: claim, statement: "s", test: .holds, passed: passed)
  }
}

@Suite struct CourseTests {
  let course: TemporaryCourse

  init() throws {
    course = try TemporaryCourse()
    try course.run()
  }

  @Test func aCourseThatWasJustRunIsFresh() throws {
    #expect(try course.problems() == [])
  }

  @Test func codeThatWasEditedMakesTheTranscriptStale() throws {
    try course.write("Chapters/00-a/main.swift", "//: # A\n//: **Claim 0.1.** x\na(1)\n")
    #expect(
      try course.problems() == [
        "Chapters/00-a/transcript.json: is of other code than main.swift; run: swift run course run 00"
      ])
  }

  @Test func anotherSourceFileIsPartOfTheCode() throws {
    try course.write("Chapters/00-a/Other.swift", "let b = 1\n")
    #expect(try course.problems().first?.contains("is of other code") == true)
  }

  @Test func proseThatWasEditedMakesThePageStaleAndWeavingMendsIt() throws {
    try course.write("Chapters/00-a/main.swift", "//: # A\n//: **Claim 0.1.** y\n\na()\n")
    let message =
      "Chapters/00-a/README.md: is not woven from main.swift; run: swift run course weave 00"
    #expect(try course.problems() == [message])
    let read = try Course(root: course.root)
    #expect(try read.writePage(of: read.chapter("0")) == true)
    #expect(try read.writePage(of: read.chapter("0")) == false)
    #expect(try course.problems() == [])
  }

  @Test func pagesThatWereEditedOrRemovedAreNoticed() throws {
    try course.write("Chapters/00-a/README.md", "mine")
    #expect(try course.problems().first?.contains("README.md: is not woven") == true)
    try course.remove("Chapters/00-a/README.md")
    #expect(try course.problems().first?.contains("README.md: is missing") == true)
  }

  @Test func missingAndBrokenTranscriptsAreNoticed() throws {
    try course.write("Chapters/00-a/transcript.json", "{")
    #expect(
      try course.problems() == [
        "Chapters/00-a/transcript.json: is no transcript; run the chapter again"
      ])
    try course.remove("Chapters/00-a/transcript.json")
    #expect(
      try course.problems() == [
        "Chapters/00-a/transcript.json: is missing; run: swift run course run 00"
      ])
  }

  @Test func aTranscriptOfAQuickRunWillNotDo() throws {
    try course.run(isQuick: true)
    #expect(try course.problems().first?.contains("is of a quick run") == true)
  }

  @Test func aFailedCheckIsAProblem() throws {
    try course.run(passed: false)
    #expect(try course.problems() == ["Chapters/00-a/transcript.json: 0.1, s: the check failed"])
  }

  @Test func figuresAreThoseOfTheTranscript() throws {
    try course.write("figures/00-a/f.svg", "<svg></svg>")
    #expect(try course.problems().first?.hasPrefix("figures/00-a/f.svg: is not the figure") == true)
    try course.remove("figures/00-a/f.svg")
    #expect(try course.problems().first?.hasPrefix("figures/00-a/f.svg: is missing") == true)
  }

  @Test func figuresThatNoChapterDrawsAreNoticed() throws {
    try course.write("figures/00-a/old.svg", "")
    try course.write("figures/00-a/real-images.png", "")
    try course.write("figures/08-gone/x.svg", "")
    try course.write("figures/front/x.svg", "")
    #expect(
      try course.problems() == [
        "figures/00-a/old.svg: is drawn by no chapter; remove it",
        "figures/08-gone: is drawn by no chapter; remove it",
      ])
  }

  @Test func aNewChapterMakesItsNeighborsPageStale() throws {
    try course.write("Chapters/01-b/main.swift", "//: # B\n//: **Claim 1.1.** x\nb()\n")
    try course.write("figures/01-b/f.svg", "<svg/>")
    try course.run("01-b")
    #expect(try course.problems().map { $0.prefix(22) } == ["Chapters/00-a/README.m"])
  }

  @Test func mistakesInTheSourceAreReportedWithTheirLine() throws {
    try course.write("Chapters/00-a/main.swift", "//: # A\n//: **Claim 0.1.** $x\na()\n")
    #expect(
      try course.problems().first?.hasPrefix("Chapters/00-a/main.swift:2: a $ without") == true)
  }

  @Test func chaptersAreFoundByNumberAndName() throws {
    let read = try Course(root: course.root)
    for name in ["0", "00", "00-a", "chapter-00-a"] {
      #expect(try read.chapter(name).name == "00-a")
    }
    let error = #expect(throws: Problems.self) { try read.chapter("7") }
    #expect(error?.description == "Chapters: no chapter '7'; there are 00")
    #expect(read.chapters.first?.title == "A")
    #expect(read.chapters.first?.claimCount == 1)
  }

  @Test func twoChaptersOfOneNumberAreAnError() throws {
    try course.write("Chapters/00-b/main.swift", "")
    #expect(throws: Problems.self) { try Course(root: course.root) }
  }

  @Test func whatIsNoChapterIsPassedOver() throws {
    try course.write("Chapters/notes/main.swift", "")
    try course.write("Chapters/02-empty/x.txt", "")
    #expect(try Course(root: course.root).chapters.map(\.name) == ["00-a"])
  }

  @Test func theCourseIsFoundFromInside() throws {
    let inside = course.root.appendingPathComponent("Chapters/00-a")
    #expect(try Course.find(from: [inside]).root.path == course.root.path)
    let elsewhere = URL(fileURLWithPath: "/nowhere")
    #expect(try Course.find(from: [elsewhere, inside]).root.path == course.root.path)
    let error = #expect(throws: Problems.self) { try Course.find(from: [elsewhere]) }
    #expect(error?.description.contains("in or above /nowhere; run inside the course") == true)
  }
}
