import Foundation
import TestSupport
import Testing

/// Chapter 07, run without a data set.
@Suite struct LatentDiffusionTests {
  @Test func theChapterPassesWithTheWeightsOfTheRepositoryAndNoData() throws {
    try withTemporaryFolder { folder in
      let outcome = try Program(name: "chapter-07-latent-diffusion").run(
        ["--quick", "--figures", "figures"], in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasSuffix(" passed, 0 failed\n"))
      let figures = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/figures")
      #expect(
        figures.sorted() == [
          "between.png", "denoising.png", "film.gif", "guidance-curves.svg", "guidance.png",
          "interval.svg", "latents.png", "limited.png", "losses.svg", "pixels.png",
          "rate-distortion.svg", "steps.svg", "ten-classes.png",
        ])
    }
  }
}
