import ArgumentParser
import Foundation
import Parallelism
import Tensors

let arguments = Arguments.parseOrExit()
if let threads = arguments.threads { Parallel.threadCount = threads }
if arguments.processorTime {
  Parallel.threadCount = 1
  unsafe Timing.countsProcessorTime = true
}

let report = Report(asJSON: arguments.json)
report.header()
let peak = matrixProductPeak(seconds: arguments.seconds / 4)
report.peak(peak)
for name in arguments.chosen {
  switch name {
  case .unetSmall, .unetBase, .unetCourse, .vae:
    report.network(
      measureNetwork(
        name, arguments.part, batches: arguments.batches, seconds: arguments.seconds), peak: peak)
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
  case unetCourse = "unet-course"
  case vae
  case gemm, conv, norm, attention, sampler, startup
}

/// What is measured of a network.
enum Part: String, CaseIterable, ExpressibleByArgument {
  case all, training, forward
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

  @Option(help: "What to measure of a network: all, training or forward.")
  var part = Part.all

  @Option(
    name: .customLong("batch"), parsing: .upToNextOption,
    help: "Batch sizes of the forward passes (default: the training step's, 16 and 1).")
  var batches: [Int] = []

  @Flag(help: "Count the time that one thread runs, to compare kernels on a busy machine.")
  var processorTime = false

  @Flag(help: "Print one JSON object a line.")
  var json = false

  var chosen: [Subject] { subjects.isEmpty ? Subject.allCases : subjects }

  func validate() throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads is \(threads); give at least 1")
    }
    if let batch = batches.first(where: { $0 < 1 }) {
      throw ValidationError("--batch is \(batch); give at least 1")
    }
    if !(seconds > 0) { throw ValidationError("--seconds is \(seconds); give more than 0") }
  }
}
