import Foundation

/// What is wrong with a file, and what to do about it, in one line.
public struct FileError: Error, Sendable, Equatable {
  /// The kinds of trouble, for programs that act on them.
  public enum Kind: Sendable, Equatable {
    case unreadable, unwritable
    case notSafetensors, truncated, malformed, unsupportedNumbers
    case otherNames, otherShapes, otherConfiguration
  }

  public let path: String
  public let kind: Kind
  /// What was found, without a full stop.
  public let problem: String
  /// What the reader can do, as an imperative.
  public let remedy: String

  public init(_ path: String, _ kind: Kind, _ problem: String, remedy: String) {
    self.path = path
    self.kind = kind
    self.problem = problem
    self.remedy = remedy
  }

  /// Describes the last failed system call on `path`.
  static func system(_ path: String, _ kind: Kind, _ doing: String) -> FileError {
    let code = errno
    let remedy =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM, EROFS: "choose a place you may \(kind == .unreadable ? "read" : "write")"
      case ENOSPC, EDQUOT: "free some space or choose another disk"
      case EISDIR, ENOTDIR: "name a file, not a folder"
      default: "check the path and the disk"
      }
    let reason = String(cString: strerror(code))
    return FileError(path, kind, "cannot \(doing): \(reason)", remedy: remedy)
  }
}

extension FileError: CustomStringConvertible, LocalizedError {
  public var description: String { "\(path): \(problem); \(remedy)" }
  public var errorDescription: String? { description }
}
