import ArgumentParser
import Autodiff
import Figures
import Learning
import Models
import Probability
import Tensors

/// What a stage takes where its options do not say otherwise.
struct StageDefaults: Sendable {
  let name: StageName
  /// What the command does, for its help.
  let abstract: String
  /// What is trained, for messages.
  let noun: String
  /// The command that uses the weights next; the run's folder follows it.
  let next: String
  let batchSize: Int
  let learningRate: Double
  let averageDecay: Double
  var clipNorm = 1.0
  var weightDecay = 0.01
  /// How many training examples an image gives.
  var examplesPerImage = 1
}

/// The options of one stage of training, and how a run follows from them.
protocol StageOptions: ParsableArguments {
  associatedtype Stage: TrainingStage
  associatedtype Configuration: StageConfiguration
  /// A network to start from, with what belongs to it.
  associatedtype Origin
  /// Weights of other stages that the run needs.
  associatedtype Inputs = Void

  static var defaults: StageDefaults { get }

  /// Reads the network at `path`; refuses one that differs from what the options ask for.
  func origin(at path: String) throws -> Origin

  /// Reads the weights of other stages that the options name, before anything is written.
  ///
  /// - Parameter run: the configuration of a resumed run.
  func inputs(resuming run: Configuration?) throws -> Inputs

  /// The configuration of a new run.
  func configuration(
    _ settings: RunSettings, _ images: TrainingData, origin: Origin?, inputs: Inputs
  ) throws -> Configuration

  /// Refuses options that differ from what the run in `folder` was started with.
  func agree(with run: Configuration, folder: String) throws

  /// The feature loss that the run has from now on.
  func features(of run: Configuration) throws -> FeatureSettings?

  /// What is trained in `folder`; fills in what the configuration only now can hold.
  func stage(
    _ run: inout Configuration, in folder: RunFolder, _ images: TrainingData, origin: Origin?,
    inputs: Inputs
  ) throws -> Stage
}

extension StageOptions {
  func features(of run: Configuration) -> FeatureSettings? { nil }
}

extension StageOptions where Inputs == Void {
  func inputs(resuming run: Configuration?) {}
}

/// A network in training: its loss, and what is written and measured at checkpoints.
protocol TrainingStage {
  var parameters: [Parameter] { get }
  /// The names of the parts of the loss.
  var lossParts: [String] { get }

  /// The loss of one batch.
  ///
  /// - Parameter generator: the random numbers of this update.
  func loss(of examples: [Int], tape: Tape, generator: RandomGenerator) -> BatchLoss

  /// Writes the weights into a run's folder.
  func save(in folder: String) throws

  /// The names of the measurements.
  var columns: [String] { get }

  /// Measures the network on test images.
  ///
  /// - Parameter isLast: whether the run ends here.
  func measure(isLast: Bool) -> [String: Double]

  /// The measurements in a few words.
  func summary(_ measured: [String: Double]) -> String

  /// An image of what the network does, and the first part of its file's name.
  func image() -> (name: String, image: Picture)?
}

extension TrainingStage {
  var lossParts: [String] { [] }
  var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }
  func image() -> (name: String, image: Picture)? { nil }

  /// The updates of a training, as a sequence.
  func run(_ plan: TrainingPlan, order: BatchSampler) -> TrainingRun {
    var order = order
    return TrainingRun(parameters, plan: plan) { tape, step, generator in
      loss(of: order.batch(step), tape: tape, generator: generator)
    }
  }
}
