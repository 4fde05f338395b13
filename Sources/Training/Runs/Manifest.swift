import Files
import Foundation
import Learning
import Parallelism
import Tensors

/// Where weights come from: manifest.json beside them.
public struct Manifest: Codable, Sendable {
  /// One run of one stage of training.
  public struct Stage: Codable, Equatable, Sendable {
    public var command: String
    public var seed: UInt64
    public var data: String
    public var dataNote: String
    public var parameters: Int
    public var steps: Int
    public var imagesSeen: Int
    public var minutes: Double
    public var processor: String
    public var finished: String
    /// The commit of the code; nil where it is not known.
    public var commit: String?
    /// One entry per resumption, and one for the start; nil for a run that was not resumed.
    public var parts: [RunPart]?
    /// Averages over the last hundred updates.
    public var losses: [String: Double]
    /// Measured on test images, with the averaged weights.
    public var validation: [String: Double]
    /// The runs behind the weights that this one started from, oldest first; nil if those were
    /// random.
    public var earlier: [Stage]?

    /// This run and those before it, oldest first.
    public var lineage: [Stage] { (earlier ?? []) + [self] }
    /// The images and minutes of all training behind the weights.
    var totalImages: Int { lineage.reduce(0) { $0 + $1.imagesSeen } }
    var totalMinutes: Double { lineage.reduce(0) { $0 + $1.minutes } }
  }

  public var autoencoder: Stage?
  public var denoiser: Stage?
  public var classifier: Stage?
  public var pixels: Stage?
  /// How the numbers are kept.
  public var format: String?

  static let fileName = "manifest.json"

  init() {}

  /// Reads the manifest in `folder`; empty if there is none.
  ///
  /// - Throws: `Failure` if the file is no manifest.
  public init(in folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return }
    let data = try AtomicFile.read(path)
    do {
      self = try JSONDecoder().decode(Manifest.self, from: data)
    } catch {
      throw Failure(
        path, .malformed, "is not a manifest of weights", remedy: "write the weights again")
    }
  }

  /// Reads the manifest that belongs to weights at `path`, a folder or a file in it.
  init(beside path: String) throws {
    var isFolder: ObjCBool = false
    _ = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    try self.init(
      in: isFolder.boolValue ? path : URL(filePath: path).deletingLastPathComponent().path)
  }

  /// The run behind the weights of one stage.
  subscript(name: StageName) -> Stage? {
    get { self[keyPath: Self.path(name)] }
    set { self[keyPath: Self.path(name)] = newValue }
  }

  private static func path(_ name: StageName) -> WritableKeyPath<Manifest, Stage?> {
    switch name {
    case .autoencoder: \.autoencoder
    case .denoiser: \.denoiser
    case .classifier: \.classifier
    case .pixels: \.pixels
    }
  }

  /// Takes over the stages that `other` has.
  mutating func take(_ other: Manifest) {
    for name in StageName.allCases { self[name] = other[name] ?? self[name] }
  }

  /// Writes the manifest into `folder`.
  func write(in folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = try encoder.encode(self) + Data("\n".utf8)
    try AtomicFile.write(text, to: "\(folder)/\(Self.fileName)")
  }
}

extension Manifest.Stage {
  /// Describes a run as it stands after `step`.
  init(
    _ settings: RunSettings, parameters: Int, step: TrainingStep, losses: [String: Double],
    validation: [String: Double]
  ) {
    self.init(
      command: settings.command, seed: settings.plan.seed, data: settings.data.source,
      dataNote: settings.data.note, parameters: parameters, steps: step.step,
      imagesSeen: step.images, minutes: step.seconds / 60, processor: Self.processor,
      finished: Self.today, commit: SourceCode.commit, parts: settings.parts, losses: losses,
      validation: validation, earlier: settings.earlier)
  }

  /// The processor's name and the number of its cores in use.
  static var processor: String {
    "\(Parallel.threadCount) threads of \(Processor.name ?? "an unnamed processor")"
  }

  private static var today: String { Date.now.formatted(.iso8601.year().month().day()) }
}
