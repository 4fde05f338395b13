import Foundation
import TestSupport
import Testing

/// The folder of CIFAR-10 that the tests were told of, if they were.
private let cifar10 = ProcessInfo.processInfo.environment["CIFAR10_DIR"]

/// The trainings behind the weights of chapter 07, begun again with the settings of their manifest.
@Suite(.serialized) struct RecordedTrainingTests {
  let chapter = Program(name: "chapter-07-latent-diffusion")

  /// A run in the manifest.
  private struct Stage: Decodable {
    let command: String
    let earlier: [Stage]?
  }

  private var weights: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Chapters/07-latent-diffusion/weights")
  }

  /// The options that the first run of a stage was started with, but for those that say how long, on
  /// what and where.
  private func settings(of stage: String) throws -> [String] {
    let manifest = try JSONDecoder().decode(
      [String: Value].self, from: Data(contentsOf: weights.appending(path: "manifest.json")))
    guard case .stage(let last)? = manifest[stage] else { throw CocoaError(.fileReadCorruptFile) }
    let command = (last.earlier?.first ?? last).command
    let words = command.replacing(/'[^']*'/, with: "NOTE").split(separator: " ").map(String.init)
    let start = try #require(words.firstIndex(of: "train-\(stage)"))
    let dropped: Set = [
      "--data", "--data-note", "--minutes", "--out", "--checkpoint-minutes", "--autoencoder",
    ]
    let options = stride(from: start + 1, to: words.count - 1, by: 2)
    return options.flatMap { dropped.contains(words[$0]) ? [] : [words[$0], words[$0 + 1]] }
  }

  private enum Value: Decodable {
    case stage(Stage)
    case other
    init(from decoder: any Decoder) throws {
      self = (try? Stage(from: decoder)).map(Value.stage) ?? .other
    }
  }

  private func firstRow(_ path: String) throws -> [String: Double] {
    let rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").prefix(2)
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    return Dictionary(
      uniqueKeysWithValues: zip(rows[0], rows[1]).compactMap { name, cell in
        Double(cell).map { (name, $0) }
      })
  }

  /// The denoiser begins as the function zero, so its first loss does not know the latents, and a few
  /// images will do.
  @Test(
    .enabled(if: cifar10 != nil, "needs CIFAR-10: name its folder with CIFAR10_DIR"),
    arguments: [
      ("autoencoder", []), ("classifier", []),
      ("denoiser", ["--limit", "256", "--sample-steps", "0"]),
    ])
  func theFirstUpdateIsTheRecordedOne(stage: String, more: [String]) throws {
    try withTemporaryFolder { folder in
      let outcome = try chapter.run(
        ["train-\(stage)", "--data", cifar10 ?? "", "--epochs", "0.001", "--out", "run"]
          + (try settings(of: stage)) + more, in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let now = try firstRow("\(folder)/run/metrics.csv")
      let recorded = try firstRow(weights.appending(path: "\(stage)-metrics.csv").path)
      for name in ["images", "loss", "l1", "kl", "cross_entropy"] {
        guard let was = recorded[name] else { continue }
        let found = try #require(now[name])
        #expect(abs(found - was) < 1e-3 * was, "\(name): \(found), recorded \(was)")
      }
      #expect(now["loss"] != nil)
    }
  }
}
