import Files
import Foundation
import Weaving

/// Builds chapters and runs them.
struct Runner {
  let course: Course
  /// Whether to show all that a chapter prints, rather than a line.
  let isDetailed: Bool

  /// Runs a chapter and takes what comes out for the course: figures, transcript, page. Returns how
  /// many seconds it ran.
  ///
  /// - Throws: if it does not build, does not finish or fails a check; the page, its transcript and
  ///   its figures stay as they were.
  func renew(_ chapter: CourseChapter) throws(Problems) -> Double {
    let drawn = scratch(chapter).appendingPathComponent("figures")
    try? FileManager.default.removeItem(at: drawn)
    let (transcript, seconds) = try runAndSeal(chapter, figures: drawn)
    try move(drawn, into: chapter.figures)
    try write(transcript.json, to: chapter.url("transcript.json"))
    for stray in course.strayFigures(of: chapter, transcript) {
      Console.say("removing \(stray.lastPathComponent), which the chapter no longer draws")
      try? FileManager.default.removeItem(at: stray)
    }
    _ = try course.writePage(of: chapter)
    try? FileManager.default.removeItem(at: scratch(chapter))
    if isDetailed { Console.say("\nwoven: \(chapter.path("README.md"))") }
    return seconds
  }

  /// Runs a chapter with fewer samples and keeps nothing; returns how many seconds it ran.
  func tryOut(_ chapter: CourseChapter) throws(Problems) -> Double {
    try build(chapter)
    return try run(chapter, ["--quick"])
  }

  /// Runs a chapter aside, and returns how it differs from its transcript.
  func reproduce(_ chapter: CourseChapter) throws(Problems) -> [Problem] {
    let committed = try course.transcript(of: chapter)
    let aside = scratch(chapter).appendingPathComponent("figures")
    let (transcript, _) = try runAndSeal(
      chapter, figures: aside, arguments: ["--seed", String(committed.seed)])
    try? FileManager.default.removeItem(at: scratch(chapter))
    return transcript.differences(from: committed).map {
      Problem(chapter.path("transcript.json"), $0)
    }
  }

  private func scratch(_ chapter: CourseChapter) -> URL {
    course.root.appendingPathComponent("scratch/course/\(chapter.name)")
  }

  private func runAndSeal(
    _ chapter: CourseChapter, figures: URL, arguments: [String] = []
  ) throws(Problems) -> (transcript: Transcript, seconds: Double) {
    let source = try chapter.source()
    let others = chapter.otherSources
    try build(chapter)
    let record = scratch(chapter).appendingPathComponent("transcript.json")
    try makeFolder(scratch(chapter))
    try? FileManager.default.removeItem(at: record)
    let seconds = try run(
      chapter, ["--record", record.path, "--figures", figures.path] + arguments)
    guard let json = try? String(contentsOf: record, encoding: .utf8) else {
      throw Problems([Problem(chapter.path("main.swift"), "recorded nothing")])
    }
    guard try chapter.source().digest(with: chapter.otherSources) == source.digest(with: others)
    else {
      throw Problems([
        Problem(chapter.path("main.swift"), "was edited while it was built or run; run it again")
      ])
    }
    let transcript = try Transcript(json: json, file: record.path)
    return (try transcript.sealed(with: source, others: others), seconds)
  }

  // MARK: - Other programs

  /// Runs a program; its lines go to `eachLine`, or to where this program prints.
  private func run(
    _ arguments: [String], mergingErrors: Bool = false, eachLine: ((String) -> Void)? = nil
  ) throws(Problems) -> Int32 {
    do {
      guard let eachLine else { return try Subprocess.run(arguments) }
      return try Subprocess.run(arguments, mergingErrors: mergingErrors, eachLine: eachLine)
    } catch {
      throw Problems([Problem(error.subject, "\(error.problem); \(error.remedy)")])
    }
  }

  // MARK: - Building

