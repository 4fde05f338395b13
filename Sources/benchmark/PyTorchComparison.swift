import Files
import Foundation
import Models
import Parallelism

/// Runs PyTorch and this package alternately on the same networks, and prints one table.
///
/// Each network is run by itself in a fresh process of each program, so that the peak memory is its
/// own. Which program is first changes with each round.
struct PyTorchComparison {
  /// The networks that are compared by default.
  static let subjects: [Subject] = [.unetSmall, .unetBase, .vae, .unetCourse]

  /// The Python that runs PyTorch: a path, or a name that is looked up on PATH.
  let python: String
  let subjects: [Subject]
  let rounds: Int
  /// Seconds for each network's training and sampling; a forward pass takes a fourth.
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
    var options = ["--threads", "\(Parallel.threadCount)", "--seconds", "\(seconds)"]
    let weights = "\(package)/Chapters/07-latent-diffusion/weights"
    if FileManager.default.fileExists(atPath: "\(weights)/\(ModelFile.denoiser)") {
      options += ["--weights", weights]
    }
    var comparison = Comparison()
    for round in 1...rounds {
      for subject in subjects {
        for isPyTorch in round % 2 == 1 ? [true, false] : [false, true] {
          let name = isPyTorch ? "PyTorch" : "here"
          Console.showStatus("round \(round) of \(rounds), \(subject.rawValue), \(name)")
          let program = isPyTorch ? [python, script] : [programFile.path, "network-runs"]
          let runs = try runs(of: program + [subject.rawValue] + options, named: program[0])
          if isPyTorch { comparison.pytorch += runs } else { comparison.here += runs }
        }
      }
    }
    Console.clearStatus()
    show(comparison.rows, report)
  }

  private func package() throws -> String {
    do {
      return try findCourse().root.path
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

  private func runs(of arguments: [String], named name: String) throws(Failure) -> [NetworkRun] {
    let outcome = try Subprocess.outcome(of: arguments)
    let runs = NetworkRun.runs(in: outcome.output)
    guard outcome.status == 0, !runs.isEmpty else {
      throw Failure(
        name, .missingTool, Self.ending(of: outcome),
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
      "the fastest run of \(rounds) round\(rounds == 1 ? "" : "s"); ratio: how many times as fast "
        + "as PyTorch, or the share of its memory")
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
        "required": "\(row.required)", "pytorch_median": "\(row.medians.pytorch)",
        "here_median": "\(row.medians.here)", "ratio_of_medians": "\(row.ratioOfMedians)",
      ])
    }
    fflush(nil)
  }
}
