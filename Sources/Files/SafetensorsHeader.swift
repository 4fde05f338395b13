import Foundation

/// The JSON at the start of a safetensors file.
struct SafetensorsHeader: Decodable {
  /// One array: its number format, its extents and where its bytes begin and end.
  struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]
    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  /// The longest header that readers of the format accept, in bytes.
  static let longest = 100_000_000

  var entries: [String: Entry] = [:]
  var metadata: [String: String] = [:]

  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Name.self)
    for key in fields.allKeys {
      if key.stringValue == "__metadata__" {
        metadata = try fields.decode([String: String].self, forKey: key)
      } else {
        entries[key.stringValue] = try fields.decode(Entry.self, forKey: key)
      }
    }
  }

  /// Checks that the entries tile the `payload` bytes after the header, each with as many bytes as
  /// its shape needs.
  func validate(payload: Int, path: String) throws(Failure) {
    var expected = 0
    for (name, entry) in entries.sorted(by: Self.position) {
      let size = try Self.byteCount(of: entry, name: name, path: path)
      guard entry.offsets.count == 2, entry.offsets[0] == expected,
        entry.offsets[1] >= expected, entry.offsets[1] - expected == size
      else {
        throw Failure(
          path, .malformed,
          "claims bytes \(entry.offsets) for \(name), which takes \(size) from \(expected) on",
          remedy: "fetch or write it again")
      }
      expected = entry.offsets[1]
    }
    guard payload >= expected else {
      throw Failure(
        path, .truncated, "is cut short: \(payload) of \(expected) bytes of tensors",
        remedy: "fetch or write it again")
    }
    guard payload == expected else {
      throw Failure(
        path, .malformed, "has \(payload - expected) bytes after its last tensor",
        remedy: "fetch or write it again")
    }
  }

  private static func position(
    _ a: (key: String, value: Entry), _ b: (key: String, value: Entry)
  ) -> Bool {
    let (first, second) = (a.value.offsets, b.value.offsets)
    return first == second ? a.key < b.key : first.lexicographicallyPrecedes(second)
  }

  /// The size that a shape implies, refusing extents that no memory could hold.
  private static func byteCount(
    of entry: Entry, name: String, path: String
  ) throws(Failure) -> Int {
    guard let format = NumberFormat(rawValue: entry.dtype) else {
      let known = NumberFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure(
        path, .unsupportedNumbers, "keeps \(name) as \(entry.dtype)",
        remedy: "convert it to one of \(known)")
    }
    var size = format.byteCount
    for extent in entry.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else {
        throw Failure(
          path, .malformed, "claims the shape \(entry.shape) for \(name)",
          remedy: "fetch or write it again")
      }
      size = product
    }
    return size
  }
}
