import ArgumentParser
import Foundation
import Synchronization
import Weaving

/// A run of a chapter: it takes the checks, values, tables and figures as the chapter computes
/// them, prints each, and keeps a transcript from which the chapter's page is woven.
///
/// ```swift
/// let notebook = Chapter.open("Noise, step by step.")  // weave:hide
/// …
/// notebook.check("alphaBar at t = 1000", alphaBar, equals: 4.0358e-5, tolerance: 1e-9)
/// notebook.finish()
/// ```
public final class Chapter: Sendable {
  /// The folder's name, such as `00-forward-process`.
  public let name: String
  /// The seed for the chapter's random generators.
  public let seed: UInt64
  /// Whether to spare samples and steps.
  public let isQuick: Bool

  let title: String
  /// The claims that the prose states; empty where the source cannot be read.
  let claims: [ClaimStatement]
  let options: NotebookOptions
  let surroundings: Surroundings
  let state: Mutex<State>

  struct State: Sendable {
    var transcript: Transcript
    /// What makes this another chapter than that of the page; see `alter(as:_:)`.
    var alteration: String?
    /// Outputs that could not be written.
    var failures = 0
    var headings: ArraySlice<ChapterSource.Heading>
    var isFinished = false
    var lastLabelWidth = 0
  }

  /// Where a chapter runs and what it writes to.
  struct Surroundings: Sendable {
    var write: @Sendable (String) -> Void = {
      fflush(nil)
      guard !writeAll($0, to: 1) else { return }
      let reason = unsafe String(cString: strerror(errno))
      writeAll("error: cannot write to standard output: \(reason)\n", to: 2)
      _exit(1)
    }
    var complain: @Sendable (String) -> Void = {
      fflush(nil)
      writeAll($0, to: 2)
    }
    var usesColor = unsafe isatty(1) == 1 && getenv("NO_COLOR") == nil
    var package: String?
    var source: String?
  }

  init(name: String, options: NotebookOptions, surroundings: Surroundings) {
    self.name = name
    self.options = options
    self.surroundings = surroundings
    seed = options.seed
    isQuick = options.quick
    let source = surroundings.source.flatMap { try? ChapterSource($0, file: "main.swift") }
    let headings = source?.headings ?? []
    state = Mutex(
      State(
        transcript: Transcript(chapter: name, seed: options.seed, isQuick: options.quick),
        headings: headings[...]))
    title = headings.first { $0.level == 1 }?.text ?? name
    claims = source?.statements ?? []
  }

  // MARK: - Opening

  /// Reads the command line and starts the chapter whose `main.swift` calls this.
  ///
  /// Ends the program after `--help`, and with one line on standard error after a mistake.
  /// - Parameters:
  ///   - abstract: what the chapter does, for `--help`.
  ///   - commands: subcommands of the chapter; one that is asked for runs in the chapter's place.
  public static func open(
    _ abstract: String = "", commands: [any ParsableCommand.Type] = [],
    file: StaticString = #filePath
  ) -> Chapter {
    open(abstract, adding: NoOptions.self, commands: commands, file: file).0
  }

  /// Reads the command line, with options of the chapter's own, and starts the chapter.
  public static func open<Options: ParsableArguments>(
    _ abstract: String = "", adding extra: Options.Type,
    commands: [any ParsableCommand.Type] = [], file: StaticString = #filePath
  ) -> (Chapter, Options) {
    let identity = ChapterIdentity(file: file)
    let arguments = Launch.arguments(
      identity, abstract: abstract, adding: extra, commands: commands)
    return (open(identity, arguments.notebook), arguments.extra)
  }

  /// Starts the chapter with options that a subcommand of it has read.
  public static func open(
    with options: NotebookOptions, file: StaticString = #filePath
  ) -> Chapter {
    open(ChapterIdentity(file: file), options)
  }

  private static func open(_ identity: ChapterIdentity, _ options: NotebookOptions) -> Chapter {
    var surroundings = Surroundings()
    surroundings.package = identity.package
    surroundings.source = try? String(contentsOfFile: identity.source, encoding: .utf8)
    let chapter = Chapter(name: identity.name, options: options, surroundings: surroundings)
    if let obstacle = chapter.obstacle { Launch.stop(obstacle.description) }
    if surroundings.source == nil {
      // Claims and headings are those of the source, which a program that was moved has not.
      let message = "\(identity.source) cannot be read"
      if options.record != nil { Launch.stop(message + ", and a transcript needs its claims") }
      writeAll("note: \(message), so checks are printed without the numbers of claims\n", to: 2)
    }
    chapter.start()
    Self.current.withLock { $0 = chapter }
    atexit { Chapter.complainIfUnfinished() }
    return chapter
  }

  private static let current = Mutex<Chapter?>(nil)

  // A chapter that forgets `finish()` would end with status 0 whatever its checks found.
  private static func complainIfUnfinished() {
    guard let chapter = current.withLock({ $0 }) else { return }
    guard !chapter.state.withLock({ $0.isFinished }) else { return }
    writeAll("error: \(chapter.name) ended without notebook.finish()\n", to: 2)
    _exit(1)
  }

  /// Returns `full`, or `quick` in a quick run.
  public func count(_ full: Int, quick: Int) -> Int { isQuick ? quick : full }

  /// Returns what `body` returns, or ends the program with the error as one line and status 1.
  public func orStop<Result>(_ body: () throws -> Result) -> Result {
    do {
      return try body()
    } catch {
      state.withLock { $0.isFinished = true }
      Launch.stop(oneLine(error))
    }
  }

  /// Runs `body` and returns what it returns and how many seconds it took.
  public func time<Result>(_ body: () throws -> Result) rethrows -> (Result, seconds: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try body()
    return (result, (clock.now - start) / .seconds(1))
  }

  // MARK: - Finishing

  /// Prints where the figures are and how many checks passed and failed, writes the transcript if one
  /// was asked for, and ends the program: with status 1 if a check failed or an output could not be written.
  public func finish() -> Never {
    let status = conclude()
    fflush(nil)
    exit(status)
  }

  /// What `finish()` does before the program ends; returns the exit status.
  func conclude() -> Int32 {
    writeTranscript()
    let (transcript, failures, alteration) = state.withLock { state in
      state.isFinished = true
      return (state.transcript, state.failures, state.alteration)
    }
    let passed = transcript.passedCount
    let failed = transcript.failedCount
    if options.json {
      emit(
        #"{"event":"summary","failed":\#(failed),"figures":\#(json(figuresFolder.path)),"#
          + #""passed":\#(passed)}"#)
    } else {
      printFigures(transcript.figures)
      if let alteration { printFailures(transcript.checks.filter { !$0.passed }, alteration) }
      emit("\n" + paint("\(passed) passed, \(failed) failed", failed > 0 ? .red : .green))
    }
    return failed > 0 || failures > 0 ? 1 : 0
  }

  private func writeTranscript() {
    guard let path = options.record else { return }
    let json = state.withLock { $0.transcript.json }
    do {
      try Data(json.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      fail("cannot write the transcript to \(path); choose another file with --record")
    }
  }

  /// Says that an output could not be written; the exit status will be 1.
  func fail(_ message: String) {
    state.withLock { $0.failures += 1 }
    surroundings.complain("error: \(message)\n")
  }
}
