import Diffusion
import Files
import Foundation
import Models
import Networks
import Tensors

/// Sampling 100 latents in 50 steps of DDIM with guidance, as the last chapter does, with the
/// U-Nets of the comparison: one pass over 200 images a step.
func measureSampler(seconds: Double) -> [Row] {
  let schedule = NoiseSchedule.linear()
  let sampler = Sampler(
    .ddim(), schedule: schedule, timesteps: schedule.timesteps(50, spacing: .linspace))
  return [Subject.unetSmall, .unetBase, .unetCourse].map { subject in
    let denoiser = GuidedDenoiser(
      DiffusionModel(makeUNet(subject), schedule, sampleShape: [4, 8, 8]),
      labels: (0..<100).map { $0 % 10 }, scale: 3)
    let run = {
      _ = sampler.sample(like: Tensor.zeros([100, 4, 8, 8]), denoiser: denoiser, seed: 1)
    }
    let count = OperationCount.multiplyAdds(in: run)
    let start = Timing.clock()
    run()
    let first = Timing.clock() - start
    // One run is long; a few are enough.
    let times =
      [first]
      + (0..<max(1, Int(seconds / max(first, 0.1)))).map { _ in
        let start = Timing.clock()
        run()
        return Timing.clock() - start
      }
    return Row(
      name: "\(subject.rawValue), 100 images, 50 steps, guided",
      timing: Timing(times: times.sorted()),
      multiplyAdds: count, images: 100)
  }
}

/// The time from starting a chapter to its first line of output.
func measureStartup() -> [Row] {
  let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent()
  let chapter = folder.appendingPathComponent("chapter-00-forward-process")
  guard FileManager.default.isExecutableFile(atPath: chapter.path) else {
    FileHandle.standardError.write(
      Data("startup: build chapter-00-forward-process first (swift build)\n".utf8))
    return []
  }
  let times = (0..<9).compactMap { _ in timeToFirstLine(of: chapter) }.sorted()
  guard !times.isEmpty else { return [] }
  return [Row(name: "chapter-00-forward-process, first line", timing: Timing(times: times))]
}

private func timeToFirstLine(of program: URL) -> Double? {
  let start = Timing.clock()
  var time: Double?
  let arguments = [program.path, "--quick", "--figures", NSTemporaryDirectory()]
  _ = try? Subprocess.run(arguments, mergingErrors: true, atMost: 1) { _ in
    time = Timing.clock() - start
  }
  return time
}
