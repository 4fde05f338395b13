import Foundation

/// Describes what went wrong and what to do about it, in one line.
///
/// The one error type of files, data sets, figures and commands. `description` is
/// `problem; remedy`, after the name of the file or address if there is one:
/// `weights.safetensors: is cut short; fetch or write it again`.
public struct Failure: Error, Sendable, Equatable {
  /// The kinds of failure, for programs that act on them.
  public enum Kind: Sendable, Equatable {
    /// The file or folder does not exist.
    case missing
    /// Reading or writing was refused.
    case unreadable, unwritable
    /// The content is not what the format prescribes.
    case notSafetensors, truncated, malformed, unsupportedNumbers, wrongSize, badLabel
    /// The content is that of another network or another run.
    case otherNames, otherShapes, otherConfiguration
    /// A class of this name does not exist.
    case unknownClass
    /// An archive was not fetched, not verified or not unpacked.
    case download, checksum, unpacking
    /// A program is not installed or does not start.
    case missingTool
    /// A figure cannot be rendered.
    case unknownExtension, missingFont, rendering
    /// An option or argument has a value that does not work, or all of them together do not.
    case invalidArgument
  }

  /// The file, folder, address or option that is wrong; empty where `problem` names it.
  public let subject: String
  /// The kind of failure.
  public let kind: Kind
  /// What is wrong, without a full stop.
  public let problem: String
  /// What the reader can do, as an imperative.
  public let remedy: String

  /// Creates the failure of a file, a folder or an address.
  public init(_ subject: String, _ kind: Kind, _ problem: String, remedy: String) {
    self.subject = subject
    self.kind = kind
    self.problem = problem
    self.remedy = remedy
  }

  /// Creates a failure whose `problem` names its subject, as in `--steps is 0`.
  public init(_ problem: String, kind: Kind = .invalidArgument, remedy: String) {
    self.init("", kind, problem, remedy: remedy)
  }
}

extension Failure: CustomStringConvertible, LocalizedError {
  /// One line: `subject: problem; remedy`, or `problem; remedy` without a subject.
  public var description: String {
    (subject.isEmpty ? "" : "\(subject): ") + "\(problem); \(remedy)"
  }

  /// The same line, for Foundation.
  public var errorDescription: String? { description }
}

extension Failure {
  /// Describes the last failed system call that read `path`.
  public static func reading(_ path: String, code: Int32 = errno) -> Failure {
    let remedy =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM: "choose a place you may read"
      case ENOTDIR: "name a file, not a folder"
      default: "check the path and the disk"
      }
    return Failure(path, .unreadable, "cannot be read: \(text(code))", remedy: remedy)
  }

  /// Describes the last failed system call that wrote `path`.
  public static func writing(_ path: String, code: Int32 = errno) -> Failure {
    let (problem, remedy) =
      switch code {
      case ENOENT, ENOTDIR: ("the folder does not exist", "create it first")
      case EACCES, EPERM, EROFS:
        ("no permission to write here", "choose another folder or change its permissions")
      case ENOSPC, EDQUOT: ("the disk is full", "free some space or choose another folder")
      case EISDIR: ("is a folder", "name a file")
      default: ("cannot be written: \(text(code))", "choose another place")
      }
    return Failure(path, .unwritable, problem, remedy: remedy)
  }

  private static func text(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
