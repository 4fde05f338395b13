import Foundation

@testable import Figures

/// Reads animated GIF files as viewers do, written from the format's description to check the
/// writer against.
struct GIFReader {
  private(set) var pictures: [Picture] = []
  private(set) var hundredths: [Int] = []
  private(set) var loops = false

  struct Malformed: Error { var reason: String }

  private let bytes: [UInt8]
  private var position = 0
  private var transparent: Int?
  private var colors: [(UInt8, UInt8, UInt8)] = []

  init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    guard String(decoding: try take(6), as: UTF8.self) == "GIF89a" else {
      throw Malformed(reason: "signature")
    }
    let (width, height) = (try take16(), try take16())
    let flags = try take(1)[0]
    _ = try take(2)
    colors = try (0..<2 << Int(flags & 7)).map { _ in
      let c = try take(3)
      return (c[0], c[1], c[2])
    }
    var screen = Picture(width: width, height: height)
    while true {
      switch try take(1)[0] {
      case 0x21: try readExtension()
      case 0x2C: try readImage(&screen)
      case 0x3B:
        guard position == bytes.count else { throw Malformed(reason: "bytes after the end") }
        return
      default: throw Malformed(reason: "unknown block")
      }
    }
  }

  private mutating func take(_ count: Int) throws -> [UInt8] {
    guard position + count <= bytes.count else { throw Malformed(reason: "too short") }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  private mutating func take16() throws -> Int {
    let pair = try take(2)
    return Int(pair[0]) | Int(pair[1]) << 8
  }

  private mutating func takeBlocks() throws -> [UInt8] {
    var data: [UInt8] = []
    while case let length = Int(try take(1)[0]), length > 0 { data += try take(length) }
    return data
  }

  private mutating func readExtension() throws {
    let kind = try take(1)[0]
    let data = try takeBlocks()
    if kind == 0xF9 {
      transparent = data[0] & 1 == 1 ? Int(data[3]) : nil
      hundredths.append(Int(data[1]) | Int(data[2]) << 8)
    } else if kind == 0xFF {
      loops = data.starts(with: Array("NETSCAPE2.0".utf8))
    }
  }

  private mutating func readImage(_ screen: inout Picture) throws {
    let (left, top) = (try take16(), try take16())
    let (width, height) = (try take16(), try take16())
    guard try take(1)[0] == 0 else { throw Malformed(reason: "local colors or interlaced") }
    let bits = Int(try take(1)[0])
    let pixels = try GIFReader.expanded(try takeBlocks(), bits: bits)
    guard pixels.count == width * height else { throw Malformed(reason: "\(pixels.count) pixels") }
    for (i, index) in pixels.enumerated() where Int(index) != transparent {
      let color = colors[Int(index)]
      screen[left + i % width, top + i / width] = (color.0, color.1, color.2)
    }
    pictures.append(screen)
  }

  /// Undoes the compression, keeping all strings as they are.
  static func expanded(_ data: [UInt8], bits: Int) throws -> [UInt8] {
    let clear = 1 << bits
    var strings: [[UInt8]] = []
    var length = bits + 1
    var previous: [UInt8]?
    var result: [UInt8] = []
    var bit = 0
    while true {
      guard bit + length <= 8 * data.count else { throw Malformed(reason: "no end code") }
      let code = (0..<length).reduce(0) { sum, k in
        sum | Int(data[(bit + k) / 8] >> UInt8((bit + k) % 8) & 1) << k
      }
      bit += length
      if code == clear + 1 { return result }
      if code == clear {
        strings = (0..<clear).map { [UInt8($0)] } + [[], []]
        length = bits + 1
        previous = nil
        continue
      }
      let isKnown = code < strings.count
      guard isKnown || (code == strings.count && previous != nil) else {
        throw Malformed(reason: "code \(code) of \(strings.count)")
      }
      let string = isKnown ? strings[code] : previous! + [previous![0]]
      result += string
      if let previous, strings.count < 4096 { strings.append(previous + [string[0]]) }
      if strings.count == 1 << length && length < 12 { length += 1 }
      previous = string
    }
  }
}
