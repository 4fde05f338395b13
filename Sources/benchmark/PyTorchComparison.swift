import Files
import Foundation
import Models
import Parallelism
import Synchronization
import Weaving

/// Runs PyTorch and this package on the same networks, and prints one table.
///
/// Each network is run by itself in a fresh process of each program, so that the peak memory is its
/// own. The two processes of a network measure in turns: see `Turns`.
struct PyTorchComparison {
  /// The networks that are compared by default.
  static let subjects: [Subject] = [.unetSmall, .unetBase, .vae, .unetCourse]

  /// The Python that runs PyTorch: a path, or a name that is looked up on PATH.
  let python: String
  let subjects: [Subject]
  /// The turns of each program for each kind of work.
  let rounds: Int
  /// The seconds of all turns of a program for a kind of work, at least.
  let seconds: Double

  /// What Python reports of its libraries.
  struct Versions: Decodable {
    let pytorch: String
    let diffusers: String
  }

  /// The status with which the script ends when a library is missing.
  private static let missingLibrary: Int32 = 3

  /// Compares and prints.
  ///
  /// - Throws: `Failure` if Python, a library or the script is not there, or if a program fails.
  func run(_ report: Report) throws {
    let package = try package()
    let script = "\(package)/Sources/benchmark/pytorch_networks.py"
    guard FileManager.default.isReadableFile(atPath: script) else {
      throw Failure.reading(script, code: ENOENT)
    }
    let versions = try versions(script: script)
    header(versions, report)
    let lock = "\(NSTemporaryDirectory())/benchmark-\(UUID().uuidString).lock"
    try AtomicFile.write(Data(), to: lock)
    defer { try? FileManager.default.removeItem(atPath: lock) }
    var options = [
      "--threads", "\(Parallel.threadCount)", "--rounds", "\(rounds)",
      "--seconds", "\(seconds / Double(rounds))", "--lock", lock,
    ]
    let weights = "\(package)/Chapters/07-latent-diffusion/weights"
    if FileManager.default.fileExists(atPath: "\(weights)/\(ModelFile.denoiser)") {
      options += ["--weights", weights]
    }
    var comparison = Comparison()
    for subject in subjects {
      TerminalStatus.show(subject.rawValue)
      let programs = [[python, script], [Course.programFile.path, "network-runs"]].map {
        $0 + [subject.rawValue] + options
      }
      let runs = try Self.outcomes(of: programs)
      comparison.pytorch += try runs[0].get()
      comparison.here += try runs[1].get()
    }
    TerminalStatus.clear()
    show(comparison.rows, report)
  }

  /// Runs programs at the same time.
  private static func outcomes(
    of programs: [[String]]
  ) throws -> [Result<[NetworkRun], any Error>] {
    let results = Mutex([Result<[NetworkRun], any Error>?](repeating: nil, count: programs.count))
    DispatchQueue.concurrentPerform(iterations: programs.count) { index in
      let result = Result { try runs(of: programs[index], named: programs[index][0]) }
      results.withLock { $0[index] = result }
    }
    return results.withLock { $0.map { $0! } }
  }

  private func package() throws -> String {
    do {
      return try Course.ofProgram().root.path
    } catch {
      let problem = error.list.first
      throw Failure(
        problem?.file ?? "Package.swift", .missing, "cannot be found from here",
        remedy: "run inside the course's folder")
    }
  }

  // MARK: - Programs

  /// Asks Python for the versions of its libraries, before any time is spent.
  func versions(script: String) throws(Failure) -> Versions {
    let outcome = try Subprocess.outcome(of: [python, script, "--versions"])
    if outcome.status == Self.missingLibrary {
      throw Failure(
        python, .missingTool, outcome.lastError,
        remedy: "install them with: \(python) -m pip install torch diffusers")
    }
    guard outcome.status == 0,
      let line = outcome.output.split(whereSeparator: \.isNewline).last,
      let versions = try? JSONDecoder().decode(Versions.self, from: Data(line.utf8))
    else {
      throw Failure(
        python, .missingTool, Self.ending(of: outcome),
        remedy: "give the Python of an environment with torch and diffusers")
    }
    return versions
  }

  private static func runs(
    of arguments: [String], named name: String
  ) throws(Failure) -> [NetworkRun] {
    let outcome = try Subprocess.outcome(of: arguments)
    let runs = NetworkRun.runs(in: outcome.output)
    guard outcome.status == 0, !runs.isEmpty else {
      throw Failure(
        name, .missingTool, ending(of: outcome),
        remedy: "run it alone to see more: \(arguments.joined(separator: " "))")
    }
    return runs
  }

  private static func ending(of outcome: Subprocess.Outcome) -> String {
    let words = "ended with status \(outcome.status)"
    return outcome.lastError.isEmpty ? words : "\(words): \(outcome.lastError)"
  }

  // MARK: - Results

  private func header(_ versions: Versions, _ report: Report) {
    report.header([
      ("pytorch", "PyTorch \(versions.pytorch)"), ("diffusers", "diffusers \(versions.diffusers)"),
    ])
    guard !report.asJSON else { return }
    print(
      "medians of \(rounds) turns of each; ratio: the median of how many times as fast as PyTorch in "
        + "each turn, or the share of its memory")
  }

  private func show(_ rows: [Comparison.Row], _ report: Report) {
    if !report.asJSON { print("\n\(Comparison.Row.heading)") }
    for row in rows {
      guard report.asJSON else {
        print(row.line)
        continue
      }
      report.object([
        "section": "against", "name": row.name, "unit": row.unit.rawValue,
        "pytorch": "\(row.pytorch)", "here": "\(row.here)", "ratio": "\(row.ratio)",
        "least_ratio": "\(row.range.lowerBound)", "largest_ratio": "\(row.range.upperBound)",
        "required": "\(row.required)",
      ])
    }
    fflush(nil)
  }
}