  private func build(_ chapter: CourseChapter) throws(Problems) {
    var arguments = ["swift", "build", "--package-path", course.root.path]
    arguments += ["--product", chapter.product]
    let folder = Console.programFolder
    if folder.lastPathComponent == "release" { arguments += ["-c", "release"] }
    // The folder is SCRATCH/TRIPLE/CONFIGURATION.
    let scratch = folder.deletingLastPathComponent().deletingLastPathComponent()
    if isBuildFolder(folder), scratch.path != course.root.appendingPathComponent(".build").path {
      arguments += ["--scratch-path", scratch.path]
    }
    var output = ""
    let watch = BuildWatch(product: chapter.product)
    let status = try run(arguments, mergingErrors: true) { line in
      output += line + "\n"
      watch.show(line)
    }
    TerminalStatus.clear()
    guard status == 0 else {
      Console.say(output)
      throw Problems([Problem(chapter.path("main.swift"), "does not build")])
    }
  }

  private func isBuildFolder(_ folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent("description.json").path)
  }

  private func program(_ chapter: CourseChapter) throws(Problems) -> String {
    let beside = Console.programFolder.appendingPathComponent(chapter.product).path
    if isBuildFolder(Console.programFolder), unsafe access(beside, X_OK) == 0 { return beside }
    let built = course.root.appendingPathComponent(".build/debug/\(chapter.product)").path
    guard unsafe access(built, X_OK) == 0 else {
      throw Problems([
        Problem(chapter.product, "was built, but is neither at \(beside) nor at \(built)")
      ])
    }
    return built
  }

  // MARK: - Running

  /// Runs a chapter's program and returns how many seconds it took.
  private func run(_ chapter: CourseChapter, _ arguments: [String]) throws(Problems) -> Double {
    let program = try program(chapter)
    var tally = Tally()
    let clock = ContinuousClock(), start = clock.now
    let status: Int32
    if isDetailed {
      status = try run([program] + arguments)
    } else {
      status = try run([program, "--json"] + arguments) { line in
        guard let event = Event(json: line) else { return }
        tally.add(event)
        TerminalStatus.show("\(chapter.name): \(tally.words)")
      }
      TerminalStatus.clear()
      let time = NumberText.duration((clock.now - start) / .seconds(1))
      Console.say("\(status == 0 ? "✓" : "✗") \(chapter.name): \(tally.words), \(time)")
      for failure in tally.failures { Console.say("    " + failure) }
    }
    guard status == 0 else {
      let reason = status == 1 ? "failed; the page stays as it was" : "ended with status \(status)"
      throw Problems([Problem(chapter.path("main.swift"), reason)])
    }
    return (clock.now - start) / .seconds(1)
  }

  private struct Tally {
    var passed = 0
    var figures = 0
    var failures: [String] = []

    mutating func add(_ event: Event) {
      if event.figure != nil { figures += 1 }
      guard let check = event.check else { return }
      if check.passed {
        passed += 1
      } else {
        failures.append(
          "✗ \(check.claim) \(check.statement): \(check.computedWords) must be "
            + "\(check.expectedWords) (\(check.agreementWords))")
      }
    }

    var words: String {
      "\(passed) passed, \(failures.count) failed, \(figures) \(figures == 1 ? "figure" : "figures")"
    }
  }

  // MARK: - Files

  private func makeFolder(_ folder: URL) throws(Problems) {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw Problems([Problem(folder.path, "cannot be made: \(error.localizedDescription)")])
    }
  }

  /// Moves the files of a folder, if it is there, into another, in place of those of the same names.
  private func move(_ folder: URL, into place: URL) throws(Problems) {
    try makeFolder(place)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names.sorted() {
      let (from, to) = (folder.appendingPathComponent(name), place.appendingPathComponent(name))
      guard unsafe rename(from.path, to.path) == 0 else {
        let reason = unsafe String(cString: strerror(errno))
        throw Problems([Problem(to.path, "cannot be written: \(reason)")])
      }
    }
  }

  private func write(_ text: String, to url: URL) throws(Problems) {
    do {
      try Data(text.utf8).write(to: url, options: .atomic)
    } catch {
      throw Problems([Problem(url.path, "cannot be written: \(error.localizedDescription)")])
    }
  }
}
