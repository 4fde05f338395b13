import Foundation

/// The MD5 digest of a stream of bytes (RFC 1321), which is how the archive of CIFAR-10 is known.
/// It guards against broken transfers, not against forgery.
public struct MD5: Sendable {
  private var state: SIMD4<UInt32> = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]
  private var pending: [UInt8] = []
  private var length: UInt64 = 0

  private static let shifts: [UInt32] = [
    7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21,
  ]
  private static let constants = (0..<64).map { UInt32(abs(sin(Double($0 + 1))) * 0x1p32) }

  /// Starts a digest.
  public init() {}

  /// The digest of `bytes`, in hexadecimal.
  public static func hex(of bytes: some Sequence<UInt8>) -> String {
    var digest = MD5()
    digest.update(Array(bytes))
    return digest.finish()
  }

  /// The digest of a file, in hexadecimal, or `nil` if it cannot be read.
  public static func hex(ofFile path: String) -> String? {
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    var digest = MD5()
    do {
      while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty {
        digest.update(Array(chunk))
      }
    } catch {
      return nil
    }
    return digest.finish()
  }

  /// Takes in more bytes.
  public mutating func update(_ bytes: [UInt8]) {
    length &+= UInt64(bytes.count)
    var start = 0
    if !pending.isEmpty {
      start = min(64 - pending.count, bytes.count)
      pending += bytes[..<start]
      if pending.count < 64 { return }
      unsafe pending.withUnsafeBytes { unsafe absorb($0, at: 0) }
      pending = []
    }
    unsafe bytes.withUnsafeBytes { buffer in
      while start + 64 <= buffer.count {
        unsafe absorb(buffer, at: start)
        start += 64
      }
    }
    pending = Array(bytes[start...])
  }

  /// Ends the stream and gives its digest in hexadecimal.
  public mutating func finish() -> String {
    let bits = length &* 8
    let zeros = (119 - pending.count % 64) % 64
    update([0x80] + [UInt8](repeating: 0, count: zeros))
    update((0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) })
    return (0..<4).map { word in
      (0..<4).map { String(format: "%02x", state[word] >> (8 * UInt32($0)) & 255) }.joined()
    }.joined()
  }

  private mutating func absorb(_ buffer: UnsafeRawBufferPointer, at start: Int) {
    var (a, b, c, d) = (state.x, state.y, state.z, state.w)
    unsafe Self.constants.withUnsafeBufferPointer { constants in
      unsafe Self.shifts.withUnsafeBufferPointer { shifts in
        for i in 0..<64 {
          var mixed: UInt32
          let place: Int
          switch i >> 4 {
          case 0: (mixed, place) = ((b & c) | (~b & d), i)
          case 1: (mixed, place) = ((d & b) | (~d & c), (5 * i + 1) & 15)
          case 2: (mixed, place) = (b ^ c ^ d, (3 * i + 5) & 15)
          default: (mixed, place) = (c ^ (b | ~d), (7 * i) & 15)
          }
          let word = unsafe buffer.loadUnaligned(fromByteOffset: start + 4 * place, as: UInt32.self)
          mixed = unsafe mixed &+ a &+ constants[i] &+ UInt32(littleEndian: word)
          let shift = unsafe shifts[(i >> 4) * 4 + (i & 3)]
          (a, d, c) = (d, c, b)
          b = b &+ ((mixed << shift) | (mixed >> (32 - shift)))
        }
      }
    }
    state = state &+ [a, b, c, d]
  }
}
