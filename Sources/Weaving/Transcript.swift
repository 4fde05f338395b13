import Foundation

/// What one run of a chapter recorded, in order: the values, checks, tables and figures of its page.
public struct Transcript: Equatable, Sendable {
  /// The chapter's folder name, such as `00-forward-process`.
  public var chapter: String
  /// The seed of the run's random numbers.
  public var seed: UInt64
  /// Whether the run was a `--quick` one, with fewer samples.
  public var isQuick: Bool
  /// The digest of the code that ran; nil until `sealed(with:)`.
  public var digest: String?
  /// What was recorded. Before sealing, lines count lines of the source; afterwards, lines of code.
  public var events: [Event]

  public init(chapter: String, seed: UInt64, isQuick: Bool, events: [Event] = []) {
    self.chapter = chapter
    self.seed = seed
    self.isQuick = isQuick
    self.events = events
  }

  /// The checks, in order.
  public var checks: [CheckRecord] { events.compactMap { $0.check } }
  /// The figures, in order.
  public var figures: [FigureRecord] { events.compactMap { $0.figure } }
  /// The number of checks that passed.
  public var passedCount: Int { checks.count { $0.passed } }
  /// The number of checks that failed.
  public var failedCount: Int { checks.count { !$0.passed } }
}

/// One recorded output and the line of the call that recorded it.
public struct Event: Equatable, Sendable {
  public var line: Int
  public var content: Content

  public enum Content: Equatable, Sendable {
    case value(ValueRecord)
    case check(CheckRecord)
    case table(TableRecord)
    case figure(FigureRecord)
  }

  public init(line: Int, content: Content) {
    self.line = line
    self.content = content
  }

  /// The check, if the event is one.
  public var check: CheckRecord? {
    if case .check(let record) = content { record } else { nil }
  }

  /// The figure, if the event is one.
  public var figure: FigureRecord? {
    if case .figure(let record) = content { record } else { nil }
  }
}

/// A value that a chapter shows: a number with its unit, or a text.
public struct ValueRecord: Codable, Equatable, Sendable {
  public var label: String
  public var number: Double?
  /// The number's standard error, if it is a Monte-Carlo estimate.
  public var standardError: Double?
  public var text: String?
  public var unit: String?
  public var digits: Int?
  /// True for a number that no second run reproduces, such as a duration.
  public var volatile: Bool?

  public init(
    label: String, number: Double? = nil, standardError: Double? = nil, text: String? = nil,
    unit: String? = nil, digits: Int? = nil, volatile: Bool? = nil
  ) {
    self.label = label
    self.number = number
    self.standardError = standardError
    self.text = text
    self.unit = unit
    self.digits = digits
    self.volatile = volatile
  }

  /// The value as it is written, with its unit.
  public var written: String {
    var value = number.map { NumberText.short($0, digits: digits ?? 6) } ?? text ?? ""
    if let number, let standardError { value = NumberText.estimate(number, standardError) }
    return unit.map { value + " " + $0 } ?? value
  }
}

/// A table: named columns and rows of numbers and texts.
public struct TableRecord: Codable, Equatable, Sendable {
  public var title: String?
  public var columns: [ColumnRecord]
  public var rows: [[CellRecord]]

  public init(title: String?, columns: [ColumnRecord], rows: [[CellRecord]]) {
    self.title = title
    self.columns = columns
    self.rows = rows
  }
}

/// The head of a column and how its numbers are written.
public struct ColumnRecord: Codable, Equatable, Sendable {
  public var name: String
  public var digits: Int?
  public var decimals: Int?
  public var volatile: Bool?

  public init(name: String, digits: Int? = nil, decimals: Int? = nil, volatile: Bool? = nil) {
    self.name = name
    self.digits = digits
    self.decimals = decimals
    self.volatile = volatile
  }
}

/// One cell of a table.
public enum CellRecord: Equatable, Sendable {
  case number(Double)
  /// A Monte-Carlo mean and its standard error.
  case estimate(Double, Double)
  case text(String)
}

/// A figure: its files, its caption, and the words for those who cannot see it.
public struct FigureRecord: Codable, Equatable, Sendable {
  public var name: String
  public var caption: String
  public var alternative: String
  /// The files written; the first is the one that the page shows.
  public var files: [FigureFile]
  /// How wide the page shows it, in pixels; as wide as it is if nil.
  public var width: Int?

  public init(
    name: String, caption: String, alternative: String, files: [FigureFile], width: Int? = nil
  ) {
    self.name = name
    self.caption = caption
    self.alternative = alternative
    self.files = files
    self.width = width
  }
}

/// A file of a figure and the digest of its contents.
public struct FigureFile: Codable, Equatable, Sendable {
  public var name: String
  public var digest: String

  public init(name: String, digest: String) {
    self.name = name
    self.digest = digest
  }
}
