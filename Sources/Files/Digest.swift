/// A 64-bit digest of texts and numbers: FNV-1a (Fowler, Noll and Vo), the same in every run.
///
/// It distinguishes contents so that stale files are noticed and streams of random numbers are
/// named. It does not guard against forgery.
public struct Digest: Sendable, Equatable {
  @usableFromInline var state: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The digest of what was added so far.
  public var value: UInt64 { state }

  /// Starts a digest.
  public init() {}

  /// Creates the digest of a text's bytes in UTF-8.
  public init(of text: String) { add(text) }

  /// Adds the bytes of `text` in UTF-8.
  public mutating func add(_ text: String) { add(bytes: text.utf8) }

  /// Adds `bytes`.
  public mutating func add(bytes: some Sequence<UInt8>) {
    let isDone: Void? = bytes.withContiguousStorageIfAvailable { buffer in
      for i in buffer.indices { unsafe add(word: UInt64(buffer[i])) }
    }
    if isDone == nil { for byte in bytes { add(word: UInt64(byte)) } }
  }

  /// Adds a word as one step, where a byte takes one too: for long arrays of numbers.
  @inlinable public mutating func add(word: UInt64) {
    state = (state ^ word) &* 0x100_0000_01b3
  }

  /// The digest as 16 hexadecimal digits.
  public var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
