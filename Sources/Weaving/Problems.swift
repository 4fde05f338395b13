/// Something wrong with a chapter, at a place in a file.
public struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file's path, relative to the package where that is known.
  public var file: String
  /// The line, counted from one, where there is one to name.
  public var line: Int?
  /// What is wrong and how to mend it.
  public var message: String

  public init(_ file: String, _ line: Int?, _ message: String) {
    self.file = file
    self.line = line
    self.message = message
  }

  public init(_ file: String, _ message: String) { self.init(file, nil, message) }

  /// `file:line: message`, as compilers write it.
  public var description: String {
    line.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
  }
}

/// All that is wrong, rather than the first of it.
public struct Problems: Error, Equatable, Sendable, CustomStringConvertible {
  public var list: [Problem]

  public init(_ list: [Problem]) { self.list = list }

  init(_ file: String, _ line: Int? = nil, message: String) {
    list = [Problem(file, line, message)]
  }

  public var description: String { list.map(\.description).joined(separator: "\n") }
}
