import Files
import Foundation

/// The folder of a training run.
///
/// ```
/// RUN/config.json            the configuration of the run
/// RUN/metrics.csv            one row every few updates, continued when the run is resumed
/// RUN/validation.csv         measurements on validation data
/// RUN/checkpoints/step-….safetensors     the last two checkpoints
/// RUN/samples/step-….png     samples during training
/// ```
public struct RunFolder: Sendable {
  public let path: String

  /// The number of checkpoints that are kept.
  public static let checkpointsKept = 2

  /// Starts a run in a new folder, or in an existing one without a run.
  ///
  /// - Throws: `Failure` if a run is there already or nothing can be written.
  public static func create(
    _ path: String, configuration: some Encodable
  ) throws(Failure) -> RunFolder {
    let folder = try prepare(path)
    try folder.write(configuration: configuration)
    return folder
  }

  /// Creates the folder of a run, which starts when its configuration is written.
  ///
  /// - Throws: `Failure` if a run is there already or nothing can be written.
  public static func prepare(_ path: String) throws(Failure) -> RunFolder {
    try checkFree(path)
    let folder = RunFolder(path: path)
    for sub in [path, folder.checkpointsPath, folder.samplesPath] {
      do {
        try FileManager.default.createDirectory(atPath: sub, withIntermediateDirectories: true)
      } catch {
        throw Failure(
          path, .unwritable, "cannot make this folder (\(Self.reason(error)))",
          remedy: "name a folder you may write in with --out")
      }
    }
    return folder
  }

  /// Throws `Failure` if the folder contains a run.
  public static func checkFree(_ path: String) throws(Failure) {
    guard FileManager.default.fileExists(atPath: RunFolder(path: path).configurationPath) else {
      return
    }
    throw Failure(
      path, .otherConfiguration, "holds a run already",
      remedy: "go on with it by --resume \(path), or name another folder with --out")
  }

  /// Opens the folder of an existing run.
  ///
  /// - Throws: `Failure` if there is none.
  public init(opening path: String) throws(Failure) {
    self.path = path
    guard FileManager.default.fileExists(atPath: configurationPath) else {
      throw Failure(
        path, .unreadable, "holds no run (no config.json)",
        remedy: "name the folder of a run, or start one with --out")
    }
  }

  init(path: String) { self.path = path }

  public var configurationPath: String { "\(path)/config.json" }
  public var metricsPath: String { "\(path)/metrics.csv" }
  public var validationPath: String { "\(path)/validation.csv" }
  public var samplesPath: String { "\(path)/samples" }
  var checkpointsPath: String { "\(path)/checkpoints" }

  // MARK: Locking

  /// Locks a run's folder against other processes while it exists.
  public final class Lock: Sendable {
    private let descriptor: Int32
    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
  }

  /// Locks the folder for this process.
  ///
  /// - Throws: `Failure` if another process trains in it.
  public func lock() throws(Failure) -> Lock {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { throw .reading(path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw Failure(
        path, .unwritable, "is in use by another process that trains",
        remedy: "wait until it ends, or name another folder with --out")
    }
    return Lock(descriptor)
  }

  // MARK: Configuration

  /// Writes the run's configuration.
  public func write(configuration: some Encodable) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      let text = try encoder.encode(configuration) + Data("\n".utf8)
      try AtomicFile.write(text, to: configurationPath)
    } catch let error as Failure {
      throw error
    } catch {
      fatalError("a configuration that cannot be written as JSON: \(error)")
    }
  }

  /// Reads the run's configuration.
  ///
  /// - Throws: `Failure` of kind `otherConfiguration` if it is not one of this type.
  public func configuration<Configuration: Decodable>(
    as type: Configuration.Type
  ) throws(Failure) -> Configuration {
    let data = try AtomicFile.read(configurationPath)
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw Failure(
        configurationPath, .otherConfiguration, "is not the configuration of such a run",
        remedy: "name the folder of a run that this command started")
    }
  }

  // MARK: Checkpoints

  /// The steps of the stored checkpoints, in order.
  public var checkpointSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
      return Int(name.dropFirst(5).dropLast(12))
    }.sorted()
  }

  /// The path of the checkpoint after `step` updates.
  public func checkpointPath(_ step: Int) -> String {
    "\(checkpointsPath)/step-\(Self.padded(step)).safetensors"
  }

  /// The path of the image of samples after `step` updates.
  public func samplePath(_ step: Int, name: String = "step") -> String {
    "\(samplesPath)/\(name)-\(Self.padded(step)).png"
  }

  /// Saves the state of `run` and deletes all but the last `checkpointsKept` checkpoints.
  public func save(_ run: TrainingRun) throws(Failure) {
    try run.save(to: checkpointPath(run.step))
    for old in checkpointSteps.dropLast(Self.checkpointsKept) { unsafe unlink(checkpointPath(old)) }
  }

  /// Restores the newest checkpoint of `run`; without checkpoints it starts from the beginning.
  public func restore(_ run: TrainingRun) throws(Failure) {
    guard let step = checkpointSteps.last else { return }
    try run.restore(from: checkpointPath(step))
  }

  private static func padded(_ step: Int) -> String {
    let digits = String(step)
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  private static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    guard let code = underlying?.code else { return (error as NSError).localizedDescription }
    return unsafe String(cString: strerror(Int32(code)))
  }
}
