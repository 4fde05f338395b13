import ArgumentParser
import Parallelism

/// What can be measured.
enum Subject: String, CaseIterable, ExpressibleByArgument {
  case unetSmall = "unet-small"
  case unetBase = "unet-base"
  case unetCourse = "unet-course"
  case vae
  case gemm, conv, norm, attention, sampler, startup

  /// Whether the subject is a network.
  var isNetwork: Bool { [.unetSmall, .unetBase, .unetCourse, .vae].contains(self) }
}

/// What is measured of a network.
enum Part: String, CaseIterable, ExpressibleByArgument {
  case all, training, forward
}

/// Measures what is named: the default command.
struct Measure: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures kernels, networks, the sampler and the start of chapters.")

  @Argument(help: "What to measure; everything if nothing is named.")
  var subjects: [Subject] = []

  @OptionGroup var common: CommonOptions

  @Option(help: "Seconds for each network, or each kind of work if compared; kernels take a tenth.")
  var seconds = 10.0

  @Option(help: "What to measure of a network: all, training or forward.")
  var part = Part.all

  @Option(
    name: .customLong("batch"), parsing: .upToNextOption,
    help: "Batch sizes of the forward passes (default: the training step's, 16 and 1).")
  var batches: [Int] = []

  @Flag(help: "Count the time that one thread runs, to compare kernels on a busy machine.")
  var processorTime = false

  @Option(
    help: ArgumentHelp(
      "Compare the networks with PyTorch, run by this Python.", valueName: "python"))
  var against: String?

  @Option(help: "Turns of each side of the comparison, for each kind of work (default: 7).")
  var rounds: Int?

  func validate() throws {
    try requirePositive(seconds: seconds)
    if let batch = batches.first(where: { $0 < 1 }) {
      throw ValidationError("--batch is \(batch); give at least 1")
    }
    if let rounds, rounds < 1 { throw ValidationError("--rounds is \(rounds); give at least 1") }
    guard against != nil else {
      if rounds != nil { throw ValidationError("--rounds is for --against PYTHON") }
      return
    }
    if let other = subjects.first(where: { !$0.isNetwork }) {
      throw ValidationError("--against compares networks; \(other.rawValue) is none")
    }
    if processorTime || part != .all || !batches.isEmpty {
      throw ValidationError("--against takes neither --processor-time nor --part nor --batch")
    }
  }

  func run() throws {
    let report = common.begin()
    if let against {
      let comparison = PyTorchComparison(
        python: against, subjects: subjects.isEmpty ? PyTorchComparison.subjects : subjects,
        rounds: rounds ?? 7, seconds: seconds)
      return try comparison.run(report)
    }
    if processorTime {
      Parallel.threadCount = 1
      unsafe Timing.countsProcessorTime = true
    }
    report.header()
    let peak = matrixProductPeak(seconds: seconds / 4)
    report.peak(peak)
    for subject in subjects.isEmpty ? Subject.allCases : subjects {
      measure(subject, report, peak: peak)
    }
  }

  private func measure(_ subject: Subject, _ report: Report, peak: Row) {
    switch subject {
    case .unetSmall, .unetBase, .unetCourse, .vae:
      report.network(
        measureNetwork(subject, part, batches: batches, seconds: seconds), peak: peak)
    case .gemm: report.rows("gemm", measureProducts(seconds: seconds / 10), peak: peak)
    case .conv: report.rows("conv", measureConvolutions(seconds: seconds / 10), peak: peak)
    case .norm: report.rows("norm", measureNorms(seconds: seconds / 10), peak: nil)
    case .attention: report.rows("attention", measureAttention(seconds: seconds / 10), peak: peak)
    case .sampler: report.rows("sampler", measureSampler(seconds: seconds), peak: peak)
    case .startup: report.rows("startup", measureStartup(), peak: nil)
    }
  }
}
