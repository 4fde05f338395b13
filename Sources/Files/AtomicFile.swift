import Foundation

/// Writes files whole or not at all.
///
/// The bytes go to a temporary file beside the target, which takes the target's name once
/// everything is on disk. A reader in the meantime, or after a crash or on a full disk, finds the
/// old content.
public enum AtomicFile {
  /// Appends bytes to a file that is being written.
  public struct Writer: ~Copyable {
    let descriptor: Int32
    let path: String

    /// Appends `bytes`.
    ///
    /// - Throws: a failure of kind `unwritable`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
      var rest = unsafe bytes
      while unsafe !rest.isEmpty {
        let written = unsafe Foundation.write(descriptor, rest.baseAddress, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { throw .writing(path) }
        unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }

    /// Appends `data`.
    ///
    /// - Throws: a failure of kind `unwritable`.
    public func write(_ data: Data) throws(Failure) {
      var failure: Failure?
      unsafe data.withUnsafeBytes { bytes in
        do { try unsafe write(bytes) } catch let error as Failure { failure = error } catch {}
      }
      if let failure { throw failure }
    }
  }

  /// Writes what `body` produces to `path`, replacing a file of that name.
  ///
  /// - Throws: a failure of kind `unwritable`, or what `body` throws; nothing is left behind.
  public static func write(
    to path: String, _ body: (borrowing Writer) throws(Failure) -> Void
  ) throws(Failure) {
    guard !isFolder(path) else { throw .writing(path, code: EISDIR) }
    let number = UInt32.random(in: .min ... .max)
    let partial = "\(path).partial-\(ProcessInfo.processInfo.processIdentifier)-\(number)"
    let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .writing(path) }
    do throws(Failure) {
      try body(Writer(descriptor: descriptor, path: path))
      guard fsync(descriptor) == 0 else { throw .writing(path) }
    } catch {
      close(descriptor)
      unsafe unlink(partial)
      throw error
    }
    guard close(descriptor) == 0, unsafe rename(partial, path) == 0 else {
      let failure = Failure.writing(path)
      unsafe unlink(partial)
      throw failure
    }
  }

  /// Writes `data` to `path`, replacing a file of that name.
  ///
  /// - Throws: a failure of kind `unwritable`; the old file is then untouched.
  public static func write(_ data: Data, to path: String) throws(Failure) {
    try write(to: path) { (writer) throws(Failure) in try writer.write(data) }
  }

  /// Writes `text` as UTF-8 to `path`, replacing a file of that name.
  ///
  /// - Throws: a failure of kind `unwritable`; the old file is then untouched.
  public static func write(_ text: String, to path: String) throws(Failure) {
    try write(Data(text.utf8), to: path)
  }

  /// Replaces `path` by a file that `body` writes under a name of the same extension beside it.
  ///
  /// - Throws: a failure of kind `unwritable`, or what `body` throws; nothing is left behind.
  /// - Returns: what `body` returns.
  public static func replace<Result>(
    _ path: String, by body: (_ partialPath: String) throws -> Result
  ) throws -> Result {
    let url = URL(fileURLWithPath: path)
    let partial = url.deletingLastPathComponent()
      .appendingPathComponent(".partial-\(getpid())-\(url.lastPathComponent)").path
    defer { unsafe unlink(partial) }
    let result = try body(partial)
    guard unsafe rename(partial, path) == 0 else { throw Failure.writing(path) }
    return result
  }

  /// Reads the file at `path`, or its first `limit` bytes.
  ///
  /// - Throws: a failure of kind `unreadable`.
  public static func read(_ path: String, limit: Int = .max) throws(Failure) -> Data {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .reading(path) }
    defer { close(descriptor) }
    guard !isFolder(path) else {
      throw Failure(path, .unreadable, "is a folder", remedy: "name a file in it")
    }
    do {
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
      let content = limit == .max ? try handle.readToEnd() : try handle.read(upToCount: limit)
      return content ?? Data()
    } catch {
      throw Failure(path, .unreadable, "cannot be read: \(error)", remedy: "check the disk")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
