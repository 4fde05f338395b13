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
  @Option(help: "The turns of each kind of work.") var rounds = 7
  @Option(help: "The least seconds of a turn.") var seconds = 1.0
  @Option(help: "The file whose lock gives this program its turns.") var lock: String?
  @Option(help: "A folder with the weights of the last chapter's model.") var weights: String?

  func validate() throws {
    try requirePositive(seconds: seconds)
    if !network.isNetwork { throw ValidationError("\(network.rawValue) is no network") }
  }

  func run() throws {
    _ = common.begin()
    let turns = try Turns(lock: lock)
    if network != .unetCourse { measureTrainingAndForward(turns) }
    guard network != .vae else { return }
    var unet = makeUNet(network)
    if network == .unetCourse, let weights {
      unet = try LatentDiffusionModel(loadingDenoiser: weights, autoencoder: nil).denoiser.network
    }
    // 50 passes need no other ones before them to warm up.
    let sampling = GuidedSampling(unet)
    let times = turns.seconds(
      ofRuns: sampling.run, count: (rounds + 3) / 4, seconds: seconds, warmingUp: false)
    emit(.sampling, sampling.images, times)
  }

  private func measureTrainingAndForward(_ turns: Turns) {
    let batch = network.trainingBatch
    let work = turns.take { networkWork(network) }
    var optimizer = AdamW(work.parameters)
    let loss = turns.take { work.loss(batch) }
    let times = turns.seconds(
      ofRuns: { optimizer.step(on: loss) }, count: rounds, seconds: seconds)
    emit(.training, batch, times, memory: Memory.peak)
    for size in [batch, 16, 1] {
      let pass = turns.take { work.forward(size) }
      emit(
        .forward, size,
        turns.seconds(
          ofRuns: { pass(Tape(recording: false)) }, count: rounds, seconds: seconds))
    }
  }

  private func emit(
    _ work: NetworkRun.Work, _ images: Int, _ times: [Double], memory: Double? = nil
  ) {
    let run = NetworkRun(
      network: network.rawValue, work: work, images: images, times: times, memory: memory)
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
  /// The seconds of a run in each turn.
  let times: [Double]
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
