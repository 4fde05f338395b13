import Diffusion
import Figures
import Foundation
import Probability

/// The example of the root README, line for line; `ReadmeTests` compares the two.
func runReadmeExample() throws {
  let data = MultivariateMixture.ring()  // eight Gaussians on a circle
  let schedule = NoiseSchedule.cosine()
  let denoiser = ExactDenoiser(data, schedule)  // a trained network goes here
  let sampler = Sampler(.ddim(), schedule: schedule, timesteps: schedule.timesteps(50))
  let points = sampler.sample(
    like: PointSet(zeros: 500, dimensions: 2), denoiser: denoiser, seed: 1)
  let plot = Plot(title: "500 samples", x: "$x_1$", y: "$x_2$")
    .scatter(points.column(0), points.column(1)).equalAspect()
  try plot.write(to: URL(fileURLWithPath: "samples.svg"))
}
