import Autodiff
import Files
import Foundation
import Models
import Tensors

/// The complete state of a training run: the weights, the optimizer's moments, the average of the
/// weights, the step and the seed.
///
/// It is one safetensors file, written atomically, with the state of the run as JSON in its metadata.
/// All tensors are stored in single precision, and all random numbers depend only on seed and step, so
/// a resumed run computes bit for bit what an uninterrupted run does.
public struct Checkpoint: Sendable {
  /// The state of a run apart from its tensors.
  public struct State: Sendable, Equatable, Codable {
    /// The number of updates made.
    public var step: Int
    public var seed: UInt64
    /// The options that must not change when the run is resumed, by name.
    public var configuration: [String: String]
    /// Other values of the run, such as the scale of its latents or its best loss so far.
    public var notes: [String: String]

    public init(
      step: Int, seed: UInt64, configuration: [String: String] = [:], notes: [String: String] = [:]
    ) {
      self.step = step
      self.seed = seed
      self.configuration = configuration
      self.notes = notes
    }
  }

  private struct Record: Codable {
    var state: State
    var optimizerStep: Int
    var averageUpdates: Int?
  }

  /// Writes a checkpoint to `path`.
  ///
  /// - Throws: `Failure` of kind `unwritable`; an older checkpoint at `path` is then untouched.
  public static func save(
    to path: String, state: State, optimizer: AdamW, average: ExponentialMovingAverage? = nil
  ) throws(Failure) {
    let parameters = optimizer.parameters
    var tensors = namedTensors(parameters, prefix: "weights/")
    for (index, parameter) in parameters.enumerated() {
      tensors["first moments/" + parameter.name] = optimizer.firstMoments[index]
      tensors["second moments/" + parameter.name] = optimizer.secondMoments[index]
    }
    for (parameter, value) in zip(average?.parameters ?? [], average?.averages ?? []) {
      tensors["averages/" + parameter.name] = value
    }
    let record = Record(
      state: state, optimizerStep: optimizer.step, averageUpdates: average?.updates)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(record) else {
      fatalError("a checkpoint's state is always encodable")
    }
    try Safetensors(tensors: tensors, metadata: ["run": String(decoding: text, as: UTF8.self)])
      .write(to: path)
  }

  /// Reads the state of the checkpoint at `path`, without its tensors.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or not a checkpoint.
  public static func state(at path: String) throws(Failure) -> State {
    try record(in: Safetensors.metadata(at: path), path: path).state
  }

  /// Reads the averages of the weights of `parameters` from the checkpoint at `path`.
  ///
  /// - Throws: `Failure` if the file is missing, damaged, or of another network.
  public static func averages(
    of parameters: [Parameter], at path: String
  ) throws(Failure) -> [Tensor] {
    try Safetensors(reading: path).values(for: parameters, prefix: "averages/", path: path)
  }

  /// Restores weights, optimizer and average from the checkpoint at `path`. If it throws, nothing has
  /// changed.
  ///
  /// - Parameter configuration: The options of the resumed run.
  /// - Throws: `Failure` if the file is damaged, belongs to another network, or was written with other
  ///   options, which the message names.
  public static func restore(
    from path: String, optimizer: inout AdamW, average: inout ExponentialMovingAverage?,
    configuration: [String: String]? = nil
  ) throws(Failure) -> State {
    let file = try Safetensors(reading: path)
    let record = try record(in: file.metadata, path: path)
    if let configuration { try compare(record.state.configuration, configuration, path) }
    let parameters = optimizer.parameters
    let weights = try file.values(for: parameters, prefix: "weights/", path: path)
    let first = try file.values(for: parameters, prefix: "first moments/", path: path)
    let second = try file.values(for: parameters, prefix: "second moments/", path: path)
    if let tracked = average?.parameters {
      average?.averages = try file.values(for: tracked, prefix: "averages/", path: path)
      average?.updates = record.averageUpdates ?? 0
    }
    for (parameter, weight) in zip(parameters, weights) { parameter.value = weight }
    optimizer.firstMoments = first
    optimizer.secondMoments = second
    optimizer.step = record.optimizerStep
    return record.state
  }

  private static func record(
    in metadata: [String: String], path: String
  ) throws(Failure) -> Record {
    guard let text = metadata["run"],
      let record = try? JSONDecoder().decode(Record.self, from: Data(text.utf8))
    else {
      throw Failure(
        path, .malformed, "is not a checkpoint of a training run",
        remedy: "name one that a run wrote")
    }
    return record
  }

  private static func compare(
    _ saved: [String: String], _ asked: [String: String], _ path: String
  ) throws(Failure) {
    let different = Set(saved.keys).union(asked.keys).filter { saved[$0] != asked[$0] }.sorted()
    guard different.isEmpty else {
      let list = different.map { "\($0) \(saved[$0] ?? "unset"), now \(asked[$0] ?? "unset")" }
      throw Failure(
        path, .otherConfiguration, "was made under \(list.joined(separator: "; "))",
        remedy: "resume with the same options or start another run")
    }
  }
}
