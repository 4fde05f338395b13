import Files
import Foundation

/// The CIFAR-10 data set in its binary layout (Krizhevsky, "Learning multiple layers of features
/// from tiny images", 2009): ten classes, 50,000 training and 10,000 test images of 32x32 pixels.
///
/// A file holds 10,000 records of 3,073 bytes: a label and the red, green and blue plane.
public enum CIFAR10 {
  /// The classes, in the order of their labels.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  /// The variable that names the folder of the files.
  public static let environmentVariable = "CIFAR10_DIR"

  /// Where `download` puts the files, under the folder that the program runs in.
  public static let downloadFolder = "data/cifar-10-batches-bin"

  /// The two parts of the data set.
  public enum Part: Sendable, CaseIterable {
    case training, test

    /// The files that hold this part.
    public var fileNames: [String] {
      switch self {
      case .training: return (1...5).map { "data_batch_\($0).bin" }
      case .test: return ["test_batch.bin"]
      }
    }
  }

  static let recordSize = 1 + 3 * 32 * 32
  static let recordsPerFile = 10_000
  static let remedy =
    "name the folder with --data or \(environmentVariable), "
    + "or fetch the data set: swift run chapter-07-latent-diffusion download"

  /// Finds the folder of the files: the one asked for, else the one that `CIFAR10_DIR` names, else
  /// the one that the download fills.
  ///
  /// - Throws: `Failure` if there is no such folder.
  public static func folder(
    _ asked: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(Failure) -> String {
    let named = asked ?? environment[environmentVariable].flatMap { $0.isEmpty ? nil : $0 }
    let path = named ?? downloadFolder
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw Failure(path, .missing, "there is no such folder", remedy: remedy)
    }
    guard isFolder.boolValue else {
      throw Failure(path, .missing, "this is a file, not a folder", remedy: remedy)
    }
    return path
  }

  /// Reads one part of the data set.
  ///
  /// - Parameters:
  ///   - part: training or test images.
  ///   - folder: the folder of the binary files.
  ///   - files: how many of the part's files to read; all if `nil`.
  /// - Throws: `Failure` that names the file: missing, unreadable, of a wrong size, or with a
  ///   label over 9.
  public static func load(
    _ part: Part, from folder: String, files: Int? = nil
  ) throws(Failure) -> LabeledImages {
    try load(part, from: folder, files: files, recordsPerFile: recordsPerFile)
  }

  static func load(
    _ part: Part, from folder: String, files: Int?, recordsPerFile: Int
  ) throws(Failure) -> LabeledImages {
    let names = part.fileNames.prefix(files ?? .max)
    var pixels = [UInt8]()
    var labels = [Int]()
    pixels.reserveCapacity(names.count * recordsPerFile * (recordSize - 1))
    labels.reserveCapacity(names.count * recordsPerFile)
    for name in names {
      let path = folder + "/" + name
      let data = try contents(of: path, recordsPerFile: recordsPerFile)
      try append(data, from: path, to: &pixels, &labels)
    }
    let name = part == .training ? "CIFAR-10 training images" : "CIFAR-10 test images"
    return LabeledImages(name: name, classNames: classNames, pixels: pixels, labels: labels)
  }

  private static func contents(
    of path: String, recordsPerFile: Int
  ) throws(Failure) -> Data {
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure(path, .missing, "there is no such file", remedy: remedy)
    }
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw Failure(
        path, .unreadable, "cannot be read", remedy: "check that you may read it")
    }
    let expected = recordsPerFile * recordSize
    if data.count != expected {
      let found =
        data.count.isMultiple(of: recordSize)
        ? "\(data.count / recordSize) records instead of \(recordsPerFile)"
        : data.count < expected
          ? "truncated: \(data.count) bytes instead of \(expected)"
          : "\(data.count) bytes instead of \(expected)"
      throw Failure(
        path, .wrongSize, found,
        remedy: "use the files of cifar-10-binary.tar.gz, or download them again")
    }
    return data
  }

  private static func append(
    _ data: Data, from path: String, to pixels: inout [UInt8], _ labels: inout [Int]
  ) throws(Failure) {
    var bad: (record: Int, label: UInt8)?
    unsafe data.withUnsafeBytes { bytes in
      for record in 0..<bytes.count / recordSize {
        let start = record * recordSize
        if unsafe bytes[start] > 9 {
          bad = unsafe (record, bytes[start])
          return
        }
        unsafe labels.append(Int(bytes[start]))
        unsafe pixels.append(contentsOf: bytes[start + 1..<start + recordSize])
      }
    }
    if let bad {
      throw Failure(
        path, .badLabel, "record \(bad.record) has the label \(bad.label), but labels end at 9",
        remedy: "use the CIFAR-10 binary files (not CIFAR-100 or Python's)")
    }
  }

  /// Reads a class from its name or number, or all of them from "all".
  ///
  /// - Throws: `Failure` that lists the classes.
  public static func classes(named text: String) throws(Failure) -> [Int] {
    if text == "all" { return Array(classNames.indices) }
    if let label = Int(text), classNames.indices.contains(label) { return [label] }
    if let label = classNames.firstIndex(of: text.lowercased()) { return [label] }
    throw Failure(
      text, .unknownClass, "there is no such class",
      remedy: "use all, a number from 0 to 9, or one of " + classNames.joined(separator: ", "))
  }
}
