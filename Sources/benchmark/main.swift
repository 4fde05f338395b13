import ArgumentParser
import Foundation
import Tensors

let arguments = Arguments.parseOrExit()
if let threads = arguments.threads { Parallel.threadCount = threads }

let report = Report(asJSON: arguments.json)
report.header()
let peak = matrixProductPeak(seconds: arguments.seconds / 4)
report.peak(peak)
for name in arguments.chosen {
  switch name {
  case .unetSmall, .unetBase, .vae:
    report.network(measureNetwork(name, seconds: arguments.seconds), peak: peak)
  case .gemm: report.rows("gemm", measureProducts(seconds: arguments.seconds / 10), peak: peak)
  case .conv: report.rows("conv", measureConvolutions(seconds: arguments.seconds / 10), peak: peak)
  case .norm: report.rows("norm", measureNorms(seconds: arguments.seconds / 10), peak: nil)
  case .attention:
    report.rows("attention", measureAttention(seconds: arguments.seconds / 10), peak: peak)
  case .sampler: report.rows("sampler", measureSampler(seconds: arguments.seconds), peak: peak)
  case .startup: report.rows("startup", measureStartup(), peak: nil)
  }
}

/// What can be measured.
enum Subject: String, CaseIterable, ExpressibleByArgument {
  case unetSmall = "unet-small"
  case unetBase = "unet-base"
  case vae
  case gemm, conv, norm, attention, sampler, startup
}

/// The options of the benchmark.
struct Arguments: ParsableArguments {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures the speed of the kernels, the training step and the sampler.")

  @Argument(help: "What to measure; everything if nothing is named.")
  var subjects: [Subject] = []

  @Option(help: "Threads to use (default: all cores).")
  var threads: Int?

  @Option(help: "Seconds to spend on each network; kernels take a tenth.")
  var seconds = 10.0

  @Flag(help: "Print one JSON object a line.")
  var json = false

  var chosen: [Subject] { subjects.isEmpty ? Subject.allCases : subjects }

  func validate() throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads is \(threads); give at least 1")
    }
    if !(seconds > 0) { throw ValidationError("--seconds is \(seconds); give more than 0") }
  }
}
