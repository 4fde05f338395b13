import ArgumentParser
import Foundation
import Parallelism

/// Measures the speed of the kernels, the networks and the sampler.
@main
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures the speed of the kernels, the training step and the sampler.",
    discussion: "Without a subcommand: benchmark measure, which also compares with PyTorch. Its "
      + "arguments and options: benchmark measure --help",
    subcommands: [Measure.self, Ladder.self, Growth.self, NetworkRuns.self],
    defaultSubcommand: Measure.self)

  /// Reads the command line and runs; every mistake and every failure is one line on standard
  /// error, with a status that is not zero.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      stop(error)
    }
  }

  /// Prints help, or an error as one line, and ends the program.
  private static func stop(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    if code.isSuccess {
      print(fullMessage(for: error))
    } else {
      let lines = message(for: error).split(separator: "\n").map(String.init)
      let hint = code == .validationFailure ? "; see benchmark --help" : ""
      Console.complain("error: \(lines.joined(separator: " "))\(hint)")
    }
    fflush(nil)
    Foundation.exit(code.rawValue)
  }
}

/// The options that all measurements have.
struct CommonOptions: ParsableArguments {
  @Option(help: "Threads to use (default: all cores).")
  var threads: Int?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads is \(threads); give at least 1")
    }
  }

  /// Sets the number of threads, and returns where results go.
  func begin() -> Report {
    if let threads { Parallel.threadCount = threads }
    return Report(asJSON: json)
  }
}

/// Requires a time to spend that is more than nothing.
func requirePositive(seconds: Double) throws {
  if !(seconds > 0) { throw ValidationError("--seconds is \(seconds); give more than 0") }
}

/// What is for people and not among the results.
enum Console {
  /// Prints a line on standard error.
  static func complain(_ text: String) {
    fflush(nil)
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
