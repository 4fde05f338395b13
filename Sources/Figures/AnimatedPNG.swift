import Files

extension Animation {
  /// Returns the animation as the bytes of an animated PNG file; viewers that do not know these
  /// show the first frame.
  public func animatedPNG() throws(Failure) -> [UInt8] {
    try checkFrames(limit: 32767)
    var bytes = PNGChunk.signature
    var sequence: UInt32 = 0
    for (index, frame) in frames.enumerated() {
      let chunks = PNGChunk.chunks(of: try frame.png())
      if index == 0 {
        for chunk in chunks where chunk.type == "IHDR" { bytes += chunk.bytes }
        bytes +=
          PNGChunk(
            type: "acTL", data: big(UInt32(frames.count)) + big(UInt32(loops ? 0 : 1))
          ).bytes
      }
      bytes += control(index, sequence).bytes
      sequence += 1
      for chunk in chunks where chunk.type == "IDAT" {
        guard index > 0 else {
          bytes += chunk.bytes
          continue
        }
        bytes += PNGChunk(type: "fdAT", data: big(sequence) + chunk.data).bytes
        sequence += 1
      }
    }
    return bytes + PNGChunk(type: "IEND", data: []).bytes
  }

  // Size and place of a frame, its delay as a fraction, and that it replaces what is shown.
  private func control(_ index: Int, _ sequence: UInt32) -> PNGChunk {
    var data = big(sequence)
    data += big(UInt32(frames[index].width)) + big(UInt32(frames[index].height))
    data += big(0) + big(0)
    let hundredths = UInt16(hundredths(index))
    data += [UInt8(hundredths >> 8), UInt8(hundredths & 255), 0, 100, 0, 0]
    return PNGChunk(type: "fcTL", data: data)
  }
}

/// A piece of a PNG file.
struct PNGChunk {
  var type: String
  var data: [UInt8]

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Returns the pieces of a whole file.
  static func chunks(of file: [UInt8]) -> [PNGChunk] {
    var chunks: [PNGChunk] = []
    var i = signature.count
    while i + 12 <= file.count {
      let length = file[i..<i + 4].reduce(0) { $0 << 8 | Int($1) }
      guard i + 12 + length <= file.count else { break }
      chunks.append(
        PNGChunk(
          type: String(decoding: file[i + 4..<i + 8], as: UTF8.self),
          data: Array(file[i + 8..<i + 8 + length])))
      i += 12 + length
    }
    return chunks
  }

  var bytes: [UInt8] {
    let body = Array(type.utf8) + data
    return big(UInt32(data.count)) + body + big(PNGChunk.check(body))
  }

  /// Returns the cyclic redundancy check of PNG: the polynomial of Ethernet, reflected.
  static func check(_ bytes: [UInt8]) -> UInt32 {
    var remainder: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      remainder = remainder >> 8 ^ table[Int((remainder ^ UInt32(byte)) & 255)]
    }
    return ~remainder
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
    }
  }
}

private func big(_ value: UInt32) -> [UInt8] {
  [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
}
