import Foundation

/// Files that are written whole or not at all.
///
/// The bytes go to a neighbour of the file, which takes the file's name when everything is safely on
/// disk. Whoever opens the file meanwhile, or after a crash or on a full disk, finds the old content.
public enum AtomicFile {
  /// Takes the bytes of one file, in order.
  public struct Writer: ~Copyable {
    let descriptor: Int32
    let path: String

    /// Appends `bytes`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      var rest = bytes
      while !rest.isEmpty {
        let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { throw .system(path, .unwritable, "write") }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }

    /// Appends `data`.
    public func write(_ data: Data) throws(FileError) {
      var failure: FileError?
      data.withUnsafeBytes { bytes in
        do { try write(bytes) } catch let error as FileError { failure = error } catch {}
      }
      if let failure { throw failure }
    }
  }

  /// Writes what `body` produces to `path`, replacing a file of that name.
  ///
  /// - Throws: `FileError` of kind `unwritable`, or what `body` throws; nothing is left behind.
  public static func write(
    to path: String, _ body: (borrowing Writer) throws(FileError) -> Void
  ) throws(FileError) {
    let neighbour = "\(path).partial-\(ProcessInfo.processInfo.processIdentifier)"
    let descriptor = open(neighbour, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw .system(path, .unwritable, "write") }
    do throws(FileError) {
      try body(Writer(descriptor: descriptor, path: path))
      guard fsync(descriptor) == 0 else { throw .system(path, .unwritable, "write") }
    } catch {
      close(descriptor)
      unlink(neighbour)
      throw error
    }
    guard close(descriptor) == 0, rename(neighbour, path) == 0 else {
      let failure = FileError.system(path, .unwritable, "write")
      unlink(neighbour)
      throw failure
    }
  }

  /// Writes `data` to `path`, replacing a file of that name.
  public static func write(_ data: Data, to path: String) throws(FileError) {
    try write(to: path) { (writer) throws(FileError) in try writer.write(data) }
  }

  /// Reads the file at `path`, or its first `limit` bytes.
  public static func read(_ path: String, limit: Int = .max) throws(FileError) -> Data {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw .system(path, .unreadable, "read") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(path, .unreadable, "read") }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw FileError(path, .unreadable, "is a folder", remedy: "name a file in it")
    }
    do {
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
      let content = limit == .max ? try handle.readToEnd() : try handle.read(upToCount: limit)
      return content ?? Data()
    } catch {
      throw FileError(path, .unreadable, "cannot read: \(error)", remedy: "check the disk")
    }
  }
}
