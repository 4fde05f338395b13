import Foundation
import Testing
import Training

/// The records of measurements that come with chapter 07.
@Suite struct RecordTests {
  private let chapter = TrainingChapter(
    source: URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Chapters/07-latent-diffusion/main.swift"
    ).standardizedFileURL.path)

  @Test func everyRecordIsATableWithTheCommandThatMadeIt() throws {
    for name in ["guidance.csv", "interval.csv", "samples.csv", "steps.csv", "equal-time.csv"] {
      let record = try chapter.record(name)
      #expect(record.notes.first?.contains(" evaluate ") == true, "\(name)")
      #expect(record["accuracy"].allSatisfy { (0...1).contains($0) }, "\(name)")
      #expect((record.row("sampler", "test")["frechet"] ?? .nan) > 0, "\(name)")
    }
    #expect(try chapter.record("samples.csv").columns.last == "accuracy_truck")
    #expect(try chapter.record("feature-weight.csv").columns.last == "accuracy")
  }
}
