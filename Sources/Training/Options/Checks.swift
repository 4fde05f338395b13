import Files
import Foundation
import Learning

/// Refuses an option that is not above 0.
func checkPositive<Value: Comparable & Numeric>(_ option: String, _ value: Value?) throws {
  guard let value, !(value > 0 && (value as? Double)?.isFinite ?? true) else { return }
  throw Failure(
    "\(option) is \(value)", remedy: value is Int ? "give 1 or more" : "give a number above 0")
}

/// Refuses an option below 0.
func checkNotNegative<Value: Comparable & Numeric>(_ option: String, _ value: Value?) throws {
  guard let value, !(value >= 0 && (value as? Double)?.isFinite ?? true) else { return }
  throw Failure("\(option) is \(value)", remedy: "give 0 or more")
}

/// Refuses an option that is no finite number.
func checkFinite(_ option: String, _ values: [Double]) throws {
  guard let value = values.first(where: { !$0.isFinite }) else { return }
  throw Failure("\(option) is \(value)", remedy: "give a number, as in 3")
}

/// Refuses channels that do not divide into groups, whose number another option sets.
func checkSizes(_ name: String, _ channels: [Int], groups: Int, option: String) throws {
  try checkPositive(option, groups)
  for value in channels {
    try checkPositive(name, value)
    guard value % groups == 0 else {
      throw Failure(
        "\(name) has \(value) channels, which do not divide into \(groups) groups",
        remedy: "give multiples of \(groups), or another number of groups with \(option)")
    }
  }
}

/// Refuses an option whose value differs from the one that the run in `folder` was started with.
func checkAgreement<Value: Equatable>(
  _ option: String, _ given: Value?, _ recorded: Value, _ folder: String
) throws {
  guard let given, given != recorded else { return }
  throw Failure(
    folder, .otherConfiguration, "was started with \(option) \(recorded), not \(given)",
    remedy: "leave \(option) out, or start another run with --out")
}

/// Refuses a file that cannot be written before time is spent on its content.
func checkWritable(_ path: String) throws {
  func refuse(_ problem: String, _ remedy: String) -> Failure {
    Failure(path, .unwritable, problem, remedy: remedy)
  }
  let folder = URL(filePath: path).deletingLastPathComponent().path
  let manager = FileManager.default
  var isFolder: ObjCBool = false
  guard unsafe manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
    throw refuse(
      "lies in a folder that does not exist",
      "make the folder \(folder), or name another file with --output")
  }
  if unsafe manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    throw refuse("is a folder", "name a file with --output, as in \(path)/samples.png")
  }
  guard ["png", "svg", "pdf"].contains(URL(filePath: path).pathExtension.lowercased()) else {
    throw refuse("has no known kind of file in its name", "let --output end in .png, .svg or .pdf")
  }
  guard manager.isWritableFile(atPath: folder) else {
    throw refuse("lies in a folder that is not writable", "name another file with --output")
  }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String, option: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw Failure(
      path, .unwritable, "cannot make this folder", remedy: "name another place with \(option)")
  }
}
