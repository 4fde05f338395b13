import ArgumentParser
import Foundation
import Weaving

/// Runs chapters, draws their figures, weaves their pages, and checks whether all of it is fresh.
@main
struct CourseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "course",
    abstract: "Runs the chapters, draws their figures and weaves their pages.",
    discussion: "Without a subcommand: runs every chapter and weaves every page.",
    subcommands: [Run.self, Weave.self, Check.self, List.self, Architecture.self],
    defaultSubcommand: Run.self)

  /// Reads the command line and runs; every mistake and every failure is reported in lines, without
  /// a trace, and with a status that is not zero.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let problems as Problems {
      Console.report(problems.list)
      Foundation.exit(1)
    } catch {
      stop(error)
    }
  }

  /// Prints help, or a mistake as one line, and ends the program.
  private static func stop(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    if code.isSuccess {
      Console.say(fullMessage(for: error))
    } else {
      let lines = message(for: error).split(separator: "\n").map(String.init)
      let text = lines.joined(separator: " ")
      let stop = text.hasSuffix("?") || text.hasSuffix(".") ? "" : "."
      FileHandle.standardError.write(Data("error: \(text)\(stop) See course --help\n".utf8))
    }
    Foundation.exit(code.rawValue)
  }
}

/// What chapters a command is about.
struct ChapterSelection: ParsableArguments {
  @Argument(help: ArgumentHelp("The chapters' numbers; all if none.", valueName: "chapter"))
  var names: [String] = []

  func chapters(of course: Course) throws -> [CourseChapter] {
    if !names.isEmpty { return try names.map { try course.chapter($0) } }
    guard !course.chapters.isEmpty else {
      throw Problems([Problem("Chapters", "has no chapters")])
    }
    return course.chapters
  }
}

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs chapters, redraws their figures and weaves their pages.")

  @OptionGroup var selection: ChapterSelection
  @Flag(help: "Run with fewer samples, and leave figures and pages as they are.") var quick = false

  func run() throws {
    let course = try Console.course()
    let chapters = try selection.chapters(of: course)
    let runner = Runner(course: course, isDetailed: selection.names.count == 1)
    var failed: [String] = []
    var times = TimeTable()
    for chapter in chapters {
      do {
        let seconds = quick ? try runner.tryOut(chapter) : try runner.renew(chapter)
        times.add(chapter.name, seconds: seconds)
      } catch {
        Console.report(error.list)
        failed.append(chapter.name)
        times.add(chapter.name, seconds: nil)
      }
    }
    if !times.lines.isEmpty { Console.say("\n" + times.lines.joined(separator: "\n")) }
    guard failed.isEmpty else {
      throw Problems([Problem("course", "failed: " + failed.joined(separator: ", "))])
    }
  }
}

struct Weave: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Weaves pages from sources and transcripts, without running.")

  @OptionGroup var selection: ChapterSelection

  func run() throws {
    let course = try Console.course()
    var problems: [Problem] = []
    for chapter in try selection.chapters(of: course) {
      do {
        let isNew = try course.writePage(of: chapter)
        Console.say("\(chapter.path("README.md")): \(isNew ? "woven" : "was fresh")")
      } catch {
        problems += error.list
      }
    }
    if !problems.isEmpty { throw Problems(problems) }
  }
}

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether pages, transcripts and figures are those of the code.",
    discussion: "Compares files, and takes no time. With --run, runs every chapter again too: "
      + "verdicts must be the same, and numbers the same up to rounding.")

  @OptionGroup var selection: ChapterSelection
  @Flag(name: .customLong("run"), help: "Run the chapters again and compare.")
  var runsAgain = false

  func run() throws {
    let course = try Console.course()
    let chapters = try selection.chapters(of: course)
    var problems = selection.names.isEmpty ? course.problems() : []
    for chapter in chapters {
      if !selection.names.isEmpty { problems += course.problems(of: chapter) }
      if runsAgain {
        do {
          problems += try Runner(course: course, isDetailed: false).reproduce(chapter)
        } catch {
          problems += error.list
        }
      }
    }
    if !problems.isEmpty { throw Problems(problems) }
    let names = chapters.count == 1 ? "1 chapter" : "\(chapters.count) chapters"
    Console.say("\(names): pages, transcripts and figures are those of the code")
  }
}

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the chapters, how many claims they check, and whether they are fresh.")

  func run() throws {
    let course = try Console.course()
    for chapter in course.chapters {
      let problems = course.problems(of: chapter)
      let state = problems.isEmpty ? "fresh" : "not fresh"
      Console.say("\(chapter.name)  \(chapter.title): \(chapter.claimCount) claims, \(state)")
    }
  }
}
