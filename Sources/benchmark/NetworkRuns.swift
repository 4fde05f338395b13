import ArgumentParser
import Autodiff
import Foundation
import Learning
import Models
import Networks
import Tensors

/// Measures one network in this process, as `pytorch_networks.py` does: our half of the comparison.
///
/// Prints one JSON object for each kind of work. The training step comes first, so that the peak
/// memory is that of training.
struct NetworkRuns: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network-runs", abstract: "Measures one network for a comparison.",
    shouldDisplay: false)

  @Argument var network: Subject
  @OptionGroup var common: CommonOptions
  @Option var seconds = 10.0
  @Option(help: "A folder with the weights of the last chapter's model.") var weights: String?

  func validate() throws {
    try requirePositive(seconds: seconds)
    if !network.isNetwork { throw ValidationError("\(network.rawValue) is no network") }
  }

  func run() throws {
    _ = common.begin()
    if network != .unetCourse { measureTrainingAndForward() }
    guard network != .vae else { return }
    var unet = makeUNet(network)
    if network == .unetCourse, let weights {
      unet = try LatentDiffusionModel(loadingDenoiser: weights, autoencoder: nil).denoiser.network
    }
    let sampling = GuidedSampling(unet)
    sampling.run()
    emit(.sampling, sampling.images, sampling.timing(seconds: seconds))
  }

  private func measureTrainingAndForward() {
    let work = networkWork(network)
    let batch = network.trainingBatch
    var optimizer = AdamW(work.parameters)
    let loss = work.loss(batch)
    let timing = Timing.of({ optimizer.step(on: loss) }, seconds: seconds)
    emit(.training, batch, timing, memory: Memory.peak)
    for size in [batch, 16, 1] {
      let pass = work.forward(size)
      emit(.forward, size, .of({ pass(Tape(recording: false)) }, seconds: seconds / 4))
    }
  }

  private func emit(
    _ work: NetworkRun.Work, _ images: Int, _ timing: Timing, memory: Double? = nil
  ) {
    let run = NetworkRun(
      network: network.rawValue, work: work, images: images, fastest: timing.fastest,
      median: timing.median, memory: memory)
    print(run.json)
    fflush(nil)
  }
}

extension Subject {
  /// The images of a training step.
  var trainingBatch: Int { self == .vae ? 64 : 128 }
}

/// The times of one kind of work in one process: a line of `NetworkRuns` and of
/// `pytorch_networks.py`.
struct NetworkRun: Codable, Equatable {
  enum Work: String, Codable {
    case training, forward, sampling
  }

  let network: String
  let work: Work
  /// Images of a step or pass, or images that are sampled.
  let images: Int
  /// Seconds of the fastest run.
  let fastest: Double
  /// The median of the seconds of all runs.
  let median: Double
  /// The peak memory of the process in MiB; with the training step only.
  var memory: Double?

  /// The line.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let data = try? encoder.encode(self) else { fatalError("a run has finite numbers") }
    return String(decoding: data, as: UTF8.self)
  }

  /// Reads the lines of a program; those that are no JSON objects are left out.
  static func runs(in output: String) -> [NetworkRun] {
    output.split(whereSeparator: \.isNewline)
      .compactMap { try? JSONDecoder().decode(NetworkRun.self, from: Data($0.utf8)) }
  }
}
