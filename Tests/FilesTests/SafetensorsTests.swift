import Foundation
import TestSupport
import Testing

@testable import Files

private let sample = Safetensors(
  entries: [
    "b.weight": .init(shape: [2, 3], values: [1, -2, 3.5, 1e-20, 6e4, -0.0]),
    "a \"quoted\" / ε": .init(shape: [], values: [7]),
    "empty": .init(shape: [0, 4], values: []),
  ], metadata: ["format": "pt", "note": "line\nbreak"])

@Test func whatIsWrittenInSinglePrecisionIsReadBackBitForBit() throws {
  try withTemporaryFolder { folder in
    try sample.write(to: "\(folder)/a.safetensors")
    let copy = try Safetensors(reading: "\(folder)/a.safetensors")
    #expect(copy.metadata == sample.metadata)
    #expect(copy.entries.keys.sorted() == sample.entries.keys.sorted())
    for (name, entry) in sample.entries {
      #expect(copy.entries[name]?.shape == entry.shape)
      #expect(copy.entries[name]?.values.map(\.bitPattern) == entry.values.map(\.bitPattern))
    }
    #expect(try Safetensors.metadata(at: "\(folder)/a.safetensors") == sample.metadata)
  }
}

@Test func aFileIsItsHeadersLengthItsHeaderAndItsNumbers() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/one.safetensors"
    try Safetensors(entries: ["x": .init(shape: [2], values: [1, -2])]).write(to: path)
    let header = #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let padded = header.padding(toLength: (header.count + 7) / 8 * 8, withPad: " ", startingAt: 0)
    var bytes: [UInt8] = [UInt8(padded.count), 0, 0, 0, 0, 0, 0, 0]
    bytes += Array(padded.utf8) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
    #expect([UInt8](try AtomicFile.read(path)) == bytes)
  }
}

@Test(arguments: [NumberFormat.float16, .bfloat16])
func sixteenBitsKeepNumbersToHalfTheirLastDigit(format: NumberFormat) throws {
  let numbers = (0..<1000).map { Float(sin(Double($0))) * 100 }
  let precision: Float = format == .float16 ? 0x1p-11 : 0x1p-8
  try withTemporaryFolder { folder in
    let path = "\(folder)/half.safetensors"
    try Safetensors(entries: ["x": .init(shape: [1000], values: numbers)])
      .write(to: path, format: format)
    let copy = try #require(try Safetensors(reading: path).entries["x"]).values
    for (kept, number) in zip(copy, numbers) {
      #expect(abs(kept - number) <= abs(number) * precision)
    }
    #expect(zip(copy, numbers).contains { $0 != $1 })
  }
}

@Test func bfloat16RoundsTiesToEvenAndKeepsInfinityAndNaN() {
  func rounded(_ x: Float) -> Float {
    Float(bitPattern: UInt32(NumberFormat.bfloat16(x)) << 16)
  }
  #expect(rounded(1 + 0x1p-8) == 1)
  #expect(rounded(1 + 3 * 0x1p-8) == 1 + 0x1p-6)
  #expect(rounded(1 + 0x1p-8 + 0x1p-20) == 1 + 0x1p-7)
  #expect(rounded(-.infinity) == -.infinity)
  #expect(rounded(.greatestFiniteMagnitude) == .infinity)
  #expect(rounded(.nan).isNaN)
  #expect(rounded(Float(bitPattern: 0x7F80_0001)).isNaN)
}

// MARK: - Files that are not what they claim

private func file(_ header: String, numbers: Int = 0, length: Int? = nil) -> Data {
  var count = UInt64(length ?? header.utf8.count).littleEndian
  return Data(bytes: &count, count: 8) + Data(header.utf8) + Data(count: numbers)
}

private func entry(_ shape: String, _ begin: Int, _ end: Int, dtype: String = "F32") -> String {
  #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
}

private let brokenFiles: [(what: String, data: Data, kind: Failure.Kind)] = [
  ("empty", Data(), .truncated),
  ("five bytes", Data([1, 2, 3, 4, 5]), .truncated),
  ("a header cut short", file("{", length: 500), .truncated),
  ("numbers cut short", file(#"{"x":\#(entry("[4]", 0, 16))}"#, numbers: 15), .truncated),
  ("an image", Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0]), .notSafetensors),
  ("text", Data("epoch,loss\n1,0.5\n".utf8), .notSafetensors),
  ("a small length before something else", file("hello, world"), .notSafetensors),
  ("broken JSON", file(#"{"x":"#), .malformed),
  ("JSON of other things", file(#"{"x":[1,2]}"#), .malformed),
  ("a negative extent", file(#"{"x":\#(entry("[-1]", 0, 4))}"#, numbers: 4), .malformed),
  (
    "extents beyond any memory",
    file(#"{"x":\#(entry("[4611686018427387904,4611686018427387904]", 0, 0))}"#), .malformed
  ),
  ("a size unlike the shape", file(#"{"x":\#(entry("[3]", 0, 8))}"#, numbers: 8), .malformed),
  (
    "overlapping tensors",
    file(#"{"x":\#(entry("[2]", 0, 8)),"y":\#(entry("[2]", 4, 12))}"#, numbers: 12), .malformed
  ),
  ("bytes that belong to none", file(#"{"x":\#(entry("[1]", 0, 4))}"#, numbers: 8), .malformed),
  (
    "whole numbers", file(#"{"x":\#(entry("[1]", 0, 8, dtype: "I64"))}"#, numbers: 8),
    .unsupportedNumbers
  ),
]

@Test(arguments: brokenFiles.indices)
func aBrokenFileIsRefusedInOneLineThatNamesIt(index: Int) throws {
  let broken = brokenFiles[index]
  try withTemporaryFolder { folder in
    let path = "\(folder)/weights.safetensors"
    try broken.data.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: Failure.self, "\(broken.what)") {
      try Safetensors(reading: path)
    }
    #expect(error?.kind == broken.kind, "\(broken.what): \(error?.description ?? "")")
    #expect(error?.description.hasPrefix("\(path): ") == true)
    #expect(error?.description.contains("\n") == false)
  }
}

@Test func aMissingFileAndAFolderAreRefused() throws {
  try withTemporaryFolder { folder in
    #expect(throws: Failure.self) { try Safetensors(reading: "\(folder)/none") }
    #expect(throws: Failure.self) { try Safetensors(reading: folder) }
  }
}

// MARK: - Whole or not at all

@Test func aFailedWriteLeavesTheOldFileAndNothingElse() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/file"
    try AtomicFile.write(Data("old".utf8), to: path)
    #expect(throws: Failure.self) {
      try AtomicFile.write(to: path) { (writer) throws(Failure) in
        try writer.write(Data("new".utf8))
        throw Failure(path, .unwritable, "stops here", remedy: "nothing")
      }
    }
    #expect(try AtomicFile.read(path) == Data("old".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
  }
}

@Test func aFullDiskIsReportedWithARemedy() throws {
  let descriptor = open("/dev/full", O_WRONLY)
  try #require(descriptor >= 0)
  defer { close(descriptor) }
  let error = #expect(throws: Failure.self) {
    try AtomicFile.Writer(descriptor: descriptor, path: "out.safetensors").write(Data(count: 9))
  }
  #expect(error?.kind == .unwritable)
  #expect(error?.description.contains("free some space") == true)
}

@Test func aFolderThatDoesNotExistIsReported() throws {
  try withTemporaryFolder { folder in
    let error = #expect(throws: Failure.self) {
      try sample.write(to: "\(folder)/no/such/folder.safetensors")
    }
    #expect(error?.kind == .unwritable)
  }
}
