import Foundation
import Testing
import Weaving

/// The committed pages, transcripts and figures against the committed sources.
@Suite struct FreshnessTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test func pagesTranscriptsAndFiguresAreThoseOfTheCode() throws {
    let course = try Course(root: Self.root)
    #expect(!course.chapters.isEmpty)
    // A chapter is part of the course once it has been run.
    for chapter in course.chapters where chapter.hasTranscript {
      #expect(course.problems(of: chapter).map(\.description) == [])
    }
  }
}
