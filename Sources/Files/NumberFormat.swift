import Foundation

/// The format of numbers in a file: single precision, or one of the two 16-bit formats.
///
/// `float16` (IEEE 754) has 11 significant bits and reaches 65504; `bfloat16` has 8 and the range of
/// single precision. Weights for sampling
/// keep more of their value as `float16`.
public enum NumberFormat: String, Sendable, CaseIterable {
  /// IEEE 754 single precision.
  case float32 = "F32"
  /// IEEE 754 half precision.
  case float16 = "F16"
  /// The upper 16 bits of single precision.
  case bfloat16 = "BF16"

  /// The size of a number in bytes.
  public var byteCount: Int { self == .float32 ? 4 : 2 }

  /// Writes `count` numbers to `bytes`, little-endian, rounding to nearest, ties to even.
  public func encode(_ numbers: UnsafePointer<Float>, count: Int, to bytes: UnsafeMutableRawPointer)
  {
    func store(_ i: Int, _ word: UInt16) {
      unsafe bytes.storeBytes(of: word.littleEndian, toByteOffset: 2 * i, as: UInt16.self)
    }
    switch self {
    case .float32:
      for i in 0..<count {
        let bits = unsafe numbers[i].bitPattern.littleEndian
        unsafe bytes.storeBytes(of: bits, toByteOffset: 4 * i, as: UInt32.self)
      }
    case .float16: for i in 0..<count { unsafe store(i, Float16(numbers[i]).bitPattern) }
    case .bfloat16: for i in 0..<count { unsafe store(i, Self.bfloat16(numbers[i])) }
    }
  }

  /// Reads `count` numbers from `bytes`, which need not be aligned.
  public func decode(_ bytes: UnsafeRawPointer, count: Int, to numbers: UnsafeMutablePointer<Float>)
  {
    func word(_ i: Int) -> UInt16 {
      unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
    }
    switch self {
    case .float32:
      for i in 0..<count {
        let bits = unsafe bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
        unsafe numbers[i] = Float(bitPattern: UInt32(littleEndian: bits))
      }
    case .float16:
      for i in 0..<count { unsafe numbers[i] = Float(Float16(bitPattern: word(i))) }
    case .bfloat16:
      for i in 0..<count { unsafe numbers[i] = Float(bitPattern: UInt32(word(i)) << 16) }
    }
  }

  /// The upper half of the bits of `x`, rounded to nearest, ties to even.
  static func bfloat16(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    // Rounding could carry a NaN over to infinity: keep it quiet instead.
    if x.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16((bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
