import Foundation

extension Event: Codable {
  private enum Keys: String, CodingKey { case event, line }
  private enum Kind: String, Codable { case value, check, table, figure }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    line = try container.decode(Int.self, forKey: .line)
    switch try container.decode(Kind.self, forKey: .event) {
    case .value: content = .value(try ValueRecord(from: decoder))
    case .check: content = .check(try CheckRecord(from: decoder))
    case .table: content = .table(try TableRecord(from: decoder))
    case .figure: content = .figure(try FigureRecord(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(line, forKey: .line)
    switch content {
    case .value(let record):
      try container.encode(Kind.value, forKey: .event)
      try record.encode(to: encoder)
    case .check(let record):
      try container.encode(Kind.check, forKey: .event)
      try record.encode(to: encoder)
    case .table(let record):
      try container.encode(Kind.table, forKey: .event)
      try record.encode(to: encoder)
    case .figure(let record):
      try container.encode(Kind.figure, forKey: .event)
      try record.encode(to: encoder)
    }
  }

  /// The event as one line of JSON. Numbers that are not finite are texts: `"nan"`, `"inf"`.
  public var json: String { compactJSON(self) }

  /// Reads an event from a line of JSON; nil if the line is something else.
  public init?(json: String) {
    guard let event = try? jsonDecoder().decode(Event.self, from: Data(json.utf8)) else {
      return nil
    }
    self = event
  }
}

extension CellRecord: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let pair = try? container.decode([Double].self), pair.count == 2 {
      self = .estimate(pair[0], pair[1])
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .estimate(let mean, let error): try container.encode([mean, error])
    case .text(let text): try container.encode(text)
    }
  }
}

extension Transcript {
  private struct File: Decodable {
    var chapter: String
    var seed: UInt64
    var quick: Bool
    var digest: String?
    var events: [Event]
  }

  /// The transcript as JSON text, an event a line so that differences read well.
  public var json: String {
    var head = [
      "\"chapter\": \(compactJSON(chapter))", "\"seed\": \(seed)", "\"quick\": \(isQuick)",
    ]
    if let digest { head.append("\"digest\": \(compactJSON(digest))") }
    head.append("\"passed\": \(passedCount), \"failed\": \(failedCount)")
    let lines = events.map { "    " + $0.json }.joined(separator: ",\n")
    return "{\n  " + head.joined(separator: ",\n  ") + ",\n  \"events\": [\n" + lines + "\n  ]\n}\n"
  }

  /// Reads a transcript back.
  ///
  /// - Throws: `Problems` that names `file` if the text is not a transcript.
  public init(json: String, file: String) throws(Problems) {
    do {
      let read = try jsonDecoder().decode(File.self, from: Data(json.utf8))
      self.init(chapter: read.chapter, seed: read.seed, isQuick: read.quick, events: read.events)
      digest = read.digest
    } catch {
      throw Problems(file, message: "is no transcript; run the chapter again")
    }
  }
}

/// `value` as JSON on one line, with sorted keys.
func compactJSON(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  guard let data = try? encoder.encode(value) else { fatalError("a record that JSON cannot hold") }
  return String(decoding: data, as: UTF8.self)
}

private func jsonDecoder() -> JSONDecoder {
  let decoder = JSONDecoder()
  decoder.nonConformingFloatDecodingStrategy = .convertFromString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return decoder
}
