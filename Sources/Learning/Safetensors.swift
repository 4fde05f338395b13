import Foundation
import Tensors

/// Named tensors in a file: the safetensors format, in which PyTorch's libraries keep weights too.
///
/// A file is the length of its header (eight bytes, little-endian), the header (JSON: for every
/// tensor its numbers' format, its shape and where its bytes lie; and a table of notes under
/// `__metadata__`), and the bytes, end to end.
public struct Safetensors: Sendable {
  /// The tensors by name.
  public var tensors: [String: Tensor]
  /// Notes that travel with them.
  public var metadata: [String: String]

  public init(tensors: [String: Tensor] = [:], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Reads the file at `path`; 16-bit numbers are widened.
  ///
  /// - Throws: `FileError` when the file cannot be read, is cut short, or is not what it claims.
  public init(reading path: String) throws(FileError) {
    let data = try AtomicFile.read(path)
    let (header, start) = try Self.header(of: data, path: path)
    try header.validate(payload: data.count - start, path: path)
    metadata = header.metadata
    tensors = [:]
    data.withUnsafeBytes { bytes in
      for (name, entry) in header.entries {
        guard let format = NumberFormat(rawValue: entry.dtype) else { continue }
        tensors[name] = Tensor(uninitialized: entry.shape) { numbers in
          format.decode(
            bytes.baseAddress! + start + entry.offsets[0], count: entry.shape.elementCount,
            to: numbers)
        }
      }
    }
  }

  /// Reads the notes of the file at `path`, and none of its tensors.
  public static func metadata(at path: String) throws(FileError) -> [String: String] {
    let start = try AtomicFile.read(path, limit: 9)
    let length = start.count < 8 ? 0 : headerLength(start)
    let limit = 8 + Int(min(length, UInt64(SafetensorsHeader.longest)))
    return try header(of: AtomicFile.read(path, limit: limit), path: path).0.metadata
  }

  private static func headerLength(_ data: Data) -> UInt64 {
    data.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Splits a file into its header and the place where the tensors' bytes start.
  static func header(of data: Data, path: String) throws(FileError) -> (SafetensorsHeader, Int) {
    guard data.count >= 8 else {
      throw FileError(
        path, .truncated, "has \(data.count) bytes, fewer than a safetensors file starts with",
        remedy: "fetch or write it again")
    }
    let length = headerLength(data)
    guard length >= 2, length <= SafetensorsHeader.longest else {
      throw FileError(
        path, .notSafetensors, "is not a safetensors file (a header of \(length) bytes)",
        remedy: "name a file of weights")
    }
    // The brace tells a cut file from one of another kind before its length is believed.
    guard data.count == 8 || data[data.startIndex + 8] == UInt8(ascii: "{") else {
      throw FileError(
        path, .notSafetensors, "is not a safetensors file (no header)",
        remedy: "name a file of weights")
    }
    let start = 8 + Int(length)
    guard data.count >= start else {
      throw FileError(
        path, .truncated, "ends within its header, at \(data.count) of at least \(start) bytes",
        remedy: "fetch or write it again")
    }
    let text = data.subdata(in: data.startIndex + 8..<data.startIndex + start)
    do {
      return (try JSONDecoder().decode(SafetensorsHeader.self, from: text), start)
    } catch {
      throw FileError(
        path, .malformed, "has a header that is not understood (\(Self.brief(error)))",
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

  /// Writes the tensors to `path`, in `format`, in the order of their names: whole or not at all.
  ///
  /// - Throws: `FileError` of kind `unwritable`.
  public func write(to path: String, format: NumberFormat = .float32) throws(FileError) {
    let names = tensors.keys.sorted()
    let header = headerText(names: names, format: format)
    try AtomicFile.write(to: path) { (writer) throws(FileError) in
      var length = UInt64(header.count).littleEndian
      try writer.write(Data(bytes: &length, count: 8))
      try writer.write(header)
      for name in names {
        guard let tensor = tensors[name] else { continue }
        try writer.write(Self.bytes(of: tensor, format: format))
      }
    }
  }

  private static func bytes(of tensor: Tensor, format: NumberFormat) -> Data {
    var data = Data(count: tensor.count * format.byteCount)
    if tensor.count == 0 { return data }
    data.withUnsafeMutableBytes { bytes in
      tensor.withElements { format.encode($0, count: tensor.count, to: bytes.baseAddress!) }
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
      guard let tensor = tensors[name] else { continue }
      let end = offset + tensor.count * format.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
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
