import Files

extension Animation {
  /// Returns the animation as the bytes of a GIF file (version 89a).
  ///
  /// All frames share one table of 255 colors; each frame stores only the rectangle that differs
  /// from the frame before, and what is the same within it is transparent.
  public func gif() throws(Failure) -> [UInt8] {
    try checkFrames(limit: 65535)
    var table = ColorTable(of: frames)
    var writer = GIFWriter(
      width: frames[0].width, height: frames[0].height, colors: table.colors)
    if loops { writer.appendLoop() }
    var shown: [UInt8]?
    for (index, frame) in frames.enumerated() {
      let pixels = table.indices(of: frame)
      writer.append(pixels, over: shown, hundredths: hundredths(index))
      shown = pixels
    }
    return writer.finished()
  }
}

/// Puts a GIF file together, block by block.
struct GIFWriter {
  private var bytes: [UInt8]
  private let width: Int
  private let height: Int
  private let bits: Int
  private let transparent: UInt8

  /// Starts a file with its color table; one more color than these is the transparent one.
  init(width: Int, height: Int, colors: [UInt32]) {
    self.width = width
    self.height = height
    var bits = 2
    while 1 << bits < colors.count + 1 { bits += 1 }
    self.bits = bits
    transparent = UInt8(colors.count)
    bytes = Array("GIF89a".utf8)
    append16(width)
    append16(height)
    bytes += [UInt8(0x80 | 0x70 | (bits - 1)), 0, 0]
    for i in 0..<1 << bits {
      let color = i < colors.count ? colors[i] : 0
      bytes += [UInt8(color >> 16), UInt8(color >> 8 & 255), UInt8(color & 255)]
    }
  }

  private mutating func append16(_ value: Int) {
    bytes += [UInt8(value & 255), UInt8(value >> 8)]
  }

  /// Says that the animation never ends.
  mutating func appendLoop() {
    bytes += [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, 0, 0, 0]
  }

  /// Adds a frame over the one that is shown.
  mutating func append(_ pixels: [UInt8], over shown: [UInt8]?, hundredths: Int) {
    let box = changed(pixels, shown)
    bytes += [0x21, 0xF9, 4, UInt8(1 << 2 | (shown == nil ? 0 : 1))]
    append16(hundredths)
    bytes += [transparent, 0]
    bytes.append(0x2C)
    for value in [box.x.lowerBound, box.y.lowerBound, box.x.count, box.y.count] {
      append16(value)
    }
    bytes.append(0)
    var part: [UInt8] = []
    part.reserveCapacity(box.x.count * box.y.count)
    for y in box.y {
      for i in y * width + box.x.lowerBound..<y * width + box.x.upperBound {
        part.append(shown.map { $0[i] == pixels[i] } ?? false ? transparent : pixels[i])
      }
    }
    bytes.append(UInt8(bits))
    appendBlocks(LZW.compressed(part, bits: bits))
  }

  // A frame needs at least one pixel, even when nothing has changed.
  private func changed(
    _ pixels: [UInt8], _ shown: [UInt8]?
  ) -> (x: Range<Int>, y: Range<Int>) {
    guard let shown else { return (0..<width, 0..<height) }
    var (left, right, top, bottom) = (width, -1, height, -1)
    for y in 0..<height {
      for x in 0..<width where pixels[y * width + x] != shown[y * width + x] {
        (left, right) = (min(left, x), max(right, x))
        (top, bottom) = (min(top, y), max(bottom, y))
      }
    }
    return right < 0 ? (0..<1, 0..<1) : (left..<right + 1, top..<bottom + 1)
  }

  private mutating func appendBlocks(_ data: [UInt8]) {
    for start in stride(from: 0, to: data.count, by: 255) {
      let block = data[start..<min(start + 255, data.count)]
      bytes.append(UInt8(block.count))
      bytes += block
    }
    bytes.append(0)
  }

  /// Ends the file and returns it.
  mutating func finished() -> [UInt8] {
    bytes.append(0x3B)
    return bytes
  }
}

/// Welch's compression (1984) with codes of growing length, as GIF uses it.
enum LZW {
  /// Returns the codes of symbols below `1 << bits`, packed from the lowest bit on.
  static func compressed(_ symbols: [UInt8], bits: Int) -> [UInt8] {
    let clear = 1 << bits
    var packer = BitPacker()
    var table = StringTable()
    var next = clear + 2
    var length = bits + 1
    packer.append(clear, length)
    guard var prefix = symbols.first.map({ Int($0) }) else {
      packer.append(clear + 1, length)
      return packer.finished()
    }
    for symbol in symbols.dropFirst() {
      if let code = table.code(prefix, symbol) {
        prefix = code
        continue
      }
      packer.append(prefix, length)
      if next < 4096 {
        table.insert(prefix, symbol, code: next)
        if next == 1 << length { length += 1 }
        next += 1
      } else {
        packer.append(clear, length)
        table = StringTable()
        next = clear + 2
        length = bits + 1
      }
      prefix = Int(symbol)
    }
    packer.append(prefix, length)
    // The reader has entered one more string by now, which may have made its codes longer.
    if next == 1 << length && length < 12 { length += 1 }
    packer.append(clear + 1, length)
    return packer.finished()
  }

  /// The codes of all strings so far: a string is a known string and one more symbol.
  private struct StringTable {
    private static let size = 1 << 14
    private var keys = [Int32](repeating: -1, count: size)
    private var codes = [Int16](repeating: 0, count: size)

    private func slot(_ key: Int32) -> Int {
      var i = Int((UInt32(bitPattern: key) &* 2_654_435_761) >> 18)
      while keys[i] != key && keys[i] >= 0 { i = (i + 1) & (StringTable.size - 1) }
      return i
    }

    func code(_ prefix: Int, _ symbol: UInt8) -> Int? {
      let key = Int32(prefix << 8 | Int(symbol))
      let i = slot(key)
      return keys[i] == key ? Int(codes[i]) : nil
    }

    mutating func insert(_ prefix: Int, _ symbol: UInt8, code: Int) {
      let key = Int32(prefix << 8 | Int(symbol))
      let i = slot(key)
      keys[i] = key
      codes[i] = Int16(code)
    }
  }

  private struct BitPacker {
    private var bytes: [UInt8] = []
    private var pending: UInt32 = 0
    private var count = 0

    mutating func append(_ code: Int, _ length: Int) {
      pending |= UInt32(code) << UInt32(count)
      count += length
      while count >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: pending))
        pending >>= 8
        count -= 8
      }
    }

    mutating func finished() -> [UInt8] {
      if count > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
      return bytes
    }
  }
}
