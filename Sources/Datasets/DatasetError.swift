import Foundation

/// What is wrong with data that a program was pointed to, and what to do about it, in one line.
public struct DatasetError: Error, Sendable, Equatable {
  /// The kinds of trouble, for programs that act on them.
  public enum Kind: Sendable, Equatable {
    case missing, unreadable, unwritable, wrongSize, badLabel, unknownClass
    case download, checksum, unpacking, missingTool
  }

  /// The file, folder, address or option that is wrong.
  public let subject: String
  /// What kind of trouble it is.
  public let kind: Kind
  /// What was found, without a full stop.
  public let problem: String
  /// What the reader can do, as an imperative.
  public let remedy: String

  /// Creates an error.
  public init(_ subject: String, _ kind: Kind, _ problem: String, remedy: String) {
    self.subject = subject
    self.kind = kind
    self.problem = problem
    self.remedy = remedy
  }
}

extension DatasetError: CustomStringConvertible, LocalizedError {
  public var description: String { "\(subject): \(problem); \(remedy)" }
  public var errorDescription: String? { description }
}
