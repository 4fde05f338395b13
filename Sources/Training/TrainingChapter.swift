import ArgumentParser
import Files
import Foundation
import Synchronization

/// The chapter that the commands belong to: its program, its weights and its records.
public struct TrainingChapter: Sendable {
  /// The name of the program, as in `swift run …`.
  public let program: String
  private let name: String
  private let source: String

  /// Describes the chapter whose source file is `source`.
  public init(source: String = #filePath) {
    self.source = URL(filePath: source).deletingLastPathComponent().path
    name = URL(filePath: self.source).lastPathComponent
    program = "chapter-\(name)"
  }

  /// The folder of the weights that come with the repository.
  public var weights: String { folder("weights") }

  /// Reads a record of measurements that comes with the repository.
  ///
  /// - Throws: `Failure` if there is none, or if it is no table.
  public func record(_ name: String) throws -> CSVTable {
    try CSVTable(reading: "\(folder("records"))/\(name)")
  }

  /// A folder beside the chapter's source, seen from the current folder where that is the
  /// repository's.
  private func folder(_ part: String) -> String {
    let here = "Chapters/\(name)/\(part)"
    return FileManager.default.fileExists(atPath: here) ? here : "\(source)/\(part)"
  }

  // MARK: Commands

  private static let shared = Mutex<TrainingChapter?>(nil)

  /// The chapter whose commands run.
  static var current: TrainingChapter {
    guard let chapter = shared.withLock({ $0 }) else {
      fatalError("call TrainingChapter.commands() before a command runs")
    }
    return chapter
  }

  /// The commands, which from now on use this chapter's weights and name.
  public func commands() -> [any ParsableCommand.Type] {
    Self.shared.withLock { $0 = self }
    return [
      Download.self, TrainAutoencoder.self, TrainDenoiser.self, TrainClassifier.self,
      TrainPixels.self, Sample.self, RateDistortion.self, Reconstruct.self, Evaluate.self,
      TestLosses.self, Techniques.self, Export.self,
    ]
  }
}
