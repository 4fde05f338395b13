import Foundation

/// Named arrays of numbers in a file: the safetensors format of PyTorch's libraries.
///
/// A file is the length of its header (eight bytes, little-endian), the header (JSON: for every
/// array its number format, its shape and the place of its bytes; and a dictionary of notes under
/// `__metadata__`), and the bytes, end to end.
public struct Safetensors: Sendable {
  /// An array of numbers in row-major order.
  public struct Entry: Sendable, Equatable {
    /// The extents; their product is the number of values.
    public let shape: [Int]
    /// The numbers, the last axis varying fastest.
    public let values: [Float]

    /// Creates an array of the given extents.
    ///
    /// - Precondition: `values` are as many as the product of `shape`.
    public init(shape: [Int], values: [Float]) {
      guard shape.reduce(1, *) == values.count else {
        fatalError("\(values.count) values do not fill the shape \(shape)")
      }
      self.shape = shape
      self.values = values
    }
  }

  /// The arrays by name.
  public var entries: [String: Entry]
  /// Notes that are stored beside the arrays.
  public var metadata: [String: String]

  /// Creates the content of a file.
  public init(entries: [String: Entry] = [:], metadata: [String: String] = [:]) {
    self.entries = entries
    self.metadata = metadata
  }

  /// Reads the file at `path`; 16-bit numbers are widened.
  ///
  /// - Throws: a failure when the file cannot be read, is cut short, or is not of the format.
  public init(reading path: String) throws(Failure) {
    let data = try AtomicFile.read(path)
    let (header, start) = try Self.header(of: data, path: path)
    try header.validate(payload: data.count - start, path: path)
    metadata = header.metadata
    entries = [:]
    unsafe data.withUnsafeBytes { bytes in
      for (name, field) in header.entries {
        guard let format = NumberFormat(rawValue: field.dtype) else { continue }
        let count = field.shape.reduce(1, *)
        let values = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
          initialized = count
          guard let numbers = buffer.baseAddress, count > 0 else { return }
          unsafe format.decode(
            bytes.baseAddress! + start + field.offsets[0], count: count, to: numbers)
        }
        entries[name] = Entry(shape: field.shape, values: values)
      }
    }
  }

  /// Reads the metadata of the file at `path`, and none of its arrays.
  ///
  /// - Throws: a failure when the file cannot be read or is not of the format.
  public static func metadata(at path: String) throws(Failure) -> [String: String] {
    let start = try AtomicFile.read(path, limit: 9)
    let length = start.count < 8 ? 0 : headerLength(start)
    let limit = 8 + Int(min(length, UInt64(SafetensorsHeader.longest)))
    return try header(of: AtomicFile.read(path, limit: limit), path: path).0.metadata
  }

  private static func headerLength(_ data: Data) -> UInt64 {
    data.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Splits a file into its header and the place where the bytes of its arrays start.
  static func header(of data: Data, path: String) throws(Failure) -> (SafetensorsHeader, Int) {
    guard data.count >= 8 else {
      throw Failure(
        path, .truncated, "has \(data.count) bytes, fewer than a safetensors file starts with",
        remedy: "fetch or write it again")
    }
    let length = headerLength(data)
    guard length >= 2, length <= SafetensorsHeader.longest else {
      throw Failure(
        path, .notSafetensors, "is not a safetensors file (a header of \(length) bytes)",
        remedy: "name a file of weights")
    }
    // The brace distinguishes a truncated file from one of another kind before its length is used.
    guard data.count == 8 || data[data.startIndex + 8] == UInt8(ascii: "{") else {
      throw Failure(
        path, .notSafetensors, "is not a safetensors file (no header)",
        remedy: "name a file of weights")
    }
    let start = 8 + Int(length)
    guard data.count >= start else {
      throw Failure(
        path, .truncated, "ends within its header, at \(data.count) of at least \(start) bytes",
        remedy: "fetch or write it again")
    }
    let text = data.subdata(in: data.startIndex + 8..<data.startIndex + start)
    do {
      return (try JSONDecoder().decode(SafetensorsHeader.self, from: text), start)
    } catch {
      throw Failure(
        path, .malformed, "has a header that is not of the format (\(Self.brief(error)))",
        remedy: "fetch or write it again")
    }
  }

  private static func brief(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .keyNotFound(_, let context), .dataCorrupted(let context):
      let place = context.codingPath.map(\.stringValue).joined(separator: " / ")
      return place.isEmpty ? "not JSON" : "at \(place)"
    @unknown default: return "not JSON"
    }
  }

  /// Writes the arrays to `path`, in `format`, in the order of their names: whole or not at all.
  ///
  /// - Throws: a failure of kind `unwritable`.
  public func write(to path: String, format: NumberFormat = .float32) throws(Failure) {
    let names = entries.keys.sorted()
    let header = headerText(names: names, format: format)
    try AtomicFile.write(to: path) { (writer) throws(Failure) in
      var length = UInt64(header.count).littleEndian
      try unsafe writer.write(Data(bytes: &length, count: 8))
      try writer.write(header)
      for name in names {
        guard let entry = entries[name] else { continue }
        try writer.write(Self.bytes(of: entry.values, format: format))
      }
    }
  }

  private static func bytes(of values: [Float], format: NumberFormat) -> Data {
    var data = Data(count: values.count * format.byteCount)
    if values.isEmpty { return data }
    unsafe data.withUnsafeMutableBytes { bytes in
      unsafe values.withUnsafeBufferPointer {
        unsafe format.encode($0.baseAddress!, count: values.count, to: bytes.baseAddress!)
      }
    }
    return data
  }

  /// The header, padded with spaces so that the numbers after it are aligned.
  private func headerText(names: [String], format: NumberFormat) -> Data {
    var fields: [String] = []
    if !metadata.isEmpty {
      let notes = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
      fields.append("\"__metadata__\":{\(notes.joined(separator: ","))}")
    }
    var offset = 0
    for name in names {
      guard let entry = entries[name] else { continue }
      let end = offset + entry.values.count * format.byteCount
      let shape = entry.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(json(name)):{\"dtype\":\"\(format.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Data("{\(fields.joined(separator: ","))}".utf8)
    text.append(Data(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return text
  }

  private func json(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A string is always encodable; the fallback keeps the expression total.
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
